"""The command that measures agers: evaluate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from vfxage.cli.console import Console
from vfxage.cli.options import Device, Workers
from vfxage.errors import ShotError

if TYPE_CHECKING:
    from vfxage.lab.evaluate import Request

Pixels = Annotated[
    Literal["-1..1", "0..1", "0..255", "imagenet"],
    typer.Option(help="Range of this network's RGB pixels."),
]
Portraits = Annotated[
    list[Path],
    typer.Option("--portraits", "-p", metavar="FOLDER", help="Age-labelled portraits. Repeatable.", show_default=False),
]
Out = Annotated[Path, typer.Option("--out", "-o", metavar="FOLDER", help="Folder for the report.", show_default=False)]
Models = Annotated[
    list[str] | None,
    typer.Option("--model", "-m", metavar="builtin|FILE", help="As `model:` in a shot. Repeatable, to compare."),
]
Clips = Annotated[
    list[Path] | None,
    typer.Option("--clips", metavar="FOLDER|FILE", help="Real footage, to measure flicker. Repeatable."),
]
ClipFrames = Annotated[int, typer.Option(min=8, max=240, help="At most this many frames of each clip.")]
People = Annotated[int | None, typer.Option(min=1, help="Number of people to age, of all ages. Default: everybody.")]
HeldOut = Annotated[
    Path | None,
    typer.Option(metavar="RECIPE.yaml", help="Leave out the people that this training has learned from."),
]
Embedder = Annotated[
    Path | None,
    typer.Option(metavar="FILE.onnx", help="A face embedding such as ArcFace, to measure identity."),
]
Estimator = Annotated[
    Path | None, typer.Option(metavar="FILE.onnx", help="With --embedder: a second age estimator, by age groups.")
]
Threshold = Annotated[float, typer.Option(min=-1, max=1, help="Cosine at which two faces count as one person.")]


def evaluate(
    portraits: Portraits,
    out: Out,
    model: Models = None,
    clip: Clips = None,
    clip_frames: ClipFrames = 32,
    people: People = None,
    held_out: HeldOut = None,
    embedder: Embedder = None,
    embedder_pixels: Pixels = "-1..1",
    age_estimator: Estimator = None,
    age_pixels: Pixels = "0..255",
    threshold: Threshold = 0.3,
    device: Device = "auto",
    workers: Workers = None,
    *,
    console: Console,
) -> None:
    """Measure agers on portraits and clips: report.md, report.json and contact sheets.

    Example: vfxage evaluate -p portraits/eval -p portraits/train --clips clips/a.mp4 -m builtin -m bands -o report
    """
    _check_estimator(age_estimator, embedder)
    from vfxage.lab.evaluate import Request, vectors

    request = Request(
        models=tuple(dict.fromkeys(model or ["builtin"])),
        portraits=tuple(dict.fromkeys(portraits)),
        clips=tuple(dict.fromkeys(clip or [])),
        out=out,
        people=people,
        clip_frames=clip_frames,
        embedder=vectors.Embedder(embedder, embedder_pixels) if embedder else None,
        estimator=vectors.AgeEstimator(age_estimator, age_pixels) if age_estimator else None,
        threshold=threshold,
        device=device,
        workers=workers,
        learned=_learned(held_out),
    )
    _measure(request, console)


def _check_estimator(estimator: Path | None, embedder: Path | None) -> None:
    """Raise ShotError for an age estimator without an embedder."""
    if estimator and not embedder:
        raise ShotError("--age-estimator needs --embedder beside it", fix="name both, or neither")


def _measure(request: Request, console: Console) -> None:
    """Measure, write the report, and list its files."""
    from vfxage.lab import evaluate as measure

    outcome = measure.evaluate(request, console)
    sheets = [request.out / sheet for one in outcome.models for sheet in one.sheets]
    for path in (*measure.write_report(outcome, request.out), *sheets):
        console.result(str(path))


def _learned(recipe: Path | None) -> frozenset[str]:
    """The people that this training has learned from; nobody without a training file."""
    if recipe is None:
        return frozenset()
    from vfxage.lab.train import load_recipe
    from vfxage.lab.train.data import learned_people

    loaded = load_recipe(recipe)
    return learned_people(loaded.data, loaded.seed)
