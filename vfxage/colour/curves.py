"""Colour curves and matrices on arrays, fast and exact: plain arithmetic that knows no names of colour spaces."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from vfxage.types import F32, F64, U8

T = TypeVar("T", np.float32, np.uint8)

LUMA_709 = np.array([0.2126, 0.7152, 0.0722], np.float32)
"""Weights of R, G and B in the luminance of Rec.709 light, and in the luma of its code values (ITU-R BT.709)."""

CODES = 65535
"""The largest 16-bit code: code / CODES is 0..1."""

BRIGHTEST = 1e9
"""The value that replaces infinity in the model's encoding."""

_LEAST_RISE = 1e-6
"""How much a curve that is flat somewhere rises from code 0 to code 1, in parts of its whole rise."""

_BLOCK = 3 << 16
"""Values (whole pixels) worked on at a time: what fits the second-level cache with its temporaries."""

_VECTORS = 3 << 6
"""Values (whole pixels) in a whole number of the widest vectors."""

_LOW_BITS = 13
"""Mantissa bits below those that index the inverse table: 2**-10 of a value from entry to entry."""

# IEC 61966-2-1, with the toe's end where its line and its power truly meet, as OpenColorIO has it.
_GAMMA, _OFFSET = 2.4, 0.055
_TOE_CODE = _OFFSET / (_GAMMA - 1)
_TOE_LINEAR = ((_TOE_CODE + _OFFSET) / (1 + _OFFSET)) ** _GAMMA
_SLOPE = _TOE_CODE / _TOE_LINEAR


def _blockwise(values: F32, work: Callable[[F32], NDArray[T]], dtype: type[T]) -> NDArray[T]:
    """Do ``work`` ((1, 3 n) -> (1, 3 n)) block by block, so that temporaries stay in the cache.

    Blocks are whole vectors long, the last one padded: OpenCV computes what is left of a vector in other instructions,
    and a pixel's bits would depend on where it stands.
    """
    flat = np.ascontiguousarray(values, np.float32).reshape(1, -1)
    result = np.empty(flat.shape, dtype)
    for start in range(0, flat.size, _BLOCK):
        block = flat[:, start : start + _BLOCK]
        padding = -block.size % _VECTORS
        if padding:
            block = np.pad(block, ((0, 0), (0, padding)))
        result[:, start : start + _BLOCK] = work(block)[:, : block.size - padding]
    return result.reshape(values.shape)


def _power(base: F32, exponent: float) -> F32:
    import cv2

    return np.asarray(cv2.pow(base, exponent), np.float32)


def _mixed(matrix: F64 | None, flat: F32) -> F32:
    """Multiply the pixels of a (1, 3 n) row by a (3, 3) matrix."""
    import cv2

    if matrix is None:
        return flat
    return np.asarray(cv2.transform(flat.reshape(1, -1, 3), matrix), np.float32).reshape(1, -1)


def _tamed(flat: F32) -> F32:
    """A copy with NaN as 0 and all within +-BRIGHTEST, so that a matrix cannot make new NaN of it."""
    import cv2

    clean = flat.copy()
    cv2.patchNaNs(clean, 0.0)
    return np.clip(clean, -BRIGHTEST, BRIGHTEST, out=clean)


def srgb_encode(linear: F32, matrix: F64 | None = None) -> F32:
    """Linear (..., 3) to sRGB code (IEC 61966-2-1), unclamped: below 0 the toe's line goes on.

    ``matrix`` (3, 3) takes the pixels to Rec.709 primaries first. NaN counts as 0, infinity as BRIGHTEST.
    """

    toe = np.float32(_TOE_LINEAR)
    at_toe = _power(np.full((1, 1), toe), 1 / _GAMMA)

    def work(block: F32) -> F32:
        linear = _mixed(matrix, _tamed(block))
        code = _power(np.maximum(linear, toe), 1 / _GAMMA)
        code -= at_toe  # 0 below the toe: sums of two clamped branches need no mask, which mispredicts on pictures
        code *= np.float32(1 + _OFFSET)
        code += np.minimum(linear, toe) * np.float32(_SLOPE)
        return code

    return _blockwise(linear, work, np.float32)


