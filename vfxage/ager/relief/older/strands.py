"""The order in which strands of hair turn grey, locked to the plate's own strands and as soft as they are."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import cast

import cv2
import numpy as np

from vfxage.ager.relief.skin_view import blur, grow, halve, parts
from vfxage.types import F32

_PLATE, _MADE, _MADE_MORE = 0.45, 0.2, 0.4
"""Weights of the plate's own strands, of made ones, and of more made ones where the plate shows none: in black hair."""
_SHARP, _BLURRED = 1.0, 0.25
"""Blur of the plate, canonical pixels, at which strands are half as far apart as on a sharp one, and the least share:
white and dark strands that the lens blurs are grey, and what looks like a strand then is noise, which flickers."""
_STEPS = (1.2, 3.4)
"""Canonical pixels along the hair by which noise is drawn out, one after the other."""
_GRAIN = (0.55, 0.8)
"""Sigmas of that noise, canonical pixels, along straight hair and in curls, on a plate without blur."""
_WIDEST = 2.0
"""Canonical pixels past which strands are no single ones: wider ones would be ropes."""
_NO_DIRECTION = 2e-4
"""Energy of the slopes, log luma per pixel squared, of hair without strands: noise alone."""
_FAINT = 0.06
"""Contrast of strands, log luma, that is hardly seen; fainter ones do not count."""
_SEED = 3
"""Of the noise."""


def order_of_strands(level: F32, thin: F32, unit: float, softness: float) -> F32:
    """(h, w) -1..1: which strands turn first, as fine as hair is; thin hair (``thin``, 0..1) is shorter still.

    A strand is where the plate, of log luma ``level`` (h, w), is brighter than its surroundings, and where noise of the
    crop, drawn out along the hair, is high. Black hair shows no strands, so that the plate alone would leave it in
    clumps. Where no direction is seen, as in curls, the noise is not drawn out. ``softness`` is the plate's blur in
    canonical pixels: no made strand is sharper than the plate.
    """
    soft = blur(level, 0.9 * unit)
    across, down = (cv2.Sobel(soft, cv2.CV_32F, *order) for order in ((1, 0), (0, 1)))
    xx, yy, xy = (grow(blur(halve(np.asarray(product, np.float32)), 2.0 * unit), level.shape)
                  for product in (across * across, down * down, across * down))  # fmt: skip
    split, twice = xx - yy, 2 * xy
    length = np.sqrt(split * split + twice * twice)
    # Halves of the angle across the hair; along it is at a right angle to that.
    double = split / (length + np.float32(1e-12))
    to_y, to_x = (np.float32(unit) * np.sqrt(np.maximum(0.5 + direction * double, 0)) for direction in (0.5, -0.5))
    to_x = np.where(xy > 0, -to_x, to_x)
    directed = np.clip(2 * length / (xx + yy + np.float32(_NO_DIRECTION)) - np.float32(0.3), 0, 1) * (1 - thin)
    x, y = np.meshgrid(*(np.arange(count, dtype=np.float32) for count in level.shape[::-1]))
    straight, curled = (_noise(level.shape, float(np.hypot(grain, softness)) * unit) for grain in _GRAIN)
    both = cast(F32, cv2.merge([straight, soft - blur(level, _WIDEST * unit)]))
    for step in _STEPS:
        both = _along(
            both, [(x + np.float32(direction) * to_x, y + np.float32(direction) * to_y) for direction in (step, -step)]
        )
    drawn, plate = parts(both)
    drawn -= blur(drawn, _WIDEST * unit)
    drawn /= np.float32(max(float(drawn.std()), 1e-3))
    contrast = grow(blur(halve(np.abs(plate)), 4 * unit), level.shape) + np.float32(_FAINT)
    plate /= contrast
    own = np.float32(_PLATE) * (0.5 + 0.5 * directed) * plate
    made = (np.float32(_MADE) + np.float32(_MADE_MORE * _FAINT) / contrast) * (
        directed * drawn + (1 - directed) * curled
    )
    seen = _BLURRED + (1 - _BLURRED) / (1 + (softness / _SHARP) ** 2)
    return np.asarray(np.float32(seen) * np.tanh(own + made), np.float32)


def _along(image: F32, directions: Sequence[tuple[F32, F32]]) -> F32:
    """The mean of an image and of itself along some directions, each a pair of maps for ``cv2.remap``."""
    moved = [cv2.remap(image, *direction, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT) for direction in directions]
    return np.asarray(np.add.reduce([image, *moved]) / np.float32(len(directions) + 1), np.float32)


@lru_cache(maxsize=8)
def _white(side: int) -> F32:
    """White noise (side, side), the same at each call: it is fixed to the crop, and the crop to the head."""
    return np.random.default_rng(_SEED).standard_normal((side, side)).astype(np.float32)


def _noise(shape: tuple[int, ...], sigma: float) -> F32:
    """Noise of a grain of ``sigma`` pixels and a deviation of 1."""
    noise = blur(_white(max(shape))[: shape[0], : shape[1]], sigma)
    return np.asarray(noise / np.float32(max(float(noise.std()), 1e-3)), np.float32)


__all__ = ["order_of_strands"]
