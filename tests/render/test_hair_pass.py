"""The pass ``matte_hair``: the hair of each face on the plate, read back by OpenImageIO."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.plates import decode, halves, read_exr, write_exr, write_shot
from tests.run_vfxage import run
from vfxage.face.track import load_tracks

FIRST = 1001
PASSES = ["beauty", "delta", "matte", "matte_hair"]


@pytest.fixture(scope="module")
def plate(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two frames of two men: one man at a webcam and his mirror picture."""
    folder = tmp_path_factory.mktemp("plate")
    for index, rgb in enumerate(decode(clips / "androidx_sample.mp4", range(1, 3))):
        man = rgb[::2, 60:960:2]
        write_exr(folder / f"men.{FIRST + index}.exr", np.hstack([man, man[:, ::-1]]))
    return folder


def shot(plate: Path, folder: Path, **keys: object) -> Path:
    faces = [{"name": "one", "select": "left"}, {"name": "two", "select": "right"}]
    fixed = {"model": "relief", "plate": str(plate / "men.%04d.exr"), "faces": faces, "crop_size": 256}
    return write_shot(folder, **{**fixed, "outputs": [{"path": "out/men.%04d.exr", "passes": PASSES}], **keys})


@pytest.fixture(scope="module")
def rendered(plate: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The men keep their age: the hair needs no change."""
    folder = tmp_path_factory.mktemp("whole")
    path = shot(plate, folder, source_age=40, target_age=40)
    run("render", path).ok()
    assert "right" in run("verify", path).ok().out
    return folder


def hair(folder: Path, number: int, suffix: str = "") -> np.ndarray:
    return halves(read_exr(folder / f"out/men.{number}.exr")[f"matte_hair{suffix}.A"])


def test_the_hair_lies_on_the_hair_of_each_man_and_the_faces_add_up(plate: Path, rendered: Path) -> None:
    """Both men have dark hair above a bright forehead."""
    whole, one, two = (hair(rendered, FIRST, suffix) for suffix in ("", "_one", "_two"))
    assert np.allclose(whole, one + two, atol=2e-3)
    assert not read_exr(rendered / f"out/men.{FIRST}.exr")["delta.G"].any()
    tracks = load_tracks(next((rendered / "out").glob("*.tracks.npz")))
    before = read_exr(plate / f"men.{FIRST}.exr")
    light = np.mean([halves(before[letter]) for letter in "RGB"], axis=0)
    for own, track in zip((one, two), sorted(tracks.faces, key=lambda face: face.points[0, 0, 0]), strict=True):
        points = track.points[0]
        rows, columns = np.nonzero(own > 0.9)
        assert len(rows) > 500
        assert rows.mean() < points[9, 1]  # above the brows
        assert abs(columns.mean() - points[:, 0].mean()) < np.ptp(points[:, 0]) / 2
        x, y = points[[50, 280, 101, 330]].astype(int).T
        assert np.median(light[own > 0.9]) < 0.6 * np.median(light[y, x])
        assert np.median(own[y, x]) < 0.01


def test_the_hair_is_the_same_in_every_chunk(plate: Path, rendered: Path, tmp_path: Path) -> None:
    path = shot(plate, tmp_path, source_age=40, target_age=40)
    for number in (FIRST + 1, FIRST):
        run("render", path, "--frames", number).ok()
    for number in (FIRST, FIRST + 1):
        assert np.array_equal(hair(rendered, number), hair(tmp_path, number))


def test_a_hold_out_holds_the_hair_out_too(plate: Path, rendered: Path, tmp_path: Path) -> None:
    height, width = hair(rendered, FIRST).shape
    left = np.zeros((height, width, 3), np.float32)
    left[:, : width // 2] = 1
    write_exr(tmp_path / "left.exr", left)
    path = shot(plate, tmp_path, source_age=40, target_age=40, frames=str(FIRST), matte={"hold_out": "left.exr"})
    run("render", path).ok()
    held = hair(tmp_path, FIRST)
    assert not held[:, : width // 2 - 1].any()
    assert held[:, width // 2 + 1 :].max() > 0.9


def test_another_look_renders_the_frames_that_it_reaches(plate: Path, tmp_path: Path) -> None:
    """A keyframe on the second frame leaves the first as it is; without the filter each frame stands alone."""
    still = {"temporal": {"radius": 0, "strength": 0.0}, "faces": [{"name": "one", "select": "left"}]}
    path = shot(plate, tmp_path, source_age=40, target_age=60, **still)
    run("render", path).ok()
    before = [read_exr(tmp_path / f"out/men.{FIRST + k}.exr") for k in (0, 1)]
    keyed = f"look.hair={{{FIRST}: 1, {FIRST + 1}: 0}}"
    assert "1 frame rendered, 1 complete already" in run("render", path, "--set", keyed).ok().out
    after = [read_exr(tmp_path / f"out/men.{FIRST + k}.exr") for k in (0, 1)]
    assert np.array_equal(before[0]["delta.G"], after[0]["delta.G"])
    where = hair(tmp_path, FIRST + 1) > 0.95
    assert np.abs(before[1]["delta.G"][where]).mean() > 10 * np.abs(after[1]["delta.G"][where]).mean()
    assert np.array_equal(before[1]["matte_hair.A"], after[1]["matte_hair.A"])


def test_without_a_face_there_is_no_hair(clips: Path, tmp_path: Path) -> None:
    outputs = [{"path": "out/street.%04d.exr", "passes": ["matte_hair"]}]
    clip = str(clips / "no_face_scene_cuts.mp4")
    run("render", write_shot(tmp_path, model="relief", plate=clip, frames="8", outputs=outputs)).ok()
    ((name, plane),) = read_exr(tmp_path / "out/street.0008.exr").items()
    assert name == "matte_hair.A"
    assert not plane.any()


@pytest.mark.parametrize("path", ["a.%04d.png", "a.mov"])
def test_only_openexr_holds_the_hair(plate: Path, tmp_path: Path, path: str) -> None:
    outputs = [{"path": path, "passes": ["beauty", "matte_hair"]}]
    run("render", shot(plate, tmp_path, outputs=outputs)).fails(2, "`matte_hair`", ".exr")
