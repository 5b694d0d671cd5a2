"""Where neck and ears are among the bare skin beside the face, for an artist who wants more or less of them."""

from __future__ import annotations

import numpy as np

from vfxage.geometry import smoothstep
from vfxage.types import F32

_CHIN, _TOP, _BROWS = 152, 10, (105, 334)
_SOFT = 0.10
"""Height, in heights of the face, over which the hairline above gives way to the ears below the brows."""


def neck_factor(beyond: F32, points: F32, amount: float) -> F32:
    """(h2, w2) factor of the change on neck and ears: ``amount`` there, 1 on the face and along the hairline.

    ``beyond`` (h2, w2), 0..1, is the bare skin of ears, neck and hairline on a half grid; ``points`` (478, 2) are
    landmarks, pixels of the whole grid.
    """
    up = (points[_TOP] - points[_CHIN]) / 2
    height = max(float(np.hypot(*up)), 1.0)
    brow = points[list(_BROWS)].mean(axis=0) / 2
    y, x = (np.arange(count, dtype=np.float32) + np.float32(0.5) for count in beyond.shape)
    risen = ((x[None, :] - brow[0]) * up[0] + (y[:, None] - brow[1]) * up[1]) / np.float32(height**2)
    below = 1 - smoothstep(np.asarray(risen / np.float32(_SOFT), np.float32))
    return np.asarray(1 + np.float32(amount - 1) * np.minimum(beyond, 1) * below, np.float32)
