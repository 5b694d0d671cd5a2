"""Examples for networks that learn without pairs: a portrait, and a photograph of somebody of the group asked for."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from vfxage.ager import ARCHITECTURES
from vfxage.ager.sauravsjk import GROUPS
from vfxage.errors import ShotError
from vfxage.lab.portraits import Portrait
from vfxage.lab.train.batches import ALONE, EXAMPLE, STEP, Batch, Process, draw_view, share_of, stacked
from vfxage.lab.train.data import TrainingData
from vfxage.lab.train.pictures import Pictures, cut
from vfxage.lab.train.recipe import Recipe
from vfxage.types import U8

Labelled = tuple[Portrait, str]
"""A portrait and the framing of its folder."""


@dataclass(frozen=True, slots=True)
class AgeGroup:
    """Ages of ``low`` and over, below ``high``, years."""

    low: float
    high: float

    @property
    def middle(self) -> float:
        """The age that stands for the group, where its label is whole."""
        return (self.low + self.high) / 2


YOUNG, OLD = AgeGroup(18, 30), AgeGroup(55, 121)
"""Fast-AgingGAN's two groups, as its authors chose them on CACD."""


def age_groups(architecture: str) -> tuple[AgeGroup, ...]:
    """The groups that a network learns, youngest first. The last one of 14 is open: its middle is 105."""
    if ARCHITECTURES[architecture].older_only:
        return YOUNG, OLD
    return tuple(AgeGroup(low, high) for low, high in itertools.pairwise(GROUPS))


class UnpairedBatches:
    """Makes the batch of any step; thread-safe.

    ``source`` is a portrait, ``target`` a photograph of another group: the group that is asked for. ``ages`` are the
    middles of both groups. A network that makes faces older only gets the youngest group as source, always.
    """

    def __init__(self, recipe: Recipe, data: TrainingData, pictures: Pictures, *, process: Process = ALONE) -> None:
        self._recipe, self._pictures = recipe, pictures
        self._indices = share_of(recipe, process)
        self._directed = ARCHITECTURES[recipe.model.architecture].older_only
        self._groups = _filled(age_groups(recipe.model.architecture), data.portraits)
        wanted = len(age_groups(recipe.model.architecture)) if self._directed else 2
        if len(self._groups) < wanted:
            names = " and ".join(f"{group.low:g} to {group.high - 1:g}" for group in (YOUNG, OLD))
            what = (
                f"{recipe.model.architecture} learns from people of {names}" if self._directed else "needs two groups"
            )
            raise ShotError(
                f"the portraits are of too few age groups: {what}",
                fix="name folders with other ages in `data.portraits`",
            )

    def __call__(self, step: int) -> Batch:
        """The batch of a step. Raises ReadError if a picture is gone."""
        shared = np.random.default_rng([self._recipe.seed, step, STEP])
        size = int(shared.choice(self._recipe.crop.sizes))
        sources, targets, ages = zip(*(self._example(step, index, size) for index in self._indices), strict=True)
        return Batch(
            step=step,
            indices=self._indices,
            source=stacked(sources),
            target=stacked(targets),
            portrait=torch.empty((0, 3, size, size), dtype=torch.uint8),
            weight=torch.full((len(ages), 1, size // 4, size // 4), 255, dtype=torch.uint8),
            ages=torch.tensor(ages, dtype=torch.float32),
        )

    def _example(self, step: int, index: int, size: int) -> tuple[U8, U8, tuple[float, float]]:
        rng = np.random.default_rng([self._recipe.seed, step, EXAMPLE, index])
        one, other = (0, 1) if self._directed else rng.choice(len(self._groups), 2, replace=False)
        pair = [self._groups[place] for place in (one, other)]
        source, target = (self._shown(portraits, rng, size) for _, portraits in pair)
        return source, target, (pair[0][0].middle, pair[1][0].middle)

    def _shown(self, portraits: Sequence[Labelled], rng: np.random.Generator, size: int) -> U8:
        portrait, framing = portraits[rng.integers(len(portraits))]
        return cut(self._pictures.picture(portrait, framing, portrait), draw_view(self._recipe.crop, rng), size)


def _filled(groups: Sequence[AgeGroup], portraits: Sequence[Labelled]) -> list[tuple[AgeGroup, tuple[Labelled, ...]]]:
    """The groups that have portraits, with them; ages past the last group are of the last group."""
    found = []
    for group in groups:
        high = 121.0 if group is groups[-1] else group.high
        members = tuple(item for item in portraits if group.low <= item[0].age < high)
        if members:
            found.append((group, members))
    return found
