"""How far an answer is from the wanted delta: on the face first, on every scale, and in what is fine."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from vfxage.train.recipe import LossPart

_LEVELS = 3
_BINOMIAL = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)


def delta_losses(answer: Tensor, wanted: Tensor, weight: Tensor, recipe: LossPart) -> dict[str, Tensor]:
    """The losses that compare deltas, each a scalar before its weight; those of weight 0 are left out.

    ``answer`` and ``wanted`` are (B, 3, S, S) sRGB differences, ``weight`` (B, 1, S, S). Every example counts the same,
    however much of it is face, so that the mean over processes is the mean over examples.
    """
    error = answer - wanted
    found: dict[str, Tensor] = {}
    if recipe.l1:
        found["l1"] = _weighted(error, weight)
    if recipe.pyramid:
        level, mask, total = error, weight, error.new_zeros(())
        for _ in range(_LEVELS):
            level, mask = functional.avg_pool2d(level, 2), functional.avg_pool2d(mask, 2)
            total = total + _weighted(level, mask)
        found["pyramid"] = total / _LEVELS
    if recipe.highpass:
        found["highpass"] = _weighted(error - blurred(error), weight)
    return found


def _weighted(error: Tensor, weight: Tensor) -> Tensor:
    """Mean of |error|, each example by its own weights."""
    size = error.abs().mean(1, keepdim=True) * weight
    return (size.sum((1, 2, 3)) / weight.sum((1, 2, 3)).clamp_min(1e-6)).mean()


def blurred(picture: Tensor) -> Tensor:
    """Blur (B, C, S, S) by two pixels' binomial, edges repeated."""
    taps = torch.tensor(_BINOMIAL, dtype=picture.dtype, device=picture.device)
    channels = picture.shape[1]
    padded = functional.pad(picture, (2, 2, 2, 2), "replicate")
    across = functional.conv2d(padded, taps.reshape(1, 1, 1, 5).expand(channels, 1, 1, 5), groups=channels)
    return functional.conv2d(across, taps.reshape(1, 1, 5, 1).expand(channels, 1, 5, 1), groups=channels)


def face_weight(weight: Tensor, size: int, outside: float) -> Tensor:
    """(B, 1, S / 4, S / 4) uint8 to (B, 1, S, S): 1 on the face, ``outside`` off it."""
    fine = functional.interpolate(weight.float() / 255, size=(size, size), mode="bilinear", align_corners=False)
    return outside + (1 - outside) * fine
