"""The people that an age reader has learned from. It gives no age for people unlike all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

FEWEST = 5
"""People of about the same age and skin from whom a reader must have learned before it reads such a face."""
NEAR_YEARS, NEAR_TONE = 10.0, 20.0
"""Years, and degrees of typology angle, within which people count as alike."""
LARGEST_YAW = 30.0
"""Degrees. Portraits look at the camera: the reader has seen no face that is turned farther."""


@dataclass(frozen=True, slots=True)
class Person:
    """One portrait that a reader has learned from."""

    person: str
    age: float
    tone: float
    """Typology angle of the skin, degrees."""


class Knowledge:
    """The people of the reader's portraits."""

    def __init__(self, people: Sequence[Person]) -> None:
        """Keep the people; their order does not matter."""
        self._names = np.array([one.person for one in people])
        self._ages = np.array([one.age for one in people], np.float64)
        self._tones = np.array([one.tone for one in people], np.float64)

    def why_silent(self, age: float, tone: float, without: str = "") -> str:
        """Why the reader gives no age near ``age`` years for a face with this skin: a clause; empty if it gives one.

        ``without`` is a person whose own portraits do not count.
        """
        others = self._names != without
        aged = others & (np.abs(self._ages - age) <= NEAR_YEARS)
        alike = others & (np.abs(self._tones - tone) <= NEAR_TONE)
        if self._count(aged) < FEWEST:
            return "it has seen too few people of that age"
        if self._count(alike) < FEWEST:
            return "it has seen too few people with such skin"
        if self._count(aged & alike) < FEWEST:
            return "it has seen too few people of that age with such skin"
        return ""

    def _count(self, chosen: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> int:
        return len(np.unique(self._names[chosen]))
