"""Colour tags of TIFF, PNG and JPEG, and a check of the file's begin and end marks."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from io import BufferedReader
from typing import Any

import numpy as np

from vfxage.colour import icc_transform
from vfxage.colour.cicp import LINEAR_709, SRGB, from_cicp
from vfxage.colour.icc import ProfileError, named_space, parse_profile
from vfxage.colour.primaries import from_chromaticities
from vfxage.errors import ShotError
from vfxage.media.stills.still import NAMES, StillFile

DESCRIPTION = "ICCProfile:profile_description"
"""OpenImageIO's name of what a profile calls itself."""

UNTAGGED = "no colour space"
"""What a header names that says nothing of colour."""

UNCALIBRATED = 0xFFFF
"""The Exif colour space value for "not sRGB"."""

_BEGINNINGS = {
    "tiff": (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
    "png": (b"\x89PNG\r\n\x1a\n",),
    "jpeg": (b"\xff\xd8\xff",),
}
_ENDS = {"png": b"IEND\xaeB`\x82", "jpeg": b"\xff\xd9"}
_TAIL = 1 << 16
"""The end mark must lie within this many bytes of the end: some programs append their own data."""

_CHUNKS = 4096

_LARGEST_PROFILE = 1 << 23
"""Bytes: printers have the largest profiles, of about 3 MB."""

_JFIF = struct.Struct(">4sH5sHBHH")
"""The beginning of a JPEG with a JFIF segment: marks, length, name, version, unit, density across and down."""


def check_begins(source: StillFile) -> int:
    """The file's size; ReadError where it is missing, empty, or of another format than its name says."""
    with _file(source) as file:
        size = os.fstat(file.fileno()).st_size
        if not size:
            raise source.error("the file is empty")
        if not file.read(8).startswith(_BEGINNINGS[source.kind]):
            raise source.error(f"not a {NAMES[source.kind]} file")
        return size


def check_ends(source: StillFile) -> None:
    """ReadError where the mark that ends a PNG or a JPEG is missing: its library fills in what was cut off."""
    mark = _ENDS.get(source.kind)
    if mark is None:
        return
    with _file(source) as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL))
        if mark not in file.read(_TAIL):
            raise source.damaged("it ends too early")


def jfif_aspect(source: StillFile) -> float | None:
    """Width of a pixel over its height in a JPEG's JFIF segment; None without one.

    A density with a unit counts pixels per length: the closer they are, the narrower. Without a unit, the two numbers
    are the aspect itself, across first (JFIF 1.02); FFmpeg writes them so.
    """
    with _file(source) as file:
        head = file.read(_JFIF.size)
    if len(head) < _JFIF.size:
        return None
    mark, _, name, _, unit, across, down = _JFIF.unpack(head)
    if (mark, name) != (b"\xff\xd8\xff\xe0", b"JFIF\0") or not (across and down):
        return None
    return float(down / across if unit else across / down)


def profile(source: StillFile, attributes: Mapping[str, Any]) -> bytes:
    """The embedded ICC profile; empty without one. OpenImageIO does not give that of a grey PNG if it is for RGB."""
    found = attributes.get("ICCProfile")
    if isinstance(found, np.ndarray):
        return found.tobytes()
    return _png_profile(source) if source.kind == "png" else b""


def space(source: StillFile, attributes: Mapping[str, Any], embedded: bytes) -> tuple[str | None, str]:
    """Name of the colour space in the header (OpenColorIO's, or that of the embedded ICC profile).

    Otherwise None, and what the header names instead.
    """
    name = attributes.get(DESCRIPTION)
    if source.kind == "png":
        return _png(source, embedded, name)
    if embedded:
        return _profiled(embedded, name)
    if source.kind == "jpeg":
        uncalibrated = attributes.get("Exif:ColorSpace") == UNCALIBRATED
        return (None, "an uncalibrated colour space") if uncalibrated else (SRGB, "")
    return (SRGB, "") if attributes.get("Exif:ColorSpace") == 1 else (None, UNTAGGED)


