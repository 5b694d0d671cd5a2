"""Years moved by group of people: whether each group moves by half of the years asked, by each reader."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from vfxage.errors import count_of
from vfxage.lab.evaluate.age_reader import PortraitFeatures
from vfxage.lab.evaluate.learn import TrainedReader
from vfxage.lab.evaluate.rows import STEPS, Row
from vfxage.lab.evaluate.skin_tone import DARK

FLOOR = 0.5
"""Share of the years asked that a group must move by."""
FEWEST = 5
"""Faces that a mean needs."""
LEAST_SLOPE = 0.4
"""Least years that the reader must read for each true year. Division by a smaller slope would turn its noise into
years."""
YOUNG, OLD = 35.0, 50.0
"""Years. People younger than the first are one group, people older than the second another."""
OWN, OTHER = "age reader", "age estimator"
"""Names of the two readers."""

_ROWS: dict[str, Callable[[Row], bool]] = {
    "everybody": lambda row: True,
    "women": lambda row: row.sex == "F",
    "men": lambda row: row.sex == "M",
    "dark skin": lambda row: row.tone < DARK,
    f"under {YOUNG:.0f}": lambda row: row.age < YOUNG,
    f"over {OLD:.0f}": lambda row: row.age > OLD,
}
_SEXES = {"women": "F", "men": "M"}


@dataclass(frozen=True, slots=True, kw_only=True)
class YearsMoved:
    """Mean change of one reader's readings for one group and one number of years asked."""

    group: str
    reader: str
    asked: int
    """Years, signed."""
    faces: int
    """Faces that are read."""
    moved: float | None
    """Mean years; those of the age reader are divided by its slope. None if it gives no age."""
    why: str
    """Why there is no number: a clause; empty if there is one."""

    @property
    def half(self) -> float:
        """The floor: half of the years asked."""
        return self.asked * FLOOR

    @property
    def enough(self) -> bool | None:
        """Whether the group moves by half of the years asked, or more; None without a number."""
        return None if self.moved is None else self.moved / self.asked >= FLOOR


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupError:
    """The error of the age reader on real portraits of a group."""

    group: str
    portraits: int
    error: float | None
    """Mean absolute, years; None if the reader has seen too few of the group to say."""


def group_errors(learned: TrainedReader) -> list[GroupError]:
    """How well the age reader reads real portraits of each group."""
    found = []
    for group in _ROWS:
        marks = [_in_group(group, one) for one in learned.portraits]
        count = len({one.person for one, mark in zip(learned.portraits, marks, strict=True) if mark})
        error = learned.error(marks) if count >= FEWEST else None
        found.append(GroupError(group=group, portraits=sum(marks), error=error))
    return found


def _in_group(group: str, one: PortraitFeatures) -> bool:
    if group in _SEXES:
        return one.sex == _SEXES[group]
    tests = {
        "everybody": True,
        "dark skin": one.tone < DARK,
        f"under {YOUNG:.0f}": one.age < YOUNG,
        f"over {OLD:.0f}": one.age > OLD,
    }
    return tests[group]


def years_by_group(rows: Sequence[Row], slope: float, errors: Sequence[GroupError]) -> list[YearsMoved]:
    """The table of one model: each group, by each reader, at each number of years. ``slope`` is the age reader's."""
    known = {one.group for one in errors if one.error is not None}
    readers = [OWN, OTHER] if any(row.estimated is not None for row in rows) else [OWN]
    table = []
    for reader in readers:
        for group, inside in _ROWS.items():
            for asked in sorted(STEPS, key=lambda step: (step < 0, abs(step))):
                chosen = [row for row in rows if inside(row) and row.asked == asked]
                moved = _moved(chosen, reader, slope)
                why = "" if len(moved) >= FEWEST else _why(chosen, reader, len(moved))
                if reader == OWN and not slope >= LEAST_SLOPE:
                    why = f"the age reader has learned too little: a true year reads as {slope:.2f}"
                elif reader == OWN and group not in known:
                    why = "the age reader has learned from too few portraits of the group"
                table.append(
                    YearsMoved(
                        group=group,
                        reader=reader,
                        asked=asked,
                        faces=len(moved),
                        moved=None if why else float(np.mean(moved)),
                        why=why,
                    )
                )
    return table


def _moved(rows: Sequence[Row], reader: str, slope: float) -> list[float]:
    if reader == OTHER:
        pairs = [(row.estimated, row.estimated_aged) for row in rows]
        return [aged - own for own, aged in pairs if own is not None and aged is not None]
    return [row.moved / slope for row in rows if row.moved is not None] if slope > 0 else []


def _why(rows: Sequence[Row], reader: str, read: int) -> str:
    """The reason that most faces have, or that there are too few of them."""
    reasons = Counter(row.why_silent for row in rows if row.why_silent and reader == OWN)
    if not rows:
        return "no face of the group was asked for these years"
    if not reasons:
        return f"only {count_of(read, 'face was', 'faces were')} asked for these years"
    why_silent, _ = reasons.most_common(1)[0]
    return f"{read} of {count_of(len(rows), 'face')} can be read: mostly, {why_silent}"


def years_table(table: Sequence[YearsMoved], errors: Sequence[GroupError], reader: str) -> list[dict[str, str]]:
    """The table as text, a row for each group: years moved, with "below half" where they are; a dash if silent."""
    shown = []
    for group in _ROWS:
        mine = [one for one in table if one.group == group and one.reader == reader]
        cells = {f"{one.asked:+d} (half {one.half:+.1f})": _cell(one) for one in mine}
        error = next((one.error for one in errors if one.group == group), None)
        extra = {"reader's error": "-" if error is None else f"{error:.1f}"} if reader == OWN else {}
        shown.append({"group": group, **cells, **extra})
    return shown


def _cell(one: YearsMoved) -> str:
    if one.moved is None:
        return "-"
    return f"{one.moved:+.1f}" if one.enough else f"{one.moved:+.1f} below half"


def silences(table: Sequence[YearsMoved]) -> list[str]:
    """A line for each dash: the group, the years and the reason; one line for a group that has only dashes."""
    lines: dict[tuple[str, str, str], list[str]] = {}
    for one in table:
        if one.moved is None:
            lines.setdefault((one.reader, one.group, one.why), []).append(f"{one.asked:+d}")
    return [f"{group}, {' '.join(steps)}: {why}" for (_, group, why), steps in lines.items()]
