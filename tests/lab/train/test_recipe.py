"""Training files: every shipped one loads, and every mistake is an error with its line and a remedy."""

from pathlib import Path

import pytest

from tests.lab.train.people import PLAIN, RECIPE
from vfxage.errors import ShotError
from vfxage.lab.train import load_recipe

SHIPPED = sorted((Path(__file__).resolve().parents[3] / "configs" / "train").glob("*.yaml"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_recipe_loads(path):
    recipe = load_recipe(path)
    assert recipe.out.is_absolute()
    assert recipe.data.real_targets >= 0.4 or recipe.model.unpaired


def test_effects_are_switched_off_by_one_word_or_one_by_one(tmp_path):
    path = tmp_path / "recipe.yaml"
    found = []
    for text in (PLAIN, PLAIN[: PLAIN.index("augment:")] + "augment: false\n", RECIPE.replace("{share: 0.5}", "{}")):
        path.write_text(text, encoding="utf-8")
        found.append(load_recipe(path).augment)
    assert found[0] == found[1] != found[2]
    assert all(getattr(found[1], name).share == 0 for name in type(found[1]).model_fields)


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("seed: 3", "sede: 3", 3, ["unknown key `sede`", "did you mean `seed`"]),
        ("  side: 64", "  sied: 64", 6, ["`sied` in data", "did you mean `side`"]),
        ("[{folder: people}]", "[{folder: people, layuot: index}]", 5, ["layuot", "layout"]),
        ("holdout: 0", "holdout: 2", 8, ["`data.holdout` is 2", "0 to 0.9"]),
        ("side: 64", "side: big", 6, ['"big"', "a whole number"]),
        ("sizes: [64]", "sizes: [70]", 9, ["70", "multiple of 8"]),
        ("sizes: [64]", "sizes: [72]", None, ["72", "small takes multiples of 16"]),
        ("seed: 3", "model: {architecture: sam}", 3, ["cannot be trained", "choose small"]),
        ("seed: 3", "model: {architecture: cycle}", None, ["data.portraits", "cycle learns"]),
        ("pairs: [{folder: people}]", "portraits: [{folder: people}]", None, ["data.pairs"]),
        ("seed: 3", "losses: {adversarial: {init: d.pth}}", 3, ["critic: face_reaging"]),
        ("sizes: [64]", "sizes: []", 9, ["`crop.sizes` has 0 values; name at least one"]),
        ("sheet_people: 2", f"sheet_ages: {list(range(20, 40))}", 11, ["has 20 values; name 12 at most"]),
        ("jitter: 0.02", "window: [1.0, 0.5]", 9, ["smaller number first"]),
        ("jitter: 0.02", "window: [0.5]", 9, ["`crop.window` has too few values; write [a, b]"]),
        ("out: run\n", "", None, ["`out` is missing"]),
        ("{folder: people}", "{folder: people, layout: flat}", 5, ["flat", "utkface"]),
        ("seed: 3", "model: {architecture: huge}", 3, ["huge", "small"]),
        ("seed: 3", "losses: {lpips: {weight: 1.0}}", 3, ["vgg"]),
        ("seed: 3", "seed: !!python/object:os.system 3", 3, ["not allowed"]),
        ("seed: 3", "batch: 4", 3, ["`batch` belongs in `schedule`"]),
        ("jitter: 0.02", "window: [0.5, 0.7, 1.0]", 9, ["has 3 values; name 2 at most"]),
        ("sheet_people: 2", "export_half: true", 11, ["`export_half` belongs in `model`"]),
        ("seed: 3", "model: {export_half: 1}", 3, ["`model.export_half` is 1; make it true or false"]),
        ("steps: 1000", "steps: 1000, epochs: 2", None, ["`steps` and `epochs`"]),
        ("steps: 1000", "steps: true", None, ["schedule.steps"]),
        ("jitter: 0.02", "whole: 0.5", None, ["`crop.whole`", "small sees every face at 512 px", "crop.sizes"]),
        ("rate", "rate", None, []),
    ],
)
def test_mistake_is_reported_with_its_line(tmp_path, old, new, line, words):
    text = PLAIN.replace(old, new, 1)
    path = tmp_path / "recipe.yaml"
    path.write_text(text, encoding="utf-8")
    if text == PLAIN:
        assert load_recipe(path).seed == 3
        return
    with pytest.raises(ShotError) as caught:
        load_recipe(path)
    assert caught.value.exit_code == 2
    assert line in (None, caught.value.line)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"- a\n", b"\0\0", b"\xff\xfe", b"a: [", b"x" * (2 << 20)])
def test_file_that_is_no_recipe(tmp_path, content):
    path = tmp_path / "recipe.yaml"
    path.write_bytes(content)
    with pytest.raises(ShotError) as caught:
        load_recipe(path)
    assert str(path) in str(caught.value)


def test_missing_recipe_and_folder(tmp_path):
    for path in (tmp_path / "gone.yaml", tmp_path):
        with pytest.raises(ShotError):
            load_recipe(path)


def test_paths_are_relative_to_the_file(tmp_path):
    path = tmp_path / "deep" / "recipe.yaml"
    path.parent.mkdir()
    path.write_text(RECIPE, encoding="utf-8")
    recipe = load_recipe(path)
    assert recipe.out == tmp_path / "deep" / "run"
    assert recipe.data.pairs[0].folder == tmp_path / "deep" / "people"
