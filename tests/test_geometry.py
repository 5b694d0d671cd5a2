"""Framing against FFHQ's own formula and dlib's own boxes; warps against formulas; mattes against the mesh."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vfxage.geometry import (
    bounding_box,
    crop_transform,
    face_matte,
    framing_transform,
    invert,
    map_points,
    region_box,
    warp_to_crop,
    warp_to_frame,
)
from vfxage.types import Framing, Window

FFHQ = Framing(name="ffhq")
WIDE = Framing(name="wide")

DLIB = {
    "train/con_A000369": (148, 160, 378, 383),
    "train/con_B001257": (146, 135, 393, 392),
    "train/con_H001042": (154, 174, 375, 383),
    "train/con_P000197": (154, 174, 375, 383),
    "train/con_W000187": (131, 154, 351, 375),
    "eval/lon_003_neutral": (136, 184, 351, 398),
    "eval/lon_027_neutral": (135, 160, 356, 383),
    "eval/lon_090_neutral": (134, 160, 356, 383),
    "eval/lon_112_neutral": (134, 161, 356, 406),
    "eval/lon_142_neutral": (148, 160, 378, 383),
}
"""Left, top, right, bottom by dlib 20.0.1's frontal detector: the median over seven scales of the portrait."""

LIPS_AND_LIDS = [0, 13, 14, 17, 61, 78, 80, 81, 82, 84, 87, 88, 91, 95, 146, 152, 148, 176, 377, 400, 178, 181, 185]
LIPS_AND_LIDS += [159, 145, 386, 374, 160, 144, 387, 373, 158, 153, 70, 63, 105, 66, 107, 300, 293, 334, 296, 336]


def landmarks(portraits, name):
    folder, stem = name.split("/")
    return np.load(portraits / folder / "landmarks.npz", allow_pickle=False)[stem]


def all_landmarks(portraits, folder):
    with np.load(portraits / folder / "landmarks.npz", allow_pickle=False) as archive:
        return np.array([archive[stem] for stem in archive.files], dtype=np.float64)


def ffhq_formula(points):
    """Side, angle in degrees and centre of the square in FFHQ's alignment (Karras et al. 2019, section A)."""
    left = points[[33, 160, 158, 133, 153, 144]].mean(0)
    right = points[[362, 385, 387, 263, 373, 380]].mean(0)
    mouth = (points[61] + points[291]) / 2
    eyes, eye_to_eye = (left + right) / 2, right - left
    eye_to_mouth = mouth - eyes
    x = eye_to_eye - np.array([-eye_to_mouth[1], eye_to_mouth[0]])
    half = max(2.0 * np.hypot(*eye_to_eye), 1.8 * np.hypot(*eye_to_mouth))
    return 2 * half, math.degrees(math.atan2(x[1], x[0])), eyes + 0.1 * eye_to_mouth


def square(transform):
    """Side, angle in degrees and centre of the image of the unit square."""
    centre = map_points(np.array([[0.5, 0.5]]), transform)[0]
    return np.hypot(*transform[:, 0]), math.degrees(math.atan2(transform[1, 0], transform[0, 0])), centre


@pytest.mark.parametrize("folder", ["train", "eval"])
def test_ffhq_framing_is_the_alignment_of_ffhq(portraits, folder):
    faces = all_landmarks(portraits, folder)
    ours = [square(framing_transform(points, FFHQ)) for points in faces]
    theirs = [ffhq_formula(points) for points in faces]
    ratio = np.array([a[0] / b[0] for a, b in zip(ours, theirs, strict=True)])
    turn = np.array([a[1] - b[1] for a, b in zip(ours, theirs, strict=True)])
    shift = np.array([(a[2] - b[2]) / b[0] for a, b in zip(ours, theirs, strict=True)])
    assert abs(np.median(ratio) - 1) < 0.02
    assert np.percentile(np.abs(ratio - 1), 90) < 0.08
    assert abs(np.median(turn)) < 0.3
    assert np.percentile(np.abs(turn), 95) < 2.0
    assert np.percentile(np.abs(shift), 95) < 0.01


