"""Flicker on real footage of agers whose flicker is known."""

import numpy as np
import pytest

from tests.lab.evaluate.faces import MadeUp
from vfxage.errors import ReadError, ShotError
from vfxage.lab.evaluate.clips import ClipSettings, find_clips, measure_clip
from vfxage.progress import Silent


def test_a_step_in_proportion_to_the_plate_flickers_in_proportion(clips):
    ager = MadeUp(lambda one: 0.25 * one.rgb)
    found = measure_clip(clips / "androidx_sample.mp4", ager, ClipSettings(frames=8, workers=1), Silent())
    assert found.frames == (1, 8)
    assert found.size == 256
    assert found.raw == pytest.approx(0.25, rel=1e-4)
    assert found.steadied < 0.8 * found.raw


def test_a_constant_step_does_not_flicker_and_is_as_strong_as_it_is(clips):
    ager = MadeUp(lambda one: np.full_like(one.rgb, 0.02))
    found = measure_clip(clips / "turn_720p.264", ager, ClipSettings(frames=8, workers=2), Silent())
    assert found.raw == pytest.approx(0, abs=1e-4)
    assert found.steadied == pytest.approx(0, abs=1e-4)
    assert found.strength == pytest.approx(255 * 0.02)


def test_a_clip_without_a_face_is_an_error_that_says_so(clips):
    path = clips / "no_face_scene_cuts.mp4"
    with pytest.raises(ShotError, match="no face for 8 frames") as error:
        measure_clip(path, MadeUp(lambda one: one.rgb), ClipSettings(frames=8, workers=1), Silent())
    assert path.name in str(error.value)


def test_clips_are_files_as_named_and_the_movies_of_folders(clips, tmp_path):
    named = clips / "turn_720p.264"
    found = find_clips([named, clips])
    assert found[0] == named
    assert clips / "androidx_sample.mp4" in found
    assert not [path for path in found if path.suffix == ".md"]
    with pytest.raises(ReadError, match="no such clip"):
        find_clips([tmp_path / "gone.mov"])
    with pytest.raises(ShotError, match="no movies"):
        find_clips([tmp_path])
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(ShotError, match=r"no clip.*\.mov"):
        find_clips([tmp_path / "notes.txt"])
