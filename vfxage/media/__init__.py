"""The file formats: one package and one row in FORMATS for each, imported when a file of that format is opened."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from fractions import Fraction
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast

from numpy.typing import NDArray

from vfxage import __version__
from vfxage.errors import ReadError, ShotError
from vfxage.frames import Pattern, check_utf8
from vfxage.media.base import Destination, PictureChoice, Reader, Writer


class Format(NamedTuple):
    """A format's reader and writer, as "module:Class", and the function that reads which vfxage wrote a file."""

    kind: str
    reader: str
    writer: str
    version_of: str


_EXR = Format(
    "sequence",
    "vfxage.media.exr.read:ExrReader",
    "vfxage.media.exr.write:ExrWriter",
    "vfxage.media.exr.check:version_of",
)
_STILL = Format(
    "sequence",
    "vfxage.media.stills.read:StillReader",
    "vfxage.media.stills.write:StillWriter",
    "vfxage.media.stills.read:version_of",
)
_MOVIE = Format(
    "movie", "vfxage.media.movie:MovieReader", "vfxage.media.movie:MovieWriter", "vfxage.media.movie.check:version_of"
)

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
    ".mpg": _MOVIE,
    ".mpeg": _MOVIE,
    ".ts": _MOVIE,
    ".mts": _MOVIE,
    ".m2ts": _MOVIE,
    ".gif": _MOVIE,
    ".264": _MOVIE,
    ".h264": _MOVIE,
}
"""The format of each file name suffix, in lower case."""
PICTURES = frozenset(suffix for suffix, row in FORMATS.items() if row.kind == "sequence")
"""Suffixes of single pictures that vfxage reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlateSettings:
    """What the user knows about a plate, in addition to its header."""

    colorspace: str | None = None
    """OpenColorIO name; takes precedence over the header."""
    first_frame: int | None = None
    """Number of a movie's first frame; not allowed for a sequence."""
    rate: Fraction | None = None
    """Frames per second of a sequence, takes precedence over its headers; not allowed for a movie."""
    levels: Literal["full", "video"] | None = None
    """Range of a movie's codes, takes precedence over its tag; not allowed for a sequence."""
    picture: PictureChoice | None = None
    """Which picture of an OpenEXR file is the plate; not allowed for other formats. None: the reader finds it."""
    untagged: str | None = None
    """OpenColorIO name of integer stills whose header names no colour space; does not apply to other plates."""
    ocio: str | Path | None = None
    """OpenColorIO config (see ``Colour``)."""
    matte: bool = False
    """Whether the plate is a matte: an EXR file of it may have no colour channels."""


_FROM_HEADER = PlateSettings()


def open_reader(plate: str | Path, given: PlateSettings = _FROM_HEADER) -> Reader:
    """Open a plate: a movie, the pattern of a sequence or a single image.

    Raises ShotError for a format that vfxage does not read or a setting that does not apply to the format, ReadError
    for a plate that is missing or unreadable.
    """
    check_utf8(Path(plate).absolute())
    if Path(plate).is_dir():
        found = sequence_in(plate)
        fix = f"name the sequence in it: {found}" if found else "name a movie, or a sequence such as a.%04d.exr"
        raise ShotError("is a folder, and not a movie or a sequence", path=plate, fix=fix)
    row = _format_of(plate)
    _check_exists(plate)
    settings: dict[str, Any] = {"colorspace": given.colorspace, "ocio": given.ocio}
    if row.kind == "movie":
        if given.rate is not None:
            raise ShotError("a movie has its own frame rate", path=plate, fix="remove `rate:`")
        settings |= {"first_frame": given.first_frame, "levels": given.levels}
    else:
        if given.first_frame is not None:
            raise ShotError("a sequence has its own frame numbers", path=plate, fix="remove `first_frame:`")
        if given.levels is not None:
            raise ShotError("the codes of a sequence always have full range", path=plate, fix="remove `range:`")
        settings["rate"] = given.rate
    if row is _STILL:
        settings["untagged"] = given.untagged
    if row is _EXR:
        settings["picture"] = "matte" if given.matte else given.picture
    elif given.picture is not None:
        raise ShotError("only OpenEXR has parts, layers and views", path=plate, fix="remove `part:`, `layer:`, `view:`")
    return cast(Reader, _load(row.reader)(plate, **settings))


