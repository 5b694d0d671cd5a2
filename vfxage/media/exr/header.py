"""The header of an OpenEXR file, read byte by byte and checked before any memory is taken for pixels.

The layout is that of "OpenEXR File Layout" (openexr.com). OpenEXR's own parser would do, were it not that it prints to
stderr, gives pixel arrays of any size a header asks for, and refuses a whole file for one string that is not UTF-8.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BufferedReader
from typing import Literal

from vfxage.errors import ReadError
from vfxage.media.sequence import FrameFile
from vfxage.types import Window

MAGIC = 20000630
TILED, LONG_NAMES, DEEP, MULTIPART = 0x200, 0x400, 0x800, 0x1000

LINES = {0: 1, 1: 1, 2: 1, 3: 16, 4: 32, 5: 16, 6: 32, 7: 32, 8: 32, 9: 256, 10: 256, 11: 32, 12: 256, 13: 1}
"""Scan lines in one chunk, by compression: none, RLE, ZIPS, ZIP, PIZ, PXR24, B44, B44A, DWAA, DWAB, HTJ2K, ZSTD."""

LARGEST_SIDE = 1 << 17
LARGEST_HEADER = 1 << 26
PIXELS_FLOOR = 1 << 29
PIXELS_RATIO = 2048
"""Pixels may take PIXELS_FLOOR bytes, or PIXELS_RATIO times the file's size where that is more: what a picture can be
packed to unless it is one flat colour, and then it still may be as large as the floor."""

SampleType = Literal["uint", "half", "float"]
_SAMPLES: dict[int, SampleType] = {0: "uint", 1: "half", 2: "float"}
SAMPLE_BYTES: dict[SampleType, int] = {"uint": 4, "half": 2, "float": 4}


@dataclass(frozen=True, slots=True)
class ExrFile(FrameFile):
    """A file of this format, for errors."""

    def damaged(self, what: str) -> ReadError:
        """The ReadError of a file whose bytes contradict themselves."""
        return self.error(f"damaged OpenEXR file ({what})", "render or copy the file again")


@dataclass(frozen=True, slots=True)
class Field:
    """One attribute with its bytes as stored."""

    kind: str
    raw: bytes

    @property
    def text(self) -> str | None:
        """Its text where it is a string in UTF-8."""
        try:
            return self.raw.decode() if self.kind == "string" else None
        except UnicodeDecodeError:
            return None


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel of a part."""

    name: str
    samples: SampleType
    x_sampling: int
    y_sampling: int


@dataclass(frozen=True, slots=True)
class Tiling:
    """How a tiled part is cut."""

    width: int
    height: int
    mode: int
    """0 one level, 1 mip-map, 2 rip-map."""
    round_up: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part, checked: windows, tiles and pixels have sizes that the file can hold."""

    index: int
    fields: Mapping[str, Field]
    deep: bool
    channels: tuple[Channel, ...]
    data: Window
    display: Window
    compression: int
    tiles: Tiling | None

    @property
    def name(self) -> str:
        """Name of the part; empty if the file does not say."""
        field = self.fields.get("name")
        return (field.text if field else None) or ""


@dataclass(frozen=True, slots=True)
class ExrLayout:
    """A file's parts and where its chunk tables start."""

    parts: tuple[Part, ...]
    multipart: bool
    size: int
    """Bytes of the file."""
    tables: int
    """Offset of the first part's chunk table."""


def read_layout(source: ExrFile) -> ExrLayout:
    """Parse and check every part's header. Raises ReadError. Memory is bounded by the size of the header."""
    try:
        with source.path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            return _Parser(file, size, source).layout()
    except FileNotFoundError as error:
        raise source.error("the file is missing", "restore it") from error
    except OSError as error:
        raise source.error(f"cannot be read ({error.strerror or error})", "check path and permissions") from error


