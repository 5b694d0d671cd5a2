"""Hands over time: which tracklets become a hand, and where it is on the frames between."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.face.track.shots import decode, made_up, track
from vfxage.face.detect import FaceFinder
from vfxage.face.detect.hands import Hand, HandFinder
from vfxage.face.track.canvas import Canvas
from vfxage.face.track.hands import found_hands, hand_tracks
from vfxage.types import Window

SPREAD = np.random.default_rng(5).uniform(-30, 30, (21, 2))
CANVAS = Canvas(Window(0, 0, 640, 480), 1.0)
FACE = made_up(0, range(100, 121), x=300.0)
"""Its points lie around (300, 200), 96 wide and 120 high."""


def hand(x=300.0, y=200.0, palm=0.9, score=0.99, size=40.0):
    return Hand(points=np.array(SPREAD + np.array([x, y]), np.float32), size=size, palm=palm, score=score)


def linked(seen, numbers=range(100, 121), faces=(FACE,), canvas=CANVAS):
    runs = [np.array(numbers, np.int32)]
    sure = [found for found, proven in found_hands(sorted(seen.items()), runs) if proven]
    return hand_tracks(sure, runs, faces, canvas, 1.0)


def test_a_missed_frame_between_two_sightings_is_bridged_where_the_hand_must_be():
    (found,) = linked({105: [hand(280)], 107: [hand(300)]})
    assert found.numbers.tolist() == [104, 105, 106, 107, 108]
    np.testing.assert_allclose(found.points[2], SPREAD + np.array([290, 200]), atol=0.1)
    np.testing.assert_allclose(found.motion[2], np.broadcast_to((10, 0), (21, 2)), atol=0.1)
    assert found.presence[1:4].tolist() == [1, 1, 1]
    assert 0 < found.presence[0] < 1
    assert 0 < found.presence[4] < 1
    np.testing.assert_allclose(found.size, 40, rtol=1e-5)


def test_a_hand_in_the_first_and_the_last_frame_of_a_take_is_there_in_full():
    (found,) = linked({number: [hand()] for number in range(100, 121)})
    assert found.numbers.tolist() == list(range(100, 121))
    assert np.all(found.presence == 1)


@pytest.mark.parametrize(
    "seen",
    [
        {},
        {110: [hand()]},
        {104: [hand()], 112: [hand()]},
        {number: [hand(score=0.8)] for number in range(100, 121)},
        {number: [hand(palm=0.4)] for number in range(100, 121)},
        {109: [hand()], 110: [hand(score=0.6)], 111: [hand(palm=0.35)]},
        {110: [hand(200)], 111: [hand(400)]},
        {110: [hand(size=20)], 111: [hand(size=40)]},
        {110: [hand(560)], 111: [hand(560)]},
        {110: [hand(y=420)], 111: [hand(y=420)]},
    ],
    ids=[
        "none",
        "lone",
        "far-apart-in-time",
        "nose",
        "weak-palm",
        "one-sure",
        "jump",
        "growth",
        "beside-the-face",
        "below",
    ],
)
def test_what_is_no_hand_before_the_face_is_dropped(seen):
    assert linked(seen) == ()


def test_doubtful_sightings_carry_a_sure_hand_on():
    seen = {n: [hand(score=0.99 if n in (108, 109) else 0.6)] for n in range(106, 113)}
    (found,) = linked(seen)
    assert found.numbers.tolist() == list(range(105, 114))


def test_one_sure_sighting_is_enough_in_a_still():
    (found,) = linked({110: [hand()]}, numbers=[110])
    assert (found.numbers.tolist(), found.presence.tolist()) == ([110], [1])
    assert np.all(found.motion == 0)


def test_two_hands_that_pass_each_other_stay_two():
    left = {n: 260 + 4.0 * (n - 100) for n in range(100, 121)}
    both = linked({n: [hand(x, 180), hand(600 - x, 260)] for n, x in left.items()})
    assert len(both) == 2
    for track_ in both:
        steps = np.diff(track_.points.mean(1)[:, 0])
        assert np.all(np.abs(np.abs(steps) - 4) < 0.5)


def test_a_finger_that_folds_for_two_frames_alone_stays_stretched():
    points = hand().points.copy()
    points[5:9] = points[5]
    folded = replace(hand(), points=points)
    seen = {n: [folded if n in (109, 110) else hand()] for n in range(104, 117)}
    (found,) = linked(seen)
    np.testing.assert_allclose(found.points, np.broadcast_to(SPREAD + np.array([300, 200]), found.points.shape), atol=6)


def test_points_are_the_plates_own_on_an_anamorphic_canvas():
    face = made_up(0, range(100, 121), x=150.0)
    wide = Canvas(Window(-20, 10, 640, 480), 2.0)
    (found,) = linked({105: [hand(300, 190)], 106: [hand(300, 190)]}, faces=(face,), canvas=wide)
    np.testing.assert_allclose(found.points[1], (SPREAD + np.array([300, 190])) / (2, 1) + (-20, 10), atol=1e-3)


def test_the_signers_hand_is_found_where_she_holds_it(clips: Path):
    (picture,) = decode(clips / "signer_hand_over_face.mp4", 31, 32)
    with FaceFinder() as finder, HandFinder() as hands:
        (face,) = finder.find(picture)
        (found,) = hands.near(picture, [face.points])
        again = hands.near(picture, [face.points, face.points])
        small = cv2.resize(picture, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
        (shrunk,) = hands.near(small, [face.points / 4])
        assert hands.near(picture, []) == []
    assert len(again) == 1
    assert np.linalg.norm(found.points[4] - (316, 284)) < 15, "the tip of the thumb, by eye"
    assert np.linalg.norm(shrunk.points[4] * 4 - (316, 284)) < 20
    assert found.points[0][1] > found.points[9][1], "the wrist is below"
    assert found.score > 0.9


def test_a_shot_has_the_hand_and_its_tracks_are_the_same_again(clips: Path):
    pictures = list(decode(clips / "signer_hand_over_face.mp4", 27, 34))
    one, other = track(pictures, first=27), track(pictures, first=27)
    (found,) = one.hands
    assert {29, 30, 31, 32} <= set(found.numbers.tolist())
    for name in ("numbers", "points", "motion", "size", "presence"):
        np.testing.assert_array_equal(getattr(found, name), getattr(other.hands[0], name))


def test_portraits_have_no_hands(portraits: Path):
    with np.load(portraits / "eval" / "landmarks.npz", allow_pickle=False) as archive, HandFinder() as hands:
        for name in list(archive)[:6]:
            picture = cv2.imread(str(portraits / "eval" / f"{name}.jpg"))[..., ::-1]
            found = hands.near(np.ascontiguousarray(picture), [archive[name]])
            assert [item for item in found if item.score >= 0.9 and item.palm >= 0.5] == []