def test_wide_framing_is_dlibs_box_with_the_margins_of_face_reaging(portraits):
    sides, shifts = [], []
    for name, (left, top, right, bottom) in DLIB.items():
        width, height = right - left, bottom - top
        margin = math.floor(0.425 * width)
        below = 0.3145 * height
        x = (left - margin, right + margin)
        y = (top - (2 * margin - below), bottom + below)
        side, _, centre = square(framing_transform(landmarks(portraits, name), WIDE))
        sides.append(side / (x[1] - x[0]))
        shifts.append((centre - [sum(x) / 2, sum(y) / 2]) / side)
    assert abs(np.median(sides) - 1) < 0.05
    assert np.all(np.abs(np.array(sides) - 1) < 0.12)
    assert np.all(np.abs(np.median(shifts, axis=0)) < 0.015)


def test_mouth_lids_and_brows_do_not_move_the_frame(portraits):
    points = landmarks(portraits, "eval/lon_090_neutral")
    moved = points.copy()
    moved[LIPS_AND_LIDS] += np.array([3, 40], np.float32)
    for framing in (FFHQ, WIDE):
        np.testing.assert_array_equal(framing_transform(moved, framing), framing_transform(points, framing))


def turned(points, yaw, pitch):
    """The landmarks of an egg-shaped head with this face painted on it, turned and seen from far away."""
    centre = points[[127, 356]].mean(0)
    flat = points.astype(np.float64) - centre
    wide, tall = np.abs(flat[[234, 454], 0]).mean() * 1.02, np.abs(flat[:, 1]).max() * 1.25
    depth = np.sqrt(np.maximum(1 - (flat[:, 0] / wide) ** 2 - (flat[:, 1] / tall) ** 2, 0.0)) * wide * 1.15
    head = np.column_stack([flat, -depth])
    a, b = math.radians(yaw), math.radians(pitch)
    about_y = np.array([[math.cos(a), 0, math.sin(a)], [0, 1, 0], [-math.sin(a), 0, math.cos(a)]])
    about_x = np.array([[1, 0, 0], [0, math.cos(b), -math.sin(b)], [0, math.sin(b), math.cos(b)]])
    return (head @ (about_x @ about_y).T)[:, :2] + centre


@pytest.mark.parametrize(("yaw", "pitch"), [(25, 0), (-45, 0), (60, 0), (0, 20), (0, -20), (40, 15)])
def test_turning_the_head_does_not_zoom(portraits, yaw, pitch):
    points = landmarks(portraits, "eval/lon_003_neutral")
    before, _, _ = square(framing_transform(turned(points, 0, 0), FFHQ))
    after, _, _ = square(framing_transform(turned(points, yaw, pitch), FFHQ))
    assert abs(after / before - 1) < 0.08


numbers = st.floats(-500, 500)


@settings(max_examples=50, deadline=None)
@given(angle=st.floats(-math.pi, math.pi), scale=st.floats(0.2, 8), dx=numbers, dy=numbers, seed=st.integers(0, 99))
def test_framing_follows_the_picture(angle, scale, dx, dy, seed):
    points = np.random.default_rng(seed).uniform(0, 500, (478, 2))
    linear = scale * np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    move = np.column_stack([linear, [dx, dy]])
    direct = framing_transform(map_points(points, move), WIDE)
    composed = framing_transform(points, WIDE)
    expected = np.column_stack([linear @ composed[:, :2], linear @ composed[:, 2] + [dx, dy]])
    np.testing.assert_allclose(direct, expected, atol=1e-6 * scale * 500)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10_000), size=st.sampled_from([256, 1024]), aspect=st.floats(0.5, 2.0))
def test_to_frame_and_back(seed, size, aspect):
    rng = np.random.default_rng(seed)
    to_frame = crop_transform(rng.uniform(0, 800, (478, 2)), FFHQ, size, aspect)
    points = rng.uniform(0, size, (20, 2))
    np.testing.assert_allclose(map_points(map_points(points, to_frame), invert(to_frame)), points, atol=1e-6)


def test_squeezed_plates_give_the_same_crop(portraits):
    points = landmarks(portraits, "eval/lon_003_neutral").astype(np.float64)
    squeezed = points / [2.0, 1.0]
    plain, anamorphic = crop_transform(points, FFHQ, 512), crop_transform(squeezed, FFHQ, 512, 2.0)
    seen = map_points(squeezed, invert(anamorphic))
    np.testing.assert_allclose(seen, map_points(points, invert(plain)), atol=1e-9)


