"""What a farm does to a shot beside rendering it: verify."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import typer

from vfxage.cli.options import AsJson, Debug, Device, Frames, Log, Set, ShotPath
from vfxage.cli.shots import tell_notes
from vfxage.console import open_progress
from vfxage.errors import ShotError, WriteError
from vfxage.shot import load_shot

if TYPE_CHECKING:
    from vfxage.verify import Verdict


def verify(
    shot: ShotPath,
    frames: Frames = None,
    set_: Set = None,
    device: Device = "auto",
    as_json: AsJson = False,
    log: Log = None,
    debug: Debug = False,
) -> None:
    """Read back every frame of every output and say which are missing, damaged, out of date or wrong; exit 0 or 4.

    OpenEXR frames are held against the plate too: plate plus delta must be the beauty, to the bit where the matte is 0.
    """
    progress = open_progress(log)
    loaded = load_shot(shot, set_ or ())
    if not loaded.outputs:
        raise ShotError("names no `outputs:`, so there is nothing to verify", path=shot)
    from vfxage.job import open_job
    from vfxage.model import load_ager
    from vfxage.verify import verify_shot

    with open_job(loaded) as job:
        numbers = job.pick(frames)
        tell_notes(job, progress)
        verdicts = verify_shot(job, load_ager(loaded.model, device), numbers, progress)
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
    from vfxage.facts import show

    rows = [verdict.facts() for verdict in verdicts]
    listed = [{k: v for k, v in row.items() if k != "flaws"} for row in rows]
    show({"outputs": listed}, as_json=False)
    for row in rows:
        for flaw in row["flaws"]:
            sys.stdout.write(f"{row['path']} {flaw['frames']}: {flaw['kind']}: {flaw['what']}\n")
