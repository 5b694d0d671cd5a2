"""The network, its mean weights and its optimiser: one step of training, and the state for resuming."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from vfxage.ager import ARCHITECTURES, Architecture
from vfxage.ager.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from vfxage.errors import ModelError, ShotError
from vfxage.lab.train.augment import Draws, Examples, as_floats, augment
from vfxage.lab.train.batches import Batch
from vfxage.lab.train.critic import Adversary
from vfxage.lab.train.losses import Regrade, delta_losses, face_weight, stability_loss, wanted_delta
from vfxage.lab.train.lpips import load_lpips
from vfxage.lab.train.parallel import World
from vfxage.lab.train.recipe import Recipe

_TUNED = "; tuned further by vfxage train"
"""Start of a licence note for weights that were trained further."""


class Answerer:
    """A network with its encoding hidden: sRGB 0..1 and years in, sRGB differences out."""

    def __init__(self, row: Architecture, network: nn.Module, *, mixed: bool) -> None:
        self.row, self.network, self._mixed = row, network, mixed

    def __call__(self, rgb: Tensor, ages: Tensor) -> Tensor:
        """(B, 3, S, S) and (B, 2) years -> (B, 3, S, S) float32."""
        minus = self.row.encoding == "-1..1"
        held = ages.clamp(*self.row.ages) / 100
        painted = held[:, :, None, None].expand(-1, -1, *rgb.shape[2:])
        shown = torch.cat([rgb * 2 - 1 if minus else rgb, painted.to(rgb)], dim=1)
        with torch.autocast(rgb.device.type, torch.bfloat16, enabled=self._mixed):
            answer: Tensor = self.network(shown.contiguous(memory_format=torch.channels_last)).float()
        return answer * 0.5 if minus else answer


class Learner:
    """Trains a network one step at a time. ``state`` and ``load`` resume it after an interruption, to the bit."""

    def __init__(self, recipe: Recipe, world: World) -> None:
        self.recipe, self.world, self.device, self.step = recipe, world, world.device, 0
        self.row = ARCHITECTURES[recipe.model.architecture]
        mixed = recipe.schedule.mixed and self.device.type == "cuda"
        torch.manual_seed(recipe.seed)
        network = self.row.build()
        self._licence = "its trainer's, within what its pictures allow"
        if recipe.model.init is not None:
            begun = _initial(recipe.model.init, self.row)
            network.load_state_dict(dict(begun.state))
            self._licence = f"{begun.architecture.licence.removesuffix(_TUNED)}{_TUNED}"
        self.network = network.to(self.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.mean = copy.deepcopy(self.network).eval().requires_grad_(False)
        self.answer = Answerer(self.row, self.network, mixed=mixed)
        self.answer_mean = Answerer(self.row, self.mean, mixed=False)
        schedule, losses = recipe.schedule, recipe.losses
        self._optimiser = torch.optim.Adam(self.network.parameters(), lr=schedule.rate, betas=schedule.betas)
        self._adversary = Adversary(losses.adversarial, world, mixed=mixed) if losses.adversarial.weight else None
        self._lpips = None
        if losses.lpips.vgg and losses.lpips.lin and losses.lpips.weight:
            self._lpips = load_lpips(losses.lpips.vgg, losses.lpips.lin).to(self.device)

    def learn(self, batch: Batch) -> dict[str, float]:
        """Do one step on the batch. Returns each loss before its weight, and the weighted sum as "total".

        Raises ModelError at NaN and Inf, and where memory runs out.
        """
        try:
            return self._learn(batch)
        except RuntimeError as error:  # torch's own for a GPU; a CPU's says only in words what it is
            if isinstance(error, torch.OutOfMemoryError) or "allocate memory" in str(error):
                count, size = len(batch.indices), batch.source.shape[-1]
                raise ModelError(
                    f"not enough memory on {self.device} for {count} examples of {size} px",
                    fix="lower `schedule.batch` or `crop.sizes`",
                ) from error
            raise

    def _learn(self, batch: Batch) -> dict[str, float]:
        self._set_mode()
        draws = Draws(batch, self.recipe.seed, self.device)
        examples = augment(as_floats(batch, self.device), self.recipe.augment, draws)
        answer = self.answer(examples.given, examples.ages)
        found = self._losses(examples, answer, draws)
        total = torch.stack([self._weight(name) * value for name, value in found.items()]).sum()
        self._descend(total)
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
        if losses.older_lines != 1:
            older = examples.ages[:, 1] > examples.ages[:, 0]
            wanted = wanted_delta(examples.source, examples.target, torch.where(older, losses.older_lines, 1.0))
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

    def _descend(self, total: Tensor) -> None:
        for group in self._optimiser.param_groups:
            group["lr"] = rate_at(self.step, self.recipe)
        self._optimiser.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]
        self.world.average(self.network.parameters())
        length = nn.utils.clip_grad_norm_(self.network.parameters(), self.recipe.schedule.clip)
        if not bool(torch.isfinite(length)):
            raise ModelError(
                f"step {self.step + 1} gave NaN or Inf",
                fix="lower `schedule.rate`; the last checkpoint stays",
            )
        self._optimiser.step()
        self._average()

    def _set_mode(self) -> None:
        self.network.train()
        if (
            self.recipe.model.init is not None
        ):  # the statistics of small batches are worse than those of a large training
            for module in self.network.modules():
                if isinstance(module, nn.modules.batchnorm._BatchNorm):
                    module.eval()

    def _average(self) -> None:
        """Update the running mean of the weights. It starts as a plain mean, to forget the first weights soon."""
        decay = min(self.recipe.schedule.ema, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            torch._foreach_lerp_(list(self.mean.parameters()), list(self.network.parameters()), 1 - decay)
            for held, now in zip(self.mean.buffers(), self.network.buffers(), strict=True):
                held.copy_(now)

    def state(self) -> dict[str, Any]:
        """Tensors, numbers and text; the tensors stay on their device."""
        return {
            "architecture": self.row.name,
            "step": self.step,
            "network": self.network.state_dict(),
            "mean": self.mean.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "adversary": self._adversary.state() if self._adversary else None,
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Continue from a ``state``, on any device. A critic that the earlier run did not have begins anew.

        Raises ShotError for another architecture's.
        """
        if state["architecture"] != self.row.name:
            raise ShotError(
                f"the run was begun with {state['architecture']}, the recipe says {self.row.name}",
                fix="give the run another `out:` folder",
            )
        self.network.load_state_dict(state["network"])
        self.mean.load_state_dict(state["mean"])
        self._optimiser.load_state_dict(state["optimiser"])
        if self._adversary and (known := state.get("adversary")):
            self._adversary.load(known)
        self.step = int(state["step"])

    def export(self, path: Path) -> None:
        """Write the mean weights as a checkpoint of ours, in half precision where the recipe says so.

        Raises WriteError, and ModelError where a weight is too large for half precision.
        """
        state = {key: value.detach().cpu() for key, value in self.mean.state_dict().items()}
        row = replace(self.row, licence=self._licence)
        try:
            save_checkpoint(path, row, state, half=self.recipe.model.export_half)
        except ModelError as error:
            if not self.recipe.model.export_half:
                raise
            raise ModelError(error.what, path=path, fix="set `model.export_half: false`; the state is saved") from error


def _initial(path: Path, row: Architecture) -> Checkpoint:
    """The checkpoint that a run begins with; ShotError for one of another network."""
    checkpoint = load_checkpoint(path)
    if checkpoint.architecture.name != row.name:
        raise ShotError(
            f"holds weights of {checkpoint.architecture.name}, and `model.architecture` is {row.name}",
            path=path,
            fix=f"set `model.architecture: {checkpoint.architecture.name}`",
        )
    return checkpoint


def rate_at(step: int, recipe: Recipe) -> float:
    """The learning rate of the next step, after ``step`` finished steps."""
    schedule = recipe.schedule
    rise = min(1.0, (step + 1) / schedule.warmup) if schedule.warmup else 1.0
    if schedule.decay == "none":
        return schedule.rate * rise
    done = min(1.0, step / schedule.steps)
    return schedule.rate * rise * (0.01 + 0.99 * (1 + math.cos(math.pi * done)) / 2)