def srgb_decode(code: F32, matrix: F64 | None = None) -> F32:
    """sRGB code (..., 3) to linear, then ``matrix``: the inverse of ``srgb_encode`` with the inverse matrix."""

    toe = np.float32(_TOE_CODE)
    at_toe = _power((np.full((1, 1), toe) + np.float32(_OFFSET)) * np.float32(1 / (1 + _OFFSET)), _GAMMA)

    def work(block: F32) -> F32:
        base = np.maximum(block, toe)
        base += np.float32(_OFFSET)
        base *= np.float32(1 / (1 + _OFFSET))
        linear = _power(base, _GAMMA)
        linear -= at_toe
        linear += np.minimum(block, toe) * np.float32(1 / _SLOPE)
        return _mixed(matrix, linear)

    return _blockwise(code, work, np.float32)


def srgb8(linear: F32, matrix: F64 | None = None) -> U8:
    """Linear (..., 3) to 8-bit sRGB, clipped, NaN black; ``matrix`` as for ``srgb_encode``."""
    table = _srgb8_table()

    def work(block: F32) -> U8:
        light = _mixed(matrix, _tamed(block))
        codes = np.clip(light, 0, 1, out=light)
        codes *= np.float32(CODES)
        codes += np.float32(0.5)
        return table.take(codes.astype(np.uint16))

    return _blockwise(linear, work, np.uint8)


def light_709(linear: F32, matrix: F64 | None = None) -> F32:
    """Linear (..., 3) to Rec.709 light by ``matrix``, or as it is; NaN counts as 0, infinity as BRIGHTEST."""
    return _blockwise(linear, lambda block: _mixed(matrix, _tamed(block)), np.float32)


@lru_cache(maxsize=32)
def half_srgb8_table(stops: float) -> U8:
    """(65536,) 8-bit sRGB, clipped, of every half float by its bits, exposed by ``stops``; NaN is black."""
    light = np.arange(CODES + 1, dtype=np.uint16).view(np.float16)
    finite = np.nan_to_num(light, nan=0.0).astype(np.float32)
    levels = srgb_encode(np.clip(finite * np.float32(2.0**stops), 0, 1))
    codes: U8 = np.rint(levels * np.float32(255)).astype(np.uint8)
    return codes


def _srgb8_table() -> U8:
    linear = (np.arange(CODES + 1) / CODES).astype(np.float32)
    levels: U8 = np.rint(srgb_encode(linear) * np.float32(255)).astype(np.uint8)
    return levels


def _rising(values: F64) -> F64:
    """Values that strictly rise: float32 rounds the dark end of a steep curve, and profiles clip at both ends."""
    if (np.diff(values) > 0).all():
        return values
    rising: F64 = np.maximum.accumulate(values)
    rising += np.linspace(0, _LEAST_RISE * (rising[-1] - rising[0]), len(rising))
    return rising


