"""Timecode, counted label by label as SMPTE ST 12 lists them."""

from __future__ import annotations

from fractions import Fraction
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.editorial.cuts import labels
from vfxage.media.timecode import count_timecode, day_frames, drops_frames, shift_timecode

RATES = [
    (Fraction(24000, 1001), 24, 0),
    (Fraction(24), 24, 0),
    (Fraction(25), 25, 0),
    (Fraction(30), 30, 0),
    (Fraction(30000, 1001), 30, 0),
    (Fraction(30000, 1001), 30, 2),
    (Fraction(60000, 1001), 60, 4),
]


@cache
def ten_minutes(nominal: int, drop: int) -> list[str]:
    """The labels of the day's first 21 minutes: past a tenth one and past two others."""
    return [code for code, _ in zip(labels(nominal, drop), range(21 * 60 * nominal), strict=False)]


@settings(deadline=None)  # the first example lists the labels
@given(st.sampled_from(RATES), st.integers(0, 21 * 60 * 24 - 1), st.integers(-30000, 30000))
def test_counting_and_shifting_follow_the_labels(kind, place, by):
    rate, nominal, drop = kind
    codes = ten_minutes(nominal, drop)
    assert count_timecode(codes[place], rate) == place
    assert drops_frames(codes[place], rate) == (drop > 0)
    if 0 <= place + by < len(codes):
        assert shift_timecode(codes[place], by, rate) == codes[place + by]


@pytest.mark.parametrize(("rate", "nominal", "drop"), RATES)
def test_a_day_is_as_long_as_its_minutes(rate, nominal, drop):
    """SMPTE ST 12: of 1440 minutes, 144 are whole."""
    length = 1440 * 60 * nominal - 1296 * drop
    assert day_frames(rate, drop=drop > 0) == length
    mark = ";" if drop else ":"
    assert shift_timecode(f"00:00:00{mark}00", length, rate) == f"00:00:00{mark}00"
    assert shift_timecode(f"00:00:00{mark}00", -1, rate) == f"23:59:59{mark}{nominal - 1:02d}"


@pytest.mark.parametrize("text", ["", "1:00:00:00", "01:00:00", "aa:bb:cc:dd", "01:00:00:00 ", "01-00-00-00"])
def test_text_that_is_no_timecode_gives_none(text):
    assert count_timecode(text, Fraction(24)) is None
    assert shift_timecode(text, 1, Fraction(24)) is None
