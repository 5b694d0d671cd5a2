"""Figures over all faces: one line each, with its aim and one value per model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from vfxage.lab.evaluate.clips import ClipFigures
from vfxage.lab.evaluate.rows import STEPS, Row
from vfxage.lab.evaluate.run import Evaluation, Measured
from vfxage.lab.evaluate.same_person import SamePerson
from vfxage.lab.evaluate.spatial import PLACES
from vfxage.lab.evaluate.temporal import APART, REGIONS, Slip


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One figure for every model."""

    name: str
    aim: str
    """The aim; empty if there is none."""
    values: tuple[float | None, ...]
    """One value per model; None if it cannot be measured."""
    form: str
    """How a value is written, for ``format``."""


def moved_lines(outcome: Evaluation) -> list[Line]:
    """Years moved for every step, and whether a larger step moves the reading further."""
    lines = [line for step in STEPS for line in _step_lines(outcome, step)]
    return [*lines, _line(outcome, "monotone in the age asked: share of the faces", "95%", ".0%", monotone)]


def _step_lines(outcome: Evaluation, step: int) -> list[Line]:
    slope = outcome.readers[0].slope

    def line(name: str, aim: str, form: str, value: Callable[[Sequence[Row]], float]) -> Line:
        return _line(outcome, f"{step:+d}: {name}", aim, form, lambda rows: value(_asked(rows, step)))

    def corrected(rows: Sequence[Row]) -> float:
        return _moved(rows) / slope if slope > 0 else float("nan")

    def half_corrected(rows: Sequence[Row]) -> float:
        return _mean(moved_half(rows, slope)) if slope > 0 else float("nan")

    def inside(photos: str) -> Callable[[Sequence[Row]], float]:
        return lambda rows: _moved([row for row in rows if row.photos == photos])

    half = f"{step / 2:+.1f} or {'more' if step > 0 else 'less'}"
    return [
        line("years moved, mean", half, "+.1f", _moved),
        line("years moved, median", half, "+.1f", lambda rows: _median(_years(rows))),
        *(
            line(f"years moved in {photos}, mean", "", "+.1f", inside(photos))
            for photos in (outcome.folders if len(outcome.folders) > 1 else ())
        ),
        line("faces that moved half of it or more", "", ".0%", lambda rows: _mean(moved_half(rows))),
        line("years moved, over the reader's slope, mean", half, "+.1f", corrected),
        line("faces that moved half of it or more, over the slope", "", ".0%", half_corrected),
        line("faces that are read", "", ".0f", lambda rows: float(len(_years(rows)))),
        line("faces of which the reader knows too little", "", ".0f", lambda rows: float(sum(map(_silent, rows)))),
    ]


def identity_lines(outcome: Evaluation) -> list[Line]:
    """Whether the face still shows the same person."""
    return [
        *_embedding_lines(outcome),
        _line(outcome, "skin's low bands, correlation, mean", "", ".3f", lambda rows: _mean(_low_bands(rows))),
        _line(outcome, "skin's low bands, correlation, least", "", ".3f", lambda rows: min(_low_bands(rows))),
        _line(
            outcome,
            "pixels outside the mesh's outline that move",
            "",
            ".2%",
            lambda rows: _mean([row.spatial.changed_outside for row in rows]),
        ),
        _line(
            outcome,
            "largest change there, codes of 255",
            "",
            ".1f",
            lambda rows: 255 * max(row.spatial.largest_outside for row in rows),
        ),
    ]


def _embedding_lines(outcome: Evaluation) -> list[Line]:
    """Cosines of the embeddings before and after; nothing without an embedder."""
    if outcome.threshold is None:
        return []
    threshold = outcome.threshold

    def mean(step: int) -> Callable[[Sequence[Row]], float]:
        return lambda rows: _mean([row.likeness for row in _asked(rows, step) if row.likeness is not None])

    def verified(rows: Sequence[Row]) -> float:
        return _mean([float(row.likeness >= threshold) for row in rows if row.likeness is not None])

    different = (outcome.strangers,) * len(outcome.models)
    return [
        *(_line(outcome, f"{step:+d}: cosine of the embeddings, mean", "", ".3f", mean(step)) for step in STEPS),
        _line(outcome, f"verified (cosine {threshold:g} or more), all steps", "", ".1%", verified),
        Line(name="cosine of different people, mean", aim="", values=different, form=".3f"),
    ]


