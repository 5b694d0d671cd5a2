"""What examples show: pairs of one person, photographs as targets, people held out, windows that lie where they say."""

import csv
from collections import Counter
from typing import Literal

import numpy as np
import pytest
from PIL import Image

from tests.lab.portraits.framed import assert_framed
from tests.lab.train.people import PLAIN, face, make_people, recipe_in
from vfxage.ager import ARCHITECTURES
from vfxage.errors import ShotError
from vfxage.lab.portraits import scan_portraits
from vfxage.lab.train import load_recipe
from vfxage.lab.train.batches import Batches, Process
from vfxage.lab.train.data import open_data
from vfxage.lab.train.pictures import Pictures, View, cut
from vfxage.progress import Silent
from vfxage.types import Framing


def opened(folder, text=PLAIN, **people):
    recipe = load_recipe(recipe_in(folder, text, **people))
    return recipe, open_data(recipe.data, recipe.seed, Silent())


def batches(recipe, data, memory=1e9, **more):
    pictures = Pictures(recipe.data.side, ARCHITECTURES["small"].framing, memory)
    return Batches(recipe, data, pictures, **{"portraits": False, **more})


def pairs_drawn(tmp_path, keys):
    """How often each pair of ages comes in twenty batches of fifty, with these keys of the data."""
    text = PLAIN.replace("holdout: 0", f"holdout: 0\n{keys}").replace("batch: 2", "batch: 50")
    recipe, data = opened(tmp_path, text)
    make = batches(recipe, data)
    return Counter(tuple(pair) for step in range(20) for pair in make(step).ages.tolist())


def test_every_ordered_pair_of_ages_and_photographs_as_targets_as_often_as_asked(tmp_path):
    seen = pairs_drawn(tmp_path, "  real_targets: 0.7\n  identity: 0.1")
    total = sum(seen.values())
    ages = (20, 45, 70)
    assert set(seen) == {(a, b) for a in ages for b in ages}
    assert sum(count for (a, b), count in seen.items() if a == b) / total == pytest.approx(0.1, abs=0.03)
    assert sum(count for (a, b), count in seen.items() if a != b and b == 45) / total == pytest.approx(0.63, abs=0.05)


def test_photographs_are_the_older_of_the_two_as_often_as_asked(tmp_path):
    seen = pairs_drawn(tmp_path, "  real_targets: 0.7\n  real_older: 0.2\n  identity: 0")
    real = {pair: count for pair, count in seen.items() if pair[1] == 45}
    assert sum(real.values()) / sum(seen.values()) == pytest.approx(0.7, abs=0.05)
    assert real[20, 45] / sum(real.values()) == pytest.approx(0.2, abs=0.05)


def test_source_and_target_are_one_person_pixel_on_pixel(tmp_path):
    recipe, data = opened(
        tmp_path,
        PLAIN.replace(", jitter: 0.02", ", whole: 1.0, jitter: 0.0, roll: 0.0, flip: false")
        + "model: {architecture: ry_lu}\n",
    )
    batch = batches(recipe, data)(3)
    people = {person: {age: face(person, age) for age in (20, 45, 70)} for person in range(4)}
    for source, target, ages in zip(batch.source, batch.target, batch.ages.tolist(), strict=True):
        source, target = (item.permute(1, 2, 0).numpy().astype(int) for item in (source, target))
        fits = [
            person
            for person, faces in people.items()
            if np.abs(faces[int(ages[0])] - source).max() <= 1 and np.abs(faces[int(ages[1])] - target).max() <= 1
        ]
        assert len(fits) == 1


def test_a_step_is_the_same_in_any_order_with_any_memory_and_any_number_of_processes(tmp_path):
    recipe, data = opened(tmp_path, PLAIN.replace("batch: 2", "batch: 4"))
    make, scarce = batches(recipe, data), batches(recipe, data, memory=1)
    make(1)
    whole, again = make(5), scarce(5)
    assert np.array_equal(whole.source, again.source)
    assert np.array_equal(whole.target, again.target)
    shares = [batches(recipe, data, process=Process(rank, 2))(5) for rank in (0, 1)]
    assert np.array_equal(whole.source, np.concatenate([share.source for share in shares]))
    assert not np.array_equal(make(5).source, make(6).source)
    with pytest.raises(ShotError, match="multiple of 3"):
        batches(recipe, data, process=Process(0, 3))


def test_people_held_out_stay_held_out_when_others_come(tmp_path):
    text = PLAIN.replace("holdout: 0", "holdout: 0.4")
    make_people(tmp_path / "few" / "people", people=12)
    make_people(tmp_path / "more" / "people", people=30)
    few, more = (opened(tmp_path / name, text)[1] for name in ("few", "more"))
    held = {person.name for person in more.held_out}
    assert 5 <= len(held) <= 19
    assert {person.name for person in few.held_out} == {name for name in held if int(name[1:]) < 12}
    learned = {person.name for person in more.people}
    assert not learned & held
    assert {portrait.person for portrait, _ in more.portraits} == learned


