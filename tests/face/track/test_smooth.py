"""Smoothing against motions of known truth: no lag, no damping, less trembling."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import data

from vfxage.face.detect import FaceFinder
from vfxage.face.track.filter import REACH
from vfxage.face.track.smooth import smooth

COUNT, FPS = 96, 24
TIME = np.arange(COUNT)
LIDS, MOUTH = [159, 158, 160, 386, 385, 387], [13, 14, 17, 152, 200, 18]


@pytest.fixture(scope="module")
def still():
    """(96, 478, 2) a face of 217 pixels that does not move."""
    with FaceFinder() as finder:
        points = finder.find(data.astronaut())[0].points.astype(np.float64)
    return np.repeat((points * 2)[None], COUNT, 0)


def noisy(points, sigma=0.5, seed=1):
    """What a landmark network adds: part of it common to the whole face, part each point's own."""
    rng = np.random.default_rng(seed)
    shake = rng.normal(0, sigma, (len(points), 1, 2)) + rng.normal(0, sigma, points.shape)
    return (points + shake).astype(np.float32)


def smoothed(points, strength=1.0):
    return smooth(points, np.ones(len(points), bool), strength).astype(np.float64)


def response(series, truth, hertz):
    """Complex gain at a frequency: amplitude kept, and lag as an angle."""
    wave = np.exp(-2j * np.pi * hertz * TIME / FPS) * np.hanning(COUNT)
    return (series * wave).sum() / (truth * wave).sum()


@pytest.mark.parametrize(("hertz", "pixels"), [(0.5, 40), (1, 30), (2, 20), (2, 8), (3, 15)])
def test_a_head_shake_is_neither_damped_nor_delayed(still, hertz, pixels):
    sway = pixels * np.sin(2 * np.pi * hertz * TIME / FPS)
    found = smoothed(noisy(still + sway[:, None, None] * [1, 0])) - still
    gain = response(found[..., 0].mean(1), sway, hertz)
    assert 0.97 < abs(gain) < 1.03 or hertz > 2
    assert abs(gain) > 0.95
    assert abs(np.degrees(np.angle(gain))) < 1.5
    lags = np.arange(-3, 4)
    match = [np.dot(np.roll(sway, lag)[5:-5], found[5:-5, :, 0].mean(1)) for lag in lags]
    assert lags[int(np.argmax(match))] == 0


def test_a_turning_nodding_growing_head_is_followed(still):
    wave = np.sin(2 * np.pi * 1.5 * TIME / FPS)[:, None]
    whole = (still[..., 0] - 440 + 1j * (still[..., 1] - 240)) * np.exp(1j * 0.15 * wave) * (1 + 0.08 * wave)
    truth = np.stack([whole.real + 440, whole.imag + 240], -1)
    error = smoothed(noisy(truth, 0.3)) - truth
    assert np.sqrt((error**2).mean()) < 0.3


def test_an_accelerating_pan_is_followed_without_offset(still):
    truth = still + 0.05 * (TIME**2)[:, None, None] * [1, 0.5]
    errors = np.stack([(smoothed(noisy(truth, seed=seed)) - truth).mean((1, 2)) for seed in range(1, 7)])
    assert np.abs(errors.mean(1)).max() < 0.05
    assert np.sqrt((errors**2).mean()) < 0.6 * 0.5 / np.sqrt(2)  # of what the network's common noise alone would leave
    assert np.abs(errors.mean(0)).max() < 0.5


@pytest.mark.parametrize("profile", [(0.5, 1, 1, 0.5), (0.4, 1, 0.9, 0.5), (0.5, 1, 0.5)])
def test_a_blink_keeps_its_depth_and_its_frame(still, profile):
    truth = still.copy()
    for place, depth in enumerate(profile):
        truth[40 + place, LIDS, 1] += 12 * depth
    closed = (smoothed(noisy(truth, 0.25)) - still)[:, LIDS, 1].mean(1)
    assert closed.max() > 12 * (0.85 if len(profile) > 3 else 0.8)
    assert abs(int(closed.argmax()) - (40 + int(np.argmax(profile)))) <= (1 if len(profile) > 3 else 0)


