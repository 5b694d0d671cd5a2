"""Options that more than one command has."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vfxage.cli.console import LogFormat

ShotPath = Annotated[Path, typer.Argument(metavar="SHOT.yaml", help="The shot file.", show_default=False)]
Frames = Annotated[
    str | None,
    typer.Option("--frames", "-f", metavar="RANGE", help="Only these frames: 1001-1050x2 1060, or 1001-1050:2,1060."),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Override a value of the shot file: faces.lead.target_age=70. Repeatable."
    ),
]
Device = Annotated[str, typer.Option(metavar="auto|cpu|cuda|cuda:1", help="Where networks run.")]
MadeOn = Annotated[
    str,
    typer.Option("--device", metavar="auto|cpu|cuda", help="Where it was rendered; auto: as its first frame says."),
]
Workers = Annotated[
    int | None, typer.Option(min=1, max=64, help="Agers at work at once; the pixels do not depend on it.")
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Render again what stands complete, replace what is not ours.")
]
Debug = Annotated[bool, typer.Option("--debug", help="Show tracebacks.")]
Log = Annotated[
    LogFormat | None,
    typer.Option(
        "--log", help="Progress as plain or JSON lines on stderr, or for Open Job Description; default: a bar."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
