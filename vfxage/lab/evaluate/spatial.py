"""Where in the crop an ager changes the picture, and where it does not."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from vfxage.lab.evaluate.faces import Aged
from vfxage.lab.evaluate.regions import FaceParts, Mask
from vfxage.types import F32, F64

_STEP = 1 / 255
"""A change below one 8-bit code counts as none."""
_LOW = 16
"""The low bands begin at a sigma of the face's height divided by this."""
_SMALLER = 4
"""Factor by which pictures are reduced for this measure."""
PLACES = ("outside", "eyes", "teeth", "hair", "glasses")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One part of the crop."""

    energy: float
    """Share of the step's sum of squares that lies in it."""
    density: float
    """The step's mean square in it, over that on the skin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spatial:
    """Change of one step, by place."""

    places: dict[str, Place]
    """Those of PLACES that the face has; "outside" is where a render's usual matte is 0."""
    changed_outside: float
    """Share of the pixels outside the mesh's outline that the step, without a matte, moves by a code or more."""
    largest_outside: float
    """The largest change there, sRGB."""
    low_bands: float
    """Correlation of the skin's low bands before and after; NaN where the skin has none."""


def measure_change(aged: Aged, regions: FaceParts, *, glasses: bool) -> Spatial:
    """Measure one step. A step of zeros has no energy anywhere."""
    power = np.square(aged.step.astype(np.float64)).sum(axis=2)
    total = float(power.sum())
    skin = float(power[regions.skin].mean()) if regions.skin.any() else 0.0
    masks = {"outside": aged.crop.matte == 0, "eyes": regions.eyes, "teeth": regions.teeth, "hair": regions.hair}
    masks |= {"glasses": regions.rims} if glasses else {}
    beyond = np.abs(aged.step[~regions.face]).max(axis=1, initial=0.0)
    return Spatial(
        places={name: _place(power, mask, total, skin) for name, mask in masks.items() if mask.any()},
        changed_outside=float((beyond >= _STEP).mean()) if beyond.size else 0.0,
        largest_outside=float(beyond.max(initial=0.0)),
        low_bands=low_band_correlation(aged.crop.rgb, aged.result(), regions.skin, _face_height(aged)),
    )


def _place(power: F64, mask: Mask, total: float, skin: float) -> Place:
    within = power[mask]
    return Place(
        energy=float(within.sum()) / total if total > 0 else 0.0,
        density=float(within.mean()) / skin if skin > 0 else 0.0,
    )


def _face_height(aged: Aged) -> float:
    return float(np.hypot(*(aged.crop.points[10] - aged.crop.points[152])))


def low_band_correlation(before: F32, after: F32, skin: Mask, height: float) -> float:
    """Correlation over the skin, in all channels, of detail broader than a sixteenth of the face's height (sigma)."""
    weight = _quarter(skin.astype(np.float32))
    sure = weight > 0.5
    if not sure.any():
        return float("nan")
    low = [_low_band(image, skin, height / _LOW / _SMALLER)[sure] for image in (before, after)]
    one, other = (band - band.mean(axis=0) for band in low)
    scale = float(np.sqrt(np.square(one).sum() * np.square(other).sum()))
    return float((one * other).sum()) / scale if scale > 0 else float("nan")


def _low_band(image: F32, skin: Mask, sigma: float) -> F64:
    """(S / 4, S / 4, 3), smoothed within the skin, so that hair and background do not leak in."""
    weight = skin.astype(np.float32)
    total = cv2.GaussianBlur(_quarter(image * weight[..., None]), (0, 0), sigma)
    share = cv2.GaussianBlur(_quarter(weight), (0, 0), sigma)
    return np.asarray(total / np.maximum(share, 1e-6)[..., None], np.float64)


def _quarter(image: F32) -> F32:
    small = cv2.resize(image, None, fx=1 / _SMALLER, fy=1 / _SMALLER, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32)