@dataclass(frozen=True)
class Wave:
    """A picture with a formula: known at any place, not only at pixels."""

    period: float

    def at(self, x, y):
        w = 2 * np.pi / self.period
        return 0.5 + 0.2 * (np.sin(w * (0.8 * x + 0.6 * y) + 0.3) + np.cos(w * (0.6 * x - 0.8 * y)))

    def over(self, window):
        x, y = np.meshgrid(window.x + np.arange(window.width) + 0.5, window.y + np.arange(window.height) + 0.5)
        return np.ascontiguousarray(np.repeat(self.at(x, y)[..., None], 3, 2), np.float32)

    def seen(self, to_frame, size):
        centres = np.arange(size) + 0.5
        x, y = np.meshgrid(centres, centres)
        where = map_points(np.column_stack([x.ravel(), y.ravel()]), to_frame)
        return self.at(where[:, 0], where[:, 1]).reshape(size, size)


def similarity(scale, degrees, x, y):
    c, s = scale * math.cos(math.radians(degrees)), scale * math.sin(math.radians(degrees))
    return np.array([[c, -s, x], [s, c, y]])


PLATE = Window(-40, 25, 420, 380)
"""A data window that starts outside the display window."""


@pytest.mark.parametrize(
    ("scale", "period", "worst"),
    [(0.7, 6, 0.02), (0.7, 12, 0.006), (0.7, 40, 0.002), (1.0, 12, 0.006), (1.3, 16, 0.02), (1.3, 40, 0.004)],
)
def test_crop_is_the_picture_at_the_right_place(scale, period, worst):
    to_frame = similarity(scale, 17.3, 60.37, 40.81)
    wave = Wave(period)
    crop = warp_to_crop(wave.over(PLATE), PLATE, to_frame, 200)
    error = crop[..., 1] - wave.seen(to_frame, 200)
    assert np.sqrt(np.mean(error**2)) < worst
    assert abs(error.mean()) < 1e-4


@pytest.mark.parametrize(("scale", "period", "worst"), [(0.7, 24, 0.009), (0.7, 60, 0.003), (1.4, 12, 0.006)])
def test_crop_goes_back_to_the_right_place(scale, period, worst):
    to_frame = similarity(scale, -11.0, 30.2, 50.9)
    wave = Wave(period)
    crop = np.repeat(wave.seen(to_frame, 256)[..., None], 3, 2).astype(np.float32)
    box = Window(70, 60, 90, 80)
    error = warp_to_frame(crop, to_frame, box) - wave.over(box)
    assert np.sqrt(np.mean(error**2)) < worst
    assert abs(error.mean()) < 1e-4


def test_a_ramp_keeps_its_place_to_a_hundredth_of_a_pixel():
    x = np.arange(PLATE.width, dtype=np.float32) + PLATE.x + 0.5
    ramp = np.ascontiguousarray(np.broadcast_to(x, PLATE.shape))
    for scale in (0.6, 1.0, 1.7):
        to_frame = similarity(scale, 5.0, 50.123, 80.456)
        crop = warp_to_crop(ramp, PLATE, to_frame, 150)
        centres = np.stack(np.meshgrid(np.arange(150) + 0.5, np.arange(150) + 0.5), axis=-1).reshape(-1, 2)
        error = crop.ravel() - map_points(centres, to_frame)[:, 0]
        assert abs(error.mean()) < 1e-3
        assert np.abs(error).max() < 0.04


@pytest.mark.parametrize("scale", [1.5, 2.0, 3.0])
def test_minifying_does_not_alias(scale):
    """Rings too fine for the crop must go grey, rings that fit must stay."""
    n, size = 768, int(700 / scale)
    axis = np.arange(n) + 0.5 - n / 2
    rings = (0.5 + 0.5 * np.cos(np.pi * (axis[None, :] ** 2 + axis[:, None] ** 2) / n)).astype(np.float32)
    crop = warp_to_crop(rings, Window(0, 0, n, n), similarity(scale, 0, 20.3, 18.7), size)
    x = scale * (np.arange(size) + 0.5) + 20.3 - n / 2
    y = scale * (np.arange(size) + 0.5) + 18.7 - n / 2
    finest = np.maximum(np.abs(x)[None, :], np.abs(y)[:, None]) / n * scale  # cycles per crop pixel
    truth = 0.5 + 0.5 * np.cos(np.pi * (x[None, :] ** 2 + y[:, None] ** 2) / n)
    coarse, alias = finest < 0.2, (finest > 0.8) & (finest < 0.45 * scale)
    assert np.std((crop - truth)[coarse]) < 0.12 * np.std(truth[coarse])
    if alias.any():
        assert np.std(crop[alias]) < 0.2 * np.std(truth[coarse])


