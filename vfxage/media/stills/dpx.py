"""DPX (SMPTE ST 268-1): the header byte for byte, the pixels as codes.

The plate's film, television and user sections are copied. The field for the program that
made the file carries the fingerprint.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from vfxage.colour.cicp import DISPLAY_709, LINEAR_709
from vfxage.media.stills import packing
from vfxage.media.stills.still import Depth, DpxLayout, Header, Samples, StillFile, check_size, mark, parse_mark
from vfxage.media.timecode import shift_timecode

_GENERIC = 2048
_ORDERS = {b"SDPX": ">", b"XPDS": "<"}
"""Byte order by a file's first four bytes."""
_BITS = 803
"""Offset of the header's bits per sample, bytes."""
_LARGEST_HEADER = 1 << 22
_UNDEFINED = 0xFFFFFFFF
_ORIENTATIONS = (1, 2, 4, 3, 5, 6, 8, 7)
"""Exif's orientation of each of DPX's."""
_CHANNELS = {6: 1, 50: 3, 51: 4, 52: 4}
_ABGR = 52
_TRANSFERS = {255: "not given", 0: "user defined", 1: "printing density", 3: "logarithmic", 4: "unspecified video"}

_SPACES = {
    **{(transfer, gamut): DISPLAY_709 for transfer in (5, 6) for gamut in (5, 6)},
    **{(2, gamut): LINEAR_709 for gamut in (5, 6)},
}
"""Colour space by (transfer, colorimetric) of the header, where the two name one."""


def read_header(source: StillFile) -> Header:
    """Parse and check the header. Raises ReadError for a file that is damaged, not DPX, or of an unsupported kind."""
    raw, size = _bytes_of(source)
    order = _ORDERS.get(raw[:4])
    if order is None:
        raise source.error("the file is empty" if not size else "not a DPX file")
    if len(raw) < 1664:
        raise source.damaged("the header ends too early")
    layout = _layout(raw, order, size, source)
    number = _Fields(raw, order)
    own = parse_mark(number.text(160, 100))
    transfer, gamut = raw[801], raw[802]
    rate = own.rate or _rate(number.real(1940)) or _rate(number.real(1724))
    orientation = number.short(768)
    header = Header(
        kind="dpx",
        width=number.word(772),
        height=number.word(776),
        channels=_CHANNELS[layout.descriptor],
        depth=layout.bits,  # type: ignore[arg-type]
        orientation=_ORIENTATIONS[orientation] if orientation < 8 else 1,
        spaces=(_SPACES[transfer, gamut],) if (transfer, gamut) in _SPACES else (),
        rate=rate,
        timecode=own.timecode or _timecode(number.word(1920), rate),
        pixel_aspect=_aspect(number),
        stamp=own.stamp,
        version=own.version,
        unnamed="" if (transfer, gamut) in _SPACES else _unnamed(transfer),
        notes=tuple(_notes(raw, number, transfer)),
        raw=raw[: layout.offset],
        layout=layout,
    )
    check_size(header, size, source)
    if layout.offset + layout.stride * header.height > size:
        raise source.damaged(f"it is too short for {header.width}x{header.height} pixels")
    return header


def read_samples(header: Header, source: StillFile) -> Samples:
    """(H, W, C) codes as stored: grey, R G B, or R G B A. Raises ReadError."""
    layout = header.layout
    if layout is None:
        raise ValueError("not the header of a DPX file")
    count = layout.stride * header.height
    try:
        with source.path.open("rb") as file:
            file.seek(layout.offset)
            data = file.read(count)
    except OSError as error:
        raise source.error(f"cannot be read ({error.strerror or error})", "check path and permissions") from error
    if len(data) < count:
        raise source.damaged("it ends too early")
    lines = np.frombuffer(data, np.uint8).reshape(header.height, layout.stride)
    samples = header.width * header.channels
    grey = header.channels == 1
    codes = packing.unpack(lines, samples, packing.SamplePacking(layout.bits, layout.packing, layout.order, grey))
    picture = codes.reshape(header.height, header.width, header.channels)
    return np.ascontiguousarray(picture[..., ::-1] if layout.descriptor == _ABGR else picture)


