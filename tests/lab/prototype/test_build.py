"""``vfxage prototype build`` from the folder to an ager, and what it refuses."""

import json
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from tests.run_vfxage import run
from vfxage.ager import load_ager
from vfxage.ager.prototype.data import REGIONS
from vfxage.lab.portraits import crop_portrait, scan_portraits
from vfxage.lab.prototype.donor_skin import MOST_REGIONS

LUMA = np.array([0.2126, 0.7152, 0.0722])


@pytest.fixture(scope="module")
def step(built, portraits):
    ager = load_ager(str(built))
    (woman,) = [item for item in scan_portraits(portraits / "eval").portraits if item.person == "lon_001"]

    def answer(source, target):
        crop = crop_portrait(woman, ager.framing, 256, (source, target))
        step = ager([crop])[0].step
        return crop, step

    return answer


def test_what_is_built_ages_a_face(step):
    """More lines and darker creases with the years, in the same places; the reverse for younger; nothing at rest."""
    change, whole = [], []
    for target in (40.0, 55.0, 70.0):
        crop, delta = step(25.0, target)
        assert np.isfinite(delta).all()
        inside = crop.points[[50, 280, 151, 205, 425]].astype(int)
        patches = [delta[y - 10 : y + 10, x - 10 : x + 10] @ LUMA for x, y in inside]
        change.append(float(np.mean([patch.std() for patch in patches])))
        whole.append(delta)
    assert 0.02 < change[2] < 0.08  # five to twenty codes of 255
    assert change[1] / change[0] == pytest.approx(30 / 15, rel=0.25)
    assert change[2] / change[0] == pytest.approx(45 / 15, rel=0.35)
    assert np.corrcoef(whole[1].ravel(), whole[2].ravel())[0, 1] > 0.7
    assert np.mean([patch.mean() for patch in patches[:3]]) < -0.005  # cheeks and chin are darker by 70
    assert np.corrcoef(step(70.0, 25.0)[1].ravel(), whole[2].ravel())[0, 1] < -0.2
    assert np.abs(whole[2][crop.matte == 0]).max() < 0.05 * np.abs(whole[2]).max()
    assert not step(40.0, 40.0)[1].any()


def test_the_recipe_names_every_source_and_whose_skin_is_where(built, rows):
    reported = json.loads(built.with_suffix(".json").read_text(encoding="utf-8"))
    assert {item["file"] for item in reported["portraits"]} == {row["file"] for row in rows}
    for item in reported["portraits"]:
        assert item["source"]
        assert "public domain" in item["licence"]
    known = {row["person"] for row in rows}
    given: Counter[str] = Counter()
    for assembly in reported["old_skin"]:
        people = [region["person"] for region in assembly.values()]
        assert set(assembly) <= set(REGIONS)
        assert len(set(people)) == len(people)  # nobody twice in one
        given.update(people)
    assert set(given) <= known
    assert f"more than {max(given.values())} regions" in reported["method"]
    youngest = {row["person"] for row in rows[:8]}
    assert not youngest & set(given)


def test_nobody_gives_more_of_the_shipped_skin_than_promised():
    from vfxage.ager.prototype.data import shipped

    reported = json.loads(shipped().with_suffix(".json").read_text(encoding="utf-8"))
    given = Counter(region["person"] for assembly in reported["old_skin"] for region in assembly.values())
    assert max(given.values()) <= MOST_REGIONS
    assert all("public domain" in item["licence"] for item in reported["portraits"])


def test_no_face_can_be_put_together_again(built, people, rows):
    """Old skin as stored, against what is each old person's own; a whole face of one donor would reach 0.75."""
    from vfxage.ager.prototype.data import load_prototype
    from vfxage.ager.prototype.sight import luma
    from vfxage.lab.prototype.canon import Canon
    from vfxage.lab.prototype.regress import unfold

    prototype = load_prototype(built)
    portraits = [item for item in scan_portraits(people).portraits if item.age > 60]
    canon = Canon([item.points for item in portraits])
    texture = canon.masks()["texture"]
    skin = texture > 0.5
    faces = np.array([luma(np.sum(unfold(item, canon, texture).bands[2:], axis=0))[skin] for item in portraits])
    for own in faces - faces.mean(axis=0):
        for middle in prototype.middle:
            for laid in (middle, middle[:, ::-1]):
                assert abs(np.corrcoef(own, laid[skin])[0, 1]) < 0.5


def test_built_again_it_is_the_same_file(built, people, tmp_path):
    again = tmp_path / "again.npz"
    run("prototype", "build", people, "-o", again).ok()
    assert again.read_bytes() == built.read_bytes()
    assert again.with_suffix(".json").read_bytes() == built.with_suffix(".json").read_bytes()


