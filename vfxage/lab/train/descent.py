"""What every trainer does with its weights: a step down the gradient, running means, and the memory that it needs."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from vfxage.ager import Architecture
from vfxage.ager.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from vfxage.errors import ModelError, ShotError
from vfxage.lab.train.batches import Batch
from vfxage.lab.train.parallel import World
from vfxage.lab.train.recipe import Recipe

TUNED = "; tuned further by vfxage train"
"""Start of a licence note for weights that were trained further."""


class Descent:
    """Adam over the weights that a recipe trains."""

    def __init__(self, networks: Sequence[nn.Module], recipe: Recipe, world: World) -> None:
        schedule = recipe.schedule
        self._recipe, self._world = recipe, world
        self._parameters = [parameter for network in networks for parameter in network.parameters()]
        self.optimiser = torch.optim.Adam(
            self._parameters, lr=schedule.rate, betas=schedule.betas, weight_decay=schedule.weight_decay
        )

    def descend(self, total: Tensor, step: int, minutes: float) -> None:
        """One step, after ``step`` finished ones in ``minutes``. Raises ModelError at NaN and Inf."""
        for group in self.optimiser.param_groups:
            group["lr"] = rate_at(step, minutes, self._recipe)
        self.optimiser.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]
        self._world.average(self._parameters)
        length = nn.utils.clip_grad_norm_(self._parameters, self._recipe.schedule.clip)
        if not bool(torch.isfinite(length)):
            raise ModelError(
                f"step {step + 1} gave NaN or Inf",
                fix="lower `schedule.rate`; the last checkpoint stays",
            )
        self.optimiser.step()


class MeanWeights:
    """The running mean of a network's weights, which is what checkpoints hold."""

    def __init__(self, network: nn.Module, recipe: Recipe, row: Architecture, licence: str) -> None:
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self._recipe, self._row = recipe, replace(row, licence=licence)

    def follow(self, network: nn.Module, step: int) -> None:
        """Move towards the network after ``step`` finished steps; first as a plain mean, to forget the start."""
        decay = min(self._recipe.schedule.ema, (1 + step) / (10 + step))
        with torch.no_grad():
            torch._foreach_lerp_(list(self.network.parameters()), list(network.parameters()), 1 - decay)
            for held, now in zip(self.network.buffers(), network.buffers(), strict=True):
                held.copy_(now)

    def export(self, path: Path) -> None:
        """Write a checkpoint of ours, in half precision where the recipe says so.

        Raises WriteError, and ModelError if a weight is too large for half precision.
        """
        state = {key: value.detach().cpu() for key, value in self.network.state_dict().items()}
        half = self._recipe.model.export_half
        try:
            save_checkpoint(path, self._row, state, half=half)
        except ModelError as error:
            if not half:
                raise
            raise ModelError(error.what, path=path, fix="set `model.export_half: false`; the state is saved") from error


def begun_with(recipe: Recipe, row: Architecture) -> tuple[Checkpoint | None, str]:
    """The checkpoint that a run begins with, if any, and the licence note of what it makes.

    Raises ShotError for a checkpoint of another network, ModelError for one that cannot be read.
    """
    if recipe.model.init is None:
        return None, "its trainer's, within what its pictures allow"
    checkpoint = load_checkpoint(recipe.model.init)
    if checkpoint.architecture.name != row.name:
        raise ShotError(
            f"holds weights of {checkpoint.architecture.name}, and `model.architecture` is {row.name}",
            path=recipe.model.init,
            fix=f"set `model.architecture: {checkpoint.architecture.name}`",
        )
    return checkpoint, f"{checkpoint.architecture.licence.removesuffix(TUNED)}{TUNED}"


def check_architecture(state: Any, row: Architecture) -> None:
    """Raise ShotError for the state of a run that trains another architecture."""
    if state["architecture"] != row.name:
        raise ShotError(
            f"the run was begun with {state['architecture']}, the recipe says {row.name}",
            fix="give the run another `out:` folder",
        )


@contextmanager
def memory_named(device: torch.device, batch: Batch) -> Iterator[None]:
    """Raise ModelError if a step runs out of memory."""
    try:
        yield
    except RuntimeError as error:  # torch's own for a GPU; a CPU's says only in words what it is
        if isinstance(error, torch.OutOfMemoryError) or "allocate memory" in str(error):
            count, size = len(batch.indices), batch.source.shape[-1]
            raise ModelError(
                f"not enough memory on {device} for {count} examples of {size} px",
                fix="lower `schedule.batch` or `crop.sizes`",
            ) from error
        raise


def rate_at(step: int, minutes: float, recipe: Recipe) -> float:
    """The learning rate of the next step, after ``step`` finished steps in ``minutes``."""
    schedule = recipe.schedule
    rise = min(1.0, (step + 1) / schedule.warmup) if schedule.warmup else 1.0
    if schedule.decay == "none":
        return schedule.rate * rise
    by_time = minutes / schedule.minutes if schedule.minutes else 0.0
    done = min(1.0, max(step / schedule.steps, by_time))
    return schedule.rate * rise * (0.01 + 0.99 * (1 + math.cos(math.pi * done)) / 2)