@dataclass(frozen=True, slots=True, kw_only=True)
class DpxSettings:
    """What a DPX file says beside its pixels."""

    name: str
    version: str
    stamp: str
    depth: Depth
    plate: bytes
    """The header of the plate's frame, where that is a DPX: carried over. Else empty."""
    same_space: bool
    """Whether the pixels are in the plate's colour space: then its transfer stays."""
    space: str
    timecode: str | None = None
    rate: Fraction | None = None
    pixel_aspect: float = 1.0


def write(path: Path, samples: Samples, target: DpxSettings) -> None:
    """Write codes (H, W, 1, 3 or 4). Raises OSError as it comes."""
    height, width, channels = samples.shape
    plate = target.plate
    bits = int(target.depth)
    header = bytearray(plate.ljust(_GENERIC, b"\xff"))
    order = _ORDERS.get(plate[:4], ">")
    how = packing.METHOD_A if bits > 8 else packing.PACKED
    if plate and header[_BITS] == bits:
        how = _Fields(plate, order).short(804)
    _fill(header, order, target, (width, height, channels), how)
    lines = packing.pack(samples.reshape(height, -1), bits, how, order, grey=channels == 1)
    struct.pack_into(f"{order}I", header, 16, len(header) + lines.size)
    with path.open("wb") as file:
        file.write(header)
        file.write(lines.tobytes())


def _fill(header: bytearray, order: str, target: DpxSettings, shape: tuple[int, int, int], how: int) -> None:
    width, height, channels = shape

    def put(form: str, offset: int, *values: Any) -> None:
        struct.pack_into(f"{order}{form}", header, offset, *values)

    def text(offset: int, length: int, words: str) -> None:
        header[offset : offset + length] = words.encode()[: length - 1].ljust(length, b"\0")

    transfer, gamut = next((pair for pair, name in _SPACES.items() if name == target.space), (0, 0))
    if target.plate and target.same_space:
        transfer, gamut = header[801], header[802]
    if not target.plate:
        put("I", 20, 1)
        put("II", 24, 1664, 384)
        put("I", 32, 0)
        header[36:1408] = bytes(1372)
        put("I", 660, _UNDEFINED)
    put("I", 0, 0x53445058)
    put("I", 4, len(header))
    header[8:16] = b"V2.0\0\0\0\0"
    text(36, 100, target.name)
    text(160, 100, mark(target.version, target.stamp))
    put("HHII", 768, 0, 1, width, height)
    descriptor = {1: 6, 3: 50, 4: 51}[channels]
    put("IIfIf", 780, 0, 0, 0.0, (1 << int(target.depth)) - 1, 2.047)
    put("BBBB", 800, descriptor, transfer, gamut, int(target.depth))
    put("HHIII", 804, how, 0, len(header), 0, 0)
    if target.pixel_aspect != 1 or target.plate:
        aspect = Fraction(target.pixel_aspect).limit_denominator(10000)
        put("II", 1628, aspect.numerator, aspect.denominator)
    if target.timecode is not None:
        put("I", 1920, int(target.timecode.replace(":", "").replace(";", ""), 16))
    if target.rate is not None:
        put("f", 1724, float(target.rate))
        put("f", 1940, float(target.rate))


class _Fields:
    """Numbers and text of a header that may end before its film and television parts."""

    def __init__(self, raw: bytes, order: str) -> None:
        self._raw = raw.ljust(_GENERIC, b"\xff")
        self._order = order

    def word(self, offset: int) -> int:
        return int(struct.unpack_from(f"{self._order}I", self._raw, offset)[0])

    def short(self, offset: int) -> int:
        return int(struct.unpack_from(f"{self._order}H", self._raw, offset)[0])

    def real(self, offset: int) -> float:
        return float(struct.unpack_from(f"{self._order}f", self._raw, offset)[0])

    def text(self, offset: int, length: int) -> str:
        return self._raw[offset : offset + length].partition(b"\0")[0].decode("ascii", "replace")


