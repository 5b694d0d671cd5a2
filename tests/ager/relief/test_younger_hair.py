"""Grey hair back to its colour, on drawn strands whose colours are known exactly."""

import cv2
import numpy as np
import pytest

from vfxage.ager.relief.younger.hair import GreyHair, HairTone, hair_tone, recoloured
from vfxage.ager.relief.younger.settings import Settings

SETTINGS = Settings()
SIDE = 160


def _strands(dark, bright, share):
    """(SIDE, SIDE, 3) hair of two kinds of strands, sRGB; ``share`` of it is bright."""
    noise = np.random.default_rng(7).normal(0, 1, (SIDE, SIDE)).astype(np.float32)
    streaks = cv2.GaussianBlur(noise, (0, 0), sigmaX=1.2, sigmaY=12)
    light = streaks > np.quantile(streaks, 1 - share)
    return np.where(light[..., None], np.float32(bright), np.float32(dark)).astype(np.float32)


BROWN, SILVER, WHITE, BLACK = (0.22, 0.16, 0.12), (0.62, 0.61, 0.60), (0.88, 0.87, 0.86), (0.06, 0.06, 0.06)
SKIN = (-0.5, 0.5)


def _younger_hair(rgb, matte=None, tone=None):
    matte = np.ones((SIDE, SIDE), np.float32) if matte is None else matte
    tone = tone or hair_tone(rgb, matte, SKIN, SETTINGS.hair)
    hair = GreyHair(matte=matte, tone=tone, share=1.0)
    return rgb * np.exp(recoloured(rgb, hair, SKIN[1], 1.0, SETTINGS.hair))


def test_grey_hair_goes_towards_its_dark_strands():
    before = _strands(BROWN, SILVER, 0.6)
    after = _younger_hair(before)
    assert after.mean() < 0.8 * before.mean()
    bright = before[..., 1] > 0.5
    assert after[bright].mean() > np.mean(BROWN), "light on the hair stays"
    red, _, blue = after[bright].mean(axis=0)
    assert red > 1.1 * blue


def test_grey_hair_keeps_its_strands():
    """A flat helmet, or bright strands that become darker than dark ones, would read as paint."""
    noise = np.random.default_rng(9).normal(0, 1, (SIDE, SIDE)).astype(np.float32)
    streaks = cv2.GaussianBlur(noise, (0, 0), sigmaX=1.5, sigmaY=12)
    share = np.clip(0.5 + 0.25 * streaks / streaks.std(), 0, 1)[..., None]
    dark, bright = np.array((0.20, 0.18, 0.17)), np.array((0.68, 0.67, 0.66))
    before = (dark * (1 - share) + bright * share).astype(np.float32)
    tone = HairTone(brown=0.4, level=-1.65, pigment=1.0, sheen=-1.0, usual=-0.7)
    first, last = (np.log(rgb[..., 1]) for rgb in (before, _younger_hair(before, tone=tone)))
    assert last.mean() < first.mean() - 0.1
    first, last = (image - cv2.GaussianBlur(image, (0, 0), 5) for image in (first, last))
    kept = [float((last * part).sum() / (first * part).sum()) for part in (first > 0.15, first < -0.15)]
    assert all(0.4 < share < 0.95 for share in kept), f"bright strands keep {kept[0]:.2f}, dark ones {kept[1]:.2f}"


