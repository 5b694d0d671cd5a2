"""The brightness and the hue of white hair in the light on a face."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from vfxage.arrays import ArrayData, shaped
from vfxage.types import F32

_BRIGHTNESS = 0.69
"""Display luma that white hair reaches in the light of a portrait, as on the brighter half of 74 portraits."""
_USUAL = np.array([0.06, -0.007, -0.04], np.float32)
"""Log RGB of white hair in the light of a portrait, as white and half-white hair of 74 portraits has it: with less red,
grey hair would be olive beside skin."""
_WARMER = np.array([0.36, -0.04, -0.64], np.float32)
"""Log RGB of light whose log of red over blue is 1: it is yellow, and skin that is red is flushed."""
_FOLLOWS, _RANGE = 0.35, (-0.25, 0.08)
"""Share by which white hair is warmer or cooler than that where the skin is, on white hair of 40 portraits, and how
much at least and at most, log of red over blue: what dark or flushed skin has beyond is skin, not light."""
_SKIN_WARM = 0.37
"""Log of red over blue of skin in the light of a portrait."""
_SKIN_GREEN, _NO_CAST, _MOST_CAST = -0.07, 0.02, 0.07
"""Log of green over red and blue of skin in neutral light, on 42 portraits; how far from that it lies on people in such
light, and the furthest beyond that. Film is often graded towards green: neutral hair then looks violet."""
_GREEN = np.array([-0.30, 0.39, -0.30], np.float32)
"""Log RGB of such a cast on white hair: two thirds of it, as yellow skin in neutral light looks like skin in green
light; walls and shirts on four plates have it whole."""
_LIT_USUAL, _LIT_SHARE, _LIT_RANGE = -0.55, 0.25, (-0.4, 0.3)
"""Log luma of skin in the light of a portrait, and by what share white hair follows where it is more or less, and how
far: the skin may be of any colour."""
_DIM_FROM, _DIM_OVER, _DIM_MOST = -0.75, 0.3, 0.15
"""Log luma of skin below which white hair is darker besides, how far below it is most, and by how much: the plate has
less light than a portrait."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class HairLight(ArrayData):
    """The light on the face, once per shot."""

    tint: F32 = field(metadata=shaped(3))
    """Log RGB beyond luma of the fitted skin."""
    level: float
    """Log luma of the fitted skin."""
    softness: float
    """The plate's blur (sigma), canonical pixels."""


def white_level(light: HairLight) -> float:
    """Log luma of white hair: as bright as the light on the face lets it be."""
    lit = _LIT_SHARE * float(np.clip(light.level - _LIT_USUAL, *_LIT_RANGE))
    dim = _DIM_MOST * float(np.clip((_DIM_FROM - light.level) / _DIM_OVER, 0, 1))
    return math.log(_BRIGHTNESS) + lit - dim


def white_tint(light: HairLight) -> F32:
    """Log RGB beyond luma of grey hair: warm and green as the light is, without the red of the skin's blood."""
    red, green, blue = (float(part) for part in light.tint)
    warmer = float(np.clip(_FOLLOWS * (red - blue - _SKIN_WARM), *_RANGE))
    cast_of_light = green - (red + blue) / 2 - _SKIN_GREEN
    away = max(abs(cast_of_light) - _NO_CAST, 0.0)
    tinged = math.copysign(min(away, _MOST_CAST), cast_of_light)
    return np.asarray(_USUAL + np.float32(warmer) * _WARMER + np.float32(tinged) * _GREEN, np.float32)
