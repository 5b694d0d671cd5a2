"""Make training examples look like a plate: light, blur, grain, JPEG and things in front of the face.

Light and blur change both pictures of a pair, and the wanted delta is that of the changed pair. Grain and JPEG change
only the network's input: it learns to ignore them, not to remove or add them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from vfxage.lab.train import effects
from vfxage.lab.train.augmentations import AugmentPart
from vfxage.lab.train.batches import Batch
from vfxage.lab.train.levelled import as_colours, level, skin_gains

_STREAM = 2
"""Stream of random numbers, apart from those of ``batches``."""
_UNSURE = 0.15
"""Error of the measured colour of the skin, in stops, either way: a hand or a shadow changes what is measured."""
_COARSE = 6
"""Cells across the noise that shapes an object in front of a face."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examples:
    """A batch on its device: (B, 3, S, S) float32 sRGB, 0..1."""

    given: Tensor
    """The network's input."""
    source: Tensor
    """The same without grain and JPEG."""
    target: Tensor
    portrait: Tensor
    """(B, 3, S, S) or empty."""
    weight: Tensor
    """(B, 1, S / 4, S / 4) uint8, 255 on the face."""
    ages: Tensor
    """(B, 2) years."""
    skin: Tensor | None = None
    """(B, 3, 1, 1) the colour of the skin of ``source``, for a network that levels it."""
    portrait_skin: Tensor | None = None
    """The same of ``portrait``, or None."""


class Draws:
    """One row of random numbers for each example, the same on every device and however many processes share them."""

    def __init__(self, batch: Batch, seed: int, device: torch.device) -> None:
        self._generators = [np.random.default_rng([seed, batch.step, _STREAM, index]) for index in batch.indices]
        self._device = device

    def uniform(self, low: float, high: float) -> Tensor:
        """(B,) between two numbers."""
        rows = [generator.uniform(low, high) for generator in self._generators]
        return torch.tensor(rows, dtype=torch.float32, device=self._device)

    def chosen(self, share: float) -> Tensor:
        """(B,) bool, true for about a share of the examples."""
        return self.uniform(0, 1) < share

    def strength(self, share: float, low: float, high: float) -> Tensor:
        """(B,) between two numbers for a share of the examples, 0 for the others."""
        return torch.where(self.chosen(share), self.uniform(low, high), 0.0)

    def normal(self, channels: int, size: int) -> Tensor:
        """(B, channels, size, size) of unit variance, drawn on the device."""
        fields = []
        for generator in self._generators:
            own = torch.Generator(self._device).manual_seed(int(generator.integers(2**62)))
            fields.append(torch.randn((channels, size, size), generator=own, device=self._device))
        return torch.stack(fields)


def as_floats(batch: Batch, device: torch.device) -> Examples:
    """The batch on its device as floats, without augmentation."""

    def there(pictures: Tensor) -> Tensor:
        return pictures.to(device, non_blocking=True).float() / 255

    source = there(batch.source)
    return Examples(
        given=source,
        source=source,
        target=there(batch.target),
        portrait=there(batch.portrait),
        weight=batch.weight.to(device, non_blocking=True),
        ages=batch.ages.to(device, non_blocking=True),
        skin=None if batch.skin is None else as_colours(batch.skin, device),
        portrait_skin=None if batch.portrait_skin is None else as_colours(batch.portrait_skin, device),
    )


def prepare(examples: Examples, recipe: AugmentPart, draws: Draws) -> Examples:
    """The examples as the network learns from them: changed as a camera does, and then levelled if it levels skin."""
    changed = augment(examples, recipe, draws)
    if changed.skin is None:
        return changed
    stops, warmth = draws.uniform(-_UNSURE, _UNSURE), draws.uniform(-_UNSURE / 2, _UNSURE / 2)
    gains = skin_gains(changed.skin) * effects.gains(stops, warmth, torch.zeros_like(stops))
    given, source, target = (level(picture, gains) for picture in (changed.given, changed.source, changed.target))
    portrait = changed.portrait
    if changed.portrait_skin is not None:
        portrait = level(portrait, skin_gains(changed.portrait_skin))
    return replace(changed, given=given, source=source, target=target, portrait=portrait)


def augment(examples: Examples, recipe: AugmentPart, draws: Draws) -> Examples:
    """Change the examples as a camera does. The recipe gives how often and how much."""
    pictures = [examples.source, examples.target]
    if len(examples.portrait):
        pictures.append(examples.portrait)
    if recipe.occlusion.share:
        pictures = _occluded(pictures, recipe, draws)
    skins = [skin for skin in (examples.skin, examples.portrait_skin) if skin is not None]
    if recipe.colour.share:
        graded = _graded([*pictures, *skins], recipe, draws)
        pictures, skins = graded[: len(pictures)], graded[len(pictures) :]
    light, fall = _light(recipe, draws, examples.source.shape[-1])
    skins = [(skin * light).clamp(0, 1) for skin in skins]
    pictures = [(picture * (light * fall)).clamp(0, 1) for picture in pictures]
    pictures = _blurred(pictures, recipe, draws)
    given = pictures[0]
    if recipe.grain.share:
        amount = draws.strength(recipe.grain.share, *recipe.grain.amount)
        noise = draws.normal(4, given.shape[-1])
        given = effects.grain(given, noise, amount, draws.uniform(0, 1), draws.uniform(0.1, 0.6)).clamp(0, 1)
    if recipe.jpeg.share:
        which, quality = draws.chosen(recipe.jpeg.share), draws.uniform(*recipe.jpeg.quality)
        halved = draws.chosen(0.7)
        if bool(which.any()):
            given = _with(given, which, effects.jpeg(given[which], quality[which], halved[which]))
    portrait = pictures[2] if len(pictures) == 3 else examples.portrait
    seen = zip(("skin", "portrait_skin"), skins, strict=False)
    return replace(examples, given=given, source=pictures[0], target=pictures[1], portrait=portrait, **dict(seen))


