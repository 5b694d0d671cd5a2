"""The base of networks that answer whole aged pictures, and the places of ages between their groups."""

from __future__ import annotations

import itertools
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

Shape = tuple[int | None, ...]
"""Sizes of the axes after the first; None for a size that the caller chooses."""


class PictureNetwork(nn.Module):
    """A network that answers a whole picture at the age asked for.

    Pictures are (N, 3, S, S) float32 in the network's own encoding, S one of the sizes of its row. What does not see
    the age is worked out by ``look``, so that it runs once per picture, however many ages are asked for.
    """

    inputs: ClassVar[Mapping[str, Shape]]
    """Arrays that ``bare`` needs, by name."""
    optional: ClassVar[Mapping[str, Shape]] = {}
    """Arrays that ``bare`` can also take."""
    most_workers: ClassVar[int | None] = None
    """How many threads should call it at once on a CPU, where more would take too much memory."""

    def lend(self, borrow: Callable[[str], Mapping[str, Tensor]]) -> None:
        """Be offered the weights of a part, by its name, each time the part runs; small networks keep their own."""

    @abstractmethod
    def look(self, rgb: Tensor) -> Tensor:
        """Work out what depends on the picture alone: (N, ...)."""

    @abstractmethod
    def picture(self, rgb: Tensor, seen: Tensor, ages: Tensor) -> Tensor:
        """Answer the pictures (N, 3, S, S) at ``ages`` (N, 2), source and target, years; ``seen`` is from ``look``."""

    @abstractmethod
    def bare(self, arrays: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Answer as the authors' network does, on its own inputs and at its own size: ``y`` and what else it has."""


def group_places(bounds: Sequence[float]) -> tuple[Sequence[float], Sequence[float]]:
    """Ages, and the place of each among age groups: whole at the middle of a group, a half on a bound between two.

    ``bounds`` are the lower bound of the first group, the bounds between groups, and where the last group counts as
    complete. So the nearest whole place is an age's published group, and the place rises steadily with the age.
    """
    middles = [(low + high) / 2 for low, high in itertools.pairwise(bounds)]
    ages, places = [middles[0]], [0.0]
    for group, (bound, middle) in enumerate(zip(bounds[1:], middles[1:], strict=False)):
        ages += [bound, middle]
        places += [group + 0.5, group + 1.0]
    return ages, places


def group_labels(ages: Tensor, bounds: Sequence[float]) -> Tensor:
    """Labels (N, groups) for ages (N,) in years: 1 in the middle of a group, a blend of two groups in between.

    The networks were shown whole groups; their authors blend between neighbours in the same way.
    """
    known, places = (torch.tensor(row, dtype=torch.float64, device=ages.device) for row in group_places(bounds))
    years = ages.double().clamp(known[0], known[-1])
    after = torch.searchsorted(known, years).clamp(1, len(known) - 1)
    share = (years - known[after - 1]) / (known[after] - known[after - 1])
    place = torch.lerp(places[after - 1], places[after], share)
    groups = torch.arange(len(bounds) - 1, dtype=torch.float64, device=ages.device)
    return (1 - (place[:, None] - groups).abs()).clamp(min=0).to(ages.dtype)
