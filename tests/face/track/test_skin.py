"""The flow of the skin on a head that turns, on plain skin, and in a take that comes back to where it was."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from skimage import data

from tests.face.track.test_anchor import SKIN, detected, moved, picture, slip, track
from vfxage.face.detect import Detection, FaceFinder
from vfxage.face.track.canvas import Picture
from vfxage.face.track.kept import KeptPictures
from vfxage.face.track.skin import HOPS, skin_motion
from vfxage.face.track.tracklets import Tracklet
from vfxage.geometry import OVAL

SIDE = 420
CHEEKS = [50, 205, 36, 101, 280, 425, 266, 330, 118, 347]


@pytest.fixture(scope="module")
def face():
    """A face 217 pixels high in linear light (420, 420, 3), and its landmarks."""
    with FaceFinder() as finder:
        points = finder.find(data.astronaut())[0].points
    cut = cv2.resize(data.astronaut()[20:230, 120:330], (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    return (cut.astype(np.float32) / 255) ** 2.2, ((points - [120, 20]) * 2).astype(np.float64)


def tracked_as(pictures, found, period=None) -> Tracklet:
    """One face with the motion of its skin; after ``period`` frames everything comes again."""
    count, period = len(found), period or len(found)
    seen = [
        Detection(points=points.astype(np.float32), confidence=1.0, vote=0.9, yaw=0.0, look=np.zeros((16, 16, 3), "f4"))
        for points in found
    ]
    tracklet = Tracklet(0, list(range(count)), seen, dict.fromkeys(range(count), 0.9))
    known = {}
    for hop in HOPS:
        for row in range(count - hop):
            one, other = row % period, (row + hop) % period
            if (one, other) not in known:
                places = seen[one].points, seen[other].points
                known[one, other] = skin_motion(pictures[one], pictures[other], 0, *places)
            tracklet.motions[row, row + hop] = known[one, other]
    kept = KeptPictures()
    for row in range(count):
        tracklet.motions.update(kept.motions(row, pictures[row % period], 0, seen[row].points))
    return tracklet


class Turning:
    """The portrait on an ellipsoid that turns about an upright axis before a wall, as a camera and a codec show it."""

    def __init__(self, light, points) -> None:
        mesh = points[:468]
        self.light = light
        self.middle = (mesh.max(0) + mesh.min(0)) / 2
        self.radii = np.ptp(mesh, axis=0) / 2 * [1.12, 1.25]
        wall = np.random.default_rng(4).uniform(0, 0.6, (SIDE // 10, SIDE // 10, 3)).astype(np.float32)
        self.wall = cv2.resize(wall, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)

    def angle(self, time):
        return np.deg2rad(32) * np.sin(2 * np.pi * time / 22)

    def half_seen(self, points, time):
        """Where landmarks (N, 2) of the portrait are at this time, if a detector sees only half of the turn."""
        middle, radii = self.middle, self.radii
        across, down = np.moveaxis((points - middle) / radii, -1, 0)
        depth, turn = np.sqrt(np.maximum(1 - across**2 - down**2, 0)), self.angle(time) / 2
        return (np.stack([across * np.cos(turn) + depth * np.sin(turn), down], -1) * radii + middle).astype(np.float32)

    def carried(self, places, start, end):
        """Where the skin that is at places (..., 2) at the time ``start`` is at ``end``, and how much it faces us then.

        ``None`` is the time at which the portrait was taken.
        """
        across, down = np.moveaxis((places - self.middle) / self.radii, -1, 0)
        depth = np.sqrt(np.maximum(1 - across**2 - down**2, 0))
        turn = sum(sign * self.angle(time) for sign, time in ((-1, start), (1, end)) if time is not None)
        sideways = across * np.cos(turn) + depth * np.sin(turn)
        return np.stack([sideways, down], -1) * self.radii + self.middle, depth * np.cos(turn) - across * np.sin(turn)

    def picture(self, time):
        grid = np.stack(np.meshgrid(np.arange(SIDE) + 0.5, np.arange(SIDE) + 0.5), -1)
        source = (self.carried(grid, time, None)[0] - 0.5).astype(np.float32)
        skin = cv2.remap(self.light, source, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        far = np.linalg.norm((grid - self.middle) / self.radii, axis=-1)
        inside = np.clip((1 - far) * self.radii.min(), 0, 1)[..., None]
        shown = (inside * skin + (1 - inside) * self.wall).clip(0, 1) ** (1 / 2.2)
        code = shown * 255 + np.random.default_rng(time).normal(0, 2, shown.shape)
        packed = cv2.imencode(".jpg", code.clip(0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 70])[1]
        unpacked = cv2.imdecode(packed, cv2.IMREAD_COLOR).astype(np.float32) / 255
        return Picture((unpacked**2.2).astype(np.float32))


def test_the_flow_follows_the_skin_of_a_head_that_turns(face):
    """From frame to frame, and over 7 frames in which the head turns by up to 54 degrees, before a wall that stays."""
    light, points = face
    head, nodes = Turning(light, points), np.array(SKIN + CHEEKS)
    pictures = [head.picture(time) for time in range(22)]
    for hop, most in ((1, 0.3), (7, 1.0)):
        missed = []
        for time in range(0, 22 - hop, 2):
            found = [detected(head.carried(points, None, at)[0], at).astype(np.float32) for at in (time, time + hop)]
            motion = skin_motion(pictures[time], pictures[time + hop], 0, *found).motion[nodes]
            there, facing = head.carried(found[0][nodes], time, time + hop)
            seen = (facing > 0.4) & (head.carried(found[0][nodes], time, time)[1] > 0.4)
            missed.append(np.linalg.norm(motion - (there - found[0][nodes]), axis=1)[seen])
        assert np.concatenate(missed).mean() < most, hop


def test_the_flow_mends_what_the_landmarks_say_of_a_turn(face):
    """They see half of it. The picture is bent back as they say first, and then as the skin itself moves."""
    light, points = face
    head, nodes = Turning(light, points), np.array(SKIN + CHEEKS)
    missed = []
    for time in range(0, 15, 2):
        found = [head.half_seen(points, at) for at in (time, time + 7)]
        motion = skin_motion(head.picture(time), head.picture(time + 7), 0, *found).motion[nodes]
        start = found[0][nodes].astype(np.float64)
        there, facing = head.carried(start, time, time + 7)
        seen = (facing > 0.4) & (head.carried(start, time, time)[1] > 0.4)
        missed.append(np.linalg.norm(motion - (there - start), axis=1)[seen])
    assert np.concatenate(missed).mean() < 0.3


def test_skin_that_would_tear_is_not_trusted(face):
    """The two halves of a face part by a fifth of it, as landmarks do when they jump to another face."""
    light, points = face
    side, middle = 22, int(points[4, 0])
    there = points + np.where(points[:, :1] < middle, [[-side, 0]], [[side, 0]])
    parted = np.concatenate([light[:, side:middle], np.repeat(light[:, middle : middle + 1], 2 * side, 1),
                             light[:, middle:-side]], axis=1)  # fmt: skip
    motion = skin_motion(Picture(light), Picture(parted), 0, points.astype(np.float32), there.astype(np.float32))
    assert motion.trust[[4, 1, 195, 168]].max() < 0.1
    assert motion.trust[[50, 205, 280]].min() > 0.6


def test_a_dark_face_is_followed_at_its_own_exposure(face):
    light, points = face
    there = [(points + np.array([by, 0])).astype(np.float32) for by in (0, 3)]
    light_there = np.roll(light, 3, axis=1)
    bright = skin_motion(Picture(light), Picture(light_there), 0, *there)
    dark = skin_motion(Picture(light / np.float32(64)), Picture(light_there / np.float32(64)), 6, *there)
    assert np.abs(dark.motion[SKIN] - [3, 0]).max() < 0.1
    assert np.abs(dark.trust - bright.trust).max() < 0.1


def test_only_pictures_of_the_same_pose_and_exposure_are_followed_over_long_times(face):
    light, points = face
    head, kept = Turning(light, points), KeptPictures()

    def pairs(number, time, stops):
        there = head.carried(points, None, time)[0].astype(np.float32)
        return [*kept.motions(number, head.picture(time), stops, there)]

    assert pairs(0, 0, 0) == []
    assert pairs(6, 0, 0) == [], "too soon"
    assert pairs(12, 5, 0) == [], "another pose"
    assert pairs(24, 0, 0) == [(0, 24)]
    assert pairs(36, 0, 2) == [], "another exposure"


def test_the_neck_is_not_taken_along_by_the_jaw(face):
    """The head moves by 9 pixels before a neck that stays, and covers some of the points that are followed there."""
    light, points = face
    weave = cv2.GaussianBlur(np.random.default_rng(5).uniform(0.2, 0.6, (SIDE, SIDE)).astype(np.float32), (0, 0), 2)
    still = weave[..., None] * np.array([1, 0.62, 0.5], np.float32)
    inside = np.zeros((SIDE, SIDE), np.float32)
    outline = points[OVAL].mean(0) + 1.04 * (points[OVAL] - points[OVAL].mean(0))
    cv2.fillPoly(inside, [outline.astype(np.int32)], (1,))
    pictures = []
    for by in (0, 9):
        head, mask = np.roll(light, by, axis=1), np.roll(inside, by, axis=1)[..., None]
        pictures.append(Picture((mask * head + (1 - mask) * still).astype(np.float32)))
    there = points.astype(np.float32)
    motion = skin_motion(pictures[0], pictures[1], 0, there, there + np.array([9, 0], np.float32))
    below = motion.motion[478:].reshape(2, 17, 2)[:, 5:12]
    assert np.abs(below).mean() < 0.06
    assert motion.trust[478:].reshape(2, 17)[:, 5:12].min() > 0.6


def test_nodes_at_the_outline_move_with_the_face_and_not_with_the_wall_behind_it(face):
    light, points = face
    head, nodes = Turning(light, points), np.array(OVAL)
    missed = []
    for time in range(0, 20, 2):
        found = [detected(head.carried(points, None, at)[0], at).astype(np.float32) for at in (time, time + 1)]
        motion = skin_motion(head.picture(time), head.picture(time + 1), 0, *found).motion[nodes]
        there, facing = head.carried(found[0][nodes], time, time + 1)
        missed.append(np.linalg.norm(motion - (there - found[0][nodes]), axis=1)[facing > 0.1])
    assert np.concatenate(missed).mean() < 0.65


def test_a_head_that_rolls_fast_is_followed(face):
    """By 20 degrees between two pictures, so that the chin and the brow go apart by a third of the face."""
    light, points = face
    pictures, places = [], []
    for angle in (-0.175, 0.175):
        turn = cv2.getRotationMatrix2D((200.0, 190.0), np.rad2deg(-angle), 1.0)
        rolled = cv2.warpAffine(light, turn, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE)
        pictures.append(Picture(np.asarray(rolled, np.float32)))
        places.append((points @ turn[:, :2].T + turn[:, 2]).astype(np.float32))
    motion = skin_motion(pictures[0], pictures[1], 0, places[0], places[1])
    missed = np.linalg.norm(motion.motion[:468] - (places[1] - places[0])[:468], axis=1)
    assert np.median(missed) < 0.5
    assert np.mean(missed < 2) > 0.9


def test_what_moves_before_the_face_is_not_trusted(face):
    """Something like a hand crosses the cheek, and no detector says so."""
    light, points = face
    cheek = [50, 205, 36, 101, 118]
    texture = np.random.default_rng(3).uniform(0.1, 0.7, (90, 90, 1)).astype(np.float32) * [1, 0.8, 0.7]
    hand = cv2.GaussianBlur(texture.astype(np.float32), (0, 0), 1.5)
    x, y = (points[cheek].mean(0) - 45).astype(int)

    def covered(by):
        shown = light.copy()
        shown[y : y + 90, x + by : x + by + 90] = hand
        return Picture(shown)

    there = points.astype(np.float32)
    plain = skin_motion(Picture(light), Picture(light), 0, there, there).trust
    trust = skin_motion(covered(0), covered(14), 0, there, there).trust
    assert plain[cheek].min() > 0.6
    assert trust[cheek].max() < 0.35
    assert trust[[280, 425, 330]].min() > 0.6


def test_a_scarf_is_no_neck(face):
    """Points of the neck that are as green as a scarf are not followed, and skin is."""
    light, points = face
    there = points.astype(np.float32)
    below = int(points[152, 1] + 4)
    weave = cv2.GaussianBlur(np.random.default_rng(6).uniform(0.2, 0.8, (SIDE, SIDE, 1)).astype(np.float32), (0, 0), 2)
    for colour, trusted in (((1, 0.62, 0.5), True), ((0.2, 0.8, 0.2), False)):
        shown = light.copy()
        shown[below:] = (weave[..., None] * np.array(colour, np.float32))[below:]
        middle = skin_motion(Picture(shown), Picture(shown), 0, there, there).trust[478:].reshape(2, 17)[1, 6:10]
        assert (middle > 0.9).all() if trusted else (middle < 0.1).all()


def test_skin_without_details_moves_as_the_skin_around_it(face):
    """The cheeks are as smooth as paint, and the landmarks slide over them."""
    light, points = face
    smooth = np.zeros((SIDE, SIDE, 1), np.float32)
    for cheek in ([50, 205, 36, 101, 118], [280, 425, 266, 330, 347]):
        cv2.fillConvexPoly(smooth, cv2.convexHull(points[cheek].astype(np.int32)), (1,))
    soft = cv2.GaussianBlur(cv2.dilate(smooth, np.ones((25, 25))), (0, 0), 5)[..., None]
    light = (light + soft * (cv2.GaussianBlur(light, (0, 0), 18) - light)).astype(np.float32)
    truth = np.stack([moved(points, time) for time in range(28)])
    found = [detected(there, time) for time, there in enumerate(truth)]
    tracklet = tracked_as([picture(light, time) for time in range(28)], found)
    cheeks = track(tracklet)[1].points[:, CHEEKS]
    assert slip(cheeks, truth[:, CHEEKS], 1).mean() < 0.15
    assert slip(cheeks, truth[:, CHEEKS], 24).mean() < 0.55


PERIOD = 24


@pytest.fixture(scope="module")
def there_and_back(face):
    """A tracklet of 1000 frames in which the head comes back to where it was every 24 frames."""
    light, points = face
    times = [*range(13), *range(11, 0, -1)]
    found = [detected(moved(points, time), time) for time in times]
    return tracked_as(
        [picture(light, time) for time in times], [found[frame % PERIOD] for frame in range(1000)], PERIOD
    )


def drifted(nodes, first, later) -> float:
    """Mean distance between the nodes of two periods, pixels."""
    one, other = (nodes[PERIOD * period : PERIOD * (period + 1)] for period in (first, later))
    return float(np.linalg.norm(one - other, axis=2).mean())


def test_a_take_of_a_thousand_frames_does_not_drift(there_and_back):
    """Every node of the mesh comes back with the head."""
    mesh = track(there_and_back)[1]
    for nodes, most in ((mesh.points[:, SKIN + CHEEKS], 0.1), (mesh.neck, 0.2)):
        assert drifted(nodes, 10, 30) < most
        assert drifted(nodes, 0, 40) < 3 * most


def test_a_take_whose_face_is_hidden_again_and_again_does_not_drift(there_and_back):
    """On five frames of each period no flow is trusted, as behind a hand: the skin is found again after them."""
    hidden = range(8, 13)
    motions = {
        pair: replace(motion, trust=motion.trust * np.float32(0))
        if {frame % PERIOD for frame in pair} & {*hidden}
        else motion
        for pair, motion in there_and_back.motions.items()
    }
    mesh = track(replace(there_and_back, motions=motions))[1]
    nodes = mesh.points[:, SKIN + CHEEKS]
    assert drifted(nodes, 10, 30) < 0.1
    assert drifted(nodes, 0, 40) < 0.3
