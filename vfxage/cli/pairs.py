"""The command that makes training pairs from portraits: pairs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from vfxage.cli.console import Console
from vfxage.errors import OutputError, count_of


def pairs(
    portraits: Annotated[Path, typer.Argument(metavar="PORTRAITS", help="A folder of age-labelled portraits.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A new folder for the pictures and their index.")],
    ages: Annotated[str, typer.Option(help="Ages to make of every portrait: 20,35 or 20-80x12.")] = "20,32,44,56,68,80",
    young: Annotated[
        float,
        typer.Option(
            min=0,
            max=1,
            help="Share of portraits made 20 to 32 years old first, then aged: young people are rare in many sets.",
        ),
    ] = 0.0,
    model: Annotated[str, typer.Option(help="The teacher: builtin, small, bands, or a file.")] = "builtin",
    quality: Annotated[
        int | None,
        typer.Option(min=1, max=100, help="Write WebP of this quality instead of PNG; 80 takes a tenth of the space."),
    ] = None,
    *,
    console: Console,
) -> None:
    """Write training data for a network: every portrait, its aged copies in the same framing, and an index.

    Example: vfxage pairs portraits/ train/pairs, then name train/pairs in the recipe of `vfxage train`
    """
    from vfxage.ager import load_ager
    from vfxage.lab.pairs import NEW_FOLDER, PairsPlan, write_pairs
    from vfxage.lab.portraits import mesh_portraits, scan_portraits
    from vfxage.pictures import parse_ages
    from vfxage.publish import check_unused

    wanted = sorted(parse_ages(ages, "--ages"))
    check_unused(out, NEW_FOLDER)
    _refuse_unwritable(out / "index.csv")
    plan = PairsPlan(load_ager(model), wanted, quality, young)
    collection = mesh_portraits(scan_portraits(portraits, progress=console), console)
    for problem in collection.problems:
        console.note(f"{problem.path.name} {problem.what}")
    real, made = write_pairs(collection, plan, out, console)
    size = sum(path.stat().st_size for path in out.iterdir()) / 1e6
    console.result(f"{out}: {count_of(real, 'photograph')}, {made} aged from them, {size:.1f} MB")


def _refuse_unwritable(path: Path) -> None:
    """Raise OutputError before minutes of work, not after them."""
    if path.is_dir():
        raise OutputError("is a folder", path=path, fix="choose another name")
    home = next(folder for folder in path.absolute().parents if folder.exists())
    if not home.is_dir() or not os.access(home, os.W_OK):
        raise OutputError("cannot be written in this folder", path=path, fix="choose another place")
