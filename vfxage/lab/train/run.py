"""A run's folder: its state, checkpoints and loss curve. All of them survive an interruption."""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import torch
from PIL import Image

from vfxage.ager import Architecture
from vfxage.errors import ReadError, WriteError
from vfxage.lab.train.answerer import Answerer
from vfxage.lab.train.batches import Batch
from vfxage.lab.train.recipe import Recipe
from vfxage.lab.train.sheets import Sheets
from vfxage.progress import Progress
from vfxage.publish import publish, sweep
from vfxage.types import U8

STATE, CURVE, SCAN_CACHE = "state.pt", "losses.jsonl", "scanned.json"
_VERSION = 1


class Trainer(Protocol):
    """What trains a network one step at a time. ``state`` and ``load`` resume it after an interruption, to the bit."""

    step: int
    """Finished steps."""
    minutes: float
    """Time that the training has taken, over all sessions."""
    row: Architecture
    device: torch.device
    answer_mean: Answerer
    """The answer by the mean weights."""

    def learn(self, batch: Batch) -> dict[str, float]:
        """Do one step; returns each loss before its weight, and the weighted sum as "total"."""
        ...

    def state(self) -> dict[str, Any]:
        """The state that ``load`` continues from: tensors, numbers and text."""
        ...

    def load(self, state: Mapping[str, Any]) -> None:
        """Continue from a state. Raises ShotError for another architecture's."""
        ...

    def export(self, path: Path) -> None:
        """Write the mean weights as a checkpoint."""
        ...


class Run:
    """The folder of a run; of several processes only one ``writes``."""

    def __init__(self, recipe: Recipe, progress: Progress, *, writes: bool = True) -> None:
        self.folder, self._recipe, self._progress, self._writes = recipe.out, recipe, progress, writes
        self._sums: dict[str, list[float]] = {}

    def open(self, learner: Trainer) -> None:
        """Load the state in the folder, if there is one.

        Raises ReadError for a state that is damaged, ShotError for one of another architecture.
        """
        path = self.folder / STATE
        if self._writes:
            sweep(self.folder)
        if not path.exists():
            if self._writes:
                (self.folder / CURVE).unlink(missing_ok=True)
            return
        state = _read(path)
        try:
            learner.load(state["learner"])
            self._sums = {str(name): list(values) for name, values in state["sums"].items() if isinstance(values, list)}
            began = json.loads(state["recipe"])
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            first = (str(error).splitlines() or [""])[0][:120]
            raise ReadError(
                f"does not fit this run ({first})", path=path, fix="give the run another `out:` folder"
            ) from error
        if self._writes:
            self._cut_curve(learner.step)
        self._progress.note(f"resuming {self.folder} after step {learner.step}")
        changed = sorted(_differences(began, _plain(self._recipe)))
        if changed:
            text = f"the recipe has changed: {', '.join(changed)}; training goes on with the new values"
            self._progress.note(text)

    def save(self, learner: Trainer) -> Path:
        """Write the state, then the mean weights as a checkpoint; return its path. Raises WriteError."""
        state = {
            "version": _VERSION,
            "learner": learner.state(),
            "recipe": json.dumps(_plain(self._recipe)),
            "sums": self._sums,
        }
        with publish(self.folder / STATE) as partial:
            try:
                torch.save(state, partial)
            except RuntimeError as error:  # torch's own word for a disk that is full
                raise OSError("the disk may be full") from error
        path = self.folder / f"{self._recipe.model.architecture}_{learner.step:07d}.safetensors"
        learner.export(path)
        for old in self._until(path)[: -self._recipe.output.keep - 1]:
            with suppress(OSError):
                old.unlink()
        return path

    def _until(self, path: Path) -> list[Path]:
        """Checkpoints in the folder up to this step, the oldest first. Later ones are from another session."""
        every = self.folder.glob(f"{self._recipe.model.architecture}_{'[0-9]' * 7}.safetensors")
        return sorted(found for found in every if found.name <= path.name)

    def count(self, step: int, losses: Mapping[str, float]) -> dict[str, float]:
        """Add a step's losses. Every ``log_every`` steps log, write and return their means; else return nothing."""
        if not self._writes:
            return {}
        for name, value in losses.items():
            self._sums.setdefault(name, []).append(value)
        if step % self._recipe.output.log_every:
            return {}
        means = {name: sum(values) / len(values) for name, values in self._sums.items()}
        self._sums = {}
        self._write({"step": step, **means})
        self._progress.note(f"step {step}: " + "  ".join(f"{name} {value:.5f}" for name, value in means.items()))
        return means

    def sheet(self, learner: Trainer, sheets: Sheets) -> tuple[U8, dict[str, float]]:
        """Write the contact sheet and the l1 of the held-out pairs at this step; gives both, the sheet as (H, W, 3)."""
        rgb = sheets.sheet(learner.answer_mean, learner.device)
        with publish(self.folder / f"sheet_{learner.step:07d}.png") as partial:
            Image.fromarray(rgb).save(partial)
        error = sheets.held_out_l1(learner.answer_mean, learner.device)
        if error is None:
            return rgb, {}
        self._write({"step": learner.step, "held_out_l1": error})
        self._progress.note(f"step {learner.step}: held_out_l1 {error:.5f}")
        return rgb, {"held_out_l1": error}

    def _write(self, line: Mapping[str, float]) -> None:
        try:
            with (self.folder / CURVE).open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        except OSError as error:
            raise WriteError(f"cannot be written ({error.strerror})", path=self.folder / CURVE) from error

    def _cut_curve(self, step: int) -> None:
        """Remove the lines of steps after ``step``: their work was lost."""
        path = self.folder / CURVE
        if not path.exists():
            return
        kept = []
        for line in path.read_text(encoding="utf-8").splitlines():
            with suppress(ValueError, KeyError, TypeError):
                if json.loads(line)["step"] <= step:
                    kept.append(line + "\n")
        with publish(path) as partial:
            partial.write_text("".join(kept), encoding="utf-8")


def _read(path: Path) -> Any:
    fix = "restore it from a copy, or give the run another `out:` folder"
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ReadError("is damaged, or contains more than a training state", path=path, fix=fix) from error
    # Any error of torch's reader on a torn or forged file is the file's fault.
    except Exception as error:
        first = (str(error).splitlines() or [""])[0][:120]
        raise ReadError(f"is damaged ({first})", path=path, fix=fix) from error
    if not isinstance(state, dict) or state.get("version") != _VERSION:
        raise ReadError("is not a training state of this vfxage version", path=path, fix=fix)
    return state


def _plain(recipe: Recipe) -> dict[str, Any]:
    """The settings that can change the result, without folders and intervals of writing."""
    text = recipe.model_dump(mode="json", exclude={"out", "output"})
    for part in ("memory_gb", "workers"):
        text["data"].pop(part)
    return text


def _differences(one: Any, other: Any, place: str = "") -> set[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        keys = one.keys() | other.keys()
        return {found for key in keys for found in _differences(one.get(key), other.get(key), f"{place}.{key}")}
    return set() if one == other else {place.lstrip(".")}
