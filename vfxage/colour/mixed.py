"""Code values whose channels depend on each other, as under an ICC profile of lookup tables."""

from __future__ import annotations

from typing import Any

import numpy as np

from vfxage.types import F32, F64

_STEPS = 8
"""Newton's steps for pixels that OpenColorIO's inverse misses: it does so near the border of a table's colours."""
_MISSED = 2e-6
"""Difference in light that counts as missed: a tenth of an 8-bit code in the dark."""
_NUDGE = 1 / 2048
"""Difference of codes by which a table's slope is measured: a small part of its finest grid."""


class MixedChannels:
    """Code values to linear light and back by OpenColorIO, pixel for pixel.

    What a table does not reach is clipped: codes to 0..1, light to that of some code.
    """

    def __init__(self, to_linear: Any, to_code: Any) -> None:
        """Both are OpenColorIO's processors."""
        import PyOpenColorIO as Ocio

        exact = Ocio.OPTIMIZATION_LOSSLESS  # else the inverse of a table is a coarse table
        self._to_linear = to_linear.getOptimizedCPUProcessor(exact)
        self._to_code = to_code.getOptimizedCPUProcessor(exact)

    def to_linear(self, code: F32) -> F32:
        """Code values (..., 3) to linear; NaN counts as 0."""
        return _applied(self._to_linear, code).reshape(code.shape)

    def to_code(self, linear: F32) -> F32:
        """Linear (..., 3) to code values; NaN counts as 0."""
        wanted = np.nan_to_num(np.asarray(linear, np.float32)).reshape(-1, 3)
        code = _applied(self._to_code, wanted)
        missed = np.arange(len(code))
        for _ in range(_STEPS):
            apart = _applied(self._to_linear, code[missed]) - wanted[missed]
            off = (np.abs(apart) > _MISSED).any(axis=1)
            missed, apart = missed[off], apart[off]
            if not missed.size:
                break
            code[missed] = self._nearer(code[missed], apart, wanted[missed])
        return code.reshape(linear.shape)

    def _nearer(self, code: F32, apart: F32, wanted: F32) -> F32:
        """One step of Newton's towards wanted light; a pixel that it takes farther away keeps its code."""
        slopes = np.empty((len(code), 3, 3))
        for k in range(3):
            high, low = code.copy(), code.copy()
            high[:, k], low[:, k] = np.minimum(code[:, k] + _NUDGE, 1), np.maximum(code[:, k] - _NUDGE, 0)
            rise = _applied(self._to_linear, high) - _applied(self._to_linear, low)
            slopes[:, :, k] = rise / (high[:, k] - low[:, k])[:, None]
        step = _solved(slopes, apart.astype(np.float64))
        moved = np.clip(code - step, 0, 1).astype(np.float32)
        left = np.abs(_applied(self._to_linear, moved) - wanted).max(axis=1)
        return np.where((left < np.abs(apart).max(axis=1))[:, None], moved, code)


def _solved(slopes: F64, apart: F64) -> F64:
    """Changes of code (N, 3) that take a difference of light away; 0 where a table is flat."""
    flat = np.abs(np.linalg.det(slopes)) < 1e-12
    slopes[flat] = np.eye(3)
    step: F64 = np.linalg.solve(slopes, apart[:, :, None])[:, :, 0]
    step[flat] = 0
    return step


def _applied(processor: Any, values: F32) -> F32:
    """Pixels (N, 3) by a processor."""
    pixels = np.nan_to_num(np.ascontiguousarray(values, np.float32)).reshape(-1, 3)
    if pixels.size:
        processor.applyRGB(pixels)
    return pixels
