"""The numbers that shape a younger face: each with its effect and where it comes from.

Lengths are canonical pixels: 384 span the mean face's square, so one is about 0.75 mm of skin. Depths and heights are
natural logarithms of display-referred sRGB luma. "By eye" means: judged at 100 % on portraits of people of 50 to 86.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from vfxage.ager.relief.younger.hair_colour import HairColour
from vfxage.face.look import Look

WARMER = (0.30, -0.05, -0.35)
"""Change of log RGB beyond luma for each unit of log luma by which skin is darker than the skin around it: shade of the
same hue as lit skin looks grey. By eye."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How a change of age becomes a strength."""

    reach: float = 2.2
    """Strength that the largest changes of age come near; 1 fills valleys as far as ``Closing`` says. By eye."""
    pace: float = 1.0
    """How soon it is reached: 15 years back from 55 give 0.8, from 65 0.9, 30 years 1.3 to 1.5. By eye."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Width:
    """One width of valleys."""

    radius: float
    """Half width of the widest valley that the closing fills, canonical pixels."""
    share: float
    """Share of the depth that full strength fills."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """Valleys of shading, found and filled by the morphological closing of the skin's luma."""

    narrow: Width = field(default_factory=lambda: Width(radius=2.6, share=1.10))
    """Lines: the cut of a nasolabial fold, crow's feet, forehead lines. Radius from the width of lines on portraits."""
    middle: Width = field(default_factory=lambda: Width(radius=5.2, share=1.00))
    """Furrows and the rims of pouches."""
    broad: Width = field(default_factory=lambda: Width(radius=10.0, share=0.90))
    """The floor of folds and tear troughs."""
    deepest: float = 0.64
    """Depth past which a valley is a feature (a nostril, the corner of the mouth) and fills less. By eye."""
    blur_width: float = 2.4
    """A blurred valley is wider: radii grow by this times the plate's blur (sigma), in quadrature. From Gaussians."""
    smoothing: float = 0.5
    """Sigma that takes the kernel's corners off the filling."""
    above: float = 0.07
    """Filled skin is brighter than the skin around it by at most this: no shining worm in place of a fold. By eye."""
    around: float = 10.0
    """Sigma over which that surrounding skin is averaged."""
    smile_kept: float = 0.28
    """Share of the folds of a smile that a broad smile keeps: without them a smile looks pasted on. By eye."""
    smile_cut: float = 0.4
    """How much less of it for the narrow cut of such a fold: a line without its fold reads as drawn."""
    smile_left: float = 0.40
    """Share of all the filling along those folds that a broad smile gives back as soft shade, with no cut in it. Women
    of 25 to 45 have as much contrast there as women past 50, smiling or not."""
    smile_soft: float = 4.0
    """Sigma of that shade."""
    further: float = 5.0
    """Sigma over which shade is lifted further at strengths past 1."""
    crest: float = 0.02
    """Log luma by which filled skin may stand out brighter from the skin near it than the plate's skin does."""
    crest_around: float = 8.0
    """Sigma over which that skin is averaged."""
    step_share: float = 0.80
    """Of a fold that is a step from a lit cheek to a shaded lip: the share by which the dark side is drawn up."""
    step_around: float = 18.0
    """Sigma over which the skin beside such a step is averaged."""
    step_deepest: float = 0.30
    """Largest step that is drawn up; a larger one is the form of the face."""
    shadow_beside: float = 14.0
    """Sigma over which the bare skin beside the shadow of a smile's fold is averaged."""
    shadow_reach: float = 6.0
    """Radius within which the floor of that shadow is looked for."""
    shadow_deep: tuple[float, float] = (0.50, 0.80)
    """Depth of the floor from which it is eased in proportion, and from which only so."""
    shadow_left: float = 0.28
    """Depth of the floor that is left at full strength: a young smile has a soft shadow too. By eye."""
    shadow_share: float = 1.0
    """Factor of that easing: the artist's."""
    common: float = 1.6
    """Of what faces of this age have lost in folds and hollows on average, over 30 years, that is given back: shading
    too broad for a closing. From the portraits' regression."""
    common_most: float = 0.18
    """Most that this brightens."""
    hollow_share: float = 0.45
    """Share of the shadow below the eye, against the fitted skin, that is lifted."""
    hollow_deepest: float = 0.35
    """Largest such shadow; a deeper one is the frame of spectacles or make-up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Softening:
    """Relief that a mean young face does not have, in three bands, after the valleys are filled."""

    sigmas: tuple[float, float, float] = (6.0, 12.0, 24.0)
    """Sigmas of the blurs that part the bands."""
    share: float = 1.00
    """Share of that relief that goes. By eye; readings fall by 1.4 years of 8.8 without it."""
    bright: tuple[float, float, float] = (0.6, 0.6, 0.4)
    """The bright side's share of the dark side's, by band: rolls and bulges are also form."""
    crepe: float = 0.80
    """The bright side's share below the eyes, gloss or not: crepe there is bright folds. By eye, on dark skin."""
    shadow: float = 0.42
    """Depth of all bands past which dark relief is the shadow of a hard light, and less of it goes: a shadow that the
    nose throws and that is lifted leaves a grey patch. By eye, on faces lit from the side."""
    lit: float = 0.16
    """The same for bright relief, in each band: the lit side of a cheek."""
    rise: float = 0.25
    """Most that it brightens."""
    fall: float = 0.08
    """Most that it darkens, rolls included: a rule of this side is that skin is hardly ever darkened."""
    gloss: float = 0.18
    """Brightness above the fitted skin at which gloss is spared: light is no age, and dulled it looks like ash."""
    rolls: float = 0.60
    """Share of the bright rolls between filled furrows that is taken back to the skin around them."""
    roll_radius: float = 4.0
    """Half width of such rolls."""
    roll_highest: float = 0.20
    """Height past which a roll is a feature."""
    jaw: float = 0.65
    """Share by which filling and softening spare the jaw's own edge, which is youth's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FineLines:
    """The finest band: what runs on along one direction is a line and goes, what does not is pores and stays."""

    band: float = 1.5
    """Sigma that the band is finer than."""
    orientation: float = 6.0
    """Sigma over which the direction is measured."""
    sample: float = 1.5
    """Distance between the nine samples along the direction."""
    coherent: tuple[float, float] = (0.08, 0.30)
    """Coherence of the structure tensor from which a direction counts, and fully counts; noise has about 0.1."""
    gain: float = 1.4
    """What the average along a slightly bent line loses. From bent lines of pixels."""
    dark: float = 0.95
    """Share of dark lines that goes."""
    bright: float = 0.75
    """Share of bright ridges that goes."""
    rough: float = 0.35
    """Share of fine roughness of any form that goes."""
    lined: float = 0.60
    """Share of what is left that goes where skin is covered with lines, as beside the eyes. Pores are added there."""
    under_eye: float = 0.40
    """More of it below the eyes, where crepe has no direction."""
    filled: float = 0.50
    """More of it where a fold was filled: what is left of its cut is a ghost of the line. Pores are added there."""
    feature: float = 0.40
    """Height past which fine detail is a feature."""
    texture: float = 1.0
    """Factor of the roughness that goes, up to all of it: the artist's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Healing:
    """What is left along filled folds, at full density: a thin line there reads as a scar."""

    share: float = 1.0
    """Share of it that goes: the artist's."""
    valley: float = 3.2
    """Half width of the widest valley that is sought."""
    ridge: float = 2.2
    """The same for bright ridges."""
    highest: float = 0.07
    """Most that a ridge is lowered, log luma: skin is hardly ever darkened."""
    filled: tuple[float, float] = (0.025, 0.10)
    """Filling, log luma, from which skin is looked at, and from which it surely is a filled fold."""
    slit: tuple[float, float] = (0.30, 0.55)
    """Filling from which a fold is a slit, and from which nothing of it can be used: black lifted is noise."""
    texture: float = 2.4
    """How much deeper than the mean valley between pores nearby a line is at least."""
    texture_reach: float = 7.0
    """Sigma of that mean."""
    full: float = 0.05
    """Depth beyond that from which a line is healed fully."""
    beside: float = 2.0
    """Sigma by which a line may lie beside the filling."""
    astray: float = 6.0
    """Sigma by which a slit may lie beside the usual place of folds; elsewhere it may be a mouth."""
    rim: float = 3.0
    """How far the penumbra of a slit reaches beyond it."""
    reaches: tuple[tuple[float, float], ...] = ((2.5, 1.0), (7.0, 0.1), (14.0, 0.02))
    """Sigmas over which the skin beside is averaged, with their weights: the wide one serves wide slits."""
    hue_reach: float = 8.0
    """Sigma over which its hue is averaged: the rim of a deep fold is lifted black and has none."""
    smile_kept: float = 0.25
    """Share of a slit's filling that a broad smile keeps, as soft shade. By eye."""
    soft: float = 2.5
    """Sigma of that shade."""
    warmer: tuple[float, float, float] = WARMER
    """See there."""
    warmed: float = 0.30
    """Depth up to which shade gets warmer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pores:
    """Texture given to skin that was filled or ironed, so that it matches the skin beside it."""

    share: float = 0.85
    """Of the texture that is missing against the skin beside it. All of it looks sanded. By eye."""
    near: float = 12.0
    """Sigma over which the texture beside is measured."""
    most: float = 0.06
    """Most texture that is added, standard deviation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Colour:
    """Colour of younger skin, lips and eyes."""

    beside: float = 10.0
    """Sigma over which the hue beside a filled fold is taken: without it deep folds become orange streaks."""
    beside_share: float = 0.90
    """Share of the way to that hue where a valley of ``beside_depth`` is filled."""
    beside_deep: float = 0.90
    """Share of that way in the deep shadow of a fold, which has no hue of its own. By eye."""
    warmer: tuple[float, float, float] = WARMER
    """See there."""
    warmed: float = 0.30
    """Depth up to which shade gets warmer."""
    beside_most: tuple[float, float] = (0.06, 0.9)
    """Log RGB that a filled fold's hue changes at most, and how much more for each unit of filling: a shallow fold in
    shade would turn grey green beside lit skin. By eye."""
    beside_depth: float = 0.08
    """Filling from which the hue is taken fully."""
    crease: tuple[float, float, float] = (0.96, 1.01, 1.03)
    """R, G, B of a lifted crease against 1: light that falls into it comes back redder. From the portraits."""
    even: float = 0.50
    """Share of blotches that is evened, against the skin around them; coloured light must stay."""
    even_reach: float = 26.0
    """Sigma of that surrounding skin."""
    blotch: float = 0.12
    """Largest blotch, log RGB beyond luma; a larger one is paint or light."""
    glow: tuple[float, float, float] = (0.022, -0.010, -0.004)
    """Log RGB that the cheeks gain: blood nearer the surface. By eye."""
    cheek_light: float = 0.03
    """Log luma that the cheeks gain."""
    lips: float = 0.20
    """Share by which the lips' colour against the skin grows: it fades with age (Russell 2009)."""
    lips_most: float = 0.25
    """Largest contrast that is raised; more is lipstick."""
    lips_red: float = 0.15
    """Log red over green by which young lips are redder than the skin beside them. By eye, on portraits of 20 to 35."""
    lips_pale: tuple[float, float, float] = (0.9, -2.2, -1.4)
    """Log RGB that a lip gains for each unit that it lacks of that, times ``lips``: blood takes away green and blue."""
    lashes: float = 0.35
    """Share by which dark lashes grow darker against the skin: this contrast fades with age (Porcheron et al. 2013)."""
    brows: float = 0.22
    """The same for the dark hairs of a brow; its shape and the skin between the hairs stay."""
    sclera_light: float = 0.03
    """Log luma that the white of the eye gains."""
    sclera_clear: float = 0.11
    """Share of its colour that it loses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifting:
    """Movement of the skin."""

    gain: float = 1.55
    """Of the movements in ``lifting.MOVES``, which are for 35 years back."""
    smoothing: float = 3.0
    """Sigma of the flow, canonical pixels."""
    on_skin: float = 6.0
    """Sigma of the border around hair and spectacles, which keep still."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grain:
    """The plate's grain and its compression, which a lifted shadow must not amplify."""

    finer: float = 0.8
    """Sigma that grain is finer than."""
    most: float = 0.04
    """Highest grain, sRGB; more is detail."""
    kept: float = 0.70
    """Share of it that keeps its height where skin is lifted. All of it leaves pores too weak in filled folds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All of them."""

    progress: Progress = field(default_factory=Progress)
    closing: Closing = field(default_factory=Closing)
    softening: Softening = field(default_factory=Softening)
    fine_lines: FineLines = field(default_factory=FineLines)
    healing: Healing = field(default_factory=Healing)
    pores: Pores = field(default_factory=Pores)
    colour: Colour = field(default_factory=Colour)
    lifting: Lifting = field(default_factory=Lifting)
    hair: HairColour = field(default_factory=HairColour)
    grain: Grain = field(default_factory=Grain)

    def steered(self, look: Look) -> Settings:
        """The settings with each part as strong as ``look`` says; nothing goes more than wholly."""
        lines, folds, hue = look.lines, look.folds, look.pigment
        closing, fine, colour = self.closing, self.fine_lines, self.colour
        return replace(
            self,
            closing=replace(
                closing,
                narrow=replace(closing.narrow, share=lines * closing.narrow.share),
                middle=replace(closing.middle, share=folds * closing.middle.share),
                broad=replace(closing.broad, share=folds * closing.broad.share),
                step_share=min(folds * closing.step_share, 1.0),
                shadow_share=min(folds * closing.shadow_share, 1.0),
                common=folds * closing.common,
                hollow_share=folds * closing.hollow_share,
            ),
            softening=replace(
                self.softening, share=min(folds * self.softening.share, 1.0), rolls=lines * self.softening.rolls
            ),
            fine_lines=replace(
                fine,
                dark=min(lines * fine.dark, 1.0),
                bright=min(lines * fine.bright, 1.0),
                lined=min(lines * fine.lined, 1.0),
                texture=look.texture,
            ),
            healing=replace(self.healing, share=min(lines * self.healing.share, 1.0)),
            colour=replace(
                colour,
                even=hue * colour.even,
                glow=(hue * colour.glow[0], hue * colour.glow[1], hue * colour.glow[2]),
                cheek_light=hue * colour.cheek_light,
                lips=look.lips * colour.lips,
                lashes=look.eyes * colour.lashes,
                sclera_light=look.eyes * colour.sclera_light,
                sclera_clear=look.eyes * colour.sclera_clear,
                brows=look.hair * colour.brows,
            ),
            lifting=replace(self.lifting, gain=look.shape * self.lifting.gain),
        )
