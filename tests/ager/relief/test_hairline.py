"""Greying at drawn hairlines: the skin beside them stays, no rim glows, and strands stay strands."""

import cv2
import numpy as np
import pytest

from vfxage.ager.relief.mattes import Mattes
from vfxage.ager.relief.older.grey import HairPlaces, greyed
from vfxage.ager.relief.older.white_hair import HairLight

SIDE, LINE = 320, 160
SKIN = np.array([0.72, 0.55, 0.45], np.float32)
BLACK, BROWN = np.array([0.09, 0.08, 0.08], np.float32), np.array([0.30, 0.21, 0.14], np.float32)
LIGHT = HairLight(tint=np.array([0.2, -0.05, -0.24], np.float32), level=float(np.log(0.6)), softness=0.0)
LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)


def _noise(seed, *sigmas):
    white = np.random.default_rng(seed).standard_normal((SIDE, SIDE)).astype(np.float32)
    soft = cv2.GaussianBlur(white, (0, 0), sigmas[0], sigmaY=sigmas[-1])
    return soft / soft.std()


def _cover(soft, ragged):
    """The share of hair: hair above, skin below, a line ``soft`` pixels wide from which strands hang ``ragged`` far."""
    rows = np.arange(SIDE, dtype=np.float32)[:, None] - LINE + ragged * _noise(1, 0.7, 6.0)
    return np.clip(0.5 - rows / (2 * soft), 0, 1)


def _greyed(cover, hair, grey=0.8):
    """The drawn plate and what it looks like when its hair greys; the matte is too wide and too soft, as real ones."""
    shine = 1 + 0.25 * _noise(2, 0.7, 8.0)
    plate = np.clip(cover[..., None] * hair * shine[..., None] + (1 - cover[..., None]) * SKIN, 0, 1)
    wide = cv2.dilate((cover > 0.3).astype(np.float32), np.ones((9, 9)))
    matte = np.asarray(cv2.GaussianBlur(wide, (0, 0), 4), np.float32)
    none, one = np.zeros((SIDE, SIDE), np.float32), np.ones((SIDE, SIDE), np.float32)
    places = HairPlaces(
        mattes=Mattes(hair=matte, beard=none, brows=none, person=one),
        skin_like=cv2.GaussianBlur((cover < 0.3).astype(np.float32), (0, 0), 2),
        brows=none, streaks=none, onsets=(none, none, none), shade=(none, none), lit=none,
    )  # fmt: skip
    plate = np.ascontiguousarray(plate, np.float32)
    change = greyed(plate, places, LIGHT, grey, 1.3)
    return plate, (plate + 0.02) * np.exp(change) - 0.02


@pytest.mark.parametrize("hair", [BLACK, BROWN], ids=["black", "brown"])
@pytest.mark.parametrize(("soft", "ragged"), [(1.0, 0.0), (4.0, 3.0), (14.0, 6.0)], ids=["sharp", "strands", "soft"])
def test_the_profile_across_a_hairline_goes_one_way_from_skin_to_grey_hair(hair, soft, ragged):
    _, aged = _greyed(_cover(soft, ragged), hair)
    level = aged @ LUMA
    profile = cv2.GaussianBlur(level.mean(axis=1, keepdims=True), (1, 5), 0)[:, 0]
    inside, outside = profile[LINE - 80 : LINE - 50].mean(), profile[LINE + 50 : LINE + 80].mean()
    span = slice(LINE - 50, LINE + 50)
    low, high = sorted((inside, outside))
    assert profile[span].max() < high + 0.02
    assert profile[span].min() > low - 0.065  # dark strands end at the line
    assert np.diff(profile[span]).min() > -0.015


@pytest.mark.parametrize("hair", [BLACK, BROWN], ids=["black", "brown"])
@pytest.mark.parametrize(("soft", "ragged"), [(1.0, 0.0), (4.0, 3.0), (14.0, 6.0)], ids=["sharp", "strands", "soft"])
def test_no_pixel_at_a_hairline_is_brighter_than_the_skin_and_the_grey_hair_beside_it(hair, soft, ragged):
    _, aged = _greyed(_cover(soft, ragged), hair)
    level = aged @ LUMA
    brightest = max(float(level[LINE - 80 : LINE - 50].mean()), float(SKIN @ LUMA))
    assert level[LINE - 5 : LINE + 40].max() < brightest + 0.1


def test_the_skin_beside_a_hairline_stays():
    cover = _cover(4.0, 3.0)
    plate, aged = _greyed(cover, BLACK)
    bare = cv2.dilate(cover, np.ones((5, 5))) < 0.01
    assert np.abs(aged - plate)[bare].max() < 0.03
    assert np.abs(aged - plate)[LINE + 6 : LINE + 16][bare[LINE + 6 : LINE + 16]].mean() < 0.003


def test_dark_strands_over_skin_stay_visible():
    """Grey hair as bright as the skin under it would be a smooth veil."""
    cover = _cover(4.0, 5.0)
    plate, aged = _greyed(cover, BLACK)
    rows = slice(LINE - 6, LINE + 6)
    contrast = [np.log(np.maximum(image @ LUMA, 0.02) + 0.02)[rows] for image in (plate, aged)]
    before, after = ((image - cv2.GaussianBlur(image, (0, 0), 3)).std() for image in contrast)
    assert after > 0.2 * before


def test_shaved_hair_greys_but_stays_darker_than_the_skin():
    """Hair of 40 % over skin, as fine as stubble: it must not turn into a veil as bright as the skin."""
    cover = np.clip(0.4 + 0.1 * _noise(5, 0.6), 0, 1) * (_cover(10.0, 0.0))
    plate, aged = _greyed(cover, BLACK)
    inside = slice(60, LINE - 30)
    saturation = [(image[inside].max(axis=-1) - image[inside].min(axis=-1)).mean() for image in (plate, aged)]
    assert saturation[1] < 0.8 * saturation[0]
    assert (aged[inside] @ LUMA).mean() < 0.93 * float(SKIN @ LUMA)


def test_white_hair_before_a_blue_backdrop_keeps_its_outline():
    """What the backdrop adds to an outline is not hair, and must not turn to yellow."""
    cover = _cover(2.0, 2.0)
    white, blue = np.array([0.80, 0.79, 0.78], np.float32), np.array([0.30, 0.45, 0.90], np.float32)
    plate = np.ascontiguousarray(cover[..., None] * white + (1 - cover[..., None]) * blue, np.float32)
    none = np.zeros((SIDE, SIDE), np.float32)
    person = cv2.GaussianBlur((cover > 0.5).astype(np.float32), (0, 0), 2)
    places = HairPlaces(
        mattes=Mattes(hair=person, beard=none, brows=none, person=person), skin_like=none, brows=none, streaks=none,
        onsets=(none, none, none), shade=(none, none), lit=none,
    )  # fmt: skip
    aged = (plate + 0.02) * np.exp(greyed(plate, places, LIGHT, 0.8, 1.3)) - 0.02
    assert (aged - plate)[..., 0].max() < 0.08
    assert (plate - aged)[..., 2].max() < 0.2