def test_outside_the_plate_its_edge_is_repeated_and_outside_the_crop_there_is_nothing():
    plate = np.full((50, 60, 3), 0.25, np.float32)
    crop = warp_to_crop(plate, Window(10, 10, 60, 50), similarity(1.0, 30, -20, -20), 128)
    np.testing.assert_allclose(crop, 0.25, atol=1e-5)
    back = warp_to_frame(np.ones((64, 64), np.float32), similarity(0.5, 0, 10, 10), Window(0, 0, 60, 60))
    assert back.shape == (60, 60)
    assert np.all(back[:8] == 0)
    assert np.all(back[:, 44:] == 0)
    np.testing.assert_allclose(back[14:38, 14:38], 1, atol=1e-5)


def test_there_and_back_again_keeps_a_photograph(portraits):
    picture = cv2.imread(str(portraits / "eval/lon_090_neutral.jpg"))[..., ::-1].astype(np.float32) / 255
    to_frame = crop_transform(landmarks(portraits, "eval/lon_090_neutral"), FFHQ, 768)
    window = Window(0, 0, 512, 512)
    back = warp_to_frame(warp_to_crop(picture, window, to_frame, 768), to_frame, window)
    face = np.s_[150:400, 150:360]
    assert np.sqrt(np.mean((back[face] - picture[face]) ** 2)) < 0.006


def test_boxes_hold_the_crop_and_stay_inside():
    to_frame = similarity(0.5, 45, 100, 50)
    box = bounding_box(to_frame, 200, Window(-1000, -1000, 3000, 3000))
    reach = 100 * math.sqrt(0.5)
    assert (box.x, box.y) == (math.floor(100 - reach), 50)
    assert (box.x + box.width, box.y + box.height) == (math.ceil(100 + reach), math.ceil(50 + 2 * reach))
    assert bounding_box(to_frame, 200, Window(0, 0, 90, 90)).x + 0 >= 0
    assert bounding_box(to_frame, 200, Window(500, 500, 10, 10)).empty
    assert region_box(to_frame, Window(0, 0, 0, 0), Window(0, 0, 10, 10)).empty


def in_crop(portraits, name, size):
    points = landmarks(portraits, name)
    return map_points(points, invert(crop_transform(points, FFHQ, size))).astype(np.float32)


OVAL = [10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149]
OVAL += [150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109]


@pytest.mark.parametrize("size", [256, 512, 1024])
@pytest.mark.parametrize("feather", [0.0, 0.02, 0.08, 0.3])
def test_face_matte_lies_inside_the_mesh_and_is_full_in_the_face(portraits, size, feather):
    points = in_crop(portraits, "eval/lon_003_neutral", size)
    matte = face_matte(points, size, "face", feather)
    assert matte.dtype == np.float32
    assert matte.flags.c_contiguous
    assert matte.shape == (size, size)
    assert not matte[[0, -1]].any()
    assert not matte[:, [0, -1]].any()
    assert (matte.min(), matte.max()) == (0, 1)
    rows, columns = np.mgrid[0:size:7, 0:size:7]
    for j, i in zip(rows.ravel(), columns.ravel(), strict=True):
        depth = cv2.pointPolygonTest(points[OVAL], (i + 0.5, j + 0.5), True)
        if depth < -2.0:
            assert matte[j, i] == 0
        if depth > max(feather * 0.75 * size, 4.0):
            assert matte[j, i] == 1


def test_face_matte_has_no_edge(portraits):
    """Slope and its change stay small: a compositor sees neither an edge nor a crease."""
    points = in_crop(portraits, "train/con_B001257", 512)
    matte = face_matte(points, 512, "face", 0.08)
    ramp = 0.08 * 0.67 * 512
    for axis in (0, 1):
        assert np.abs(np.diff(matte, axis=axis)).max() < 3.0 / ramp
        assert np.abs(np.diff(matte, n=2, axis=axis)).max() < 30.0 / ramp**2


def test_face_matte_moves_with_the_face_by_fractions_of_a_pixel(portraits):
    points = in_crop(portraits, "eval/lon_003_neutral", 512)
    columns = np.arange(512)
    centres = []
    for shift in np.arange(0, 1.01, 0.125):
        matte = face_matte(points + np.array([shift, 0], np.float32), 512, "face", 0.08).astype(np.float64)
        centres.append((matte.sum(0) * columns).sum() / matte.sum() - shift)
    assert np.ptp(centres) < 0.03


