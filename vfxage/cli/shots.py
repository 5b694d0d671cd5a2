"""What is done to a shot beside rendering it: preview, track, info, schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vfxage.cli.console import open_progress
from vfxage.cli.options import AsJson, Debug, Device, Frames, Log, Set, ShotPath, Workers
from vfxage.errors import ShotError
from vfxage.shot import load_shot, schema

if TYPE_CHECKING:
    from vfxage.progress import Progress
    from vfxage.render.job import Job


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
    from vfxage.ager import load_ager
    from vfxage.render.job import open_job
    from vfxage.render.preview import preview_path, preview_shot

    with open_job(loaded) as job:
        numbers = job.pick(frames)
        tell_notes(job, progress)
        ager = load_ager(loaded.model, device)
        if ager.note:
            progress.note(ager.note)
        movie = preview_path(job, out, overwrite=overwrite)
        for path in preview_shot(job, ager, numbers, progress, workers=workers or ager.workers_default, movie=movie):
            typer.echo(path)


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
    from vfxage.face.track import to_json
    from vfxage.render.info import show, track_facts
    from vfxage.render.job import open_job
    from vfxage.render.pipeline import track_shot

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
    from vfxage.render.info import colour_facts, plate_facts, shot_facts, show

    if colorspaces:
        config = load_shot(path, set_ or ()).ocio if path and path.suffix in (".yaml", ".yml") else None
        show(colour_facts(config), as_json=as_json)
        return
    if path is None:
        raise ShotError("info needs a shot file or a plate", fix="name one, or say --colorspaces")
    is_shot = path.suffix in (".yaml", ".yml")
    facts = shot_facts(load_shot(path, set_ or ()), frames) if is_shot else plate_facts(str(path))
    show(facts, as_json=as_json)


def print_schema() -> None:
    """Print the JSON schema of a shot file (the same as configs/shot.schema.json), for editors."""
    typer.echo(json.dumps(schema(), indent=2))


def tell_notes(job: Job, progress: Progress) -> None:
    """Say what the plate's reader had to assume, and which frames the plate does not have."""
    for note in (*job.clip.notes, *job.notes):
        progress.note(note)
