"""The mesh on the skin of a picture that a formula moves, under a detector that trembles and slides."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from skimage import data

from tests.face.track.shots import Settings
from vfxage.ager.relief.mesh import MESH, nodes
from vfxage.face.detect import Detection, FaceFinder
from vfxage.face.detect.hands import Hand
from vfxage.face.track import Findings, tracks_within
from vfxage.face.track.anchor import nodes_of
from vfxage.face.track.canvas import Canvas, Picture
from vfxage.face.track.extend import Searched, extended
from vfxage.face.track.kept import KeptPictures
from vfxage.face.track.skin import HOPS, NODES, SkinMotion, skin_motion
from vfxage.face.track.tracklets import Tracklet
from vfxage.geometry import JAW, OVAL, neck_points
from vfxage.types import Window

SIDE, COUNT = 420, 40
SETTINGS = Settings()
NOTHING = Findings(canvas=Canvas(Window(0, 0, SIDE, SIDE), 1.0))
CENTRE = np.array([200.0, 190.0])
SKIN = [10, 151, 9, 116, 345, 50, 280, 205, 425, 101, 330, 199, 152, 195, 4]
"""Landmarks of forehead, nose, cheeks and chin."""


@pytest.fixture(scope="module")
def portrait():
    """A face 217 pixels high in linear light (420, 420, 3), and its landmarks."""
    with FaceFinder() as finder:
        points = finder.find(data.astronaut())[0].points
    cut = cv2.resize(data.astronaut()[20:230, 120:330], (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    light = (cut.astype(np.float32) / 255) ** 2.2
    return light, ((points - [120, 20]) * 2).astype(np.float64)


def moved(points, time):
    """Where skin is at a ``time`` in frames: the head sways, rolls and comes nearer."""
    angle, size = 0.05 * np.sin(time / 6), 1 + 0.03 * np.sin(time / 9)
    turn = size * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return (points - CENTRE) @ turn.T + CENTRE + [8 * np.sin(time / 5), 4 * np.sin(time / 7)]


def picture(light, time, change=None):
    """The portrait at this time, with grain; ``change`` paints on its sRGB-like codes."""
    corners = np.array([[0, 0], [SIDE, 0], [0, SIDE]], np.float32)
    affine = cv2.getAffineTransform(corners, moved(corners.astype(np.float64), time).astype(np.float32))
    to_now = np.asarray(affine, np.float64)
    to_now[:, 2] += to_now[:, :2] @ [0.5, 0.5] - 0.5  # OpenCV counts from the pixel's centre
    shown = cv2.warpAffine(light, to_now, (SIDE, SIDE), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    if change is not None:
        change(shown)
    grain = np.random.default_rng(int(time)).normal(0, 0.004, shown.shape)
    return Picture((shown + grain).clip(0, 1).astype(np.float32))


def detected(points, time):
    """What a landmark network makes of it: it trembles, and slides over the skin as the head turns."""
    rng = np.random.default_rng(1000 + time)
    slide = np.array([4, 1.2]) * np.sin(time / 10)
    return points + rng.normal(0, 0.3, (1, 2)) + rng.normal(0, 0.5, points.shape) + slide


def followed(pictures, found, first=0) -> Tracklet:
    """One face as a search finds it, with the motion of its skin."""
    numbers = list(range(first, first + len(pictures)))
    seen = [
        Detection(points=points.astype(np.float32), confidence=1.0, vote=0.9, yaw=0.0, look=np.zeros((16, 16, 3), "f4"))
        for points in found
    ]
    tracklet = Tracklet(0, numbers, seen, dict.fromkeys(numbers, 0.9))
    for hop in HOPS:
        for row in range(len(numbers) - hop):
            tracklet.motions[numbers[row], numbers[row + hop]] = skin_motion(
                pictures[row], pictures[row + hop], 0, seen[row].points, seen[row + hop].points
            )
    kept = KeptPictures()
    for number, picture, face in zip(numbers, pictures, seen, strict=True):
        tracklet.motions.update(kept.motions(number, picture, 0, face.points))
    return tracklet


def searched(*tracklets, hands=(), cuts=()) -> Searched:
    numbers = tuple(sorted({number for one in tracklets for number in one.numbers}))
    return Searched(numbers=numbers, cuts=tuple(cuts), tracklets=tracklets, hands=tuple(hands))


def track(tracklet, **more):
    found = extended(NOTHING, searched(tracklet, **more), frozenset(tracklet.numbers), SETTINGS)
    (face,) = tracks_within(found, tracklet.numbers, SETTINGS).faces
    return found, face


def bare(tracklet) -> Tracklet:
    """The same without the flow."""
    return replace(tracklet, motions={})


def slip(points, truth, apart):
    """(T - apart, K) pixels that each point moves over the skin within so many frames."""
    off = points - truth
    return np.linalg.norm(off[apart:] - off[:-apart], axis=2)


@pytest.fixture(scope="module")
def swaying(portrait):
    """A tracklet of 40 frames of the moving portrait, and where each landmark's skin truly is."""
    light, points = portrait
    truth = np.stack([moved(points, time) for time in range(COUNT)])
    found = [detected(there, time) for time, there in enumerate(truth)]
    return followed([picture(light, time) for time in range(COUNT)], found), truth


