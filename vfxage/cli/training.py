"""The command that trains an ager: train."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from vfxage.cli.console import Console
from vfxage.cli.options import Device
from vfxage.errors import count_of, naming_sources


def train(
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE.yaml", help="The training file.", show_default=False)],
    steps: Annotated[
        int | None,
        typer.Option(min=1, help="Stop after this step. Default: the last step of the training file."),
    ] = None,
    device: Device = "auto",
    *,
    console: Console,
) -> None:
    """Train an ager with the settings of the training file. An interrupted run continues from its last save.

    Example: vfxage train configs/train/small.yaml --steps 2000
    """
    from vfxage.lab.train import load_recipe

    loaded = load_recipe(recipe)
    from vfxage.lab.train.loop import train as run
    from vfxage.lab.train.parallel import join
    from vfxage.shot.sources import sources

    with naming_sources(sources(loaded)), join(device) as world:
        outcome = run(loaded, world, console, steps=steps, stoppable=_signal_kept)
    if not world.first:
        return
    if outcome.checkpoint is None:
        console.result(f"the run has {count_of(outcome.step, 'step')} already")
    else:
        console.result(f"{outcome.checkpoint}  step {outcome.step}")


_ECHO = 2.0
"""A signal within this many seconds of the first is its copy: farms signal every process, and torchrun repeats it."""


@contextmanager
def _signal_kept() -> Iterator[Callable[[], bool]]:
    """Delay the first SIGINT or SIGTERM until the block ends, so that the step is saved. A later one stops at once."""
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
