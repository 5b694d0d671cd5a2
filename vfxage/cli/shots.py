"""The commands for a shot besides render: info, preview, track, schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vfxage.cli.console import Console
from vfxage.cli.options import AsJson, Device, Frames, Set, ShotPath, Workers
from vfxage.cli.tables import print_data
from vfxage.errors import ShotError
from vfxage.shot import load_shot, schema

if TYPE_CHECKING:
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
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file at --out.")] = False,
    *,
    console: Console,
) -> None:
    """Render the shot small and fast: one MP4 with plate, beauty, delta and matte, and a contact sheet as PNG.

    Without saved tracks it tracks only these frames and a margin around them.
    Example: vfxage preview sh010.yaml -f 1001-1024
    """
    loaded = load_shot(shot, set_ or ())
    from vfxage.ager import load_ager
    from vfxage.render.job import open_job
    from vfxage.render.preview import PreviewTarget, preview_path, preview_shot

    with open_job(loaded) as job:
        numbers = job.pick(frames)
        print_notes(job, console)
        ager = load_ager(loaded.model, device)
        if ager.note:
            console.note(ager.note)
        movie = preview_path(job, out, overwrite=overwrite)
        target = PreviewTarget(movie=movie, workers=workers or ager.workers_default)
        for path in preview_shot(job, ager, numbers, console, target):
            console.result(str(path))


def track(
    shot: ShotPath,
    frames: Annotated[
        str | None,
        typer.Option("--frames", "-f", metavar="RANGE", help="Frames that --json prints. The whole shot is tracked."),
    ] = None,
    set_: Set = None,
    as_json: AsJson = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Track again even if nothing has changed.")] = False,
    lock: Annotated[
        bool | None, typer.Option("--lock/--unlock", help="Protect the tracks: nothing can change them until --unlock.")
    ] = None,
    *,
    console: Console,
) -> None:
    """Find the faces in the whole shot, smooth their motion, and save the tracks beside the first output.

    If the tracks are saved already, only frames that they do not have are tracked.

    --json prints the tracks. Example: vfxage track sh010.yaml
    """
    loaded = load_shot(shot, set_ or ())
    from vfxage.ager import load_ager
    from vfxage.face.track import to_json
    from vfxage.render.info import describe_tracks
    from vfxage.render.job import open_job
    from vfxage.render.scene import track_shot

    with open_job(loaded) as job:
        print_notes(job, console)
        shown = frozenset(job.pick(frames))
        tracks = track_shot(job, load_ager(loaded.model, "cpu"), console, anew=overwrite, lock=lock)
        if as_json:
            printed = to_json(tracks)
            for face in printed["faces"]:
                face["frames"] = [row for row in face["frames"] if row["frame"] in shown]
            print_data(console, printed, as_json=True)
        else:
            print_data(console, {"faces": describe_tracks(tracks)}, as_json=False)
            console.result(str(job.tracks_path))


def info(
    path: Annotated[
        Path | None, typer.Argument(metavar="SHOT.yaml|PLATE", help="A shot file, or a plate on its own.")
    ] = None,
    frames: Frames = None,
    set_: Set = None,
    as_json: AsJson = False,
    colorspaces: Annotated[
        bool, typer.Option("--colorspaces", help="List the names that `colorspace:` accepts, and stop.")
    ] = False,
    *,
    console: Console,
) -> None:
    """Describe the plate, the faces in it, and the files that a render will write.

    Example: vfxage info sh010.yaml
    """
    from vfxage.render.info import describe_colourspaces, describe_plate, describe_shot

    if colorspaces:
        config = load_shot(path, set_ or ()).ocio if path and path.suffix in (".yaml", ".yml") else None
        print_data(console, describe_colourspaces(config), as_json=as_json)
        return
    if path is None:
        raise ShotError("info needs a shot file or a plate", fix="name one, or add --colorspaces")
    is_shot = path.suffix in (".yaml", ".yml")
    description = describe_shot(load_shot(path, set_ or ()), frames) if is_shot else describe_plate(str(path))
    print_data(console, description, as_json=as_json)


def print_schema(*, console: Console) -> None:
    """Print the JSON schema of a shot file (the same as configs/shot.schema.json), for editors."""
    console.result(json.dumps(schema(), indent=2))


def print_notes(job: Job, console: Console) -> None:
    """Print what the reader of the plate had to assume, and which frames the plate does not have."""
    for note in (*job.clip.notes, *job.notes):
        console.note(note)
