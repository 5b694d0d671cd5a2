"""``docs/shot.md``: the reference of every key, made from the schema."""

from __future__ import annotations

import pytest

from tests.shot.example import load
from tools.shot_reference import EXAMPLES, PAGE, keys, page

FACE = "faces: [{name: lead, select: largest%s}]"


def shot_with(name: str, example: str) -> str:
    """A shot file that holds the example at its place."""
    parts = name.replace("NAME", "forehead").split(".")
    inner = f"{parts[-1]}: {example}"
    for part in reversed(parts[:-1]):
        if part.endswith("[]"):
            rest = {"faces[]": "select: largest, ", "outputs[]": "path: out/x.%04d.exr, "}[part]
            if parts[-1] in rest:
                rest = ""
            if parts[-1] in ("codec", "depth"):
                rest = f"path: out/x{'.mov' if parts[-1] == 'codec' else '.%04d.tif'}, "
            if parts[-1] == "face":
                rest += "passes: [beauty, uv], "
            inner = f"{part[:-2]}: [{{{rest}{inner}}}]"
        else:
            rest = "seed: 1, " if part == "style" and parts[-1] in ("layers", "amount") else ""
            inner = f"{part}: {{{rest}{inner}}}"
    whole = {"plate": "plate: a.%04d.exr", "source_age": "source_age: 30", "target_age": "target_age: 60"}
    if parts[-1] in ("first_frame", "range"):
        whole["plate"] = "plate: a.mov"
    if parts[-1] == "face":
        whole["faces"] = FACE % ""
    return "\n".join(text for key, text in whole.items() if key != parts[0] or len(parts) > 1) + f"\n{inner}\n"


def test_the_page_is_up_to_date():
    assert PAGE.read_text(encoding="utf-8") == page(), "write it anew: python -m tools.shot_reference"


@pytest.mark.parametrize("name", sorted(key.name for key in keys() if key.name != "include"))
def test_the_example_of_every_key_loads(name, monkeypatch):
    monkeypatch.setenv("SHOW", "/show")
    assert load(shot_with(name, EXAMPLES[name]))


def test_no_example_is_left_of_a_key_that_is_gone():
    assert set(EXAMPLES) == {key.name for key in keys()}
