"""The numbers by which grey hair gets its colour back: as in ``settings``, lengths are canonical pixels."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class HairColour:
    """Grey hair back to a colour. Levels are log luma; ``white`` and ``grey`` from 22 portraits with grey hair."""

    gain: float = 1.0
    """Of the share of today's grey hair that was not grey at the target age."""
    dark_percentiles: tuple[float, float] = (1.0, 8.0)
    """Percentiles of a hair's luma between which its strands count as still dark."""
    white: float = 0.50
    """How much darker than skin dark strands are in white hair at most: it keeps its colour. Portraits: 0.1 to 0.5."""
    grey: float = 0.85
    """The same for hair with strands that surely have pigment. Portraits: 0.8 and more."""
    least_brown: float = 0.30
    """Colour given to the blackest hair: black in the matte's own light would be a hole. By eye."""
    grey_chroma: float = 0.65
    """Share of the skin's chroma below which a pixel may be a grey strand; skin in a matte's edge is left alone."""
    lock_chroma: float = 1.25
    """Factor of that for a whole lock: at the outline light from behind makes fair hair look grey."""
    fair_chroma: tuple[float, float] = (0.45, 0.62)
    """Colour of the brighter strands in shares of the skin's, up to which hair is grey, and from which it is fair.
    Grey hair in portraits has 0.35 to 0.53, fair hair 0.55 and more."""
    coldest: float = -0.55
    """Chroma below which it is no hair but cloth or a wall; white hair under a blue sky has -0.3."""
    cold_span: float = 0.20
    """Range over which it surely may be hair."""
    dark_margin: float = 0.25
    """Above the dark strands' level: darker hair has its pigment."""
    black: float = -1.75
    """Level below which hair is dark whatever its strands are: the sheen on black hair is not grey."""
    sheen: float = 0.80
    """How much darker than skin the sheen of dark hair stays; grey hair is brighter. By eye, on black hair."""
    sheen_black: float = 0.30
    """The same for hair that is nearly all black: its sheen is brighter than grey hair elsewhere."""
    sheen_dark: tuple[float, float] = (1.0, 1.5)
    """How much darker than skin the median of hair is from which it is black, and surely so."""
    bright_span: float = 0.60
    """Range of level over which a strand becomes surely grey."""
    target_rise: float = 0.15
    """Level of a lock against its dark strands: light on hair stays."""
    fall: float = 0.80
    """Share of the way to that level; all of it is a flat helmet."""
    highlight: float = 0.35
    """Share of the way for what of a lock is brighter than the whole hair: light, and locks that were lighter."""
    most: float = 1.20
    """Most that hair darkens."""
    tint_share: float = 0.85
    """Share of the way to the dark strands' tint."""
    tint_reach: float = 2.5
    """Sigma over which the colour of strands is looked at."""
    hole: float = 7.0
    """Half width of the widest dent of the matte that is closed."""
    strand: float = 1.2
    """Sigma within which hair is one strand, canonical pixels."""
    lock: float = 9.0
    """Sigma within which it is one lock: light and shade within it stay."""
    glossy: float = 0.8
    """How much a lock of one colour gains in contrast for each unit of log luma by which it darkens: light within grey
    strands softens their shade, and pigment takes that light away."""
    glossy_most: float = 0.20
    """Contrast, log luma, from which a strand is of another colour than its lock, and gains none."""
    tinted: float = 0.35
    """How much darker than the level from which hair darkens it takes the dark strands' tint already."""
    calmer: float = 0.25
    """Share by which strands in a grey lock come nearer to each other: grey beside dark is more contrast than light and
    shade on hair of one colour. By eye."""
    glint: float = 1.5
    """How much brighter than its lock something is that is no hair: a hinge of spectacles, a lamp behind. Log luma."""
    edge: float = 1.5
    """Power of the matte: a pixel that is half hair gets less than half of the change in log units."""
    beard: float = 0.80
    """Share for a beard: all of it looks like a shadow on the chin."""
    brows: float = 0.60
    """Share for the brows: a painted brow is worse than a grey one."""
