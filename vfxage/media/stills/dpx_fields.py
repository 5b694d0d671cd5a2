"""The fields of a DPX header by name: SMPTE ST 268-1, version 2.0, tables 1 to 5."""

from __future__ import annotations

import struct
from typing import Any

HEADER_SIZE = 2048
"""Bytes of the generic, film and television headers. The user's own data follow them."""
UNDEFINED = 0xFFFFFFFF
"""What an integer field holds if nobody set it."""
BYTE_ORDERS = {b"SDPX": ">", b"XPDS": "<"}
"""Byte order, by the first four bytes of the file."""

FIELDS = {
    "magic": (0, "I"),
    "image_offset": (4, "I"),
    "version": (8, "8s"),
    "file_size": (16, "I"),
    "ditto": (20, "I"),
    "generic_size": (24, "I"),
    "industry_size": (28, "I"),
    "user_size": (32, "I"),
    "file_name": (36, "100s"),
    "creator": (160, "100s"),
    "encryption_key": (660, "I"),
    "orientation": (768, "H"),
    "elements": (770, "H"),
    "width": (772, "I"),
    "height": (776, "I"),
    "data_sign": (780, "I"),
    "low_data": (784, "I"),
    "low_quantity": (788, "f"),
    "high_data": (792, "I"),
    "high_quantity": (796, "f"),
    "descriptor": (800, "B"),
    "transfer": (801, "B"),
    "colorimetric": (802, "B"),
    "bit_size": (803, "B"),
    "packing": (804, "H"),
    "encoding": (806, "H"),
    "data_offset": (808, "I"),
    "line_padding": (812, "I"),
    "image_padding": (816, "I"),
    "aspect_across": (1628, "I"),
    "aspect_down": (1632, "I"),
    "film_rate": (1724, "f"),
    "timecode": (1920, "I"),
    "television_rate": (1940, "f"),
}
"""Offset in bytes and ``struct`` format of each field. Those from ``data_sign`` to ``image_padding`` are of the first
picture element."""
GENERIC_TEXTS = slice(36, 1408)
"""Bytes from the file name to the end of the orientation header's last text."""


class HeaderFields:
    """Reads the fields of a header (bytes). A header that ends too early reads as undefined there."""

    def __init__(self, raw: bytes, order: str) -> None:
        self._raw = raw.ljust(HEADER_SIZE, b"\xff")
        self._order = order

    def integer(self, name: str) -> int:
        """An integer field."""
        return int(self._read(name))

    def real(self, name: str) -> float:
        """A float field; NaN if it is undefined."""
        return float(self._read(name))

    def text(self, name: str) -> str:
        """A text field up to its first zero byte."""
        return bytes(self._read(name)).partition(b"\0")[0].decode("ascii", "replace")

    def _read(self, name: str) -> Any:
        offset, form = FIELDS[name]
        return struct.unpack_from(f"{self._order}{form}", self._raw, offset)[0]


def put_fields(header: bytearray, order: str, **values: int | float | str) -> None:
    """Set fields of a header in place. A text is cut so that at least one zero byte ends it."""
    for name, value in values.items():
        offset, form = FIELDS[name]
        if isinstance(value, str):
            length = int(form[:-1])
            struct.pack_into(form, header, offset, value.encode()[: length - 1].ljust(length, b"\0"))
        else:
            struct.pack_into(f"{order}{form}", header, offset, value)
