"""Colour of a PNG: the chunks before the pixels (PNG specification, third edition).

OpenImageIO does not write them: 3.0 knows few, and 3.2 tags every PNG as sRGB, even camera log.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from vfxage.colour.cicp import LINEAR_709, SRGB, to_cicp
from vfxage.colour.primaries import PRIMARIES

_HEADER = 33
"""Bytes of the signature and IHDR."""
_REPLACED = (b"sRGB", b"gAMA", b"cHRM", b"cICP")
_PERCEPTUAL = b"\0"
_GAMMAS = {SRGB: 45455, "Gamma 2.2 Encoded Rec.709": 45455}


def tell_colour(path: Path, space: str) -> None:
    """Put the chunks for a colour space ("" for none, as a matte has none) in the place of those of a finished PNG.

    An embedded profile stays, and then sRGB, gAMA and cHRM, which it makes void, are left out. Raises OSError.
    """
    raw = path.read_bytes()
    kept = [chunk for chunk in _chunks(raw) if not _tells_colour(chunk)]
    profiled = any(chunk[4:8] == b"iCCP" for chunk in kept)
    written = (_chunk(name, data) for name, data in _colour_chunks(space) if name == b"cICP" or not profiled)
    path.write_bytes(b"".join((raw[:_HEADER], *written, *kept)))


def _colour_chunks(space: str) -> Iterator[tuple[bytes, bytes]]:
    gamma = _GAMMAS.get(space, 100000 if space in PRIMARIES else None)
    pair = to_cicp(space)
    if pair == (1, 13):
        gamma = _GAMMAS[SRGB]
        yield b"sRGB", _PERCEPTUAL
    elif pair is not None:
        yield b"cICP", bytes([*pair, 0, 1])
    *colours, x, y = PRIMARIES.get(space, PRIMARIES[LINEAR_709])
    values = [round(value * 100000) for value in (x, y, *colours)]
    if gamma is not None and min(values) >= 0:  # some cameras' primaries lie outside of what cHRM can say
        yield b"gAMA", struct.pack(">I", gamma)
        yield b"cHRM", struct.pack(">8I", *values)


def _chunks(raw: bytes) -> Iterator[bytes]:
    """Whole chunks after IHDR."""
    place = _HEADER
    while place < len(raw):
        end = place + 12 + int(struct.unpack_from(">I", raw, place)[0])
        yield raw[place:end]
        place = end


def _tells_colour(chunk: bytes) -> bool:
    return chunk[4:8] in _REPLACED or chunk[8:].startswith(b"oiio:ColorSpace\0")


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
