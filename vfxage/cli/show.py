"""A show is many shots: shot files from a cut."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

import typer

from vfxage.cli.console import open_progress
from vfxage.cli.options import AsJson, Debug, Log
from vfxage.errors import ShotError, WriteError

app = typer.Typer(no_args_is_help=True, help="Shot files of a whole show.")


@app.command("from")
def from_cut(
    cut: Annotated[Path, typer.Argument(metavar="CUT.otio|CUT.edl", help="The cut.", show_default=False)],
    template: Annotated[
        Path, typer.Option("--template", "-t", metavar="SHOW.yaml", help="What all shots have in common.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FOLDER", help="Where the shot files go.")],
    handles: Annotated[
        int | None, typer.Option(min=0, max=1000, help="Further frames at both ends; default: the template's.")
    ] = None,
    rate: Annotated[
        str | None, typer.Option(metavar="FPS", help="Of an EDL: 24, 23.976, 24000/1001; default: the template's.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace shot files that differ.")] = False,
    as_json: AsJson = False,
    log: Log = None,
    debug: Debug = False,
) -> None:
    """Write a shot file for every clip of a cut, its frames in the plate's own numbers.

    Source timecode becomes plate frames by the plate's own timecode. Dissolves widen a shot, speeds are told; what
    cannot be a shot is one line each, and exit code 4. Example: vfxage shots from cut.otio -t show.yaml -o shots
    """
    from vfxage.editorial import plan_shots, read_cut, read_template, write_shots
    from vfxage.render.info import show

    progress = open_progress(log)
    common = read_template(template)
    read = read_cut(cut, _rate(rate, common.document.data.get("rate")))
    plan = plan_shots(read, common, out, handles)
    written, kept = write_shots(plan, overwrite=overwrite)
    for note in read.notes:
        progress.note(note)
    show({"shots": [dict(shot.facts()) for shot in plan.shots]}, as_json=as_json)
    if not as_json:
        typer.echo(f"{len(written)} shot files written, {len(kept)} as they were")
    for refusal in plan.refused:
        progress.note(f"no shot of event {refusal.number} on {refusal.track}, {refusal.name}: {refusal.why}")
    if plan.refused:
        count = len(plan.refused) + len(plan.shots)
        fix = "see the notes; the others are written" if plan.shots else "see the notes"
        raise WriteError(f"{len(plan.refused)} of {count} clips have no shot file", path=cut, fix=fix)


def _rate(given: str | None, default: Any) -> Fraction | None:
    """The rate of an EDL."""
    from vfxage.shot.models import frame_rate

    try:
        if given is None:
            return None if default is None else frame_rate(default)
        return frame_rate(given if "/" in given else int(given) if given.isdecimal() else float(given))
    except ValueError as error:
        where = f"--rate {given}" if given is not None else "`rate` of the template"
        raise ShotError(f"{where} is no rate", fix="say 24, 23.976 or 24000/1001") from error
