"""The command that judges the results: evaluate. It measures models or finished shots, and makes blind sheets."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from vfxage.cli.console import Console
from vfxage.cli.options import AsJson, Device, Workers
from vfxage.cli.tables import print_data
from vfxage.errors import ShotError

if TYPE_CHECKING:
    from vfxage.lab.evaluate import Evaluation, Request

_MODELS, _SHOT = "Measure models on portraits", "Measure finished frames"
_BLIND, _READINGS = "Blind sheet", "Readings by another program"

PixelRange = Literal["-1..1", "0..1", "0..255", "imagenet"]
Pixels = Annotated[PixelRange, typer.Option(help="Range of this network's RGB pixels.", rich_help_panel=_MODELS)]
Portraits = Annotated[
    list[Path] | None,
    typer.Option("--portraits", "-p", metavar="FOLDER", help="Portraits of people of known age. Repeatable."),
]
Out = Annotated[Path | None, typer.Option("--out", "-o", metavar="FOLDER", help="Folder for the report.")]
Models = Annotated[
    list[str] | None,
    typer.Option("--model", "-m", metavar="builtin|FILE", help="As `model:` in a shot. Repeatable, to compare."),
]
Clips = Annotated[
    list[Path] | None,
    typer.Option(
        "--clips",
        metavar="FOLDER|FILE",
        help="Real footage, to measure stability in time. Repeatable.",
        rich_help_panel=_MODELS,
    ),
]
ClipFrames = Annotated[
    int, typer.Option(min=8, max=240, help="At most this many frames of each clip.", rich_help_panel=_MODELS)
]
People = Annotated[int | None, typer.Option(min=1, help="Number of people to age, of all ages. Default: everybody.")]
HeldOut = Annotated[
    Path | None,
    typer.Option(
        metavar="RECIPE.yaml", help="Leave out the people that this training has learned from.", rich_help_panel=_MODELS
    ),
]
Embedder = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.onnx", help="A face embedding such as ArcFace, to measure identity.", rich_help_panel=_MODELS
    ),
]
Estimator = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.onnx", help="With --embedder: a second age estimator, by age groups.", rich_help_panel=_MODELS
    ),
]
Threshold = Annotated[
    float,
    typer.Option(min=-1, max=1, help="Cosine at which two faces count as one person.", rich_help_panel=_MODELS),
]
Frames = Annotated[
    str | None,
    typer.Option("--frames", "-f", metavar="RANGE", help="Only these frames: 1001-1050.", rich_help_panel=_SHOT),
]
ShotFile = Annotated[
    Path | None,
    typer.Option("--shot", metavar="SHOT.yaml", help="Measure a rendered shot.", rich_help_panel=_SHOT),
]
Blind = Annotated[
    Path | None,
    typer.Option("--blind", metavar="FOLDER", help="Write a blind sheet there.", rich_help_panel=_BLIND),
]
Answers = Annotated[
    Path | None,
    typer.Option("--blind-answers", metavar="FILE.txt", help="Score the answers to a blind sheet.",
                 rich_help_panel=_BLIND),
]  # fmt: skip
Key = Annotated[
    Path | None,
    typer.Option(metavar="FILE.json", help="Key of the sheet. Default: .key.json beside the answers.",
                 rich_help_panel=_BLIND),
]  # fmt: skip
Seed = Annotated[
    int, typer.Option(min=0, help="Chooses people and order; one seed, one sheet.", rich_help_panel=_BLIND)
]
Readings = Annotated[
    Path | None,
    typer.Option(metavar="AGES.csv", help="Ages that were read: columns group and age.", rich_help_panel=_READINGS),
]
Verification = Annotated[
    Path | None,
    typer.Option(metavar="PAIRS.csv", help="Confidences of pairs: columns group and confidence.",
                 rich_help_panel=_READINGS),
]  # fmt: skip
Thresholds = Annotated[
    str | None,
    typer.Option(metavar="N,N,...", help="Confidence that verifies a pair, by group. Default: AgeTransGAN's.",
                 rich_help_panel=_READINGS),
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of the command line."""

    portraits: list[Path] | None
    out: Path | None
    model: list[str] | None
    people: int | None
    device: str
    workers: int | None
    clips: list[Path] | None
    clip_frames: int
    held_out: Path | None
    embedder: Path | None
    embedder_pixels: PixelRange
    age_estimator: Path | None
    age_pixels: PixelRange
    threshold: float
    shot: Path | None
    frames: str | None
    blind: Path | None
    blind_answers: Path | None
    key: Path | None
    seed: int
    readings: Path | None
    verification: Path | None
    thresholds: str | None
    as_json: bool


