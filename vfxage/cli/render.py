"""Shots rendered: one, or as many as the command line names."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vfxage.cli.options import Debug, Device, Frames, Log, Overwrite, Set, Workers
from vfxage.cli.shots import tell_notes
from vfxage.console import open_progress
from vfxage.errors import ShotError, VfxageError
from vfxage.shot import load_shot

if TYPE_CHECKING:
    from vfxage.progress import Progress
    from vfxage.shot import Shot

Shots = Annotated[
    list[Path], typer.Argument(metavar="SHOT.yaml...", help="The shot file, or several.", show_default=False)
]


def render(
    shots: Shots,
    frames: Frames = None,
    set_: Set = None,
    device: Device = "auto",
    workers: Workers = None,
    overwrite: Overwrite = False,
    log: Log = None,
    debug: Debug = False,
) -> int:
    """Render the shot: beauty, delta and matte passes to every output. Frames that stand complete are kept.

    Of several shots one that fails does not stop the others; the exit code is the highest of theirs.
    A report, NAME.render.json, lies beside the first output.
    Example: vfxage render sh010.yaml --frames 1001-1024 --set temporal.radius=3
    """
    progress = open_progress(log)
    codes = [0]
    for path in shots:
        try:
            loaded = load_shot(path, set_ or ())
            if not loaded.outputs:
                raise ShotError("names no `outputs:`", path=path, fix="add one, for example out/name.%04d.exr")
            if len(shots) > 1:
                progress.note(f"{path}: shot {shots.index(path) + 1} of {len(shots)}")
            _render(loaded, frames, device, workers, overwrite, progress)
        except VfxageError as error:
            if len(shots) == 1:
                raise
            codes.append(error.exit_code)
            sys.stderr.write(f"error: {path}: {error}\n")
    if len(shots) > 1:
        typer.echo(f"{len(shots) - len(codes) + 1} of {len(shots)} shots rendered")
    return max(codes)


def _render(
    shot: Shot, frames: str | None, device: str, workers: int | None, overwrite: bool, progress: Progress
) -> None:
    from vfxage.job import open_job
    from vfxage.model import load_ager
    from vfxage.pipeline import render_shot
    from vfxage.report import reported

    with open_job(shot) as job:
        numbers = job.pick(frames)
        tell_notes(job, progress)
        ager = load_ager(shot.model, device)
        if ager.note:
            progress.note(ager.note)
        with reported(job, ager, numbers, progress) as recorder:
            done = render_shot(
                job, ager, numbers, recorder, workers=workers or ager.workers_default, overwrite=overwrite
            )
    for path in done.outputs:
        typer.echo(path)
    typer.echo(f"{len(done.written)} frames rendered, {len(done.kept)} complete already")
