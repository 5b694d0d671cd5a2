"""One still: its header, known before a pixel is read, and its stored samples."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from vfxage.errors import ReadError
from vfxage.media.sequence import FrameFile
from vfxage.types import F32, SourceTags

FileKind = Literal["dpx", "tiff", "png", "jpeg"]
Depth = Literal[8, 10, 12, 16, "float"]
Samples = NDArray[Any]
"""Codes (uint8, uint16) or float32."""

KINDS: Mapping[str, FileKind] = {
    ".dpx": "dpx",
    ".tif": "tiff",
    ".tiff": "tiff",
    ".png": "png",
    ".jpg": "jpeg",
    ".jpeg": "jpeg",
}
"""By the file name's suffix, in lower case."""

NAMES: Mapping[FileKind, str] = {"dpx": "DPX", "tiff": "TIFF", "png": "PNG", "jpeg": "JPEG"}

LARGEST_SIDE = 1 << 17
PIXELS_FLOOR = 1 << 29
PIXELS_RATIO = 2048
"""Pixels may take PIXELS_FLOOR bytes, or PIXELS_RATIO times the file's size where that is more."""

_MARK = re.compile(r"vfxage (\S+) fingerprint=(.*?)(?: timecode=([\d:;]+))?(?: rate=(\d{1,7}/\d{1,7}))?")


@dataclass(frozen=True, slots=True)
class StillFile(FrameFile):
    """A file of this format, for errors."""

    def damaged(self, what: str) -> ReadError:
        """The ReadError of a file whose bytes contradict themselves."""
        return self.error(f"damaged {NAMES[self.kind]} file ({what})", "render or copy the file again")

    @property
    def kind(self) -> FileKind:
        """By the file's name."""
        return KINDS[self.path.suffix.lower()]


@dataclass(frozen=True, slots=True)
class DpxLayout:
    """Place and layout of the picture in a DPX file."""

    order: str
    offset: int
    stride: int
    bits: int
    packing: int
    descriptor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The checked header of one still: the file is large enough for its pixels."""

    kind: FileKind
    width: int
    """Stored size, pixels, before ``orientation`` turns it."""
    height: int
    channels: int
    """Samples of a pixel that are read: 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha."""
    depth: Depth
    straight: bool = True
    """Whether R, G and B are not multiplied by the alpha; a format that does not say counts as straight."""
    orientation: int = 1
    """Exif's (TIFF 6.0): 1 upright, 2 to 4 mirrored or upside down, 5 to 8 turned."""
    spaces: tuple[str, ...] = ()
    """OpenColorIO names that the header gives its pixels; a settled space is one."""
    unnamed: str = ""
    """What the header names instead, if it names no known colour space."""
    rate: Fraction | None = None
    timecode: str | None = None
    pixel_aspect: float = 1.0
    stamp: str | None = None
    """The fingerprint of a file that vfxage wrote."""
    version: str | None = None
    """The version of vfxage that wrote it."""
    notes: tuple[str, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    """Not of DPX: what a writer of the same kind carries over."""
    profile: bytes = b""
    """The embedded ICC profile. Not of DPX."""
    raw: bytes = b""
    """DPX only: all bytes before the pixels."""
    layout: DpxLayout | None = None

    @property
    def tags(self) -> SourceTags:
        """Metadata that outputs carry over."""
        return SourceTags(
            format=self.kind,
            attributes=self.attributes,
            raw=self.raw,
            profile=self.profile,
            depth=self.depth,
            timecode=self.timecode,
        )

    @property
    def alpha(self) -> bool:
        """Whether there is one."""
        return self.channels in (2, 4)

    @property
    def depth_name(self) -> str:
        """For people, and for writers of other formats."""
        return "float" if self.depth == "float" else f"{self.depth}-bit"

    @property
    def display_size(self) -> tuple[int, int]:
        """(width, height) once upright."""
        return (self.height, self.width) if self.orientation >= 5 else (self.width, self.height)


def check_size(header: Header, size: int, source: StillFile) -> None:
    """Raise ReadError for pixels that a file of ``size`` bytes cannot hold, before memory is taken for them."""
    sides = header.width, header.height
    one = 4 if header.depth == "float" else 1 if header.depth == 8 else 2
    limit = max(PIXELS_FLOOR, PIXELS_RATIO * size)
    if min(sides) < 1 or max(sides) > LARGEST_SIDE or sides[0] * sides[1] * max(header.channels, 3) * one > limit:
        raise source.damaged(f"its header asks for {sides[0]}x{sides[1]} pixels")


def mark(version: str, stamp: str, timecode: str | None = None, rate: Fraction | None = None) -> str:
    """The header's text on the program that made the file: vfxage, the stamp, and values without their own field."""
    text = f"vfxage {version} fingerprint={stamp}"
    text += f" timecode={timecode}" if timecode else ""
    return text + (f" rate={rate.numerator}/{rate.denominator}" if rate else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """The values of a ``mark``; None for those that it does not have."""

    version: str | None = None
    stamp: str | None = None
    timecode: str | None = None
    rate: Fraction | None = None


def parse_mark(text: str | None) -> Mark:
    """Read a ``mark``; a text that is none has no values."""
    found = _MARK.fullmatch(text or "")
    if found is None:
        return Mark()
    top, bottom = (found[4] or "0/0").split("/")
    rate = Fraction(int(top), int(bottom)) if int(bottom) else None
    return Mark(version=found[1], stamp=found[2], timecode=found[3], rate=rate)


def upright(samples: Samples, orientation: int) -> Samples:
    """Turn and mirror samples (H, W, C) as an Exif orientation asks."""
    if orientation >= 5:
        samples = samples.swapaxes(0, 1)
    if orientation in (2, 3, 7, 6):
        samples = samples[:, ::-1]
    if orientation in (3, 4, 7, 8):
        samples = samples[::-1]
    return np.ascontiguousarray(samples)


def top_code(depth: Depth) -> int:
    """The code of white; 1 for float."""
    return 1 if depth == "float" else (1 << depth) - 1


def floats(samples: Samples, depth: Depth) -> F32:
    """Codes as float32, 0..1 nominal; float samples unchanged."""
    if depth == "float":
        return np.asarray(samples, np.float32)
    return np.asarray(samples / np.float32(top_code(depth)), np.float32)


def codes(values: F32, depth: Depth) -> Samples:
    """Float values as codes of a depth: clipped, rounded to nearest, NaN as 0. A float depth leaves them unchanged."""
    if depth == "float":
        return values
    white = top_code(depth)
    scaled = np.nan_to_num(values, nan=0.0, posinf=2.0, neginf=0.0) * np.float32(white)
    return np.asarray(np.clip(np.rint(scaled), 0, white), np.uint8 if depth == 8 else np.uint16)
