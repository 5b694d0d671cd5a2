"""Hair parted from skin on drawn hairlines, whose share of hair is known exactly."""

import cv2
import numpy as np
import pytest

from vfxage.ager.relief.older.strands import order_of_strands
from vfxage.ager.relief.unmixed import unmixed

SIDE = 240
SKIN = np.array([0.72, 0.55, 0.45], np.float32)
BLACK, BROWN = np.array([0.09, 0.08, 0.08], np.float32), np.array([0.30, 0.21, 0.14], np.float32)


def _hairline(hair, soft=3.0):
    """Hair in the upper half over skin: the picture, the share of hair, and a matte that is too wide and too soft."""
    share = np.zeros((SIDE, SIDE), np.float32)
    share[: SIDE // 2] = 1
    noise = cv2.GaussianBlur(np.random.default_rng(1).standard_normal((SIDE, SIDE)).astype(np.float32), (0, 0), 1.5)
    rows = np.arange(SIDE, dtype=np.float32)[:, None] + 25 * noise
    share = np.clip((SIDE / 2 - rows) / (2 * soft) + 0.5, 0, 1)
    matte = cv2.GaussianBlur(
        (np.arange(SIDE)[:, None] < SIDE // 2 + 5).astype(np.float32) * np.ones_like(share), (0, 0), 4
    )
    picture = share[..., None] * hair + (1 - share[..., None]) * SKIN
    skin_like = cv2.GaussianBlur((share < 0.3).astype(np.float32), (0, 0), 2)
    return picture.astype(np.float32), share, matte, skin_like


@pytest.mark.parametrize("hair", [BLACK, BROWN], ids=["black", "brown"])
def test_the_share_of_hair_is_found_where_the_matte_is_too_wide(hair):
    picture, share, matte, skin_like = _hairline(hair)
    found = unmixed(picture, matte, skin_like, 1.0)
    line = slice(SIDE // 2 - 12, SIDE // 2 + 14)
    before, after = (np.abs(image - share)[line].mean() for image in (matte, found.share))
    assert after < 0.5 * before
    assert found.share[SIDE // 2 + 14 :].max() < 0.15  # bare skin stays
    assert found.share[: SIDE // 2 - 30].min() > 0.95


def test_the_colour_at_the_hairline_is_that_of_the_hair_alone():
    picture, share, matte, skin_like = _hairline(BLACK)
    colour = unmixed(picture, matte, skin_like, 1.0).colour
    mixed = (share > 0.4) & (share < 0.6)
    assert np.abs(colour[mixed] - BLACK).mean() < 0.4 * np.abs(picture[mixed] - BLACK).mean()


def test_fair_hair_on_fair_skin_keeps_its_matte_without_the_fog_beside_it():
    """Where colours do not tell, the soft side of a matte is skin."""
    picture, _, matte, skin_like = _hairline(SKIN * np.float32(0.99))
    share = unmixed(picture, matte, skin_like, 1.0).share
    assert share[matte > 0.98].mean() > 0.9
    assert share[matte < 0.4].max() < 0.1
    assert (share - matte).max() < 0.05


def test_strands_turn_along_the_hair_and_are_as_fine_as_hair():
    """On hair that hangs down, the order of turning changes faster across than along it."""
    across = cv2.GaussianBlur(np.random.default_rng(2).standard_normal((1, SIDE)).astype(np.float32), (0, 0), 0.8)
    level = np.float32(-2) + np.float32(0.15) * np.repeat(across, SIDE, axis=0)
    order = order_of_strands(level, np.zeros_like(level), 1.0, 0.0)[20:-20, 20:-20]
    along, over = (np.abs(np.diff(order, axis=axis)).mean() for axis in (0, 1))
    assert over > 2 * along
    assert np.abs(order).max() <= 1


def test_flat_black_hair_turns_in_fine_strands_not_in_clumps():
    """A clump is what a blur of two pixels leaves: most of the order of turning is finer."""
    level = np.full((SIDE, SIDE), -3.0, np.float32)
    level += np.float32(0.02) * np.random.default_rng(3).standard_normal(level.shape).astype(np.float32)
    order = order_of_strands(level, np.zeros_like(level), 1.0, 0.0)
    assert order.std() > 0.2
    assert cv2.GaussianBlur(order, (0, 0), 2.0).std() < 0.6 * order.std()


def test_strands_are_the_same_at_each_call():
    level = np.random.default_rng(4).standard_normal((64, 96)).astype(np.float32)
    assert np.array_equal(
        order_of_strands(level, 0 * level, 1.2, 0.0), order_of_strands(level.copy(), 0 * level, 1.2, 0.0)
    )
