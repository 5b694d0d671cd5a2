"""The commands; ``main`` is the only place where errors are caught, told in one line and turned into exit codes."""

from __future__ import annotations

import json
import os
import signal
import sys
import warnings
from itertools import pairwise
from types import FrameType
from typing import Annotated, Any, NoReturn

import typer

from vfxage import __version__
from vfxage.cli import evaluation, farm, models, nuke, prototype, render, shots, show, training
from vfxage.errors import VfxageError

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Re-age the faces of a film shot: plate in; beauty, delta and matte passes out.",
    epilog="Exit codes: 0 done, 1 our bug, 2 usage or shot file, 3 plate missing or unreadable, "
    "4 a frame could not be written, is missing or not right, 5 model, 130/143 stopped.",
)

for command in (render.render, shots.preview, shots.track, shots.info, training.train, evaluation.evaluate):
    app.command()(command)
app.command("schema")(shots.print_schema)
app.command()(nuke.nuke)
app.command()(farm.assemble)
app.command()(farm.verify)
app.command()(farm.submit)
app.add_typer(prototype.app, name="prototype")
app.add_typer(models.app, name="models")
app.add_typer(show.app, name="shots")


class Stopped(BaseException):
    """SIGINT or SIGTERM arrived; unwinds like KeyboardInterrupt, so that nothing half-written stays."""


@app.callback(invoke_without_command=True)
def version(
    context: typer.Context,
    show_version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    """Re-age the faces of a film shot: plate in; beauty, delta and matte passes out."""
    if show_version:
        typer.echo(f"vfxage {__version__}")
        raise typer.Exit


class _Signals:
    """Raises Stopped in the main thread at the first SIGINT or SIGTERM; while that unwinds, others are ignored."""

    def __init__(self) -> None:
        self.taken: int | None = None
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._take)

    def _take(self, number: int, frame: FrameType | None) -> None:
        for other in (signal.SIGINT, signal.SIGTERM):
            signal.signal(other, signal.SIG_IGN)
        self.taken = number
        raise Stopped


def main() -> None:
    """Run the command line; every way out is one line on stderr and an exit code of ``errors.py``."""
    debug = "--debug" in sys.argv
    if not debug:
        _quiet_libraries()
    signals = _Signals()
    try:
        code = app(sys.argv[1:] or ["--help"], prog_name="vfxage", standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except BrokenPipeError:  # the reader of our output has left, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(128 + signal.SIGPIPE)
    except (Exception, Stopped) as error:
        if signals.taken is not None:  # a library may have made another error of Stopped
            _leave("stopped; nothing half-written stays, run the same command to go on", 128 + signals.taken, debug)
        if isinstance(error, VfxageError):
            _leave(f"error: {error}", error.exit_code, debug)
        if hasattr(error, "format_message"):  # the command line itself: typer's usage errors have this in common
            _leave_usage(error, debug)
        if isinstance(error, ImportError) and ".so" in str(error):
            _leave(f"error: a system library is missing: {error}; apt install libgl1 libglib2.0-0", 2, debug)
        bug = f"bug in vfxage: {type(error).__name__}: {error}"
        _leave(f"{bug}; please report it with what --debug prints", 1, debug)


def _quiet_libraries() -> None:
    """Keep what C++ libraries write to file descriptor 2, and Python's their warnings, out of the user's log.

    Ours goes on to where it went.
    """
    try:
        if sys.stderr.fileno() != 2:
            return
    except OSError:  # somebody holds our words in memory
        return
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1, encoding=sys.stderr.encoding, errors="backslashreplace")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    if not sys.warnoptions:
        warnings.simplefilter("ignore")


def _leave_usage(error: Any, debug: bool) -> NoReturn:
    """Tell a usage error of typer's, which ends with a full stop or not, and may quote pydantic."""
    text = error.format_message().replace("Value error, ", "")
    if not text:  # a group of commands without a command: its help has been shown
        sys.exit(0)
    stop = "" if text.endswith((".", "?")) else "."
    _leave(f"error: {text}{stop} See `{error.ctx.command_path if error.ctx else 'vfxage'} --help`.", 2, debug)


def _leave(text: str, code: int, debug: bool) -> NoReturn:
    if debug:
        import traceback

        traceback.print_exc()
    line = " ".join(text.split())
    if "--log=json" in sys.argv or ("--log", "json") in pairwise(sys.argv):
        line = json.dumps({"event": "end", "code": code, "text": line})
    if "--log=openjd" in sys.argv or ("--log", "openjd") in pairwise(sys.argv):
        sys.stdout.write(f"openjd_fail: {line}\n")
        sys.stdout.flush()
    sys.stderr.write(line + "\n")
    sys.exit(code)
