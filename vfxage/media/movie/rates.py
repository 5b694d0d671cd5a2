"""Finds the exact frame rate of a movie from its timestamps."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

STANDARD_RATES = tuple(
    Fraction(*pair)
    for pair in (
        *((24000, 1001), (24, 1), (25, 1), (30000, 1001), (30, 1), (48000, 1001), (48, 1), (50, 1)),
        *((60000, 1001), (60, 1), (100, 1), (120000, 1001), (120, 1), (15, 1), (12, 1), (10, 1)),
    )
)


def exact_rate(
    times: NDArray[np.int64], time_base: Fraction, named: Iterable[Fraction | None]
) -> tuple[Fraction | None, bool]:
    """Find the constant rate that fits every timestamp to one tick. Also returns whether the rate is variable.

    Tries the standard rates first, from the nearest to the rate that the file names: a container that counts
    milliseconds names inexact rates. Then tries the named rates, then the measured mean. If no rate fits, the rate is
    variable and the mean is returned.
    """
    candidates = [rate for rate in named if rate]
    standard = sorted(STANDARD_RATES, key=lambda rate: abs(rate - candidates[0])) if candidates else STANDARD_RATES
    if len(times) < 2:
        return (candidates[0] if candidates else None), False
    mean = Fraction(len(times) - 1) / (int(times[-1] - times[0]) * time_base)
    for rate in (*standard, *candidates, mean):
        step = 1 / (rate * time_base)
        # float64 is exact enough: a tick is 1, and times stay far below 2**53
        drift = (times - times[0]) - np.arange(len(times)) * float(step)
        if float(drift.max() - drift.min()) <= 1.5:
            return rate, False
    return mean, True
