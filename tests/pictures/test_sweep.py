"""``vfxage sweep``: the sheet and the loop, read by Pillow and PyAV."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image, ImageSequence

from tests.run_vfxage import run
from tests.small_shot import FIRST, small_shot
from vfxage.pictures.loop import loop_ages

TILE, GAP, STRIP = 256, 4, 30


@pytest.fixture(scope="module")
def face(portraits, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("person") / "35.png"
    Image.open(portraits / "eval" / "lon_002_neutral.jpg").convert("RGB").resize((256, 256)).save(path)
    return path


@pytest.fixture(scope="module")
def swept(face) -> Path:
    """The loop of two models from 35 to 55; the sheet is the PNG beside it."""
    loop = face.with_name("ages.mp4")
    words = ("--ages", "35-55", "--step", "10", "-m", "bands", "-m", "small", "--out", loop)
    done = run("sweep", face, *words).ok()
    assert done.out.split() == [str(loop.with_suffix(".png")), str(loop)]
    return loop


def tile(sheet, column: int, row: int = 0, block: int = 0):
    """A face of the sheet without its label."""
    top = STRIP + row * (TILE + GAP) + block * (STRIP + TILE + GAP)
    left = GAP + column * (TILE + GAP)
    return np.asarray(sheet).astype(int)[top + 40 : top + TILE, left : left + TILE]


def test_the_sheet_shows_every_model_at_every_age(swept):
    with Image.open(swept.with_suffix(".png")) as sheet:
        assert sheet.size == (4 * (TILE + GAP) + GAP, 2 * (STRIP + TILE + GAP) + GAP)
        change = [
            [np.abs(tile(sheet, k, 0, block) - tile(sheet, 0, 0, block)).mean() for k in range(4)] for block in (0, 1)
        ]
        assert np.abs(tile(sheet, 0) - tile(sheet, 0, 0, 1)).max() == 0  # the same picture
        models = np.abs(tile(sheet, 3) - tile(sheet, 3, 0, 1)).mean()
    for at_own_age, at_45, at_55 in (row[1:] for row in change):
        assert at_own_age < 0.05
        assert 0.1 < at_45 < at_55
    assert models > 0.1


def test_the_loop_runs_up_and_down_without_a_jump(swept):
    with av.open(str(swept)) as movie:
        frames = [frame.to_ndarray(format="gray").astype(int)[60::2, ::2] for frame in movie.decode(video=0)]
    assert frames[0].shape[1] == 512  # two faces, every second pixel
    steps = [np.abs(a - b).mean() for a, b in zip(frames, [*frames[1:], frames[0]], strict=True)]
    far = np.abs(frames[0] - frames[len(frames) // 2]).mean()
    assert far > 0.4
    assert max(steps) < far / 2  # a key frame of the codec differs a little from the frame before it
    away = [np.abs(frame - frames[0]).mean() for frame in frames]
    top = int(np.argmax(away))
    assert np.mean(away[: top // 2]) < np.mean(away[top // 2 : top])
    assert 0.3 * len(frames) < top < 0.7 * len(frames)


def test_a_loop_meets_itself():
    ages = loop_ages((10, 50, 95), 24)
    steps = np.abs(np.diff([*ages, ages[0]]))
    assert steps.max() <= 10 / 24 + 1e-9
    assert (min(ages), max(ages)) == (10, 95)
    assert loop_ages((40,), 24) == [40] * 24


@pytest.mark.parametrize(("suffix", "kind"), [(".webp", "WEBP"), (".gif", "GIF")])
def test_a_loop_may_be_a_picture_that_moves(face, tmp_path, suffix, kind):
    loop = tmp_path / f"a{suffix}"
    run("sweep", face, "--source-age", "35", "--ages", "35,75", "-m", "bands", "--out", loop).ok()
    with Image.open(loop) as picture:
        assert picture.format == kind
        count = len(list(ImageSequence.Iterator(picture)))
        assert count > 20
        picture.seek(0)
        assert picture.info["loop"] == 0
        first = np.asarray(picture.convert("RGB")).astype(int)[40:]
        picture.seek(count // 2)
        assert np.abs(np.asarray(picture.convert("RGB")).astype(int)[40:] - first).mean() > 0.3


def test_a_frame_of_a_shot(whole, plate, tmp_path):
    shot = small_shot(plate, whole)
    loop = tmp_path / "shot.gif"
    run("sweep", shot, "--frame", FIRST + 2, "--ages", "45,80", "-m", "bands", "--out", loop).ok()
    with Image.open(loop.with_suffix(".png")) as sheet:
        assert np.abs(tile(sheet, 2) - tile(sheet, 0)).mean() > 0.2


@pytest.mark.parametrize(
    ("more", "code", "word"),
    [
        (("--ages", "old"), 2, "--ages"),
        (("--frame", "3"), 2, "--frame"),
        (("--face", "lead"), 2, "--face"),
        (("--out", "a.avi"), 2, ".mp4"),
        (("--model", "nothing"), 2, "nothing"),
        (("--source-age", "200"), 2, "200"),
    ],
)
def test_a_wrong_option_is_one_line(face, tmp_path, monkeypatch, more, code, word):
    monkeypatch.chdir(tmp_path)
    run("sweep", face, *more).fails(code, word)
    assert not list(tmp_path.iterdir())


def test_a_file_in_the_way_stays(face, tmp_path):
    (tmp_path / "a.png").write_bytes(face.read_bytes())
    run("sweep", face, "--ages", "35,60", "-m", "bands", "--out", tmp_path / "a.mp4").fails(2, "a.png", "--overwrite")
    run("sweep", face, "--ages", "35,60", "-m", "bands", "--out", face.with_suffix(".mp4")).fails(2, "is the picture")
    assert (tmp_path / "a.png").read_bytes() == face.read_bytes()


def test_a_picture_without_a_face(tmp_path):
    Image.new("RGB", (200, 200), (80, 120, 60)).save(tmp_path / "30.png")
    run("sweep", tmp_path / "30.png", "--out", tmp_path / "a.mp4").fails(4, "shows no face")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["30.png"]


def test_a_damaged_picture_is_named_without_a_frame_number(tmp_path):
    (tmp_path / "30.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    done = run("sweep", tmp_path / "30.png", "--source-age", "30", "--out", tmp_path / "a.mp4").fails(
        3, "30.png: damaged"
    )
    assert "frame" not in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["30.png"]