class Curve:
    """A monotone curve from code values to linear light and back, given at codes k / 65535.

    ``values`` (n,) are linear at codes (k - zero) / 65535 and must reach at least code 1; they count as far as they
    strictly rise. A curve that clips at code 0 is its own mirror image through the point there, down to code -1.
    Between values it is straight, and beyond both ends it goes on straight: so that it has an inverse everywhere.
    """

    def __init__(self, values: F64, zero: int = 0) -> None:
        values = values.astype(np.float64)
        codes = slice(zero, zero + CODES + 1)
        values[codes] = _rising(values[codes])
        flat = np.flatnonzero(~(np.diff(values[zero + CODES :]) > 0))
        values = values[: zero + CODES + 1 + flat[0]] if flat.size else values
        clipped = np.flatnonzero(~(np.diff(values[: zero + 1]) > 0))
        below = clipped[-1] + 1 if clipped.size else 0
        values, zero = values[below:], zero - int(below)
        if zero == 0:
            values, zero = np.concatenate([2 * values[0] - values[CODES:0:-1], values]), CODES
        self._zero = zero
        self._values = values
        self._steps = np.append(np.diff(self._values), 0.0).astype(np.float32)
        self._nodes = self._values.astype(np.float32)
        self._base, self._rise = self._inverse_table()

    def table(self) -> F32:
        """(65536,) linear at code / 65535."""
        linear: F32 = self._nodes[self._zero : self._zero + CODES + 1].copy()
        return linear

    def to_linear(self, code: F32) -> F32:
        """Code values to linear, any shape; NaN stays NaN."""
        zero, last = self._zero, len(self._nodes) - 2

        def work(block: F32) -> F32:
            place = block * np.float32(CODES)
            with np.errstate(invalid="ignore"):
                index = np.floor(place).astype(np.int64)
            np.clip(index, -zero, last - zero, out=index)
            place -= index.astype(np.float32)
            index += zero
            place *= self._steps.take(index)
            place += self._nodes.take(index)
            return place

        return _blockwise(code, work, np.float32)

    def to_code(self, linear: F32) -> F32:
        """Linear to code values, any shape, within about 1e-7 of the exact inverse of ``to_linear``; NaN stays NaN."""
        low_bits = np.uint32((1 << _LOW_BITS) - 1)

        def work(block: F32) -> F32:
            bits = block.view(np.uint32)
            index = (bits >> np.uint32(_LOW_BITS)).astype(np.int64)
            code = (bits & low_bits).astype(np.float32)
            code *= self._rise.take(index)
            code += self._base.take(index)
            return code

        return _blockwise(linear, work, np.float32)

    def _exact_codes(self, linear: F64) -> F64:
        codes = (np.arange(len(self._values)) - self._zero) / CODES
        found = np.interp(linear, self._values, codes)
        for end, inner, outside in ((0, 1, linear < self._values[0]), (-1, -2, linear > self._values[-1])):
            slope = (codes[end] - codes[inner]) / (self._values[end] - self._values[inner])
            found[outside] = codes[end] + (linear[outside] - self._values[end]) * slope
        return found

    def _inverse_table(self) -> tuple[F32, F32]:
        """Codes at every float32 whose low mantissa bits are zero, and the rise per low bit to the next one.

        Indexing by the float's own bits makes the entries denser towards 0 as a curve's bend does: the inverse of a
        curve is a gather and one straight line, without a logarithm or a search.
        """
        bits = np.arange(1 << (32 - _LOW_BITS), dtype=np.uint32) << np.uint32(_LOW_BITS)
        starts = bits.view(np.float32)
        finite = np.isfinite(starts)
        base = np.where(finite, 0.0, np.nan)
        base[finite] = self._exact_codes(starts[finite].astype(np.float64))
        base[np.isinf(starts)] = starts[np.isinf(starts)]
        rise = np.zeros_like(base)
        inside = finite[:-1] & finite[1:]
        rise[:-1][inside] = np.diff(base)[inside] / (1 << _LOW_BITS)
        with np.errstate(over="ignore"):
            return base.astype(np.float32), rise.astype(np.float32)


class ChannelCurves:
    """A curve for each of R, G and B: code values (..., 3) to linear light and back."""

    def __init__(self, values: F64, zero: int = 0) -> None:
        """``values`` (n, 3), each column as ``Curve`` takes it."""
        self._channels = tuple(Curve(column, zero) for column in values.T)

    def to_linear(self, code: F32) -> F32:
        """Code values (..., 3) to linear; NaN stays NaN."""
        return np.stack([curve.to_linear(code[..., k]) for k, curve in enumerate(self._channels)], axis=-1)

    def to_code(self, linear: F32) -> F32:
        """Linear (..., 3) to code values: the inverse of ``to_linear``, as exact as that of ``Curve``."""
        return np.stack([curve.to_code(linear[..., k]) for k, curve in enumerate(self._channels)], axis=-1)
