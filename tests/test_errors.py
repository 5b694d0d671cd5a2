"""The one line of an error: where, as people would write it."""

import pytest
from PIL import Image

from tests.run_vfxage import run
from vfxage.errors import ReadError, Source, naming_sources


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


SHOT = "plate: plate/a.%04d.exr\nsource_age: 40\ntarget_age: 60\ncolorspace: ACEScg\n"


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        (SHOT, 3, "plate/a.%04d.exr: no such file: its folder does not exist (named by `plate`)"),
        (SHOT.replace("plate/a.%04d.exr", "still.png") + "model: gone.pth\n", 5, "no such file (named by `model`)"),
        (
            SHOT.replace("plate/a.%04d.exr", "still.png") + "faces: [{name: ann, references: {70: [old.jpg]}}]\n",
            3,
            "old.jpg: no such file (named by `faces.0.references`)",
        ),
        (
            SHOT.replace("plate/a.%04d.exr", "still.png") + "regions: {map: map.png}\n",
            3,
            "map.png: the painted map: no such file (named by `regions.map`)",
        ),
        (SHOT.replace("plate/a.%04d.exr", "still.png") + "tracks: file/a.npz\n", 2, "(named by `tracks`)"),
    ],
    ids=["plate", "model", "references", "map", "tracks"],
)
def test_an_error_names_the_key_of_its_path(tmp_path, text, code, message):
    Image.new("RGB", (64, 64)).save(tmp_path / "still.png")
    (tmp_path / "file").touch()
    (tmp_path / "shot.yaml").write_text(text + "outputs: [{path: out/a.%04d.exr, passes: [beauty]}]\n")
    run("render", tmp_path / "shot.yaml", "--device", "cpu").fails(code, message)


def test_a_file_in_the_way_of_an_output_names_its_key_or_option(tmp_path):
    (tmp_path / "file").touch()
    Image.new("RGB", (64, 64)).save(tmp_path / "35.png")
    blocked = f"error: {tmp_path}/file: is a file where a folder is needed"
    recipe = tmp_path / "a.yaml"
    recipe.write_text("out: file/run\ndata: {pairs: [{folder: people}]}\n")
    run("train", recipe, "--device", "cpu").fails(2, f"{blocked} (named by `out`)")
    run("stills", tmp_path / "35.png", "-t", "50", "-o", tmp_path / "file").fails(2, f"{blocked} (named by --out)")
    run("sweep", tmp_path / "35.png", "--source-age", "35", "--out", tmp_path / "file" / "a.mp4").fails(
        2, f"{blocked} (named by --out)"
    )
    (tmp_path / "shot.yaml").write_text(SHOT.replace("plate/a.%04d.exr", "35.png") + "outputs: [{path: file/a.exr}]\n")
    run("render", tmp_path / "shot.yaml").fails(2, f"{blocked} (named by `outputs.0.path`)")


def test_a_file_in_a_folder_is_named_by_the_key_of_the_folder():
    found = [Source("`out`", "/a"), Source("`data.pairs.0.folder`", "/a/people"), Source("`plate`", "/a/b.%04d.exr")]
    for path, key in (("/a/people/index.csv", "`data.pairs.0.folder`"), ("/a/x", "`out`"), ("/ab", None), ("/", None)):
        with pytest.raises(ReadError) as caught, naming_sources(found):
            raise ReadError("is gone", path=path)
        assert caught.value.source == key
