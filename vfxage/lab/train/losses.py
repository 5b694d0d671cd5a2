"""The losses between an answer and the wanted delta: weighted to the face, on several scales, and in fine detail."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from vfxage.lab.train.augment import Draws
from vfxage.lab.train.recipe import LossPart

_LEVELS = 3
_BORDER = 16
"""Pixels along a picture's edge without a stability loss: there, the shift shows pixels from beyond the edge."""
_BANDS = 4
"""From pores, at the full size, to folds, at an eighth of it."""
_CELL = 8
"""Pixels of the band's own size over which the strength of a delta is measured."""
_STEADY = 0.001
"""Added to a strength, a quarter of an 8-bit code: the root has no slope at zero."""
_BINOMIAL = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)


def delta_losses(answer: Tensor, wanted: Tensor, weight: Tensor, recipe: LossPart) -> dict[str, Tensor]:
    """The losses that compare deltas, each a scalar before its weight; those of weight 0 are left out.

    ``answer`` and ``wanted`` are (B, 3, S, S) sRGB differences, ``weight`` (B, 1, S, S). All examples count the
    same, however large the face is, so that the mean over processes is the mean over examples.
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
        inner = (..., slice(2, -2), slice(2, -2))
        found["highpass"] = _weighted(error[inner] - blurred(error), weight[inner])
    if recipe.contrast:
        found["contrast"] = contrast_loss(answer, wanted, weight)
    return found


def contrast_loss(answer: Tensor, wanted: Tensor, weight: Tensor) -> Tensor:
    """Difference of how strong the two deltas are, band by band, wherever their lines run.

    Arguments as in ``delta_losses``. A band is what a blur of two pixels removes, at the full size and at each halved
    one; what the blurs leave is the tone. The strength is measured in each cell, and over the face of each example:
    where a single cell is uncertain, the loss of cells alone still costs least if the change is too weak.
    """
    total = answer.new_zeros(())
    for level in range(_BANDS):
        if level:
            answer, wanted, weight = (functional.avg_pool2d(one, 2) for one in (answer, wanted, weight))
        inner = weight[..., 2:-2, 2:-2]
        bands = answer[..., 2:-2, 2:-2] - blurred(answer), wanted[..., 2:-2, 2:-2] - blurred(wanted)
        cells = functional.avg_pool2d(inner, _CELL)
        total = total + _weighted(_cell_strength(bands[0]) - _cell_strength(bands[1]), cells)
        total = total + _strength_apart(*bands, inner)
    return total + _strength_apart(blurred(answer), blurred(wanted), inner)


def _cell_strength(band: Tensor) -> Tensor:
    """Root mean square of a band in each cell."""
    return (functional.avg_pool2d(band.square(), _CELL) + _STEADY**2).sqrt()


def _strength_apart(answer: Tensor, wanted: Tensor, weight: Tensor) -> Tensor:
    """Mean difference of the root mean squares that two bands have on the face of each example."""
    total = weight.sum((1, 2, 3), keepdim=True).clamp_min(1e-6)
    strengths = [
        ((band.square() * weight).sum((2, 3), keepdim=True) / total + _STEADY**2).sqrt() for band in (answer, wanted)
    ]
    return (strengths[0] - strengths[1]).abs().mean()


def _weighted(error: Tensor, weight: Tensor) -> Tensor:
    """Mean of |error|, each example by its own weights."""
    size = error.abs().mean(1, keepdim=True) * weight
    return (size.sum((1, 2, 3)) / weight.sum((1, 2, 3)).clamp_min(1e-6)).mean()


@dataclass(frozen=True, slots=True)
class Regrade:
    """The same plate a moment later: moved by whole pixels, a little brighter or darker, with other grain."""

    shift: Tensor
    """(B, 2) whole pixels, y and x."""
    gain: Tensor
    """(B, 1, 1, 1)."""
    noise: Tensor
    """(B, 3, S, S)."""

    @classmethod
    def draw(cls, draws: Draws, shift: int, size: int) -> Regrade:
        """Up to ``shift`` pixels and a seventh of a stop, grain of 1 %."""
        moves = torch.stack([draws.uniform(-shift - 0.5, shift + 0.5).round() for _ in range(2)], dim=1)
        stops = draws.uniform(-0.15, 0.15)
        return cls(moves.long(), torch.exp2(stops / 2.2)[:, None, None, None], 0.01 * draws.normal(3, size))

    def given(self, pictures: Tensor) -> Tensor:
        """The pictures (B, 3, S, S) with the change."""
        return (self.moved(pictures) * self.gain + self.noise).clamp(0, 1)

    def moved(self, pictures: Tensor) -> Tensor:
        """The pictures only moved, wrapped around at the edges; ``stability_loss`` leaves out the edges."""
        rows = [torch.roll(row, move, (1, 2)) for row, move in zip(pictures, self.shift.tolist(), strict=True)]
        return torch.stack(rows)


def stability_loss(again: Tensor, answer: Tensor, regrade: Regrade, weight: Tensor) -> Tensor:
    """Difference between the answer for the changed picture and the answer with the same change; both (B, 3, S, S)."""
    error = again - regrade.moved(answer) * regrade.gain
    inside = (..., slice(_BORDER, -_BORDER), slice(_BORDER, -_BORDER))
    return _weighted(error[inside], regrade.moved(weight)[inside])


def blurred(picture: Tensor) -> Tensor:
    """Blur (B, C, S, S) by a binomial kernel of radius 2; gives (B, C, S - 4, S - 4)."""
    taps = torch.tensor(_BINOMIAL, dtype=picture.dtype, device=picture.device)
    channels = picture.shape[1]
    across = functional.conv2d(picture, taps.reshape(1, 1, 1, 5).expand(channels, 1, 1, 5), groups=channels)
    return functional.conv2d(across, taps.reshape(1, 1, 5, 1).expand(channels, 1, 5, 1), groups=channels)


def face_weight(weight: Tensor, size: int, outside: float) -> Tensor:
    """(B, 1, S / 4, S / 4) uint8 to (B, 1, S, S): 1 on the face, ``outside`` off it."""
    fine = functional.interpolate(weight.float() / 255, size=(size, size), mode="bilinear", align_corners=False)
    return outside + (1 - outside) * fine
