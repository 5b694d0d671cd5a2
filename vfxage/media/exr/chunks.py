"""Find and check every chunk of a part's pixels before OpenEXR reads the file."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from io import BufferedReader

import numpy as np
from numpy.typing import NDArray

from vfxage.media.exr.header import LINES, LONG_NAMES, MAGIC, TILED, ExrFile, ExrLayout, Field, Part, Tiling


def check_chunks(layout: ExrLayout, part: Part, source: ExrFile) -> NDArray[np.uint64]:
    """File offsets of the part's chunks, in table order.

    Raises ReadError where the table or a chunk lies outside the file, where chunks were never written (an interrupted
    render) or are not those the table says. One small read per chunk: the same pages that decoding reads next.
    """
    start = layout.tables + 8 * sum(_count(p, source) for p in layout.parts[: part.index])
    count = _count(part, source)
    if start + 8 * count > layout.size:
        raise source.damaged("the file ends inside its chunk table")
    with source.path.open("rb") as file:
        table = np.frombuffer(os.pread(file.fileno(), 8 * count, start), "<u8")
        missing = int(np.count_nonzero(table == 0))
        if missing:
            raise source.error(
                f"incomplete OpenEXR file: {missing} of {count} blocks of pixels were never written",
                "render or copy the file again",
            )
        if len(table) < count or np.any((table < start) | (table > layout.size - 8)):
            raise source.damaged("its chunk table points outside the file")
        for offset, place in zip(table.tolist(), _places(part), strict=False):
            _check_leader(file, layout, part, (offset, place), source)
    return table


def isolate(layout: ExrLayout, part: Part, table: NDArray[np.uint64], source: ExrFile) -> bytes:
    """One part as a file of its own, bytes copied, without the attributes that OpenEXR's Python cannot express.

    Decoding a multipart file through its Python would decode all its parts, and one odd string would refuse the file.
    """
    fields = {name: field for name, field in part.fields.items() if expressible(name, field)}
    names = [*fields, *(c.name for c in part.channels)]
    flags = 2 | (TILED if part.tiles else 0) | (LONG_NAMES if any(len(_bytes(n)) > 31 for n in names) else 0)
    head = struct.pack("<ii", MAGIC, flags)
    for name, field in fields.items():
        head += _bytes(name) + b"\0" + _bytes(field.kind) + b"\0" + struct.pack("<i", len(field.raw)) + field.raw
    head += b"\0"
    chunks = []
    skip = 4 if layout.multipart else 0
    with source.path.open("rb") as file:
        for offset in table.tolist():
            leader, size = _leader(file, layout, part, offset, source)
            chunks.append(os.pread(file.fileno(), len(leader) - skip + size, offset + skip))
    sizes = np.array([0, *map(len, chunks)], np.uint64)
    offsets = np.cumsum(sizes)[:-1] + np.uint64(len(head) + 8 * len(chunks))
    return b"".join((head, offsets.astype("<u8").tobytes(), *chunks))


def expressible(name: str, field: Field) -> bool:
    """Whether OpenEXR's Python can turn this attribute into an object (where it cannot, it refuses the whole file)."""
    if field.kind == "rational":
        return len(field.raw) == 8 and field.raw[4:] != b"\0\0\0\0"
    try:
        name.encode()
        if field.kind in ("string", "stringvector"):
            field.raw.decode()
    except UnicodeError:
        return False
    return True


def _bytes(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


def _count(part: Part, source: ExrFile) -> int:
    if part.deep or "chunkCount" in part.fields:
        field = part.fields.get("chunkCount")
        if field is None or field.kind != "int" or len(field.raw) != 4:
            raise source.damaged("the header's chunkCount is missing or wrong")
        count = int(struct.unpack("<i", field.raw)[0])
        if count < 0 or (not part.deep and count != _expected(part)):
            raise source.damaged(f"{count} chunks are not what its size asks for")
        return count
    return _expected(part)


def _expected(part: Part) -> int:
    if part.tiles is None:
        return -(-part.data.height // LINES[part.compression])
    across, down = _levels(part.data.width, part.tiles), _levels(part.data.height, part.tiles)
    columns = [-(-w // part.tiles.width) for w in across]
    rows = [-(-h // part.tiles.height) for h in down]
    if part.tiles.mode == 2:
        return sum(columns) * sum(rows)
    if part.tiles.mode == 0:
        return columns[0] * rows[0]
    # A mip-map has as many levels as its longer side asks for; the shorter side stays at one pixel.
    most = max(len(columns), len(rows))
    columns += [1] * (most - len(columns))
    rows += [1] * (most - len(rows))
    return sum(c * r for c, r in zip(columns, rows, strict=True))


def _levels(side: int, tiles: Tiling) -> list[int]:
    """Sizes of the levels of one side, down to one pixel."""
    sizes = [side]
    while sizes[-1] > 1:
        sizes.append((sizes[-1] + 1) // 2 if tiles.round_up else sizes[-1] // 2)
    return sizes


def _places(part: Part) -> Iterator[tuple[int, ...]]:
    """What the leaders of the full-resolution chunks say, in table order."""
    if part.tiles is None:
        lines = LINES[part.compression]
        yield from ((y,) for y in range(part.data.y, part.data.y + part.data.height, lines))
        return
    for row in range(-(-part.data.height // part.tiles.height)):
        for column in range(-(-part.data.width // part.tiles.width)):
            yield column, row, 0, 0


def _check_leader(
    file: BufferedReader, layout: ExrLayout, part: Part, chunk: tuple[int, tuple[int, ...]], source: ExrFile
) -> None:
    offset, place = chunk
    leader, _ = _leader(file, layout, part, offset, source)
    number = struct.pack("<i", part.index) if layout.multipart else b""
    expected = number + struct.pack(f"<{len(place)}i", *place)
    if leader[:-4] != expected:
        raise source.damaged(f"the block at byte {offset} is not the one its chunk table says")


def _leader(file: BufferedReader, layout: ExrLayout, part: Part, offset: int, source: ExrFile) -> tuple[bytes, int]:
    """A chunk's leader (part number in a multipart file, place, size) and how many bytes of packed pixels follow it."""
    length = (4 if layout.multipart else 0) + (16 if part.tiles else 4) + 4
    leader = os.pread(file.fileno(), length, offset)
    size = int(struct.unpack("<i", leader[-4:])[0]) if len(leader) == length else -1
    if size <= 0 or offset + length + size > layout.size:
        raise source.damaged(f"the file ends inside the block at byte {offset}")
    return leader, size
