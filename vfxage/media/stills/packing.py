"""Samples in the 32-bit words of a DPX file (SMPTE ST 268-1): filled, or packed across words.

OpenImageIO's own decoder is not used for these: of 10-bit grey lines that do not fill whole words it writes past its
memory, of 10-bit lines of R, G, B, A it loses the place, and 12 bits it writes packed only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.uint8 | np.uint16]

PACKED, METHOD_A, METHOD_B = 0, 1, 2
"""Packed across words; padding bits below the sample (A), or above it (B)."""


def line_bytes(samples: int, bits: int, packing: int) -> int:
    """Bytes of one line of ``samples`` components, without padding that the file may add."""
    if bits in (8, 16):
        return samples * bits // 8
    if packing == PACKED:
        return -(-samples * bits // 32) * 4
    return -(-samples // 3) * 4 if bits == 10 else samples * 2


@dataclass(frozen=True, slots=True)
class SamplePacking:
    """How the samples of a line lie in its words."""

    bits: int
    method: int
    """PACKED, METHOD_A or METHOD_B, as the header numbers them."""
    order: str
    """Byte order: "<" or ">"."""
    grey: bool
    """One sample a pixel."""


def unpack(lines: NDArray[np.uint8], samples: int, how: SamplePacking) -> Codes:
    """(H, samples) codes of (H, bytes) lines.

    Three 10-bit samples share a filled word from its high end down; grey ones from its low end up.
    """
    bits, packing, order = how.bits, how.method, how.order
    if bits == 8:
        return lines[:, :samples]
    if bits == 16 or (bits == 12 and packing != PACKED):
        words = np.ascontiguousarray(lines[:, : 2 * samples]).view(f"{order}u2")
        shift = 4 if (bits, packing) == (12, METHOD_A) else 0
        return (words >> np.uint16(shift)).astype(np.uint16) & np.uint16((1 << bits) - 1)
    words = np.ascontiguousarray(lines[:, : line_bytes(samples, bits, packing)]).view(f"{order}u4").astype(np.uint32)
    if packing == PACKED:
        return _unpack_across(words, samples, bits)
    result = np.empty((*words.shape, 3), np.uint16)
    for place, shift in enumerate(_shifts(packing, how.grey)):
        result[..., place] = (words >> np.uint32(shift)) & np.uint32(1023)
    return result.reshape(len(words), -1)[:, :samples]


def pack(codes: Codes, bits: int, packing: int, order: str, *, grey: bool) -> NDArray[np.uint8]:
    """(H, bytes) lines of (H, samples) codes: the inverse of ``unpack``."""
    if bits == 8:
        return np.ascontiguousarray(codes, np.uint8)
    if bits == 16 or (bits == 12 and packing != PACKED):
        shift = 4 if (bits, packing) == (12, METHOD_A) else 0
        return _bytes(codes.astype(np.uint16) << np.uint16(shift), f"{order}u2")
    if packing == PACKED:
        return _bytes(_pack_across(codes, bits), f"{order}u4")
    padded = np.pad(codes.astype(np.uint32), ((0, 0), (0, -codes.shape[1] % 3))).reshape(len(codes), -1, 3)
    words = np.zeros(padded.shape[:2], np.uint32)
    for place, shift in enumerate(_shifts(packing, grey)):
        words |= padded[..., place] << np.uint32(shift)
    return _bytes(words, f"{order}u4")


def _shifts(packing: int, grey: bool) -> tuple[int, ...]:
    base = 2 if packing == METHOD_A else 0
    shifts = (20 + base, 10 + base, base)
    return shifts[::-1] if grey else shifts


def _bytes(words: NDArray[Any], dtype: str) -> NDArray[np.uint8]:
    return np.ascontiguousarray(words.astype(dtype)).view(np.uint8)


def _period(bits: int) -> tuple[int, int]:
    """(samples, words) after which samples start at a word's low end again."""
    return (16, 5) if bits == 10 else (8, 3)


def _unpack_across(words: NDArray[np.uint32], samples: int, bits: int) -> Codes:
    count, length = _period(bits)
    padded = np.pad(words, ((0, 0), (0, -words.shape[1] % length))).reshape(len(words), -1, length).astype(np.uint64)
    result = np.empty((*padded.shape[:2], count), np.uint16)
    for place in range(count):
        word, shift = divmod(place * bits, 32)
        pair = padded[..., word]
        if shift + bits > 32:
            pair = pair | (padded[..., word + 1] << np.uint64(32))
        result[..., place] = (pair >> np.uint64(shift)) & np.uint64((1 << bits) - 1)
    return result.reshape(len(words), -1)[:, :samples]


def _pack_across(codes: Codes, bits: int) -> NDArray[np.uint32]:
    count, length = _period(bits)
    samples = codes.shape[1]
    padded = np.pad(codes, ((0, 0), (0, -samples % count))).reshape(len(codes), -1, count)
    words = np.zeros((*padded.shape[:2], length), np.uint32)
    for place in range(count):
        word, shift = divmod(place * bits, 32)
        sample = padded[..., place].astype(np.uint32)
        words[..., word] |= sample << np.uint32(shift)
        if shift + bits > 32:
            words[..., word + 1] |= sample >> np.uint32(32 - shift)
    flat = words.reshape(len(codes), -1)
    return flat[:, : line_bytes(samples, bits, PACKED) // 4]
