"""The network, its mean weights and its optimiser: one step of learning, and all that a resumed run must know."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from vfxage.errors import ModelError, ShotError
from vfxage.model import ARCHITECTURES, Architecture
from vfxage.model.checkpoint import load_checkpoint, save_checkpoint
from vfxage.train.batches import Batch
from vfxage.train.losses import delta_losses, face_weight
from vfxage.train.recipe import Recipe


class Answerer:
    """A network of an architecture, asked in sRGB 0..1 and years, answering sRGB differences."""

    def __init__(self, row: Architecture, network: nn.Module) -> None:
        self.row, self.network = row, network

    def __call__(self, rgb: Tensor, ages: Tensor) -> Tensor:
        """(B, 3, S, S) and (B, 2) years -> (B, 3, S, S) float32."""
        minus = self.row.encoding == "-1..1"
        held = ages.clamp(*self.row.ages) / 100
        painted = held[:, :, None, None].expand(-1, -1, *rgb.shape[2:])
        shown = torch.cat([rgb * 2 - 1 if minus else rgb, painted.to(rgb)], dim=1)
        answer: Tensor = self.network(shown.contiguous(memory_format=torch.channels_last)).float()
        return answer * 0.5 if minus else answer


class Learner:
    """Learns one step at a time; ``state`` and ``load`` carry it over an interruption, bit for bit."""

    def __init__(self, recipe: Recipe, device: torch.device) -> None:
        self.recipe, self.device, self.step = recipe, device, 0
        self.row = ARCHITECTURES[recipe.model.architecture]
        torch.manual_seed(recipe.seed)
        network = self.row.build()
        if recipe.model.init is not None:
            network.load_state_dict(dict(_initial(recipe, self.row)))
        self.network = network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.mean = copy.deepcopy(self.network).eval().requires_grad_(False)
        self.answer = Answerer(self.row, self.network)
        schedule = recipe.schedule
        self.optimiser = torch.optim.Adam(self.network.parameters(), lr=schedule.rate, betas=schedule.betas)
        self._mixed = schedule.mixed and device.type == "cuda"

    def learn(self, batch: Batch) -> dict[str, Tensor]:
        """Take the batch's step; its losses before their weights, detached. Raises ModelError at NaN and Inf."""
        self._set_mode()
        for group in self.optimiser.param_groups:
            group["lr"] = rate_at(self.step, self.recipe)
        source = batch.source.to(self.device, torch.float32) / 255
        target = batch.target.to(self.device, torch.float32) / 255
        weight = face_weight(batch.weight.to(self.device), source.shape[-1], self.recipe.losses.outside)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self._mixed):
            answer = self.answer(source, batch.ages.to(self.device))
        found = delta_losses(answer, target - source, weight, self.recipe.losses)
        total = sum_of(found, self.recipe)
        self.optimiser.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]
        length = nn.utils.clip_grad_norm_(self.network.parameters(), self.recipe.schedule.clip)
        if not bool(torch.isfinite(length)):
            raise ModelError(
                f"step {self.step + 1} led to values that are NaN or Inf",
                fix="lower `schedule.rate`; the last checkpoint stays",
            )
        self.optimiser.step()
        self._average()
        self.step += 1
        return {name: value.detach() for name, value in found.items()} | {"total": total.detach()}

    def _set_mode(self) -> None:
        self.network.train()
        if self.recipe.model.init is not None:  # small batches would spoil the statistics of a large training
            for module in self.network.modules():
                if isinstance(module, nn.modules.batchnorm._BatchNorm):
                    module.eval()

    def _average(self) -> None:
        """The running mean of the weights, which begins as a plain mean and so forgets the first ones soon."""
        decay = min(self.recipe.schedule.ema, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for held, now in zip(self.mean.parameters(), self.network.parameters(), strict=True):
                held.lerp_(now, 1 - decay)
            for held, now in zip(self.mean.buffers(), self.network.buffers(), strict=True):
                held.copy_(now)

    def state(self) -> dict[str, Any]:
        """Tensors, numbers and text, on whatever device they are."""
        return {
            "architecture": self.row.name,
            "step": self.step,
            "network": self.network.state_dict(),
            "mean": self.mean.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Go on from what ``state`` gave, on any device. Raises ShotError for another architecture's."""
        if state["architecture"] != self.row.name:
            raise ShotError(
                f"the run was begun with {state['architecture']}, the recipe says {self.row.name}",
                fix="give the run another `out:` folder",
            )
        self.network.load_state_dict(state["network"])
        self.mean.load_state_dict(state["mean"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step = int(state["step"])

    def export(self, path: Any) -> None:
        """Write the mean weights as a checkpoint of ours. Raises WriteError."""
        save_checkpoint(path, self.row, {key: value.detach().cpu() for key, value in self.mean.state_dict().items()})


def _initial(recipe: Recipe, row: Architecture) -> Mapping[str, Tensor]:
    assert recipe.model.init is not None
    checkpoint = load_checkpoint(recipe.model.init)
    if checkpoint.architecture.name != row.name:
        raise ShotError(
            f"holds weights of {checkpoint.architecture.name}, and `model.architecture` is {row.name}",
            path=recipe.model.init,
            fix=f"set `model.architecture: {checkpoint.architecture.name}`",
        )
    return checkpoint.state


def sum_of(losses: Mapping[str, Tensor], recipe: Recipe) -> Tensor:
    """The losses by their weights."""
    weights = {"l1": recipe.losses.l1, "pyramid": recipe.losses.pyramid, "highpass": recipe.losses.highpass}
    return torch.stack([weights[name] * value for name, value in losses.items()]).sum()


def rate_at(step: int, recipe: Recipe) -> float:
    """The learning rate of the step that follows ``step`` done ones."""
    schedule = recipe.schedule
    rise = min(1.0, (step + 1) / schedule.warmup) if schedule.warmup else 1.0
    if schedule.decay == "none":
        return schedule.rate * rise
    done = min(1.0, step / schedule.steps)
    return schedule.rate * rise * (0.01 + 0.99 * (1 + math.cos(math.pi * done)) / 2)
