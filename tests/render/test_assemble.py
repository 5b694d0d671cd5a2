"""Movies of frames that parts left are the movies of a whole render, byte for byte; parts leave no half movies."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.run_vfxage import run
from tests.small_shot import EXR, MOVIE, pictures, small_shot

DELTA = {"path": "out/delta.mov", "passes": ["delta"]}
MATTE = {"path": "out/matte.mp4", "passes": ["matte"]}
BEAUTY = {"path": "out/beauty.mp4", "passes": ["beauty"]}


@pytest.mark.parametrize("passes", [["beauty", "delta", "matte"], ["delta", "matte", "delta_raw"]])
def test_parts_and_assemble_give_the_bytes_of_a_whole_render(plate: Path, tmp_path: Path, passes: list[str]) -> None:
    outputs = [{**EXR, "passes": passes}, MOVIE, DELTA, MATTE, BEAUTY]
    faces = [{"name": "left", "select": "left"}]
    whole, parts = (small_shot(plate, tmp_path / name, outputs=outputs, faces=faces) for name in ("whole", "parts"))
    run("render", whole).ok()
    run("render", parts, "--frames", "1004-1006").ok()
    result = run("render", parts, "--frames", "1001-1003").ok()
    assert "`vfxage assemble` makes this movie" in result.err
    assert result.out.splitlines() == [
        str(tmp_path / "parts/out/man.%04d.exr"),
        "3 frames rendered, 0 complete already",
    ]
    assert not [name for name in pictures(tmp_path / "parts") if not name.endswith(".exr")]
    assert "4 movies assembled" in run("assemble", parts).ok().out
    assert pictures(tmp_path / "parts") == pictures(tmp_path / "whole")
    assert "0 movies assembled, 4 complete" in run("assemble", parts).ok().out
    run("verify", parts).ok()


def test_a_render_that_goes_on_assembles_the_movie_and_renders_only_what_lacks(
    plate: Path, whole: Path, tmp_path: Path
) -> None:
    shutil.copytree(whole / "out", tmp_path / "out")
    path = small_shot(plate, tmp_path)
    (tmp_path / "out" / "man.mov").unlink()
    (tmp_path / "out" / "man.1003.exr").unlink()
    assert "1 frame rendered, 5 complete already" in run("render", path).ok().out
    assert pictures(tmp_path) == pictures(whole)


def test_frames_that_are_missing_or_old_are_named(plate: Path, whole: Path, tmp_path: Path) -> None:
    shutil.copytree(whole / "out", tmp_path / "out")
    path = small_shot(plate, tmp_path)
    before = (tmp_path / "out" / "man.mov").read_bytes()
    for number in (1002, 1003):
        (tmp_path / "out" / f"man.{number}.exr").unlink()
    run("assemble", path, "--overwrite").fails(4, "2 of 6 frames", "1002-1003", "vfxage render")
    run("assemble", path, "--set", "target_age=70").fails(4, "6 of 6 frames")
    assert (tmp_path / "out" / "man.mov").read_bytes() == before
    (tmp_path / "out" / "man.tracks.npz").unlink()
    run("assemble", path).fails(4, "vfxage render")


def test_what_cannot_be_assembled_is_said(plate: Path, tmp_path: Path) -> None:
    path = small_shot(plate, tmp_path, outputs=[{**EXR, "passes": ["beauty", "matte"]}, MOVIE])
    run("render", path).ok()
    run("assemble", path).fails(2, "man.mov", "delta")
    run("assemble", small_shot(plate, tmp_path, outputs=[EXR])).fails(2, "no movie")


def test_a_shot_of_movies_alone_refuses_a_second_part(plate: Path, tmp_path: Path) -> None:
    path = small_shot(plate, tmp_path, outputs=[MOVIE])
    run("render", path, "--frames", "1001-1003").ok()
    held = (tmp_path / "out" / "man.mov").read_bytes()
    run("render", path, "--frames", "1004-1006").fails(2, "holds frames 1001-1003", "vfxage assemble")
    assert (tmp_path / "out" / "man.mov").read_bytes() == held
    assert "6 frames rendered" in run("render", path).ok().out
