"""The prototype as an ager: a crop, the smoothed mesh and the ages give the delta; no network, one CPU core."""

from __future__ import annotations

import hashlib
import threading
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import cv2
import numpy as np

from vfxage.ager.contract import Answer, MeasuresNothing
from vfxage.ager.prototype.change import OldSkin, Years, change
from vfxage.ager.prototype.data import FLOOR, REGIONS, Prototype, load_prototype, shipped
from vfxage.ager.prototype.mesh import INNER_LIPS, MESH, Chart
from vfxage.ager.prototype.sight import Sight, blur, canonical_pixels, grow, parts, see, spread
from vfxage.types import F32, FaceCrop, Framing, Window

METHOD = 1
"""Raise it by 1 with every change in this package that alters an answer. With the data file's content it is the ager's
fingerprint, so frames made before the change are then rendered again. ``tests/ager/test_golden.py`` fails where it was
forgotten."""
_LARGEST = 512
"""Side of the crop, pixels, past which the change is worked out on a coarser grid: portraits hold no finer detail."""
_SMILE = (0.55, 0.68)
"""Width of the mouth, in distances of the outer eye corners: at rest, and smiling broadly."""
_GRAIN_SIZE = 1.5
"""Canonical pixels (sigma) below which detail may be grain."""
_GRAIN = np.float32(0.05)
"""Finest detail up to this much of sRGB is grain, and does not move with the skin."""
_FAR = 8
"""Sides of the crop: landmarks farther beyond it are brought to there, as whole numbers overflow at some distance."""
_SHAPE = 1.6
"""Of the mean change of shape, which an average over people understates."""


class PrototypeAger(MeasuresNothing):
    """The ager; see ``vfxage.ager.Ager`` for the contract."""

    name = "prototype"
    framing = Framing(name="ffhq")
    sizes: tuple[int, ...] = (256, 512, 768, 1024)
    frames_per_call = 1
    workers_default = 2
    device = "cpu"

    def __init__(self, path: Path | None = None, *, device: str = "cpu") -> None:
        """Load a data file made by ``vfxage prototype build``, or the one that comes with vfxage."""
        self._prototype = load_prototype(path or shipped())
        self.data_digest = self._prototype.fingerprint
        made = f"prototype {METHOD} {self.data_digest}"
        self.fingerprint = hashlib.sha256(made.encode()).hexdigest()
        self.note = f"prototype: mean ageing and old skin from portraits ({path or 'built in'}), on the CPU, no network"
        if device.startswith("cuda"):
            self.note += f"; --device {device} is for networks"
        self._skins: dict[str, OldSkin] = {}
        self._lock = threading.Lock()

    def __call__(self, crops: Sequence[FaceCrop]) -> list[Answer]:
        """Give one answer per crop. Thread-safe; the same bits for any number of threads."""
        steps = (age_by_prototype(crop, self._prototype, self._skin_of(crop.name)) for crop in crops)
        return [Answer(step=step) for step in steps]

    def fingerprint_on(self, device: str) -> str:
        """The fingerprint on another device: the same, because this ager always runs on the CPU."""
        return self.fingerprint

    def _skin_of(self, name: str) -> OldSkin:
        """One identity keeps one choice of detail: it hangs on the face's name alone."""
        with self._lock:
            if name not in self._skins:
                self._skins[name] = choose_skin(self._prototype, name)
            return self._skins[name]


def choose_skin(prototype: Prototype, name: str) -> OldSkin:
    """Put together old skin for the face called ``name``: each region from any of the assemblies, mirrored or not."""
    detail = np.zeros((*prototype.fine.shape[1:], 2), np.float32)
    chroma = np.zeros(prototype.chroma.shape[1:], np.float32)
    mirrored = zlib.crc32(name.encode()) % 2 == 1
    chosen = {region: zlib.crc32(f"{name}/{region}".encode()) % len(prototype.fine) for region in REGIONS}
    for region, index in chosen.items():
        mask = prototype.masks[region]
        detail += np.dstack([prototype.fine[index], prototype.middle[index]]) * grow(mask, detail.shape)[..., None]
        chroma += prototype.chroma[index] * mask[..., None]
    above = grow(prototype.masks["around"], detail.shape)[..., None]
    detail += above * (_high_forehead(prototype, (chosen["forehead"] + 1) % len(prototype.fine)) - detail)
    if mirrored:
        detail, chroma = detail[:, ::-1], chroma[:, ::-1]
    return OldSkin(detail=np.ascontiguousarray(detail), chroma=np.ascontiguousarray(chroma))


def _high_forehead(prototype: Prototype, index: int) -> F32:
    """(CANON, CANON, 2) what lies above the mesh up to the hair: the lines of an assembly's forehead, higher.

    The mesh ends half way up a forehead. Lines there run side by side, so that those below, moved, are those above.
    """
    top, brows = (int(prototype.mean[list(marks), 1].min()) for marks in ((10,), (66, 105, 296, 334)))
    rise = brows - top
    lines = np.dstack([prototype.fine[index], prototype.middle[index]])
    lines *= grow(prototype.masks["forehead"], lines.shape)[..., None]
    high = np.zeros_like(lines)
    high[: brows - rise] = lines[rise:brows]
    return high


