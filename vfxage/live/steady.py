"""Steadier changes without waiting: each is mixed with the one before it where the picture of the face is the same."""

from __future__ import annotations

import cv2
import numpy as np

from vfxage.colour.curves import LUMA_709
from vfxage.types import F32, FaceDelta

_MEMORY = 0.6
"""Weight of the change before, where the picture is the same."""
_SAME = 0.03
"""Difference in sRGB at which two pictures of the face are no longer the same, after a blur."""
_BLUR = 0.01
"""Width of that blur, in sides of the crop: grain is no difference."""


class CausalSteps:
    """Mixes the step of a face with that of the picture before; remembers one picture."""

    def __init__(self) -> None:
        self._luma: F32 | None = None
        self._step: F32 | None = None
        self._ages: tuple[float, float] | None = None

    def steady(self, delta: FaceDelta) -> F32:
        """The steadied step (S, S, 3). Forgets the step before if ages or crop size have changed."""
        crop = delta.crop
        luma = np.asarray(cv2.GaussianBlur(crop.rgb @ LUMA_709, (0, 0), _BLUR * crop.rgb.shape[0]), np.float32)
        step = delta.step
        if (
            self._luma is not None
            and self._step is not None
            and self._ages == crop.ages
            and luma.shape == self._luma.shape
        ):
            unlike = np.minimum(np.abs(luma - self._luma) / np.float32(_SAME), 1)
            weight = np.float32(_MEMORY) * (1 - unlike)
            step = np.asarray(step + weight[..., None] * (self._step - step), np.float32)
        self._luma, self._step, self._ages = luma, step, crop.ages
        return step

    def forget(self) -> None:
        """Begin anew, as when the face was lost."""
        self._luma = self._step = self._ages = None