def test_the_mesh_is_locked_to_the_skin_though_its_landmarks_tremble_and_slide(swaying):
    tracklet, truth = swaying
    locked, loose = track(tracklet)[1].points[:, SKIN], track(bare(tracklet))[1].points[:, SKIN]
    truth = truth[:, SKIN]
    assert slip(locked, truth, 1).mean() < 0.1
    assert slip(locked, truth, 24).mean() < 0.5
    assert slip(loose, truth, 1).mean() > 0.2
    assert slip(loose, truth, 24).mean() > 2
    assert np.linalg.norm((locked - truth).mean((0, 1))) < 3, "it does not drift from where the landmarks are"


def test_lids_and_lips_follow_their_landmarks(portrait):
    """The lids close though the picture does not show it: what opens and closes belongs to the landmarks."""
    light, points = portrait
    pictures = [picture(light, time) for time in range(COUNT)]
    found = np.stack([moved(points, time) for time in range(COUNT)])
    lids, depth = [159, 158, 160, 386, 385, 387], np.array([5.0, 10, 9, 5])
    found[20:24, lids, 1] += depth[:, None]
    found[26:34, [468, 473], 0] += 6
    face = track(followed(pictures, found))[1]
    looked = (face.points - np.stack([moved(points, time) for time in range(COUNT)]))[:, [468, 473], 0].mean(1)
    assert np.abs(looked[28:32] - 6).max() < 1, "irises are no skin"
    closed = (face.points - np.stack([moved(points, time) for time in range(COUNT)]))[:, lids, 1].mean(1)
    assert closed[20:24].max() > 7
    assert abs(int(closed.argmax()) - 21) <= 1
    assert np.abs(closed[:16]).max() < 1


def test_landmarks_that_are_thrown_on_one_frame_do_not_draw_the_mesh(swaying):
    tracklet, _ = swaying
    off, seen = np.array([40, 25], np.float32), list(tracklet.seen)
    seen[20] = replace(seen[20], points=seen[20].points + off)
    links = {pair: replace(motion, motion=motion.motion + motion.gradient @ off) if pair[0] == 20 else motion
             for pair, motion in tracklet.motions.items()}  # fmt: skip
    thrown = track(replace(tracklet, seen=seen, motions=links))[1].points[:, SKIN]
    assert np.abs(thrown - track(tracklet)[1].points[:, SKIN]).max() < 0.5


def test_a_steep_change_of_the_flow_throws_no_node(swaying):
    """Two nodes are lost before frame 8 and after 14, but for one link, which says that the skin tears around them."""
    tracklet, truth = swaying
    cheeks, links = [205, 425], {}
    for (first, last), motion in tracklet.motions.items():
        trust, gradient = motion.trust.copy(), motion.gradient.copy()
        if (first, last) == (14, 21):
            gradient[cheeks] = 9 * np.eye(2)
        elif first < 8 <= last <= 14 or 8 <= first <= 14 < last:
            trust[cheeks] = 0
        links[first, last] = replace(motion, trust=trust, gradient=gradient)
    face = track(replace(tracklet, motions=links))[1]
    assert np.linalg.norm(face.points - truth, axis=2)[:, cheeks].max() < 20


def test_what_landmarks_slide_turns_with_the_head(swaying):
    """The head rolls by a degree a frame, the landmarks slide by 15 pixels, and the flow is given by the formula."""
    tracklet, truth = swaying
    first, links = truth[0], {}

    def turn(degrees):
        return cv2.getRotationMatrix2D((0, 0), -degrees, 1)[:, :2]

    truth = np.stack([(first - CENTRE) @ turn(time).T + CENTRE for time in range(COUNT)])
    seen = [replace(tracklet.seen[0], points=(places + np.array([15 * time / COUNT, 0])).astype(np.float32))
            for time, places in enumerate(truth)]  # fmt: skip
    for start, end in ((row, row + hop) for hop in HOPS for row in range(COUNT - hop)):
        places, change = nodes_of(seen[start].points[None])[0] - CENTRE, turn(end - start) - np.eye(2)
        links[start, end] = SkinMotion(
            motion=(places @ change.T).astype(np.float32),
            gradient=np.repeat(change[None].astype(np.float32), NODES, 0),
            trust=np.ones(NODES, np.float32),
        )
    face = track(replace(tracklet, seen=seen, motions=links))[1]
    upright = np.stack([(places - CENTRE) @ turn(time) for time, places in enumerate(face.points[:, SKIN])])
    assert slip(upright, 0, 24).mean() < 0.5


