"""Remake the golden crops: small reference answers of the agers that ship, for ``tests/ager/test_golden.py``.

Run ``python -m tools.golden_crops`` in the project's root after a change of look that was meant, with ``METHOD``
raised. It writes tests/ager/golden/NAME.npz for ``bands``, ``relief`` and ``small``.

The faces are NASA's portrait of Eileen Collins (public domain; it ships inside scikit-image) and two that are drawn
here, so that no portrait of the training sets is kept. ``landmarks.npz`` holds the photograph's landmarks, which
MediaPipe found once: the drawn faces use them turned. Whoever changes the faces or cases here, not the look, deletes
the golden files first: the tool does not overwrite pictures of the same ``METHOD`` that look different.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.data import astronaut

from vfxage.ager import Ager, bands, load_ager, network, shipped_file
from vfxage.ager.checkpoint import load_checkpoint
from vfxage.ager.relief import ager as relief
from vfxage.ager.relief.mean_face import load_mean_face
from vfxage.ager.wrinkle_lines import BROW, EYE, LIPS, MIRROR
from vfxage.geometry import OVAL, crop_transform, invert, map_points, warp_to_crop
from vfxage.types import F32, FaceCrop, Framing, Window

FOLDER = Path(__file__).resolve().parents[1] / "tests" / "ager" / "golden"
AGERS = ("bands", "relief", "small")
MEAN, PERCENTILE = 4e-5, 2e-4
"""Largest mean and 99th percentile of the absolute difference, sRGB 0..1: 1/100 and 1/20 of an 8-bit code value.

Rounding is far below: one machine with AVX, FMA and IPP on and off stays within the 1e-5 that storing rounds by. A look
that changes is above: 53 of the 61 numbers of ``bands`` exceed one of the limits when they change by 10 %.
"""
QUANTUM = 2e-5
"""sRGB per unit of the stored int16: 1/200 of an 8-bit code. Answers of up to 0.65 fit."""
_WHOLE = 48
"""Side, pixels, of the whole answer in a golden file, averaged down: it shows tone, shading and folds."""
_CLOSE = 48
"""Side, pixels, of the green channel kept as it is under one eye: it shows pores and fine lines."""
_UNDER_EYE = 118
_CREASES = ((203, 206, 216, 57), (423, 426, 436, 287), (69, 108, 151, 337, 299), (228, 230, 232), (448, 450, 452))
"""Landmarks that the drawn creases run along: beside the mouth, across the forehead, under the eyes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One face between two ages."""

    face: str
    size: int
    """Side of the crop, pixels; 768 takes the coarser grid of ``bands``."""
    ages: tuple[float, float]

    def __str__(self) -> str:
        return f"{self.face}, {self.size} px, {self.ages[0]:g} to {self.ages[1]:g}"


CASES = (
    Case(face="photograph", size=256, ages=(43, 75)),
    Case(face="photograph", size=256, ages=(43, 20)),
    Case(face="drawn brown", size=512, ages=(20, 85)),
    Case(face="drawn brown", size=512, ages=(60, 30)),
    Case(face="drawn dark", size=768, ages=(25, 65)),
    Case(face="drawn dark", size=768, ages=(70, 45)),
)


def method(name: str) -> tuple[int, str]:
    """The ager's ``METHOD`` and the digest of its data file, empty where it has none."""
    path = shipped_file(name)
    if name == "relief":
        return relief.METHOD, load_mean_face().fingerprint
    if path is None:
        return bands.METHOD, ""
    return network.METHOD, load_checkpoint(path).fingerprint


def answers(name: str) -> dict[str, F32]:
    """The ager's present answers: for each case the pictures "CASE, whole" and "CASE, close"."""
    ager = load_ager(name, "cpu")
    found = {}
    for case in CASES:
        crop = crop_of(case, ager.framing)
        step = _step(ager, crop)
        whole = cv2.resize(step, (_WHOLE, _WHOLE), interpolation=cv2.INTER_AREA)
        x, y = crop.points[_UNDER_EYE].astype(int) - _CLOSE // 2
        found[f"{case}, whole"] = np.asarray(whole, np.float32)
        found[f"{case}, close"] = np.ascontiguousarray(step[y : y + _CLOSE, x : x + _CLOSE, 1])
    return found


def golden(name: str) -> tuple[int, str, dict[str, F32]]:
    """The content of the golden file: ``METHOD``, digest of the data file, pictures."""
    with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as archive:
        pictures = {key: archive[key] * np.float32(QUANTUM) for key in archive.files if key not in ("method", "data")}
        return int(archive["method"]), str(archive["data"]), pictures


def changed(before: dict[str, F32], now: dict[str, F32]) -> list[str]:
    """A line for every picture that differs by more than ``MEAN`` or ``PERCENTILE``; both have the same keys."""
    lines = []
    for key, picture in before.items():
        difference = np.abs(now[key] - picture)
        mean, percentile = float(difference.mean()), float(np.percentile(difference, 99))
        if mean > MEAN or percentile > PERCENTILE:
            lines.append(f"{key}: mean {mean:.1e}, 99th percentile {percentile:.1e}")
    return lines


