"""The published schema, and the settings that change pixels."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import jsonschema
import pytest
import yaml

from tests.shot.example import EXAMPLE, SHORT, changed, load
from vfxage.errors import ShotError
from vfxage.shot import schema

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", ["configs/shot.schema.json"])
def test_the_published_schema_is_this_one(name):
    assert json.loads((ROOT / name).read_text()) == schema(), "write it anew: vfxage schema > configs/shot.schema.json"


def described(node: object, path: str = "") -> list[str]:
    """Paths of properties without a description."""
    bare = []
    for key, value in node.items() if isinstance(node, dict) else ():
        if key == "properties":
            bare += [f"{path}.{name}" for name, field in value.items() if not {"description", "$ref"} & field.keys()]
        bare += described(value, f"{path}.{key}")
    return bare


def test_the_schema_is_valid_and_describes_every_key():
    jsonschema.Draft202012Validator.check_schema(schema())
    assert described(schema()) == []


VALID = [EXAMPLE, SHORT, (ROOT / "shots/demo/shot.yaml").read_text()]


@pytest.mark.parametrize("text", VALID)
def test_the_schema_accepts_what_loads(text):
    jsonschema.validate(yaml.safe_load(text), schema())
    assert load(text)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("feather:", "feathr:"),
        ("plate: ", "plte: "),
        ("source_age: 40", "soruce_age: 40"),
        ("strength: 1.0", "model: bands"),
        ("model: builtin", "path: /x"),
        ("select: largest", "select: bigest"),
        ("select: largest", "select: {frame: 1, pont: [1, 2]}"),
        ("select: largest", "select: {frame: 1, point: [1]}"),
        ("source_age: 40", "source_age: 121"),
        ("source_age: 40", "source_age: old"),
        ("source_age: 40", "source_age: {}"),
        ("1048: 70}", "1048: -1}"),
        ("1048: 70}", "end: 70}"),
        ("intensity: 1.0", "intensity: 5"),
        ("radius: 2", "radius: 9"),
        ("radius: 2", "radius: 2.5"),
        ("feather: 0.08", "feather: 0.6"),
        ("kind: face", "kind: fase"),
        ("name: lead", "name: 1st lead"),
        ("frames: 1001-1048 ", "frames: [1, 2] "),
        ("model: builtin", "crop_size: 500"),
        ("[beauty, delta, matte]", "[]"),
        ("[beauty, delta, matte]", "[beauty, alpha]"),
        ("[beauty, delta, matte]", "[beauty, beauty]"),
        ("prores_4444", "prores_444"),
        ("model: builtin", "rate: fast"),
        ("{radius: 2, strength: 1.0}", "3"),
    ],
)
def test_the_schema_refuses_what_loading_refuses(old, new):
    with pytest.raises(ShotError):
        load(changed(old, new))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(changed(old, new)), schema())


def test_a_shot_can_be_pickled_and_hashed():
    base = load(EXAMPLE)
    assert pickle.loads(pickle.dumps(base)) == base
    assert hash(base) == hash(pickle.loads(pickle.dumps(base)))