def same_person_lines(outcome: Evaluation) -> list[Line]:
    """Real pairs of one person at two ages against ours, in both directions."""
    if not any(model.same_person for model in outcome.models):
        return []
    slope = outcome.readers[0].slope
    forms: list[tuple[str, str, Callable[[SamePerson], float | None]]] = [
        ("years between the two portraits, mean", "+.1f", lambda one: one.end - one.start),
        ("years read, the real other portrait", "+.1f", lambda one: _over(one.real_moved, slope)),
        ("years read, the aged portrait", "+.1f", lambda one: _over(one.made_moved, slope)),
        ("change along the person's own", ".3f", lambda one: one.along),
        ("change along other people's of that age", ".3f", lambda one: one.along_others),
    ]
    if outcome.threshold is not None:
        forms += [
            ("cosine of the embeddings, both real", ".3f", lambda one: one.real_likeness),
            ("cosine of the embeddings, aged and real", ".3f", lambda one: one.made_likeness),
        ]
    lines: list[Line] = []
    for older, way in ((True, "older"), (False, "younger")):
        for name, form, value in forms:
            every = [[value(one) for one in model.same_person if one.older == older] for model in outcome.models]
            means = tuple(_mean([one for one in mine if one is not None and np.isfinite(one)]) for mine in every)
            lines.append(Line(name=f"{way}: {name}", aim="", values=means, form=form))
    pairs = tuple(float(len(model.same_person)) / 2 for model in outcome.models)
    return [Line(name="pairs", aim="", values=pairs, form=".0f"), *lines]


def _over(years: float | None, slope: float) -> float | None:
    return None if years is None or slope <= 0 else years / slope


def spatial_lines(outcome: Evaluation) -> list[Line]:
    """Rows on the places of the change."""
    names = {
        "outside": "outside the matte",
        "eyes": "in the eyes",
        "teeth": "in the teeth (open mouths)",
        "hair": "in hair and beard over the face",
        "glasses": "on glasses (labelled wearers)",
    }
    lines = []
    for place in PLACES:
        have = any(place in row.spatial.places for model in outcome.models for row in model.rows)
        if not have:
            continue

        def energy(rows: Sequence[Row], place: str = place) -> float:
            return _mean([row.spatial.places[place].energy for row in rows if place in row.spatial.places])

        def density(rows: Sequence[Row], place: str = place) -> float:
            return _mean([row.spatial.places[place].density for row in rows if place in row.spatial.places])

        lines.append(_line(outcome, f"{names[place]}: share of the energy", "0%", ".2%", energy))
        lines.append(_line(outcome, f"{names[place]}: per pixel, skin is 1", "0", ".2f", density))
    return lines


def stability_lines(outcome: Evaluation) -> list[Line]:
    """Rows on the effect of a shift and of grain."""
    forms = (
        ("crop shifted by a pixel: difference over the delta", "shift", ".1%"),
        ("grain added (0.02): difference over the delta", "grain", ".1%"),
        ("grain added: difference over the grain", "grain_amplified", ".2f"),
        ("target = source: largest step, codes of 255", "equal_ages", ".2f"),
    )
    lines = []
    for name, field, form in forms:
        every = [[getattr(one, field) for one in model.stability] for model in outcome.models]
        rest = field == "equal_ages"
        values = tuple(255 * max(one) if rest else _mean(one) for one in every)
        lines.append(Line(name=name, aim="0" if rest else "", values=values, form=form))
    return lines


_ClipValue = Callable[[ClipFigures], float | None]
_CLIP_FORMS: tuple[tuple[str, str, str, _ClipValue], ...] = (
    ("delta, codes of 255", "", ".1f", lambda one: one.strength),
    ("flicker along the motion, as answered", "", ".2f", lambda one: one.raw),
    ("flicker along the motion, steadied", "", ".2f", lambda one: one.steadied),
    ("warping error, delta over plate", "", ".3f", lambda one: one.temporal.warping),
    ("tOF, px", "", ".3f", lambda one: one.temporal.tof),
    ("slip, 1 frame, median, px", "0.1", ".3f", lambda one: _median_slip(one.temporal.step)),
    (f"slip, {APART} frames, median, px", "0.5", ".3f", lambda one: _median_slip(one.temporal.slip)),
    (f"slip on the neck, {APART} frames, median, px", "0.5", ".3f", lambda one: _median_slip(one.temporal.neck)),
    *(
        (f"wrinkle consistency, {region}", "1", ".2f", lambda one, region=region: one.temporal.wrinkles[region])
        for region in REGIONS
    ),
    ("age read, beauty: deviation", "", ".2f", lambda one: one.age.beauty.deviation if one.age.beauty else None),
    ("age read, beauty: largest step", "", ".2f", lambda one: one.age.beauty.step if one.age.beauty else None),
    ("age read, plate: deviation", "", ".2f", lambda one: one.age.plate.deviation if one.age.plate else None),
    ("age read, plate: largest step", "", ".2f", lambda one: one.age.plate.step if one.age.plate else None),
)
"""Name, aim, format and value of each figure of a clip."""