def read_passes(path: Path, number: int) -> Mapping[str, NDArray[Any]]:
    """The channels (H, W) of an OpenEXR frame that vfxage wrote, by name, half or float as stored. Raises ReadError."""
    from vfxage.media.exr.check import read_passes as read
    from vfxage.media.exr.header import ExrFile

    return read(ExrFile(path, number))[1]


def written_by_vfxage(path: Path) -> bool:
    """Whether vfxage, of any version, wrote a file; reads only its header."""
    return _load(_format_of(path).version_of)(path) is not None


def other_versions(path: str, numbers: Iterable[int]) -> dict[str, tuple[int, ...]]:
    """The frames of an output that other versions of vfxage wrote, by version; reads only headers."""
    pattern, version_of = Pattern.parse(path), cache(_load(_format_of(path).version_of))  # a movie is one file
    found: dict[str, list[int]] = {}
    for number in numbers:
        file = pattern.path(number)
        version = version_of(file) if file.is_file() else None
        if version not in (None, __version__):
            found.setdefault(version, []).append(number)
    return {version: tuple(frames) for version, frames in found.items()}


def sequence_in(folder: str | Path) -> str | None:
    """Path of the first sequence or movie in a folder, in the order of names; None if the folder has neither."""
    try:
        names = sorted(entry.name for entry in Path(folder).iterdir() if entry.suffix.lower() in FORMATS)
    except OSError:
        return None
    movies = {suffix for suffix, row in FORMATS.items() if row.kind == "movie"}
    return next((str(Path(folder, n if Path(n).suffix.lower() in movies else _as_pattern(n))) for n in names), None)


def sequence_of(file: str | Path) -> str | None:
    """Pattern of the sequence that a file is one frame of; None for a movie, a pattern, or a file on its own."""
    path = Path(file)
    if Pattern.is_sequence(path) or _format_of(path).kind == "movie":
        return None
    pattern = path.with_name(_as_pattern(path.name))
    return str(pattern) if Pattern.is_sequence(pattern) and len(Pattern.parse(pattern).numbers()) > 1 else None


def open_writer(destination: Destination) -> Writer:
    """Open an output. Raises ShotError for a format that vfxage does not write, OutputError if it cannot be created."""
    return cast(Writer, _load(_format_of(destination.path).writer)(destination))


def _load(name: str) -> Any:
    module, _, attribute = name.partition(":")
    return getattr(import_module(module), attribute)


def _format_of(path: str | Path) -> Format:
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        known = " ".join(FORMATS)
        what = f"vfxage does not read or write {suffix} files" if suffix else "a file name without a suffix"
        raise ShotError(what, path=path, fix=f"use one of {known}")
    return FORMATS[suffix]


def _as_pattern(name: str) -> str:
    """The pattern of the sequence that a file name belongs to: p.%04d.exr for p.1004.exr, and for p.-003.exr."""
    return re.sub(r"(?:(?<![^._])-)?\d+(?=\D*\.\w+$)", lambda digits: f"%0{len(digits[0])}d", name)


def _check_exists(plate: str | Path) -> None:
    pattern = Pattern.parse(plate)
    if not pattern.folder.is_dir():
        raise ReadError("no such file: its folder does not exist", path=plate, fix="check the path")
    if pattern.numbers():
        return
    entries = [entry.name for entry in pattern.folder.iterdir() if entry.suffix.lower() in FORMATS]
    names = sorted({_as_pattern(name) for name in entries} if Pattern.is_sequence(plate) else entries)
    near = get_close_matches(Path(plate).name, names, n=1)
    raise ReadError("no such file", path=plate, fix=f"is it {near[0]}?" if near else "check the path")
