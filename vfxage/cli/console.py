"""What vfxage writes while it works: a bar on a terminal, stable lines elsewhere, JSON or Open Job lines if asked."""

from __future__ import annotations

import errno
import json
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Literal, Protocol, TextIO, cast

import rich.console
import typer
from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from vfxage.errors import ShotError, count_of
from vfxage.process import discard
from vfxage.progress import Advance

LogFormat = Literal["text", "json", "openjd"]

_COUNTED = ("track", "render", "assemble", "verify", "stills")
"""Stages whose progress a farm wants to see."""

_LINE_S = 5.0
"""Seconds between two plain lines of one stage. The first and the last line come without waiting."""

NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
"""Errors of a full disk."""

_NARROW = 80
"""Terminals with fewer columns get no bar, so that the counts keep their line."""


class Console(Protocol):
    """Writes everything that a command has to say. It is also the ``Progress`` of the stages."""

    fills_stdout: bool
    """Whether all of stdout consists of lines in this console's format."""

    def stage(self, name: str, total: int, unit: str = "frame") -> AbstractContextManager[Advance]:
        """Begin a stage; see ``vfxage.progress.Progress``."""
        ...

    def note(self, text: str) -> None:
        """Tell the user something once, as a sentence."""
        ...

    def result(self, text: str) -> None:
        """Write what the command found or made to stdout: one line or several, without the last line break."""
        ...

    def error(self, text: str, code: int) -> None:
        """Report that one of several shots failed with this exit code. The command goes on."""
        ...

    def end(self, text: str, code: int, trace: str | None = None) -> None:
        """Report that the command ends with this exit code: in one line, after the traceback if there is one.

        ``text`` is empty if there is nothing to say, as after a success.
        """
        ...


def open_console(log: str | None, *, quiet: bool = False) -> Console:
    """The console for a value of ``--log``. Without one: bars on a terminal, lines elsewhere.

    All write to stderr except ``openjd``, whose runner reads stdout. A ``quiet`` console leaves out progress and notes.
    Raises ShotError for an unknown format.
    """
    console = _loud_console(log)
    return Quiet(console) if quiet else console


def _loud_console(log: str | None) -> Console:
    if log is None:
        return Terminal() if sys.stderr.isatty() else Lines(sys.stderr)
    if log == "json":
        return JsonLines(sys.stderr)
    if log == "openjd":
        return OpenJob(sys.stdout)
    if log == "text":
        return Lines(sys.stderr)
    what = f"--log {log} is not a log format" if log else "--log needs a format"
    raise ShotError(what, fix="use text, json or openjd")


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


