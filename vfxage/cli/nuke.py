"""The command that writes a shot as a Nuke script."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from vfxage.cli.console import Console
from vfxage.cli.options import Set, ShotPaths
from vfxage.cli.several import Show, for_each_shot, refuse_one_path
from vfxage.cli.shots import print_notes
from vfxage.shot import load_shot


def nuke(
    shots: ShotPaths,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="COMP.nk", help="Default: beside the shot's first output.")
    ] = None,
    set_: Set = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file at --out.")] = False,
    *,
    console: Console,
) -> int:
    """Write a Nuke script that reads plate and passes and rebuilds the comp. It has the tracks if the shot is tracked.

    With several shots, one that fails does not stop the others.
    Example: vfxage nuke sh010.yaml -o comp/sh010.nk
    """
    refuse_one_path(shots, out, "--out")

    def write_one(path: Path, _: Show) -> None:
        _write_script(path, tuple(set_ or ()), out, overwrite, console)

    return for_each_shot(shots, write_one, console, done="written")


def _write_script(shot: Path, overrides: Sequence[str], out: Path | None, overwrite: bool, console: Console) -> None:
    loaded = load_shot(shot, overrides)
    from vfxage.ager import load_ager
    from vfxage.nuke import comp_script, find_sources, script_path
    from vfxage.publish import publish
    from vfxage.render.job import open_job
    from vfxage.render.scene import stage_scene
    from vfxage.render.tracking import saved_tracks

    with open_job(loaded) as job:
        print_notes(job, console)
        sources = find_sources(job)
        for note in sources.notes:
            console.note(note)
        path = script_path(job, out, overwrite=overwrite)
        tracks = saved_tracks(job, console)
        if tracks is None:
            console.note("the shot is not tracked yet: run `vfxage track` first for Tracker4 and CornerPin2D nodes")
        ager = None if tracks is None else load_ager(loaded.model, "cpu", loaded.delta_from, loaded.style)
        scene = None if tracks is None or ager is None else stage_scene(job, tracks, ager)
        text = comp_script(job, sources, scene)
    with publish(path) as partial:
        partial.write_text(text, encoding="utf-8")
    console.result(str(path))
