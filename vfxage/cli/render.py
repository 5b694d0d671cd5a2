"""The command that renders shots: one, or as many as the command line names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vfxage.cli.console import Console
from vfxage.cli.options import Device, Frames, Set, ShotPaths, Strict, Workers
from vfxage.cli.several import Show, for_each_shot
from vfxage.cli.shots import load_with_outputs, print_notes
from vfxage.errors import count_of
from vfxage.shot.outputs import MOVIES

if TYPE_CHECKING:
    from vfxage.face.track import Lost
    from vfxage.render.job import Job
    from vfxage.shot import Shot

Overwrite = Annotated[
    bool,
    typer.Option("--overwrite", help="Render finished frames again, and replace files that vfxage did not write."),
]
Cluster = Annotated[
    str | None, typer.Option(metavar="tcp://HOST:8786|local", help="Render on the workers of a Dask cluster.")
]


def render(
    shots: ShotPaths,
    frames: Frames = None,
    set_: Set = None,
    device: Device = "auto",
    workers: Workers = None,
    overwrite: Overwrite = False,
    cluster: Cluster = None,
    strict: Strict = False,
    *,
    console: Console,
) -> int:
    """Render the shot: beauty, delta and matte passes to every output. Finished frames that are up to date are kept.

    With several shots, one that fails does not stop the others; the exit code is the highest one.
    A report, NAME.render.json, is written beside the first output.
    Example: vfxage render sh010.yaml --frames 1001-1024 --set temporal.radius=3
    """
    options = RenderOptions(frames, tuple(set_ or ()), device, workers, overwrite, cluster, strict)

    def render_one(path: Path, _: Show) -> None:
        _render_file(path, options, console)

    return for_each_shot(shots, render_one, console, done="rendered")


@dataclass(frozen=True, slots=True)
class RenderOptions:
    """The options of the command line, the same for every shot."""

    frames: str | None
    overrides: tuple[str, ...]
    device: str
    workers: int | None
    overwrite: bool
    cluster: str | None
    strict: bool


@dataclass(frozen=True, slots=True)
class _Rendered:
    """The frames of one shot."""

    written: tuple[int, ...]
    kept: tuple[int, ...]
    lost: tuple[Lost, ...]


def _render_file(path: Path, options: RenderOptions, console: Console) -> None:
    from vfxage.render.job import open_job
    from vfxage.render.lost import refuse_lost

    shot = load_with_outputs(path, options.overrides)
    with open_job(shot) as job:
        numbers = job.pick(options.frames)
        print_notes(job, console)
        if options.cluster is None:
            done = _render_here(job, numbers, options, console)
        else:
            done = _render_on_cluster(job, numbers, options, options.cluster, console)
    _print_outputs(shot, done, console)
    if options.strict:
        refuse_lost(path, done.lost)


def _render_here(job: Job, numbers: Sequence[int], options: RenderOptions, console: Console) -> _Rendered:
    from vfxage.ager import load_ager
    from vfxage.render.pipeline import RenderSettings, render_shot

    ager = load_ager(job.shot.model, options.device, job.shot.delta_from, job.shot.style)
    if ager.note:
        console.note(ager.note)
    settings = RenderSettings(workers=options.workers or ager.workers_default, overwrite=options.overwrite)
    done = render_shot(job, ager, numbers, console, settings)
    return _Rendered(done.written, done.kept, done.lost)


def _render_on_cluster(
    job: Job, numbers: Sequence[int], options: RenderOptions, address: str, console: Console
) -> _Rendered:
    """Track here, render on the cluster, then check here that every frame exists and assemble the movies."""
    from vfxage.ager import load_ager
    from vfxage.colour.environment import colour_environment
    from vfxage.farm.cluster import Part, render_on_cluster
    from vfxage.render.drawn import open_rotos
    from vfxage.render.lost import find_lost, note_lost
    from vfxage.render.on_disk import check_parts
    from vfxage.render.resume import check_outputs
    from vfxage.render.scene import track_shot

    ager = load_ager(
        job.shot.model, "cpu", job.shot.delta_from, job.shot.style
    )  # the workers load their own; this one measures what tracks hold
    with open_rotos(job) as rotos:
        rotos.check(numbers)
    check_outputs(job, numbers, overwrite=options.overwrite)
    lost = find_lost(job, track_shot(job, ager, console), numbers)
    part = Part(
        shot=str(job.shot.path),
        overrides=options.overrides,
        frames="",
        device=options.device,
        workers=options.workers,
        overwrite=options.overwrite,
        environment=colour_environment(job.shot.ocio),
    )
    written, kept = render_on_cluster(job, numbers, part, console, address=address)
    check_parts(job, numbers, console, device=options.device)
    _assemble_movies(job, numbers, options, console)
    note_lost(lost, console)
    return _Rendered(written, kept, lost)


def _assemble_movies(job: Job, numbers: Sequence[int], options: RenderOptions, console: Console) -> None:
    """Make the movies if the whole shot was rendered; a part leaves them for later."""
    from vfxage.render.assemble import assemble_shot

    movies = [output for output in job.shot.outputs if Path(output.path).suffix.lower() in MOVIES]
    if movies and len(numbers) == len(job.numbers):
        assemble_shot(job, console, device=options.device, overwrite=options.overwrite)


def _print_outputs(shot: Shot, done: _Rendered, console: Console) -> None:
    """List the outputs that exist (after a part there may be no movie yet), and count the frames."""
    for output in shot.outputs:
        if Path(output.path).suffix.lower() not in MOVIES or Path(output.path).exists():
            console.result(output.path)
    console.result(f"{count_of(len(done.written), 'frame')} rendered, {len(done.kept)} complete already")
