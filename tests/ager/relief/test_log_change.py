"""From a change of log RGB and a movement to the step, against the formulas; and the box that is worked out."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from vfxage.ager.relief.log_change import Exposed, Grain, step_of_change
from vfxage.ager.relief.working import Box

NO_GRAIN = Exposed(floor=0.02, grain=Grain(finer=0.7, most=0.0, darkened=1.0, brightened=1.0), unit=1.3)


def picture(size, seed=0):
    noise = np.random.default_rng(seed).normal(0, 1, (size, size, 3)).astype(np.float32)
    soft = cv2.GaussianBlur(noise, (0, 0), 3)
    return (0.45 + 0.1 * soft / soft.std()).clip(0.1, 0.8).astype(np.float32)


def change(size, level=0.0, across=0.0, down=0.0) -> tuple[np.ndarray, np.ndarray]:
    flow = np.empty((size, size, 2), np.float32)
    flow[...] = across, down
    return np.full((size, size, 3), level, np.float32), flow


@pytest.mark.parametrize(("size", "working"), [(64, 64), (128, 64), (96, 192), (100, 67)])
def test_no_change_is_a_step_of_zeros_at_every_density(size, working):
    assert not step_of_change(picture(size), *change(working), NO_GRAIN).any()


@pytest.mark.parametrize("level", [-0.3, 0.2])
@pytest.mark.parametrize(("size", "working"), [(64, 64), (128, 64), (200, 67)])
def test_a_change_of_the_log_multiplies_the_picture_and_its_floor(level, size, working):
    rgb = picture(size)
    wanted = np.clip((rgb + 0.02) * np.exp(level) - 0.02, 0, 1) - rgb
    np.testing.assert_allclose(step_of_change(rgb, *change(working, level), NO_GRAIN), wanted, atol=2e-6)


def test_grain_keeps_its_height_as_far_as_it_is_asked_to():
    flat = np.full((128, 128, 3), 0.4, np.float32)
    grain = np.random.default_rng(1).normal(0, 0.01, flat.shape).astype(np.float32)
    kept = Grain(finer=6.0, most=0.1, darkened=1.0, brightened=0.25)
    for level, share in ((-0.5, 1.0), (0.4, 0.25)):
        step = step_of_change(flat + grain, *change(128, level), Exposed(floor=0.0, grain=kept, unit=1.0))
        height = (flat + grain + step).std() / grain.std()
        assert height == pytest.approx(share + (1 - share) * np.exp(level), rel=0.03)


def test_skin_that_stands_in_the_place_of_the_plates_has_none_of_its_grain():
    """A change that makes a noisy dark slit even gives even skin: its grain drew bright and dark squiggles on it."""
    noise = np.random.default_rng(2).normal(0, 0.02, (64, 64, 3)).astype(np.float32)
    slit = np.clip(0.1 + noise, 0.03, 0.2)
    grain = Grain(finer=1.0, most=0.04, darkened=0.0, brightened=0.7)
    log, flow = np.log(np.float32(0.4) / slit), change(64)[1]
    replaced = np.zeros((64, 64), np.float32)
    replaced[:, :32] = 1
    made = slit + step_of_change(slit, log, flow, Exposed(floor=0.0, grain=grain, unit=1.0, replaced=replaced))
    np.testing.assert_allclose(made[:, :32], 0.4, atol=1e-5)
    assert made[:, 32:].std() > 0.01, "elsewhere grain keeps its height"


def test_detail_finer_than_the_change_goes_where_that_fills_lines():
    rows, columns = np.indices((128, 128))
    fine = np.repeat(
        np.float32(0.5) + np.float32(0.05) * ((rows + columns) % 2 - np.float32(0.5))[..., None], 3, axis=2
    )
    lines = np.zeros((64, 64), np.float32)
    lines[:, :32] = 1
    made = fine + step_of_change(
        fine, *change(64, 0.1), Exposed(floor=0.0, grain=NO_GRAIN.grain, unit=1.0, lines=lines)
    )
    assert made[8:-8, 8:56].std() < 0.1 * fine.std()
    assert made[8:-8, 72:-8].std() > 0.9 * fine.std()


@pytest.mark.parametrize(("size", "working"), [(64, 64), (128, 64), (192, 64)])
def test_the_picture_moves_by_whole_pixels_of_the_working_density(size, working):
    rgb, ratio = picture(size), size // working
    log, flow = change(working, across=2.0, down=-1.0)
    flow[:8] = flow[:, :8] = 0
    aged = rgb + step_of_change(rgb, log, flow, NO_GRAIN)
    moved = np.roll(rgb, (-ratio, 2 * ratio), axis=(0, 1))
    inner = np.s_[12 * ratio : -4 * ratio, 12 * ratio : -4 * ratio]
    np.testing.assert_allclose(aged[inner], moved[inner], atol=1e-5)
    np.testing.assert_array_equal(aged[: 6 * ratio], rgb[: 6 * ratio])


def test_a_box_holds_what_is_not_nothing_and_its_margin():
    where = np.zeros((40, 60), np.float32)
    assert Box.around(where) is None
    where[10:13, 20:30] = 0.5
    box = Box.around(where, margin=2)
    assert box is not None
    assert box.half == (slice(8, 15), slice(18, 32))
    assert box.full == (slice(16, 30), slice(36, 64))
    where[0, 59] = 1
    assert Box.around(where, margin=2).half == (slice(0, 15), slice(18, 60))
