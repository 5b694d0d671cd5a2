"""Where hair greys first: temples before the front, the front before the crown, the crown before the ends."""

import numpy as np
import pytest

from vfxage.ager.relief.mean_face import load_mean_face
from vfxage.ager.relief.older.light import Pose, Surface
from vfxage.ager.relief.older.onset import beard_onset, brow_onset, head_onset, head_shade
from vfxage.ager.relief.working import Working
from vfxage.types import POINTS

SIDE = 512
MIDDLE = np.array([192.0, 205.0, 40.0])
PLACES = {
    "temple": (80.0, 160.0, 60.0),
    "front": (192.0, 60.0, 10.0),
    "crown": (192.0, 20.0, 85.0),
    "ends": (70.0, 365.0, 90.0),
}
"""Points in the space of the mean face."""


@pytest.fixture(scope="module")
def surface():
    return Surface.of(load_mean_face())


def _turned(points, yaw=0.0, roll=0.0):
    """Points in space as a lens far away sees them, (n, 2), after turns in degrees around the middle of the head."""
    a, b = np.radians([yaw, roll])
    turn = np.array([[np.cos(b), -np.sin(b), 0], [np.sin(b), np.cos(b), 0], [0, 0, 1]]) @ np.array(
        [[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]]
    )
    return ((np.asarray(points) - MIDDLE) @ turn.T + (SIDE / 2, SIDE / 2, 0))[:, :2]


def _seen(surface, **turns):
    points = np.zeros((POINTS, 2), np.float32)
    points[:] = _turned(surface.points, **turns)
    none = np.zeros((SIDE, SIDE, 3), np.float32)
    return Working(rgb=none, points=points, neck=None, unit=1.0, view=None)


def _onsets(surface, **turns):
    work = _seen(surface, **turns)
    onset = head_onset(work, Pose.of(work.points, surface), surface)
    places = _turned(list(PLACES.values()), **turns).round().astype(int)
    return dict(zip(PLACES, (float(onset[y, x]) for x, y in places), strict=True))


def test_hair_greys_from_the_temples_over_front_and_crown_to_the_ends(surface):
    found = _onsets(surface)
    assert found["temple"] > found["front"] + 0.5 > found["crown"] + 0.7 > found["ends"] + 0.8


@pytest.mark.parametrize("turns", [{"roll": 25.0}, {"roll": -25.0}, {"yaw": -20.0}, {"yaw": -35.0, "roll": 10.0}])
def test_the_places_turn_and_tilt_with_the_head(surface, turns):
    frontal, turned = _onsets(surface), _onsets(surface, **turns)
    for place in ("temple", "front", "crown"):  # the ends may leave the crop
        assert turned[place] == pytest.approx(frontal[place], abs=0.5), place


def test_a_beard_greys_on_the_chin_before_the_upper_lip(surface):
    work = _seen(surface)
    onset = beard_onset(work)
    chin, corner, lip = (onset[tuple(work.points[mark].astype(int)[::-1])] for mark in (199, 212, 164))
    assert chin > corner > lip + 0.5


def test_a_brow_greys_at_its_outer_end_first(surface):
    work = _seen(surface)
    onset = brow_onset(work)
    for outer, inner in ((46, 55), (276, 285)):
        ends = [float(onset[tuple(work.points[mark].astype(int)[::-1])]) for mark in (outer, inner)]
        assert ends[0] > ends[1] + 0.4


def test_white_hair_is_darker_on_the_side_away_from_the_light(surface):
    """Light from the right of the picture and from the front, then even light."""
    work = _seen(surface)
    pose = Pose.of(work.points, surface)
    row = head_shade(work, pose, surface, np.array([0.5, 0.4, 0.0, -0.4]))[SIDE // 3]
    assert row[2 * SIDE // 3] > row[SIDE // 3] + 0.1
    np.testing.assert_allclose(head_shade(work, pose, surface, np.array([1.0, 0.0, 0.0, 0.0])), 0, atol=1e-3)


def test_hair_that_leaves_the_crop_below_keeps_its_colour_there(surface):
    """Beyond the crop nothing greys; an end of the grey at its border would be a line."""
    work = _seen(surface)
    onset = head_onset(work, Pose.of(work.points, surface), surface)[:, SIDE // 8]
    assert onset[-1] < onset[3 * SIDE // 4] - 2
    assert np.abs(np.diff(onset)).max() < 0.06
