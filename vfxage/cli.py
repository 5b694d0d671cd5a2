"""The commands; the only place where errors are caught, told in one line and turned into exit codes."""

from __future__ import annotations

import json
import os
import signal
import sys
from itertools import pairwise
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from vfxage import __version__
from vfxage.console import LogFormat, open_progress
from vfxage.errors import ShotError, VfxageError
from vfxage.shot import load_shot, schema

if TYPE_CHECKING:
    from vfxage.job import Job
    from vfxage.progress import Progress

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Re-age the faces of a film shot: plate in; beauty, delta and matte passes out.",
    epilog="Exit codes: 0 done, 1 our bug, 2 usage or shot file, 3 plate missing or unreadable, "
    "4 a frame could not be written, 5 model, 130/143 stopped.",
)

ShotPath = Annotated[Path, typer.Argument(metavar="SHOT.yaml", help="The shot file.", show_default=False)]
Frames = Annotated[
    str | None,
    typer.Option("--frames", "-f", metavar="RANGE", help="Only these frames: 1001-1050x2 1060, or 1001-1050:2,1060."),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Override a value of the shot file: faces.lead.target_age=70. Repeatable."
    ),
]
Device = Annotated[str, typer.Option(metavar="auto|cpu|cuda|cuda:1", help="Where networks run.")]
Workers = Annotated[
    int | None, typer.Option(min=1, max=64, help="Agers at work at once; the pixels do not depend on it.")
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Render again what stands complete, replace what is not ours.")
]
Debug = Annotated[bool, typer.Option("--debug", help="Show tracebacks.")]
Log = Annotated[
    LogFormat | None, typer.Option("--log", help="Progress as plain lines or JSON lines on stderr; default: a bar.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


class Stopped(BaseException):
    """SIGINT or SIGTERM arrived; unwinds like KeyboardInterrupt, so that nothing half-written stays."""


@app.command()
def render(
    shot: ShotPath,
    frames: Frames = None,
    set_: Set = None,
    device: Device = "auto",
    workers: Workers = None,
    overwrite: Overwrite = False,
    log: Log = None,
    debug: Debug = False,
) -> None:
    """Render the shot: beauty, delta and matte passes to every output. Frames that stand complete are kept.

    Example: vfxage render sh010.yaml --frames 1001-1024 --set temporal.radius=3
    """
    progress = open_progress(log)
    loaded = load_shot(shot, set_ or ())
    if not loaded.outputs:
        raise ShotError("names no `outputs:`", path=shot, fix="add one, for example out/name.%04d.exr")
    from vfxage.job import open_job
    from vfxage.model import load_ager
    from vfxage.pipeline import render_shot

    with open_job(loaded) as job:
        numbers = job.pick(frames)
        tell_notes(job, progress)
        ager = load_ager(loaded.model, device)
        if ager.note:
            progress.note(ager.note)
        report = render_shot(job, ager, numbers, progress, workers=workers or ager.workers_default, overwrite=overwrite)
    for path in report.outputs:
        typer.echo(path)
    typer.echo(f"{len(report.written)} frames rendered, {len(report.kept)} complete already")


@app.command()
def preview(
    shot: ShotPath,
    frames: Frames = None,
    set_: Set = None,
    device: Device = "auto",
    workers: Workers = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="MOVIE.mp4", help="Default: beside the shot's first output.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace whatever stands at --out.")] = False,
    log: Log = None,
    debug: Debug = False,
) -> None:
    """Show the shot fast and small: one MP4 with plate, beauty, delta and matte, and a contact sheet PNG.

    Without saved tracks it looks only at its own frames and a margin. Example: vfxage preview sh010.yaml -f 1001-1024
    """
    progress = open_progress(log)
    loaded = load_shot(shot, set_ or ())
    from vfxage.job import open_job
    from vfxage.model import load_ager
    from vfxage.preview import preview_path, preview_shot

    with open_job(loaded) as job:
        numbers = job.pick(frames)
        tell_notes(job, progress)
        ager = load_ager(loaded.model, device)
        if ager.note:
            progress.note(ager.note)
        movie = preview_path(job, out, overwrite=overwrite)
        for path in preview_shot(job, ager, numbers, progress, workers=workers or ager.workers_default, movie=movie):
            typer.echo(path)