def test_a_talking_mouth_moves_in_full(still):
    opening = 20 * np.clip(np.sin(2 * np.pi * 3 * TIME / FPS), 0, 1)
    truth = still.copy()
    truth[:, MOUTH, 1] += opening[:, None]
    found = (smoothed(noisy(truth, 0.3)) - still)[:, MOUTH, 1].mean(1)
    gain = response(found, opening, 3)
    assert abs(gain) > 0.95
    assert abs(np.degrees(np.angle(gain))) < 3


def test_a_still_face_stops_trembling(still):
    raw = noisy(still)
    assert np.diff(smoothed(raw), axis=0).std() < 0.45 * np.diff(raw, axis=0).std()
    assert (smoothed(raw) - still).std() < 0.5 * (raw - still).std()
    np.testing.assert_allclose(smoothed(raw, 0.0), raw, atol=1e-2)
    assert np.diff(smoothed(raw, 2.0), axis=0).std() < np.diff(smoothed(raw, 0.5), axis=0).std()


@pytest.mark.parametrize("moving", [False, True])
def test_one_bad_frame_does_not_pull_its_neighbours(still, moving):
    sway = 20 * np.sin(2 * np.pi * 2 * TIME / FPS) * moving
    truth = still + sway[:, None, None] * [1, 0]
    pulled = []
    for seed in range(1, 6):
        good = noisy(truth, 0.2, seed)
        bad = good.copy()
        bad[40] += 30
        bad[70, :200] -= 30
        change = np.linalg.norm(smoothed(bad) - smoothed(good), axis=2).max(1)
        pulled.append(np.delete(change, [40, 70]).max())
        assert np.linalg.norm((smoothed(bad) - truth)[[40, 70]], axis=2).mean(1).max() < 1.5
    assert max(pulled) < 0.7
    assert np.median(pulled) < 0.5


@given(st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_short_tracks_are_smoothed_too(count, seed):
    rng = np.random.default_rng(seed)
    face = rng.uniform(0, 200, (1, 478, 2)) + rng.normal(0, 0.2, (count, 478, 2))
    known = rng.random(count) < 0.7
    known[[0, -1]] = True
    result = smooth(face.astype(np.float32), known, 1.0)
    assert result.shape == (count, 478, 2)
    assert np.abs(result - face.mean(0)).max() < 5


def shaken(count, seed, bad=(), step=None):
    """A face that sways and talks, with a landmark network's noise, bad frames and a sudden move at ``step``."""
    rng = np.random.default_rng(seed)
    time = np.arange(count)[:, None, None]
    points = rng.uniform(100, 300, (1, 478, 2)) + rng.normal(0, 0.4, (count, 478, 2))
    points = points + rng.uniform(0, 30) * np.sin(time / rng.uniform(2, 9)) + rng.normal(0, 0.5, (count, 1, 2))
    for frame in bad:
        points[frame % count, : 200 + frame] += 40
    if step is not None:
        points[step:] += [25, 10]
    return points.astype(np.float32)


@settings(max_examples=6)
@given(st.data())
def test_a_frame_depends_only_on_the_frames_within_reach(data):
    """Cut anywhere, longer or shorter, even with bad frames and jumps: further than the reach no bit changes."""
    count = data.draw(st.integers(2 * REACH + 4, 110))
    bad = data.draw(st.lists(st.integers(0, 250), max_size=5))
    points = shaken(count, data.draw(st.integers(0, 2**32 - 1)), bad, data.draw(st.none() | st.integers(0, count)))
    first, last = data.draw(st.integers(0, count // 2 - 1)), data.draw(st.integers(count // 2 + 1, count))
    whole, part = (smooth(some, np.ones(len(some), bool), 1.0) for some in (points, points[first:last]))
    low, high = first + REACH * (first > 0), last - REACH * (last < count)
    np.testing.assert_array_equal(whole[low:high], part[low - first : high - first])


def test_a_gap_adds_its_length_to_the_reach():
    count, gap = 120, 8
    points, known = shaken(count, 3), np.ones(count, bool)
    known[60 : 60 + gap] = known[78 : 78 + gap] = False
    end = 110
    whole, part = smooth(points, known, 1.0), smooth(points[:end], known[:end], 1.0)
    np.testing.assert_array_equal(whole[: end - REACH - 2 * gap], part[: end - REACH - 2 * gap])
    assert (whole[end - 3 : end] != part[end - 3 :]).any()
