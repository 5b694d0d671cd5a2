"""The colour tags of a movie (matrix, range, primaries, transfer) as numbered in ITU-T H.273 (CICP)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from vfxage.colour.cicp import to_cicp
from vfxage.errors import ReadError

UNSPECIFIED = 2
BT709 = 1
"""The number of BT.709 primaries."""
SRGB_CURVE = 13
"""The number of sRGB's transfer (IEC 61966-2-1)."""
VIDEO_RANGE, FULL_RANGE = 1, 2

LUMA_WEIGHTS: Mapping[int, tuple[float, float]] = {
    1: (0.2126, 0.0722),
    4: (0.30, 0.11),
    5: (0.299, 0.114),
    6: (0.299, 0.114),
    7: (0.212, 0.087),
    9: (0.2627, 0.0593),
}
"""(Kr, Kb) by matrix number, from H.273 table 4. Other numbers are not a plain matrix or need constant luminance."""

MATRIX_NAMES: Mapping[int, str] = {
    0: "RGB",
    1: "BT.709",
    4: "FCC",
    5: "BT.601",
    6: "BT.601",
    7: "SMPTE 240M",
    8: "YCgCo",
    9: "BT.2020",
    10: "BT.2020 constant luminance",
    14: "ICtCp",
}

NEAR_709: Mapping[int, tuple[str, tuple[float, ...]]] = {
    5: ("BT.601 (625 lines)", (0.64, 0.33, 0.29, 0.60, 0.15, 0.06, 0.3127, 0.3290)),
    6: ("BT.601 (525 lines)", (0.63, 0.34, 0.31, 0.595, 0.155, 0.07, 0.3127, 0.3290)),
    7: ("SMPTE 240M", (0.63, 0.34, 0.31, 0.595, 0.155, 0.07, 0.3127, 0.3290)),
}
"""Primaries without a colour space of their own, close to Rec.709: name, rx ry gx gy bx by wx wy. H.273 table 2."""


def tags_for(space: str) -> tuple[int, int, int]:
    """(primaries, transfer, matrix) to write for a colour space; UNSPECIFIED if H.273 has no number for it."""
    primaries, transfer = to_cicp(space) or (UNSPECIFIED, UNSPECIFIED)
    return primaries, transfer, 9 if primaries == 9 else 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Tags:
    """How to read a movie's code values, in H.273 numbers; after ``resolve_tags`` no number is UNSPECIFIED."""

    primaries: int
    transfer: int
    matrix: int
    """0 for RGB."""
    full_range: bool
    notes: tuple[str, ...] = ()
    """Assumptions that the user should know."""

    def weights(self, path: str) -> tuple[float, float]:
        """(Kr, Kb) of the matrix; raises ReadError if the matrix is not a plain one."""
        if self.matrix not in LUMA_WEIGHTS:
            name = MATRIX_NAMES.get(self.matrix, f"number {self.matrix}")
            raise ReadError(
                f"has colour matrix {name}, which vfxage does not read",
                path=path,
                fix="convert it to BT.709 or BT.2020 (non-constant luminance)",
            )
        return LUMA_WEIGHTS[self.matrix]


@dataclass(frozen=True, slots=True, kw_only=True)
class RawTags:
    """The numbers in the file; 2 (range: 0) for a missing tag."""

    primaries: int
    transfer: int
    matrix: int
    range: int
    rgb: bool
    """Whether the samples are R, G and B."""
    full_format: bool
    """Whether the pixel format itself means full range (yuvj420p)."""


class _Default(NamedTuple):
    """The value that replaces a tag the file does not have."""

    tag: str
    number: int
    meaning: str


PAL_HEIGHTS = frozenset({576, 608})
"""Heights of untagged SD pictures that come from 625 lines: a frame, and a frame with the VBI (IMX)."""


def resolve_tags(raw: RawTags, width: int, height: int, *, named: bool) -> Tags:
    """Replace missing tags by BT.709 for HD (at least 1280 wide or 720 high), BT.601 for SD, and video range.

    The primaries of SD are those of 625 lines (PAL) for ``PAL_HEIGHTS``, else those of 525 lines (NTSC). ``notes``
    lists the defaults that were used. If the user has ``named`` a colour space, primaries and transfer do not matter,
    and no note mentions them.
    """
    hd = width >= 1280 or height >= 720
    absent = (UNSPECIFIED, 0, 3)
    matrix = _Default("matrix", 1 if hd else 6, f"{'BT.709' if hd else 'BT.601'} matrix ({'HD' if hd else 'SD'} size)")
    primaries = _Default("primaries", 1, "BT.709 primaries")
    if not (raw.rgb or hd):
        pal = height in PAL_HEIGHTS
        primaries = _Default("primaries", 5 if pal else 6, f"BT.601 primaries ({625 if pal else 525} lines)")
    transfer = _Default("transfer", 1, "BT.1886 curve")
    full = raw.range == FULL_RANGE or (raw.range != VIDEO_RANGE and (raw.rgb or raw.full_format))
    video = _Default("range", VIDEO_RANGE, "video range")
    used = (
        (matrix, not raw.rgb and raw.matrix in absent),
        (primaries, not named and raw.primaries in absent),
        (transfer, not named and raw.transfer in absent),
        (video, not full and raw.range != VIDEO_RANGE),
    )
    assumed = [default for default, missing in used if missing]
    names, meanings = (", ".join(texts) for texts in ([d.tag for d in assumed], [d.meaning for d in assumed]))
    return Tags(
        primaries=primaries.number if raw.primaries in absent else raw.primaries,
        transfer=transfer.number if raw.transfer in absent else raw.transfer,
        matrix=0 if raw.rgb else matrix.number if raw.matrix in absent else raw.matrix,
        full_range=full,
        notes=(f"no tag for {names}: read as {meanings}",) if assumed else (),
    )