def test_light_on_grey_hair_stays_where_it_is_when_the_hair_gets_its_colour():
    """A bright lock keeps most of its distance from the others: taken down to one level, hair reads as felt."""
    dull, bright = (_strands(BROWN, grey, 0.6)[:, : SIDE // 2] for grey in ((0.50, 0.49, 0.48), WHITE))
    before = np.concatenate([dull, dull, bright[:, : SIDE // 2]], axis=1)
    matte = np.ones(before.shape[:2], np.float32)
    after = _younger_hair(np.ascontiguousarray(before), matte=matte)
    apart = [float(np.log(rgb[:, 180:225].mean() / rgb[:, 15:95].mean())) for rgb in (before, after)]
    assert apart[1] > 0.4 * apart[0] > 0.1


def test_fair_hair_before_a_blue_wall_is_not_dyed_along_its_outline():
    before = _strands((0.55, 0.45, 0.30), (0.85, 0.74, 0.55), 0.5)
    matte = np.ones((SIDE, SIDE), np.float32)
    matte[:, :40], matte[:, 40:45] = 0, 0.6
    wall = np.array((0.30, 0.40, 0.90))
    before = (matte[..., None] * before + (1 - matte[..., None]) * wall).astype(np.float32)
    darker = HairTone(brown=0.9, level=-1.4, pigment=1.0, sheen=-1.3, usual=-0.5)
    assert np.abs(_younger_hair(before, matte, darker) - before).max() < 0.08


def test_a_dent_of_the_matte_leaves_no_silver_spot_and_a_hole_stays():
    before = np.clip(_strands(BROWN, SILVER, 0.6), 0, 1)
    y, x = np.mgrid[:SIDE, :SIDE]
    holes = []
    for inside in (0.25, 0.0):
        matte = np.ones((SIDE, SIDE), np.float32)
        spot = np.square(x - 80) + np.square(y - 80) < 36
        matte[spot] = inside
        holes.append(float(np.abs(_younger_hair(before, matte) - before)[spot].mean()))
    whole = float(np.abs(_younger_hair(before) - before)[spot].mean())
    assert holes[0] > 0.8 * whole
    assert holes[1] < 0.1 * whole


@pytest.mark.parametrize("colour", [WHITE, BROWN, BLACK], ids=["white", "brown", "black"])
def test_hair_without_grey_strands_keeps_its_colour(colour):
    before = _strands(np.array(colour) * 0.85, colour, 0.5)
    assert np.abs(_younger_hair(before) - before).max() < 0.03


def test_fair_hair_with_bright_strands_keeps_its_colour():
    before = _strands((0.45, 0.34, 0.20), (0.85, 0.74, 0.55), 0.5)
    assert np.abs(_younger_hair(before) - before).max() < 0.02


def test_the_sheen_of_black_hair_stays():
    before = _strands(BLACK, (0.20, 0.20, 0.21), 0.4)
    assert np.abs(_younger_hair(before) - before).max() < 0.02


def test_white_hair_with_shadows_between_its_curls_stays_white():
    before = _strands(np.array(WHITE) * 0.52, WHITE, 0.8)
    assert np.abs(_younger_hair(before) - before).max() < 0.01


def test_skin_in_the_edge_of_a_matte_is_not_dyed():
    before = _strands(BROWN, SILVER, 0.6)
    skin = np.array([0.80, 0.60, 0.48], np.float32)
    before[:, SIDE // 2 :] = skin
    after = _younger_hair(before)
    assert np.abs(after[:, SIDE // 2 + 8 :] - skin).max() < 0.02


def test_no_hair_is_measured_where_there_is_none():
    tone = hair_tone(_strands(BROWN, SILVER, 0.5), np.zeros((SIDE, SIDE), np.float32), SKIN, SETTINGS.hair)
    assert tone == HairTone.none()
    packed = HairTone(brown=0.5, level=-1.5, pigment=0.25, sheen=-1.0, usual=-0.75)
    assert HairTone.unpacked(packed.packed()) == packed


def test_a_lock_of_one_grey_gains_contrast_as_it_darkens():
    """Pigment takes away the light within strands that softens their shade: without that a lock is a flat cap."""
    noise = np.random.default_rng(11).normal(0, 1, (SIDE, SIDE)).astype(np.float32)
    streaks = cv2.GaussianBlur(noise, (0, 0), sigmaX=1.5, sigmaY=12)
    before = np.asarray(SILVER, np.float32) * np.exp(np.float32(0.05) * streaks / streaks.std())[..., None]
    tone = HairTone(brown=0.4, level=-1.65, pigment=1.0, sheen=-1.0, usual=-0.7)
    after = _younger_hair(np.asarray(before, np.float32), tone=tone)
    first, last = (np.log(rgb[..., 1]) for rgb in (before, after))
    assert last.mean() < first.mean() - 0.2
    first, last = (image - cv2.GaussianBlur(image, (0, 0), 5) for image in (first, last))
    assert float((last * first).sum() / np.square(first).sum()) > 1.1