class Quiet:
    """Passes results and errors to another console, and leaves out progress and notes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self.fills_stdout = console.fills_stdout
        self.result, self.error, self.end = console.result, console.error, console.end

    def stage(self, name: str, total: int, unit: str = "frame") -> AbstractContextManager[Advance]:
        """Print nothing."""
        return nullcontext(lambda number: None)

    def note(self, text: str) -> None:
        """Print nothing."""


class Terminal:
    """A bar for each stage, drawn by rich: stage, count, frame, frames per second, time left."""

    fills_stdout = False

    def __init__(self) -> None:
        self._screen = rich.console.Console(stderr=True)

    @contextmanager
    def stage(self, name: str, total: int, unit: str = "frame") -> Iterator[Advance]:
        """Show the bar of this stage until the block ends."""
        pace = _Pace(total)
        with Bars(*self._columns(unit), console=self._screen) as bars:
            task = bars.add_task(name, total=total, frame="-", fps=0.0)

            def advance(frame: int) -> None:
                pace.step()
                bars.update(task, completed=pace.done, frame=frame, fps=pace.fps)

            yield advance

    def _columns(self, unit: str) -> list[ProgressColumn]:
        stage, count = TextColumn("[bold]{task.description:<8}"), MofNCompleteColumn()
        rate = f"{{task.fields[fps]:.1f}} {_per_second(unit)}"
        if self._screen.width < _NARROW:
            return [stage, count, TextColumn(rate)]
        frame = TextColumn(f"{unit} {{task.fields[frame]}}  {rate}")
        return [SpinnerColumn(), stage, BarColumn(bar_width=None), count, frame, TimeRemainingColumn(compact=True)]

    def note(self, text: str) -> None:
        """Print a sentence above the bar."""
        self._print(f"note: {text}", "yellow")

    def result(self, text: str) -> None:
        """Print to stdout."""
        typer.echo(text)

    def error(self, text: str, code: int) -> None:
        """Print ``error: ...``."""
        self._print(f"error: {text}", "")

    def end(self, text: str, code: int, trace: str | None = None) -> None:
        """Print the last line, if there is one."""
        if text:
            self._print(f"{trace or ''}{text}", "")

    def _print(self, text: str, style: str) -> None:
        self._screen.print(text, style=style, markup=False, highlight=False, soft_wrap=True)


class _Stream:
    """Writes whole lines to a stream and flushes each, so that a log has them at once."""

    fills_stdout = False

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def note(self, text: str) -> None:
        """Print ``note: ...``."""
        self._print(f"note: {text}")

    def result(self, text: str) -> None:
        """Print to stdout."""
        typer.echo(text)

    def error(self, text: str, code: int) -> None:
        """Print ``error: ...``."""
        self._print(f"error: {text}")

    def end(self, text: str, code: int, trace: str | None = None) -> None:
        """Print the last line, if there is one."""
        if text:
            self._print(f"{trace or ''}{text}")

    def _print(self, text: str) -> None:
        try:
            self.stream.write(text + "\n")
            self.stream.flush()
        except OSError as error:
            if error.errno not in NO_SPACE or self.stream is sys.stdout:
                raise
            discard(self.stream)  # the disk with the log is full: the frames are worth more


class Lines(_Stream):
    """Plain lines for the log of a farm: ``render 12/48 frame 1012 3.4 fps 11 s left``."""

    @contextmanager
    def stage(self, name: str, total: int, unit: str = "frame") -> Iterator[Advance]:
        """Print the first frame, the last, and one line every few seconds between them."""
        pace = _Pace(total)
        printed = 0.0

        def advance(frame: int) -> None:
            nonlocal printed
            pace.step()
            now = time.monotonic()
            if pace.done in (1, total) or now - printed >= _LINE_S:
                printed = now
                speed = f"{pace.fps:.1f} {_per_second(unit)} {pace.left:.0f} s left"
                self._print(f"{name} {pace.done}/{total} {unit} {frame} {speed}")

        yield advance


class JsonLines(_Stream):
    """One JSON object a line, for programs: every stage, frame, note and error. The last line is always the end."""

    @contextmanager
    def stage(self, name: str, total: int, unit: str = "frame") -> Iterator[Advance]:
        """Emit ``{"event": "frame", "stage", "frame", "done", "total", "fps", "seconds_left"}`` for every frame.

        Where ``unit`` is another word, it replaces "frame" in both places.
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
        """Emit ``{"event": "note", "text"}``."""
        self._emit(event="note", text=text)

    def error(self, text: str, code: int) -> None:
        """Emit ``{"event": "error", "code", "text"}``."""
        self._emit(event="error", code=code, text=f"error: {text}")

    def end(self, text: str, code: int, trace: str | None = None) -> None:
        """Emit ``{"event": "end", "code", "text"}``, and "traceback" if there is one."""
        self._emit(event="end", code=code, text=text, **({"traceback": trace} if trace else {}))

    def _emit(self, **fields: object) -> None:
        self._print(json.dumps(fields))


class OpenJob(_Stream):
    """Lines for a runner of Open Job Description: ``openjd_progress: 40.5``, ``openjd_status: ...`` ``openjd_fail``.

    Only the long stages count as progress. A task has one of them, so its progress never goes back. All of stdout is
    such lines; errors go to stderr as well.
    """

    fills_stdout = True

    @contextmanager
    def stage(self, name: str, total: int, unit: str = "frame") -> Iterator[Advance]:
        """Print which stage begins, and after every frame of a long stage how much of it is done."""
        pace = _Pace(total)
        self._status(f"{name} {count_of(total, unit)}")

        def advance(_: int) -> None:
            pace.step()
            if name in _COUNTED:
                self._print(f"openjd_progress: {100 * pace.done / total:.1f}")

        yield advance

    def note(self, text: str) -> None:
        """Print ``openjd_status: note: ...``."""
        self._status(f"note: {text}")

    def result(self, text: str) -> None:
        """Print each line as ``openjd_status: ...``."""
        self._status(text)

    def error(self, text: str, code: int) -> None:
        """Print ``openjd_fail: error: ...``."""
        self._fail(f"error: {text}")

    def end(self, text: str, code: int, trace: str | None = None) -> None:
        """Print ``openjd_fail: ...`` if the command failed; the traceback goes to stderr only."""
        if trace:
            sys.stderr.write(trace)
        if text:
            self._fail(text)

    def _status(self, text: str) -> None:
        for line in text.splitlines():
            self._print(f"openjd_status: {line}")

    def _fail(self, text: str) -> None:
        self._print(f"openjd_fail: {text}")
        sys.stderr.write(f"{text}\n")


def console_of(context: typer.Context) -> Console:
    """The console that ``main`` has opened for this run."""
    return cast(Console, context.obj)
