"""Make the demo plate: NASA's portrait of Eileen Collins under a moving camera, as a film scan would come in.

Run ``python tools/demo_plate.py`` in the project's root: it writes shots/demo/plate/demo.1001.exr to demo.1048.exr,
and keeps the frames that exist already. The photograph ships inside scikit-image and is in the public
domain. The files are written with OpenEXR directly, not with vfxage, so that the plate is nothing of our own making.
"""

from __future__ import annotations

import argparse
import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import OpenEXR
from numpy.typing import NDArray
from skimage.data import astronaut

from vfxage.publish import publish

F32 = NDArray[np.float32]

WIDTH, HEIGHT = 1280, 720
FIRST, LAST = 1001, 1048
NUMBERS = range(FIRST, LAST + 1)
RATE = Fraction(24000, 1001)
FOLDER = Path(__file__).resolve().parents[1] / "shots" / "demo" / "plate"
FINGERPRINT = "demoPlate"
"""Header attribute that names the recipe; frames that carry it are not made again."""

_OVERSAMPLE = 4
"""The photograph is enlarged once by this factor: OpenCV's warp rounds positions to 1/32 of a pixel of its source."""
_REC709 = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pose:
    """The camera's position at one moment: a similarity from the photograph to the frame."""

    x: float
    """Photograph pixels (centres at +0.5), shown at the frame's centre."""
    y: float
    zoom: float
    """Frame pixels per photograph pixel."""
    roll: float
    """Radians, clockwise on the screen."""

    def to_photo(self) -> NDArray[np.float64]:
        """Return the (2, 3) transform from frame pixels to photograph pixels, both with centres at +0.5."""
        cos, sin = math.cos(self.roll) / self.zoom, math.sin(self.roll) / self.zoom
        rotation = np.array([[cos, sin], [-sin, cos]])
        offset = np.array([self.x, self.y]) - rotation @ np.array([WIDTH / 2, HEIGHT / 2])
        return np.column_stack([rotation, offset])


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """A slow push in on the face with a hand-held camera."""

    seed: int = 1999
    """Random seed of the camera shake and the grain."""
    wide: Pose = Pose(x=260.0, y=138.0, zoom=2.85, roll=-0.014)
    close: Pose = Pose(x=228.0, y=124.0, zoom=3.4, roll=0.018)
    tremor: float = 1.1
    """Photograph pixels, standard deviation on either axis."""
    shutter: float = 0.5
    """Share of the frame's time the shutter is open: 180 degrees."""
    samples: int = 4
    """Moments averaged while the shutter is open."""

    def pose(self, time: float) -> Pose:
        """Return the pose at ``time`` frames after the first; smooth in time, defined between frames."""
        share = min(max(time / (LAST - FIRST), 0.0), 1.0)
        ease = share * share * (3.0 - 2.0 * share)
        dx, dy, turn = (self._hand(time, axis) for axis in range(3))
        blend = {name: (1 - ease) * getattr(self.wide, name) + ease * getattr(self.close, name) for name in "xy"}
        return Pose(
            x=blend["x"] + self.tremor * dx,
            y=blend["y"] + self.tremor * dy,
            zoom=self.wide.zoom * (self.close.zoom / self.wide.zoom) ** ease,
            roll=(1 - ease) * self.wide.roll + ease * self.close.roll + 0.0025 * turn,
        )

    def _hand(self, time: float, axis: int) -> float:
        """Sum waves of 0.4 to 7 Hz whose amplitude falls with frequency: unit variance, no jump anywhere."""
        waves = np.random.default_rng([self.seed, axis])
        hertz = np.geomspace(0.4, 7.0, 9) * waves.uniform(0.9, 1.1, 9)
        weight = 1.0 / hertz
        phase = waves.uniform(0.0, 2.0 * math.pi, 9)
        wave = weight @ np.sin(2.0 * math.pi * hertz * time / float(RATE) + phase)
        return float(wave * math.sqrt(2.0 / float(weight @ weight)))


CAMERA = Camera()


def photograph() -> NDArray[np.uint8]:
    """Return the portrait as it ships in scikit-image's wheel: (512, 512, 3) sRGB code values."""
    return np.asarray(astronaut(), dtype=np.uint8)  # type: ignore[no-untyped-call]


def scene() -> F32:
    """Return the photograph as a scene: (2048, 2048, 3) linear Rec.709, highlights past 1.

    Enlarged by a Lanczos filter in the photograph's own encoding, where its ripple is least seen, then made linear by
    the sRGB curve (IEC 61966-2-1). The highlights that the print clipped are extended: whites rise smoothly to 3.
    """
    code = photograph().astype(np.float32) / np.float32(255)
    code = cv2.resize(code, None, fx=_OVERSAMPLE, fy=_OVERSAMPLE, interpolation=cv2.INTER_LANCZOS4).clip(0, 1)
    linear = np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)
    white = ((linear.min(axis=2, keepdims=True) - 0.8) / 0.2).clip(0, 1)
    return np.ascontiguousarray(linear * (1 + 2 * white**2), dtype=np.float32)