def test_person_of_two_folders_is_held_out_of_both(tmp_path):
    text = PLAIN.replace("holdout: 0", "holdout: 0.5")
    make_people(tmp_path / "people", people=8)
    make_people(tmp_path / "again", people=8)
    _, one = opened(tmp_path, text)
    _, two = opened(tmp_path, text.replace("[{folder: people}]", "[{folder: people}, {folder: again}]"))
    _, lent = opened(tmp_path, text.replace("  side", "  portraits: [{folder: again}]\n  side"))
    held = {person.name for person in one.held_out}
    assert 0 < len(held) < 8
    assert Counter(person.name for person in two.held_out) == dict.fromkeys(held, 2)
    assert not {portrait.person for portrait, _ in lent.portraits} & held
    assert len(lent.portraits) == 2 * (8 - len(held))


def test_critic_is_shown_photographs_of_about_the_target_age(tmp_path):
    recipe, data = opened(tmp_path)
    assert [portrait.age for portrait, _ in data.portraits] == [45.0] * 4
    batch = batches(recipe, data, portraits=True)(0)
    assert batch.portrait.shape == batch.source.shape
    made = opened(tmp_path / "made", people=2, real=None)
    with pytest.raises(ShotError, match="photographs"):
        batches(*made, portraits=True)


def test_view_shows_the_window_it_names():
    row = np.arange(128, dtype=np.uint8)
    across, down = np.meshgrid(row, row)
    picture = np.stack([across, down, across], axis=-1)
    shown = cut(picture, View((0.25, 0.75), 0.5, 0.0, False), 64)
    assert np.array_equal(shown, picture[64:, :64])
    mirrored = cut(picture, View((0.25, 0.75), 0.5, 0.0, True), 64)
    assert np.array_equal(mirrored, picture[64:, :64][:, ::-1])
    turned = cut(picture, View((0.5, 0.5), 0.5, 90.0, False), 64)
    assert np.abs(turned.astype(int) - np.rot90(picture[32:96, 32:96]).astype(int)).max() <= 1
    small = cut(picture, View((0.5, 0.5), 1.0, 0.0, False), 32).astype(float)
    assert np.abs(small[4:-4, 4:-4, 0] - (np.arange(32) * 4 + 1.5)[None, 4:-4]).max() <= 1


def test_pictures_of_unequal_sizes_and_not_square_are_named(tmp_path):
    make_people(tmp_path / "people")
    Image.new("RGB", (80, 80)).save(tmp_path / "people" / "p0_20.png")
    Image.new("RGB", (80, 64)).save(tmp_path / "people" / "p1_20.png")
    _, data = opened(tmp_path)
    reported = {problem.path.name: problem.what for problem in data.problems}
    assert "another size" in reported["p0_20.png"]
    assert "80x64" in reported["p1_20.png"]


@pytest.mark.parametrize("framing", ["picture", "face"])
def test_weight_lies_on_the_face_and_the_face_is_where_the_framing_says(portraits, framing):
    portrait = scan_portraits(portraits / "eval").portraits[3]
    name: Literal["wide", "ffhq"] = "wide" if framing == "face" else "ffhq"
    pictures = Pictures(128, Framing(name=name), 1e9)
    picture, weight = pictures.picture(portrait, framing, portrait), pictures.weight(framing, portrait)
    assert (picture.shape, weight.shape) == ((128, 128, 3), (32, 32))
    if framing == "face":
        points = assert_framed(
            Pictures(256, Framing(name=name), 1e9).picture(portrait, framing, portrait), portrait, name
        )
        points = points * 128 / 256
    else:
        with Image.open(portrait.path) as source:
            whole = np.asarray(source.convert("RGB").resize((128, 128), Image.Resampling.BOX), float)
        assert np.abs(whole - picture).mean() < 3
        points = portrait.points * 128 / portrait.size[0]
    for one in points[[4, 50, 280, 152]] - (0, 2):  # nose, cheeks, chin
        assert weight[int(one[1] / 4), int(one[0] / 4)] > 240
    assert weight[[0, 0, -1, -1], [0, -1, 0, -1]].max() < 20


def test_plates_are_photographs_as_often_as_asked(tmp_path):
    """Of the examples with a made target: 45 is the photograph, so 90 % go from 45 to 20 or 70."""
    more = "holdout: 0\n  real_targets: 0\n  real_sources: 0.9\n  identity: 0"
    recipe, data = opened(tmp_path, PLAIN.replace("holdout: 0", more).replace("batch: 2", "batch: 50"))
    make = batches(recipe, data)
    seen = [pair for step in range(20) for pair in make(step).ages.tolist()]
    assert all(b != 45 for _, b in seen)
    assert np.mean([a == 45 for a, _ in seen]) == pytest.approx(0.9, abs=0.03)


