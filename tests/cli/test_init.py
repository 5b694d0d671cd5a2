"""``vfxage init``: the shot file that it writes is right for the plate, as other programs see the plate."""

from __future__ import annotations

import shutil
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.plates import decode, write_exr
from tests.run_vfxage import run
from vfxage.shot import PointSelect, load_shot


def written(plate: object, folder: Path, name: str = "shot.yaml") -> Path:
    path = folder / name
    assert run("init", plate, "--out", path).ok().out == f"{path}\n"
    return path


def test_a_movie_with_one_face_renders_at_once(clips: Path, tmp_path: Path) -> None:
    plate = clips / "androidx_sample.mp4"
    path = written(plate, tmp_path)
    shot = load_shot(path)
    with av.open(str(plate)) as container:
        count = sum(1 for _ in container.decode(video=0))
    assert Path(shot.plate).samefile(plate)
    assert str(shot.frames) == f"1-{count}"
    (face,) = shot.faces
    assert (face.name, face.select) == ("lead", "largest")
    (height,) = [int(line.split()[1]) for line in path.read_text().splitlines() if "pixels high" in line]
    assert 280 < height < 350  # 313, says the clip's index
    keyed = path.read_text().replace("target_age: 60", f"target_age: {{1: 40, {count}: 60}}")
    assert f"keyframes {{1: 40, {count}: 60}}" in path.read_text(), "the examples are for this plate"
    path.write_text(keyed)
    run("render", path, "--strict", "--set", "frames=15", "--set", "model=bands").ok()
    assert [file.name for file in (tmp_path / "out").glob("*.exr")] == ["androidx_sample.0015.exr"]


def test_two_faces_are_selected_by_points_on_them(clips: Path, tmp_path: Path) -> None:
    (small,) = (rgb[::2, ::2] for rgb in decode(clips / "androidx_sample.mp4", range(1, 2)))
    pair = np.hstack([small, small[:, ::-1] * 0.8])
    named = PngInfo()
    named.add(b"sRGB", b"\0")
    Image.fromarray((pair ** (1 / 2.4) * 255).astype(np.uint8)).save(tmp_path / "pair.1001.png", pnginfo=named)
    path = written(tmp_path / "pair.####.png", tmp_path)
    faces = load_shot(path).faces
    assert [face.name for face in faces] == ["face1", "face2"]
    sides = set()
    for face in faces:
        assert isinstance(face.select, PointSelect)
        assert face.select.frame == 1001
        sides.add(face.select.point[0] > 540)
    assert sides == {False, True}
    assert "not found" not in run("info", path).ok().out


def test_one_frame_of_a_sequence_is_the_plate_with_a_note(tmp_path: Path) -> None:
    for number in (1001, 1002, 1005):
        write_exr(tmp_path / "plate" / f"a b's &1.{number}.exr", np.full((48, 64, 3), 0.2, np.float32))
    path = written(tmp_path / "plate" / "a b's &1.1001.exr", tmp_path, "one.yaml")
    assert str(load_shot(path).frames) == "1001"
    reported = run("init", tmp_path / "plate" / "a b's &1.1001.exr", "--out", tmp_path / "two.yaml").err
    assert "is one frame: name " in reported
    assert "a b's &1.%04d.exr" in reported


def test_holes_and_an_unknown_colour_space_are_left_to_the_user(exrs: Path, tmp_path: Path) -> None:
    (tmp_path / "plate").mkdir()
    for number in (1001, 1002, 1005):
        shutil.copy(exrs / "display_window_t05.exr", tmp_path / "plate" / f"p.{number}.exr")
    path = written(tmp_path / "plate" / "p.%04d.exr", tmp_path)
    text = path.read_text()
    assert str(load_shot(path).frames) == "1001-1002 1005"
    assert "# 2 frames missing" in text
    assert "plate: plate/p.%04d.exr\n" in text
    run("info", path).fails(2, "colour space", "colorspace:")
    path.write_text(text.replace("# colorspace: ACEScg", "colorspace: ACEScg"))
    run("info", path).ok()


def test_the_colour_space_of_the_example_is_one_that_such_files_have(tmp_path: Path) -> None:
    for number in (1, 2):
        Image.fromarray(np.full((48, 64, 3), 90, np.uint8)).save(tmp_path / f"p.{number:04d}.png")
    path = written(tmp_path / "p.%04d.png", tmp_path)
    assert "# colorspace: sRGB Encoded Rec.709 (sRGB)\n" in path.read_text()
    run("info", path).fails(2, "for example `sRGB Encoded Rec.709 (sRGB)` or `Rec.1886 Rec.709 - Display`")


def test_the_file_is_named_after_the_plate_and_replaces_nothing(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    plate = clips / "no_face_scene_cuts.mp4"
    run("init", plate).ok()
    path = tmp_path / "no_face_scene_cuts.yaml"
    assert [face.select for face in load_shot(path).faces] == ["all"]
    path.write_text("mine")
    run("init", plate).fails(2, path.name, "--overwrite")
    assert path.read_text() == "mine"
    run("init", plate, "--overwrite").ok()
    load_shot(path)
    run("init", plate, "--out", "shot.txt").fails(2, "shot.txt", ".yaml")
    run("init", tmp_path / "none.mov").fails(3, "none.mov")
    run("init", tmp_path).fails(2, "folder")


@pytest.mark.parametrize("name", ["plate", "a: b &c - {d}", "'quoted' \"twice\"", "long " * 40, "grün", "- x", "50%"])
def test_any_name_of_a_plate_makes_a_file_that_loads(name: str, exrs: Path, tmp_path: Path) -> None:
    plate = tmp_path / f"{name}.exr"
    plate.symlink_to(exrs / "display_window_t05.exr")
    shot = load_shot(written(plate, tmp_path))
    assert shot.plate == str(plate)
    assert len(shot.outputs) == 1
