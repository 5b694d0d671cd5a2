"""The training loop: make batches ahead in threads, do one step for each, save at the set intervals."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass
from pathlib import Path

from vfxage.lab.portraits import ScanCache
from vfxage.lab.train.batches import Batch, Batches, Process
from vfxage.lab.train.cycle import CycleLearner
from vfxage.lab.train.data import TrainingData, open_data
from vfxage.lab.train.learner import Learner
from vfxage.lab.train.parallel import World
from vfxage.lab.train.pictures import Pictures
from vfxage.lab.train.recipe import Recipe
from vfxage.lab.train.run import SCAN_CACHE, Run, Trainer
from vfxage.lab.train.sheets import Sheets
from vfxage.lab.train.tensorboard import TensorBoardLog
from vfxage.lab.train.unpaired import UnpairedBatches
from vfxage.pool import ordered_map
from vfxage.process import repeatable_torch
from vfxage.progress import Progress, Silent
from vfxage.publish import sole_writer


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run ended."""

    step: int
    """Steps done, over all its sessions."""
    checkpoint: Path | None
    """The last one written; None where there was nothing to do."""


def _open(recipe: Recipe, world: World, progress: Progress) -> TrainingData:
    """The data, which the first process remembers in the run's folder as scanned."""
    scan_cache = ScanCache(recipe.out / SCAN_CACHE)
    data = open_data(recipe.data, recipe.seed, progress, scan_cache)
    if world.first:
        scan_cache.save()
    return data


def _batches(recipe: Recipe, data: TrainingData, pictures: Pictures, process: Process) -> Callable[[int], Batch]:
    """What makes the batch of each step."""
    if recipe.model.unpaired:
        return UnpairedBatches(recipe, data, pictures, process=process)
    return Batches(recipe, data, pictures, portraits=recipe.losses.adversarial.weight > 0, process=process)


class _Clock:
    """Counts the minutes of a training, over all its sessions, and says what is due after a step."""

    def __init__(self, learner: Trainer, recipe: Recipe) -> None:
        self._learner, self._recipe = learner, recipe
        self._last, self._saved = time.monotonic(), learner.minutes

    def count(self) -> None:
        """Add the time since the last call."""
        now = time.monotonic()
        self._learner.minutes += (now - self._last) / 60
        self._last = now

    @property
    def over(self) -> bool:
        """Whether the recipe's minutes have passed."""
        most = self._recipe.schedule.minutes
        return most is not None and self._learner.minutes >= most

    def asks_for_sheet(self) -> bool:
        """Whether a contact sheet is due: at its interval, and at the end."""
        step = self._learner.step
        return step % self._recipe.output.sheet_every == 0 or step == self._recipe.schedule.steps or self.over

    def asks_to_save(self) -> bool:
        """Whether a checkpoint is due, by its interval of steps or of minutes."""
        every = self._recipe.output.checkpoint_minutes
        by_time = every is not None and self._learner.minutes >= self._saved + every
        if by_time:
            self._saved = self._learner.minutes
        return by_time or self._learner.step % self._recipe.output.checkpoint_every == 0


Stoppable = Callable[[], AbstractContextManager[Callable[[], bool]]]
"""Holds signals back during its block, and gives a function that says whether a signal has come."""


def train(recipe: Recipe, world: World, progress: Progress, *, steps: int | None, stoppable: Stoppable) -> RunResult:
    """Train until the recipe's last step, until ``steps`` if that is earlier, or until it is stopped; then save.

    Continues from the state in the run's folder, whose only writer it is. Raises ShotError, OutputError, ReadError,
    WriteError and ModelError.
    """
    alone = sole_writer(recipe.out, instead="another `out:`") if world.first else nullcontext()
    with repeatable_torch(), alone:  # a resumed run must give the curve of an undisturbed one, on a GPU too
        return _train(recipe, world, progress if world.first else Silent(), steps, stoppable)


def _train(recipe: Recipe, world: World, progress: Progress, steps: int | None, stoppable: Stoppable) -> RunResult:
    opened = _open(recipe, world, progress) if recipe.schedule.epochs else None
    recipe = recipe.lasting(opened.epoch) if opened else recipe
    learner: Trainer = CycleLearner(recipe, world) if recipe.model.unpaired else Learner(recipe, world)
    run = Run(recipe, progress, writes=world.first)
    run.open(learner)
    world.wait()
    last = min(recipe.schedule.steps, steps or recipe.schedule.steps)
    clock = _Clock(learner, recipe)
    if learner.step >= last or clock.over:
        return RunResult(learner.step, None)
    data = opened or _open(recipe, world, progress)
    pictures = Pictures(recipe.data.side, learner.row.framing, recipe.data.memory_gb * 2**30)
    batches = _batches(recipe, data, pictures, Process(world.rank, world.size))
    sheets = Sheets(recipe, data, pictures)
    if sheets.seen:
        progress.note("no validation people (`data.holdout`): sheets show training people")
    saved: Path | None = None
    folder = run.folder / "tensorboard" if recipe.output.tensorboard and world.first else None
    with (
        stoppable() as stopping,
        closing(TensorBoardLog(folder, learner.step)) as tensorboard,
        ordered_map(batches, range(learner.step, last), workers=recipe.data.workers, ahead=2) as ready,
        progress.stage("train", last - learner.step, unit="step") as advance,
    ):
        for batch in ready:
            means = run.count(learner.step + 1, learner.learn(batch))
            clock.count()
            advance(learner.step)
            stop = world.any(stopping() or clock.over)
            if world.first:
                tensorboard.scalars(learner.step, means)
                if clock.asks_for_sheet():
                    tensorboard.sheet(learner.step, *run.sheet(learner, sheets))
                if clock.asks_to_save() or learner.step == last or stop:
                    saved = run.save(learner)
            if stop:
                break
        world.wait()
    return RunResult(learner.step, saved)
