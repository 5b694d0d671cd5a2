"""Scarves and hoods that hide all hair: they go on under the chin, where hair does not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vfxage.ager.relief.head import Head
from vfxage.types import F32

_THROAT = (-1.4, -1.08)
"""Heights of the throat, between the chin and the collar."""
_ON, _ABOVE, _FEWEST = 0.5, 0.4, 20
"""Weights from which a pixel lies on the throat, on the person, and above the forehead, and pixels needed of each."""
_COVERED = 0.7
"""Share of the throat that looks like hair from which it is covered."""
_SAME = (0.3, 0.05, 0.05, 0.7)
"""Difference of log luma, log red over green, log blue over green, and log detail up to which it is the same cloth: a
collar is darker, brighter, bluer or smoother than hair."""


def wrapped(features: F32, like_hair: NDArray[np.bool_], head: Head) -> bool:
    """Tell whether what looks like hair goes on over the throat.

    ``features`` (n, n, 4) are brightness, two colours and detail, ``like_hair`` (n, n) what looks like hair.
    """
    throat = (head.neck > _ON) & (head.person > _ON) & (head.height > _THROAT[0]) & (head.height < _THROAT[1])
    above = (head.above > _ABOVE) & like_hair
    if min(int(throat.sum()), int(above.sum())) < _FEWEST or like_hair[throat].mean() < _COVERED:
        return False
    apart = np.abs(np.median(features[throat], axis=0) - np.median(features[above], axis=0))
    return bool((apart < np.array(_SAME)).all())


__all__ = ["wrapped"]
