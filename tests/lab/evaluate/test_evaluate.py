"""``vfxage evaluate`` as a user meets it."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from tests.lab.evaluate.faces import some_portraits
from tests.lab.evaluate.test_vectors import means, years
from tests.run_vfxage import run
from vfxage.lab.portraits import scan_portraits

YOUNG = [f"lon_{n:03d}_neutral" for n in (5, 22, 29, 39, 41, 115)]
MIDDLE = ["con_D000626", "con_C001117", "con_C001066", "con_G000555", "con_H001047", "con_E000299"]
OLD = ["con_L000571", "con_S001217", "con_B001291", "con_R000600", "con_D000399", "con_K000009"]
STEMS = [*YOUNG, *MIDDLE, *OLD]
"""Light skin; six people past 25, six past 45 and six past 65: the age reader speaks near these ages only."""


@pytest.fixture(scope="module")
def crowd(portraits, tmp_path_factory):
    return some_portraits(portraits, tmp_path_factory.mktemp("crowd") / "crowd", STEMS)


@pytest.fixture(scope="module")
def report(crowd, tmp_path_factory):
    work = tmp_path_factory.mktemp("report")
    embedder, estimator = means(work / "mean.onnx"), years(work / "age.onnx", [44.0])
    judges = ["--embedder", embedder, "--age-estimator", estimator, "--threshold", 0.5]
    run("evaluate", "-p", crowd, "-m", "bands", "--people", 3, "-o", work / "out", *judges).ok()
    return work / "out"


def tables_of(text):
    """Rows of every table, by the title of its section: first cell to last cell."""
    found = {}
    for section in text.split("\n## ")[1:]:
        title, rows = section.partition("\n")[0], [line for line in section.splitlines() if line.startswith("|")]
        assert all(line.endswith("|") for line in rows)
        cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in rows]
        found[title] = {row[0]: row[-1] for row in cells if not row[0].startswith("---")}
    return found


def test_the_report_has_a_table_for_every_question_with_the_figures_of_its_rows(report):
    """Every figure that a formula of a line or two gives, worked out again from the rows in report.json."""
    tables = tables_of((report / "report.md").read_text())
    reported = json.loads((report / "report.json").read_text())
    questions = [
        "The age reader",
        "Age moved",
        "Years by group",
        "Identity",
        "Where the change lies",
        "Stability",
        "Cost",
        "Age groups",
    ]
    assert list(tables) == questions  # and no "Clips": none was given
    (model,), slope = reported["models"], reported["readers"][0]["slope"]
    moved, rows = tables["Age moved"], model["rows"]
    for asked in (-30, -15, 20, 40):
        mine = [row for row in rows if row["asked"] == asked]
        years = np.array([row["read_aged"] - row["read"] for row in mine if not row["why_silent"]])
        assert moved[f"{asked:+d}: faces that are read"] == str(len(years))
        assert moved[f"{asked:+d}: faces of which the reader knows too little"] == str(len(mine) - len(years))
        if not len(years):
            assert moved[f"{asked:+d}: years moved, mean"] == "n/a"
            continue
        assert moved[f"{asked:+d}: years moved, mean"] == f"{years.mean():+.1f}"
        assert moved[f"{asked:+d}: years moved, median"] == f"{np.median(years):+.1f}"
        assert moved[f"{asked:+d}: years moved, over the reader's slope, mean"] == f"{years.mean() / slope:+.1f}"
        half = np.mean(years * np.sign(asked) >= abs(asked) / 2)
        assert moved[f"{asked:+d}: faces that moved half of it or more"] == f"{half:.0%}"
    known = [row for row in rows if not row["why_silent"]]
    assert len(known) >= 2
    assert all(row["read_aged"] is None for row in rows if row["why_silent"])
    ladders = [
        [row["read"] if asked == 0 else row["read_aged"] for asked, row in sorted(steps.items())]
        for steps in (
            {0: row, **{r["asked"]: r for r in known if r["face"] == row["face"]}}
            for row in {row["face"]: row for row in known}.values()
        )
    ]
    rising = np.mean([bool(np.all(np.diff(ladder) > 0)) for ladder in ladders])
    assert moved["monotone in the age asked: share of the faces"] == f"{rising:.0%}"
    low = [row["spatial"]["low_bands"] for row in rows]
    assert tables["Identity"]["skin's low bands, correlation, least"] == f"{min(low):.3f}"
    assert tables["Identity"]["cosine of different people, mean"] == f"{reported['strangers']:.3f}"
    hair = [row["spatial"]["places"]["hair"]["energy"] for row in rows if "hair" in row["spatial"]["places"]]
    name = "in hair and beard over the face: share of the energy"
    assert tables["Where the change lies"][name] == f"{np.mean(hair):.2%}"
    assert float(tables["Stability"]["crop shifted by a pixel: difference over the delta"].rstrip("%")) > 0
    for name in ("one thread, ms", "the yardstick, ms", "crop, px"):
        assert float(tables["Cost"][name]) > 0
    for group in model["groups"]:
        assert tables["Age groups"][group["name"]] == f"{group['verified']:.1%}"


def test_the_figures_are_there_for_programs_too(report):
    reported = json.loads((report / "report.json").read_text())
    assert reported["folders"] == {"crowd": len(STEMS)}
    assert reported["aged"] == 3
    (model,) = reported["models"]
    assert {row["asked"] for row in model["rows"]} <= {-30, -15, 20, 40}
    assert all(18 <= row["age"] + row["asked"] <= 90 for row in model["rows"])
    assert all(row["likeness"] > 0.99 for row in model["rows"])  # the mean colour hardly changes
    assert [group["mean_age"] for group in model["groups"]] == [44.0] * 5
    assert all(group["verified"] == 1 for group in model["groups"])
    assert all(one["equal_ages"] == 0 for one in model["stability"])


def tile_of(page, row, column):
    """The middle of a tile, without its labels, as numbers."""
    top, left = 30 + 256 * row, 256 * column
    return page[top + 30 : top + 226, left : left + 256].astype(float)


def thumbnail(portrait):
    """The square that a tile shows, by Pillow: 1.35 heights of the face, a little above its middle."""
    low, high = portrait.points.min(axis=0), portrait.points.max(axis=0)
    height = high[1] - low[1]
    (x, y), half = (low + high) / 2 - (0, 0.08 * height), 1.35 * height / 2
    box = tuple(round(edge) for edge in (x - half, y - half, x + half, y + half))
    with Image.open(portrait.path) as picture:
        shown = picture.convert("RGB").crop(box).resize((256, 256), Image.Resampling.BICUBIC)
    return np.asarray(shown, float)[30:226]


def likeness(one, other):
    return np.corrcoef(one.ravel(), other.ravel())[0, 1]


def test_the_sheets_show_the_portraits_and_what_changed(report, crowd):
    """The first column is the people; a delta is twice the difference of two pictures about grey."""
    reported = json.loads((report / "report.json").read_text())
    faces, deltas = (
        np.asarray(Image.open(report / f"{name}-bands.png").convert("RGB")) for name in ("faces", "deltas")
    )
    assert faces.shape == deltas.shape == (30 + 3 * 256, 5 * 256, 3)
    portraits = {f"crowd/{one.path.stem}": one for one in scan_portraits(crowd).portraits}
    rows = {row["face"]: row["age"] for row in reported["models"][0]["rows"]}
    asked = {(row["face"], row["asked"]) for row in reported["models"][0]["rows"]}
    for row, face in enumerate(sorted(rows, key=lambda name: rows[name])):  # youngest first
        own = tile_of(faces, row, 0)
        alike = {name: likeness(own, thumbnail(portrait)) for name, portrait in portraits.items()}
        assert max(alike, key=alike.__getitem__) == face
        assert alike[face] > 0.9
        assert own.std() > 20
        assert np.abs(tile_of(deltas, row, 0) - 128).max() <= 1
        for column, step in enumerate((-30, -15, 20, 40), start=1):
            if (face, step) not in asked:
                continue
            aged, delta = tile_of(faces, row, column), tile_of(deltas, row, column)
            inside = (own > 3) & (own < 252) & (aged > 3) & (aged < 252)
            assert np.abs(delta - 128 - 2 * (aged - own))[inside].max() <= 4
            assert delta.std() > 1
    assert len(asked) > 6


def test_the_same_input_gives_the_same_figures(crowd, report, tmp_path):
    run("evaluate", "-p", crowd, "-m", "bands", "--people", 3, "-o", tmp_path, "--workers", 2).ok()
    first, second = (json.loads((folder / "report.json").read_text()) for folder in (report, tmp_path))
    assert first["readers"] == second["readers"]
    for one, other in zip(first["models"][0]["rows"], second["models"][0]["rows"], strict=True):
        assert {**one, "likeness": None, "estimated": None, "estimated_aged": None} == other


def test_folders_without_portraits_or_faces_or_enough_people(crowd, portraits, tmp_path):
    (tmp_path / "empty").mkdir()
    run("evaluate", "-p", tmp_path / "empty", "-o", tmp_path / "out").fails(2, "empty", "no pictures")
    run("evaluate", "-p", tmp_path / "gone", "-o", tmp_path / "out").fails(3, "gone")
    blank = tmp_path / "blank" / "someone"
    blank.mkdir(parents=True)
    Image.fromarray(np.full((300, 300, 3), 128, np.uint8)).save(blank / "30.png")
    run("evaluate", "-p", blank.parent, "-o", tmp_path / "out").fails(2, "blank", "no face in any portrait")
    few = some_portraits(portraits, tmp_path / "few", STEMS[:3])
    run("evaluate", "-p", few, "-m", "bands", "-o", tmp_path / "out").fails(2, "3 people", "--portraits")
    made = tmp_path / "made"
    shutil.copytree(few, made)
    index = (made / "index.csv").read_text().splitlines()
    (made / "index.csv").write_text("\n".join([index[0] + ",real", *(line + ",0" for line in index[1:])]))
    run("evaluate", "-p", made, "-m", "bands", "-o", tmp_path / "out").fails(2, "made", "no real portraits")


def test_only_people_whom_a_training_held_out_are_aged(crowd, tmp_path):
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
    words = ["evaluate", "-p", crowd, "-m", "bands", "--held-out", recipe, "-o", tmp_path / "out"]
    run(*words, "--people", 3).ok()
    reported = json.loads((tmp_path / "out" / "report.json").read_text())
    faces = {row["face"].removeprefix("crowd/") for row in reported["models"][0]["rows"]}
    assert faces <= {stem for stem in STEMS if stem.removesuffix("_neutral").removeprefix("con_") in held}
    assert (len(faces), reported["folders"]["crowd"], reported["not_aged"]) == (
        min(3, len(held)),
        len(STEMS),
        len(STEMS) - len(held),
    )
    recipe.write_text(text.replace("0.5", "0"))
    run(*words).fails(2, "held out of the training")
    run(*words[:-3], tmp_path / "gone.yaml", "-o", tmp_path / "out").fails(2, "gone.yaml")


def test_models_judges_and_clips_that_are_no_good(crowd, tmp_path):
    out = ["-p", crowd, "-o", tmp_path / "out"]
    run("evaluate", *out, "-m", tmp_path / "gone.safetensors").fails(5, "gone.safetensors")
    run("evaluate", *out, "--clips", tmp_path / "gone.mov", "-m", "bands").fails(3, "gone.mov")
    four = means(tmp_path / "four.onnx", (1, 4, 112, 112))
    run("evaluate", *out, "--embedder", four).fails(5, "four.onnx", "1x4x112x112")
    run("evaluate", *out, "--age-estimator", four).fails(2, "--embedder")
    (tmp_path / "file").write_text("")
    run("evaluate", "-p", crowd, "-m", "bands", "-o", tmp_path / "file").fails(2, "file")