def exposure(source: F32, time: float, camera: Camera = CAMERA) -> F32:
    """Return the exposure of the film from ``time`` on while the shutter is open: (720, 1280, 3) linear, without grain.

    The source holds no detail finer than a photograph's pixel, which covers nearly three of the frame's: the warp only
    ever enlarges that detail, so that cubic sampling does not alias.
    """
    total = np.zeros((HEIGHT, WIDTH, 3), dtype=np.float32)
    for sample in range(camera.samples):
        moment = time + camera.shutter * (sample + 0.5) / camera.samples
        matrix = camera.pose(moment).to_photo() * _OVERSAMPLE
        matrix[:, 2] += matrix[:, :2] @ [0.5, 0.5] - 0.5  # OpenCV's pixel centres are whole numbers
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        total += cv2.warpAffine(source, matrix, (WIDTH, HEIGHT), flags=flags, borderMode=cv2.BORDER_REFLECT_101)
    return np.maximum(total / np.float32(camera.samples), 0)


def grain(light: F32, number: int, seed: int = CAMERA.seed) -> F32:
    """Return frame ``number``'s grain for ``light``: zero mean, about 3 % at mid grey, softer than a pixel.

    Its deviation follows the square root of the light, like the count of developed crystals, over a floor for the
    scanner. The three layers of the emulsion share most of it.
    """
    crystals = np.random.default_rng([seed, number]).standard_normal((*light.shape[:2], 4), dtype=np.float32)
    noise = np.asarray(cv2.GaussianBlur(crystals, (0, 0), 0.6), dtype=np.float32)
    noise /= noise.std()
    layers = 0.8 * noise[..., 3:] + 0.6 * noise[..., :3]
    return np.asarray(layers * np.sqrt(0.0008**2 + 0.00016 * light), dtype=np.float32)


def timecode(number: int) -> tuple[int, int, int, int]:
    """Return (hours, minutes, seconds, frames) of a frame: 24 counts a second, none dropped, 1001 is 01:00:00:00."""
    seconds, frames = divmod(number - FIRST, 24)
    return 1 + seconds // 3600, seconds // 60 % 60, seconds % 60, frames


def recipe() -> str:
    """Name everything the frames follow from: the photograph, the camera and this program."""
    parts = (photograph().tobytes(), repr(CAMERA).encode(), Path(__file__).read_bytes())
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()[:16]


def header(number: int, fingerprint: str) -> dict[str, Any]:
    """Return frame ``number``'s EXR header, as a scanner and an assistant's notes would fill it."""
    return {
        "compression": OpenEXR.PIZ_COMPRESSION,
        "type": OpenEXR.scanlineimage,
        "chromaticities": _REC709,
        "framesPerSecond": RATE,
        "timeCode": OpenEXR.TimeCode(*timecode(number), *([0] * 14)),
        "imageCounter": number,
        "owner": "NASA (public domain)",
        "comments": "Eileen M. Collins, STS-93, under a made-up camera",
        "reelName": "A001C001",
        "camera": "handheld, 180 degree shutter",
        "lens": f"{18.0 * CAMERA.pose(number - FIRST).zoom:.1f} mm",
        FINGERPRINT: fingerprint,
    }


def is_made(path: Path, fingerprint: str) -> bool:
    """Whether a frame made by the recipe ``fingerprint`` already exists."""
    if not path.is_file():
        return False
    try:
        with OpenEXR.File(str(path), header_only=True) as file:
            return bool(file.header().get(FINGERPRINT) == fingerprint)
    except (RuntimeError, ValueError):  # not an EXR file: made again
        return False


def make_plate(folder: Path = FOLDER, numbers: Sequence[int] = NUMBERS) -> int:
    """Write the frames ``numbers`` that are missing in ``folder``; returns how many it wrote."""
    fingerprint = recipe()
    paths = {number: folder / f"demo.{number:04d}.exr" for number in numbers}
    missing = {number: path for number, path in paths.items() if not is_made(path, fingerprint)}
    if not missing:
        return 0
    source = scene()
    for number, path in missing.items():
        light = exposure(source, number - FIRST)
        rgb = (light + grain(light, number)).astype(np.float16)
        with publish(path, frame=number) as partial:
            OpenEXR.File(header(number, fingerprint), {"RGB": rgb}).write(str(partial))
    return len(missing)


def main() -> None:
    """Make the plate in the folder on the command line, and print one line."""
    parser = argparse.ArgumentParser(description="Make the demo plate (48 EXR frames, 1280x720).")
    parser.add_argument("folder", type=Path, nargs="?", default=FOLDER, help="default: shots/demo/plate")
    folder = parser.parse_args().folder
    made = make_plate(folder)
    print(f"demo plate: {folder}/demo.{FIRST}-{LAST}.exr, {made} of {len(NUMBERS)} frames made")


if __name__ == "__main__":
    main()