def test_face_matte_holds_the_nose_in_profile(portraits):
    points = in_crop(portraits, "eval/lon_003_neutral", 512).astype(np.float64)
    turned_points = points.copy()
    turned_points[:, 0] = 330 + 0.25 * (points[:, 0] - 256)
    turned_points[[1, 4, 5, 19, 195]] -= [95, 0]
    matte = face_matte(turned_points, 512, "face", 0.02)
    beside = np.round(turned_points[4] + [14, 0]).astype(int)
    assert cv2.pointPolygonTest(turned_points[OVAL].astype(np.float32), turned_points[4].tolist(), False) < 0
    assert matte[beside[1], beside[0]] > 0.9


def test_box_matte_is_a_soft_square(portraits):
    points = in_crop(portraits, "eval/lon_003_neutral", 256)
    matte = face_matte(points, 256, "box", 0.08)
    np.testing.assert_allclose(matte, matte.T)
    np.testing.assert_array_equal(matte, matte[::-1])
    assert not matte[0].any()
    reach = math.ceil(0.08 * 0.75 * 256)
    assert np.all(matte[reach:-reach, reach:-reach] == 1)


def longest_run_along_border(matte, to_frame, size):
    """How far a plate matte's half-way line runs straight along one side of the crop, in sides of the crop.

    Straight is what stays within a hundredth of a side; the plate is sampled back on a fine grid of the crop's own.
    """
    at = (np.arange(400) + 0.5) * size / 400
    grid = map_points(np.stack(np.meshgrid(at, at), axis=-1).reshape(-1, 2), to_frame) - 0.5
    x, y = grid.T.astype(np.float32).reshape(2, 400, 400)
    inside = cv2.remap(matte, x, y, cv2.INTER_LINEAR, borderValue=0) > 0.5
    runs = []
    for turned in (inside, inside[::-1], inside.T, inside.T[::-1]):
        first = np.where(turned.any(axis=0), np.argmax(turned, axis=0), 400)
        runs.append(np.mean(first <= first.min() + 4) if first.min() < 0.1 * 400 else 0.0)
    return max(runs)


@pytest.mark.parametrize(("framing", "person"), [(FFHQ, "eval/lon_003_neutral"), (WIDE, "train/con_H001042")])
@pytest.mark.parametrize("roll", [0, 20, 45, 90, -130])
@pytest.mark.parametrize(("left", "top"), [(300, 200), (-150, 250), (420, 480)])
@pytest.mark.parametrize("shout", [0, 90])
def test_head_matte_never_shows_the_crops_sides(portraits, framing, person, roll, left, top, shout):
    """On the plate, at any roll, with faces partly out of it, and with chins below the crop."""
    points = landmarks(portraits, person).astype(np.float64)
    jaw = points[:, 1] > points[13, 1]
    points[jaw, 1] += shout
    angle = math.radians(roll)
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    points = (points - points.mean(axis=0)) @ turn + [left + 250, top + 250]
    to_frame = crop_transform(points, framing, 256)
    crop = face_matte(map_points(points, invert(to_frame)), 256, "head", 0.08)
    assert crop[[0, -1]].max() == crop[:, [0, -1]].max() == 0
    plate = Window(0, 0, 900, 900)
    matte = warp_to_frame(crop, to_frame, plate)
    edge = np.linspace(0, 256, 200)
    square = [(x, y) for e in edge for x, y in ((e, 0), (e, 256), (0, e), (256, e))]
    border = (map_points(np.array(square), to_frame) - 0.5).astype(np.float32)
    assert cv2.remap(matte, border[None, :, 0], border[None, :, 1], cv2.INTER_LINEAR, borderValue=0).max() < 1e-3
    whole = Window(-600, -600, 2100, 2100)  # beyond the plate: what the plate cuts off is no edge of the matte's
    there = np.add(to_frame, [[0, 0, 600], [0, 0, 600]])
    assert longest_run_along_border(warp_to_frame(crop, to_frame, whole), there, 256) < 0.22


def test_head_matte_covers_faces_to_the_chin(portraits):
    """Half of it and more on three chins of four: the neck fades, not the face."""
    chins = []
    for points in all_landmarks(portraits, "eval"):
        inside = map_points(points, invert(crop_transform(points, FFHQ, 256)))
        x, y = inside[152].astype(int)
        chins.append(face_matte(inside, 256, "head", 0.08)[y, x])
    assert np.percentile(chins, 25) > 0.5
    assert np.median(chins) > 0.8
