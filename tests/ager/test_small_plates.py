"""What an artist sees of ``small``: the same ageing on warm and cold plates, at every size, on dark and light skin."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from vfxage.ager import load_ager
from vfxage.geometry import OVAL
from vfxage.lab.portraits import crop_portrait, scan_portraits

LUMA = np.array([0.2126, 0.7152, 0.0722])
OLDER, YOUNGER = 35.0, -14.0
EYES = (
    (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246),
    (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466),
)
PALE, BROWN = ("lon_131", "lon_113"), ("lon_061", "lon_062")
"""People of a research set that nothing was learned from: men of 34 and 40, women of 33 and 30."""


@pytest.fixture(scope="module")
def ager():
    return load_ager("small", "cpu")


@pytest.fixture(scope="module")
def people(portraits):
    return {one.person: one for one in scan_portraits(portraits / "eval").portraits}


@pytest.fixture(scope="module")
def crop_of(people, ager):
    def crop(person, years, size=512):
        age = people[person].age if years > 0 else max(people[person].age, 20 - years)
        return crop_portrait(people[person], ager.framing, size, (age, age + years))

    return crop


def linear(code):
    """Scene-linear light of sRGB code values (IEC 61966-2-1)."""
    code = np.asarray(code, np.float64)
    return np.where(code <= 0.04045, code / 12.92, ((np.maximum(code, 0) + 0.055) / 1.055) ** 2.4)


def coded(light):
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * np.maximum(light, 0) ** (1 / 2.4) - 0.055)


def delta(ager, crop):
    """The scene-linear delta inside the matte, as a composite adds it."""
    (answer,) = ager([crop])
    return (linear(crop.rgb + answer.step) - linear(crop.rgb))[crop.matte > 0.5]


def graded(crop, gains):
    """The crop of the same plate with its light multiplied."""
    return replace(crop, rgb=np.clip(coded(linear(crop.rgb) * gains), 0, 1).astype(np.float32))


@pytest.mark.parametrize("years", [OLDER, YOUNGER])
@pytest.mark.parametrize("person", [PALE[0], BROWN[1]])
@pytest.mark.parametrize("stops", [-0.2, 0.2])
def test_another_white_balance_of_the_plate_hardly_changes_the_delta(ager, crop_of, person, years, stops):
    crop = crop_of(person, years)
    own = delta(ager, crop)
    other = delta(ager, graded(crop, np.array([2**stops, 1, 2**-stops])))
    assert np.abs(other - own).sum() < 0.15 * np.abs(own).sum()


@pytest.mark.parametrize("years", [OLDER, YOUNGER])
def test_a_warm_and_dark_plate_ages_as_much(ager, crop_of, years):
    """Candle light: a stop and a half between red and blue, a stop darker; measured as a change of contrast."""
    crop = crop_of(PALE[0], years)
    dim = graded(crop, 0.5 * np.array([2**0.7, 1, 2**-0.8]))
    assert contrast_change(ager, dim) == pytest.approx(contrast_change(ager, crop), rel=0.15)


def contrast_change(ager, crop):
    """Mean change of log luma on the face."""
    (answer,) = ager([crop])
    before, after = (cv2.GaussianBlur(linear(rgb) @ LUMA, (0, 0), len(crop.rgb) / 256) + 0.003
                     for rgb in (crop.rgb, np.clip(crop.rgb + answer.step, 0, 1)))  # fmt: skip
    return float(np.abs(np.log(after / before))[crop.matte > 0.9].mean())


def test_dark_skin_ages_as_much_as_light_skin(ager, crop_of):
    dark, light = (np.mean([contrast_change(ager, crop_of(one, OLDER)) for one in side]) for side in (BROWN, PALE))
    assert dark > 0.75 * light


@pytest.mark.parametrize("years", [OLDER, YOUNGER])
@pytest.mark.parametrize("size", [96, 150, 256, 768, 1024])
def test_a_face_ages_as_much_at_every_size(ager, crop_of, size, years):
    """Against the crop of 512 px, at a density that both show. A smaller face is enlarged to a crop of 256 px."""
    crop = crop_of(PALE[0], years, max(size, 256))
    if size < 256:
        small = cv2.resize(crop.rgb, (size, size), interpolation=cv2.INTER_AREA)
        crop = replace(crop, rgb=np.clip(cv2.resize(small, (256, 256), interpolation=cv2.INTER_CUBIC), 0, 1))
    here, own = (cv2.resize(ager([one])[0].step, (64, 64), interpolation=cv2.INTER_AREA)
                 for one in (crop, crop_of(PALE[0], years)))  # fmt: skip
    assert np.abs(here).mean() == pytest.approx(np.abs(own).mean(), rel=0.1)
    assert np.abs(here - own).mean() < 0.25 * np.abs(own).mean()


def lab_change(ager, crop):
    """The change of CIE L*, a*, b*, without what is finer than a hundredth of the face."""
    (answer,) = ager([crop])
    before, after = (cv2.cvtColor(np.clip(rgb, 0, 1), cv2.COLOR_RGB2LAB) for rgb in (crop.rgb, crop.rgb + answer.step))
    return cv2.GaussianBlur(after - before, (0, 0), len(crop.rgb) / 200)


def filled(points, outlines, size):
    mask = np.zeros((size, size), np.uint8)
    for outline in outlines:
        cv2.fillPoly(mask, [np.round(points[list(outline)]).astype(np.int32)], 1)
    return mask


@pytest.mark.parametrize("years", [OLDER, YOUNGER])
@pytest.mark.parametrize("person", [*PALE, *BROWN])
def test_eye_sockets_do_not_turn_blue(ager, crop_of, person, years):
    """Against the cheeks: b* around the eyes may not fall by a visible step more than there."""
    crop = crop_of(person, years)
    height = np.hypot(*(crop.points[10] - crop.points[152]))
    eyes = filled(crop.points, EYES, 512)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * round(height / 10) + 1,) * 2)
    around = (cv2.dilate(eyes, disc) > 0) & (cv2.dilate(eyes, np.ones((5, 5), np.uint8)) == 0)
    blue = lab_change(ager, crop)[..., 2]
    cheeks = np.median([blue[y - 6 : y + 6, x - 6 : x + 6] for x, y in crop.points[[50, 280]].astype(int)])
    assert np.percentile(blue[around], 2) > min(cheeks, 0) - 5


@pytest.mark.parametrize("person", [*PALE, *BROWN])
def test_no_rim_of_light_along_the_jaw(ager, crop_of, person):
    crop = crop_of(person, OLDER)
    oval = filled(crop.points, (OVAL,), 512)
    near = cv2.dilate(oval, np.ones((15, 15), np.uint8)) - cv2.erode(oval, np.ones((15, 15), np.uint8))
    below = np.arange(512)[:, None] > crop.points[[61, 291], 1].mean()
    lighter = lab_change(ager, crop)[..., 0]
    assert np.percentile(lighter[(near > 0) & below], 98) < 2.5
