"""The same person at two ages: what real ageing does to a face, beside what an ager does over the same years."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from vfxage.ager import Ager
from vfxage.lab.evaluate.faces import Aged, Subject, aged_faces, cut_subject, find_again
from vfxage.lab.evaluate.rows import OLDEST, YOUNGEST, Judges
from vfxage.lab.evaluate.skin_tone import skin_tone
from vfxage.progress import Progress
from vfxage.types import F32, F64, Framing

LEAST_YEARS = 5.0
"""Years between two portraits of a person. Over fewer, photographs differ more than the person."""
_SAME_AGE = 5.0
"""Years within which other people are of the same age."""
_FFHQ = Framing(name="ffhq")
PAIRS = 40
"""Pairs that are aged, at most: those with the most years between them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SamePerson:
    """Figures of one pair, in one direction: from one real portrait to the age of the other."""

    person: str
    start: float
    """Age on the portrait that is aged, years."""
    end: float
    """Age on the other real portrait, and the age asked for."""
    real_moved: float | None
    """Years read in the other real portrait minus those in the first; None if the reader is silent."""
    made_moved: float | None
    """The same for the aged portrait."""
    along: float
    """Cosine between the change that was made and the real change, in the reader's features; 0 is unrelated."""
    along_others: float
    """The same with the real change to portraits of other people of that age."""
    real_likeness: float | None
    """Cosine of the embeddings of the two real portraits; None without an embedder."""
    made_likeness: float | None
    """Cosine of the embeddings of the aged portrait and the other real one."""

    @property
    def older(self) -> bool:
        """Whether the portrait was made older."""
        return self.end > self.start


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _JudgedPortrait:
    """One real portrait as the judges see it."""

    subject: Subject
    read: float | None
    look: F64
    rgb: F32
    points: F32


def pairs_of(subjects: Sequence[Subject]) -> list[tuple[Subject, Subject]]:
    """The youngest and the oldest portrait of each person, with the most years between them first.

    One name is one person in all folders.
    """
    people: dict[str, list[Subject]] = {}
    for one in subjects:
        people.setdefault(one.portrait.person, []).append(one)
    ends = [
        (min(every, key=lambda one: one.portrait.age), max(every, key=lambda one: one.portrait.age))
        for _, every in sorted(people.items())
    ]
    apart = [pair for pair in ends if _years(pair) >= LEAST_YEARS]
    allowed = [pair for pair in apart if all(YOUNGEST <= one.portrait.age <= OLDEST for one in pair)]
    return sorted(allowed, key=_years, reverse=True)[:PAIRS]


def _years(pair: tuple[Subject, Subject]) -> float:
    return pair[1].portrait.age - pair[0].portrait.age


def measure_same_person(
    ager: Ager, pairs: Sequence[tuple[Subject, Subject]], judges: Judges, progress: Progress, workers: int
) -> list[SamePerson]:
    """Age each portrait of a pair to the age of the other, and compare with the real change."""
    looks = {one.key: _look(one, judges) for pair in pairs for one in pair}
    directions = [direction for young, old in pairs for direction in ((young, old), (old, young))]
    work = [(start, [end.portrait.age]) for start, end in directions]
    found = []
    with progress.stage("same person", len(work), "face") as advance, aged_faces(ager, work, workers) as done:
        for count, ((start, end), (_, (aged,))) in enumerate(zip(directions, done, strict=True), 1):
            found.append(_compare(aged, looks[start.key], looks[end.key], looks, judges))
            advance(count)
    return found


def _look(subject: Subject, judges: Judges) -> _JudgedPortrait:
    crop = cut_subject(subject, _FFHQ, 512)
    points = find_again(judges.finder, crop.rgb, crop.points)
    why_silent = judges.why_silent(subject, subject.portrait.age, skin_tone(crop))
    return _JudgedPortrait(
        subject=subject,
        read=None if why_silent else judges.read(subject, crop.rgb, points),
        look=judges.look(subject, crop.rgb, points),
        rgb=crop.rgb,
        points=points,
    )


def _compare(
    aged: Aged, start: _JudgedPortrait, end: _JudgedPortrait, looks: Mapping[str, _JudgedPortrait], judges: Judges
) -> SamePerson:
    crop, rgb = aged.crop, aged.result()
    points = find_again(judges.finder, crop.rgb, crop.points)
    now = find_again(judges.finder, rgb, points)
    made = judges.look(start.subject, rgb, now) - judges.look(start.subject, crop.rgb, points)
    silent = start.read is None or end.read is None or judges.why_silent(start.subject, crop.ages[1], skin_tone(crop))
    likeness = judges.likeness_to(end.rgb, end.points)
    others = [
        _cosine(made, one.look - start.look)
        for one in looks.values()
        if one.subject.portrait.person != start.subject.portrait.person
        and abs(one.subject.portrait.age - end.subject.portrait.age) <= _SAME_AGE
    ]
    return SamePerson(
        person=start.subject.portrait.person,
        start=start.subject.portrait.age,
        end=end.subject.portrait.age,
        real_moved=None if silent or start.read is None or end.read is None else end.read - start.read,
        made_moved=None
        if silent
        else judges.read(start.subject, rgb, now) - judges.read(start.subject, crop.rgb, points),
        along=_cosine(made, end.look - start.look),
        along_others=float(np.mean(others)) if others else float("nan"),
        real_likeness=likeness(start.rgb, start.points),
        made_likeness=likeness(rgb, now),
    )


def _cosine(one: F64, other: F64) -> float:
    lengths = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(one @ other) / lengths if lengths > 0 else 0.0
