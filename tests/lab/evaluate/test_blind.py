"""Blind sheets: what is on them, and how answers are counted."""

import json

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage
from scipy.stats import binomtest

from tests.lab.evaluate.faces import some_portraits
from tests.run_vfxage import run

OLD = [f"lon_{n:03d}_neutral" for n in (172, 107, 140, 136)]
YOUNG = [f"lon_{n:03d}_neutral" for n in (5, 29, 39, 41, 115, 142)]


@pytest.fixture(scope="module")
def folder(portraits, tmp_path_factory):
    return some_portraits(portraits, tmp_path_factory.mktemp("blind") / "people", [*OLD, *YOUNG])


@pytest.fixture(scope="module")
def sheet(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("sheet") / "out"
    done = run("evaluate", "--blind", out, "-p", folder, "-m", "bands", "--seed", 3).ok()
    assert done.out.split() == [str(out / name) for name in ("old-1.png", "answers.txt", ".key.json")]
    return out


def key_of(sheet):
    return json.loads((sheet / ".key.json").read_text())["crops"]


def pixels(path):
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


def crops_of(sheet, count):
    """The crops of the first page in reading order: large islands in the page's dark ground."""
    page = pixels(sheet / "old-1.png")
    islands, _ = ndimage.label((page != page[0, 0]).any(axis=2))
    boxes = [box for box in ndimage.find_objects(islands) if box[0].stop - box[0].start > 100]
    assert len(boxes) == count
    rows = sorted(boxes, key=lambda box: (box[0].start // 100, box[1].start))
    return [page[box] for box in rows]


def nearest(crop, picture):
    """Differences between a crop and the place of a picture whose background fits it best."""
    best = None
    side = crop.shape[0]
    edge = crop[:, :8].astype(int)
    for y in range(max(1, picture.shape[0] - side + 1)):
        for x in range(max(1, picture.shape[1] - side + 1)):
            part = picture[y : y + side, x : x + 8]
            if part.shape == edge.shape and np.array_equal(part, edge):
                best = np.abs(picture[y : y + side, x : x + side].astype(int) - crop)
    return best


def test_half_the_crops_are_real_and_partners_are_made_as_old(sheet):
    key = key_of(sheet)
    real, made = ([one for one in key if one["made"] == mark] for mark in (False, True))
    assert len(real) == len(made) == len(OLD)
    assert {one["file"] for one in real} == {f"{stem}.jpg" for stem in OLD}
    assert {one["file"] for one in made} <= {f"{stem}.jpg" for stem in YOUNG}
    assert sorted(one["shown"] for one in made) == sorted(one["age"] for one in real)
    assert all(one["shown"] - one["age"] >= 15 for one in made)
    assert len({one["person"] for one in key}) == len(key)
    assert [one["number"] for one in key] == list(range(1, len(key) + 1))
    order = [one["made"] for one in key]
    assert order not in (sorted(order), sorted(order, reverse=True))


def test_crops_are_pixels_of_the_photographs_and_made_ones_differ_in_the_face_only(sheet, folder):
    key = key_of(sheet)
    for one, crop in zip(key, crops_of(sheet, len(key)), strict=True):
        found = nearest(crop, pixels(folder / one["file"]))
        assert found is not None, one
        assert (found.max() > 8) == one["made"]
        assert found[:, :8].max() == 0
        if not one["made"]:
            assert found.max() == 0


def test_a_seed_gives_one_sheet_and_the_pages_say_nothing(sheet, folder, tmp_path):
    run("evaluate", "--blind", tmp_path / "same", "-p", folder, "-m", "bands", "--seed", 3, "--workers", 1).ok()
    for name in ("old-1.png", "answers.txt", ".key.json"):
        assert (tmp_path / "same" / name).read_bytes() == (sheet / name).read_bytes()
    run("evaluate", "--blind", tmp_path / "other", "-p", folder, "-m", "bands", "--seed", 4).ok()
    assert (tmp_path / "other" / "old-1.png").read_bytes() != (sheet / "old-1.png").read_bytes()
    with Image.open(sheet / "old-1.png") as page:
        assert not page.info


def answered(sheet, tmp_path, answers):
    path = tmp_path / "answers.txt"
    path.write_text("# mine\n" + "\n".join(answers))
    return ["evaluate", "--blind-answers", path, "--key", sheet / ".key.json"]


def test_hits_are_counted_with_wilsons_interval(sheet, tmp_path):
    key = key_of(sheet)
    words = ["made" if one["made"] else "real" for one in key]
    words[0] = {"made": "Real", "real": "M"}[words[0]]  # one is wrong
    lines = [f"{one['number']}: {word}" for one, word in zip(key, words, strict=True)]
    lines[-1] = f"{key[-1]['number']}"  # one is left out
    scored = json.loads(run(*answered(sheet, tmp_path, lines), "--json").ok().out)["blind sheet"]
    rows = {row["group"]: row for row in scored}
    count = len(key) - 1
    assert (rows["all"]["answered"], rows["all"]["hits"]) == (count, count - 1)
    wanted = binomtest(count - 1, count).proportion_ci(method="wilson")
    assert (rows["all"]["low"], rows["all"]["high"]) == pytest.approx((wanted.low, wanted.high), abs=1e-6)
    assert rows["all"]["made_as_real"] == int(key[0]["made"])
    assert rows["women"]["answered"] + rows["men"]["answered"] == rows["old"]["answered"] == count
    assert "86%" in run(*answered(sheet, tmp_path, lines)).ok().out


@pytest.mark.parametrize(
    ("wrong", "words"),
    [("3 maybe", ("answers.txt:3:", "'3 maybe'")), ("99 real", ("answers.txt:3:", "no crop 99")),
     ("1 made", ("answers.txt:3:", "answered twice")), ("real", ("answers.txt:3:", "not an answer"))],
)  # fmt: skip
def test_an_answer_that_cannot_be_read_is_named_with_its_line(sheet, tmp_path, wrong, words):
    run(*answered(sheet, tmp_path, ["1 real", wrong])).fails(3, *words)


def test_answers_and_keys_that_are_no_good(sheet, tmp_path):
    run(*answered(sheet, tmp_path, ["1", "2"])).fails(3, "answers.txt", "no answers")
    run("evaluate", "--blind-answers", sheet / "gone.txt").fails(3, "gone.txt")
    words = answered(sheet, tmp_path, ["1 real"])[:3]
    run(*words).fails(3, ".key.json")  # none beside these answers
    for text in ("[]", "{", '{"crops": []}', '{"crops": [{"number": 1}]}', '{"crops": 3}'):
        (tmp_path / ".key.json").write_text(text)
        run(*words).fails(3, ".key.json", "not the key")
    run("evaluate", "--key", sheet / ".key.json").fails(2, "--key", "--blind-answers")


def test_a_sheet_needs_an_empty_folder_and_people_of_both_ages(sheet, folder, portraits, tmp_path):
    run("evaluate", "--blind", sheet, "-p", folder, "-m", "bands").fails(2, "not empty")
    run("evaluate", "--blind", tmp_path / "a").fails(2, "--portraits")
    run("evaluate", "--blind", tmp_path / "a", "-p", folder, "-m", "bands", "-m", "small").fails(2, "one --model")
    young = some_portraits(portraits, tmp_path / "young", YOUNG)
    run("evaluate", "--blind", tmp_path / "a", "-p", young, "-m", "bands").fails(2, "40 or more", "--portraits")
    assert not list((tmp_path / "a").iterdir()) if (tmp_path / "a").exists() else True
