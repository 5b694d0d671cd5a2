"""``vfxage pairs``: what a network learns from, read back as ``vfxage train`` reads it."""

import csv
import shutil
from dataclasses import replace

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.lab.portraits.framed import assert_framed
from tests.run_vfxage import run
from vfxage.ager import load_ager
from vfxage.errors import ModelError
from vfxage.face.look import Look
from vfxage.geometry import OVAL
from vfxage.lab.portraits import mesh_portraits, scan_portraits
from vfxage.types import FaceCrop


@pytest.fixture(scope="module")
def sources(tmp_path_factory, folder_of, rows):
    """Two people; one is 32 to the year, so that a made 30 would be no change worth learning."""
    folder = tmp_path_factory.mktemp("sources") / "two"
    return folder_of(folder, [rows[0] | {"age": "32"}, rows[-1]])


@pytest.fixture(scope="module")
def written(sources, tmp_path_factory):
    out = tmp_path_factory.mktemp("pairs") / "new" / "pairs"
    reported = run("pairs", sources, out, "--ages", "30,60,70").ok()
    assert "2 photographs" in reported.out
    return out


def crop_of(rgb, points, ages):
    """A portrait as its pairs are made: without hair and shape, and where it grows younger, with its own neck."""
    return FaceCrop(
        face=0,
        name="face0",
        rgb=rgb,
        points=points,
        matte=np.zeros(rgb.shape[:2], np.float32),
        to_frame=np.eye(2, 3),
        ages=ages,
        intensity=1.0,
        look=Look(shape=0, hair=0, neck=0 if ages[1] < ages[0] else 1),
    )


def test_they_are_read_as_labelled(written, sources):
    reported = scan_portraits(written, layout="index")
    assert not reported.problems
    people = {item.person: item.age for item in scan_portraits(sources).portraits}
    real = {item.person: item.age for item in reported.portraits if item.real}
    assert real == people
    made = sorted((item.person, item.age) for item in reported.portraits if not item.real)
    assert made == sorted((p, a) for p, own in people.items() for a in (30.0, 60.0, 70.0) if abs(a - own) >= 4)
    for item in reported.portraits:
        assert item.size == (512, 512)
        assert item.labels["sex"] in ("M", "F")
        assert (item.points is not None) == item.real  # the copies lie on their photograph, pixel on pixel
        assert not item.real or 0.3 < np.ptp(item.points[:468, 1]) / 512 < 0.9


