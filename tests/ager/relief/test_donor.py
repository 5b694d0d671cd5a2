"""Skin relief from photographs of donors, on real portraits."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from vfxage.ager.relief.donor import donor_skin, mixed_skin
from vfxage.ager.relief.mesh import CANON
from vfxage.ager.relief.working import Working
from vfxage.errors import ReadError
from vfxage.lab.portraits import crop_portrait, lone_portrait

YOUNG, OLD, OTHER = "eval/lon_124_neutral.jpg", "civil/con2_I000024.jpg", "civil/con2_B001277.jpg"


@pytest.fixture(scope="module")
def crops(portraits, ager):
    made = {}
    for name in (YOUNG, OLD, OTHER):
        path = portraits / name
        with np.load(path.parent / "landmarks.npz") as landmarks:
            portrait = replace(lone_portrait(path, 28), points=landmarks[path.stem])
        made[name] = replace(crop_portrait(portrait, ager.framing, 512, (28, 62)), name="lead")
    return made


@pytest.fixture(scope="module")
def skins(crops, ager):
    return {name: skin_of(crops[name], ager) for name in (OLD, OTHER)}


def skin_of(crop, ager):
    work = Working.of(crop, ager._mean_face)
    return donor_skin(work, np.zeros(work.rgb.shape[:2], np.float32), ager._mean_face)


def alike(one, other, weight):
    """Correlation of two maps where ``weight`` is."""
    a, b = (image - (image * weight).sum() / weight.sum() for image in (one, other))
    return float((a * b * weight).sum() / np.sqrt((a * a * weight).sum() * (b * b * weight).sum()))


def test_the_mean_face_is_drawn_on_the_landmarks_of_a_crop(crops, ager):
    points, mean = crops[OLD].points, ager._mean_face.mean
    chart = ager._mean_face.mesh.unfolded(points, CANON)
    for landmark in (1, 50, 151, 280, 199):
        x, y = np.floor(mean[landmark]).astype(int)
        at = chart.at[y - chart.window.y, x - chart.window.x] + 0.5
        assert np.hypot(*(at - points[landmark])) < 2.5


@pytest.mark.parametrize(("wave", "least", "most"), [(7.0, 0.35, 1.0), (60.0, -0.12, 0.12)])
def test_dark_is_deep_in_fine_bands_alone(crops, ager, wave, least, most):
    """Stripes painted on a face become relief if they are fine, and none if they are as broad as a fold's shade."""
    crop = crops[YOUNG]
    stripes = np.sin(2 * np.pi / wave * np.arange(512, dtype=np.float32))[:, None].repeat(512, axis=1)
    painted = replace(crop, rgb=np.clip(crop.rgb * np.exp(0.06 * stripes)[..., None], 0, 1))
    skin = skin_of(painted, ager)
    chart = ager._mean_face.mesh.unfolded(crop.points, CANON)
    at = np.full((CANON, CANON, 2), -1, np.float32)
    box = chart.window
    at[box.y : box.y + box.height, box.x : box.x + box.width] = chart.at
    expected = cv2.remap(stripes, at[..., 0], at[..., 1], cv2.INTER_LINEAR)
    assert least < alike(skin.height, expected, skin.trust) < most


def test_broad_shade_of_the_donor_is_not_in_the_relief(skins):
    for skin in skins.values():
        fine = skin.height * skin.trust
        broad = cv2.GaussianBlur(fine, (0, 0), 10)
        assert np.square(broad).sum() < 0.02 * np.square(fine).sum()


@pytest.mark.parametrize("names", [(OLD,), (OLD, OTHER)])
def test_no_donor_comes_out_whole(skins, names):
    """Each donor, and each donor in a mirror, is only a part of what a face gets."""
    given = [skins[name] for name in names]
    mixed = mixed_skin(given, "lead")
    shares = []
    for skin in given:
        for height, trust in ((skin.height, skin.trust), (skin.height[:, ::-1], skin.trust[:, ::-1])):
            shares.append(alike(mixed, height, trust))
    assert max(shares) < (0.75 if len(names) == 1 else 0.5)
    assert min(shares) > 0.15
    assert alike(mixed, mixed_skin(given, "extra"), skins[OLD].trust) < 0.9
    np.testing.assert_array_equal(mixed, mixed_skin(given, "lead"))
    nowhere = np.maximum.reduce([np.maximum(s.trust, s.trust[:, ::-1]) for s in given]) == 0
    assert nowhere.any()
    assert not mixed[nowhere].any()


def test_a_donor_adds_to_the_texture_of_the_skin_and_to_nothing_else(crops, ager):
    crop = crops[YOUNG]
    plain, given = ager.study([crop]), ager.study([crop], donors=[crops[OLD]])
    assert set(given) - set(plain) == {"donor"}

    def step(study, **look):
        return ager([replace(crop, study=study, look=replace(crop.look, **look))])[0].step

    added = np.abs(step(given) - step(plain)).max(axis=2)
    brow, chin = crop.points[10], crop.points[152]
    hair = ager.hair(replace(crop, study=plain)) > 0.95
    assert added[hair].max() < 0.004
    assert added[int(brow[1]) : int(chin[1])].max() > 0.02
    np.testing.assert_array_equal(step(given, texture=0.0), step(plain, texture=0.0))
    younger = replace(crop, ages=(28.0, 18.0))
    one, other = (ager([replace(younger, study=study)])[0].step for study in (plain, given))
    np.testing.assert_array_equal(one, other)


def test_a_photograph_without_bare_skin_is_named(crops, ager):
    """A patterned cloth before the face."""
    cloth = np.random.default_rng(5).random((512, 512, 3), np.float32)
    covered = replace(crops[OLD], rgb=cloth, name="photographs/masked.jpg")
    with pytest.raises(ReadError, match=r"masked\.jpg.*bare skin"):
        ager.study([crops[YOUNG]], donors=[covered])