def smile_of(points: F32) -> float:
    """0 at rest, 1 for a broad smile: the mouth's width beside the eyes'. ``points`` is (478, 2)."""
    eyes, mouth = (float(np.hypot(*(points[a] - points[b]))) for a, b in ((33, 263), (61, 291)))
    low, high = _SMILE
    t = min(max((mouth / max(eyes, 1e-3) - low) / (high - low), 0.0), 1.0)
    return t * t * (3 - 2 * t)


def age_by_prototype(crop: FaceCrop, prototype: Prototype, skin: OldSkin) -> F32:
    """The encoded step (S, S, 3) for one crop: exactly 0 at equal ages and beyond the mesh's rings."""
    step = np.zeros_like(crop.rgb)
    if crop.ages[0] == crop.ages[1] or crop.intensity == 0:
        return step
    size = crop.rgb.shape[0]
    scale = -(-size // _LARGEST)
    years = Years.between(*crop.ages)
    points = np.clip(crop.points, -_FAR * size, (1 + _FAR) * size)
    neck = None if crop.neck is None else np.clip(crop.neck, -_FAR * size, (1 + _FAR) * size)
    chart = prototype.mesh.chart(points, size, scale, neck)
    if chart.window.empty:
        return step
    unit = canonical_pixels(points, prototype.mean) / scale
    window = Window(*(value * scale for value in (chart.window.x, chart.window.y)),
                    *(value * scale for value in (chart.window.width, chart.window.height)))  # fmt: skip
    window = window.intersect(Window(0, 0, size, size))
    inside = window.slices(Window(0, 0, size, size))
    rgb = np.clip(crop.rgb[inside], 0, 1)
    seen = rgb if scale == 1 else cv2.resize(rgb, chart.at.shape[1::-1], interpolation=cv2.INTER_AREA)
    sight = see(np.asarray(seen, np.float32), chart, prototype, unit)
    delta = change(sight, chart, prototype, skin, years, smile_of(points))
    flow = _movement(points, prototype, chart, years) * spread(1 - _worn_things(sight), (1, 1))
    mouth = _mouth((points - (window.x, window.y)) / (2 * scale), flow.shape, unit)
    flow = blur(flow, 1.5 * unit) * spread(1 - mouth, (1, 1))
    step[inside] = _shown(rgb, delta, flow, _GRAIN_SIZE * unit * scale)
    return step


def _shown(rgb: F32, delta: F32, flow: F32, grain: float) -> F32:
    """The step for a window ``rgb`` (h, w, 3), from the change of its log and the movement, both perhaps coarser.

    Grain, which is finer than ``grain`` pixels, stays where the film has it. All is a sum of differences, so that
    where nothing changes the bits are the crop's; in place, as fresh memory costs more than arithmetic does.
    """
    clean = blur(rgb, grain)
    np.subtract(rgb, clean, out=clean)
    np.clip(clean, -_GRAIN, _GRAIN, out=clean)
    np.subtract(rgb, clean, out=clean)
    aged = grow(delta, rgb.shape)
    cv2.exp(aged, dst=aged)
    aged -= 1
    aged *= rgb + np.float32(FLOOR)
    aged += clean
    aged = _moved(aged, flow)
    aged -= clean
    aged += rgb
    np.clip(aged, 0, 1, out=aged)
    aged -= rgb
    return aged


def _movement(points: F32, prototype: Prototype, chart: Chart, years: Years) -> F32:
    """(., ., 2) half grid: how far, in crop pixels, skin moves with age, turned and squeezed as the head is."""
    columns = prototype.shape[0] * years.columns[0] + prototype.shape[1] * years.columns[1]
    known = np.column_stack([prototype.mean[:MESH], np.ones(MESH)])
    to_crop = np.linalg.lstsq(known, points[:MESH].astype(np.float64), rcond=None)[0][:2]
    (xx, xy), (yx, yy) = (_SHAPE * to_crop).astype(np.float32)
    x, y = parts(chart.take_half(columns))
    return np.asarray(cv2.merge([(x * xx + y * yx) * chart.seen, (x * xy + y * yy) * chart.seen]), np.float32)


def _worn_things(sight: Sight) -> F32:
    """Half grid, 0..1: rims, glare, strands and beards where skin should be; they do not move with it."""
    things = sight.masks["texture"] * (1 - sight.bare)
    return np.clip(blur(np.asarray(things, np.float32), 3.0 * sight.unit) * np.float32(1.6), 0, 1)


def _mouth(points: F32, shape: tuple[int, ...], unit: float) -> F32:
    """(h, w) 0..1: what the lips open on, and their inner edge; ``points`` are in its pixels. Teeth do not move."""
    drawn = np.zeros(shape[:2], np.uint8)
    inner = np.clip(np.round(points[list(INNER_LIPS)] * 16 - 8), -(1 << 20), 1 << 20).astype(np.int32)
    cv2.fillPoly(drawn, [inner], (255,), cv2.LINE_AA, 4)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * max(1, round(unit)) + 1,) * 2)
    return blur(np.asarray(cv2.dilate(drawn, disc), np.float32) / np.float32(255), 0.5 * unit)


def _moved(image: F32, flow: F32) -> F32:
    """The picture with each pixel's content moved by ``flow``, which may be coarser."""
    y, x = (np.arange(count, dtype=np.float32) for count in image.shape[:2])
    at_x, at_y = (grow(part, image.shape) for part in parts(flow))
    np.subtract(x, at_x, out=at_x)
    np.subtract(y[:, None], at_y, out=at_y)
    return cast(F32, cv2.remap(image, at_x, at_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE))
