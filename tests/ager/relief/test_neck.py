"""Necks and ears: they age with the face, on bare skin alone, as far as the artist wants."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import cv2
import numpy as np
import pytest

from vfxage.ager.relief.mattes import Mattes
from vfxage.ager.relief.mean_face import load_mean_face
from vfxage.ager.relief.neck import beyond_areas, beyond_face
from vfxage.ager.relief.older import throat
from vfxage.ager.relief.older.sculpture import Sculpture
from vfxage.ager.relief.older.side import OlderSide
from vfxage.ager.relief.working import Working
from vfxage.ager.relief.younger.measure import RIMS
from vfxage.geometry import OVAL
from vfxage.lab.portraits import crop_portrait, scan_portraits
from vfxage.types import FaceCrop

SIZE = 512
WOMAN, EARS, LINED = "lon_120", "lon_121", "F000463"
SKIN = np.array([0.80, 0.60, 0.50], np.float32)
COLLARS = {
    "white": (0.95, 0.95, 0.94),
    "blue": (0.35, 0.45, 0.70),
    "black": (0.04, 0.04, 0.05),
    "grey": (0.5, 0.5, 0.5),
}
CHIN, TOP, BROWS = 152, 10, (105, 334)


@pytest.fixture(scope="module")
def shown(portraits, ager):
    """A portrait's crop by person and ages, with its study."""
    people = {one.person: one for name in ("eval", "civil") for one in scan_portraits(portraits / name).portraits}

    @cache
    def studied(person):
        crop = replace(crop_portrait(people[person], ager.framing, SIZE, (40.0, 60.0)), name="lead")
        return replace(crop, study=ager.study([crop]))

    def cut(person, source, target):
        return replace(studied(person), ages=(source, target))

    return cut


def rms(image):
    return float(np.sqrt(np.mean(np.square(image, dtype=np.float64))))


def filled(outline):
    area = np.zeros((SIZE, SIZE), np.uint8)
    cv2.fillPoly(area, [np.round(outline).astype(np.int32)], (1,))
    return area


def below_brows(points):
    """Pixels that are below the line of the brows by more than a tenth of the face."""
    up = points[TOP] - points[CHIN]
    y, x = np.mgrid[:SIZE, :SIZE] + 0.5
    brow = points[list(BROWS)].mean(axis=0)
    return ((x - brow[0]) * up[0] + (y - brow[1]) * up[1]) / (up @ up) < -0.15


def beside(points, canonical):
    """Pixels outside the outline by more than ``canonical`` pixels of the mean face, and below the brows."""
    unit = np.linalg.norm(points[TOP] - points[CHIN]) / 258
    reach = 2 * round(canonical * unit) + 1
    face = cv2.dilate(filled(points[OVAL]), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach)))
    return (face == 0) & below_brows(points)


def throat_of(points):
    """A square of skin below the chin."""
    unit = np.linalg.norm(points[TOP] - points[CHIN]) / 258
    down = (points[CHIN] - points[TOP]) / np.linalg.norm(points[CHIN] - points[TOP])
    x, y = points[CHIN] + 32 * unit * down
    half = 20 * unit
    return np.s_[round(y - half) : round(y + half), round(x - half) : round(x + half)]


def bald(ager, crop):
    """Pixels that are surely no hair."""
    return cv2.dilate(ager.hair(crop), np.ones((25, 25), np.uint8)) < 0.01


