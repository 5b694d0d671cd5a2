"""The command that writes the shot files of a whole show from a cut: shots from."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vfxage.cli.console import Console
from vfxage.cli.options import AsJson, with_console
from vfxage.cli.tables import print_data
from vfxage.errors import ShotError, WriteError, count_of

if TYPE_CHECKING:
    from vfxage.editorial.shots import Plan

app = typer.Typer(no_args_is_help=True, help="Shot files of a whole show.")


@app.command("from")
@with_console
def from_cut(
    cut: Annotated[Path, typer.Argument(metavar="CUT.otio|CUT.edl", help="The cut.", show_default=False)],
    template: Annotated[
        Path, typer.Option("--template", "-t", metavar="SHOW.yaml", help="The settings that all shots share.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FOLDER", help="Folder for the shot files.")],
    handles: Annotated[
        int | None, typer.Option(min=0, max=1000, help="Extra frames at both ends. Default: from the template.")
    ] = None,
    rate: Annotated[
        str | None,
        typer.Option(metavar="FPS", help="Rate of an EDL: 24, 23.976, 24000/1001. Default: from the template."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace shot files that differ.")] = False,
    as_json: AsJson = False,
    *,
    console: Console,
) -> None:
    """Write a shot file for every clip of a cut, its frames in the plate's own numbers.

    In the template, {name}, {clip}, {reel}, {source} and {event} become those of each clip.
    The timecode of the plate turns source timecode into plate frames. Dissolves extend a shot, retimes are reported,
    and clips that cannot become a shot are listed, with exit code 4.
    Example: vfxage shots from cut.otio -t show.yaml -o shots
    """
    from vfxage.editorial import plan_shots, read_cut, read_template, write_shots

    common = read_template(template)
    read = read_cut(cut, _rate(rate, common.document.data.get("rate")))
    plan = plan_shots(read, common, out, handles)
    written, kept = write_shots(plan, overwrite=overwrite)
    for note in read.notes:
        console.note(note)
    print_data(console, {"shots": [dict(shot.facts()) for shot in plan.shots]}, as_json=as_json)
    if not as_json:
        console.result(f"{count_of(len(written), 'shot file')} written, {len(kept)} unchanged")
    _report_refused(plan, cut, console)


def _report_refused(plan: Plan, cut: Path, console: Console) -> None:
    """Print a note for each clip that cannot become a shot. Raises WriteError if there is one."""
    for refusal in plan.refused:
        console.note(f"no shot file for event {refusal.number} on {refusal.track}, {refusal.name}: {refusal.why}")
    if plan.refused:
        count = len(plan.refused) + len(plan.shots)
        fix = "see the notes; the others are written" if plan.shots else "see the notes"
        raise WriteError(f"no shot file for {len(plan.refused)} of {count_of(count, 'clip')}", path=cut, fix=fix)


def _rate(given: str | None, default: Any) -> Fraction | None:
    """The frame rate of an EDL: as given on the command line, else as in the template."""
    from vfxage.shot import plain_number
    from vfxage.shot.models import frame_rate

    try:
        if given is None:
            return None if default is None else frame_rate(default)
        return frame_rate(given if "/" in given else plain_number(given))
    except ValueError as error:
        where = f"--rate {given}" if given is not None else "`rate` of the template"
        raise ShotError(f"{where} is not a frame rate", fix="use 24, 23.976 or 24000/1001") from error
