"""What the younger step measures of a face once per shot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from vfxage.ager.relief.mesh import CANON
from vfxage.ager.relief.skin_view import SkinView, luma
from vfxage.ager.relief.spectacles import spectacles, unwrapped
from vfxage.ager.relief.younger.hair import HAIR_FLOOR, HairTone, hair_tone
from vfxage.ager.relief.younger.hair_colour import HairColour
from vfxage.arrays import ArrayData, shaped
from vfxage.types import F32, Study

KINDS = ("hair", "beard", "brows")
"""Kinds of hair, each with a tone of its own."""
PORTRAIT_CHROMA = 0.51
"""Log of red over blue of portraits' skin, for a saturation of 1."""
_PLATE, RIMS = "younger_plate", "rims"
"""Names of arrays in the study; the older side reads the rims of spectacles too."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class YoungSample(ArrayData):
    """One crop of the shot, for the measurement."""

    rgb: F32 = field(metadata=shaped("S", "S", 3))
    """Display-referred sRGB."""
    points: F32 = field(metadata=shaped(478, 2))
    """Landmarks, crop pixels."""
    seen_skin: SkinView
    mattes: dict[str, F32] = field(metadata=shaped("S", "S"))
    """0..1, by the names hair, beard and brows."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class YoungStudy(ArrayData):
    """The measurements of one face, the same for every frame of the shot."""

    softness: float
    """The plate's blur (sigma), canonical pixels."""
    saturation: float
    """Colour of the plate's skin in shares of what portraits have."""
    tones: dict[str, HairTone]
    """By the names hair, beard and brows."""
    rims: F32 = field(metadata=shaped(CANON // 2, CANON // 2))
    """0..1, rims of spectacles on the mean face."""

    @staticmethod
    def usual() -> YoungStudy:
        """For crops that show no face."""
        none = np.zeros((CANON // 2, CANON // 2), np.float32)
        return YoungStudy(softness=0.0, saturation=1.0, tones=dict.fromkeys(KINDS, HairTone.none()), rims=none)

    def packed(self) -> Study:
        """As named arrays."""
        tones = {f"younger_{kind}": tone.packed() for kind, tone in self.tones.items()}
        plate = np.array([self.softness, self.saturation], np.float32)
        return {_PLATE: plate, RIMS: self.rims, **tones}

    @staticmethod
    def unpacked(study: Study) -> YoungStudy:
        """From the arrays of ``packed``."""
        softness, saturation = (float(value) for value in study[_PLATE])
        return YoungStudy(
            softness=softness,
            saturation=saturation,
            tones={kind: HairTone.unpacked(study[f"younger_{kind}"]) for kind in KINDS},
            rims=study[RIMS],
        )


def measured(
    samples: Sequence[YoungSample], mean: F32, settings: HairColour, glasses: bool | None = None
) -> YoungStudy:
    """Measure a face on some crops of the shot: medians over them.

    ``mean`` is the mean face (478, 2); ``glasses`` says by hand whether the face wears spectacles.
    """
    if not samples:
        return YoungStudy.usual()
    levels = [luma(np.log(sample.rgb + HAIR_FLOOR)) for sample in samples]
    pictures = [unwrapped(level, sample.points, mean) for level, sample in zip(levels, samples, strict=True)]
    tones = {kind: [_tone(sample, kind, settings) for sample in samples] for kind in KINDS}
    return YoungStudy(
        softness=float(np.median([sample.seen_skin.softness / sample.seen_skin.unit for sample in samples])),
        saturation=float(np.median([sample.seen_skin.saturation for sample in samples])),
        tones={kind: HairTone.unpacked(np.median(found, axis=0)) for kind, found in tones.items()},
        rims=spectacles(pictures, mean, glasses),
    )


def _tone(sample: YoungSample, kind: str, settings: HairColour) -> F32:
    """The packed tone of one kind of hair on one crop, against the level of the face's own skin."""
    skin = sample.seen_skin.masks["texture"] * sample.seen_skin.bare
    level = float((luma(sample.seen_skin.light) * skin).sum() / max(float(skin.sum()), 1e-3))
    return hair_tone(
        sample.rgb, sample.mattes[kind], (level, PORTRAIT_CHROMA * sample.seen_skin.saturation), settings
    ).packed()
