"""The contact sheet of tracks: which frames it shows, what is drawn on them, and which files it may replace."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.face.track.shots import made_up
from tests.run_vfxage import run
from tests.small_shot import EXR, small_shot
from vfxage.face.track import Lost, Tracks
from vfxage.render.track_sheet import LEAST, MOST, sheet_frames

CYAN = (90, 220, 255)
"""The colour of track 0."""


@pytest.fixture(scope="module")
def tracked(plate: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small shot, 6 frames of 540x360, tracked."""
    path = small_shot(plate, tmp_path_factory.mktemp("sheet"), outputs=[EXR])
    run("track", path).ok()
    return path


def test_a_sheet_outlines_the_face_on_every_tile(tracked: Path) -> None:
    reported = run("track", tracked, "--sheet").ok()
    path = tracked.parent / "out" / "man.tracks.png"
    assert reported.out.splitlines()[-1] == str(path)
    with Image.open(path) as page:
        pixels = np.asarray(page.convert("RGB")).astype(int)
    drawn = np.abs(pixels - CYAN).max(2) < 8
    boxes = json.loads(run("track", tracked, "--json").ok().out)["faces"][0]["frames"]
    tile, top = (480, 320), pixels.shape[0] - 2 * (320 + 26 + 6)
    assert len(boxes) == 6
    for place, row in enumerate(boxes):
        left, above = 6 + place % 4 * (tile[0] + 6), top + place // 4 * (tile[1] + 26 + 6)
        ys, xs = np.nonzero(drawn[above : above + tile[1], left : left + tile[0]])
        x, y, width, height = (value * 480 / 540 for value in row["box"])
        assert ys.max() == pytest.approx(y + height, abs=3)  # the name is above the outline
        middle = abs(ys - (y + height / 2)) < 8
        assert (xs[middle].min(), xs[middle].max()) == (pytest.approx(x, abs=8), pytest.approx(x + width, abs=8))


def test_a_sheet_shows_where_faces_come_and_go_and_are_lost() -> None:
    numbers = tuple(range(1001, 1401))
    shot = Tracks(faces=(made_up(0, range(1017, 1203)), made_up(1, range(1301, 1309))), cuts=(1301,), numbers=numbers)
    gap = Lost(face="lead", numbers=tuple(range(1101, 1142)), why="gap")
    frames = sheet_frames(shot, [gap, replace(gap, face="x", numbers=(1399,), why="not taken")])
    assert {1001, 1400, 1017, 1202, 1301, 1308, 1121} <= set(frames)
    assert frames == sorted(set(frames))
    assert len(frames) == LEAST
    assert 1399 not in frames
    assert sheet_frames(replace(shot, numbers=(5, 7), faces=(), cuts=()), []) == [5, 7]
    many = tuple(made_up(face, range(1001 + face, 1100 + face)) for face in range(30))
    assert len(sheet_frames(replace(shot, faces=many), [])) == MOST


@pytest.mark.parametrize("words", [["--sheet", "SHEET"], ["--sheet=SHEET"]], ids=" ".join)
@pytest.mark.parametrize("first", [True, False])
def test_the_sheet_has_the_path_that_follows_the_option(
    words: list[str], first: bool, tracked: Path, tmp_path: Path
) -> None:
    path = tmp_path / "some" / "sheet.png"
    given = [word.replace("SHEET", str(path)) for word in words]
    run("track", *(given if first else []), tracked, *([] if first else given)).ok()
    with Image.open(path) as page:
        assert page.format == "PNG"


def test_a_shot_file_after_the_option_is_no_sheet(tracked: Path) -> None:
    before = tracked.read_bytes()
    reported = run("track", "--sheet", tracked, "--json").ok()
    assert json.loads(reported.out)["sheet"] == str(tracked.parent / "out" / "man.tracks.png")
    assert tracked.read_bytes() == before


def test_a_sheet_replaces_nothing_but_a_sheet(tracked: Path, tmp_path: Path) -> None:
    foreign = tmp_path / "cut.png"
    Image.new("RGB", (8, 8)).save(foreign)
    before = foreign.read_bytes()
    run("track", tracked, "--sheet", foreign).fails(2, "cut.png", "no contact sheet")
    run("track", tracked, "--sheet", tmp_path / "cut.jpg").fails(2, "cut.jpg", "PNG")
    assert foreign.read_bytes() == before
    for _ in range(2):
        run("track", tracked, "--sheet", tmp_path / "new.png").ok()
