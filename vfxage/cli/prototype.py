"""The commands that build a prototype, and make picture pairs for training: prototype build, pairs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from vfxage.cli.console import Console
from vfxage.cli.options import with_console
from vfxage.errors import OutputError, ShotError, count_of

app = typer.Typer(help="Build a prototype from portraits, or pairs for `vfxage train`.", no_args_is_help=True)

Portraits = Annotated[Path, typer.Argument(metavar="PORTRAITS", help="A folder of age-labelled portraits.")]


@app.command()
@with_console
def build(
    portraits: Portraits,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FILE.npz", help="The data file; name it as `model:` in a shot.")
    ] = Path("prototype.npz"),
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file if it exists.")] = False,
    *,
    console: Console,
) -> None:
    """Build a prototype from age-labelled portraits: a data file, and beside it a JSON file that lists the sources.

    It needs at least twelve people whose ages span 15 years, seven of them over 56 with bare skin. Dozens are better.

    Example: vfxage prototype build portraits/ -o actors.npz, then `model: actors.npz` in the shot file
    """
    if out.suffix != ".npz":
        raise ShotError(f"--out {out} does not end in .npz", fix=f"write {out.with_suffix('.npz')}")
    for path in (out, out.with_suffix(".json")):
        if path.exists() and not overwrite:
            raise OutputError("exists already", path=path, fix="choose another --out, or add --overwrite")
    _refuse_unwritable(out)
    from vfxage.lab.portraits import mesh_portraits, scan_portraits
    from vfxage.lab.prototype.build import build_prototype

    collection = mesh_portraits(scan_portraits(portraits, progress=console), console)
    for problem in collection.problems:
        console.note(f"{problem.path.name} {problem.what}")
    recipe = build_prototype(collection, out, console)
    console.result(str(out))
    console.result(str(recipe))


@app.command()
@with_console
def pairs(
    portraits: Portraits,
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A new folder for the pictures and their index.")],
    ages: Annotated[str, typer.Option(help="Ages to make of every portrait, in years.")] = "20,30,40,50,60,70,80",
    model: Annotated[str, typer.Option(help="The teacher: builtin, prototype, or a file.")] = "prototype",
    *,
    console: Console,
) -> None:
    """Write training data for a network: every portrait, its aged copies in the same framing, and an index."""
    wanted = _ages(ages)
    from vfxage.ager import load_ager
    from vfxage.lab.portraits import mesh_portraits, scan_portraits
    from vfxage.lab.prototype.pairs import refuse_used, write_pairs

    refuse_used(out)
    _refuse_unwritable(out / "index.csv")
    ager = load_ager(model)
    collection = mesh_portraits(scan_portraits(portraits, progress=console), console)
    for problem in collection.problems:
        console.note(f"{problem.path.name} {problem.what}")
    real, made = write_pairs(collection, ager, out, wanted, console)
    console.result(f"{out}: {count_of(real, 'photograph')}, {made} aged from them")


def _refuse_unwritable(path: Path) -> None:
    """Raise OutputError before minutes of work, not after them."""
    if path.is_dir():
        raise OutputError("is a folder", path=path, fix="choose another name")
    home = next(folder for folder in path.absolute().parents if folder.exists())
    if not home.is_dir() or not os.access(home, os.W_OK):
        raise OutputError("cannot be written in this folder", path=path, fix="choose another place")


def _ages(text: str) -> list[float]:
    try:
        ages = sorted({float(part) for part in text.split(",")})
    except ValueError:
        ages = []
    if not ages or not all(0 <= age <= 120 for age in ages):
        raise ShotError(f"--ages {text} is not a list of years", fix="write them like 20,35,50")
    return ages