def _graded(pictures: list[Tensor], recipe: AugmentPart, draws: Draws) -> list[Tensor]:
    """The same grade on a pair, and on the colours of its skin."""
    which, most = draws.chosen(recipe.colour.share), recipe.colour
    contrast = 1 + torch.where(which, draws.uniform(-most.contrast, most.contrast), 0.0)
    saturation = 1 + torch.where(which, draws.uniform(-most.saturation, most.saturation), 0.0)
    hue = torch.where(which, draws.uniform(-most.hue, most.hue), 0.0)
    return [effects.graded(picture, contrast, saturation, hue) for picture in pictures]


def _light(recipe: AugmentPart, draws: Draws, size: int) -> tuple[Tensor, Tensor]:
    """Gains of the whole picture (B, 3, 1, 1), and of light that falls off (B, 1, size, size), 1 in the middle."""
    stops = draws.strength(recipe.exposure.share, -recipe.exposure.stops, recipe.exposure.stops)
    off_white, most = draws.chosen(recipe.white_balance.share), recipe.white_balance.stops
    warmth, tint = (torch.where(off_white, draws.uniform(-most, most), 0.0) for _ in range(2))
    fall = draws.strength(recipe.gradient.share, 0, recipe.gradient.stops)
    angle = draws.uniform(0, 2 * math.pi)
    return effects.gains(stops, warmth, tint / 2), effects.gradient(size, fall, angle)


def _blurred(pictures: list[Tensor], recipe: AugmentPart, draws: Draws) -> list[Tensor]:
    """The same blur on both pictures of a pair. Most examples have none, and cost nothing here."""
    for share, (low, high), moves in (
        (recipe.defocus.share, recipe.defocus.radius, False),
        (recipe.motion.share, recipe.motion.length, True),
    ):
        which, width, angle = draws.chosen(share), draws.uniform(low, high), draws.uniform(0, math.pi)
        if not bool(which.any()):
            continue
        kernels = effects.streak(width[which], angle[which]) if moves else effects.disc(width[which])
        pictures = [_with(picture, which, effects.convolved(picture[which], kernels)) for picture in pictures]
    return pictures


def _occluded(pictures: list[Tensor], recipe: AugmentPart, draws: Draws) -> list[Tensor]:
    """Put an object in front of the face, the same in both pictures, so that the wanted delta is 0 there.

    It has one colour, or stripes, or it is another part of the picture. That part may be skin, so a hand is not aged.
    """
    which = draws.chosen(recipe.occlusion.share)
    area, kind = draws.uniform(*recipe.occlusion.area), draws.uniform(0, 1)
    size = pictures[0].shape[-1]
    coarse, paint = draws.normal(1, _COARSE), draws.normal(6, 3)
    period, angle = draws.uniform(4, 24), draws.uniform(0, math.pi)
    if not bool(which.any()):
        return pictures
    area, kind, coarse, paint = area[which], kind[which], coarse[which], paint[which]
    period, angle = period[which], angle[which]
    shape = functional.interpolate(coarse, size=(size, size), mode="bicubic", align_corners=False)
    mask = effects.blob(shape, area)
    colours = torch.sigmoid(paint[:, :, :1, :1])
    place = torch.arange(size, device=kind.device, dtype=torch.float32)
    along = (
        torch.cos(angle)[:, None, None] * place[None, None, :] + torch.sin(angle)[:, None, None] * place[None, :, None]
    )
    wave = torch.sin(along * (2 * math.pi / period)[:, None, None])[:, None]
    stripes = torch.where(wave > 0, colours[:, :3], colours[:, 3:])
    uneven = functional.interpolate(paint[:, :3], size=(size, size), mode="bilinear", align_corners=False)
    plain = (colours[:, :3] + 0.05 * uneven).clamp(0, 1)
    other = torch.roll(pictures[0][which], size // 2, 3).flip(2)
    share = kind[:, None, None, None]
    thing = torch.where(share < 0.4, plain, torch.where(share < 0.6, stripes, other))
    return [_with(picture, which, picture[which] + mask * (thing - picture[which])) for picture in pictures]


def _with(pictures: Tensor, which: Tensor, changed: Tensor) -> Tensor:
    """The pictures with some of them replaced."""
    mixed = pictures.clone()
    mixed[which] = changed
    return mixed
