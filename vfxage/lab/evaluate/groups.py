"""AgeTransGAN's form of table (Hsu et al. 2022): age groups by row, the mean age read and the rate of verification."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vfxage.ager import Ager
from vfxage.lab.evaluate.faces import Subject, aged_faces, cut_subject, find_again
from vfxage.lab.evaluate.rows import Judges
from vfxage.lab.evaluate.vectors import AgeEstimator
from vfxage.progress import Progress

GROUPS = ((20, 29), (30, 39), (40, 49), (50, 59), (60, 69))
"""First and last year of each."""
PEOPLE = 40
"""People aged into every group."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The result of ageing everybody to one age group."""

    name: str
    asked: float
    """Years: the group's middle."""
    count: int
    mean_age: float
    """Mean age the estimator gives the results, years."""
    spread: float
    """Their standard deviation."""
    real: float | None
    """Mean age it gives real portraits of the group; None if there are none."""
    verified: float
    """Share of results whose likeness to the portrait reaches the threshold."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GroupSettings:
    """How groups are judged."""

    estimator: AgeEstimator
    threshold: float
    """A result shows the same person if the cosine is at least this."""
    workers: int


def measure_groups(
    ager: Ager, subjects: Sequence[Subject], judges: Judges, asked: GroupSettings, progress: Progress
) -> list[Group]:
    """Age every subject to the middle of every group."""
    middles = [(low + high + 1) / 2 for low, high in GROUPS]
    mean_age: dict[int, list[float]] = {k: [] for k in range(len(GROUPS))}
    alike: dict[int, list[float]] = {k: [] for k in range(len(GROUPS))}
    real: dict[int, list[float]] = {k: [] for k in range(len(GROUPS))}
    work = [(subject, middles) for subject in subjects]
    with progress.stage("groups", len(work), "face") as advance, aged_faces(ager, work, asked.workers) as done:
        for count, (subject, answers) in enumerate(done, 1):
            crop = cut_subject(subject, ager.framing, answers[0].crop.rgb.shape[0])
            points = find_again(judges.finder, crop.rgb, crop.points)
            likeness = judges.likeness_to(crop.rgb, points)
            for k, (low, high) in enumerate(GROUPS):
                if low <= subject.portrait.age < high + 1:
                    real[k].append(asked.estimator(crop.rgb, points))
                rgb = answers[k].result()
                now = find_again(judges.finder, rgb, points)
                mean_age[k].append(asked.estimator(rgb, now))
                alike[k].append(likeness(rgb, now) or 0.0)
            advance(count)
    return [
        Group(
            name=f"{low}-{high}",
            asked=middles[k],
            count=len(mean_age[k]),
            mean_age=float(np.mean(mean_age[k])),
            spread=float(np.std(mean_age[k])),
            real=float(np.mean(real[k])) if real[k] else None,
            verified=float(np.mean(np.array(alike[k]) >= asked.threshold)),
        )
        for k, (low, high) in enumerate(GROUPS)
    ]