def _bytes_of(source: StillFile) -> tuple[bytes, int]:
    """The header with the user's data (all before the picture), and the file's size."""
    try:
        with source.path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            raw = file.read(_GENERIC)
            order = _ORDERS.get(raw[:4])
            if order is not None and len(raw) == _GENERIC:
                offset = int(struct.unpack_from(f"{order}I", raw, 4)[0])
                raw += file.read(max(0, min(offset, size, _LARGEST_HEADER) - _GENERIC))
            return raw, size
    except FileNotFoundError as error:
        raise source.error("the file is missing", "restore it") from error
    except OSError as error:
        raise source.error(f"cannot be read ({error.strerror or error})", "check path and permissions") from error


def _layout(raw: bytes, order: str, size: int, source: StillFile) -> DpxLayout:
    fields = _Fields(raw, order)
    descriptor, bits = raw[800], raw[803]
    width, height = fields.word(772), fields.word(776)
    own = fields.word(808)
    offset = own if own not in (0, _UNDEFINED) else fields.word(4)
    if descriptor not in _CHANNELS:
        names = {100: "4:2:2 video", 101: "4:2:2 video", 102: "4:4:4 video", 103: "4:4:4 video"}
        raise source.error(
            f"holds {names.get(descriptor, f'picture elements of kind {descriptor}')}, not R, G, B",
            "convert it to RGB",
        )
    if bits not in (8, 10, 12, 16) or fields.word(780) == 1:
        raise source.error(f"has {bits}-bit samples that vfxage does not read", "convert it to 8, 10, 12 or 16 bits")
    if fields.short(806) == 1:
        raise source.error("is run-length encoded, which vfxage does not read", "write it without compression")
    how = fields.short(804)
    if how not in (packing.PACKED, packing.METHOD_A, packing.METHOD_B):
        raise source.damaged(f"packing {how} is not known")
    if not 0 < width <= 1 << 17 or not 0 < height <= 1 << 17 or not 768 < offset <= min(size, _LARGEST_HEADER):
        raise source.damaged(f"its header asks for {width}x{height} pixels from byte {offset} of {size}")
    line = packing.line_bytes(width * _CHANNELS[descriptor], bits, how)
    return DpxLayout(order, offset, _stride(line, fields.word(812), height, size - offset), bits, how, descriptor)


def _stride(line: int, padding: int, height: int, there: int) -> int:
    """Bytes from line to line: the header's padding counts, and lines may end on whole words whatever it says."""
    if padding not in (0, _UNDEFINED) and (line + padding) * height <= there:
        return line + padding
    whole = -(-line // 4) * 4
    return whole if whole * height == there else line


def _rate(value: float) -> Fraction | None:
    """Frames per second, exact: 23.976 is 24000/1001."""
    if not 1 <= value <= 1000:  # NaN is what undefined reads as
        return None
    drop = Fraction(round(value * 1.001) * 1000, 1001)
    if abs(value - round(value)) > 1e-4 and abs(float(drop) - value) < 0.005:
        return drop
    return Fraction(value).limit_denominator(1000)


def _timecode(value: int, rate: Fraction | None) -> str | None:
    text = f"{value:08x}"
    if value == _UNDEFINED or not text.isdigit():
        return None
    code = ":".join(text[i : i + 2] for i in (0, 2, 4, 6))
    return code if text < "24" and shift_timecode(code, 0, rate or Fraction(24)) == code else None


def _aspect(fields: _Fields) -> float:
    across, down = fields.word(1628), fields.word(1632)
    if across in (0, _UNDEFINED) or down in (0, _UNDEFINED):
        return 1.0
    return across / down if 0.01 < across / down < 100 else 1.0


def _unnamed(transfer: int) -> str:
    return f"no colour space (transfer: {_TRANSFERS.get(transfer, f'number {transfer}')})"


def _notes(raw: bytes, fields: _Fields, transfer: int) -> Any:
    if fields.short(770) > 1:
        yield f"{fields.short(770)} picture elements: only the first is read"
    low, high = fields.word(784), fields.word(792)
    if low not in (0, _UNDEFINED) and transfer >= 4:
        yield f"the header's black is {low} and its white {high}: codes are read full range all the same"
    if raw[800] in (51, 52):
        yield "alpha as stored: the format does not say whether R, G and B are multiplied by it; taken as straight"