class _Parser:
    def __init__(self, file: BufferedReader, size: int, source: ExrFile) -> None:
        self._file = file
        self._size = size
        self._source = source

    def layout(self) -> ExrLayout:
        if self._size == 0:
            raise self._source.error("the file is empty")
        if self._size < 8 or self._int() != MAGIC:
            raise self._source.error("not an OpenEXR file")
        version = self._int()
        if version & 0xFF != 2 or version & ~(0xFF | TILED | LONG_NAMES | DEEP | MULTIPART):
            raise self._source.error(f"OpenEXR version {version & 0xFF}, flags {version >> 8:#x} are not known")
        headers = []
        while fields := self._header():
            headers.append(fields)
            if not version & MULTIPART:
                break
        if not headers:
            raise self._source.damaged("no header")
        parts = tuple(self._part(index, fields, version) for index, fields in enumerate(headers))
        return ExrLayout(parts, bool(version & MULTIPART), self._size, self._file.tell())

    def _take(self, count: int) -> bytes:
        if count < 0 or self._file.tell() + count > min(self._size, LARGEST_HEADER):
            raise self._source.damaged("the header ends too early")
        return self._file.read(count)

    def _int(self) -> int:
        return int(struct.unpack("<i", self._take(4))[0])

    def _word(self) -> str:
        letters = bytearray()
        while (letter := self._take(1)) != b"\0":
            letters += letter
            if len(letters) > 255:
                raise self._source.damaged("a name in the header is longer than 255 characters")
        return letters.decode("utf-8", "surrogateescape")

    def _header(self) -> dict[str, Field]:
        fields: dict[str, Field] = {}
        while name := self._word():
            kind = self._word()
            fields[name] = Field(kind, self._take(self._int()))
        return fields

    def _raw(self, fields: Mapping[str, Field], name: str, kind: str, size: int) -> bytes:
        field = fields.get(name)
        if field is None or field.kind != kind or len(field.raw) != size:
            raise self._source.damaged(f"the header's {name} is missing or wrong")
        return field.raw

    def _window(self, fields: Mapping[str, Field], name: str) -> Window:
        left, top, right, bottom = struct.unpack("<4i", self._raw(fields, name, "box2i", 16))
        window = Window(left, top, right - left + 1, bottom - top + 1)
        if window.empty or max(window.shape) > LARGEST_SIDE or max(map(abs, (left, top))) > 1 << 30:
            raise self._source.damaged(f"{name} {left} {top} {right} {bottom} is impossible")
        return window

    def _part(self, index: int, fields: dict[str, Field], version: int) -> Part:
        kind = fields["type"].text if "type" in fields else None
        if kind is None and version & (DEEP | MULTIPART):
            raise self._source.damaged("the header's type is missing")
        if kind not in (None, "scanlineimage", "tiledimage", "deepscanline", "deeptile"):
            raise self._source.damaged(f"{kind!r} is no type of a part")
        tiled = kind in ("tiledimage", "deeptile") if version & MULTIPART else bool(version & TILED)
        compression = self._raw(fields, "compression", "compression", 1)[0]
        if compression not in LINES:
            raise self._source.error(f"compression {compression} is not known")
        part = Part(
            index=index,
            fields=fields,
            deep=bool(kind and kind.startswith("deep")),
            channels=tuple(self._channels(fields)),
            data=self._window(fields, "dataWindow"),
            display=self._window(fields, "displayWindow"),
            compression=compression,
            tiles=self._tiles(fields) if tiled else None,
        )
        self._check_size(part)
        return part

    def _channels(self, fields: Mapping[str, Field]) -> Iterator[Channel]:
        field = fields.get("channels")
        if field is None or field.kind != "chlist":
            raise self._source.damaged("the header's channels are missing")
        raw = field.raw
        while raw != b"\0":
            name, _, rest = raw.partition(b"\0")
            if not name or len(rest) < 17:
                raise self._source.damaged("the list of channels ends too early")
            samples, _linear, x, y = struct.unpack("<4i", rest[:16])
            if samples not in _SAMPLES or not (0 < x <= 64 and 0 < y <= 64):
                raise self._source.damaged(f"channel {name.decode('utf-8', 'replace')} has no known type")
            yield Channel(name.decode("utf-8", "surrogateescape"), _SAMPLES[samples], x, y)
            raw = rest[16:]

    def _tiles(self, fields: Mapping[str, Field]) -> Tiling:
        width, height, mode = struct.unpack("<IIB", self._raw(fields, "tiles", "tiledesc", 9))
        if not (0 < width <= LARGEST_SIDE and 0 < height <= LARGEST_SIDE) or mode & 0xF > 2 or mode >> 4 > 1:
            raise self._source.damaged(f"tiles of {width}x{height} are impossible")
        return Tiling(width, height, mode & 0xF, bool(mode >> 4))

    def _check_size(self, part: Part) -> None:
        limit = max(PIXELS_FLOOR, PIXELS_RATIO * self._size)
        depth = sum(SAMPLE_BYTES[c.samples] for c in part.channels)
        tile = part.tiles.width * part.tiles.height if part.tiles else 0
        pixels = max(part.data.width * part.data.height, tile)
        if pixels * depth > limit or part.display.width * part.display.height * 6 > limit:
            raise self._source.damaged(f"its header asks for {part.data.width}x{part.data.height} pixels")
