"""Robust local polynomials: series without lag, steadier where nothing moves, exact where much does.

Quadratic least squares in a symmetric window (Savitzky and Golay 1964) shifts nothing in time. The window of every
frame is the widest whose answer still agrees with those of the narrower ones within the noise (intersection of
confidence intervals: Goldenshluger and Nemirovski 1997; Katkovnik 1999).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vfxage.types import F64

HALVES = (0, 2, 3, 4, 6, 9, 13)
"""Half widths tried, frames; 0 is the series itself."""
_APART = 12
"""Frames between bad frames that are judged together."""
_DOUBT, _FREE = 2.0, 6
"""Two windows agree within this many standard errors past the expected one, over the root of the free channels (the
noise of landmarks that move together is partly one noise)."""


def shifted(series: F64, by: int) -> F64:
    """The series ``by`` frames later, zeros where it has ended."""
    moved = np.zeros_like(series)
    if by > 0:
        moved[:-by] = series[by:]
    elif by < 0:
        moved[-by:] = series[:by]
    else:
        moved[:] = series
    return moved


def fit(series: F64, weights: F64, half: int, *, without_self: bool = False) -> tuple[F64, F64]:
    """Quadratic at every frame of (T, C) from its neighbours up to ``half`` away, weighted by (T,) >= 0.

    Returns the value (T, C) and its noise gain (T,): the standard deviation of the answer over that of a sample.
    """
    count = len(series)
    moments, squares = np.zeros((count, 5)), np.zeros((count, 5))
    sums = np.zeros((3, *series.shape))
    for step in range(-min(half, count - 1), min(half, count - 1) + 1):
        if step == 0 and without_self:
            continue
        weight = shifted(weights, step)
        values = shifted(series, step) * weight[:, None]
        for power in range(5):
            moments[:, power] += weight * float(step) ** power
            squares[:, power] += weight**2 * float(step) ** power
        for power in range(3):
            sums[power] += values * float(step) ** power
    index = np.add.outer(np.arange(3), np.arange(3))
    system = moments[:, index] + np.eye(3) * 1e-9 * (1 + moments[:, :1, None])
    row = np.linalg.solve(system, np.broadcast_to(np.eye(3)[:, :1], (count, 3, 1)))[:, :, 0]  # symmetric: also a row
    gain = np.sqrt(np.maximum(np.einsum("ti,tij,tj->t", row, squares[:, index], row), 0))
    return np.einsum("tp,ptc->tc", row, sums), gain


def noise(series: F64, weights: F64) -> float:
    """Standard deviation of a channel's frame-to-frame noise (T, C), from fourth differences, robust to motion."""
    whole = np.convolve(weights > 0.5, np.ones(5), "valid") == 5 if len(series) >= 5 else np.zeros(0, bool)
    if whole.sum() < 3:
        return 0.0
    fourth = np.diff(series, 4, axis=0)[whole]
    # 70 = 1 + 16 + 36 + 16 + 1 is the variance gain of a fourth difference.
    return float(np.median(np.sqrt((fourth**2).mean(1))) / np.sqrt(70.0))


def outliers(series: F64, floor: float) -> NDArray[np.bool_]:
    """(T,) bool: frames that their neighbours, agreeing among themselves, contradict by more than ``floor``.

    ``floor`` is a root mean square over the channels. A frame counts only if without it its neighbours fit well, so
    that a real start or stop, which stays, is no outlier.
    """
    bad = np.zeros(len(series), bool)
    if len(series) < 5:
        return bad
    from scipy.ndimage import maximum_filter1d

    judged = bad.copy()
    while True:
        miss = _miss(series, bad)
        suspects = np.where((miss > max(floor, 6 * float(np.median(miss)))) & ~judged, miss, 0.0)
        # The worst of each neighbourhood at once: those further apart do not touch each other's neighbours.
        worst = np.flatnonzero((suspects > 0) & (suspects == maximum_filter1d(suspects, 2 * _APART + 1)))
        if not len(worst):
            return bad
        for frame in worst:
            bad[frame] = _explains(series, bad, miss, int(frame))
        judged[worst] = True


def _miss(series: F64, bad: NDArray[np.bool_]) -> F64:
    guess, _ = fit(series, np.where(bad, 1e-9, 1.0), 3, without_self=True)
    return np.asarray(np.sqrt(((series - guess) ** 2).mean(1)), np.float64)


def _explains(series: F64, bad: NDArray[np.bool_], miss: F64, frame: int) -> bool:
    low, high = max(0, frame - _APART), frame + _APART + 1
    trial = bad[low:high].copy()
    trial[frame - low] = True
    after = _miss(series[low:high], trial)
    near = [n for n in range(max(low, frame - 2), min(len(series), high, frame + 3)) if not trial[n - low]]
    return bool(near) and max(after[n - low] for n in near) < miss[frame] / 3


def steady(series: F64, weights: F64, strength: float) -> F64:
    """Smooth (T, C) channels that move together; ``strength`` 0 gives them back, 1 is the usual measure."""
    level = noise(series, weights)
    if strength <= 0 or level == 0 or len(series) < 5:
        return series
    answers, choice = [series], np.zeros(len(series), np.int64)
    open_still = np.ones(len(series), bool)
    limit = strength * (1 + _DOUBT / np.sqrt(min(series.shape[1], _FREE)))
    gains = [np.ones(len(series))]
    for place, half in enumerate(HALVES[1:], 1):
        answer, gain = fit(series, weights, half)
        for earlier, earlier_gain in zip(answers, gains, strict=True):
            apart = np.sqrt(((answer - earlier) ** 2).mean(1))
            spread = np.sqrt(np.maximum(earlier_gain**2 - gain**2, 0.02))
            open_still &= apart <= limit * level * spread
        choice[open_still] = place
        answers.append(answer)
        gains.append(gain)
    return _blend(answers, choice)


def _blend(answers: list[F64], choice: NDArray[np.int64]) -> F64:
    """Take each frame's answer, passing gently from one window to the next, never wider than chosen."""
    from scipy.ndimage import minimum_filter1d, uniform_filter1d

    calm = uniform_filter1d(minimum_filter1d(choice, 3, mode="nearest").astype(np.float64), 3, mode="nearest")
    calm = np.minimum(calm, choice)
    result = np.zeros_like(answers[0])
    for place, answer in enumerate(answers):
        result += answer * np.clip(1 - np.abs(calm - place), 0, 1)[:, None]
    return result
