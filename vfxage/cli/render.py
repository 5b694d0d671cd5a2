"""Shots rendered: one, or as many as the command line names."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vfxage.cli.console import open_progress
from vfxage.cli.options import Debug, Device, Frames, Log, Overwrite, Set, Workers
from vfxage.cli.shots import tell_notes
from vfxage.errors import ShotError, VfxageError, count_of
from vfxage.shot import load_shot
from vfxage.shot.outputs import MOVIES

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
    cluster: Annotated[
        str | None, typer.Option(metavar="tcp://HOST:8786|local", help="Render by the workers of a Dask cluster.")
    ] = None,
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
            wish = _Wish(frames, tuple(set_ or ()), device, workers, overwrite)
            if cluster is None:
                _render(loaded, wish, progress)
            else:
                _spread(loaded, wish, cluster, progress)
        except VfxageError as error:
            if len(shots) == 1:
                raise
            codes.append(error.exit_code)
            sys.stderr.write(f"error: {path}: {error}\n")
    if len(shots) > 1:
        typer.echo(f"{len(shots) - len(codes) + 1} of {len(shots)} shots rendered")
    return max(codes)


@dataclass(frozen=True, slots=True)
class _Wish:
    """What the command line says of every shot."""

    frames: str | None
    overrides: tuple[str, ...]
    device: str
    workers: int | None
    overwrite: bool


def _render(shot: Shot, wish: _Wish, progress: Progress) -> None:
    from vfxage.ager import load_ager
    from vfxage.render.job import open_job
    from vfxage.render.pipeline import render_shot
    from vfxage.render.report import reported

    with open_job(shot) as job:
        numbers = job.pick(wish.frames)
        tell_notes(job, progress)
        ager = load_ager(shot.model, wish.device)
        if ager.note:
            progress.note(ager.note)
        with reported(job, ager, numbers, progress) as recorder:
            workers = wish.workers or ager.workers_default
            done = render_shot(job, ager, numbers, recorder, workers=workers, overwrite=wish.overwrite)
    _tell(done.outputs, done.written, done.kept)


def _spread(shot: Shot, wish: _Wish, cluster: str, progress: Progress) -> None:
    """Render by a cluster: track here, render there, and end here, on whatever kind of host: it is seen to that every
    frame is there, and movies are assembled."""
    from vfxage.ager import load_ager
    from vfxage.farm.cluster import Part, render_on_cluster
    from vfxage.render.job import open_job
    from vfxage.render.on_disk import assemble_shot, check_parts
    from vfxage.render.pipeline import check_drawn, track_shot

    with open_job(shot) as job:
        numbers = job.pick(wish.frames)
        tell_notes(job, progress)
        load_ager(shot.model, "cpu")  # the workers' own; what is wrong with its file is told before the shot is tracked
        check_drawn(job, numbers)
        track_shot(job, progress)
        part = Part(
            shot=str(shot.path),
            overrides=wish.overrides,
            frames="",
            device=wish.device,
            workers=wish.workers,
            overwrite=wish.overwrite,
        )
        written, kept = render_on_cluster(job, numbers, part, progress, address=cluster)
        check_parts(job, numbers, progress, device=wish.device)
        movies = [output for output in shot.outputs if Path(output.path).suffix.lower() in MOVIES]
        if movies and len(numbers) == len(job.numbers):
            assemble_shot(job, progress, device=wish.device, overwrite=wish.overwrite)
    _tell([output.path for output in shot.outputs], written, kept)


def _tell(outputs: Sequence[str], written: tuple[int, ...], kept: tuple[int, ...]) -> None:
    """List the outputs that are there: a part leaves a movie for later. Then count frames."""
    for path in outputs:
        if Path(path).suffix.lower() not in MOVIES or Path(path).exists():
            typer.echo(path)
    typer.echo(f"{count_of(len(written), 'frame')} rendered, {len(kept)} complete already")
