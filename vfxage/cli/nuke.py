"""A shot as a Nuke script."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vfxage.cli.console import open_progress
from vfxage.cli.options import Debug, Log, Set, ShotPath
from vfxage.cli.shots import tell_notes
from vfxage.shot import load_shot


def nuke(
    shot: ShotPath,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="COMP.nk", help="Default: beside the shot's first output.")
    ] = None,
    set_: Set = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace whatever stands at --out.")] = False,
    log: Log = None,
    debug: Debug = False,
) -> None:
    """Write a Nuke script that opens plate and passes and rebuilds the comp, with the tracks once the shot has them.

    Example: vfxage nuke sh010.yaml -o comp/sh010.nk
    """
    progress = open_progress(log)
    loaded = load_shot(shot, set_ or ())
    from vfxage.ager import load_ager
    from vfxage.nuke import comp_script, find_sources, script_path
    from vfxage.publish import publish
    from vfxage.render.job import open_job
    from vfxage.render.scene import saved_tracks, stage_scene

    with open_job(loaded) as job:
        tell_notes(job, progress)
        sources = find_sources(job)
        for note in sources.notes:
            progress.note(note)
        path = script_path(job, out, overwrite=overwrite)
        tracks = saved_tracks(job, progress)
        if tracks is None:
            progress.note("the shot is not tracked yet: run `vfxage track` first for Tracker4 and CornerPin2D nodes")
        scene = None if tracks is None else stage_scene(job, tracks, load_ager(loaded.model, "cpu"))
        text = comp_script(job, sources, scene)
    with publish(path) as partial:
        partial.write_text(text, encoding="utf-8")
    typer.echo(str(path))
