"""Decode every file of a folder of portraits first, so that a truncated JPEG does not stop a run after hours."""

from __future__ import annotations

import io
import math
import os
import zipfile
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from vfxage.errors import ReadError, ShotError
from vfxage.lab.portraits.layouts import FolderLayout, Listed, list_folder
from vfxage.lab.portraits.scan_cache import ScanCache, stamp_of
from vfxage.lab.portraits.types import Collection, Portrait, Problem
from vfxage.pool import ordered_map
from vfxage.progress import Progress, Silent
from vfxage.shot import plain_number
from vfxage.types import F32, POINTS, U8

LANDMARKS = "landmarks.npz"
MOST_PIXELS = 100_000_000
"""A picture that claims more is refused before memory is taken for it."""
HEAVIEST = 1000.0
"""Largest label ``weight``."""

_LARGEST_ENTRY = 1 << 16
_UNREADABLE = (OSError, ValueError, SyntaxError, EOFError, zlib.error, Image.DecompressionBombError)
"""Errors of Pillow for files that are damaged, forged or not pictures."""


def scan_portraits(
    folder: str | Path,
    *,
    smallest: int = 128,
    layout: FolderLayout | None = None,
    scan_cache: ScanCache | None = None,
    progress: Progress | None = None,
) -> Collection:
    """Find and decode every portrait below ``folder``; a file that cannot be used becomes a Problem.

    ``smallest`` is the least width and height in pixels; ``layout`` overrules the guess from the file names. Files
    in ``scan_cache`` are not decoded again; newly decoded files are added to it. Raises ReadError for a folder, index
    or landmark file that cannot be read, ShotError for a folder that fits no layout or in which nothing is usable.
    """
    folder = Path(folder).absolute()
    chosen, listed, note = list_folder(folder, layout)
    points = _landmarks(folder / LANDMARKS)
    cache = ScanCache() if scan_cache is None else scan_cache

    def scan(item: Listed) -> Portrait | Problem:
        return _scan_file(folder, item, points, smallest, cache)

    found = _scan_all(scan, listed, progress or Silent())
    collection = Collection(
        folder=folder,
        layout=chosen,
        portraits=tuple(item for item in found if isinstance(item, Portrait)),
        problems=tuple(item for item in found if isinstance(item, Problem)),
        note=note,
    )
    if not collection.portraits:
        first = collection.problems[0]
        what = f"holds no usable portrait: {first.path.name} {first.what}"
        raise ShotError(what, path=folder, fix="correct its files or labels")
    return collection


def _scan_all(
    scan: Callable[[Listed], Portrait | Problem], listed: list[Listed], progress: Progress
) -> list[Portrait | Problem]:
    """Scan the listed files in threads; the results are in the order of the list."""
    found: list[Portrait | Problem] = []
    workers = os.cpu_count() or 1
    with (
        progress.stage("scan", len(listed), "picture") as advance,
        ordered_map(scan, _mark_repeats(listed), workers=workers, ahead=8) as scanned,
    ):
        for count, item in enumerate(scanned, 1):
            found.append(item)
            advance(count)
    return found


def _mark_repeats(listed: list[Listed]) -> list[Listed]:
    """The list with a fault at every file that is listed again."""
    seen: set[str] = set()
    once = []
    for item in listed:
        again = str(item.name) in seen
        once.append(Listed(item.name, fault="is listed twice") if again and not item.fault else item)
        seen.add(str(item.name))
    return once


def _scan_file(
    folder: Path, item: Listed, points: Mapping[str, F32], smallest: int, scan_cache: ScanCache
) -> Portrait | Problem:
    path = folder / item.name
    if item.fault:
        return Problem(path, item.fault)
    if fault := _weight_fault(item.labels.get("weight", "")):
        return Problem(path, fault)
    try:
        width, height = scan_cache.size(path) or _measure(path, scan_cache)
    except FileNotFoundError:
        return Problem(path, "is missing")
    except _UNREADABLE as error:
        return Problem(path, f"cannot be read ({_reason(error)})")
    if min(width, height) < smallest:
        return Problem(path, f"is too small ({width}x{height}, at least {smallest} px are wanted)")
    known = points.get(str(item.name.with_suffix("")))
    if known is None and len(item.name.parts) == 1:
        known = points.get(item.name.stem)
    return Portrait(path=path, person=item.person, age=item.age, size=(width, height), labels=item.labels, points=known)


