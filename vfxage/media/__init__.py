"""Formats: one package each, one row each in FORMATS, imported when a file asks for them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from fractions import Fraction
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple, cast

from numpy.typing import NDArray

from vfxage.colour.cicp import LINEAR_709
from vfxage.colour.space import BUILTIN
from vfxage.errors import ReadError, ShotError
from vfxage.frames import Pattern
from vfxage.media.base import Destination, Reader, Writer


class Format(NamedTuple):
    """A format's reader and writer, as "module:Class"."""

    kind: str
    reader: str
    writer: str


AS_STORED = LINEAR_709
"""A linear space: numbers are taken as they are stored."""

_EXR = Format("sequence", "vfxage.media.exr.read:ExrReader", "vfxage.media.exr.write:ExrWriter")
_STILL = Format("sequence", "vfxage.media.stills.read:StillReader", "vfxage.media.stills.write:StillWriter")
_MOVIE = Format("movie", "vfxage.media.movie:MovieReader", "vfxage.media.movie:MovieWriter")

FORMATS: dict[str, Format] = {
    ".exr": _EXR,
    ".dpx": _STILL,
    ".tif": _STILL,
    ".tiff": _STILL,
    ".png": _STILL,
    ".jpg": _STILL,
    ".jpeg": _STILL,
    ".mov": _MOVIE,
    ".mp4": _MOVIE,
    ".m4v": _MOVIE,
    ".mkv": _MOVIE,
    ".mxf": _MOVIE,
    ".avi": _MOVIE,
    ".webm": _MOVIE,
    ".264": _MOVIE,
    ".h264": _MOVIE,
}
"""By the file name's suffix, in lower case."""


def open_reader(
    plate: str | Path,
    *,
    colorspace: str | None = None,
    first_frame: int | None = None,
    rate: Fraction | None = None,
    ocio: str | Path | None = None,
) -> Reader:
    """Open a plate: a movie, a sequence's pattern or a single image.

    ``first_frame`` numbers a movie and ``rate`` times a sequence, whatever the headers say. Raises ShotError for an
    unknown format or an argument that makes no sense for it, ReadError for a plate that is missing or unreadable.
    """
    settings = {"colorspace": colorspace, "ocio": ocio, "first_frame": first_frame, "rate": rate}
    return _opened(plate, settings)


def open_matte(path: str | Path, *, first_frame: int) -> Reader:
    """Open a roto or hold-out, whose numbers are read as stored; it may be a file without colour.

    ``first_frame`` numbers a movie. Raises what ``open_reader`` raises.
    """
    movie = _row(path).kind == "movie"
    settings = {"colorspace": AS_STORED, "ocio": BUILTIN, "first_frame": first_frame if movie else None}
    return _opened(path, settings, matte=True)


def _opened(plate: str | Path, wanted: Mapping[str, Any], *, matte: bool = False) -> Reader:
    if Path(plate).is_dir():
        found = sequence_in(plate)
        fix = f"name the sequence in it: {found}" if found else "name a movie, or a sequence such as a.%04d.exr"
        raise ShotError("a folder, not a plate", path=plate, fix=fix)
    row = _row(plate)
    _check_there(plate)
    rate, first_frame = wanted.get("rate"), wanted.get("first_frame")
    settings: dict[str, Any] = {"colorspace": wanted["colorspace"], "ocio": wanted["ocio"]}
    if row.kind == "movie":
        if rate is not None:
            raise ShotError("a movie has its own frame rate", path=plate, fix="remove `rate:`")
        settings["first_frame"] = first_frame
    else:
        if first_frame is not None:
            raise ShotError("a sequence has its own frame numbers", path=plate, fix="remove `first_frame:`")
        settings["rate"] = rate
    if matte and row is _EXR:
        settings["matte"] = True
    return cast(Reader, _load(row.reader)(plate, **settings))


def read_passes(path: Path, number: int) -> Mapping[str, NDArray[Any]]:
    """The channels (H, W) of an OpenEXR frame that vfxage wrote, by name, half or float as stored. Raises ReadError."""
    from vfxage.media.exr.check import read_passes as read
    from vfxage.media.exr.header import ExrFile

    return read(ExrFile(path, number))[1]


def sequence_in(folder: str | Path) -> str | None:
    """Find the first sequence or movie in a folder, in order of names; None if there is none."""
    try:
        names = sorted(entry.name for entry in Path(folder).iterdir() if entry.suffix.lower() in FORMATS)
    except OSError:
        return None
    movies = {suffix for suffix, row in FORMATS.items() if row.kind == "movie"}
    return next((str(Path(folder, n if Path(n).suffix.lower() in movies else _as_pattern(n))) for n in names), None)


def open_writer(destination: Destination) -> Writer:
    """Open an output; raises ShotError for a format that vfxage does not write, OutputError if it cannot be made."""
    return cast(Writer, _load(_row(destination.path).writer)(destination))


def _load(name: str) -> Any:
    module, _, attribute = name.partition(":")
    return getattr(import_module(module), attribute)


def _row(path: str | Path) -> Format:
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        known = " ".join(FORMATS)
        what = f"no reader or writer for {suffix} files" if suffix else "a file name without a suffix"
        raise ShotError(what, path=path, fix=f"use one of {known}")
    return FORMATS[suffix]


def _as_pattern(name: str) -> str:
    """The sequence that a file looks like a frame of: p.1004.exr of p.%04d.exr."""
    return re.sub(r"-?(\d+)(?=\D*\.\w+$)", lambda digits: f"%0{len(digits[0])}d", name)


def _check_there(plate: str | Path) -> None:
    pattern = Pattern.parse(plate)
    if not pattern.folder.is_dir():
        raise ReadError("no such file: its folder does not exist", path=plate, fix="check the path")
    if pattern.numbers():
        return
    entries = [entry.name for entry in pattern.folder.iterdir() if entry.suffix.lower() in FORMATS]
    names = sorted({_as_pattern(name) for name in entries} if Pattern.is_sequence(plate) else entries)
    near = get_close_matches(Path(plate).name, names, n=1)
    raise ReadError("no such file", path=plate, fix=f"is it {near[0]}?" if near else "check the path")
