"""The commands for a render farm: assemble, submit, verify."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vfxage.cli.console import Console
from vfxage.cli.options import AsJson, Frames, RenderedOn, Set, ShotPath, ShotPaths, Strict
from vfxage.cli.several import Show, for_each_shot
from vfxage.cli.shots import load_with_outputs, print_notes
from vfxage.cli.tables import print_data
from vfxage.errors import ShotError, WriteError, count_of

if TYPE_CHECKING:
    from vfxage.face.track import Lost
    from vfxage.render.verify import Verdict


def assemble(
    shots: ShotPaths,
    set_: Set = None,
    device: RenderedOn = "auto",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Make the movies again even if they are up to date.")
    ] = False,
    *,
    console: Console,
) -> int:
    """Make the movies of a shot from OpenEXR frames rendered in parts, identical to those of one whole render.

    The shot needs an OpenEXR output with delta (and matte if the movie has one). No GPU is needed. With several shots,
    one that fails does not stop the others.
    Example: vfxage assemble sh010.yaml
    """

    def assemble_one(path: Path, _: Show) -> None:
        from vfxage.render.assemble import assemble_shot
        from vfxage.render.job import open_job

        with open_job(load_with_outputs(path, set_ or ())) as job:
            print_notes(job, console)
            made, kept = assemble_shot(job, console, device=device, overwrite=overwrite)
        for movie in (*made, *kept):
            console.result(str(movie))
        console.result(f"{count_of(len(made), 'movie')} assembled, {len(kept)} complete already")

    return for_each_shot(shots, assemble_one, console, done="assembled")


def submit(
    shot: ShotPath,
    openjd: Annotated[
        Path, typer.Option("--openjd", metavar="JOB.yaml", help="The job template to write, for Open Job Description.")
    ],
    chunk: Annotated[int, typer.Option(min=1, max=100_000, help="Frames in each task.")] = 24,
    set_: Set = None,
    device: Annotated[
        str, typer.Option(metavar="cpu|cuda", help="Where networks run; use the same kind on all hosts.")
    ] = "cpu",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file at --openjd.")] = False,
    *,
    console: Console,
) -> None:
    """Write a job file for a farm: track, render in chunks, assemble movies, verify. Nothing is sent anywhere.

    Example: vfxage submit sh010.yaml --openjd job.yaml --chunk 24
    """
    if device not in ("cpu", "cuda"):
        raise ShotError(f"--device {device} is not one kind of device for all hosts", fix="use cpu or cuda")
    loaded = load_with_outputs(shot, set_ or ())
    from vfxage.farm.openjd import job_template, write_template
    from vfxage.render.job import open_job

    with open_job(loaded) as job:
        print_notes(job, console)
        template, notes = job_template(job, openjd, chunk=chunk, device=device, overrides=set_ or ())
        for note in notes:
            console.note(note)
    write_template(template, openjd, overwrite=overwrite)
    console.result(str(openjd))


def verify(
    shots: ShotPaths,
    frames: Frames = None,
    set_: Set = None,
    device: RenderedOn = "auto",
    as_json: AsJson = False,
    strict: Strict = False,
    *,
    console: Console,
) -> int:
    """Read every frame of every output and list the missing, damaged, outdated and wrong ones; exit code 0 or 4.

    OpenEXR frames are compared with the plate: plate plus delta must be the beauty, to the bit where the matte is 0.
    It also lists the faces that are lost on some frames. No GPU is needed. With several shots, one that fails does not
    stop the others.
    """

    def verify_one(path: Path, show: Show) -> None:
        from vfxage.render.job import open_job
        from vfxage.render.lost import find_lost_in_saved_tracks, refuse_lost
        from vfxage.render.verify import verify_shot

        shot = load_with_outputs(path, set_ or ())
        with open_job(shot) as job:
            numbers = job.pick(frames)
            print_notes(job, console)
            verdicts = verify_shot(job, numbers, console, device=device)
            lost = find_lost_in_saved_tracks(job, numbers)
        if as_json:
            show(_described(verdicts, lost))
        else:
            _print_table(console, verdicts, lost)
        _refuse_bad_frames(verdicts, path)
        if strict:
            refuse_lost(path, lost)

    return for_each_shot(shots, verify_one, console, done="right", as_json=as_json)


def _described(verdicts: Sequence[Verdict], lost: Sequence[Lost]) -> dict[str, Any]:
    return {
        "right": not any(verdict.flaws for verdict in verdicts),
        "outputs": [verdict.described() for verdict in verdicts],
        "lost": [one.described() for one in lost],
    }


def _refuse_bad_frames(verdicts: Sequence[Verdict], shot: Path) -> None:
    bad = sum(len(verdict.flaws) for verdict in verdicts)
    if bad:
        count = sum(len(verdict.numbers) for verdict in verdicts)
        fix = "run `vfxage render` again: it renders these frames and keeps the others"
        raise WriteError(f"{bad} of {count_of(count, 'frame')} failed verification", path=shot, fix=fix)


def _print_table(console: Console, verdicts: Sequence[Verdict], lost: Sequence[Lost]) -> None:
    """One row for each output, then one line for each kind of flaw, and for each face that is lost."""
    rows = [verdict.described() for verdict in verdicts]
    counts = [{key: value for key, value in row.items() if key not in ("flaws", "leftover")} for row in rows]
    print_data(console, {"outputs": counts}, as_json=False)
    for row in rows:
        for flaw in row["flaws"]:
            console.result(f"{row['path']} {flaw['frames']}: {flaw['kind']}: {flaw['what']}")
    for one in lost:
        console.result(str(one))
