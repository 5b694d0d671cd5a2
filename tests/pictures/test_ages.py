"""Ages as people type them."""

from __future__ import annotations

import pytest

from vfxage.errors import ShotError
from vfxage.pictures import parse_age, parse_ages


@pytest.mark.parametrize(
    ("text", "ages"),
    [
        ("70", [70]),
        ("20,40, 60", [20, 40, 60]),
        ("10-30x10", [10, 20, 30]),
        ("10-30:10 5", [10, 20, 30, 5]),
        ("10-25x10", [10, 20, 25]),
        ("10-13", [10, 11, 12, 13]),
        ("10,20,...,50", [10, 20, 30, 40, 50]),
        ("35.5,35.5,35", [35.5, 35]),
    ],
)
def test_a_list_of_ages(text, ages):
    assert list(parse_ages(text, "--target-age")) == ages


@pytest.mark.parametrize("text", ["+25", "1_0", "nan", "30,40", "-1", "121", "４0", ""])
def test_one_age_is_a_plain_number(text):
    with pytest.raises(ShotError, match="--source-age"):
        parse_age(text, "--source-age")
    assert parse_age("35.5", "--source-age") == 35.5


def test_a_range_takes_the_step_of_its_option():
    assert parse_ages("10-20", "--ages", step=5) == (10, 15, 20)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "not an age"),
        ("old", "'old'"),
        ("-5", "'-5'"),
        ("+25", "'+25' is not an age in years; write the ages themselves"),
        ("10-+25", "'10-+25'"),
        ("20;30", "'20;30'"),
        ("130", "0 to 120"),
        ("40-20", "20-40"),
        ("10-90x0", "step of 0"),
        ("1-100x0.01", "1000"),
        ("...,90", "two ages"),
        ("10,20,...", "one after"),
        ("20,10,...,5", "upwards"),
    ],
)
def test_a_bad_list_is_one_line_that_names_the_option(text, word):
    with pytest.raises(ShotError) as caught:
        parse_ages(text, "--target-age")
    assert "--target-age" in str(caught.value)
    assert word in str(caught.value)
    assert caught.value.fix
