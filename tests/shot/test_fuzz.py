"""Any content of a shot file gives a shot, or a ShotError of one line."""

from __future__ import annotations

import json

import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.shot.example import EXAMPLE, SHORT, load
from vfxage.errors import ShotError
from vfxage.shot import schema

PIECES = st.sampled_from(
    [
        *EXAMPLE.split(),
        ": ",
        "- ",
        "\n",
        "\n  ",
        "{",
        "}",
        "[",
        "]",
        "&a ",
        "*a ",
        "!!str ",
        "'",
        '"',
        "|",
        "1",
        "~",
        "<<",
        "é",
        "?",
    ]
)


@given(st.one_of(st.text(max_size=80), st.lists(PIECES, max_size=40).map(" ".join)))
@example("plate: a.mov\nfaces: {lead: 3}")
@example("plate: a.mov\nfaces: [3, lead, null, [{}]]\noutputs: {a: b}")
@example("0: 1\n-1: 2\nfaces: [{name: [1]}]")
@settings(max_examples=150, deadline=None)
def test_any_text_is_a_shot_or_a_shot_error(text):
    loads_or_says(text)


@given(
    st.integers(0, len(EXAMPLE)),
    st.integers(0, 12),
    st.one_of(PIECES, st.text(max_size=6)),
    st.sampled_from([EXAMPLE, SHORT]),
)
@settings(max_examples=250, deadline=None)
def test_a_damaged_shot_is_a_shot_or_a_shot_error(at, gone, put, text):
    loads_or_says(text[:at] + put + text[at + gone :])


JUNK = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=4)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
KEYS = sorted({*schema()["properties"], *(k for d in schema()["$defs"].values() for k in d["properties"])})


@given(st.sampled_from([*yaml.safe_load(EXAMPLE), "tracking", "rate"]), JUNK, st.sampled_from(KEYS), JUNK)
@settings(max_examples=150, deadline=None)
def test_junk_for_any_key_is_a_shot_or_a_shot_error(key, junk, inner, value):
    shot = yaml.safe_load(EXAMPLE)
    loads_or_says(json.dumps({**shot, key: junk}))
    loads_or_says(json.dumps({**shot, key: {inner: value}}))
    loads_or_says(json.dumps({**shot, key: [{inner: value}, junk]}))


@given(st.lists(st.sampled_from([*KEYS, "lead", "0", "1", "", "-1"]), max_size=4).map(".".join), st.text(max_size=8))
@settings(max_examples=150, deadline=None)
def test_any_set_is_a_shot_or_a_shot_error(path, value):
    loads_or_says(EXAMPLE, f"{path}={value}")


def loads_or_says(text: str, *overrides: str) -> None:
    """Load it, or get one line; anything else is the test's failure."""
    try:
        load(text.encode("utf-8", "replace"), *overrides)
        message = "fine"
    except ShotError as error:
        message = str(error)
    assert message
    assert "\n" not in message
