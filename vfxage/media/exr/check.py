"""Check a written OpenEXR frame: read it back and compare it with its plate."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vfxage.colour.conversion import Conversion
from vfxage.errors import ReadError
from vfxage.frames import Pattern
from vfxage.media.base import Destination, Flaw
from vfxage.media.exr import decode
from vfxage.media.exr.attributes import FINGERPRINT, VERSION
from vfxage.media.exr.header import ExrFile, Part, read_layout
from vfxage.media.exr.planes import carried, channel_names
from vfxage.types import F32, Frame, Window

Plane = NDArray[Any]
Planes = Mapping[str, Plane]


_LOSS, _LEAST_LOSS = 0.05, 0.001
"""Root mean square by which DWA at its usual level may be off: a share of the picture's own, and in light. Measured on
noise of all levels: at most 0.02 of the picture's own, or 0.0002 of light in the dark."""


def read_passes(source: ExrFile) -> tuple[Part, Planes]:
    """The only part of a file of ours, and all its channels (H, W), half or float as stored. Raises ReadError."""
    layout = read_layout(source)
    if len(layout.parts) > 1:
        raise source.error(f"has {len(layout.parts)} parts, vfxage writes one")
    part = layout.parts[0]
    return part, decode.planes(layout, part, None, source)[1]


def version_of(path: Path) -> str | None:
    """The version of vfxage that wrote a file; None if another program did, or if it cannot be read."""
    try:
        field = read_layout(ExrFile(path)).parts[0].fields.get(VERSION)
    except ReadError:
        return None
    return field.text if field else None


def flaw(
    source: ExrFile, destination: Destination, faces: Mapping[str, str], conversion: Conversion, plate: Frame
) -> Flaw | None:
    """Give the first fault of one frame; None if it is right. ``faces`` is as in ``channel_names``.

    The frame must be readable, with the right stamp, channels and windows. Its passes must be finite where the plate
    is. The beauty must be plate plus delta: to the bit where the matte is 0, otherwise to half a unit of the last
    digit; after a lossy compression it must be near. A beauty without delta and matte is compared with those of
    ``destination.beside``. Carried channels must have the plate's bits. A crop is not compared with the plate: it must
    be finite and of its size.
    """
    if not source.path.exists():
        return Flaw("missing", "does not exist")
    try:
        part, planes = read_passes(source)
    except ReadError as error:
        return Flaw("unreadable", error.what)
    if FINGERPRINT not in part.fields:
        return Flaw("foreign", "was not written by vfxage")
    if not _current(part, destination, plate.number):
        return Flaw("stale", "was made with other settings, another model or another plate")
    carried_ones = carried(plate, destination, faces)
    names = {*channel_names(destination, faces), *carried_ones}
    if set(planes) != names:
        odd = " ".join(sorted(names ^ set(planes)))
        return Flaw("wrong", f"has other channels than expected: {odd}")
    return _wrong(part, planes, (destination, conversion, plate), carried_ones)


def _wrong(
    part: Part, planes: Planes, made: tuple[Destination, Conversion, Frame], carried_ones: Planes
) -> Flaw | None:
    """The first fault of the windows and the pixels of a frame that has the right channels."""
    destination, conversion, plate = made
    if "crop" in destination.passes:
        square = Window(0, 0, destination.crop_size, destination.crop_size)
        lit = np.ones(part.data.shape, bool)
        return _misplaced(part, square, square, "the crop") or _unfinite(planes, lit)
    clip, window = destination.clip, plate.window
    left, top = clip.display_origin
    display = Window(left, top, clip.width, clip.height)
    data = Window(left + window.x, top + window.y, window.width, window.height)
    if misplaced := _misplaced(part, display, data, "the plate") or _not_as_carried(planes, carried_ones):
        return misplaced
    planes = {name: plane for name, plane in planes.items() if name not in carried_ones}
    own = _unfinite(planes, _lit(plate))
    if destination.lossy:
        return own or _far(planes, conversion, plate)
    return own or _off(_with_others(planes, destination, plate.number), conversion, plate)


def _current(part: Part, destination: Destination, number: int) -> bool:
    stamp = part.fields.get(FINGERPRINT)
    return stamp is not None and stamp.text == destination.stamps.get(number, "")


def _with_others(planes: Planes, destination: Destination, number: int) -> Planes:
    """Add delta and matte to a beauty's planes, from other outputs that are up to date and in the same light."""
    found = dict(planes)
    for other in destination.beside if "beauty" in destination.passes else ():
        missing = {"delta", "matte"} - {name.split(".")[0] for name in found}
        same = other.path.lower().endswith(".exr") and other.colorspace == destination.colorspace
        if not same or other.lossy or missing.isdisjoint(other.passes) or number not in other.numbers:
            continue
        try:
            part, more = read_passes(ExrFile(Pattern.parse(other.path).path(number), number))
        except ReadError:
            continue  # verify reports that output itself
        if _current(part, other, number) and next(iter(more.values())).shape == planes["R"].shape:
            found |= {name: plane for name, plane in more.items() if name.split(".")[0] in missing}
    return found