def _weight_fault(text: str) -> str:
    """What is wrong with a label ``weight``, or nothing."""
    weight = plain_number(text.strip())
    sound = not text or (weight is not None and 0 < weight <= HEAVIEST)
    return "" if sound else f"its weight is no number above 0 and up to {HEAVIEST:g} ({text[:20]!r})"


def _measure(path: Path, scan_cache: ScanCache) -> tuple[int, int]:
    stamp = stamp_of(path)
    height, width, _ = decode(path).shape
    scan_cache.keep(path, stamp, (width, height))
    return width, height


def _reason(error: BaseException) -> str:
    if isinstance(error, UnidentifiedImageError):  # its own words are of an object in memory
        return "no picture of a known kind"
    if isinstance(error, Image.DecompressionBombError):
        return "it claims too many pixels"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join((str(error).splitlines() or [""])[0].split())[:100] or type(error).__name__


def decode(path: Path) -> U8:
    """Read a picture whole: (H, W, 3) uint8 as the file codes it, upright. Raises one of Pillow's errors."""
    with Image.open(io.BytesIO(path.read_bytes())) as picture:
        if math.prod(picture.size) > MOST_PIXELS:
            raise ValueError(f"it claims {picture.width}x{picture.height} pixels")
        if picture.mode in ("I", "F", "I;16"):
            raise ValueError(f"its samples are {picture.mode}, not 8-bit")
        upright: Image.Image = picture
        with suppress(*_UNREADABLE):  # a broken EXIF block is no reason to refuse the pixels
            upright = ImageOps.exif_transpose(picture)
        return np.asarray(upright.convert("RGB"))


def lone_portrait(path: Path, age: float) -> Portrait:
    """A picture on its own, which no folder labels. Raises ReadError if it is missing or no picture."""
    try:
        height, width, _ = decode(path).shape
    except _UNREADABLE as error:
        raise ReadError(f"cannot be read ({_reason(error)})", path=path, fix="give a JPEG or PNG") from error
    return Portrait(path=path, person=path.stem, age=age, size=(width, height))


def read_portrait(portrait: Portrait) -> F32:
    """The picture: (H, W, 3) float32 sRGB, 0..1. Raises ReadError if the file is gone or changed since the scan."""
    return np.asarray(read_bytes(portrait), np.float32) / np.float32(255)


def read_bytes(portrait: Portrait) -> U8:
    """The picture: (H, W, 3) uint8 sRGB. Raises ReadError if the file is gone or changed since the scan."""
    try:
        rgb = decode(portrait.path)
    except _UNREADABLE as error:
        raise ReadError(f"cannot be read ({_reason(error)})", path=portrait.path, fix="restore it") from error
    if (rgb.shape[1], rgb.shape[0]) != portrait.size:
        raise ReadError(f"was {portrait.size} px and is now {rgb.shape[1::-1]}", path=portrait.path, fix="scan again")
    return rgb


def _landmarks(path: Path) -> dict[str, F32]:
    """(478, 2) points by file stem, or nothing where the folder has none."""
    if not path.is_file():
        return {}
    fix = "delete it: faces are then looked for"
    found: dict[str, F32] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                if entry.file_size > _LARGEST_ENTRY or not entry.filename.endswith(".npy"):
                    raise ReadError(f"has the entry {entry.filename!r}, which is no landmarks", path=path, fix=fix)
                array = np.load(io.BytesIO(archive.read(entry)), allow_pickle=False)
                name = entry.filename.removesuffix(".npy")
                if array.shape != (POINTS, 2) or array.dtype.kind != "f" or not np.isfinite(array).all():
                    what = f"the landmarks of {name!r} are not 478 finite points"
                    raise ReadError(what, path=path, fix=fix)
                if np.ptp(array, axis=0).min() < 1:
                    raise ReadError(f"the landmarks of {name!r} are on one spot or line", path=path, fix=fix)
                found[name] = np.ascontiguousarray(array, np.float32)
    except (OSError, ValueError, EOFError, KeyError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
        raise ReadError(f"is no whole landmark file ({_reason(error)})", path=path, fix=fix) from error
    return found