def test_everybody_gets_the_same_old_skin_whatever_the_name(sources, tmp_path):
    renamed = shutil.copytree(sources, tmp_path / "renamed")
    person = next(item.person for item in scan_portraits(sources).portraits if item.age == 32)
    with (renamed / "index.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    with (renamed / "index.csv").open("w", newline="") as file:
        again = csv.DictWriter(file, list(table[0]))
        again.writeheader()
        again.writerows(row | {"person": "somebody" if row["person"] == person else row["person"]} for row in table)
    made = []
    for folder in (sources, renamed):
        out = tmp_path / f"pairs_{folder.name}"
        run("pairs", folder, out, "--ages", "70").ok()
        reported = next(i for i in scan_portraits(out).portraits if i.person in (person, "somebody") and not i.real)
        made.append(np.asarray(Image.open(reported.path)))
    assert np.array_equal(made[0], made[1])


def test_the_photograph_is_the_portrait_framed_and_the_made_picture_the_answer_to_it(written, sources):
    """The photograph against MediaPipe, Pillow and FFHQ's formula; the answer to the file as it is stored."""
    ager = load_ager("builtin")
    reported = {(item.person, item.age): item for item in scan_portraits(written).portraits}
    for portrait in scan_portraits(sources).portraits:
        own = reported[portrait.person, portrait.age]
        photograph = np.asarray(Image.open(own.path))
        found = assert_framed(photograph, portrait, "ffhq")
        assert np.abs(found - own.points).max() < 0.03 * np.ptp(own.points[:, 1])
        made = reported[portrait.person, 70.0 if portrait.age < 60 else 30.0]
        rgb = np.asarray(photograph, np.float32) / 255
        crop = crop_of(rgb, own.points, (portrait.age, made.age))
        step = ager([crop])[0].step
        wanted = np.clip(rgb + step, 0, 1) * 255
        apart = np.abs(np.asarray(Image.open(made.path), np.float32) - wanted)
        assert apart.mean() < 0.5  # the ager saw the photograph before it was rounded to eight bits
        assert np.percentile(apart, 99) < 3
        assert np.abs(wanted - photograph).max() > 20


def test_portraits_that_are_made_young_take_the_place_of_the_photographs(sources, tmp_path):
    """Both are 32 or older: they are made 20 and 24 first, in turn, then 60 from that and not from the photograph."""
    out = tmp_path / "out"
    run("pairs", sources, out, "--ages", "22,60", "--young", 1).ok()
    plates = scan_portraits(sources).portraits
    found = {(item.person, item.age): item for item in scan_portraits(out).portraits}
    firsts = dict(zip((item.person for item in plates), (20.0, 24.0), strict=True))
    assert set(found) == {(person, age) for person, first in firsts.items() for age in (first, 60.0)}
    assert all(item.real == (age < 60) for (_, age), item in found.items())
    ager = load_ager("builtin")
    for portrait in plates:
        plate, made = (found[portrait.person, age] for age in (firsts[portrait.person], 60.0))
        rgb = np.asarray(Image.open(plate.path), np.float32) / 255
        crop = crop_of(rgb, plate.points, (plate.age, 60.0))
        wanted = np.clip(rgb + ager([crop])[0].step, 0, 1) * 255
        assert np.abs(np.asarray(Image.open(made.path), np.float32) - wanted).mean() < 0.5


def test_a_neck_stays_as_it_is_where_the_face_grows_younger(portraits, folder_of, tmp_path):
    """A person with a bare neck, against the ager's own answer; the neck is what lies well below the outline."""
    with (portraits / "eval" / "index.csv").open(newline="", encoding="utf-8") as file:
        chosen = next(row for row in csv.DictReader(file) if row["file"] == "lon_107_neutral.jpg")
    run("pairs", folder_of(tmp_path / "one", [chosen], "eval"), tmp_path / "out", "--ages", "20").ok()
    younger, plate = sorted(scan_portraits(tmp_path / "out").portraits, key=lambda item: item.age)
    rgb, made = (np.asarray(Image.open(item.path), np.float32) / 255 for item in (plate, younger))
    (answer,) = load_ager("builtin")(
        [replace(crop_of(rgb, plate.points, (plate.age, 20.0)), look=Look(shape=0, hair=0))]
    )
    outline = np.zeros(rgb.shape[:2], np.uint8)
    cv2.fillPoly(outline, [np.round(plate.points[list(OVAL)]).astype(np.int32)], 1)
    beside = cv2.distanceTransform(1 - outline, cv2.DIST_L2, 3)
    face_height = np.ptp(plate.points[:468, 1])
    neck = (beside > 0.02 * face_height) & (np.arange(len(rgb))[:, None] > plate.points[152, 1])
    change, with_neck = (np.abs(step).mean(axis=2) for step in (made - rgb, answer.step))
    assert change[neck].mean() < 0.4 * with_neck[neck].mean()
    assert change[outline > 0].mean() > 0.8 * with_neck[outline > 0].mean()


def test_files_that_are_named_by_age_alone_stay_apart(sources, tmp_path):
    """person/age.jpg: two people of the same age have files of the same name."""
    for person, item in zip(("ann", "bob"), scan_portraits(sources).portraits, strict=True):
        (tmp_path / "in" / person).mkdir(parents=True)
        shutil.copy(item.path, tmp_path / "in" / person / "40.jpg")
    reported = run("pairs", tmp_path / "in", tmp_path / "out", "--ages", "60", "--model", "bands").ok()
    assert "2 photographs, 2 aged from them" in reported.out
    found = scan_portraits(tmp_path / "out", layout="index")
    assert not found.problems
    assert sorted((item.person, item.age) for item in found.portraits) == [
        ("ann", 40.0), ("ann", 60.0), ("bob", 40.0), ("bob", 60.0),
    ]  # fmt: skip
    sizes = {item.person: item.points[:468].ptp(axis=0).tobytes() for item in mesh_portraits(found).portraits}
    assert len(set(sizes.values())) == 2


def test_copies_name_the_photograph_that_they_lie_on(sources, tmp_path):
    """Two photographs of one person: ``vfxage train`` makes no pair of a copy of the one and a copy of the other."""
    (tmp_path / "in" / "ann").mkdir(parents=True)
    for age, item in zip((40, 52), scan_portraits(sources).portraits, strict=True):
        shutil.copy(item.path, tmp_path / "in" / "ann" / f"{age}.jpg")
    run("pairs", tmp_path / "in", tmp_path / "out", "--ages", "60,80", "--model", "bands").ok()
    found = scan_portraits(tmp_path / "out").portraits
    plates = {plate: {item.age for item in found if item.labels["plate"] == plate} for plate in ("ann_40", "ann_52")}
    assert plates == {"ann_40": {40.0, 60.0, 80.0}, "ann_52": {52.0, 60.0, 80.0}}
    assert {item.person for item in found} == {"ann"}


def test_what_was_made_is_not_made_from(written, tmp_path):
    """A pairs folder holds photographs and pictures of a teacher; only the former are portraits."""
    reported = run("pairs", written, tmp_path / "again", "--ages", "50", "--model", "bands").ok()
    assert "2 photographs" in reported.out


def test_a_folder_in_use_is_kept(sources, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine", encoding="utf-8")
    run("pairs", sources, tmp_path / "out").fails(2, "not empty", "new folder")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]
    run("pairs", sources, tmp_path / "out" / "mine.txt").fails(2, "cannot be used")


def test_ended_on_the_way_it_leaves_nothing_and_can_be_run_again(sources, tmp_path, monkeypatch):
    def fail(self, group):
        raise ModelError("failed as it ran")

    command = ("pairs", sources, tmp_path / "out", "--ages", "60")
    with monkeypatch.context() as patch:
        patch.setattr("vfxage.ager.relief.ReliefAger.__call__", fail)
        run(*command).fails(5, "failed as it ran")
    assert not (tmp_path / "out").exists()
    run(*command).ok()


@pytest.mark.parametrize("ages", ["", "old", "+20", "20;30", "-1,30", "30,121", "nan", "30,nan", "inf"])
def test_ages_that_are_none(sources, tmp_path, ages):
    run("pairs", sources, tmp_path / "out", f"--ages={ages}").fails(
        2, "--ages", "0 to 120" if "121" in ages else "20,40,60"
    )
    assert not (tmp_path / "out").exists()


def test_a_teacher_that_is_none(sources, tmp_path):
    run("pairs", sources, tmp_path / "out", "--model", tmp_path / "none.npz").fails(5, "none.npz")
    assert not (tmp_path / "out").exists()


def test_women_and_dark_skin_weigh_more(portraits, folder_of, tmp_path):
    """By the set's own measure of the skin (column ita_deg: below 10 brown or dark), and its column sex."""
    with (portraits / "clerk" / "index.csv").open(newline="", encoding="utf-8") as file:
        known = [row for row in csv.DictReader(file) if row["glasses"] == "0"]
    dark = {sex: min((r for r in known if r["sex"] == sex), key=lambda r: float(r["ita_deg"])) for sex in "FM"}
    light = {sex: max((r for r in known if r["sex"] == sex), key=lambda r: float(r["ita_deg"])) for sex in "FM"}
    folder = folder_of(tmp_path / "four", [*dark.values(), *light.values()], "clerk")
    run("pairs", folder, tmp_path / "out", "--ages", "50", "--model", "bands").ok()
    weight = {item.person: item.weight for item in scan_portraits(tmp_path / "out").portraits}
    own = {
        (name, sex): weight[side[sex]["person"]] for name, side in (("dark", dark), ("light", light)) for sex in "FM"
    }
    assert own["light", "M"] < own["light", "F"] < own["dark", "M"] < own["dark", "F"]


def test_packed_as_webp_the_set_is_small_and_shows_the_same(sources, written, tmp_path):
    reported = run("pairs", sources, tmp_path / "out", "--ages", "30,60,70", "--quality", "75").ok()
    small = {path.stem: path for path in (tmp_path / "out").glob("*.webp")}
    large = {path.stem: path for path in written.glob("*.png")}
    assert small.keys() == large.keys()
    assert sum(path.stat().st_size for path in small.values()) / len(small) < 40_000
    assert "MB" in reported.out
    for stem, path in small.items():
        apart = np.abs(np.asarray(Image.open(path), np.float32) - np.asarray(Image.open(large[stem]), np.float32))
        assert apart.mean() < 3
    assert not scan_portraits(tmp_path / "out").problems


@pytest.mark.parametrize("quality", ["0", "101", "good"])
def test_a_quality_that_is_none(sources, tmp_path, quality):
    run("pairs", sources, tmp_path / "out", "--quality", quality).fails(2, "quality")


def test_so_many_portraits_are_made_young(sources, tmp_path):
    own = {item.person: item.age for item in scan_portraits(sources).portraits}
    run("pairs", sources, tmp_path / "out", "--ages", "70", "--young", 0.5).ok()
    first = {item.person: item.age for item in scan_portraits(tmp_path / "out").portraits if item.real}
    assert sorted(age == own[person] for person, age in first.items()) == [False, True]
    assert 20.0 in first.values()
    run("pairs", sources, tmp_path / "more", "--young", 1.5).fails(2, "--young")
