"""The frames of the whole shot: the existing files and the frames that the shot names."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from tests.media.movies import numbered, write_movie
from tests.plates import write_exr, write_shot
from tests.run_vfxage import run
from vfxage.errors import ReadError, ShotError
from vfxage.render.job import open_job
from vfxage.shot import load_shot


def numbers(folder: Path, **keys: object) -> tuple[int, ...]:
    outputs = [{"path": "out/p.%04d.exr", "passes": ["beauty"]}]
    plate = {"plate": str(folder / "p.%04d.exr"), "colorspace": "ACEScg", "target_age": 60, "outputs": outputs}
    with open_job(load_shot(write_shot(folder, **{**plate, **keys}))) as job:
        return job.numbers


@pytest.fixture
def sparse(tmp_path: Path) -> Path:
    """Frames 1001 and 1002, and a stray file that somebody named by the date."""
    for number in (1001, 1002, 20261121):
        write_exr(tmp_path / f"p.{number}.exr", np.full((8, 8, 3), 0.5, np.float32))
    return tmp_path


def test_frames_asked_for_need_only_their_own_files(sparse: Path) -> None:
    assert numbers(sparse, frames="1001-1002") == (1001, 1002)
    assert numbers(sparse, frames="1002 20261121") == (1002, 20261121)


def test_without_frames_a_hole_is_reported_once_however_large(sparse: Path) -> None:
    with pytest.raises(ReadError, match=r"20260118 of 20260121 frames missing, the first is 1003") as caught:
        numbers(sparse)
    assert caught.value.frame == 1003
    with pytest.raises(ReadError, match="2 of 4 frames missing, the first is 1003"):
        numbers(sparse, frames="1001-1004")
    with pytest.raises(ShotError, match="which has 1001-20261121") as outside:
        numbers(sparse, frames="999-1002")
    lines = (sparse / "shot.yaml").read_text().splitlines()
    assert lines[(outside.value.line or 0) - 1].startswith("frames:")


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"target_age": {1: 30, 2: 60}}, ["every face", "`target_age`", "1-2", "1001-1002", "60"]),
        ({"intensity": {1003: 0.5, 1009: 1}}, ["`intensity`", "1003-1009", "0.5"]),
        ({"regions": {"eyes": {"target_age": {1: 30, 2: 40}}}}, ["`regions.eyes.target_age`", "stays 40"]),
        ({"faces": [{"name": "man", "select": "left", "source_age": {-5: 3, 0: 4}}]}, ["man", "`source_age`", "-5-0"]),
        ({"target_age": {1: 30, 1002: 60}}, []),
        ({"target_age": {990: 30, 1010: 60}}, []),
        ({"target_age": {5: 30}}, []),
    ],
)
def test_keyframes_that_all_lie_outside_the_shot_are_reported(
    sparse: Path, keys: dict[str, object], expected: list[str]
) -> None:
    shot = {"plate": str(sparse / "p.%04d.exr"), "colorspace": "ACEScg", "frames": "1001-1002", "target_age": 60}
    with open_job(load_shot(write_shot(sparse, **{**shot, **keys}))) as job:
        assert len(job.notes) == bool(expected)
        assert all(word in " ".join(job.notes) for word in expected)
    notes = run("info", sparse / "shot.yaml", "--json").ok().out
    assert ("keyframes of" in notes) == bool(expected)


@pytest.fixture
def grey(tmp_path: Path) -> Path:
    """A plate of four grey frames, 1001 to 1004."""
    for number in range(1001, 1005):
        write_exr(tmp_path / f"p.{number}.exr", np.full((16, 24, 3), 0.2, np.float32))
    return tmp_path


@pytest.mark.parametrize("number", [1001, 1003, 1004])
@pytest.mark.parametrize(
    ("target", "said"), [("/archive/a.exr", "does not exist"), ("p.{}.exr", "leads back"), (".", "is a folder")]
)
def test_a_frame_that_is_a_link_to_no_file_is_missing(grey: Path, number: int, target: str, said: str) -> None:
    link = grey / f"p.{number}.exr"
    link.unlink()
    link.symlink_to(target.format(number))
    with pytest.raises(ReadError, match=rf"frame {number}: .*is a link to .* {said}"):
        numbers(grey)
    assert f"1 frame without a file: p.{number}.exr is a link to" in run("info", grey / "p.%04d.exr").ok().out
    assert numbers(grey, missing_frames="hold") == (1001, 1002, 1003, 1004)
    there = [other for other in range(1001, 1005) if other != number]
    assert numbers(grey, frames=" ".join(map(str, there))) == tuple(there)


def test_a_plate_of_nothing_but_dead_links(grey: Path) -> None:
    for number in range(1001, 1005):
        link = grey / f"p.{number}.exr"
        link.unlink()
        link.symlink_to(f"/archive/{number}.exr")
    with pytest.raises(ReadError, match=r"p\.1001\.exr frame 1001: is a link to /archive/1001\.exr, which does not"):
        numbers(grey)


def test_frames_named_with_another_number_of_digits_are_not_left_out(grey: Path) -> None:
    os.rename(grey / "p.1001.exr", grey / "p.-0002.exr")
    with pytest.raises(ReadError, match=r"frame -2 is named p\.-0002\.exr, not p\.-002\.exr"):
        numbers(grey)
    assert numbers(grey, frames="1002-1004") == (1002, 1003, 1004)
    os.rename(grey / "p.-0002.exr", grey / "p.-002.exr")
    assert -2 in numbers(grey, frames="-2 1002-1004")


def test_the_range_that_the_shot_declares_reaches_the_plate_and_its_saved_tracks(tmp_path: Path) -> None:
    write_movie(tmp_path / "p.mkv", numbered(2), tags=(1, 1, 1), full_range=False)
    seen = {}
    for levels in (None, "full"):
        keys = {"range": levels} if levels else {}
        shot = load_shot(write_shot(tmp_path, plate=str(tmp_path / "p.mkv"), colorspace=None, outputs=[], **keys))
        with open_job(shot) as job:
            light = float(next(job.reader.read([1])).rgb.mean())
            seen[levels] = light, job.tracks_key()
    luma = 32  # of the first frame, in 8 bits
    assert seen[None][0] == pytest.approx(((luma - 16) / 219) ** 2.4, rel=1e-3)
    assert seen["full"][0] == pytest.approx((luma / 255) ** 2.4, rel=1e-3)
    assert seen[None][1] != seen["full"][1]
