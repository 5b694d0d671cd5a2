"""The numbers behind the look of ``bands``, by name: what each does, its useful range and where it comes from.

Whoever changes one changes pictures: raise ``METHOD`` in ``bands.py`` and remake the golden crops.

"By eye" means that a person chose the value on portraits and kept no measurement; ``tests/ager/test_bands.py`` sets the
limits. The ranges are estimates of what still looks like skin. "Log" is the natural logarithm of sRGB luma, so that 0.1
is about 10 % of brightness. Widths are sigmas of Gaussian blurs, each written as a divisor of the face's height
(forehead to chin on the mesh): a larger divisor is a narrower blur.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Wear:
    """How ages in years become an amount of ageing. A straight line plus a bend."""

    most_years: float = 60
    """Years between the two ages past which no more is done. 40 to 80. By eye."""
    steady: float = 0.45
    """Share of the wear that goes on at every age. 0 to 1; more ages young faces more. By eye."""
    late: float = 0.55
    """Share of the wear that sets in at ``bend``. Computed: with ``steady`` it sums to 1."""
    bend: float = 36
    """Age around which the late wear sets in. 30 to 45. By eye: skin changes slowly before the middle thirties."""
    softness: float = 6
    """Years over which it sets in. 2 to 12; less is a sharper corner in a ramp of ages. By eye."""
    unit: float = 40
    """Years past the bend that count as 1. Chosen so that 40 to 80 is about 1; it scales everything else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """How the picture is split into bands of detail, and which part of the crop is worked on."""

    floor: float = 0.04
    """sRGB added before the logarithm. 0.02 to 0.08; more leaves dark skin alone. By eye: below it, detail is grain."""
    least_height: float = 16
    """Pixels the face's height counts as at least. Technical: blurs stay wider than nothing on degenerate meshes."""
    margin: float = 0.06
    """Room around the mesh's box, in heights of the face. 0.03 to 0.1. Technical: the mask's soft edge must fit in."""
    grain: float = 230
    """Detail narrower than this is grain, and stays. 180 to 300. By eye."""
    pores: float = 75
    """Upper edge of the fine band (pores). 60 to 100; less calls more of the wrinkles pores. By eye."""
    lines: float = 30
    """Upper edge of the middle band (wrinkles: 1/128 to 1/32 of the height). 24 to 40. By eye."""
    hollows: float = 9
    """Upper edge of the broad band (bags, hollows). 6 to 14; less takes in the shape of the face. By eye."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Skin:
    """What counts as bare skin: inside the mesh, coloured like the face, no hair."""

    edge: float = 50
    """Softness of the mesh's outline. 30 to 80; less is softer, and further inside. By eye."""
    colour_blur: float = 60
    """Blur before colours are compared. 40 to 90; less lets thin strands pass for skin. By eye."""
    colour_edge: float = 1.5
    """Softness of the colour mask, in quarter pixels of the working grid. 1 to 3. By eye."""
    fit_passes: int = 4
    """Passes of the fit of the face's own colour. 3 to 6. By eye."""
    fit_outlier: float = 0.05
    """Squared log distance at which a sample counts half. 0.02 to 0.1; less ignores hair and glasses more. By eye."""
    fit_level: float = 1e-3
    """Pull of the fit's level towards 0. Technical: only keeps the equations solvable."""
    fit_slope: float = 0.3
    """Pull of the fit's slopes towards 0. 0.1 to 1; less follows light from the side more. By eye."""
    dark: float = 0.3
    """Log luma below the face's own that is still skin (folds, shadow). 0.2 to 0.5; more takes in brows. By eye."""
    dark_fade: float = 0.22
    """Log luma over which darker tones fade out. 0.1 to 0.4. By eye."""
    light: float = 0.5
    """Log luma above the face's own that is still skin (highlights). 0.3 to 0.8. By eye."""
    light_fade: float = 0.4
    """Log luma over which lighter tones fade out. 0.2 to 0.6. By eye."""
    chroma: float = 0.01
    """Squared log chroma from the face's own that is still skin (blush). 0 to 0.03; more takes in lips. By eye."""
    chroma_fade: float = 0.05
    """Squared log chroma over which other colours fade out. 0.02 to 0.1. By eye."""
    hair_blur: float = 40
    """Blur of the measure of fine detail. 25 to 60; less spreads a beard's rim further over bare skin. By eye."""
    hair_power: float = 4
    """Times the face's own power of fine detail at which skin counts half. 2 to 8; less drops more stubble. By eye."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tone:
    """How much skin of a given brightness needs to look as old, and how its colour changes."""

    full: float = 0.55
    """sRGB luma of skin from which no more is added. 0.4 to 0.7. By eye."""
    darkest: float = 0.05
    """sRGB luma below which skin counts as this. Technical: ``most`` is reached long before."""
    power: float = 0.5
    """How fast the change grows on darker skin. 0.3 to 0.7. By eye; a test compares light and dark skin."""
    most: float = 1.6
    """Largest factor on dark skin. 1.3 to 2; more makes dark skin look dirty. By eye."""
    dulling: float = 0.06
    """Share of colour lost per unit of ageing (given back when younger). 0 to 0.15. By eye."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Folds:
    """How the drawn lines of ``wrinkle_lines.py`` become creases and shadows."""

    crease: float = 190
    """Width of a crease. 120 to 260; less is a broader line. By eye."""
    shadow: float = 32
    """Width of the shadow around a fold. 20 to 50. By eye."""
    shoulder_width: float = 2.2
    """Width of the light shoulder beside a crease, in widths of the crease. 1.5 to 3. By eye."""
    shoulder: float = 0.8
    """Strength of that shoulder, of the crease's. 0 to 1; 1 leaves the mean brightness as it was. By eye."""
    peak: float = 2.5
    """Brings a blurred line of one pixel to about 1. Computed: a line's peak is 1 / (sigma * sqrt(2 pi)); sqrt(2 pi) is
    2.507."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Older:
    """What is added per unit of ageing. Gains are factors of the detail that is there."""

    fine: float = 1.5
    """Gain of the fine band. 0.5 to 2; more is rougher skin. By eye."""
    fine_depth: float = 0.13
    """Log depth at which fine detail counts half: deeper is a mole or a lash. 0.08 to 0.2. By eye."""
    grain: float = 1.5
    """Times the measured grain below which fine detail is not raised. 1 to 3; less raises film grain. By eye."""
    middle: float = 1.1
    """Gain of the middle band: the main control of wrinkles. 0.5 to 1.6. By eye."""
    middle_depth: float = 0.2
    """Log depth at which wrinkles count half: deeper is an edge of a feature. 0.12 to 0.3. By eye."""
    dark: float = 1.3
    """Factor for dark detail (creases). 1 to 1.6. By eye."""
    light: float = 0.6
    """Factor for light detail (ridges, glints). 0.3 to 1; more looks wet. By eye."""
    spots: float = 0.8
    """How much less dark spots are raised than dark lines. 0 to 1; 0 makes pimples and freckles darker. By eye."""
    hollow: float = 0.5
    """Gain of the broad band's shadows. 0 to 0.8; more is gaunt. By eye."""
    hollow_depth: float = 0.3
    """Log depth at which a hollow counts half. 0.2 to 0.5. By eye."""
    hollow_everywhere: float = 0.15
    """How much hollows count away from folds, where at folds it is up to 1. 0 to 0.4. By eye."""
    line: float = 0.22
    """Log depth of a drawn crease. 0.1 to 0.35; more looks drawn. By eye."""
    shade: float = 0.11
    """Log depth of a drawn fold's shadow. 0.05 to 0.2. By eye."""
    most_brighter: float = 0.065
    """Largest log rise. 0.04 to 0.1. By eye: above it highlights burn."""
    most_darker: float = 0.5
    """Largest log fall. 0.3 to 0.8. By eye."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Younger:
    """What is taken away. Shares are of the detail that is there, at many years."""

    speed: float = 2.4
    """How fast the shares are reached with the amount of ageing: 1 - exp(-speed * amount). 1.5 to 4. By eye."""
    fine: float = 0.75
    """Share of shallow fine detail. 0.4 to 0.9; more looks like plastic. By eye; pores must stay."""
    fine_dark: float = 0.12
    """Log depth up to which dark fine detail is shallow. 0.06 to 0.2. By eye."""
    fine_light: float = 0.08
    """The same for light fine detail. Less than for dark: glints are the skin's own shine. By eye."""
    middle: float = 0.85
    """Share of shallow wrinkles. 0.5 to 0.95. By eye."""
    middle_dark: float = 0.22
    """Log depth up to which a crease is shallow. 0.12 to 0.35; more erases features. By eye."""
    middle_light: float = 0.14
    """The same for ridges. By eye."""
    hollow: float = 0.5
    """Share of the broad band's shadows, in folds alone. 0.2 to 0.8. By eye."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retouch:
    """All numbers of the look, by what they are for."""

    wear: Wear = Wear()
    detail: Detail = Detail()
    skin: Skin = Skin()
    tone: Tone = Tone()
    folds: Folds = Folds()
    older: Older = Older()
    younger: Younger = Younger()


RETOUCH = Retouch()
"""The look that ships."""
