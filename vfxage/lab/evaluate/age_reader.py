"""An age reader: estimates the age of a face with regressors that learned only from other people's portraits.

Ridge regression on the features, with one intercept for each photo set, so that differences between sets (light, smile,
sharpness) are not read as age. The people are divided into folds. Each fold has a regressor that learned from all other
people. It reads the portraits of the people of its fold, and their aged copies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from vfxage.arrays import ArrayData, shaped
from vfxage.errors import ShotError, count_of
from vfxage.lab.evaluate.features import Numbers
from vfxage.lab.evaluate.knowledge import Knowledge, Person
from vfxage.types import F64

Names = NDArray[np.str_]

FOLDS = 10
LEAST = 10
"""People that a reader needs."""
_RIDGE = 0.03
"""The ridge penalty for features of mean variance 1. Values from 0.003 to 0.3 give nearly the same results."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class PortraitFeatures(ArrayData):
    """The features of one real portrait, with its labels."""

    person: str
    photos: str
    """The photo set it belongs to: its folder."""
    age: float
    tone: float
    """Typology angle of the skin, degrees."""
    sex: str = ""
    """Label of the set, F or M; empty if it has none."""
    numbers: Numbers = field(metadata=shaped(None, dtype=(np.float32, np.float64)))
    copies: tuple[Numbers, ...] = field(default=(), metadata=shaped(None, dtype=(np.float32, np.float64)))
    """The same portrait with a little blur, grain or another mesh. The reader also learns from these, so that such
    changes do not move its readings."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Regressor:
    """One fold's regressor: ``age = mean age of the set + weights . (numbers - the set's mean numbers)``."""

    weights: F64
    mean_features: dict[str, F64]
    ages: dict[str, float]
    overall: tuple[F64, float]
    """Mean features and mean age for a set with too few people in the fold."""
    scale: F64
    """Gives every feature the same variance, and every block the same share."""

    def read(self, numbers: F64, photos: str) -> float:
        middle, age = self.mean_features.get(photos, self.overall[0]), self.ages.get(photos, self.overall[1])
        return float(age + (numbers - middle) @ self.weights)


class AgeReader:
    """Regressors, each fitted without some of the people."""

    def __init__(self, faces: Sequence[PortraitFeatures]) -> None:
        """Fit; raises ShotError for too few people, or people who are all of one age."""
        people = sorted({face.person for face in faces})
        if len(people) < LEAST:
            shown = count_of(len(people), "person", "people")
            what = f"the portraits show {shown}, too few for an age reader"
            raise ShotError(what, fix=f"add --portraits folders, until there are {LEAST}")
        ages = np.array([face.age for face in faces])
        if np.ptp(ages) < 1:
            raise ShotError("the portraits are all of one age", fix="add --portraits folders of other ages")
        self._blocks = sorted(faces[0].numbers)
        lengths = [len(faces[0].numbers[block]) for block in self._blocks]
        table = np.array([self._row(numbers) for face in faces for numbers in (face.numbers, *face.copies)])
        copied = np.repeat(np.arange(len(faces)), [1 + len(face.copies) for face in faces])
        self.knowledge = Knowledge([Person(face.person, face.age, face.tone) for face in faces])
        self._fold = {person: index % FOLDS for index, person in enumerate(_shuffled(faces))}
        fold = np.array([self._fold[face.person] for face in faces])
        photos = np.array([face.photos for face in faces])
        self._regressors = {}
        for k in sorted(set(fold.tolist())):
            rows = copied[fold[copied] != k]
            self._regressors[k] = _fit(table[fold[copied] != k], ages[rows], photos[rows], lengths)
        self._everybody = _fit(table, ages[copied], photos[copied], lengths)

    def _row(self, numbers: Numbers) -> F64:
        row: F64 = np.concatenate([numbers[block].astype(np.float64) for block in self._blocks])
        return row

    def read(self, person: str, photos: str, numbers: Numbers) -> float:
        """Age in years, from the regressor that did not learn from this person. KeyError for an unknown person."""
        return self._regressors[self._fold[person]].read(self._row(numbers), photos)

    def read_stranger(self, numbers: Numbers) -> float:
        """Age in years of somebody who is in none of the portraits, on a picture of no photo set."""
        return self._everybody.read(self._row(numbers), "")

    def look(self, photos: str, numbers: Numbers) -> F64:
        """The features minus the set's mean, scaled alike, so that faces of different photo sets can be compared."""
        everybody = self._everybody
        middle = everybody.mean_features.get(photos, everybody.overall[0])
        return np.asarray((self._row(numbers) - middle) * everybody.scale, np.float64)


def _shuffled(faces: Sequence[PortraitFeatures]) -> list[str]:
    """The people, ordered by set and age, so that every fold gets people of all ages and sets.

    One name is one person in all sets: a person in two sets must not be learned from one and read in the other.
    """
    first: dict[str, tuple[str, float]] = {}
    for face in faces:
        first[face.person] = min((face.photos, face.age), first.get(face.person, (face.photos, face.age)))
    return sorted(first, key=lambda person: (*first[person], person))


