"""Cuts that are damaged, foreign or hostile: a cut, or one line."""

from __future__ import annotations

import json
import random
from fractions import Fraction
from typing import Any

import opentimelineio as otio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentimelineio.opentime import RationalTime

from tests.editorial.cuts import TEMPLATE, clip, span, timeline
from tests.editorial.test_edl import AVID
from tests.run_vfxage import run
from vfxage.editorial import read_cut
from vfxage.errors import VfxageError
from vfxage.shot.document import compose_text, parse_document


def says(path, text: str | bytes) -> str:
    """Read it, or get one line; anything else is the test's failure."""
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    try:
        cut = read_cut(path, Fraction(24))
        expected = [refusal.why for refusal in cut.refused]
    except VfxageError as error:
        expected = [str(error)]
    assert all(line and "\n" not in line and len(line) < 800 for line in expected)
    return " ".join(expected)


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("a.otio", b"", "damaged"),
        ("a.otio", b"\x00\x01", "not a text file"),
        ("a.otio", b"[]", "holds no timeline"),
        ("a.otio", b'{"OTIO_SCHEMA": "Timeline.99"}', "newer OpenTimelineIO"),
        ("a.otio", b'{"OTIO_SCHEMA": "Sausage.1"}', "holds no timeline"),
        ("a.otio", b'{"OTIO_SCHEMA": "Timeline.1"}', "damaged"),
        ("a.otio", b'{"a":' * 50_000 + b"1" + b"}" * 50_000, "nested deeper"),
        ("a.otio", b"[" * 20_000_000, "nested deeper"),
        ("a.otio", b" " * (33 << 20), "larger than 32 MiB"),
        ("a.edl", b"\xff\xfe\xfa 1 2 3", "no events"),
        ("a.edl", b"001 " + b"A " * 500_000, "line 1 is not an event"),
        ("a.edl", b"9" * 1_000_000, "line 1 is not an event"),
    ],
)
def test_a_file_that_is_no_cut_gives_one_line(tmp_path, name, data, expected):
    assert expected in says(tmp_path / name, data)


def test_a_timeline_without_clips_says_so(tmp_path):
    assert "has no clip in a video track" in says(tmp_path / "a.otio", timeline().to_json_string())


@pytest.mark.parametrize("name", ["cut.xml", "cut.aaf", "cut"])
def test_a_cut_of_another_kind_names_the_two_that_are_read(tmp_path, name):
    (tmp_path / name).touch()
    (tmp_path / "t.yaml").write_text(TEMPLATE)
    run("shots", "from", tmp_path / name, "-t", tmp_path / "t.yaml", "-o", tmp_path).fails(2, name, "(.otio)", "(.edl)")


def test_a_cut_that_is_missing_or_a_folder(tmp_path):
    (tmp_path / "t.yaml").write_text(TEMPLATE)
    (tmp_path / "d.otio").mkdir()
    for name, words in (("gone.otio", "No such file"), ("d.otio", "is not a file")):
        run("shots", "from", tmp_path / name, "-t", tmp_path / "t.yaml", "-o", tmp_path).fails(3, name, words)


def test_a_timeline_that_holds_itself(tmp_path):
    made = json.loads(timeline(clip("a", 0, 5)).to_json_string())
    made["tracks"]["OTIO_REF_ID"] = "self"
    reference = {"OTIO_SCHEMA": "SerializableObjectRef.1", "id": "self"}
    made["tracks"]["children"].append(reference)
    made["tracks"]["metadata"] = {"again": reference}
    says(tmp_path / "a.otio", json.dumps(made))