def _misplaced(part: Part, display: Window, data: Window, whose: str) -> Flaw | None:
    for name, found, expected in (("display", part.display, display), ("data", part.data, data)):
        if found != expected:
            return Flaw("wrong", f"its {name} window is {_window_text(found)}, {whose}'s is {_window_text(expected)}")
    return None


def _window_text(window: Window) -> str:
    return f"{window.width}x{window.height} at {window.x},{window.y}"


def _not_as_carried(planes: Planes, plates: Planes) -> Flaw | None:
    for name, plane in plates.items():
        bits = f"u{plane.dtype.itemsize}"
        apart = planes[name].dtype != plane.dtype or (planes[name].view(bits) != plane.view(bits))
        if np.any(apart):
            return Flaw("wrong", f"{name} is not the plate's")
    return None


def _lit(plate: Frame) -> NDArray[np.bool_]:
    return np.asarray(np.isfinite(plate.rgb).all(axis=2))


def _unfinite(planes: Planes, lit: NDArray[np.bool_]) -> Flaw | None:
    """NaN and infinity belong in the colour of a frame only where its plate has them, in other passes nowhere."""
    for name, plane in planes.items():
        bad = ~np.isfinite(plane)
        if name in "RGBA" or name.startswith("plate."):
            bad &= lit if name != "A" else False
        if bad.any():
            return Flaw("wrong", f"{name} holds NaN or infinity at {_first(bad)}")
    for name, plane in planes.items():
        if name.startswith(("matte", "region_")) and ((plane < 0) | (plane > 1)).any():
            return Flaw("wrong", f"{name} is outside 0..1 at {_first((plane < 0) | (plane > 1))}")
    return None


def _off(planes: Planes, conversion: Conversion, plate: Frame) -> Flaw | None:
    """Where beauty is not plate plus delta, or a delta reaches beyond its matte; as far as the passes are there."""
    light = conversion.linear(plate.rgb)
    own = plate.native if conversion.same and conversion.plate.linear else None
    bare = planes["matte.A"] == 0 if "matte.A" in planes else np.False_
    for index, letter in enumerate("RGB"):
        beauty, delta = planes.get(letter), planes.get(f"delta.{letter}")
        if delta is not None and (stray := bare & (delta != 0)).any():
            return Flaw("wrong", f"delta.{letter} is not 0 at {_first(stray)}, where the matte is")
        if beauty is None:
            continue
        stored = light[..., index] if own is None or own.dtype != beauty.dtype else own[..., index]
        with np.errstate(all="ignore"):
            untouched = stored.astype(beauty.dtype, copy=False)
        bits = f"u{beauty.dtype.itemsize}"
        changed = bare & (np.ascontiguousarray(beauty).view(bits) != np.ascontiguousarray(untouched).view(bits))
        if changed.any():
            return Flaw("wrong", f"{letter} is not the plate's at {_first(changed)}, where the matte is 0")
        if delta is not None and (apart := _apart(beauty, light[..., index], delta)).any():
            return Flaw("wrong", f"{letter} is not plate plus delta at {_first(apart)}")
    return None


def _far(planes: Planes, conversion: Conversion, plate: Frame) -> Flaw | None:
    """Where a beauty that was compressed with loss is not even near to what it shows: plate plus delta, if it has one.

    Without the delta, faces are left out of the comparison; without the matte too, nothing is compared.
    """
    light, lit = conversion.linear(plate.rgb), _lit(plate)
    for index, letter in enumerate("RGB"):
        delta = planes.get(f"delta.{letter}")
        if letter not in planes or (delta is None and "matte.A" not in planes):
            continue
        seen = lit if delta is not None else lit & (planes["matte.A"] == 0)
        shown = light[..., index][seen] + (0 if delta is None else delta[seen])
        wrong = _mean_square(planes[letter][seen] - shown) ** 0.5
        if wrong > _LOSS * _mean_square(shown) ** 0.5 + _LEAST_LOSS:
            return Flaw("wrong", f"{letter} is not near plate plus delta: {wrong:.3g} off in the mean")
    return None


def _mean_square(values: Plane) -> float:
    return float(np.mean(np.square(values, dtype=np.float64))) if values.size else 0.0


def _apart(beauty: Plane, light: F32, delta: F32) -> NDArray[np.bool_]:
    """Where a sum is not what is stored, to half the last digit of the stored type."""
    with np.errstate(all="ignore"):
        total = light + delta
        stored = beauty.astype(np.float32, copy=False)
        digit = np.spacing(np.abs(total).astype(beauty.dtype)).astype(np.float32)
        near = np.abs(stored - total) <= np.float32(0.5) * digit
        return np.asarray(np.isfinite(total) & np.isfinite(stored) & ~near)


def _first(bad: NDArray[np.bool_]) -> str:
    """The first of these pixels, counted from the top left corner of the data window, and how many there are."""
    row, column = np.unravel_index(int(bad.argmax()), bad.shape)
    count = int(np.count_nonzero(bad))
    return f"pixel {column},{row}" + (f" and {count - 1} more" if count > 1 else "")
