"""The adversary: a patch critic that gets the age and learns to tell photographs of that age from results.

Isola et al. 2017 (patches), Miyato et al. 2018 (spectral norm, hinge), Zoss et al. 2022 (the age as a channel).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

from vfxage.lab.train.parallel import World
from vfxage.lab.train.published_critic import FaceReagingCritic, load_published
from vfxage.lab.train.recipe import Adversarial

_WRONG = 0.25
"""Share of the false examples that are photographs with a wrong age, so that the critic uses the age."""
_OFF, _MIDDLE = 25.0, 50.0
"""A wrong age differs by so many years, towards the age given second."""


class Critic(nn.Module):
    """(B, 3, S, S) sRGB and (B,) years -> a score for each patch of 70 pixels, high for what looks real."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        widths = (4, channels, 2 * channels, 4 * channels)
        layers: list[nn.Module] = []
        for place in range(3):
            layers += [spectral_norm(nn.Conv2d(widths[place], widths[place + 1], 4, stride=2, padding=1))]
            layers += [nn.LeakyReLU(0.2)]
        layers += [spectral_norm(nn.Conv2d(widths[3], widths[3], 4, padding=1)), nn.LeakyReLU(0.2)]
        layers += [spectral_norm(nn.Conv2d(widths[3], 1, 4, padding=1))]
        self.layers = nn.Sequential(*layers)

    def forward(self, rgb: Tensor, ages: Tensor) -> Tensor:
        """Scores (B, 1, S / 8 - 2, S / 8 - 2)."""
        painted = (ages / 100)[:, None, None, None].expand(-1, 1, *rgb.shape[2:]).to(rgb)
        shown = torch.cat([rgb * 2 - 1, painted], dim=1).contiguous(memory_format=torch.channels_last)
        return self.layers(shown)  # type: ignore[no-any-return]


class CriticLoss(Protocol):
    """How scores become losses, each a scalar."""

    def of(self, scores: Tensor, *, real: bool) -> Tensor:
        """The critic's loss for its scores of pictures that are, or are not, photographs of that age."""
        ...

    def against(self, scores: Tensor) -> Tensor:
        """The network's loss for the critic's scores of its results."""
        ...


class Hinge:
    """Hinge loss (Miyato et al. 2018)."""

    def of(self, scores: Tensor, *, real: bool) -> Tensor:
        """See ``CriticLoss``."""
        return functional.relu(1 - scores if real else 1 + scores).mean()

    def against(self, scores: Tensor) -> Tensor:
        """See ``CriticLoss``."""
        return -scores.mean()


class CrossEntropy:
    """Binary cross-entropy of logits (Goodfellow et al. 2014), as face_reaging and VISAGE have it."""

    def of(self, scores: Tensor, *, real: bool) -> Tensor:
        """See ``CriticLoss``."""
        return functional.binary_cross_entropy_with_logits(scores, torch.full_like(scores, float(real)))

    def against(self, scores: Tensor) -> Tensor:
        """See ``CriticLoss``."""
        return self.of(scores, real=True)


class Adversary:
    """A critic and its optimiser.

    Raises ModelError if the weights to begin with are missing, damaged or of another critic.
    """

    def __init__(self, recipe: Adversarial, world: World, *, mixed: bool) -> None:
        self._recipe, self._world, self._mixed = recipe, world, mixed
        critic: nn.Module = Critic(recipe.channels)
        if recipe.critic == "face_reaging":
            critic = published = FaceReagingCritic()
            if recipe.init is not None:
                load_published(recipe.init, published)
        self._loss: CriticLoss = CrossEntropy() if recipe.critic == "face_reaging" else Hinge()
        self.critic = critic.to(world.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._optimiser = torch.optim.Adam(self.critic.parameters(), lr=recipe.rate, betas=(0.5, 0.99))

    def begun(self, step: int) -> bool:
        """Whether the step (from 0) is past the warm-up."""
        return step >= self._recipe.start

    def strength(self, step: int) -> float:
        """Factor of the weight at a step. It rises from 0, so that the critic learns first."""
        return min(1.0, max(0.0, (step - self._recipe.start) / self._recipe.ramp))

    def against(self, result: Tensor, ages: Tensor) -> Tensor:
        """The loss of results (B, 3, S, S) at ``ages`` (B,): high if the critic recognises them as made."""
        self.critic.requires_grad_(False)
        try:
            return self._loss.against(self._scores(result, ages))
        finally:
            self.critic.requires_grad_(True)

    def _scores(self, rgb: Tensor, ages: Tensor) -> Tensor:
        with torch.autocast(rgb.device.type, torch.bfloat16, enabled=self._mixed):
            scores: Tensor = self.critic(rgb, ages)
        return scores.float()

    def learn(self, portrait: Tensor, result: Tensor, ages: Tensor) -> dict[str, Tensor]:
        """One step of the critic on photographs and (detached) results of the same ages; its loss."""
        real, made = self._scores(portrait, ages), self._scores(result, ages)
        false = self._loss.of(made, real=False)
        if self._recipe.critic == "patch":  # face_reaging's own trainer shows no wrong ages
            wrong = self._scores(portrait, torch.where(ages > _MIDDLE, ages - _OFF, ages + _OFF))
            false = (1 - _WRONG) * false + _WRONG * self._loss.of(wrong, real=False)
        loss = self._loss.of(real, real=True) + false
        self._optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self._world.average(self.critic.parameters())
        self._optimiser.step()
        return {"critic": loss.detach()}

    def state(self) -> dict[str, Any]:
        """The state that a resumed run needs."""
        return {"critic": self.critic.state_dict(), "optimiser": self._optimiser.state_dict()}

    def load(self, state: Mapping[str, Any]) -> None:
        """Continue from a ``state``."""
        self.critic.load_state_dict(state["critic"])
        self._optimiser.load_state_dict(state["optimiser"])