def clip_lines(outcome: Evaluation) -> list[Line]:
    """Stability in time on real clips."""
    lines = []
    for name in dict.fromkeys(one.clip for model in outcome.models for one in model.clips):
        mine = [next((one for one in model.clips if one.clip == name), None) for model in outcome.models]
        size = next(one for one in mine if one)
        where = f"{name} {size.frames[0]}-{size.frames[1]}"
        for label, aim, form, value in _CLIP_FORMS:
            values = tuple(value(one) if one else None for one in mine)
            lines.append(Line(name=f"{where}: {label}", aim=aim, values=values, form=form))
    return lines


def clip_silences(outcome: Evaluation) -> list[str]:
    """Why figures of clips are missing: a line for each clip, model and reason."""
    lines = []
    for model in outcome.models:
        for one in model.clips:
            few = [name for name in ("step", "slip", "neck") if getattr(one.temporal, name) is None]
            faint = [name for name, value in one.temporal.wrinkles.items() if value is None]
            where = f"{one.clip}, {model.name}"
            lines += [f"{where}: no age over time, because {one.age.why}"] if one.age.why else []
            lines += [f"{where}: too few corners of the skin can be followed for {len(few)} of 3 slips"] if few else []
            lines += (
                [f"{where}: the change is too faint, or the clip too short, in {', '.join(faint)}"] if faint else []
            )
    return lines


def _median_slip(slip: Slip | None) -> float | None:
    return None if slip is None else slip.median


def speed_lines(outcome: Evaluation) -> list[Line]:
    """Rows on the cost of a crop."""
    models: list[Measured] = outcome.models
    forms: tuple[tuple[str, Callable[[Measured], float | None], str], ...] = (
        ("crop, px", lambda one: one.speed.size, ".0f"),
        ("one thread, ms", lambda one: one.speed.one_thread, ".0f"),
        ("two OpenCV threads, ms", lambda one: one.speed.two_threads, ".0f"),
        ("two workers side by side, ms a crop", lambda one: one.speed.two_workers, ".0f"),
        ("one thread, in yardsticks", lambda one: one.speed.one_thread / one.speed.yardstick, ".2f"),
        ("the yardstick, ms", lambda one: one.speed.yardstick, ".0f"),
        (
            "parameters, million",
            lambda one: None if one.speed.parameters is None else one.speed.parameters / 1e6,
            ".2f",
        ),
        ("MACs, 1e9", lambda one: None if one.speed.macs is None else one.speed.macs / 1e9, ".2f"),
    )
    return [
        Line(name=name, aim="", values=tuple(value(one) for one in models), form=form) for name, value, form in forms
    ]


def monotone(rows: Sequence[Row]) -> float:
    """Share of the faces whose readings rise from each target age to the next; the unaged face counts too."""
    ladders: dict[str, list[tuple[int, float]]] = {}
    for row in rows:
        if row.read is not None and row.read_aged is not None:
            ladders.setdefault(row.face, [(0, row.read)]).append((row.asked, row.read_aged))
    rising = [all(one[1] < other[1] for one, other in pairwise(sorted(ladder))) for ladder in ladders.values()]
    return _mean([float(one) for one in rising])


def moved_half(rows: Sequence[Row], slope: float = 1.0) -> list[float]:
    """For each face that is read: 1 if its reading, over the slope, moved by at least half of the years asked."""
    return [float(row.moved / slope / row.asked >= 0.5) for row in rows if row.moved is not None]


def _years(rows: Sequence[Row]) -> list[float]:
    """Years by which the readings moved, of the faces that are read."""
    return [row.moved for row in rows if row.moved is not None]


def _silent(row: Row) -> bool:
    return bool(row.why_silent)


def _line(outcome: Evaluation, name: str, aim: str, form: str, value: Callable[[Sequence[Row]], float]) -> Line:
    return Line(name=name, aim=aim, form=form, values=tuple(value(model.rows) for model in outcome.models))


def _asked(rows: Sequence[Row], step: int) -> list[Row]:
    return [row for row in rows if row.asked == step]


def _low_bands(rows: Sequence[Row]) -> list[float]:
    return [row.spatial.low_bands for row in rows if np.isfinite(row.spatial.low_bands)] or [float("nan")]


def _moved(rows: Sequence[Row]) -> float:
    return _mean(_years(rows))


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if len(values) else float("nan")


def _median(values: Sequence[float]) -> float:
    return float(np.median(values)) if len(values) else float("nan")
