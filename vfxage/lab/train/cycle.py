"""Training without pairs: one generator ages, one ages back, and a critic compares photographs and results.

Zhu et al. 2017 (the cycle of both generators). ``cycle`` and ``sauravsjk``: SauravSJK's design. Each generator is asked
for an age group, and the critic also reads the group. ``fast_aginggan``: one generator makes young faces old, the other
makes old faces young, and each group has its critic.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vfxage.ager import ARCHITECTURES
from vfxage.ager.picture import PictureNetwork
from vfxage.lab.train.answerer import Answerer
from vfxage.lab.train.augment import Draws, as_floats, augment
from vfxage.lab.train.batches import Batch
from vfxage.lab.train.descent import Descent, MeanWeights, begun_with, check_architecture, memory_named
from vfxage.lab.train.group_critic import build_critic, nearest_group, one_hot_loss, towards
from vfxage.lab.train.parallel import World
from vfxage.lab.train.recipe import Recipe
from vfxage.lab.train.unpaired import age_groups

Losses = dict[str, Tensor]


class CycleLearner:
    """Trains two generators and their critic one step at a time; see ``Learner`` for the contract."""

    def __init__(self, recipe: Recipe, world: World) -> None:
        self.recipe, self.world, self.device, self.step = recipe, world, world.device, 0
        self.minutes = 0.0
        self.row = ARCHITECTURES[recipe.model.architecture]
        torch.manual_seed(recipe.seed)
        begun, licence = begun_with(recipe, self.row)
        self.there, self.back = self._generator(), self._generator()
        if begun is not None:
            self.there.load_state_dict(dict(begun.state))
            if not self.row.older_only:
                self.back.load_state_dict(dict(begun.state))
        groups, adversarial = age_groups(self.row.name), recipe.losses.adversarial
        self._middles = torch.tensor([group.middle for group in groups], device=self.device)
        self.critic = build_critic(self.row.name, adversarial.channels, len(groups)).to(self.device)
        self._critic_optimiser = torch.optim.Adam(self.critic.parameters(), lr=adversarial.rate, betas=(0.5, 0.99))
        self._descent = Descent([self.there, self.back], recipe, world)
        self._mean = MeanWeights(self.there, recipe, self.row, licence)
        self.answer_mean = Answerer(self.row, self._mean.network, mixed=False)

    def _generator(self) -> PictureNetwork:
        network = self.row.build().to(self.device)
        assert isinstance(network, PictureNetwork)
        return network

    def learn(self, batch: Batch) -> dict[str, float]:
        """Do one step on the batch. Returns each loss before its weight, and the weighted sum as "total".

        Raises ModelError at NaN and Inf, and where memory runs out.
        """
        with memory_named(self.device, batch):
            return self._learn(batch)

    def _learn(self, batch: Batch) -> dict[str, float]:
        for network in (self.there, self.back, self.critic):
            network.train()
        examples = as_floats(batch, self.device)
        examples = augment(examples, self.recipe.augment, Draws(batch, self.recipe.seed, self.device))
        source, photograph = (self._encoded(rgb) for rgb in (examples.given, examples.target))
        ages = examples.ages
        self.critic.requires_grad_(False)
        found, result = self._cycle_losses(source, ages, (self.there, self.back))
        made = [(result, ages[:, 1])]
        if self.row.older_only:
            other, younger = self._cycle_losses(photograph, ages.flip(1), (self.back, self.there))
            found = {name: found[name] + other[name] for name in found}
            made.append((younger, ages[:, 0]))
        weights = {"adversarial": self._adversarial_weight, **self.recipe.losses.cycle.model_dump()}
        total = torch.stack([weights[name] * value for name, value in found.items()]).sum()
        self._descent.descend(total, self.step, self.minutes)
        self._mean.follow(self.there, self.step)
        self.critic.requires_grad_(True)
        if self._critic_begun:
            real = [(photograph, ages[:, 1]), (source, ages[:, 0])]
            found |= self._teach_critic(real, [(rgb.detach(), years) for rgb, years in made])
        self.step += 1
        means = self.world.mean({**found, "total": total})
        return {name: float(value.detach()) for name, value in means.items()}

    @property
    def _critic_begun(self) -> bool:
        """Whether the next step is past the warm-up."""
        return self.step >= self.recipe.losses.adversarial.start

    @property
    def _adversarial_weight(self) -> float:
        """The factor of the critic's weight: it rises from 0, so that the critic learns first."""
        part = self.recipe.losses.adversarial
        return part.weight * min(1.0, (self.step - part.start) / part.ramp)

    def _encoded(self, rgb: Tensor) -> Tensor:
        """sRGB 0..1 in the network's encoding."""
        return rgb * 2 - 1 if self.row.encoding == "-1..1" else rgb

    def _ages_for_generator(self, ages: Tensor) -> Tensor:
        """The ages that a generator gets. One that only makes faces older gets the younger age first."""
        return ages.sort(dim=1).values if self.row.older_only else ages

    def _cycle_losses(
        self, source: Tensor, ages: Tensor, generators: tuple[PictureNetwork, PictureNetwork]
    ) -> tuple[Losses, Tensor]:
        """The losses of ageing ``source`` to the target ages and back, each a scalar, and the answer."""
        first, second = generators
        seen = first.look(source)
        result = first.picture(source, seen, self._ages_for_generator(ages))
        seen_again = second.look(result)
        again = second.picture(result, seen_again, self._ages_for_generator(ages.flip(1)))
        groups = nearest_group(ages[:, 1], self._middles)
        found = {
            "back": (again - source).abs().mean(),
            "identity": self._identity(source, (seen, seen_again), second, ages),
        }
        if not self._critic_begun:
            return found, result
        found["adversarial"] = towards(self.critic.scores(self._judged(result), groups), 1.0)
        readings = self.critic.readings(self._judged(result))
        return found if readings is None else {**found, "group": one_hot_loss(readings, groups)}, result

    def _identity(self, source: Tensor, seen: tuple[Tensor, Tensor], second: PictureNetwork, ages: Tensor) -> Tensor:
        """Root mean square difference of the features. For two groups: how ``second`` changes its own faces."""
        if self.row.older_only:
            return (second.picture(source, second.look(source), self._ages_for_generator(ages)) - source).abs().mean()
        return ((seen[0] - seen[1]).square().mean(dim=1) + 1e-8).sqrt().mean()

    def _judged(self, rgb: Tensor) -> Tensor:
        """In -1..1, as the critic takes pictures."""
        return rgb if self.row.encoding == "-1..1" else rgb * 2 - 1

    def _teach_critic(self, real: list[tuple[Tensor, Tensor]], made: list[tuple[Tensor, Tensor]]) -> Losses:
        """One step of the critic on photographs and (detached) results, each with its ages; its losses."""
        losses = [
            towards(self.critic.scores(self._judged(rgb), nearest_group(ages, self._middles)), wanted)
            for pictures, wanted in ((real, 1.0), (made, 0.0))
            for rgb, ages in pictures
        ]
        found = {"critic": torch.stack(losses).mean()}
        read = [
            one_hot_loss(readings, nearest_group(ages, self._middles))
            for rgb, ages in real
            if (readings := self.critic.readings(self._judged(rgb))) is not None
        ]
        if read:
            found["critic_group"] = torch.stack(read).mean()
        self._critic_optimiser.zero_grad()
        torch.stack(list(found.values())).sum().backward()  # type: ignore[no-untyped-call]
        self.world.average(self.critic.parameters())
        self._critic_optimiser.step()
        return {name: value.detach() for name, value in found.items()}

    def state(self) -> dict[str, Any]:
        """Tensors, numbers and text; the tensors stay on their device."""
        return {
            "architecture": self.row.name,
            "step": self.step,
            "minutes": self.minutes,
            "there": self.there.state_dict(),
            "back": self.back.state_dict(),
            "mean": self._mean.network.state_dict(),
            "critic": self.critic.state_dict(),
            "optimisers": [self._descent.optimiser.state_dict(), self._critic_optimiser.state_dict()],
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Continue from a ``state``, on any device. Raises ShotError for another architecture's."""
        check_architecture(state, self.row)
        networks = {"there": self.there, "back": self.back, "mean": self._mean.network, "critic": self.critic}
        for name, network in networks.items():
            network.load_state_dict(state[name])
        for optimiser, known in zip(
            (self._descent.optimiser, self._critic_optimiser), state["optimisers"], strict=True
        ):
            optimiser.load_state_dict(known)
        self.step, self.minutes = int(state["step"]), float(state["minutes"])

    def export(self, path: Path) -> None:
        """Write the mean weights of the generator that ages as a checkpoint; see ``MeanWeights.export``."""
        self._mean.export(path)
