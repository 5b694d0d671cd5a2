"""The canonical face against geometry that is known."""

import cv2
import numpy as np
import pytest

from vfxage.ager.relief.mean_face import FLOOR
from vfxage.ager.relief.mesh import CANON, nodes
from vfxage.lab.mean_face.canon import REGIONS, Canon
from vfxage.lab.portraits import scan_portraits


@pytest.fixture(scope="module")
def portraits_seen(people):
    return scan_portraits(people).portraits


@pytest.fixture(scope="module")
def canon(portraits_seen):
    return Canon([item.points for item in portraits_seen])


def test_opposite_landmarks_are_opposite(canon):
    """By MediaPipe's own names: eye and mouth corners, cheeks, brows; and those of the middle are their own."""
    every = np.arange(len(canon.opposite))
    assert np.array_equal(canon.opposite[canon.opposite], every)
    for left, right in ((33, 263), (133, 362), (61, 291), (234, 454), (50, 280), (70, 300), (468, 473)):
        assert canon.opposite[left] == right
    for middle in (10, 152, 1, 168, 13, 14, 0, 17):
        assert canon.opposite[middle] == middle


def test_the_mean_is_symmetric_and_stays_so(canon):
    mirrored = canon.mean[canon.opposite] * [-1, 1] + [CANON, 0]
    np.testing.assert_allclose(canon.mean, mirrored, atol=1e-3)
    rng = np.random.default_rng(0)
    once = canon.mirrored_points(canon.mean + rng.normal(0, 3, canon.mean.shape))
    np.testing.assert_allclose(canon.mirrored_points(once), once, atol=1e-9)


def test_a_linear_function_of_position_is_spread_as_it_is(canon):
    at = nodes(canon.mean).astype(np.float64)
    spread = canon.spread(np.column_stack([at @ (0.3, -0.7) + 5, at[:, 0]]))
    y, x = np.mgrid[:CANON, :CANON] + 0.5
    covered = np.hypot(x - at[:468, 0].mean(), y - at[:468, 1].mean()) < 100
    np.testing.assert_allclose(spread[covered, 0], (0.3 * x - 0.7 * y + 5)[covered], atol=1e-2)
    np.testing.assert_allclose(spread[covered, 1], x[covered], atol=1e-2)
    assert not spread[0, 0].any()


def test_unfolding_puts_landmarks_where_the_mean_face_has_them(canon, portraits_seen):
    """Pictures whose log is their own x, and y: at each landmark's place stands where the portrait had it."""
    item = portraits_seen[3]
    y, x = (np.mgrid[:512, :512] + 0.5) / 512
    rgb = np.exp(np.dstack([x - 2, y - 2, 0 * x])).astype(np.float32) - np.float32(FLOOR)
    unfolded = canon.unfold(rgb, item.points)
    shown = (item.points[:468] > 8).all(axis=1) & (item.points[:468] < 504).all(axis=1)
    at = canon.mean[:468][shown] - np.float32(0.5)
    found = (cv2.remap(unfolded, at[:, 0], at[:, 1], cv2.INTER_LINEAR)[:, 0, :2] + 2) * 512
    # Of a turned head some triangles lie folded under others, where a landmark belongs to either.
    away = np.hypot(*(found - item.points[:468][shown]).T)
    assert shown.sum() > 400
    assert np.median(away) < 0.3
    assert np.percentile(away, 98) < 1.5


def test_masks_are_shares_and_lie_alike_on_both_sides(canon):
    masks = canon.masks()
    for name, mask in masks.items():
        assert mask.shape == (CANON, CANON)
        assert mask.min() >= 0
        assert mask.max() <= 1 + 1e-6
        other = name.replace("left", "*").replace("right", "left").replace("*", "right")
        assert np.abs(mask - masks[other][:, ::-1]).mean() < 0.01, name
    np.testing.assert_allclose(sum(masks[name] for name in REGIONS), 1, atol=1e-5)


@pytest.mark.parametrize(
    ("mask", "inside", "outside"),
    [
        ("texture", (50, 280, 151), (145, 159, 13)),
        ("eyes", (159, 386), (50, 4, 151)),
        ("lips", (0, 17), (4, 50, 200)),
        ("brows", (105, 334), (50, 17)),
        ("cheek_left", (50, 205), (280, 425)),
        ("cheek_right", (280, 425), (50, 205)),
        ("forehead", (151,), (152, 4)),
        ("nose", (4, 5), (50, 17)),
    ],
)
def test_masks_lie_where_their_names_say(canon, mask, inside, outside):
    image = canon.masks()[mask]
    at = canon.mean.astype(int)
    assert min(image[at[k, 1], at[k, 0]] for k in inside) > 0.5
    assert max(image[at[k, 1], at[k, 0]] for k in outside) < 0.2