def _step(ager: Ager, crop: FaceCrop) -> F32:
    (answer,) = ager([crop])
    return answer.step


def crop_of(case: Case, framing: Framing) -> FaceCrop:
    """The crop of a case, with its ages and without a study."""
    picture, points = _face(case.face)
    to_frame = crop_transform(points, framing, case.size)
    whole = Window(0, 0, picture.shape[1], picture.shape[0])
    return FaceCrop(
        face=0,
        name=case.face,
        rgb=np.clip(warp_to_crop(picture, whole, to_frame, case.size), 0.0, 1.0),
        points=map_points(points, invert(to_frame)).astype(np.float32),
        matte=np.ones((case.size, case.size), np.float32),
        to_frame=to_frame,
        ages=case.ages,
        intensity=1.0,
    )


def _face(name: str) -> tuple[F32, F32]:
    """A picture, sRGB 0..1, and the landmarks of the face in it, (478, 2) pixels."""
    with np.load(FOLDER / "landmarks.npz", allow_pickle=False) as archive:
        points = archive["astronaut"].astype(np.float32)
    if name == "photograph":
        code: NDArray[np.uint8] = np.asarray(astronaut())  # type: ignore[no-untyped-call]
        return code.astype(np.float32) / np.float32(255), points
    dark = name == "drawn dark"
    turn = np.deg2rad(-9 if dark else 6)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    turned = ((points - points.mean(axis=0)) @ rotation.T * 5 + 400).astype(np.float32)
    skin = (0.26, 0.17, 0.13) if dark else (0.54, 0.39, 0.32)
    return _drawn(turned, np.array(skin, np.float32), seed=2 if dark else 1), turned


def _drawn(points: F32, skin: F32, seed: int) -> F32:
    """A face of 800 x 800 pixels: lit from one side, with features, creases, hollows, shine, moles, pores and grain."""
    draw = np.random.default_rng(seed)
    picture = np.full((800, 800, 3), 0.35, np.float32)
    _fill(picture, points[list(OVAL)], skin)
    x = np.linspace(-1, 1, 800, dtype=np.float32)[None, :, None]
    picture *= 1 + np.float32(0.18) * x
    for ring in (EYE, BROW):
        for side in (ring, tuple(MIRROR[k] for k in ring)):
            _fill(picture, np.asarray(cv2.convexHull(points[list(side)])[:, 0], np.float32), skin * np.float32(0.35))
    _fill(picture, points[list(LIPS)], skin * np.array([0.9, 0.6, 0.6], np.float32))
    lines = [np.round(points[list(run)] * 16).astype(np.int32) for run in _CREASES]
    cv2.polylines(picture, lines, False, (skin * np.float32(0.8)).tolist(), 3, cv2.LINE_AA, 4)
    for spot in (50, 425, 151):
        centre = (int(points[spot, 0]) + 14, int(points[spot, 1]) - 9)
        cv2.circle(picture, centre, 4, (skin * np.float32(0.5)).tolist(), -1, cv2.LINE_AA)
    soft = np.asarray(cv2.GaussianBlur(picture, (0, 0), 1.6), np.float32)
    hollows, shine = np.zeros((2, 800, 800), np.float32)
    cv2.polylines(hollows, lines, False, (1.0,), 30, cv2.LINE_AA, 4)
    cv2.circle(shine, (int(points[280, 0]), int(points[280, 1])), 26, (1.0,), -1)
    soft *= (1 - 0.5 * cv2.GaussianBlur(hollows, (0, 0), 22))[..., None]
    soft *= (1 + 1.1 * cv2.GaussianBlur(shine, (0, 0), 9))[..., None]
    for sigma, strength in ((9.0, 0.02), (3.0, 0.02), (1.5, 0.02), (0.6, 0.008)):
        noise = cv2.GaussianBlur(draw.normal(0, 1, (800, 800)).astype(np.float32), (0, 0), sigma)
        soft = soft * (1 + np.float32(strength) * (noise / noise.std()))[..., None]
    return np.clip(soft, 0, 1).astype(np.float32)


def _fill(picture: F32, outline: F32, colour: F32) -> None:
    cv2.fillPoly(picture, [np.round(outline * 16).astype(np.int32)], colour.tolist(), cv2.LINE_AA, 4)


def main() -> None:
    """Write every golden file again. Exits with 1 if a picture changed under the same ``METHOD`` and data file."""
    for name in AGERS:
        number, data = method(name)
        found = answers(name)
        path = FOLDER / f"{name}.npz"
        if path.exists():
            number_before, data_before, pictures = golden(name)
            same = (number, data) == (number_before, data_before) and found.keys() == pictures.keys()
            if same and changed(pictures, found):
                sys.exit(f"{path}: {name} looks different, and its METHOD is still {number}: raise METHOD first")
        stored = {key: np.round(value / QUANTUM).astype(np.int16) for key, value in found.items()}
        np.savez_compressed(path, method=np.array(number), data=np.array(data), **stored)
        print(f"{path.name}: METHOD {number}, {path.stat().st_size // 1024} kB")


if __name__ == "__main__":
    main()
