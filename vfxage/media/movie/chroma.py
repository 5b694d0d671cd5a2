"""Resamples chroma to the luma grid and back. A picture that is read and written keeps its chroma except for rounding.

Upsampling is four-point interpolation: Deslauriers-Dubuc if chroma samples lie on luma samples, Catmull-Rom at the
quarter points if they lie between. Downsampling of co-sited chroma is the matching lifting step (Sweldens 1996): the
kept sample plus a quarter of the interpolation error on either side. It is a low-pass and the exact inverse of
``double``.
"""

from __future__ import annotations

import numpy as np

from vfxage.types import F32

_QUARTER = tuple(np.float32(tap) for tap in (-0.0234375, 0.2265625, 0.8671875, -0.0703125))
"""Catmull-Rom weights at 3/4 of the way between the middle two of four samples."""


def double(plane: F32, axis: int, *, centred: bool) -> F32:
    """Double the samples of a plane along ``axis``: old ones lie on every second new one, or ``centred`` on pairs."""
    shape = list(plane.shape)
    shape[axis] *= 2
    result = np.empty(shape, np.float32)
    rows, out = np.swapaxes(plane, 0, axis), np.swapaxes(result, 0, axis)
    if centred:
        padded = _extend(rows, 2)
        count = rows.shape[0]
        taps = [padded[i : i + count] for i in range(5)]
        far, near, here, back = _QUARTER
        out[0::2] = far * taps[0] + near * taps[1] + here * taps[2] + back * taps[3]
        out[1::2] = back * taps[1] + here * taps[2] + near * taps[3] + far * taps[4]
    else:
        out[0::2] = rows
        out[1::2] = _between(rows)
    return result


def halve(plane: F32, axis: int, *, centred: bool) -> F32:
    """Filter, then keep every second sample along ``axis``. If the count is odd, the last sample is repeated first."""
    rows = np.swapaxes(plane, 0, axis)
    if rows.shape[0] % 2:
        rows = np.concatenate([rows, rows[-1:]])
    even, odd = rows[0::2], rows[1::2]
    if centred:
        return np.swapaxes(np.float32(0.5) * (even + odd), 0, axis)
    missed = odd - _between(even)
    before = np.concatenate([missed[:1], missed[:-1]])
    return np.swapaxes(even + np.float32(0.25) * (before + missed), 0, axis)


def _between(rows: F32) -> F32:
    padded = _extend(rows, 2)
    count = rows.shape[0]
    inner = padded[2 : 2 + count] + padded[3 : 3 + count]
    outer = padded[1 : 1 + count] + padded[4 : 4 + count]
    return np.float32(0.5625) * inner - np.float32(0.0625) * outer


def _extend(rows: F32, margin: int) -> F32:
    return np.concatenate([rows[:1]] * margin + [rows] + [rows[-1:]] * margin)
