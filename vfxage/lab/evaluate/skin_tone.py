"""The tone of a face's skin, as one number that does not depend on age."""

from __future__ import annotations

import cv2
import numpy as np

from vfxage.lab.evaluate.regions import find_face_parts
from vfxage.types import F32, F64, FaceCrop

DARK = 10.0
"""Skin of less than this angle is brown or dark."""
_DEEPEST, _PALEST = -30.0, 70.0
"""Beyond these angles, the exposure changes the value more than the skin does."""


def typology_angle(rgb: F32 | F64) -> float:
    """The individual typology angle (Chardon et al. 1991) of a skin colour (3,), sRGB 0..1: degrees, pale is high."""
    lab = cv2.cvtColor(np.asarray(rgb, np.float32).reshape(1, 1, 3), cv2.COLOR_RGB2LAB)[0, 0]
    return float(np.clip(np.degrees(np.arctan2(lab[0] - 50, lab[2])), _DEEPEST, _PALEST))


def skin_tone(crop: FaceCrop) -> float:
    """The typology angle of the median colour of a face's bare skin; of the whole crop if no skin is seen."""
    skin = find_face_parts(crop).skin
    seen = crop.rgb[skin] if skin.any() else crop.rgb.reshape(-1, 3)
    return typology_angle(np.median(seen, axis=0))
