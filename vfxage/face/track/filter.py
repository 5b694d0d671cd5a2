"""Robust local polynomials: series without lag, steadier where nothing moves, exact where much does.

Quadratic least squares in a symmetric window (Savitzky and Golay 1964) shifts nothing in time. The window of every
frame is the widest whose answer still agrees with those of the narrower ones within the noise (intersection of
confidence intervals: Goldenshluger and Nemirovski 1997; Katkovnik 1999).

Everything here has a finite support: the answer for a frame depends on the samples within ``REACH`` frames, bit for
bit, however long the series is.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vfxage.types import F64

HALVES = (0, 2, 3, 4, 6, 9, 13)
"""Half widths tried, frames; 0 is the series itself."""
_CALM = 2
"""Frames on each side whose windows limit the window of a frame, so that it changes gently."""
_NEIGHBOURS = 3
"""Half width of the window that judges whether a frame is bad, frames."""
_BESIDE = 2
"""Frames on each side of a bad frame that must agree with their own neighbours once it is left out."""
_KNOTS = 2
"""Samples on each side that a bridged frame depends on (PCHIP)."""
REACH = HALVES[-1] + _CALM + _KNOTS + _NEIGHBOURS + _BESIDE
"""A frame's answer depends on the samples this many frames before and after it, and on none beyond."""
_NOISE_REACH = REACH - _CALM - 2 - _NEIGHBOURS - _BESIDE
"""Frames on each side over which noise is measured: as many as ``REACH`` allows (a fourth difference takes two)."""
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


def noise(series: F64, weights: F64) -> F64:
    """Standard deviation (T,) of a channel's frame-to-frame noise near each frame of (T, C); 0 where it is unknown.

    It is the median over ``_NOISE_REACH`` frames on each side, from fourth differences, so motion hardly counts.
    """
    count = len(series)
    if count < 5:
        return np.zeros(count)
    whole = np.convolve(weights > 0.5, np.ones(5), "valid") == 5
    fourth = np.diff(series, 4, axis=0)
    padded = np.full(count + 2 * _NOISE_REACH, np.nan)
    # 70 = 1 + 16 + 36 + 16 + 1 is the variance gain of a fourth difference.
    padded[_NOISE_REACH + 2 : -_NOISE_REACH - 2] = np.where(whole, np.sqrt((fourth**2).mean(1) / 70.0), np.nan)
    near = np.sort(np.lib.stride_tricks.sliding_window_view(padded, 2 * _NOISE_REACH + 1), axis=1)  # NaN comes last
    known = np.isfinite(near).sum(1)
    row = np.arange(count)
    median = (near[row, (known - 1) // 2] + near[row, known // 2]) / 2
    return np.asarray(np.where(known >= 3, median, 0.0), np.float64)


def outliers(series: F64, floor: float, unit: F64 | None = None) -> NDArray[np.bool_]:
    """(T,) bool: frames that their neighbours, agreeing among themselves, contradict by more than ``floor``.

    ``floor`` is a root mean square over the channels, in units of ``unit`` (T,), default 1. A frame counts only if
    without it its neighbours fit well, so that a real start or stop, which stays, is no outlier.
    """
    bad = np.zeros(len(series), bool)
    if len(series) < 5:
        return bad
    miss = _miss(series, np.ones(len(series)))
    for frame in np.flatnonzero(miss > floor * (1.0 if unit is None else unit)):
        bad[frame] = _explains(series, float(miss[frame]), int(frame))
    return bad


def _miss(series: F64, weights: F64) -> F64:
    guess, _ = fit(series, weights, _NEIGHBOURS, without_self=True)
    return np.asarray(np.sqrt(((series - guess) ** 2).mean(1)), np.float64)


def _explains(series: F64, miss: float, frame: int) -> bool:
    """Whether the neighbours of a frame, which they miss by ``miss``, agree well among themselves without it."""
    low = max(0, frame - _BESIDE - _NEIGHBOURS)
    part = series[low : frame + _BESIDE + _NEIGHBOURS + 1]
    weights = np.ones(len(part))
    weights[frame - low] = 1e-9
    left = _miss(part, weights)
    near = [left[n] for n in range(max(0, frame - low - _BESIDE), min(len(part), frame - low + _BESIDE + 1))
            if n != frame - low]  # fmt: skip
    return bool(max(near) < miss / 3 and 6 * float(np.median(near)) < miss)


def steady(series: F64, weights: F64, strength: float) -> F64:
    """Smooth (T, C) channels that move together; ``strength`` 0 gives them back, 1 is the usual measure."""
    level = noise(series, weights)
    if strength <= 0 or not level.any():
        return series
    answers, choice = [series], np.zeros(len(series), np.int64)
    open_still = level > 0
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
