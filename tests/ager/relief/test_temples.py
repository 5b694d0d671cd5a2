"""Receding temples, on real portraits of men."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from vfxage.lab.portraits import crop_portrait, lone_portrait

DARK, QUIFF, FRINGE = "lon_008_neutral", "lon_022_neutral", "lon_003_neutral"
AGES = (30.0, 65.0)


@pytest.fixture(scope="module")
def crops(portraits, ager):
    made = {}
    with np.load(portraits / "eval" / "landmarks.npz") as landmarks:
        for name in (DARK, QUIFF, FRINGE):
            portrait = replace(lone_portrait(portraits / "eval" / f"{name}.jpg", 30), points=landmarks[name])
            crop = replace(crop_portrait(portrait, ager.framing, 512, AGES), name="lead")
            made[name] = replace(crop, study=ager.study([crop]))
    return made


def aged(ager, crop, temples, **changed):
    crop = replace(crop, traits=replace(crop.traits, temples=temples), **changed)
    return np.clip(crop.rgb + ager([crop])[0].step, 0, 1)


def bared(crop, hair, before, after):
    """Pixels of the hair that became skin: how much nearer each comes to the colour of the forehead."""
    forehead = np.zeros(crop.rgb.shape[:2], np.uint8)
    hull = cv2.convexHull(crop.points[[108, 337, 299, 69, 67, 297]].astype(np.int32))
    cv2.fillConvexPoly(forehead, hull, (1,))
    skin = np.median(before[forehead > 0], axis=0)
    far, near = (np.abs(picture - skin).max(axis=2) for picture in (before, after))
    other = hair & (far > 0.08)
    return float(np.maximum(1 - near[other] / far[other], 0).sum())


@pytest.mark.parametrize("name", [DARK, QUIFF])
def test_skin_shows_above_the_temples_and_thins_without_an_edge(crops, ager, name):
    crop = crops[name]
    without, once, twice = (aged(ager, crop, amount) for amount in (0.0, 1.0, 2.0))
    hair = ager.hair(crop) > 0.7
    shown = [bared(crop, hair, without, picture) for picture in (once, twice)]
    assert 400 < shown[0] < shown[1] - 400
    changed = cv2.GaussianBlur(np.abs(once - without).max(axis=2), (0, 0), 2)
    below = int(crop.points[[105, 334], 1].max())
    assert not np.abs(once - without)[below:].any()
    steepest = np.hypot(*(cv2.Sobel(changed, cv2.CV_32F, *order, scale=1 / 8) for order in ((1, 0), (0, 1)))).max()
    assert steepest < 0.06  # a patch with an edge has half of the step from hair to skin, 0.15, in such a blur


def test_a_fringe_stays(crops, ager):
    crop = crops[FRINGE]
    np.testing.assert_array_equal(aged(ager, crop, 2.0), aged(ager, crop, 0.0))


def test_hairlines_go_back_with_age_alone(crops, ager):
    crop = crops[QUIFF]
    hair = ager.hair(crop) > 0.7
    shown = []
    for target in (35.0, 48.0, 65.0):
        without, once = (aged(ager, crop, amount, ages=(30.0, target)) for amount in (0.0, 1.0))
        shown.append(bared(crop, hair, without, once))
    assert 50 < shown[0] < shown[1] < shown[2]
    np.testing.assert_array_equal(aged(ager, crop, 1.0, ages=(30.0, 20.0)), aged(ager, crop, 0.0, ages=(30.0, 20.0)))
