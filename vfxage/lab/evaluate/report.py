"""The report: Markdown tables for people, JSON for programs."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from vfxage import __version__
from vfxage.lab.evaluate import clips
from vfxage.lab.evaluate.lines import (
    Line,
    clip_lines,
    clip_silences,
    identity_lines,
    moved_lines,
    same_person_lines,
    spatial_lines,
    speed_lines,
    stability_lines,
)
from vfxage.lab.evaluate.rows import OLDEST, YOUNGEST
from vfxage.lab.evaluate.run import Evaluation
from vfxage.lab.evaluate.same_person import LEAST_YEARS
from vfxage.lab.evaluate.years import silences, years_table
from vfxage.publish import publish


def write_report(outcome: Evaluation, folder: Path) -> tuple[Path, Path]:
    """Write report.md and report.json, each complete or not at all; raises WriteError."""
    markdown, data = folder / "report.md", folder / "report.json"
    with publish(markdown) as partial:
        partial.write_text(to_markdown(outcome), encoding="utf-8")
    with publish(data) as partial:
        partial.write_text(json.dumps(to_json(outcome), indent=1, allow_nan=False), encoding="utf-8")
    return markdown, data


def to_json(outcome: Evaluation) -> dict[str, Any]:
    """Every figure and every row as plain values; a figure without a value is null."""
    results = {"vfxage": __version__, **asdict(outcome)}
    clean: dict[str, Any] = _finite(results)
    return clean


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


_MOVED = f"""Each face is aged to several ages from {YOUNGEST:.0f} to {OLDEST:.0f}. The age reader reads the face before
and after, with a regressor that did not learn from this person. It reads less than one year for each true year (its
slope). The line "over the reader's slope" divides by it."""
_YEARS = """Mean years moved in each group of people. A group should move by half of the years asked or more. Years of
the age reader are divided by its slope. A dash (-): the reader has learned from too few people of that age, skin or
group. Its error is the mean absolute error on real portraits of the group."""
_IDENTITY = """The low bands of the skin show its light and the bones below it, which ageing should keep. Ears and neck
are outside the outline of the mesh; there the usual matte fades the change out. Hair and background are outside too,
and the model should not change them."""
_SAME = f"""Two real portraits of one person, {LEAST_YEARS:.0f} years apart or more: each is aged to the age of the
other. Years are divided by the reader's slope. Along: the cosine between the made and the real change, in the reader's
features (0: unrelated). The two portraits also differ in day, light and smile, so compare the figure with the same
figure for other people."""
_PLACE = """Where the step lies, before the matte is applied: each place's share of the sum of squares, and its mean
square for each pixel, divided by that of bare skin."""
_STABLE = """How much the step changes if the crop moves by one pixel (an error of the tracking), or if grain is added:
root mean squares under the matte, on portraits."""
_CLIPS = f"""People of {clips.AGES[0]:.0f} are aged to {clips.AGES[1]:.0f}. Flicker: how much the delta changes along
the motion of the plate (root mean square under the matte), divided by how much the plate changes. All figures below it
are measured after the temporal filter; docs/evaluate.md of vfxage defines each of them."""
_COST = """Medians of seven runs on this machine. The yardstick is a fixed piece of work, ten Gaussian blurs of a 512 px
picture, timed at the same moment."""
_READER = """Ridge regression on oriented contrast, texture patterns and mesh shape of the real portraits. The people
are divided into ten folds, and each face is read by a regressor that did not learn from its person. Years: mean
absolute error (aim: 7 or less), bias, the error of guessing the photo set's mean age, and correlation and slope of read
over true age within photo sets."""
_CONTROLS = """The same reader reads the same portraits after changes that are not ageing. A reading that moves by these
amounts says little."""
_GROUPS = """Everybody is aged to the middle of each group. The table has the mean age that the given estimator reads,
the same for real portraits of the group, and the share of results whose embedding has a cosine of {:g} or more with
that of the portrait."""


def to_markdown(outcome: Evaluation) -> str:
    """One section per question: what is measured, in a sentence, and its table."""
    folders = ", ".join(f"{count} of {name}" for name, count in outcome.folders.items())
    not_aged = f" ({outcome.not_aged} are of people that the training learned from)" if outcome.not_aged else ""
    parts = [
        "# How well the agers do",
        f"vfxage {__version__}. Portraits: {folders}; {outcome.aged} of them aged{not_aged}. `docs/evaluate.md` of "
        "vfxage says how each figure is made and what it cannot tell.",
        _bullets([f"**{one.name}**: {one.note}; sheets {_link(one.sheets)}" for one in outcome.models]),
        *_reader(outcome),
        *_section("Age moved", _MOVED, moved_lines(outcome), outcome),
        *_years(outcome),
        *_section("Identity", _IDENTITY, identity_lines(outcome), outcome),
        *_section("Same person", _SAME, same_person_lines(outcome), outcome),
        *_section("Where the change lies", _PLACE, spatial_lines(outcome), outcome),
        *_section("Stability", _STABLE, stability_lines(outcome), outcome),
        *_section("Clips", _CLIPS, clip_lines(outcome), outcome),
        *_no_number(clip_silences(outcome)),
        *_section("Cost", _COST, speed_lines(outcome), outcome),
        *_groups(outcome),
    ]
    if outcome.problems:
        parts += ["## Left out", _bullets(outcome.problems)]
    return "\n\n".join(parts) + "\n"


def _section(title: str, sentence: str, lines: Sequence[Line], outcome: Evaluation) -> list[str]:
    if not lines:
        return []
    names = [model.name for model in outcome.models]
    head = f"| | Aim | {' | '.join(names)} |\n|---|--:|{'--:|' * len(names)}"
    rows = [f"| {one.name} | {one.aim} | {' | '.join(_written(v, one.form) for v in one.values)} |" for one in lines]
    return [f"## {title}", sentence, "\n".join([head, *rows])]


def _link(sheets: Sequence[str]) -> str:
    return ", ".join(f"[{name}]({name})" for name in sheets)


def _bullets(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _reader(outcome: Evaluation) -> list[str]:
    head = "| People | Portraits | Error | Bias | Set's mean guessed | Correlation | Slope |\n" + "|---|" + "--:|" * 6
    rows = [
        f"| {one.name} | {one.count} | {one.error:.1f} | {one.bias:+.1f} | {one.guess:.1f} "
        f"| {_written(one.correlation, '.2f')} | {_written(one.slope, '.2f')} |"
        for one in outcome.readers
    ]
    controls = "| Change that is no ageing | Reading moves, mean | 10 % | 90 % |\n|---|--:|--:|--:|\n" + "\n".join(
        f"| {one.name} | {one.moved:+.1f} | {one.least:+.1f} | {one.most:+.1f} |" for one in outcome.controls
    )
    return ["## The age reader", _READER, "\n".join([head, *rows]), _CONTROLS, controls]


def _groups(outcome: Evaluation) -> list[str]:
    measured = [one for one in outcome.models if one.groups]
    if not measured or outcome.threshold is None:
        return []
    parts = ["## Age groups", _GROUPS.format(outcome.threshold)]
    for model in measured:
        head = (
            f"| {model.name} | Ages | Faces | Read, mean | Deviation | Real faces, read | Verified |\n|---|"
            + "--:|" * 6
        )
        rows = [
            f"| {one.name} | {one.asked:.0f} | {one.count} | {one.mean_age:.1f} | {one.spread:.1f} "
            f"| {_written(one.real, '.1f')} | {one.verified:.1%} |"
            for one in model.groups
        ]
        parts.append("\n".join([head, *rows]))
    return parts


def _years(outcome: Evaluation) -> list[str]:
    parts = ["## Years by group", _YEARS]
    for model in outcome.models:
        for reader in dict.fromkeys(one.reader for one in model.years):
            rows = years_table(model.years, outcome.group_errors, reader)
            parts += [f"**{model.name}**, by the {reader}:", _table(rows)]
            quiet = silences([one for one in model.years if one.reader == reader])
            parts += _no_number(quiet)
    return parts


def _no_number(reasons: Sequence[str]) -> list[str]:
    """Why there are dashes in the table above; nothing if there are none."""
    return ["No number:", _bullets(reasons)] if reasons else []


def _table(rows: Sequence[Mapping[str, str]]) -> str:
    """Rows with the same keys as a Markdown table; the first column is to the left."""
    keys = list(rows[0])
    head = f"| {' | '.join(keys)} |\n|---|" + "--:|" * (len(keys) - 1)
    return "\n".join([head, *(f"| {' | '.join(row[key] for key in keys)} |" for row in rows)])


def _written(value: float | None, form: str) -> str:
    return "n/a" if value is None or math.isnan(value) else format(value, form)
