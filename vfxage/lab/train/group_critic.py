"""Critics of networks that learn without pairs: one that also reads the age group, or one for each group.

Both answer scores near 1 for photographs and near 0 for results (least squares, Mao et al. 2017).
"""

from __future__ import annotations

import itertools
from abc import abstractmethod

import torch
from torch import Tensor, nn

_SLOPE = 0.2


class GroupCritic(nn.Module):
    """(B, 3, S, S) in -1..1, and the place of each one's group, to scores and losses."""

    @abstractmethod
    def scores(self, rgb: Tensor, groups: Tensor) -> Tensor:
        """How much the pictures look like photographs of their groups (B,): (B, ...)."""

    @abstractmethod
    def readings(self, rgb: Tensor) -> Tensor | None:
        """The group that is read in each picture: (B, groups) logits. None for a critic that does not read it."""


class ReadingCritic(GroupCritic):
    """One critic that scores patches and reads the age group, as SauravSJK's design wants it (Odena et al. 2017)."""

    def __init__(self, channels: int, groups: int) -> None:
        super().__init__()
        widths = (3, channels, 2 * channels, 4 * channels, 4 * channels)
        layers: list[nn.Module] = []
        for before, width in itertools.pairwise(widths):
            layers += [nn.Conv2d(before, width, 4, stride=2, padding=1), nn.LeakyReLU(_SLOPE)]
        self.trunk = nn.Sequential(*layers)
        self.score, self.group = nn.Conv2d(widths[-1], 1, 3, padding=1), nn.Linear(widths[-1], groups)

    def scores(self, rgb: Tensor, groups: Tensor) -> Tensor:
        """See ``GroupCritic``: (B, 1, S / 16, S / 16), whatever the group."""
        return self.score(self.trunk(rgb))  # type: ignore[no-any-return]

    def readings(self, rgb: Tensor) -> Tensor:
        """See ``GroupCritic``."""
        return self.group(self.trunk(rgb).mean(dim=(2, 3)))  # type: ignore[no-any-return]


def _one_group(channels: int) -> nn.Sequential:
    """Fast-AgingGAN's discriminator: norms none, batch, instance, instance."""
    a, b, c, d = channels, 2 * channels, 4 * channels, 8 * channels
    return nn.Sequential(
        *(nn.Conv2d(3, a, 4, stride=2, padding=1), nn.LeakyReLU(_SLOPE)),
        *(nn.Conv2d(a, b, 4, stride=2, padding=1), nn.BatchNorm2d(b), nn.LeakyReLU(_SLOPE)),
        *(nn.Conv2d(b, c, 4, stride=2, padding=1), nn.InstanceNorm2d(c), nn.LeakyReLU(_SLOPE)),
        *(nn.Conv2d(c, d, 4, padding=1), nn.InstanceNorm2d(d), nn.LeakyReLU(_SLOPE)),
        nn.Conv2d(d, 1, 4, padding=1),
    )


class PairOfCritics(GroupCritic):
    """One critic for young faces and one for old faces, as Fast-AgingGAN has them."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.critics = nn.ModuleList(_one_group(channels) for _ in range(2))

    def scores(self, rgb: Tensor, groups: Tensor) -> Tensor:
        """See ``GroupCritic``: (B, 1), the mean over the picture. All pictures of a call are of one group."""
        return self.critics[int(groups[0])](rgb).mean(dim=(2, 3))  # type: ignore[no-any-return]

    def readings(self, rgb: Tensor) -> None:
        """None: each critic knows one group."""
        return


def build_critic(architecture: str, channels: int, groups: int) -> GroupCritic:
    """The critic that belongs to a network."""
    return PairOfCritics(channels) if architecture == "fast_aginggan" else ReadingCritic(channels, groups)


def towards(scores: Tensor, wanted: float) -> Tensor:
    """Mean square of the scores' distance from 1, a photograph, or 0, a result."""
    return (scores - wanted).square().mean()


def nearest_group(ages: Tensor, middles: Tensor) -> Tensor:
    """The place of the group whose middle each age (B,) is."""
    return (ages[:, None] - middles).abs().argmin(dim=1)


def one_hot_loss(readings: Tensor, groups: Tensor) -> Tensor:
    """Cross-entropy of the groups read (B, G) and the right ones (B,).

    SauravSJK's own trainer compares the number of the group with all probabilities, which teaches them to be equal.
    """
    return torch.nn.functional.cross_entropy(readings, groups)
