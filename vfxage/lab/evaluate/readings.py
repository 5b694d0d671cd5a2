"""The table of AgeTransGAN's paper (Hsu et al., ECCV 2022) from readings of any estimator or service, as CSV.

One file has the age that was read in each picture, the other the confidence that the picture and its portrait show one
person. Both name the age group to which each picture was aged. Nothing is sent anywhere.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from vfxage.errors import ReadError, ShotError
from vfxage.lab.tables import read_table
from vfxage.shot import plain_number

_LOWEST = (0, 3, 7, 10, 15, 20, 30, 40, 50, 70)
"""Youngest age of each group, years."""
GROUPS = (*(f"{low}-{high - 1}" for low, high in pairwise(_LOWEST)), f"{_LOWEST[-1]}+")
"""Names of AgeTransGAN's ten groups: 0-2, 3-6, ..., 50-69, 70+."""
SOURCE = "20-29"
"""The group of the portraits. The paper ages from it to the nine others, so it has no threshold of its own."""
RECTIFIED = (61.8, 68.9, 72.7, 74.2, 76.6, 76.3, 71.7, 65.2, 65.2)
"""The paper's thresholds of Face++ confidence, in percent, for the nine other groups, youngest first. They are
rectified: the farther a group is from the portraits' age, the less alike are two photographs of one person."""
OLDEST = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupReadings:
    """One row of the table."""

    group: str
    pictures: int
    """Pictures whose age was read."""
    age: float | None
    """Mean age read, years; None without pictures."""
    spread: float | None
    """Standard deviation of the ages read; None without pictures."""
    pairs: int
    """Pairs that were compared."""
    confidence: float | None
    """Mean confidence, percent; None without pairs."""
    threshold: float | None
    """None for the group of the portraits."""
    verified: float | None
    """Share of pairs whose confidence is the threshold or more; None without pairs or threshold."""

    def cells(self) -> dict[str, Any]:
        """The row as text for a table."""
        age = None if self.age is None else f"{self.age:.1f}"
        spread = None if self.spread is None else f"{self.spread:.1f}"
        confidence = None if self.confidence is None else f"{self.confidence:.1f}"
        verified = None if self.verified is None else f"{self.verified:.1%}"
        return {"group": self.group, "pictures": self.pictures, "age read": age, "deviation": spread,
                "pairs": self.pairs, "confidence": confidence, "threshold": self.threshold,
                "verified": verified}  # fmt: skip


def thresholds_of(text: str) -> tuple[float, ...]:
    """Read nine thresholds, or one for all groups, separated by commas. Raises ShotError for anything else."""
    fix = f"give one number, or {len(RECTIFIED)} for the groups {', '.join(_others())}"
    read = [plain_number(part.strip()) for part in text.split(",")]
    numbers = tuple(number for number in read if number is not None)
    if len(numbers) < len(read):
        raise ShotError(f"--thresholds {text} has a part that is not a number", fix=fix)
    if len(numbers) not in (1, len(RECTIFIED)) or not all(0 <= number <= 100 for number in numbers):
        raise ShotError(f"--thresholds {text} is not one number or nine of 0 to 100", fix=fix)
    return numbers * len(RECTIFIED) if len(numbers) == 1 else numbers


def group_table(readings: Path, verification: Path, thresholds: Sequence[float] = RECTIFIED) -> list[GroupReadings]:
    """Make the table: one row for each group that either file names, youngest first.

    ``readings`` has the columns ``group`` and ``age`` (years), ``verification`` has ``group`` and ``confidence``
    (percent). Other columns are ignored. A group is a name as in ``GROUPS``, or the age in years that was asked for.
    Raises ReadError with file and line.
    """
    ages = _by_group(readings, "age", OLDEST)
    confidences = _by_group(verification, "confidence", 100.0)
    limits = dict(zip(_others(), thresholds, strict=True))
    named = [group for group in GROUPS if group in ages or group in confidences]
    return [_row(group, ages.get(group, []), confidences.get(group, []), limits.get(group)) for group in named]


def _others() -> list[str]:
    return [group for group in GROUPS if group != SOURCE]


def _row(group: str, ages: Sequence[float], confidences: Sequence[float], threshold: float | None) -> GroupReadings:
    passed = None if threshold is None else [confidence >= threshold for confidence in confidences]
    return GroupReadings(
        group=group,
        pictures=len(ages),
        age=float(np.mean(ages)) if ages else None,
        spread=float(np.std(ages)) if ages else None,
        pairs=len(confidences),
        confidence=float(np.mean(confidences)) if confidences else None,
        threshold=threshold,
        verified=float(np.mean(passed)) if passed else None,
    )


def _by_group(path: Path, column: str, largest: float) -> dict[str, list[float]]:
    """The numbers of a column by group. Raises ReadError."""
    found: dict[str, list[float]] = {}
    for line, row in read_table(path, ("group", column)):
        group = _group_of(row["group"].strip(), path, line)
        found.setdefault(group, []).append(_number(row[column].strip(), column, largest, (path, line)))
    return found


def _group_of(text: str, path: Path, line: int) -> str:
    """The group with this name, or with this age in years."""
    name = text.replace("\N{EN DASH}", "-").replace(" ", "")
    if name in GROUPS:
        return name
    age = plain_number(name)
    if age is not None and 0 <= age <= OLDEST:
        return GROUPS[bisect_right(_LOWEST, age) - 1]
    fix = f"write one of {', '.join(GROUPS)}, or the age asked for in years"
    raise ReadError(f"{text[:30]!r} is not an age group", path=path, line=line, fix=fix)


def _number(text: str, column: str, largest: float, where: tuple[Path, int]) -> float:
    path, line = where
    fix = f"write a number from 0 to {largest:g}, or remove the line"
    number = plain_number(text)
    if number is None:
        what = f"{column} is not a number ({text[:30]!r})" if text else f"{column} is empty"
        raise ReadError(what, path=path, line=line, fix=fix)
    if not 0 <= number <= largest:
        raise ReadError(f"{column} is {text[:30]}, not within 0 to {largest:g}", path=path, line=line, fix=fix)
    return number
