"""Colour tags of a movie: matrix, range, primaries and transfer, as in ITU-T H.273 (CICP)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vfxage.colour.cicp import to_cicp
from vfxage.errors import ReadError

UNSPECIFIED = 2
VIDEO_RANGE, FULL_RANGE = 1, 2

LUMA_WEIGHTS: Mapping[int, tuple[float, float]] = {
    1: (0.2126, 0.0722),
    4: (0.30, 0.11),
    5: (0.299, 0.114),
    6: (0.299, 0.114),
    7: (0.212, 0.087),
    9: (0.2627, 0.0593),
}
"""(Kr, Kb) by matrix number. H.273 table 4; others are not a matrix of R'G'B' or need constant luminance."""

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
    """The (primaries, transfer, matrix) tags of a colour space; unspecified for a space that no tags name."""
    primaries, transfer = to_cicp(space) or (UNSPECIFIED, UNSPECIFIED)
    return primaries, transfer, 9 if primaries == 9 else 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Tags:
    """How to read a movie's code values; numbers are H.273's, never "unspecified" after ``resolve_tags``."""

    primaries: int
    transfer: int
    matrix: int
    """0 for RGB."""
    full_range: bool
    notes: tuple[str, ...] = ()
    """Notes for the user on tags that were assumed."""

    def weights(self, path: str) -> tuple[float, float]:
        """The coefficients (Kr, Kb) of the matrix. Raises ReadError for a matrix that is not a plain one."""
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
    """The file's own numbers, 2 (range: 0) where it says nothing."""

    primaries: int
    transfer: int
    matrix: int
    range: int
    rgb: bool
    """Whether samples are R, G, B."""
    full_format: bool
    """Whether the pixel format itself means full range (yuvj420p)."""


def resolve_tags(raw: RawTags, width: int, height: int, *, named: bool) -> Tags:
    """Fill in what the file does not say: BT.709 for HD (1280 wide or 720 high and up), BT.601 below; video range.

    If the shot names the colour space (``named``), primaries and transfer are not used and not noted.
    """
    hd = width >= 1280 or height >= 720
    size = "HD" if hd else "SD"
    matrix, primaries, transfer = raw.matrix, raw.primaries, raw.transfer
    missing, meaning = [], []
    if raw.rgb:
        matrix = 0
    elif matrix in (UNSPECIFIED, 0, 3):
        matrix = 1 if hd else 6
        missing.append("matrix")
        meaning.append(f"{MATRIX_NAMES[matrix]} matrix ({size} size)")
    if primaries in (UNSPECIFIED, 0, 3):
        primaries = 1 if raw.rgb or hd else 6
        if not named:
            missing.append("primaries")
            meaning.append(f"{'BT.709' if primaries == 1 else 'BT.601'} primaries")
    if transfer in (UNSPECIFIED, 0, 3):
        transfer = 1
        if not named:
            missing.append("transfer")
            meaning.append("BT.1886 curve")
    full = raw.range == FULL_RANGE
    if raw.range not in (VIDEO_RANGE, FULL_RANGE):
        full = raw.rgb or raw.full_format
        if not full:
            missing.append("range")
            meaning.append("video range")
    notes = (f"no tag for {', '.join(missing)}: read as {', '.join(meaning)}",) if missing else ()
    return Tags(primaries=primaries, transfer=transfer, matrix=matrix, full_range=full, notes=notes)
