"""Which pictures are aged, where their results go, and which ages their people get."""

from __future__ import annotations

from pathlib import Path

import pytest

from vfxage.errors import ReadError, ShotError
from vfxage.pictures import list_pictures


def files(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")
    return folder


def listed(*named, source="30", out="out"):
    pictures = list_pictures([Path(one) for one in named], source, Path(out)).pictures
    return {str(one.place): one.fault or one.age for one in pictures}


def test_a_folder_stands_for_its_pictures_in_their_folders(tmp_path):
    files(tmp_path, "a.JPG", "b/c.png", "b/d.exr", "b/notes.txt", ".hidden/e.png", "b/.f.png", "g.webp")
    assert listed(tmp_path) == {"a.JPG": 30, "b/c.png": 30, "b/d.exr": 30}


def test_results_of_an_earlier_run_are_no_pictures(tmp_path):
    files(tmp_path, "a.jpg", "out/a_70.jpg")
    assert listed(tmp_path, out=tmp_path / "out") == {"a.jpg": 30}


def test_a_picture_that_is_named_twice_is_aged_once(tmp_path):
    files(tmp_path, "a.jpg")
    assert listed(tmp_path, tmp_path / "a.jpg", tmp_path / "." / "a.jpg") == {"a.jpg": 30}


def test_pictures_of_one_name_keep_the_folders_that_tell_them_apart(tmp_path):
    files(tmp_path, "x/one/p.jpg", "y/one/p.jpg", "y/q.jpg")
    places = listed(*(tmp_path / name for name in ("x/one/p.jpg", "y/one/p.jpg", "y/q.jpg")))
    assert places == {"x/one/p.jpg": 30, "y/one/p.jpg": 30, "q.jpg": 30}


@pytest.mark.parametrize(
    ("names", "ages"),
    [
        (["ann/35.jpg", "bob/42_b.jpg"], [35, 42]),
        (["35/ann.jpg", "42/ann.jpg"], [35, 42]),
        (["35_0_1_20170109150557335.jpg", "8_1_0_20170109150557335.chip.jpg"], [35, 8]),
        (["deep/er/ann/35.jpg"], [35]),
    ],
)
def test_names_tell_ages(tmp_path, names, ages):
    assert list(listed(files(tmp_path / "set", *names), source=None).values()) == ages


def test_a_name_without_an_age_among_others_is_a_fault_of_that_picture(tmp_path):
    found = listed(files(tmp_path / "set", "ann/35.jpg", "ann/36.jpg", "ann/holiday.jpg"), source=None)
    assert found == {"ann/35.jpg": 35, "ann/36.jpg": 36, "ann/holiday.jpg": "its name tells no age"}


@pytest.mark.parametrize("names", [["IMG_2041.jpg"], ["0001.jpg", "0002.jpg"], ["s/1.jpg", "s/2.jpg", "s/3.jpg"]])
def test_names_that_tell_no_age_ask_for_one(tmp_path, names):
    with pytest.raises(ShotError, match="--source-age"):
        listed(files(tmp_path / "set", *names), source=None)


def test_an_index_gives_ages_to_the_pictures_beside_it(tmp_path):
    files(tmp_path, "a.jpg", "b/c.jpg", "d.jpg", "e.jpg")
    (tmp_path / "index.csv").write_text("file,age,who\na.jpg,31,x\nb/c.jpg,64.5,y\nd.jpg,old,z\n")
    expected = {
        "a.jpg": 31,
        "b/c.jpg": 64.5,
        "d.jpg": f"its age is no number ('old') in {tmp_path}/index.csv:4",
        "e.jpg": "has no age in index.csv",
    }
    assert listed(tmp_path, source=None) == expected
    assert listed(tmp_path, source=str(tmp_path / "index.csv")) == expected
    assert listed(tmp_path / "a.jpg", source=str(tmp_path / "index.csv")) == {"a.jpg": 31}


def test_a_picture_with_two_ages_has_none(tmp_path):
    files(tmp_path, "a.jpg", "b.jpg")
    (tmp_path / "index.csv").write_text("file,age\na.jpg,31\nb.jpg,40\n./a.jpg,60\nb.jpg,40.0\n")
    assert listed(tmp_path, source=None) == {"a.jpg": "is listed twice, with the ages 31 and 60", "b.jpg": 40}


@pytest.mark.parametrize("source", ["old", "-1", "121", "nan"])
def test_a_source_age_that_is_none(tmp_path, source):
    with pytest.raises(ShotError, match="--source-age"):
        listed(files(tmp_path, "a.jpg"), source=source)


@pytest.mark.parametrize(
    ("name", "error", "word"),
    [
        ("gone.jpg", ReadError, "no such"),
        ("empty", ReadError, "holds no pictures"),
        ("a.webp", ShotError, ".webp"),
        ("a.mp4", ShotError, "movie"),
        ("noname", ShotError, "suffix"),
    ],
)
def test_what_is_no_picture(tmp_path, name, error, word):
    (tmp_path / "empty").mkdir()
    files(tmp_path, "a.webp", "a.mp4", "noname")
    with pytest.raises(error, match=word):
        listed(tmp_path / name)


def test_the_folder_of_the_pictures_is_no_place_for_results(tmp_path):
    with pytest.raises(ShotError, match="--out"):
        listed(files(tmp_path, "a.jpg"), out=tmp_path)