def evaluate(
    portraits: Portraits = None,
    out: Out = None,
    model: Models = None,
    people: People = None,
    device: Device = "auto",
    workers: Workers = None,
    clips: Clips = None,
    clip_frames: ClipFrames = 32,
    held_out: HeldOut = None,
    embedder: Embedder = None,
    embedder_pixels: Pixels = "-1..1",
    age_estimator: Estimator = None,
    age_pixels: Pixels = "0..255",
    threshold: Threshold = 0.3,
    shot: ShotFile = None,
    frames: Frames = None,
    blind: Blind = None,
    blind_answers: Answers = None,
    key: Key = None,
    seed: Seed = 1,
    readings: Readings = None,
    verification: Verification = None,
    thresholds: Thresholds = None,
    as_json: AsJson = False,
    *,
    console: Console,
) -> None:
    """Measure models on portraits, or the frames of a rendered shot; or test people with a blind sheet.

    Example: vfxage evaluate -p portraits/eval -p portraits/train --clips clips/a.mp4 -m builtin -m bands -o report
    """
    _evaluate(Asked(portraits, out, model, people, device, workers, clips, clip_frames, held_out, embedder,
                    embedder_pixels, age_estimator, age_pixels, threshold, shot, frames, blind, blind_answers, key,
                    seed, readings, verification, thresholds, as_json), console)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Task:
    """One thing that the command does."""

    option: str
    """The option that asks for it."""
    run: Callable[[Asked, Console], None]
    others: tuple[str, ...]
    """Other options that belong to it."""


def _evaluate(asked: Asked, console: Console) -> None:
    """Do the one task that the options name. Raises ShotError for options of different tasks."""
    named = [task for task in _TASKS if getattr(asked, task.option) is not None]
    if len(named) > 1:
        flags = " and ".join(_flag(task.option) for task in named)
        raise ShotError(f"{flags} are different tasks", fix="name one of them")
    task = named[0] if named else _MEASURE_MODELS
    usual = inspect.signature(evaluate).parameters
    for name, value in asdict(asked).items():
        if value != usual[name].default and name not in {task.option, "as_json", *task.others}:
            owner = next((one for one in _TASKS if name in one.others), _MEASURE_MODELS)
            fix = f"leave out {_flag(name)}" if named else f"name {_flag(owner.option)} too"
            raise ShotError(f"{_flag(name)} does not belong to {_flag(task.option)}", fix=fix)
    task.run(asked, console)


def _flag(name: str) -> str:
    """An option as the user writes it."""
    return "--json" if name == "as_json" else "--" + name.replace("_", "-")


def _measure_models(asked: Asked, console: Console) -> None:
    """Measure models, write the report, and list its files."""
    if asked.portraits is None or asked.out is None:
        fix = "name --portraits and --out to measure models, or one of " + ", ".join(
            _flag(task.option) for task in _TASKS
        )
        raise ShotError("evaluate has nothing to measure", fix=fix)
    if asked.age_estimator and not asked.embedder:
        raise ShotError("--age-estimator needs --embedder beside it", fix="name both, or neither")
    from vfxage.lab import evaluate as measure

    request = _request(asked, asked.portraits, asked.out)
    outcome = measure.evaluate(request, console)
    sheets = [request.out / sheet for one in outcome.models for sheet in one.sheets]
    if not asked.as_json:
        _print_years(outcome, console)
    _print_files([*measure.write_report(outcome, request.out), *sheets], asked, console)


def _print_years(outcome: Evaluation, console: Console) -> None:
    """Print the years moved by group, for every model and reader, and why there are dashes."""
    from vfxage.lab.evaluate.years import silences, years_table

    for model in outcome.models:
        for reader in dict.fromkeys(one.reader for one in model.years):
            rows = years_table(model.years, outcome.group_errors, reader)
            print_data(console, {f"{model.name}: years moved by group, {reader}": rows}, as_json=False)
            for line in silences([one for one in model.years if one.reader == reader]):
                console.result(f"  - {line}")


def _request(asked: Asked, portraits: list[Path], out: Path) -> Request:
    from vfxage.lab.evaluate import Request, vectors

    estimator = asked.age_estimator
    return Request(
        models=tuple(dict.fromkeys(asked.model or ["builtin"])),
        portraits=tuple(dict.fromkeys(portraits)),
        clips=tuple(dict.fromkeys(asked.clips or [])),
        out=out,
        people=asked.people,
        clip_frames=asked.clip_frames,
        embedder=vectors.Embedder(asked.embedder, asked.embedder_pixels) if asked.embedder else None,
        estimator=vectors.AgeEstimator(estimator, asked.age_pixels) if estimator else None,
        threshold=asked.threshold,
        device=asked.device,
        workers=asked.workers,
        learned=_learned(asked.held_out),
    )