def left(folder):
    return sorted(path.name for path in folder.iterdir())


def test_too_few_people(tmp_path, folder_of, rows):
    folder, out = folder_of(tmp_path / "few", rows[:11]), tmp_path / "out"
    run("prototype", "build", folder, "-o", out / "p.npz").fails(2, "11 people", "12")
    assert not out.exists()


def test_many_portraits_of_few_people_are_few_people(tmp_path, folder_of, rows):
    """A mean of one person's portraits would be that person."""
    folder = folder_of(tmp_path / "one", [row | {"person": f"p{k % 5}"} for k, row in enumerate(rows)])
    run("prototype", "build", folder, "-o", tmp_path / "p.npz").fails(2, "5 people")


def test_made_pictures_are_no_portraits(tmp_path, folder_of, rows):
    marked = [row | {"real": "1" if k < 10 else "0"} for k, row in enumerate(rows)]
    folder = folder_of(tmp_path / "made", marked)
    run("prototype", "build", folder, "-o", tmp_path / "p.npz").fails(2, "10 people")


def test_ages_all_alike(tmp_path, folder_of, rows):
    folder = folder_of(tmp_path / "alike", [row | {"age": str(40 + k % 10)} for k, row in enumerate(rows)])
    run("prototype", "build", folder, "-o", tmp_path / "p.npz").fails(2, "mostly ages 4", "15 years")
    assert left(tmp_path) == ["alike"]


def test_old_people_who_all_wear_glasses_and_beards_give_no_skin(tmp_path, folder_of, rows):
    """Of glasses only the mouth is taken, and of turned heads nothing: here everybody is said to wear them."""
    folder = folder_of(tmp_path / "glasses", [row | {"glasses": "1"} for row in rows[:8] + rows[-4:]])
    run("prototype", "build", folder, "-o", tmp_path / "p.npz").ok()
    reported = json.loads((tmp_path / "p.json").read_text(encoding="utf-8"))
    assert all(set(assembly) <= {"mouth"} for assembly in reported["old_skin"])


def test_a_folder_without_faces(tmp_path):
    folder = tmp_path / "walls"
    (folder / "wall").mkdir(parents=True)
    for age in (20, 70):
        Image.new("RGB", (256, 256), (90, 110, 120)).save(folder / "wall" / f"{age}.png")
    reported = run("prototype", "build", folder, "-o", tmp_path / "p.npz").fails(2, "0 people")
    assert "shows no face" in reported.err
    assert left(tmp_path) == ["walls"]


def test_an_empty_folder_and_none(tmp_path):
    (tmp_path / "empty").mkdir()
    run("prototype", "build", tmp_path / "empty", "-o", tmp_path / "p.npz").fails(2, "no pictures")
    run("prototype", "build", tmp_path / "none", "-o", tmp_path / "p.npz").fails(3, "no such folder")


def test_landmarks_on_one_spot(tmp_path, folder_of, rows):
    folder = folder_of(tmp_path / "spot", rows[:12])
    np.savez(folder / "landmarks.npz", **{rows[0]["file"][:-4]: np.full((478, 2), 100.0)})
    run("prototype", "build", folder, "-o", tmp_path / "p.npz").fails(3, "landmarks.npz", "one spot")


@pytest.mark.parametrize("name", ["prototype", "prototype.npy", "prototype.safetensors"])
def test_another_suffix(tmp_path, people, name):
    run("prototype", "build", people, "-o", tmp_path / name).fails(2, ".npz")
    assert left(tmp_path) == []


@pytest.mark.parametrize("there", ["p.npz", "p.json"])
def test_what_lies_there_is_kept(tmp_path, people, there):
    (tmp_path / there).write_text("mine", encoding="utf-8")
    run("prototype", "build", people, "-o", tmp_path / "p.npz").fails(2, there, "--overwrite")
    assert left(tmp_path) == [there]
    assert (tmp_path / there).read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("words", [("build", "-o"), ("pairs",)])
def test_a_place_that_cannot_be_written(tmp_path, people, words):
    (tmp_path / "p.npz").mkdir()
    run("prototype", "build", people, "-o", tmp_path / "p.npz", "--overwrite").fails(2, "is a folder")
    (tmp_path / "p.npz").rmdir()
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    run("prototype", words[0], people, *words[1:], tmp_path / "file" / "p.npz").fails(2, "cannot be", "another place")
    assert left(tmp_path) == ["file"]
