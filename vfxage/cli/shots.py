"""The commands for a shot besides render: info, preview, track, schema."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vfxage.cli.console import Console
from vfxage.cli.info_tables import in_words
from vfxage.cli.options import AsJson, Device, Frames, Set, ShotPath, ShotPaths, Strict, Workers
from vfxage.cli.several import Show, for_each_shot, refuse_one_path
from vfxage.cli.tables import print_data
from vfxage.errors import ShotError
from vfxage.shot import is_shot_file, load_shot, schema

if TYPE_CHECKING:
    from vfxage.face.track import Tracks
    from vfxage.render.job import Job
    from vfxage.shot import Shot

Sheet = Annotated[
    str | None,
    typer.Option(
        "--sheet",
        metavar="[SHEET.png]",
        help="Also draw a contact sheet: frames of the plate with outlines, names and track numbers of the faces. "
        "Default: beside the tracks.",
    ),
]


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
    strict: Strict = False,
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
    from vfxage.render.lost import refuse_lost
    from vfxage.render.preview import PreviewTarget, preview_path, preview_shot

    with open_job(loaded) as job:
        numbers = job.pick(frames)
        print_notes(job, console)
        ager = load_ager(loaded.model, device, loaded.delta_from, loaded.style)
        if ager.note:
            console.note(ager.note)
        movie = preview_path(job, out, overwrite=overwrite)
        target = PreviewTarget(movie=movie, workers=workers or ager.workers_default)
        made = preview_shot(job, ager, numbers, console, target)
    for path in (made.movie, made.sheet):
        console.result(str(path))
    if strict:
        refuse_lost(shot, made.lost)


def track(
    shots: ShotPaths,
    frames: Annotated[
        str | None,
        typer.Option("--frames", "-f", metavar="RANGE", help="Frames that --json prints. The whole shot is tracked."),
    ] = None,
    set_: Set = None,
    as_json: AsJson = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Track again even if nothing has changed.")] = False,
    strict: Strict = False,
    sheet: Sheet = None,
    lock: Annotated[
        bool | None, typer.Option("--lock/--unlock", help="Protect the tracks: nothing can change them until --unlock.")
    ] = None,
    *,
    console: Console,
) -> int:
    """Find the faces in the whole shot, smooth their motion, and save the tracks beside the first output.

    If the tracks are saved already, only frames that they do not have are tracked. The table says which face of the
    shot takes each track. --json prints the tracks. With several shots, one that fails does not stop the others.
    Example: vfxage track sh010.yaml
    """
    refuse_one_path(shots, sheet, "--sheet")
    options = TrackOptions(frames, tuple(set_ or ()), as_json, overwrite, strict, sheet, lock)

    def track_one(path: Path, show: Show) -> None:
        _track_file(path, options, console, show)

    return for_each_shot(shots, track_one, console, done="tracked", as_json=as_json)


@dataclass(frozen=True, slots=True)
class TrackOptions:
    """The options of ``vfxage track``, the same for every shot."""

    frames: str | None
    overrides: tuple[str, ...]
    as_json: bool
    overwrite: bool
    strict: bool
    sheet: str | None
    """Path of the contact sheet; empty for the default, None for no sheet."""
    lock: bool | None
    """Lock the tracks, or remove the lock; None leaves it."""


def _track_file(path: Path, options: TrackOptions, console: Console, show: Show) -> None:
    shot = load_shot(path, options.overrides)
    from vfxage.ager import load_ager
    from vfxage.render.info import describe_tracks
    from vfxage.render.job import open_job
    from vfxage.render.lost import find_lost, note_lost, refuse_lost
    from vfxage.render.scene import track_shot
    from vfxage.render.track_sheet import save_track_sheet, sheet_path

    with open_job(shot) as job:
        print_notes(job, console)
        shown = job.pick(options.frames)
        picture = None if options.sheet is None else sheet_path(job, options.sheet)
        ager = load_ager(shot.model, "cpu", shot.delta_from, shot.style)
        tracks = track_shot(job, ager, console, anew=options.overwrite, lock=options.lock)
        lost = find_lost(job, tracks, job.numbers)
        if picture is not None:
            save_track_sheet(job, tracks, lost, picture, console)
    if options.as_json:
        printed = _json(job, tracks, frozenset(shown)) | {"sheet": None if picture is None else str(picture)}
        show(printed | {"lost": [one.described() for one in lost]})
    else:
        print_data(console, {"faces": describe_tracks(tracks, shot.faces)}, as_json=False)
        console.result("\n".join(str(made) for made in (job.tracks_path, picture) if made is not None))
    note_lost(lost, console)
    if options.strict:
        refuse_lost(path, lost)


def _json(job: Job, tracks: Tracks, shown: frozenset[int]) -> dict[str, Any]:
    """The tracks as plain data, with the face of the shot that takes each, and these frames."""
    from vfxage.face.track import taken_by, to_json

    printed = to_json(tracks)
    takers = taken_by(tracks, job.shot.faces)
    for face in printed["faces"]:
        face["frames"] = [row for row in face["frames"] if row["frame"] in shown]
        face["taken_by"] = takers.get(face["face"])
    return printed


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
        config = load_shot(path, set_ or ()).ocio if path and is_shot_file(path) else None
        print_data(console, describe_colourspaces(config), as_json=as_json)
        return
    if path is None:
        raise ShotError("info needs a shot file or a plate", fix="name one, or add --colorspaces")
    loaded = load_shot(path, set_ or ()) if is_shot_file(path) else None
    description = describe_plate(str(path)) if loaded is None else describe_shot(loaded, frames)
    print_data(console, description if as_json else in_words(description), as_json=as_json)


def print_schema(*, console: Console) -> None:
    """Print the JSON schema of a shot file (the same as configs/shot.schema.json), for editors."""
    console.result(json.dumps(schema(), indent=2))


def load_with_outputs(path: Path, overrides: Sequence[str]) -> Shot:
    """Load a shot for a command that writes or reads its outputs. Raises ShotError if it has none."""
    shot = load_shot(path, overrides)
    if not shot.outputs:
        raise ShotError("names no `outputs:`", path=shot.path, fix="add one, for example out/name.%04d.exr")
    return shot


def print_notes(job: Job, console: Console) -> None:
    """Print what the reader of the plate had to assume, and which frames the plate does not have."""
    for note in (*job.clip.notes, *job.notes):
        console.note(note)
