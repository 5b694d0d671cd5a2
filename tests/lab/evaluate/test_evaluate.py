"""``vfxage evaluate`` as a user meets it."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from tests.lab.evaluate.faces import some_portraits
from tests.lab.evaluate.test_vectors import means, years
from tests.run_vfxage import run

STEMS = [f"lon_{n:03d}_neutral" for n in (1, 2, 3, 5, 11, 43)] + [
    f"con_{name}" for name in ("A000369", "A000370", "B000490", "B001243", "C001053", "K000009")
]


@pytest.fixture(scope="module")
def dozen(portraits, tmp_path_factory):
    return some_portraits(portraits, tmp_path_factory.mktemp("dozen") / "dozen", STEMS)


@pytest.fixture(scope="module")
def report(dozen, tmp_path_factory):
    work = tmp_path_factory.mktemp("report")
    embedder, estimator = means(work / "mean.onnx"), years(work / "age.onnx", [44.0])
    judges = ["--embedder", embedder, "--age-estimator", estimator, "--threshold", 0.5]
    run("evaluate", "-p", dozen, "-m", "bands", "--people", 3, "-o", work / "out", *judges).ok()
    return work / "out"


def test_the_report_has_a_table_for_every_question(report):
    text = (report / "report.md").read_text()
    for title in (
        "The age reader",
        "Age moved",
        "Identity",
        "Where the change lies",
        "Stability",
        "Cost",
        "Age groups",
    ):
        assert f"## {title}" in text
    assert "## Clips" not in text  # none was given
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len(lines) > 50
    assert all(line.endswith("|") for line in lines)
    assert "| monotone in the age asked: share of the faces | 95% |" in text


def test_the_figures_are_there_for_programs_too(report):
    told = json.loads((report / "report.json").read_text())
    assert told["folders"] == {"dozen": 12}
    assert told["aged"] == 3
    (model,) = told["models"]
    assert {row["asked"] for row in model["rows"]} <= {-30, -15, 20, 40}
    assert all(18 <= row["age"] + row["asked"] <= 90 for row in model["rows"])
    assert all(row["likeness"] > 0.99 for row in model["rows"])  # the mean colour hardly changes
    assert [group["told"] for group in model["groups"]] == [44.0] * 5
    assert all(group["verified"] == 1 for group in model["groups"])
    assert all(one["at_rest"] == 0 for one in model["stability"])


def test_the_sheets_are_pictures(report):
    for name in ("faces-bands.png", "deltas-bands.png"):
        with Image.open(report / name) as page:
            assert page.width == 5 * 256
            page.load()


def test_the_same_input_gives_the_same_figures(dozen, report, tmp_path):
    run("evaluate", "-p", dozen, "-m", "bands", "--people", 3, "-o", tmp_path, "--workers", 2).ok()
    first, second = (json.loads((folder / "report.json").read_text()) for folder in (report, tmp_path))
    assert first["readers"] == second["readers"]
    for one, other in zip(first["models"][0]["rows"], second["models"][0]["rows"], strict=True):
        assert {**one, "likeness": None} == other


def test_folders_without_portraits_or_faces_or_enough_people(dozen, portraits, tmp_path):
    (tmp_path / "empty").mkdir()
    run("evaluate", "-p", tmp_path / "empty", "-o", tmp_path / "out").fails(2, "empty", "no pictures")
    run("evaluate", "-p", tmp_path / "gone", "-o", tmp_path / "out").fails(3, "gone")
    blank = tmp_path / "blank" / "someone"
    blank.mkdir(parents=True)
    Image.fromarray(np.full((300, 300, 3), 128, np.uint8)).save(blank / "30.png")
    run("evaluate", "-p", blank.parent, "-o", tmp_path / "out").fails(2, "blank", "no face")
    few = some_portraits(portraits, tmp_path / "few", STEMS[:3])
    run("evaluate", "-p", few, "-m", "bands", "-o", tmp_path / "out").fails(2, "3 people", "--portraits")
    made = tmp_path / "made"
    shutil.copytree(few, made)
    index = (made / "index.csv").read_text().splitlines()
    (made / "index.csv").write_text("\n".join([index[0] + ",real", *(line + ",0" for line in index[1:])]))
    run("evaluate", "-p", made, "-m", "bands", "-o", tmp_path / "out").fails(2, "made", "no real portraits")


def test_only_people_whom_a_training_held_out_are_aged(dozen, tmp_path):
    from vfxage.lab.train import load_recipe
    from vfxage.lab.train.data import open_data
    from vfxage.progress import Silent

    rows = ["file,person,age"]
    for stem in STEMS:
        person = stem.removesuffix("_neutral").removeprefix("con_")
        for age in (30, 60):
            (tmp_path / "pairs").mkdir(exist_ok=True)
            Image.new("RGB", (32, 32)).save(tmp_path / "pairs" / f"{stem}_{age}.png")
            rows.append(f"{stem}_{age}.png,{person},{age}")
    (tmp_path / "pairs" / "index.csv").write_text("\n".join(rows))
    recipe = tmp_path / "recipe.yaml"
    text = "out: run\ndata: {pairs: [{folder: pairs}], smallest: 16, holdout: 0.5}\n"
    recipe.write_text(text)
    split = open_data(load_recipe(recipe).data, 1, Silent())
    held = {person.name for person in split.held_out}
    assert 0 < len(held) < len(STEMS)
    words = ["evaluate", "-p", dozen, "-m", "bands", "--held-out", recipe, "-o", tmp_path / "out"]
    run(*words, "--people", 3).ok()
    told = json.loads((tmp_path / "out" / "report.json").read_text())
    faces = {row["face"].removeprefix("dozen/") for row in told["models"][0]["rows"]}
    assert faces <= {stem for stem in STEMS if stem.removesuffix("_neutral").removeprefix("con_") in held}
    assert (len(faces), told["folders"]["dozen"], told["spared"]) == (min(3, len(held)), 12, 12 - len(held))
    recipe.write_text(text.replace("0.5", "0"))
    run(*words).fails(2, "held out of the training")
    run(*words[:-3], tmp_path / "gone.yaml", "-o", tmp_path / "out").fails(2, "gone.yaml")


def test_models_judges_and_clips_that_are_no_good(dozen, tmp_path):
    out = ["-p", dozen, "-o", tmp_path / "out"]
    run("evaluate", *out, "-m", tmp_path / "gone.safetensors").fails(5, "gone.safetensors")
    run("evaluate", *out, "--clips", tmp_path / "gone.mov", "-m", "bands").fails(3, "gone.mov")
    four = means(tmp_path / "four.onnx", (1, 4, 112, 112))
    run("evaluate", *out, "--embedder", four).fails(5, "four.onnx", "1x4x112x112")
    run("evaluate", *out, "--age-estimator", four).fails(2, "--embedder")
    (tmp_path / "file").write_text("")
    run("evaluate", "-p", dozen, "-m", "bands", "-o", tmp_path / "file").fails(2, "file")
