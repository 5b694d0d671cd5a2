"""Timecode of OpenEXR sequences at every rate of film and television, by SMPTE ST 12's own rules."""

from fractions import Fraction

import OpenEXR
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.media.exr_files import ramp, save
from vfxage.media.exr import timecode
from vfxage.media.exr.read import ExrReader
from vfxage.media.timecode import shift_timecode

RATES = [
    (Fraction(24000, 1001), False),
    (Fraction(24), False),
    (Fraction(25), False),
    (Fraction(30000, 1001), True),
    (Fraction(30000, 1001), False),
    (Fraction(30), False),
    (Fraction(48), False),
    (Fraction(50), False),
    (Fraction(60000, 1001), True),
    (Fraction(60), False),
]


@pytest.mark.parametrize(("rate", "drop"), RATES)
@given(count=st.integers(0, 23 * 3600 * 24))
def test_the_attribute_gives_the_frame_back(rate, drop, count):
    zero = "00:00:00;00" if drop else "00:00:00:00"
    code = timecode.counted(zero, rate, count)
    assert code.frame <= 29  # all that the attribute holds
    text = timecode.to_text(code, rate)
    assert shift_timecode(text, -count, rate) == zero
    hours, minutes, seconds, ticks = int(text[:2]), int(text[3:5]), int(text[6:8]), int(text[9:])
    total = 60 * hours + minutes
    dropped = (total - total // 10) * (round(rate) // 15) if drop else 0
    assert (60 * total + seconds) * round(rate) + ticks - dropped == count


@pytest.mark.parametrize(
    ("rate", "pair", "second", "text"),
    [
        (Fraction(24), 12, False, "01:00:00:12"),
        (Fraction(30), 29, True, "01:00:00:29"),  # a field of interlaced video, not a frame
        (Fraction(48), 12, False, "01:00:00:24"),
        (Fraction(48), 23, True, "01:00:00:47"),
        (Fraction(50), 24, True, "01:00:00:49"),
        (Fraction(60), 29, False, "01:00:00:58"),
        (None, 12, False, "01:00:00:12"),
    ],
)
def test_pairs_are_frames_above_thirty_a_second(tmp_path, rate, pair, second, text):
    code = OpenEXR.TimeCode(1, 0, 0, pair, False, False, second, *[False] * 3, *[0] * 8)
    settings = {} if rate is None else {"framesPerSecond": rate}
    path = save(tmp_path / "p.1.exr", {"RGB": ramp()}, timeCode=code, **settings)
    assert ExrReader(path, colorspace="ACEScg").info.timecode == text


@pytest.mark.parametrize(
    ("rate", "expected"),
    [
        (Fraction(30), "00:01:00:00"),
        (Fraction(30000, 1001), "00:01:00;02"),
        (Fraction(2997, 100), "00:01:00;02"),
        (Fraction(60), "00:00:30:00"),
        (Fraction(25), "00:01:12:00"),
    ],
)
def test_numbers_are_dropped_only_at_the_rates_that_lag_the_clock(rate, expected):
    assert shift_timecode("00:00:00;00", 1800, rate) == expected
