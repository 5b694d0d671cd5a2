"""The loop of a run: batches made ahead in threads, a step each, what is due written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from vfxage.pool import ordered_map
from vfxage.progress import Progress
from vfxage.train.batches import Batches
from vfxage.train.data import open_data
from vfxage.train.learner import Learner
from vfxage.train.pictures import Pictures
from vfxage.train.recipe import Recipe
from vfxage.train.run import Run


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run was left."""

    step: int
    """Steps done, over all its sessions."""
    checkpoint: Path | None
    """The last one written; None where there was nothing to do."""


def train(
    recipe: Recipe, device: torch.device, progress: Progress, *, steps: int | None, stopping: Callable[[], bool]
) -> Outcome:
    """Train until the recipe's last step, or ``steps`` where that is sooner, or until ``stopping()``; then save.

    Takes up the state in the run's folder. Raises ShotError, ReadError, WriteError and ModelError.
    """
    run, learner = Run(recipe), Learner(recipe, device)
    data = open_data(recipe.data, recipe.seed, progress)
    for note in run.open(learner):
        progress.note(note)
    last = min(recipe.schedule.steps, steps or recipe.schedule.steps)
    if learner.step >= last:
        return Outcome(learner.step, None)
    pictures = Pictures(recipe.data.side, learner.row.framing, recipe.data.memory_gb * 2**30)
    batches = Batches(recipe, data, pictures, portraits=False)
    saved: tuple[int, Path | None] = (learner.step, None)
    with (
        ordered_map(batches, range(learner.step, last), workers=recipe.data.workers, ahead=2) as ready,
        progress.stage("train", last - learner.step) as advance,
    ):
        for batch in ready:
            losses = learner.learn(batch)
            means = run.count(learner.step, losses)
            advance(learner.step)
            if means:
                told = "  ".join(f"{name} {value:.5f}" for name, value in means.items())
                progress.note(f"step {learner.step}: {told}")
            if learner.step % recipe.output.checkpoint_every == 0:
                saved = learner.step, run.save(learner)
            if stopping():
                break
    if saved[0] != learner.step:
        saved = learner.step, run.save(learner)
    return Outcome(*saved)
