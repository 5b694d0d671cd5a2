"""Values changed in the text of a shot file, and nothing else."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from vfxage.errors import ShotError
from vfxage.shot.rewrite import rewritten

DEMO = Path(__file__).resolve().parents[2] / "shots" / "demo" / "shot.yaml"


def read(text: str) -> Any:
    return yaml.safe_load(text)


def test_the_demo_shot_keeps_its_comments_and_its_order() -> None:
    text = DEMO.read_text(encoding="utf-8")
    data = read(text)
    data["faces"][0]["target_age"] = {1001: 42, 1010: 50, 1048: 33}
    data["faces"][0]["regions"] = {"eyes": {"intensity": 0.4}}
    data["temporal"]["radius"] = 3
    data["handles"] = 2
    result = rewritten(text, data)
    assert read(result) == data
    comments = [line for line in text.splitlines() if "#" in line]
    assert [line for line in result.splitlines() if "#" in line] == comments
    changed = [line for line in result.splitlines() if line not in text.splitlines()]
    assert changed == [
        "    target_age: {1001: 42, 1010: 50, 1048: 33}",
        "    regions: {eyes: {intensity: 0.4}}",
        "temporal: {radius: 3, strength: 1.0}",
        "handles: 2",
    ]


@pytest.mark.parametrize(
    ("text", "change", "wanted"),
    [
        ("a:  1   # one\nb: 2\n", {"a": 7, "b": 2}, "a:  7   # one\nb: 2\n"),
        ("a: {b: 1,   c: 2} # x\n", {"a": {"b": 1, "c": 3}}, "a: {b: 1,   c: 3} # x\n"),
        ("a: {b: 1, c: 2}\n", {"a": {"c": 2}}, "a: {c: 2}\n"),
        ("a: {b: 1, c: 2}\n", {"a": {"b": 1}}, "a: {b: 1}\n"),
        ("a:\nb: 1\n", {"a": [1], "b": 1}, "a: [1]\nb: 1\n"),
        ("k:\n  1001: 4 # x\n  # y\n  1004: 5\n# end\n", {"k": {1001: 4, 1002: 6, 1004: 5, 1009: 7}},
         "k:\n  1001: 4 # x\n  1002: 6\n  # y\n  1004: 5\n  1009: 7\n# end\n"),
        ("k:\n  1001: 4\n  1004: 5\n", {"k": {1000: 1, 1004: 5}}, "k:\n  1000: 1\n  1004: 5\n"),
        ("k:\n  1001: 4\nb: 1\n", {"k": 7, "b": 1}, "k: 7\nb: 1\n"),
        ("a: &x {r: 1}\nb: *x\n", {"a": {"r": 1}, "b": {"r": 3}}, "a: &x {r: 1}\nb: {r: 3}\n"),
        ("a: 1\r\nb: {c: 1}\r\n", {"a": 1, "b": {"c": 1}, "z": 2}, "a: 1\r\nb: {c: 1}\r\nz: 2\r\n"),
        ("a: 1", {"a": 1, "b": "x: y"}, "a: 1\nb: 'x: y'"),
        ("f:\n- name: a\n  t: 1\n  # of a\n- select: all\n",
         {"f": [{"name": "a", "t": 1}, {"name": "q"}, {"select": "all"}]},
         "f:\n- name: a\n  t: 1\n- name: q\n  # of a\n- select: all\n"),
        ("f:\n  - {name: a, t: 1}\n", {"f": [{"name": "b"}, {"name": "a", "t": 2}]},
         "f:\n  - name: b\n  - {name: a, t: 2}\n"),
        ("f: [{name: a, t: 1}]\n", {"f": [{"name": "a", "t": 1}, {"name": "b"}]}, "f: [{name: a, t: 1}, {name: b}]\n"),
        ("f:\n  - name: a\n    t: 1 # x\n  - name: b\n", {"f": [{"name": "b"}]}, "f:\n  - name: b\n"),
        ("t: |\n  long\n  text\na: 1\n", {"t": "long\ntext\n", "a": 1, "b": 2}, "t: |\n  long\n  text\na: 1\nb: 2\n"),
        ("p: [640, 300]  # point\n", {"p": [1, 2]}, "p: [1, 2]  # point\n"),
        ("é: 1 # ü\na: 2\n", {"é": 3, "a": 2}, "é: 3 # ü\na: 2\n"),
    ],
)  # fmt: skip
def test_only_the_value_changes(text: str, change: dict[str, Any], wanted: str) -> None:
    assert rewritten(text, change) == wanted
    assert read(wanted) == change


def test_json_stays_json() -> None:
    text = '{\n\t"faces": [{"name": "a", "target_age": {"1001": 4}}],\n\t"handles": 1\n}\n'
    data = {"faces": [{"name": "a", "target_age": {1001: 4, 1009: 7}}], "handles": 2, "model": "small"}
    result = rewritten(text, data, as_json=True)
    assert json.loads(result) == json.loads(json.dumps(data))
    assert result.startswith('{\n\t"faces": [{"name": "a", "target_age": {"1001": 4, "1009": 7}}],\n\t"handles": 2')


def test_what_is_not_a_mapping_is_refused() -> None:
    with pytest.raises(ShotError, match="no keys"):
        rewritten("# only a comment\n", {"a": 1})


NUMBERS = st.integers(0, 120) | st.sampled_from([0.5, 1.25])
VALUES = NUMBERS | st.dictionaries(st.integers(990, 1060), NUMBERS, min_size=1, max_size=5)
SECTIONS = st.dictionaries(st.sampled_from(["radius", "strength", "kind", "eyes"]), VALUES, max_size=3)
FACES = st.dictionaries(st.sampled_from(["source_age", "target_age", "intensity"]), VALUES | SECTIONS, max_size=3)
SHOTS = st.fixed_dictionaries(
    {"plate": st.just("a.mov")},
    optional={
        "temporal": SECTIONS,
        "matte": SECTIONS,
        "faces": st.lists(FACES, min_size=1, max_size=3),
        "rate": NUMBERS,
    },
)


def named(data: dict[str, Any]) -> dict[str, Any]:
    faces = [{"name": f"face{index}", **face} for index, face in enumerate(data.get("faces", []))]
    return {**data, **({"faces": faces} if faces else {})}


def commented(text: str) -> str:
    """A comment above each line."""
    lines = text.splitlines(keepends=True)
    return "".join(f"# above {index}\n{line}" for index, line in enumerate(lines))


@given(SHOTS, SHOTS, st.sampled_from([None, False, True]))
def test_any_change_gives_the_wanted_data(old: dict[str, Any], new: dict[str, Any], flow: bool | None) -> None:
    """Whatever is written in blocks or in brackets; comments on keys that stay are still there."""
    before, after = named(old), named(new)
    text = commented(yaml.safe_dump(before, sort_keys=False, default_flow_style=flow, width=10_000))
    result = rewritten(text, deepcopy(after))
    assert read(result) == after
    assert result.startswith("# above 0\n")
    if before == after:
        assert result == text


@given(SHOTS, st.integers(0, 100))
def test_a_new_number_keeps_every_comment(data: dict[str, Any], rate: int) -> None:
    text = commented(yaml.safe_dump({**named(data), "handles": 101}, sort_keys=False, width=10_000))
    result = rewritten(text, {**named(data), "handles": rate})
    assert result == text.replace("handles: 101", f"handles: {rate}")
