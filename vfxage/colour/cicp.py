"""Colour spaces by the numbers that videos and PNG have for them (ITU-T H.273, "CICP")."""

from __future__ import annotations

from vfxage.errors import ShotError

SRGB = "sRGB Encoded Rec.709 (sRGB)"
"""The usual colour space of PNG and JPEG; integer stills of a linear plate are written in it."""
DISPLAY_709 = "Rec.1886 Rec.709 - Display"
"""The space of a movie without tags, or with Rec.709 tags. A movie from a linear plate is written in it."""
LINEAR_709 = "Linear Rec.709 (sRGB)"

_SDR = (1, 2, 5, 6, 7)
"""Primaries that are Rec.709 to the eye: 709 itself, unspecified, and the two of BT.601."""

_CICP: tuple[tuple[tuple[int, ...], tuple[int, ...], str], ...] = (
    ((1, 2, 6, 14, 15), _SDR, DISPLAY_709),
    # PAL by its old tags: its monitors show about gamma 2.4 (EBU Tech 3320), not the 2.8 that the tag once stood for.
    ((5,), (5,), DISPLAY_709),
    ((1, 2, 6, 14, 15), (9,), "Rec.1886 Rec.2020 - Display"),
    ((4,), _SDR, "Gamma 2.2 Encoded Rec.709"),
    ((8,), _SDR, LINEAR_709),
    ((8,), (9,), "Linear Rec.2020"),
    ((8,), (12,), "Linear P3-D65"),
    ((13,), _SDR, SRGB),
    ((13,), (12,), "sRGB Encoded P3-D65"),
    ((16,), (2, 9), "Rec.2100-PQ - Display"),
    ((16,), (12,), "ST2084-P3-D65 - Display"),
    ((17,), (11,), "P3-DCI - Display"),
    ((17,), (12,), "P3-D65 - Display"),
    ((18,), (2, 9), "Rec.2100-HLG - Display"),
)
"""Transfers, primaries, and the OpenColorIO name of the two together."""

_PAIRS = (
    *((1, 1), (1, 13), (9, 14), (9, 16), (9, 18), (12, 13), (12, 16)),
    *((11, 17), (12, 17), (1, 4), (1, 8), (9, 8), (12, 8)),
)
"""(primaries, transfer) to write, the usual ones first."""

STANDARD = frozenset(name for *_, name in _CICP)
"""Spaces that files can name by number: they mean the same whatever a config has."""

_SAME = {
    "sRGB - Display": SRGB,
    "Display P3 - Display": "sRGB Encoded P3-D65",
    "Gamma 2.4 Encoded Rec.709": DISPLAY_709,
}
"""Spaces whose codes mean the same as another's."""


def from_cicp(primaries: int, transfer: int) -> str:
    """Name the colour space of a video's tags.

    BT.709 and BT.601 transfers, and untagged video, are what a BT.1886 monitor shows. Raises ShotError for tags with
    no equal, asking for ``colorspace:``.
    """
    for transfers, gamuts, name in _CICP:
        if transfer in transfers and primaries in gamuts:
            return name
    raise ShotError(
        f"the video's colour tags (primaries {primaries}, transfer {transfer}) have no OpenColorIO space",
        fix='name it in the shot: "colorspace: ..." (vfxage info --colorspaces lists the choices)',
    )


def to_cicp(space: str) -> tuple[int, int] | None:
    """The (primaries, transfer) tags of a colour space; None if no tags name it."""
    space = _SAME.get(space, space)
    return next((pair for pair in _PAIRS if from_cicp(*pair) == space), None)
