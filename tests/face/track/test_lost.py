"""Faces that are lost are named with their frames, and nothing else is."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from tests.face.track.shots import made_up
from vfxage.face.track import Tracks, lost_faces, taken_by
from vfxage.frames import FrameRange

WIDTH, HEIGHT = 1080, 400


def face(select, name=None):
    return SimpleNamespace(name=name, select=select)


def at(frame, x, y):
    return SimpleNamespace(frame=frame, point=(x, y))


def lost(tracks, *faces, numbers=None):
    """(face, why, frames) of every loss."""
    found = lost_faces(tracks, faces, (WIDTH, HEIGHT), tracks.numbers if numbers is None else numbers)
    return [(one.face, one.why, str(FrameRange(one.numbers))) for one in found]


def test_a_gap_in_a_track_is_a_loss_and_a_small_face_that_comes_and_goes_is_none(shot):
    """Track 2 of the fixture is on frames 1003-1005 and 1009-1011, and much smaller than the others."""
    assert lost(shot, face("all")) == [("every face, track 2", "gap", "1006-1008")]


def test_people_whom_no_face_of_the_shot_selects_are_named(shot):
    assert lost(shot, face("largest", "lead")) == [
        ("track 1", "not taken", "1001-1020"),
        ("track 2", "not taken", "1003-1005 1009-1011"),
    ]
    assert taken_by(shot, (face("largest", "lead"), face("left"))) == {0: "lead", 3: "lead", 1: "left face"}


def test_a_face_selected_by_a_point_is_lost_in_the_takes_of_other_points(shot):
    found = lost(shot, face(at(1001, 600, 200), "lead"), face("all", "crowd"))
    assert ("lead", "take", "1021-1040") in found
    assert not [one for one in found if one[1] == "not taken"]


def test_a_face_that_is_nowhere_is_lost_on_every_frame(shot):
    none = replace(shot, faces=())
    assert lost(none, face("left", "lead"), face("all")) == [
        ("lead", "nowhere", "1001-1040"),
        ("every face", "nowhere", "1001-1040"),
    ]


@pytest.mark.parametrize(
    ("x", "speed", "expected"),
    [
        (540, 0, [("lead", "vanishes", "1-4 18-30")]),
        (40, 0, [("lead", "vanishes", "1-4 18-30")]),  # 96 wide: a close-up with a little of it outside
        (20, 0, []),  # more than a quarter is outside
        (950, 10, [("lead", "vanishes", "1-4")]),  # it moves out of the picture to the right
        (300, -20, [("lead", "vanishes", "1-4")]),  # and to the left
        (-20, 20, [("lead", "vanishes", "18-30")]),  # it comes in from the left, and vanishes in the middle
    ],
)
def test_only_a_face_that_comes_and_goes_inside_the_picture_is_lost(x, speed, expected):
    track = made_up(0, range(5, 18), x=x)
    moved = track.points + np.array([[[k * speed, 0]] for k in range(13)], np.float32)
    tracks = Tracks(faces=(replace(track, points=moved),), cuts=(), numbers=tuple(range(1, 31)))
    assert lost(tracks, face("largest", "lead")) == expected


def test_frames_that_the_shot_does_not_have_are_no_loss():
    numbers = tuple(range(1, 302, 100))
    tracks = Tracks(faces=(made_up(0, numbers, x=540),), cuts=(), numbers=numbers)
    assert lost(tracks, face("largest", "lead")) == []


def test_only_the_frames_that_were_asked_for_count(shot):
    assert lost(shot, face("all"), numbers=[1001, 1007]) == [("every face, track 2", "gap", "1007")]
    assert lost(shot, face("all"), numbers=[1001, 1009]) == []