@app.command()
def track(
    shot: ShotPath,
    frames: Annotated[
        str | None,
        typer.Option("--frames", "-f", metavar="RANGE", help="What --json prints; the whole shot is tracked."),
    ] = None,
    set_: Set = None,
    device: Annotated[str, typer.Option(help="As for render; faces are found on the CPU whatever it says.")] = "auto",
    workers: Annotated[int | None, typer.Option(min=1, help="As for render; tracking has one.")] = None,
    as_json: AsJson = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Track again even if nothing has changed.")] = False,
    log: Log = None,
    debug: Debug = False,
) -> None:
    """Find and smooth the faces over the whole shot and save them beside the outputs; --json prints them."""
    progress = open_progress(log)
    loaded = load_shot(shot, set_ or ())
    from vfxage.facts import show, track_facts
    from vfxage.job import open_job
    from vfxage.pipeline import track_shot
    from vfxage.track import to_json

    with open_job(loaded) as job:
        tell_notes(job, progress)
        shown = frozenset(job.pick(frames))
        tracks = track_shot(job, progress, anew=overwrite)
        if as_json:
            told = to_json(tracks)
            for face in told["faces"]:
                face["frames"] = [row for row in face["frames"] if row["frame"] in shown]
            typer.echo(json.dumps(told, indent=1))
        else:
            show({"faces": track_facts(tracks)}, as_json=False)
            typer.echo(str(job.tracks_path))


@app.command()
def info(
    path: Annotated[
        Path | None, typer.Argument(metavar="SHOT.yaml|PLATE", help="A shot file, or a plate on its own.")
    ] = None,
    frames: Frames = None,
    set_: Set = None,
    as_json: AsJson = False,
    colorspaces: Annotated[
        bool, typer.Option("--colorspaces", help="List the names that `colorspace:` takes, and stop.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Say what the plate is, which faces are in it, and what a render will write."""
    from vfxage.facts import colour_facts, plate_facts, shot_facts, show

    if colorspaces:
        config = load_shot(path, set_ or ()).ocio if path and path.suffix in (".yaml", ".yml") else None
        show(colour_facts(config), as_json=as_json)
        return
    if path is None:
        raise ShotError("info needs a shot file or a plate", fix="name one, or say --colorspaces")
    is_shot = path.suffix in (".yaml", ".yml")
    facts = shot_facts(load_shot(path, set_ or ()), frames) if is_shot else plate_facts(str(path))
    show(facts, as_json=as_json)


@app.command("schema")
def print_schema() -> None:
    """Print the JSON schema of a shot file (the same as configs/shot.schema.json), for editors."""
    typer.echo(json.dumps(schema(), indent=2))


def tell_notes(job: Job, progress: Progress) -> None:
    """Say what the plate's reader had to assume."""
    for note in job.clip.notes:
        progress.note(note)


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
        code = app(sys.argv[1:] or ["--help"], standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except BrokenPipeError:  # the reader of our output has left, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(128 + signal.SIGPIPE)
    except (Exception, Stopped) as error:
        if signals.taken is not None:  # a library may have made another error of Stopped
            _leave("stopped; what is complete stays, run the same command to go on", 128 + signals.taken, debug)
        if isinstance(error, VfxageError):
            _leave(f"error: {error}", error.exit_code, debug)
        if hasattr(error, "format_message"):  # the command line itself: typer's usage errors have this in common
            _leave(f"error: {error.format_message()} See `vfxage --help`.", 2, debug)
        if isinstance(error, ImportError) and ".so" in str(error):
            _leave(f"error: a system library is missing: {error}; apt install libgl1 libglib2.0-0", 2, debug)
        bug = f"bug in vfxage: {type(error).__name__}: {error}"
        _leave(f"{bug}; please report it with what --debug prints", 1, debug)


def _quiet_libraries() -> None:
    """Keep what C++ libraries write to file descriptor 2 out of the user's log; ours goes on to where it went."""
    try:
        if sys.stderr.fileno() != 2:
            return
    except OSError:  # somebody holds our words in memory
        return
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1, encoding=sys.stderr.encoding, errors="backslashreplace")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def _leave(text: str, code: int, debug: bool) -> NoReturn:
    if debug:
        import traceback

        traceback.print_exc()
    line = " ".join(text.split())
    if "--log=json" in sys.argv or ("--log", "json") in pairwise(sys.argv):
        line = json.dumps({"event": "end", "code": code, "text": line})
    sys.stderr.write(line + "\n")
    sys.exit(code)
