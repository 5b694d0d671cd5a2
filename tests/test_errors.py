"""The one line of an error: where, as people would write it."""

import pytest

from tests.run_vfxage import run
from vfxage.errors import ReadError


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("shots/../plate/a.exr", "plate/a.exr"),
        ("/nowhere/shots/../plate/../a.exr", "/nowhere/a.exr"),
        ("../a.exr", "../a.exr"),
        ("./a.exr", "./a.exr"),
        ("a..b/c...exr", "a..b/c...exr"),
        ("rtsp://host/a/../b", "rtsp://host/a/../b"),
        ("a/../\0", "a/../\0"),
    ],
)
def test_a_path_is_reported_plainly(path, expected):
    assert ReadError("is gone", path=path).path == expected


def test_a_path_behind_a_link_stays_as_it_is(tmp_path):
    (tmp_path / "far" / "away").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "far" / "away")
    path = f"{tmp_path}/link/../a.exr"  # of far, not of tmp_path
    assert ReadError("is gone", path=path).path == path


def test_a_shot_in_a_folder_beside_its_plate_names_the_plates_path(tmp_path):
    (tmp_path / "shots").mkdir()
    shot = tmp_path / "shots" / "a.yaml"
    shot.write_text("plate: ../plate/a.%04d.exr\nsource_age: 40\ntarget_age: 60\n")
    run("info", shot).fails(3, f"error: {tmp_path}/plate/a.%04d.exr: no such file")


def test_a_training_file_in_a_folder_beside_its_portraits_names_their_path(tmp_path):
    (tmp_path / "runs").mkdir()
    recipe = tmp_path / "runs" / "a.yaml"
    recipe.write_text("out: ../out\ndata: {pairs: [{folder: ../people}]}\n")
    run("train", recipe, "--device", "cpu").fails(3, f"error: {tmp_path}/people: there is no such folder")