def test_people_are_drawn_as_often_as_they_weigh(tmp_path):
    """One of four weighs as much as the three others together, so every second example shows it."""
    folder = make_people(tmp_path / "people")
    with (folder / "index.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    with (folder / "index.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, [*rows[0], "weight"])
        table.writeheader()
        table.writerows(row | {"weight": "3" if row["person"] == "p2" else ""} for row in rows)
    whole = PLAIN.replace("holdout: 0", "holdout: 0\n  identity: 0").replace("batch: 2", "batch: 50")
    whole = whole.replace(
        "crop: {sizes: [64], jitter: 0.02}", "crop: {sizes: [64], whole: 1, jitter: 0, roll: 0, flip: false}"
    )
    recipe, data = opened(tmp_path, whole + "model: {architecture: ry_lu}\n")
    assert [person.weight for person in data.people] == [1, 1, 3, 1]
    make = batches(recipe, data)
    shown = np.stack([[face(k, age) for age in (20, 45, 70)] for k in range(4)]).astype(float)
    near = []
    for step in range(8):
        for seen in make(step).source.permute(0, 2, 3, 1).numpy():
            near.append(int(np.abs(shown - seen).mean((2, 3, 4)).min(axis=1).argmin()))
    assert np.mean([person == 2 for person in near]) == pytest.approx(0.5, abs=0.06)


def test_two_photographs_of_a_person_make_no_pair_and_neither_do_their_copies(tmp_path):
    """p0 and p1 become one person of two plates: the faces of the two do not lie on each other."""
    folder = make_people(tmp_path / "people", people=2)
    with (folder / "index.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    with (folder / "index.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, [*rows[0], "plate"])
        table.writeheader()
        table.writerows(row | {"plate": row["person"], "person": "ann"} for row in rows)
    whole = PLAIN.replace("batch: 2", "batch: 40").replace(
        "crop: {sizes: [64], jitter: 0.02}", "crop: {sizes: [64], whole: 1, jitter: 0, roll: 0, flip: false}"
    )
    recipe, data = opened(tmp_path, whole + "model: {architecture: ry_lu}\n")
    shown = np.stack([[face(k, age) for age in (20, 45, 70)] for k in range(2)]).astype(float)

    def who(pictures):
        apart = [np.abs(shown - picture).mean((2, 3, 4)) for picture in pictures.permute(0, 2, 3, 1).numpy()]
        return [int(each.min(axis=1).argmin()) for each in apart]

    batch = batches(recipe, data)(0)
    assert who(batch.source) == who(batch.target)
    assert set(who(batch.source)) == {0, 1}


@pytest.mark.parametrize("weight", ["0", "-1", "heavy", "nan", "inf"])
def test_a_weight_that_is_none_is_named(tmp_path, weight):
    folder = make_people(tmp_path / "people")
    lines = (folder / "index.csv").read_text().splitlines()
    marked = [lines[0] + ",weight", lines[1] + f",{weight}", *(line + ",1" for line in lines[2:])]
    (folder / "index.csv").write_text("\n".join(marked) + "\n")
    _, data = opened(tmp_path, PLAIN)
    assert [problem.path.name for problem in data.problems] == ["p0_20.png"]
    assert "weight" in data.problems[0].what


@pytest.mark.parametrize("share", [0.0, 0.75])
def test_windows_have_the_face_in_the_middle_as_often_as_asked(tmp_path, share):
    """Red and green of the pictures say where a pixel is, and the faces lie up left in them."""
    folder = make_people(tmp_path / "people")
    place = np.arange(64, dtype=np.uint8) * 4
    ramp = np.stack([*np.meshgrid(place, place), np.zeros((64, 64), np.uint8)], axis=-1)
    for path in folder.glob("*.png"):
        Image.fromarray(ramp).save(path)
    turn = np.linspace(0, 2 * np.pi, 478)
    around = np.stack([24 + 3 * np.cos(turn), 26 + 3 * np.sin(turn)], axis=-1)
    np.savez(folder / "landmarks.npz", **{path.stem: around.astype(np.float32) for path in folder.glob("*.png")})
    text = PLAIN.replace("batch: 2", "batch: 100").replace(
        "crop: {sizes: [64], jitter: 0.02}",
        f"crop: {{sizes: [64], window: [0.375, 0.375], whole: 0, jitter: 0, roll: 0, flip: false, on_face: {share}}}",
    )
    recipe, data = opened(tmp_path, text + "model: {architecture: ry_lu}\n")
    middles = batches(recipe, data)(0).source[:, :2, 31:33, 31:33].float().mean((2, 3)).numpy() / 4
    apart = np.hypot(*(middles + 0.5 - (24, 26)).T)
    there = np.mean(np.abs(apart - 3) < 0.5)
    assert there == pytest.approx(share, abs=0.12)