def _learned(recipe: Path | None) -> frozenset[str]:
    """The people that this training has learned from; nobody without a training file."""
    if recipe is None:
        return frozenset()
    from vfxage.lab.train import load_recipe
    from vfxage.lab.train.data import learned_people

    loaded = load_recipe(recipe)
    return learned_people(loaded.data, loaded.seed)


def _print_readings(asked: Asked, console: Console) -> None:
    """Print AgeTransGAN's table."""
    if asked.readings is None or asked.verification is None:
        raise ShotError("--readings and --verification belong together", fix="name both files")
    from vfxage.lab.evaluate.readings import RECTIFIED, group_table, thresholds_of

    thresholds = thresholds_of(asked.thresholds) if asked.thresholds else RECTIFIED
    rows = group_table(asked.readings, asked.verification, thresholds)
    print_data(
        console, {"age groups": [asdict(row) if asked.as_json else row.cells() for row in rows]}, as_json=asked.as_json
    )


def _measure_shot(asked: Asked, console: Console) -> None:
    """Measure the finished frames of a shot, print the figures, and write them if --out names a folder."""
    if asked.shot is None:
        raise ShotError("no shot is named", fix="name one with --shot")
    from vfxage.lab.evaluate.finished import measure_finished
    from vfxage.lab.evaluate.finished_report import finished_data, finished_table, write_finished
    from vfxage.publish import check_writable
    from vfxage.render.job import open_job
    from vfxage.shot import load_shot

    if asked.out is not None:
        check_writable(asked.out)
    with open_job(load_shot(asked.shot)) as job:
        faces = measure_finished(job, job.pick(asked.frames), asked.portraits or (), console)
    if asked.out is not None:
        write_finished(faces, asked.shot, asked.out)
    data = finished_data(faces, asked.shot) if asked.as_json else finished_table(faces)
    print_data(console, data, as_json=asked.as_json)


def _write_blind_sheet(asked: Asked, console: Console) -> None:
    """Write a blind sheet and list its files."""
    if asked.blind is None or asked.portraits is None:
        raise ShotError("a blind sheet shows portraits", fix="name folders with --portraits")
    models = asked.model or ["builtin"]
    if len(models) > 1:
        raise ShotError("a blind sheet shows one model", fix="name one --model")
    from vfxage.lab.evaluate.blind import USUAL, BlindRequest, make_blind_sheet

    request = BlindRequest(
        portraits=tuple(dict.fromkeys(asked.portraits)),
        out=asked.blind,
        model=models[0],
        pairs=asked.people or USUAL,
        seed=asked.seed,
        device=asked.device,
        workers=asked.workers,
    )
    _print_files(make_blind_sheet(request, console), asked, console)


def _score_answers(asked: Asked, console: Console) -> None:
    """Print how many crops of a blind sheet a person has told apart."""
    if asked.blind_answers is None:
        raise ShotError("--key needs answers", fix="name --blind-answers")
    from vfxage.lab.evaluate.blind import KEY
    from vfxage.lab.evaluate.blind_score import score_answers

    scores = score_answers(asked.blind_answers, asked.key or asked.blind_answers.with_name(KEY))
    if asked.as_json:
        rows = [{**asdict(one), "rate": one.rate, "verdict": one.verdict} for one in scores]
        print_data(console, {"blind sheet": rows}, as_json=True)
        return
    cells = [
        {
            "group": one.group,
            "answers": one.answered,
            "hits": one.hits,
            "hit rate": f"{one.rate:.0%}",
            "95 % interval": f"{one.low:.0%} to {one.high:.0%}",
            "made taken for real": f"{one.made_as_real} of {one.made}",
            "verdict": one.verdict,
        }
        for one in scores
    ]
    print_data(console, {"blind sheet (guessing: 50 %)": cells}, as_json=False)


def _print_files(paths: Sequence[Path], asked: Asked, console: Console) -> None:
    if asked.as_json:
        print_data(console, {"files": [str(path) for path in paths]}, as_json=True)
        return
    for path in paths:
        console.result(str(path))


_OF_MODELS = (
    *("out", "model", "people", "device", "workers", "clips", "clip_frames", "held_out"),
    *("embedder", "embedder_pixels", "age_estimator", "age_pixels", "threshold"),
)
_MEASURE_MODELS = _Task("portraits", _measure_models, _OF_MODELS)
_TASKS = (
    _Task("shot", _measure_shot, ("frames", "portraits", "out")),
    _Task("blind", _write_blind_sheet, ("portraits", "model", "people", "seed", "device", "workers")),
    _Task("blind_answers", _score_answers, ("key",)),
    _Task("readings", _print_readings, ("verification", "thresholds")),
)
"""Every task but that of measuring models, which has no option of its own."""
