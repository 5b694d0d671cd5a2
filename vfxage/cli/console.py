"""Progress for people and for farms: a live bar on a terminal, stable lines elsewhere, JSON lines where asked."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from vfxage.errors import count_of
from vfxage.progress import Advance, Progress

LogFormat = Literal["text", "json", "openjd"]

_COUNTED = ("track", "render", "assemble", "verify")
"""Stages of which a farm wants to see how far they are."""

_LINE_S = 5.0
"""At most one plain line per stage in this many seconds, besides its first and last."""


def open_progress(log: LogFormat | None) -> Progress:
    """Choose how to tell progress: ``log`` if given, else bars on a terminal and lines elsewhere.

    All go to standard error but ``openjd``, whose runner reads standard output.
    """
    if log == "json":
        return JsonLines(sys.stderr)
    if log == "openjd":
        return OpenJob(sys.stdout)
    if log is None and sys.stderr.isatty():
        return Terminal()
    return Lines(sys.stderr)


class _Pace:
    """Frames per second and seconds left of one stage."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.done = 0
        self.begin = time.monotonic()

    def step(self) -> None:
        self.done += 1

    @property
    def fps(self) -> float:
        return self.done / max(time.monotonic() - self.begin, 1e-6)

    @property
    def left(self) -> float:
        return (self.total - self.done) / max(self.fps, 1e-6)


def _per_second(unit: str) -> str:
    return "fps" if unit == "frame" else f"{unit}s/s"


class Terminal:
    """Bars by rich: stage, frame, count, frames per second, time left."""

    def __init__(self) -> None:
        self.console = Console(stderr=True)

    @contextmanager
    def stage(self, name: str, total: int, unit: str = "frame") -> Iterator[Advance]:
        """Show one bar until the block is left."""
        pace = _Pace(total)
        columns = (
            SpinnerColumn(),
            TextColumn("[bold]{task.description:<8}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn(f"{unit} {{task.fields[frame]}}  {{task.fields[fps]:.1f}} {_per_second(unit)}"),
            TimeRemainingColumn(compact=True),
        )
        with Bars(*columns, console=self.console) as bars:
            task = bars.add_task(name, total=total, frame="-", fps=0.0)

            def advance(frame: int) -> None:
                pace.step()
                bars.update(task, completed=pace.done, frame=frame, fps=pace.fps)

            yield advance

    def note(self, text: str) -> None:
        """Print a sentence above the bar."""
        self.console.print(f"note: {text}", style="yellow", markup=False, highlight=False, soft_wrap=True)


class _Stream:
    """Whole lines on a stream, flushed, so that a log holds them when they happen."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def note(self, text: str) -> None:
        """Print ``note: ...``."""
        self._print(f"note: {text}")

    def _print(self, text: str) -> None:
        self.stream.write(text + "\n")
        self.stream.flush()


class Lines(_Stream):
    """Plain lines a farm's log can hold: ``render 12/48 frame 1012 3.4 fps 11 s left``."""

    @contextmanager
    def stage(self, name: str, total: int, unit: str = "frame") -> Iterator[Advance]:
        """Print the first frame, the last, and one line every few seconds between."""
        pace = _Pace(total)
        told = 0.0

        def advance(frame: int) -> None:
            nonlocal told
            pace.step()
            now = time.monotonic()
            if pace.done in (1, total) or now - told >= _LINE_S:
                told = now
                pace_told = f"{pace.fps:.1f} {_per_second(unit)} {pace.left:.0f} s left"
                text = f"{name} {pace.done}/{total} {unit} {frame} {pace_told}"
                self._print(text)

        yield advance


class JsonLines(_Stream):
    """One JSON object a line, for machines: every frame, every note."""

    @contextmanager
    def stage(self, name: str, total: int, unit: str = "frame") -> Iterator[Advance]:
        """Emit ``{"event": "frame", "stage", "frame", "done", "total", "fps", "seconds_left"}`` for every frame.

        Another unit takes the place of both words "frame".
        """
        pace = _Pace(total)
        self._emit(event="stage", stage=name, total=total)

        def advance(frame: int) -> None:
            pace.step()
            self._emit(
                event=unit,
                stage=name,
                **{unit: frame},
                done=pace.done,
                total=total,
                fps=round(pace.fps, 2),
                seconds_left=round(pace.left, 1),
            )

        yield advance

    def note(self, text: str) -> None:
        """Emit ``{"event": "note", "text": ...}``."""
        self._emit(event="note", text=text)

    def _emit(self, **fields: object) -> None:
        self._print(json.dumps(fields))


class OpenJob(_Stream):
    """Lines that a runner of Open Job Description understands: ``openjd_progress: 40.5`` and ``openjd_status: ...``.

    Only the stages that take long count as progress, so that a task's never goes back: one of them is all a task has.
    """

    @contextmanager
    def stage(self, name: str, total: int, unit: str = "frame") -> Iterator[Advance]:
        """Say which stage it is, and at every frame of a long one how much of it is done."""
        pace = _Pace(total)
        self._print(f"openjd_status: {name} {count_of(total, unit)}")

        def advance(frame: int) -> None:
            pace.step()
            if name in _COUNTED:
                self._print(f"openjd_progress: {100 * pace.done / total:.1f}")

        yield advance
