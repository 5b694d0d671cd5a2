"""Chroma between its own grid and luma's, so that a picture read and written again keeps its chroma to rounding.

Up is four-point interpolation (Deslauriers-Dubuc where a chroma sample lies on a luma sample, Catmull-Rom at the
quarter points where it lies between). Down, for co-sited chroma, is the matching lifting step (Sweldens 1996): the
kept sample plus a quarter of what interpolation missed on either side. It low-passes, and undoes ``double`` exactly.
"""

from __future__ import annotations

import numpy as np

from vfxage.types import F32

_QUARTER = tuple(np.float32(tap) for tap in (-0.0234375, 0.2265625, 0.8671875, -0.0703125))
"""Catmull-Rom at 3/4 of the way between the middle two of four samples."""


def double(plane: F32, axis: int, *, centred: bool) -> F32:
    """Interpolate a plane to twice its samples along ``axis``: on every second one, or ``centred`` on pairs."""
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
    """Filter and keep every second sample along ``axis`` (an odd last one is kept as if it were followed by itself)."""
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