def test_a_flow_that_creeps_does_not_carry_the_mesh_off_the_face(swaying):
    """Every link of a long take is off by a fifth of a pixel a frame, and the landmarks stay: the mesh stays near."""
    tracklet, _ = swaying
    still, motion = tracklet.seen[0], tracklet.motions[0, 1]
    links = {(row, row + hop): replace(motion, motion=np.full_like(motion.motion, 0.2 * hop),
                                       gradient=np.zeros_like(motion.gradient), trust=np.ones_like(motion.trust))
             for hop in HOPS for row in range(300 - hop)}  # fmt: skip
    found = Tracklet(0, list(range(300)), [still] * 300, dict.fromkeys(range(300), 0.9), links)
    away = np.linalg.norm(track(found)[1].points - still.points, axis=2)[:, SKIN]
    assert away.max() < 0.15 * np.ptp(still.points, axis=0).max()


def test_the_mesh_is_anchored_on_a_squeezed_plate_too(swaying):
    """The motions are pixels of the unsqueezed canvas, and the tracks pixels of the plate's window."""
    tracklet, truth = swaying
    canvas = Canvas(Window(30, 10, SIDE // 2, SIDE), 2.0)
    found = extended(Findings(canvas=canvas), searched(tracklet), frozenset(tracklet.numbers), SETTINGS)
    (face,) = tracks_within(found, tracklet.numbers, SETTINGS).faces
    locked = (face.points[:, SKIN] - [30, 10]) * [2, 1]
    assert slip(locked, truth[:, SKIN], 1).mean() < 0.1
    assert slip(locked, truth[:, SKIN], 24).mean() < 0.5


def test_known_frames_keep_their_anchors_and_new_ones_go_on_from_them(swaying):
    tracklet, truth = swaying

    def part(first, last):
        inside = [row for row, number in enumerate(tracklet.numbers) if first <= number < last]
        motions = {pair: motion for pair, motion in tracklet.motions.items() if first <= pair[0] and pair[1] < last}
        return Tracklet(0, tracklet.numbers[first:last], [tracklet.seen[row] for row in inside],
                        dict.fromkeys(range(first, last), 0.9), motions)  # fmt: skip

    before, _ = track(part(0, 30))
    after = extended(before, searched(part(10, COUNT)), frozenset(range(30, COUNT)), SETTINGS)
    np.testing.assert_array_equal(after.people[0].skin[:30], before.people[0].skin)
    face = tracks_within(after, range(COUNT), SETTINGS).faces[0]
    assert slip(face.points[27:33, SKIN], truth[27:33, SKIN], 1).mean() < 0.15
    again = extended(before, searched(part(10, COUNT)), frozenset(range(30, COUNT)), SETTINGS)
    np.testing.assert_array_equal(again.people[0].skin, after.people[0].skin)


def test_a_hand_before_the_cheek_does_not_take_the_mesh_along(portrait, swaying):
    """It is beside the track of the same face without a hand: while it is there if it is known, and after it anyway."""
    light, _ = portrait
    tracklet, truth = swaying
    hidden = [50, 101, 205, 36, 118, 117, 123]
    texture = np.random.default_rng(3).uniform(0.1, 0.7, (90, 90, 1)).astype(np.float32) * [1, 0.8, 0.7]
    hand = cv2.GaussianBlur(texture.astype(np.float32), (0, 0), 1.5)
    corners = [(int(x) - 45 + 4 * (time - 20), int(y) - 45) for time, (x, y) in enumerate(truth[:, hidden].mean(1))]

    def covered(time):
        def paint(shown):
            x, y = corners[time]
            shown[y : y + 90, max(x, 0) : x + 90] = hand[:, max(-x, 0) :]

        return picture(light, time, paint if 16 <= time < 25 else None)

    before_it = followed([covered(time) for time in range(COUNT)], [seen.points for seen in tracklet.seen])
    square = np.stack(np.meshgrid(np.linspace(5, 85, 5), np.linspace(5, 85, 5)), -1).reshape(-1, 2)
    square = square[[*range(10), 10, 14, 15, 16, 18, 19, *range(20, 25)]]
    hands = [
        (time, [Hand(points=(square + corners[time]).astype(np.float32), size=40.0, palm=0.9, score=0.99)])
        for time in range(16, 25)
    ]
    bare_cheek = track(tracklet)[1].points[:, hidden]
    for given, most in ((hands, 4), ([], np.inf)):
        cheek = track(before_it, hands=given)[1].points[:, hidden]
        astray = np.linalg.norm(cheek - bare_cheek, axis=2)
        assert astray[16:25].mean() < most
        assert astray[27:].mean() < 3
        assert slip(cheek[27:], truth[27:, hidden], 1).mean() < 0.1
    assert astray[16:25].mean() > 4, "a hand that is not known takes the mesh along"


def test_nothing_is_carried_across_a_cut(swaying):
    tracklet, _ = swaying
    alone = Tracklet(0, tracklet.numbers[24:], tracklet.seen[24:], dict.fromkeys(range(24, COUNT), 0.9),
                     {pair: motion for pair, motion in tracklet.motions.items() if pair[0] >= 24})  # fmt: skip
    first = Tracklet(0, tracklet.numbers[:24], tracklet.seen[:24], dict.fromkeys(range(24), 0.9),
                     {pair: motion for pair, motion in tracklet.motions.items() if pair[1] < 24})  # fmt: skip
    whole = extended(NOTHING, searched(first, alone, cuts=[24]), frozenset(range(COUNT)), SETTINGS)
    (face,) = tracks_within(whole, range(24, COUNT), SETTINGS).faces
    np.testing.assert_array_equal(face.points, track(alone)[1].points)


def test_the_neck_stays_while_the_head_sways(portrait):
    """The head moves before a neck that does not: the neck's nodes stay, and those of a turned-off flow go along."""
    light, points = portrait
    still = cv2.GaussianBlur(np.random.default_rng(5).uniform(0.2, 0.6, (SIDE, SIDE, 1)).astype(np.float32), (0, 0), 2)
    still = (still[..., None] * np.array([1, 0.62, 0.5], np.float32)).astype(np.float32)
    inside = np.zeros((SIDE, SIDE), np.uint8)
    outline = points[OVAL].mean(0) + 1.04 * (points[OVAL] - points[OVAL].mean(0))
    cv2.fillPoly(inside, [outline.astype(np.int32)], (1,))
    head = np.where(inside[..., None] > 0, cv2.GaussianBlur(light, (0, 0), 0.5), 0)
    shift = [np.array([12 * np.sin(time / 6), 0]) for time in range(COUNT)]

    def shown(time):
        by = np.array([[1, 0, shift[time][0]], [0, 1, 0]], np.float32)
        mask = cv2.warpAffine(inside.astype(np.float32), by, (SIDE, SIDE))[..., None]
        return picture_of(mask * cv2.warpAffine(head, by, (SIDE, SIDE)) + (1 - mask) * still, time)

    def picture_of(shown, time):
        grain = np.random.default_rng(time).normal(0, 0.004, shown.shape)
        return Picture((shown + grain).clip(0, 1).astype(np.float32))

    tracklet = followed([shown(time) for time in range(COUNT)], [points + by for by in shift])
    middle = slice(5, 12)
    for one, most in ((tracklet, 0.1), (bare(tracklet), np.inf)):
        steps = np.abs(np.diff(track(one)[1].neck[:, 17:][:, middle, 0], axis=0))
        assert steps.mean() < most
    assert steps.mean() > 0.8, "without the flow it goes with the jaw"


def test_the_chart_takes_the_neck_where_it_is_and_never_folds_it_over_the_chin(portrait):
    _, points = portrait
    plain, neck = nodes(points), neck_points(points)
    np.testing.assert_allclose(nodes(points, neck), plain, atol=1e-3)
    lower = nodes(points, neck + np.array([3, 9], np.float32))
    moves = lower - plain
    row = MESH + np.array([OVAL.index(landmark) for landmark in JAW])[4:13]
    np.testing.assert_allclose(moves[row + len(OVAL)], np.broadcast_to([3, 9], (9, 2)), atol=1e-3)
    assert np.abs(moves[:MESH]).max() == 0
    sunk, centre = nodes(points, neck - np.array([0, 80], np.float32)), points[:MESH].mean(0)
    out = points[JAW][4:13] - centre
    assert (((sunk[row] - centre) * out).sum(1) > (out**2).sum(1)).all()
