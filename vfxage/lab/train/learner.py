"""The network, its mean weights and its optimiser: one step of training, and the state for resuming."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from vfxage.ager import ARCHITECTURES
from vfxage.lab.train.answerer import Answerer
from vfxage.lab.train.augment import Draws, Examples, as_floats, prepare
from vfxage.lab.train.batches import Batch
from vfxage.lab.train.critic import Adversary
from vfxage.lab.train.descent import Descent, MeanWeights, begun_with, check_architecture, memory_named
from vfxage.lab.train.losses import Regrade, delta_losses, face_weight, stability_loss
from vfxage.lab.train.lpips import load_lpips
from vfxage.lab.train.parallel import World
from vfxage.lab.train.recipe import Recipe


class Learner:
    """Trains a network one step at a time. ``state`` and ``load`` resume it after an interruption, to the bit."""

    def __init__(self, recipe: Recipe, world: World) -> None:
        self.recipe, self.world, self.device, self.step = recipe, world, world.device, 0
        self.minutes = 0.0
        self.row = ARCHITECTURES[recipe.model.architecture]
        mixed = recipe.schedule.mixed and self.device.type == "cuda"
        torch.manual_seed(recipe.seed)
        network = self.row.build()
        begun, licence = begun_with(recipe, self.row)
        if begun is not None:
            network.load_state_dict(dict(begun.state))
        self.network = network.to(self.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._mean = MeanWeights(self.network, recipe, self.row, licence)
        self.answer = Answerer(self.row, self.network, mixed=mixed)
        self.answer_mean = Answerer(self.row, self._mean.network, mixed=False)
        self._descent, losses = Descent([self.network], recipe, world), recipe.losses
        self._adversary = Adversary(losses.adversarial, world, mixed=mixed) if losses.adversarial.weight else None
        self._lpips = None
        if losses.lpips.vgg and losses.lpips.lin and losses.lpips.weight:
            self._lpips = load_lpips(losses.lpips.vgg, losses.lpips.lin).to(self.device)

    def learn(self, batch: Batch) -> dict[str, float]:
        """Do one step on the batch. Returns each loss before its weight, and the weighted sum as "total".

        Raises ModelError at NaN and Inf, and where memory runs out.
        """
        with memory_named(self.device, batch):
            return self._learn(batch)

    def _learn(self, batch: Batch) -> dict[str, float]:
        self._set_mode()
        draws = Draws(batch, self.recipe.seed, self.device)
        examples = prepare(as_floats(batch, self.device), self.recipe.augment, draws)
        answer = self.answer(examples.given, examples.ages)
        found = self._losses(examples, answer, draws)
        total = torch.stack([self._weight(name) * value for name, value in found.items()]).sum()
        self._descent.descend(total, self.step, self.minutes)
        self._mean.follow(self.network, self.step)
        if self._adversary and self._adversary.begun(self.step):
            result = (examples.source + answer).detach()
            found |= self._adversary.learn(examples.portrait, result, examples.ages[:, 1])
        self.step += 1
        means = self.world.mean({**found, "total": total})
        return {name: float(value.detach()) for name, value in means.items()}

    def _losses(self, examples: Examples, answer: Tensor, draws: Draws) -> dict[str, Tensor]:
        losses, size = self.recipe.losses, answer.shape[-1]
        weight = face_weight(examples.weight, size, losses.outside)
        wanted = examples.target - examples.source
        found = delta_losses(answer, wanted, weight, losses)
        result = examples.source + answer
        if losses.stability.weight and self.step % losses.stability.every == 0:
            regrade = Regrade.draw(draws, losses.stability.shift, size)
            again = self.answer(regrade.given(examples.given), examples.ages)
            found["stability"] = stability_loss(again, answer.detach(), regrade, weight)
        if self._lpips is not None:
            found["lpips"] = self._lpips(result.clamp(0, 1), (examples.source + wanted).clamp(0, 1)).mean()
        if self._adversary and self._adversary.begun(self.step):
            found["adversarial"] = self._adversary.against(result, examples.ages[:, 1])
        return found

    def _weight(self, name: str) -> float:
        losses = self.recipe.losses
        if name == "adversarial" and self._adversary:
            return losses.adversarial.weight * self._adversary.strength(self.step)
        nested = {"stability": losses.stability.weight, "lpips": losses.lpips.weight}
        return nested[name] if name in nested else float(getattr(losses, name))

    def _set_mode(self) -> None:
        self.network.train()
        if (
            self.recipe.model.init is not None
        ):  # the statistics of small batches are worse than those of a large training
            for module in self.network.modules():
                if isinstance(module, nn.modules.batchnorm._BatchNorm):
                    module.eval()

    def state(self) -> dict[str, Any]:
        """Tensors, numbers and text; the tensors stay on their device."""
        return {
            "architecture": self.row.name,
            "step": self.step,
            "minutes": self.minutes,
            "network": self.network.state_dict(),
            "mean": self._mean.network.state_dict(),
            "optimiser": self._descent.optimiser.state_dict(),
            "adversary": self._adversary.state() if self._adversary else None,
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Continue from a ``state``, on any device. A critic that the earlier run did not have begins anew.

        Raises ShotError for another architecture's.
        """
        check_architecture(state, self.row)
        self.network.load_state_dict(state["network"])
        self._mean.network.load_state_dict(state["mean"])
        self._descent.optimiser.load_state_dict(state["optimiser"])
        if self._adversary and (known := state.get("adversary")):
            self._adversary.load(known)
        self.step, self.minutes = int(state["step"]), float(state["minutes"])

    def export(self, path: Path) -> None:
        """Write the mean weights as a checkpoint; see ``MeanWeights.export``."""
        self._mean.export(path)