def _profiled(embedded: bytes, name: Any) -> tuple[str | None, str]:
    try:
        parsed = parse_profile(embedded)
        space = named_space(parsed)
        if space is None:
            icc_transform.to_xyz(parsed)
            space = parsed.name
    except ProfileError as error:
        return None, f"the ICC profile {str(name or 'without a name')!r}, which cannot be used: {error}"
    return space, ""


def _png(source: StillFile, embedded: bytes, description: Any) -> tuple[str | None, str]:
    """By cICP, then the profile, then sRGB, then gamma and chromaticities: the order of the PNG specification."""
    chunks = dict(_chunks(source))
    if len(code := chunks.get(b"cICP", b"")) == 4:
        with suppress(ShotError):
            return from_cicp(code[0], code[1]), ""
        return None, f"CICP primaries {code[0]}, transfer {code[1]}, which have no OpenColorIO space"
    if b"iCCP" in chunks:
        name = chunks[b"iCCP"].partition(b"\0")[0].decode("latin-1")
        return _profiled(embedded, description or name)
    if b"sRGB" in chunks:
        return SRGB, ""
    if len(chunks.get(b"gAMA", b"")) != 4:
        return None, UNTAGGED
    return _by_gamma(int(struct.unpack(">I", chunks[b"gAMA"])[0]), chunks.get(b"cHRM", b""))


def _by_gamma(gamma: int, primaries: bytes) -> tuple[str | None, str]:
    """gAMA is the encoding's exponent times 100000."""
    gamut: str | None = LINEAR_709
    if len(primaries) == 32:
        white, *colours = [v / 1e5 for v in struct.unpack(">8I", primaries)][:2], *struct.unpack(">6I", primaries[8:])
        gamut = from_chromaticities([*(v / 1e5 for v in colours), *white])
    if gamut and abs(gamma - 100000) <= 10:
        return gamut, ""
    curves = {45455: "Gamma 2.2 Encoded", 41667: "Gamma 2.4 Encoded", 55556: "Gamma 1.8 Encoded"}
    curve = next((name for value, name in curves.items() if abs(gamma - value) <= 10), None)
    if gamut == LINEAR_709 and curve:
        return f"{curve} Rec.709", ""
    return None, f"a gamma of {gamma / 1e5:.5g} and primaries that together have no OpenColorIO space here"


def _png_profile(source: StillFile) -> bytes:
    """The profile of a PNG's iCCP chunk; empty without one, or if it is damaged."""
    with _file(source) as file:
        packed = next((data for name, data in _chunks_of(file, _LARGEST_PROFILE) if name == b"iCCP"), b"")
    with suppress(zlib.error):
        return zlib.decompressobj().decompress(packed.partition(b"\0")[2][1:], _LARGEST_PROFILE)
    return b""


def _chunks(source: StillFile) -> Iterator[tuple[bytes, bytes]]:
    """Names and contents of a PNG's small chunks before its pixels."""
    with _file(source) as file:
        yield from _chunks_of(file, 256)


def _chunks_of(file: BufferedReader, longest: int) -> Iterator[tuple[bytes, bytes]]:
    """Names of a PNG's chunks before its pixels, and their first ``longest`` bytes."""
    file.seek(8)
    for _ in range(_CHUNKS):
        head = file.read(8)
        if len(head) < 8 or head[4:] == b"IDAT":
            return
        (length,) = struct.unpack(">I", head[:4])
        yield head[4:], file.read(min(length, longest))
        file.seek(max(0, length - longest) + 4, os.SEEK_CUR)


def _file(source: StillFile) -> BufferedReader:
    try:
        return source.path.open("rb")
    except FileNotFoundError as error:
        raise source.error("the file is missing", "restore it") from error
    except OSError as error:
        raise source.error(f"cannot be read ({error.strerror or error})", "check path and permissions") from error
