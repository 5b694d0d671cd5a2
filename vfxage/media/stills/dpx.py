"""DPX (SMPTE ST 268-1): the header byte for byte, the pixels as codes.

The plate's film, television and user sections are copied. The field for the program that
made the file carries the fingerprint.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from vfxage.colour.cicp import DISPLAY_709, LINEAR_709
from vfxage.media.stills import packing
from vfxage.media.stills.dpx_fields import BYTE_ORDERS, GENERIC_TEXTS, HEADER_SIZE, UNDEFINED, HeaderFields, put_fields
from vfxage.media.stills.still import Depth, DpxLayout, Header, Samples, StillFile, check_size, mark, parse_mark
from vfxage.media.timecode import shift_timecode

_SMALLEST_HEADER, _LARGEST_HEADER = 1664, 1 << 22
"""Bytes: the generic header alone, and the most that is read."""
_MAGIC = 0x53445058
_ORIENTATIONS = (1, 2, 4, 3, 5, 6, 8, 7)
"""Exif's orientation of each of DPX's."""
_CHANNELS = {6: 1, 50: 3, 51: 4, 52: 4}
"""Channels by the descriptor of a picture element."""
_DESCRIPTORS = {1: 6, 3: 50, 4: 51}
"""The descriptor to write, by channels: luma, RGB, RGBA."""
_ABGR = 52
_WITH_ALPHA = (51, _ABGR)
_FULL_DENSITY = 2.047
"""Optical density of the highest code: 1023 codes of 0.002 and one more."""
_FIRST_VIDEO_TRANSFER = 4
"""Transfers from this number on are of video."""
_TRANSFERS = {255: "not given", 0: "user defined", 1: "printing density", 3: "logarithmic", 4: "unspecified video"}

_SPACES = {
    **{(transfer, gamut): DISPLAY_709 for transfer in (5, 6) for gamut in (5, 6)},
    **{(2, gamut): LINEAR_709 for gamut in (5, 6)},
}
"""Colour space by (transfer, colorimetric) of the header, where the two name one."""


def read_header(source: StillFile) -> Header:
    """Parse and check the header. Raises ReadError for a file that is damaged, not DPX, or of an unsupported kind."""
    raw, size = _bytes_of(source)
    order = BYTE_ORDERS.get(raw[:4])
    if order is None:
        raise source.error("the file is empty" if not size else "not a DPX file")
    if len(raw) < _SMALLEST_HEADER:
        raise source.damaged("the header ends too early")
    layout = _layout(raw, order, size, source)
    fields = HeaderFields(raw, order)
    own = parse_mark(fields.text("creator"))
    transfer, gamut = fields.integer("transfer"), fields.integer("colorimetric")
    rate = own.rate or _rate(fields.real("television_rate")) or _rate(fields.real("film_rate"))
    orientation = fields.integer("orientation")
    header = Header(
        kind="dpx",
        width=fields.integer("width"),
        height=fields.integer("height"),
        channels=_CHANNELS[layout.descriptor],
        depth=layout.bits,  # type: ignore[arg-type]
        orientation=_ORIENTATIONS[orientation] if orientation < 8 else 1,
        spaces=(_SPACES[transfer, gamut],) if (transfer, gamut) in _SPACES else (),
        rate=rate,
        timecode=own.timecode or _timecode(fields.integer("timecode"), rate),
        pixel_aspect=_aspect(fields),
        stamp=own.stamp,
        version=own.version,
        unnamed="" if (transfer, gamut) in _SPACES else _unnamed(transfer),
        notes=tuple(_notes(fields)),
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
    """Write code values (H, W, 1, 3 or 4). Raises OSError."""
    height, width, channels = samples.shape
    plate = target.plate
    bits = int(target.depth)
    header = bytearray(plate.ljust(HEADER_SIZE, b"\xff"))
    order = BYTE_ORDERS.get(plate[:4], ">")
    how = packing.METHOD_A if bits > 8 else packing.PACKED
    own = HeaderFields(plate, order)
    if plate and own.integer("bit_size") == bits:
        how = own.integer("packing")
    _fill(header, order, target, (width, height, channels), how)
    lines = packing.pack(samples.reshape(height, -1), bits, how, order, grey=channels == 1)
    put_fields(header, order, file_size=len(header) + lines.size)
    with path.open("wb") as file:
        file.write(header)
        file.write(lines.tobytes())


def _fill(header: bytearray, order: str, target: DpxSettings, shape: tuple[int, int, int], how: int) -> None:
    width, height, channels = shape
    transfer, gamut = next((pair for pair, name in _SPACES.items() if name == target.space), (0, 0))
    if target.plate and target.same_space:
        own = HeaderFields(target.plate, order)
        transfer, gamut = own.integer("transfer"), own.integer("colorimetric")
    if not target.plate:
        header[GENERIC_TEXTS] = bytes(GENERIC_TEXTS.stop - GENERIC_TEXTS.start)
        put_fields(header, order, ditto=1, generic_size=1664, industry_size=384, user_size=0, encryption_key=UNDEFINED)
    put_fields(header, order, magic=_MAGIC, image_offset=len(header), version="V2.0")
    put_fields(header, order, file_name=target.name, creator=mark(target.version, target.stamp))
    put_fields(header, order, orientation=0, elements=1, width=width, height=height)
    put_fields(header, order, data_sign=0, low_data=0, low_quantity=0.0)
    put_fields(header, order, high_data=(1 << int(target.depth)) - 1, high_quantity=_FULL_DENSITY)
    put_fields(header, order, descriptor=_DESCRIPTORS[channels], transfer=transfer, colorimetric=gamut)
    put_fields(header, order, bit_size=int(target.depth), packing=how, encoding=0)
    put_fields(header, order, data_offset=len(header), line_padding=0, image_padding=0)
    if target.pixel_aspect != 1 or target.plate:
        aspect = Fraction(target.pixel_aspect).limit_denominator(10000)
        put_fields(header, order, aspect_across=aspect.numerator, aspect_down=aspect.denominator)
    if target.timecode is not None:
        put_fields(header, order, timecode=int(target.timecode.replace(":", "").replace(";", ""), 16))
    if target.rate is not None:
        put_fields(header, order, film_rate=float(target.rate), television_rate=float(target.rate))


def _bytes_of(source: StillFile) -> tuple[bytes, int]:
    """The header with the user's data (all before the picture), and the file's size."""
    try:
        with source.path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            raw = file.read(HEADER_SIZE)
            order = BYTE_ORDERS.get(raw[:4])
            if order is not None and len(raw) == HEADER_SIZE:
                offset = HeaderFields(raw, order).integer("image_offset")
                raw += file.read(max(0, min(offset, size, _LARGEST_HEADER) - HEADER_SIZE))
            return raw, size
    except FileNotFoundError as error:
        raise source.error("the file is missing", "restore it") from error
    except OSError as error:
        raise source.error(f"cannot be read ({error.strerror or error})", "check path and permissions") from error


def _layout(raw: bytes, order: str, size: int, source: StillFile) -> DpxLayout:
    fields = HeaderFields(raw, order)
    descriptor, bits = fields.integer("descriptor"), fields.integer("bit_size")
    width, height = fields.integer("width"), fields.integer("height")
    own = fields.integer("data_offset")
    offset = own if own not in (0, UNDEFINED) else fields.integer("image_offset")
    if descriptor not in _CHANNELS:
        names = {100: "4:2:2 video", 101: "4:2:2 video", 102: "4:4:4 video", 103: "4:4:4 video"}
        raise source.error(
            f"holds {names.get(descriptor, f'picture elements of kind {descriptor}')}, not R, G, B",
            "convert it to RGB",
        )
    if bits not in (8, 10, 12, 16) or fields.integer("data_sign") == 1:
        raise source.error(f"has {bits}-bit samples that vfxage does not read", "convert it to 8, 10, 12 or 16 bits")
    if fields.integer("encoding") == 1:
        raise source.error("is run-length encoded, which vfxage does not read", "write it without compression")
    how = fields.integer("packing")
    if how not in (packing.PACKED, packing.METHOD_A, packing.METHOD_B):
        raise source.damaged(f"packing {how} is not known")
    if not 0 < width <= 1 << 17 or not 0 < height <= 1 << 17 or not 768 < offset <= min(size, _LARGEST_HEADER):
        raise source.damaged(f"its header asks for {width}x{height} pixels from byte {offset} of {size}")
    line = packing.line_bytes(width * _CHANNELS[descriptor], bits, how)
    return DpxLayout(
        order, offset, _stride(line, fields.integer("line_padding"), height, size - offset), bits, how, descriptor
    )


def _stride(line: int, padding: int, height: int, there: int) -> int:
    """Bytes from line to line: the header's padding counts, and lines may end on whole words whatever it says."""
    if padding not in (0, UNDEFINED) and (line + padding) * height <= there:
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
    if value == UNDEFINED or not text.isdigit():
        return None
    code = ":".join(text[i : i + 2] for i in (0, 2, 4, 6))
    return code if text < "24" and shift_timecode(code, 0, rate or Fraction(24)) == code else None


def _aspect(fields: HeaderFields) -> float:
    across, down = fields.integer("aspect_across"), fields.integer("aspect_down")
    if across in (0, UNDEFINED) or down in (0, UNDEFINED):
        return 1.0
    return across / down if 0.01 < across / down < 100 else 1.0


def _unnamed(transfer: int) -> str:
    return f"no colour space (transfer: {_TRANSFERS.get(transfer, f'number {transfer}')})"


def _notes(fields: HeaderFields) -> Iterator[str]:
    if fields.integer("elements") > 1:
        yield f"{fields.integer('elements')} picture elements: only the first is read"
    low, high = fields.integer("low_data"), fields.integer("high_data")
    if low not in (0, UNDEFINED) and fields.integer("transfer") >= _FIRST_VIDEO_TRANSFER:
        yield f"the header's black is {low} and its white {high}: the codes are read as full range"
    if fields.integer("descriptor") in _WITH_ALPHA:
        yield "the format does not say whether R, G and B are multiplied by alpha: they are taken as not multiplied"
