"""Making agers: train."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from vfxage.cli.console import open_progress
from vfxage.cli.options import Debug, Device, Log


def train(
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE.yaml", help="The training file.", show_default=False)],
    steps: Annotated[
        int | None, typer.Option(min=1, help="Stop after this step of the run; default: the recipe's last.")
    ] = None,
    device: Device = "auto",
    log: Log = None,
    debug: Debug = False,
) -> None:
    """Train an ager as the training file says; a run that was interrupted goes on where it was saved.

    Example: vfxage train configs/train/small.yaml --steps 2000
    """
    progress = open_progress(log)
    from vfxage.lab.train import load_recipe

    loaded = load_recipe(recipe)
    from vfxage.lab.train.loop import train as run
    from vfxage.lab.train.parallel import join

    with join(device) as world:
        outcome = run(loaded, world, progress, steps=steps, stoppable=_signal_kept)
    if not world.first:
        return
    if outcome.checkpoint is None:
        typer.echo(f"the run has {outcome.step} steps already")
    else:
        typer.echo(f"{outcome.checkpoint}  step {outcome.step}")


_ECHO = 2.0
"""Seconds within which a signal is the first one again: farms send it to every process, and torchrun passes it on."""


@contextmanager
def _signal_kept() -> Iterator[Callable[[], bool]]:
    """Hold the first SIGINT or SIGTERM back until the block ends, so that a step is whole and saved; not a later."""
    taken: list[int] = []
    first = 0.0
    before = {int(number): signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def take(number: int, frame: FrameType | None) -> None:
        nonlocal first
        if not taken:
            taken.append(number)
            first = time.monotonic()
        elif time.monotonic() - first > _ECHO:
            signal.signal(number, before[number])
            signal.raise_signal(number)

    for number in before:
        signal.signal(number, take)
    try:
        yield lambda: bool(taken)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if taken:
        signal.raise_signal(taken[0])
