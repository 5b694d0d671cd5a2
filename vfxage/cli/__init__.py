"""The commands. ``main`` is the only place that catches errors: it turns each into one line and an exit code."""

from __future__ import annotations

import errno
import os
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from types import FrameType
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from vfxage import __version__
from vfxage.cli import (
    evaluation,
    farm,
    init,
    live,
    lookdev,
    models,
    nuke,
    pairs,
    pictures,
    render,
    shots,
    show,
    sweep,
    training,
)
from vfxage.cli.console import NO_SPACE, Console, open_console
from vfxage.cli.options import CommandLine, split_command_line, with_console
from vfxage.errors import ShotError, VfxageError, WriteError
from vfxage.process import discard_stdout, quiet_libraries

_NO_MEMORY = ("insufficient memory", "out of memory", "can't allocate memory", "cannot allocate memory", "bad_alloc")
"""What OpenCV, torch, onnxruntime and the operating system say."""

PANELS: dict[str, dict[str, Callable[..., Any] | typer.Typer]] = {
    "Shots": {
        "info": shots.info,
        "init": init.init,
        "preview": shots.preview,
        "lookdev": lookdev.lookdev,
        "track": shots.track,
        "render": render.render,
        "nuke": nuke.nuke,
        "shots": show.app,
        "schema": shots.print_schema,
    },
    "Pictures": {"stills": pictures.stills, "sweep": sweep.sweep, "live": live.live},
    "Farm": {"submit": farm.submit, "assemble": farm.assemble, "verify": farm.verify},
    "Agers": {
        "models": models.app,
        "pairs": pairs.pairs,
        "train": training.train,
        "evaluate": evaluation.evaluate,
    },
}
"""All commands as ``--help`` lists them: by panel, in the order in which a user needs them."""


class _InOrder(TyperGroup):
    """Lists its commands in the order of PANELS; typer would list groups of commands last."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [name for commands in PANELS.values() for name in commands]


app = typer.Typer(
    cls=_InOrder,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Re-age the faces of a film shot: plate in; beauty, delta and matte passes out.",
    epilog="Exit codes: 0 done, 1 bug in vfxage, 2 wrong command line or shot file, 3 plate missing or unreadable, "
    "4 a frame could not be written, is missing or is wrong, 5 model, 130/143 stopped by a signal.",
)
for panel, commands in PANELS.items():
    for name, command in commands.items():
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name, rich_help_panel=panel)
        else:
            app.command(name, rich_help_panel=panel)(with_console(command))


class Stopped(BaseException):
    """SIGINT or SIGTERM arrived. Unwinds like KeyboardInterrupt, so that no half-written file stays."""


@app.callback(invoke_without_command=True)
@with_console
def version(
    show_version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
    *,
    console: Console,
) -> None:
    """Re-age the faces of a film shot: plate in; beauty, delta and matte passes out."""
    if show_version:
        console.result(f"vfxage {__version__}")
        raise typer.Exit


class _Signals:
    """Raises Stopped in the main thread at the first SIGINT or SIGTERM, and ignores later ones while that unwinds."""

    def __init__(self) -> None:
        self.taken: int | None = None
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._take)

    def _take(self, number: int, _: FrameType | None) -> None:
        self.ignore()
        self.taken = number
        raise Stopped

    def ignore(self) -> None:
        """Ignore both signals from now on, so that the end is always reported."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)


def main() -> None:
    """Run the command line and leave. Every failure is one line and an exit code of ``errors.py``."""
    signals = _Signals()
    line = split_command_line(sys.argv[1:])
    with nullcontext() if line.debug and line.log != "json" else quiet_libraries():
        try:
            console = open_console(line.log, quiet=line.quiet)
        except ShotError as error:
            console, end = open_console(None), _End(f"error: {error}", error.exit_code, traceback.format_exc())
        else:
            end = _run(line, console, signals)
        signals.ignore()
        with suppress(BrokenPipeError):
            console.end(" ".join(end.text.split()), end.code, end.trace if line.debug and end.code else None)
    sys.exit(end.code)


@dataclass(frozen=True, slots=True)
class _End:
    """How a command ended."""

    text: str
    """One line; empty if there is nothing to say."""
    code: int
    trace: str | None = None
    """The traceback of the error that ended the command."""


def _run(line: CommandLine, console: Console, signals: _Signals) -> _End:
    """Run the command. Every exception becomes an _End, so that the console can always report the end."""
    try:
        code = app(list(line.words) or ["--help"], prog_name="vfxage", standalone_mode=False, obj=console)
        return _End("", code if isinstance(code, int) else 0)
    except BrokenPipeError:  # the program that reads our output has ended, as `head` does
        discard_stdout()
        return _End("", 128 + signal.SIGPIPE)
    except (Exception, Stopped) as error:
        if _is_full(error):
            discard_stdout()
        if signals.taken is not None:  # a library may have turned Stopped into another error
            text = "stopped; no half-written file stays, run the same command again to continue"
            return _End(text, 128 + signals.taken, traceback.format_exc())
        return _End(*_ending(error), traceback.format_exc())


def _ending(error: BaseException) -> tuple[str, int]:
    """The line and the exit code for an error that ends the command."""
    if isinstance(error, VfxageError):
        return f"error: {error}", error.exit_code
    if hasattr(error, "format_message"):  # all usage errors of typer have this
        return _usage(error)
    if isinstance(error, MemoryError) or any(words in str(error).lower() for words in _NO_MEMORY):
        fix = "use fewer `--workers`, a smaller plate, or a machine with more memory"
        return f"error: there is not enough memory ({error}); {fix}", WriteError.exit_code
    if _is_full(error):
        fix = "free space there, or send stdout elsewhere, then run the same command again"
        return f"error: stdout cannot be written ({error}); {fix}", WriteError.exit_code
    if isinstance(error, FileNotFoundError) and not _has_working_folder():
        fix = "change to another folder, or name all files with their whole paths"
        return f"error: the working folder does not exist any more; {fix}", ShotError.exit_code
    if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
        fix = "choose a shorter path"
        return f"error: {error.filename}: is a longer path than this system has; {fix}", ShotError.exit_code
    if isinstance(error, ImportError) and ".so" in str(error):
        return f"error: a system library is missing: {error}; apt install libgl1 libglib2.0-0", 2
    return f"bug in vfxage: {type(error).__name__}: {error}; please report it with what --debug prints", 1


def _is_full(error: BaseException) -> bool:
    """Whether a disk is full. Files that vfxage makes have their own error; this is stdout."""
    return isinstance(error, OSError) and error.errno in NO_SPACE


def _has_working_folder() -> bool:
    try:
        return bool(os.getcwd())
    except FileNotFoundError:
        return False


def _usage(error: Any) -> tuple[str, int]:
    """The same for a usage error of typer's. Its text may end with a full stop, and may quote pydantic."""
    text = error.format_message().replace("Value error, ", "")
    if not text:  # a group of commands without a command: its help has been printed
        return "", 0
    stop = "" if text.endswith((".", "?")) else "."
    return f"error: {text}{stop} See `{error.ctx.command_path if error.ctx else 'vfxage'} --help`.", 2