def _fit(table: F64, ages: F64, photos: Names, lengths: Sequence[int]) -> _Regressor:
    sets = [str(name) for name in np.unique(photos) if (photos == name).sum() >= LEAST // 2]
    overall = table.mean(axis=0), float(ages.mean())
    mean_features = {name: table[photos == name].mean(axis=0) for name in sets}
    means = {name: float(ages[photos == name].mean()) for name in sets}
    centred = table - np.array([mean_features.get(str(name), overall[0]) for name in photos])
    scale = _scale(centred, lengths)
    numbers = centred * scale
    left = ages - np.array([means.get(str(name), overall[1]) for name in photos])
    return _Regressor(
        weights=scale * ridge(numbers, left, _RIDGE),
        mean_features=mean_features,
        ages=means,
        overall=overall,
        scale=scale,
    )


def ridge(numbers: F64, wanted: F64, penalty: float) -> F64:
    """Ridge weights (K,) for rows (N, K) and results ``wanted`` (N,), by the smaller of two equal systems."""
    rows, columns = numbers.shape
    if rows <= columns:
        likeness = numbers @ numbers.T
        return np.asarray(numbers.T @ np.linalg.solve(likeness + penalty * np.eye(rows), wanted), np.float64)
    return np.linalg.solve(numbers.T @ numbers + penalty * np.eye(columns), numbers.T @ wanted)


def _scale(centred: F64, lengths: Sequence[int]) -> F64:
    """Scales that give every feature unit variance, every block the same share, and the whole a variance of 1."""
    spread: F64 = centred.std(axis=0)
    scale: F64 = np.zeros(len(spread))
    start = 0
    for length in lengths:
        part = slice(start, start + length)
        floor = 1e-3 * float(spread[part].max(initial=0.0)) + 1e-9
        scale[part] = 1 / ((spread[part] + floor) * np.sqrt(length * len(lengths)))
        start += length
    return scale


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """Accuracy of the reader on the true ages of held-out people."""

    name: str
    """All, a photo set or a decade."""
    count: int
    error: float
    """Mean absolute, years."""
    bias: float
    """Mean of read minus true, years."""
    guess: float
    """Mean absolute error of a guess that knows only the mean age of the photo set."""
    correlation: float
    """Correlation of read and true age, within photo sets if there are several; NaN if all ages are equal."""
    slope: float
    """Years read for each true year; below 1, because a regression reads ages that are nearer to the mean."""


def qualities(faces: Sequence[PortraitFeatures], read: Sequence[float]) -> list[Quality]:
    """Judge the readings of the unaged portraits: of all, of each photo set, of each decade."""
    ages, estimates = np.array([face.age for face in faces]), np.asarray(read, np.float64)
    photos = np.array([face.photos for face in faces])
    mean = _others_means(faces)
    rows = [_quality("all", ages, estimates, mean, photos)]
    for name in sorted(set(photos)) if len(set(photos)) > 1 else []:
        kept = photos == name
        rows.append(_quality(str(name), ages[kept], estimates[kept], mean[kept], photos[kept]))
    for decade in sorted({int(age // 10) for age in ages}):
        kept = ages // 10 == decade
        row = _quality(f"{decade}0-{decade}9", ages[kept], estimates[kept], mean[kept], photos[kept])
        rows.append(replace(row, correlation=float("nan"), slope=float("nan")))  # ten years are too few to tell
    return rows


def _others_means(faces: Sequence[PortraitFeatures]) -> F64:
    """The mean age of the other people of each face's set; of all faces where it has no others."""
    sets: dict[str, list[float]] = {}
    people: dict[tuple[str, str], list[float]] = {}
    for face in faces:
        sets.setdefault(face.photos, []).append(face.age)
        people.setdefault((face.photos, face.person), []).append(face.age)
    means: dict[tuple[str, str], float] = {}
    for key, own in people.items():
        every = sets[key[0]]
        others = len(every) - len(own)
        means[key] = (sum(every) - sum(own)) / others if others else float(np.mean([face.age for face in faces]))
    return np.array([means[face.photos, face.person] for face in faces])


def _quality(name: str, ages: F64, estimates: F64, mean: F64, photos: Names) -> Quality:
    true, read = ages.copy(), estimates.copy()
    for one in set(photos):
        kept = photos == one
        true[kept] -= true[kept].mean()
        read[kept] -= read[kept].mean()
    power, cross, other = float(true @ true), float(true @ read), float(read @ read)
    return Quality(
        name=name,
        count=len(ages),
        error=float(np.abs(estimates - ages).mean()),
        bias=float((estimates - ages).mean()),
        guess=float(np.abs(mean - ages).mean()),
        correlation=cross / np.sqrt(power * other) if power > 0 and other > 0 else float("nan"),
        slope=cross / power if power > 0 else float("nan"),
    )