def _timeline() -> dict[str, object]:
    sequence = otio.schema.ImageSequenceReference("file:///x", "p.", ".exr", 1, 1, 24, 4, available_range=span(0, 99))
    warped = clip("warped", 10, 20, media=sequence)
    warped.effects.append(otio.schema.LinearTimeWarp("w", 2.0))
    dissolve = otio.schema.Transition("d", "SMPTE_Dissolve", RationalTime(4, 24), RationalTime(4, 24))
    movie = otio.schema.ExternalReference("file:///a.mov", span(86400, 200))
    made = timeline(clip("a", 86410, 20, media=movie), dissolve, clip("b", 86410, 20, media=movie), warped)
    result: dict[str, object] = json.loads(made.to_json_string())
    return result


SCHEMAS = ["Clip.1", "Track.1", "Stack.1", "Timeline.1", "MediaReference.1", "TimeRange.1", "Composable.1", "New.7", 5]
TIMES = [(0, 5), (-24, 5), (24, 1e18), (1e-9, 1), (24, -5), (25, 3.5)]
JUNK = [
    *(
        None,
        0,
        -1,
        1e300,
        float("nan"),
        float("inf"),
        2**63,
        2**70,
        "",
        "x",
        "\x00",
        "a\nb####%04d",
        [],
        {},
        [[]],
        True,
    ),
    *({"OTIO_SCHEMA": name} for name in SCHEMAS),
    *({"OTIO_SCHEMA": "RationalTime.1", "rate": rate, "value": value} for rate, value in TIMES),
    {"OTIO_SCHEMA": "SerializableObjectRef.1", "id": "Clip-1"},
]


def _places(value: object) -> list[tuple[Any, Any]]:
    """Every (container, key) inside."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, inner in pairs for place in ((value, key), *_places(inner))]


def test_a_damaged_timeline_is_a_cut_or_one_line(tmp_path):
    rng = random.Random(7)
    for _ in range(400):
        made = _timeline()
        for _ in range(rng.randint(1, 3)):
            container, key = rng.choice(_places(made))
            container[key] = rng.choice(JUNK) if rng.random() < 0.7 else rng.choice(rng.choice(_places(made))[:1])
            try:
                json.dumps(made)
            except ValueError:  # the timeline within itself, which JSON cannot say
                container[key] = None
        text = json.dumps(made)
        if rng.random() < 0.3:
            at = rng.randrange(len(text))
            text = text[:at] + rng.choice('{}[]",:0-x\\\udcff') + text[at + rng.randint(0, 3) :]
        says(tmp_path / "a.otio", text)


@given(st.integers(0, len(AVID)), st.integers(0, 20), st.one_of(st.text(max_size=8), st.sampled_from("0;: \n*V-9")))
@settings(max_examples=120, deadline=None)
def test_a_damaged_list_is_a_cut_or_one_line(tmp_path_factory, at, gone, put):
    says(tmp_path_factory.getbasetemp() / "fuzz.edl", AVID[:at] + put + AVID[at + gone :])


LIKE_OTHERS = "0101 1e3 .5 1:30 yes null ~ -_a # %04d = << 0x1F 2001-01-01 \x85 \u2028".replace("_", " ").split(" ")
TEXTS = st.one_of(st.text(max_size=20), st.sampled_from(LIKE_OTHERS))
NUMBERS = st.one_of(st.integers(-(10**17), 10**17), st.floats(allow_nan=False, allow_infinity=False, width=32))
VALUES = st.recursive(
    st.one_of(TEXTS, NUMBERS, st.booleans(), st.none()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.one_of(TEXTS, st.integers(0, 99)), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(TEXTS, VALUES, max_size=4))
@settings(max_examples=120, deadline=None)
def test_what_is_written_as_yaml_is_read_as_the_same(data):
    assert parse_document(compose_text(data)).data == data


def test_a_timeline_of_a_newer_schema_is_not_called_damaged(tmp_path):
    path = tmp_path / "cut.otio"
    path.write_text('{"OTIO_SCHEMA": "Timeline.99", "name": "x", "tracks": {"OTIO_SCHEMA": "Stack.1", "children": []}}')
    with pytest.raises(VfxageError, match="newer OpenTimelineIO") as caught:
        read_cut(path, None)
    assert "damaged" not in str(caught.value)