def drawn(collar):
    """A face of even skin over a darker neck, with a collar on both sides of it and below: crop and collar's pixels."""
    mean = load_mean_face().mean
    points = (mean * (SIZE / 450) + (28, 0)).astype(np.float32)
    rng = np.random.default_rng(3)
    rgb = np.full((SIZE, SIZE, 3), (0.3, 0.4, 0.6), np.float32)
    chin = points[CHIN]
    y, x = np.mgrid[:SIZE, :SIZE] + 0.5
    neck = (np.abs(x - chin[0]) < 75) & (y > chin[1] - 90)
    cloth = (
        (y > chin[1] - 30)
        & (np.abs(x - chin[0]) > 45 + np.maximum(chin[1] + 55 - y, 0) * 0.3)
        & ~(filled(points[OVAL]) > 0)
    )
    rgb[neck] = 0.62 * SKIN
    rgb[cloth] = collar
    face = filled(points[OVAL]) > 0
    rgb[face] = SKIN
    rgb = cv2.GaussianBlur(rgb, (0, 0), 1.0) + rng.normal(0, 0.004, rgb.shape).astype(np.float32)
    crop = FaceCrop(
        face=0, name="lead", rgb=np.clip(rgb, 0, 1).astype(np.float32), points=points,
        matte=np.ones((SIZE, SIZE), np.float32), to_frame=np.eye(2, 3), ages=(25.0, 65.0), intensity=1.0,
    )  # fmt: skip
    return crop, cv2.erode(cloth.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0


@pytest.mark.parametrize("collar", COLLARS.values(), ids=COLLARS.keys())
def test_a_dark_neck_ages_and_a_collar_does_not(collar):
    mean_face = load_mean_face()
    crop, cloth = drawn(collar)
    work, none = Working.of(crop, mean_face), np.zeros((SIZE, SIZE), np.float32)
    mattes = Mattes(hair=none, beard=none, brows=none, person=np.ones_like(none))
    areas = beyond_areas(mean_face.mean)
    side = OlderSide(mean_face, areas)
    rims = np.zeros((192, 192), np.float32)
    crop = replace(crop, study={**side.study([(work, mattes)]), RIMS: rims})
    step = side.step(crop, work, mattes, beyond_face(work, mattes, areas))
    assert rms(step[throat_of(crop.points)]) > 0.012
    assert cloth.sum() > 2000
    assert np.abs(step[cloth]).max() < 0.002


def test_a_neck_shows_its_age_and_more_of_it_with_the_years(shown, ager):
    """Dark lines of a smooth young neck: below the chin the added layer has detail, not only a tone."""
    sizes = []
    for target in (47, 57, 72):
        crop = shown(WOMAN, 37.0, float(target))
        added = ager([crop])[0].step.mean(axis=2)
        fine = added - cv2.GaussianBlur(added, (0, 0), 8.0)
        sizes.append(rms(fine[throat_of(crop.points)]))
    assert 0.004 < sizes[0] < 0.75 * sizes[1]
    assert sizes[1] < 0.9 * sizes[2]
    assert sizes[2] < 0.06


def test_the_matte_reaches_down_the_neck(shown, ager):
    crop = shown(WOMAN, 37.0, 72.0)
    reach = ager([crop])[0].reach
    assert reach[throat_of(crop.points)].mean() > 0.95
    assert not any(edge.any() for edge in (reach[0], reach[-1], reach[:, 0], reach[:, -1]))
    none = ager([replace(crop, look=replace(crop.look, neck=0.0, hair=0.0))])[0]
    assert none.reach is None or not none.reach.any()


@pytest.mark.parametrize(("person", "ages"), [(WOMAN, (37.0, 72.0)), (EARS, (34.0, 69.0)), (LINED, (63.0, 38.0))])
def test_no_neck_is_none_to_the_bit(shown, ager, person, ages):
    crop = shown(person, *ages)
    where = beside(crop.points, 16) & bald(ager, crop)
    assert where.sum() > 5000
    looks = [replace(crop.look, hair=0.0, neck=neck) for neck in (1.0, 0.5, 0.0)]
    full, half, none = (ager([replace(crop, look=look)])[0].step for look in looks)
    assert not none[where].any()
    assert 0 < rms(half[where]) < 0.8 * rms(full[where])


def test_jowls_hang_over_a_bare_neck_and_not_without_one(shown, ager):
    """At the jaw beside the chin the picture moves down, as one moved by hand does; without a neck it stays."""
    crop = shown(WOMAN, 37.0, 72.0)
    nothing = dict.fromkeys(("folds", "lines", "texture", "pigment", "hair", "lips", "eyes"), 0.0)
    moved, none = (ager([replace(crop, look=replace(crop.look, **nothing, neck=neck))])[0].step.mean(axis=2)
                   for neck in (1.0, 0.0))  # fmt: skip
    lower = np.roll(crop.rgb, 3, axis=0).mean(axis=2) - crop.rgb.mean(axis=2)
    for landmark in (150, 379):
        x, y = np.round(crop.points[landmark]).astype(int)
        jaw = np.s_[y - 12 : y + 12, x - 12 : x + 12]
        assert np.corrcoef(moved[jaw].ravel(), lower[jaw].ravel())[0, 1] > 0.7
        assert rms(none[jaw]) < 0.5 * rms(moved[jaw])


def test_ears_get_darker_folds_and_redder(shown, ager):
    crop = shown(EARS, 34.0, 69.0)
    aged = np.clip(crop.rgb + ager([crop])[0].step, 0, 1)
    unit = np.linalg.norm(crop.points[TOP] - crop.points[CHIN]) / 258
    for landmark, out in ((234, -1), (454, 1)):
        x, y = crop.points[landmark] + np.array([out * 14, 8]) * unit
        ear = np.s_[round(y - 22 * unit) : round(y + 22 * unit), round(x - 7 * unit) : round(x + 7 * unit)]
        before, after = crop.rgb[ear], aged[ear]
        assert (after[..., 0] / after[..., 1]).mean() > 1.02 * (before[..., 0] / before[..., 1]).mean()
        assert np.log(after.mean(axis=2) + 0.03).std() > 1.05 * np.log(before.mean(axis=2) + 0.03).std()


def test_lines_of_a_neck_fade_when_the_face_gets_younger(shown, ager):
    crop = shown(LINED, 63.0, 38.0)
    where = throat_of(crop.points)
    relief = []
    for rgb in (crop.rgb, np.clip(crop.rgb + ager([crop])[0].step, 0, 1)):
        level = np.log(rgb.mean(axis=2) + 0.03)
        relief.append(rms((cv2.GaussianBlur(level, (0, 0), 1.5) - cv2.GaussianBlur(level, (0, 0), 9.0))[where]))
    assert relief[1] < 0.7 * relief[0]


def test_every_face_has_a_neck_of_its_own(ager):
    mean = ager._mean_face.mean
    one, again, other = (throat.throat_heights(mean, name) for name in ("lead", "lead", "extra"))
    assert set(one) == set(throat.PARTS)
    for part in throat.PARTS:
        np.testing.assert_array_equal(one[part], again[part])
        assert rms(one[part] - other[part]) > 0.3 * rms(one[part]), part


@pytest.mark.parametrize("part", throat.PARTS)
def test_no_fold_of_a_neck_ends_in_an_edge(ager, part):
    """Each part fades out before its canvas ends, but at the bottom, where the mesh of the neck has ended."""
    image = np.abs(Sculpture(ager._mean_face, "lead").mixed_neck({part: 1.0})).max(axis=2)
    assert image.max() > 0.005
    for edge in (image[0], image[:, 0], image[:, -1]):
        assert edge.max() < 0.003 * image.max()


def test_black_and_white_stays_black_and_white(shown, ager):
    crop = shown(WOMAN, 37.0, 72.0)
    grey = np.repeat(crop.rgb.mean(axis=2, keepdims=True), 3, axis=2)
    crop = replace(crop, rgb=grey, study={})
    step = ager([replace(crop, study=ager.study([crop]))])[0].step
    assert np.ptp(step[throat_of(crop.points)], axis=2).max() < 0.004
