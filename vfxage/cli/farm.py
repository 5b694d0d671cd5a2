"""What a farm does to a shot beside rendering it: assemble, verify, submit."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vfxage.cli.console import open_progress
from vfxage.cli.options import AsJson, Debug, Frames, Log, MadeOn, Overwrite, Set, ShotPath
from vfxage.cli.shots import tell_notes
from vfxage.errors import ShotError, WriteError, count_of
from vfxage.shot import load_shot

if TYPE_CHECKING:
    from vfxage.render.verify import Verdict


def assemble(
    shot: ShotPath,
    set_: Set = None,
    device: MadeOn = "auto",
    overwrite: Overwrite = False,
    log: Log = None,
    debug: Debug = False,
) -> None:
    """Make the shot's movies of the OpenEXR frames that parts of its render left, to the bytes of a whole render's.

    It needs an OpenEXR output with delta (and matte, where the movie has one), and no GPU, whatever rendered them.
    Example: vfxage assemble sh010.yaml
    """
    progress = open_progress(log)
    loaded = load_shot(shot, set_ or ())
    from vfxage.render.job import open_job
    from vfxage.render.on_disk import assemble_shot

    with open_job(loaded) as job:
        tell_notes(job, progress)
        made, kept = assemble_shot(job, progress, device=device, overwrite=overwrite)
    for path in (*made, *kept):
        typer.echo(path)
    typer.echo(f"{count_of(len(made), 'movie')} assembled, {len(kept)} complete already")


def submit(
    shot: ShotPath,
    openjd: Annotated[
        Path, typer.Option("--openjd", metavar="JOB.yaml", help="Write a template of Open Job Description.")
    ],
    chunk: Annotated[int, typer.Option(min=1, max=100_000, help="Frames of a task.")] = 24,
    set_: Set = None,
    device: Annotated[
        str, typer.Option(metavar="cpu|cuda", help="Where networks run; all hosts must be of one kind.")
    ] = "cpu",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace whatever stands at --openjd.")] = False,
    log: Log = None,
    debug: Debug = False,
) -> None:
    """Write a job for a farm: track, render in chunks, assemble movies, verify. Nothing is sent anywhere.

    Example: vfxage submit sh010.yaml --openjd job.yaml --chunk 24
    """
    progress = open_progress(log)
    if device not in ("cpu", "cuda"):
        raise ShotError(f"--device {device} does not name one kind of host", fix="say cpu or cuda")
    loaded = load_shot(shot, set_ or ())
    if not loaded.outputs:
        raise ShotError("names no `outputs:`, so there is nothing to render", path=shot)
    from vfxage.farm.openjd import job_template, write_template
    from vfxage.render.job import open_job

    with open_job(loaded) as job:
        tell_notes(job, progress)
        template, notes = job_template(job, openjd, chunk=chunk, device=device, overrides=set_ or ())
        for note in notes:
            progress.note(note)
    write_template(template, openjd, overwrite=overwrite)
    typer.echo(str(openjd))


def verify(
    shot: ShotPath,
    frames: Frames = None,
    set_: Set = None,
    device: MadeOn = "auto",
    as_json: AsJson = False,
    log: Log = None,
    debug: Debug = False,
) -> None:
    """Read back every frame of every output and say which are missing, damaged, out of date or wrong; exit 0 or 4.

    OpenEXR frames are held against the plate too: plate plus delta must be the beauty, to the bit where the matte is 0.
    It needs no GPU, whatever rendered them.
    """
    progress = open_progress(log)
    loaded = load_shot(shot, set_ or ())
    if not loaded.outputs:
        raise ShotError("names no `outputs:`, so there is nothing to verify", path=shot)
    from vfxage.render.job import open_job
    from vfxage.render.verify import verify_shot

    with open_job(loaded) as job:
        numbers = job.pick(frames)
        tell_notes(job, progress)
        verdicts = verify_shot(job, numbers, progress, device=device)
    bad = sum(len(verdict.flaws) for verdict in verdicts)
    if as_json:
        typer.echo(json.dumps({"right": not bad, "outputs": [verdict.facts() for verdict in verdicts]}, indent=1))
    else:
        _print_table(verdicts)
    if bad:
        count = sum(len(verdict.numbers) for verdict in verdicts)
        fix = "run `vfxage render` on it again: it renders these and keeps the others"
        raise WriteError(f"{bad} of {count} frames are not as they should be", path=shot, fix=fix)


def _print_table(verdicts: list[Verdict]) -> None:
    from vfxage.render.info import show

    rows = [verdict.facts() for verdict in verdicts]
    listed = [{k: v for k, v in row.items() if k != "flaws"} for row in rows]
    show({"outputs": listed}, as_json=False)
    for row in rows:
        for flaw in row["flaws"]:
            sys.stdout.write(f"{row['path']} {flaw['frames']}: {flaw['kind']}: {flaw['what']}\n")
