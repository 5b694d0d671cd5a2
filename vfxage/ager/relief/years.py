"""How far a face has aged at an age: the wear of its skin, and the share of its hair that is grey."""

from __future__ import annotations

import math

_EARLY = 0.5
"""Years of wear that each young year adds; each later year adds 1."""
_SETTLED, _SETTLING = 38.0, 8.0
"""Age at which wear becomes steady, and how softly, years."""
_LATE = 0.5
"""Further years of wear that each late year adds: past 70, skin, fat and bone are lost faster. Chosen by eye."""
_LATE_AGE, _LATE_SOFT = 68.0, 5.0
"""Age at which that begins, and how softly, years."""
_UNIT = 35.0
"""Years of wear in one unit."""
_HALF_GREY, _GREYING = 58.0, 7.0
"""Age at which half of the hair is grey, and how softly it greys, years."""


def wear(age: float) -> float:
    """The wear of skin at an age: it grows slowly before the late thirties, then steadily, and quickly past 70.

    From 35 to 70 it grows by about 1.
    """
    return (
        _EARLY * age + (1 - _EARLY) * _past(age, _SETTLED, _SETTLING) + _LATE * _past(age, _LATE_AGE, _LATE_SOFT)
    ) / _UNIT


def greyness(age: float) -> float:
    """Share of hair that has greyed at an age, 0..1."""
    return 1 / (1 + math.exp(-(age - _HALF_GREY) / _GREYING))


def _past(age: float, start: float, soft: float) -> float:
    """Years past ``start``, softly from 0."""
    return soft * math.log1p(math.exp((age - start) / soft))
