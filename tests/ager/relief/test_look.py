"""The parts of a change that an artist steers, on real portraits."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from vfxage.ager.relief.older import folds, pigment
from vfxage.ager.relief.older.sculpture import RelativeWeights, Sculpture
from vfxage.face.look import PARTS, Look
from vfxage.lab.portraits import crop_portrait, scan_portraits

WOMAN, GREY = "lon_124", "I000024"
NONE = Look(**dict.fromkeys(PARTS, 0.0))
FORE, CHEEKS = (109, 67, 103, 54, 68, 63, 66, 107, 336, 296, 293, 298, 284, 332, 297, 338), (50, 101, 36, 205, 187)
MOUTH = (61, 40, 37, 0, 267, 270, 291, 321, 314, 17, 84, 91)
EYE = (33, 160, 158, 133, 153, 144)


@pytest.fixture(scope="module")
def crops(portraits, ager):
    """A young woman to be made older, and a man with grey hair to be made younger; each with its study."""
    found = {item.person: item for name in ("eval", "civil") for item in scan_portraits(portraits / name).portraits}
    wanted = {"older": (WOMAN, (28.0, 62.0)), "younger": (GREY, (74.0, 50.0))}
    made = {}
    for side, (person, ages) in wanted.items():
        crop = replace(crop_portrait(found[person], ager.framing, 256, ages), name="lead")
        made[side] = replace(crop, study=ager.study([crop]))
    return made


def rms(image):
    return float(np.sqrt(np.mean(np.square(image, dtype=np.float64))))


def step(ager, crop, **look):
    return ager([replace(crop, look=replace(crop.look, **look))])[0].step


def alone(ager, crop, part, amount):
    """The step of one part without any other; the neck has no part of its own, so its share is what it adds."""
    if part != "neck":
        return step(ager, replace(crop, look=NONE), **{part: amount})
    return step(ager, crop, neck=amount) - step(ager, crop, neck=0.0)


@pytest.mark.parametrize("side", ["older", "younger"])
def test_no_part_is_no_change_to_the_bit(crops, ager, side):
    for neck in (0.0, 1.0, 2.0):
        assert not ager([replace(crops[side], look=replace(NONE, neck=neck))])[0].step.any()


@pytest.mark.parametrize("side", ["older", "younger"])
@pytest.mark.parametrize("part", PARTS)
def test_each_part_grows_with_its_number_from_nothing(crops, ager, side, part):
    half, whole, double = (rms(alone(ager, crops[side], part, amount)) for amount in (0.5, 1.0, 2.0))
    assert 0 < half < whole <= double


def inside(crop, ids):
    mask = np.zeros(crop.rgb.shape[:2], np.uint8)
    cv2.fillConvexPoly(mask, cv2.convexHull(crop.points[list(ids)].astype(np.int32)), (1,))
    return mask > 0


@pytest.mark.parametrize(("part", "at", "elsewhere"), [("lips", MOUTH, FORE), ("eyes", EYE, MOUTH)])
@pytest.mark.parametrize("side", ["older", "younger"])
def test_a_part_of_one_place_changes_that_place(crops, ager, side, part, at, elsewhere):
    crop = crops[side]
    changed = step(ager, crop) - step(ager, crop, **{part: 0.0})
    assert rms(changed[inside(crop, at)]) > 5 * rms(changed[inside(crop, elsewhere)])


def test_hair_alone_changes_hair_and_brows_alone(crops, ager):
    crop = crops["older"]
    changed = alone(ager, crop, "hair", 1.0)
    assert rms(changed[ager.hair(crop) > 0.9]) > 0.05
    assert rms(changed[inside(crop, CHEEKS)]) < 0.002


@pytest.mark.parametrize("gentle", [0.0, 1.0])
def test_gentle_by_hand_softens_the_creases(crops, ager, gentle):
    """Cheeks of a gently treated face have less fine darkness than those of a harshly treated one."""
    crop = crops["older"]
    drawn = ager([replace(crop, traits=replace(crop.traits, gentle=gentle))])[0].step.mean(axis=2)
    fine = (drawn - cv2.GaussianBlur(drawn, (0, 0), 2.0))[inside(crop, FORE)]
    usual = ager([replace(crop, traits=replace(crop.traits, gentle=0.5))])[0].step.mean(axis=2)
    middle = (usual - cv2.GaussianBlur(usual, (0, 0), 2.0))[inside(crop, FORE)]
    assert (rms(fine) < rms(middle)) == (gentle == 1.0)


def test_a_seed_takes_the_place_of_the_name(crops, ager):
    crop = crops["older"]
    seeded = replace(crop, traits=replace(crop.traits, seed="seed 7"))
    one, renamed = ager([seeded])[0].step, ager([replace(seeded, name="extra")])[0].step
    np.testing.assert_array_equal(one, renamed)
    other = ager([replace(crop, traits=replace(crop.traits, seed="seed 8"))])[0].step
    assert rms((one - other)[inside(crop, FORE)]) > 0.1 * rms(one[inside(crop, FORE)])


def test_a_beard_and_glasses_by_hand_overrule_the_picture(crops, ager):
    crop = crops["older"]
    bare = ager.study([crop])
    worn = ager.study([replace(crop, traits=replace(crop.traits, glasses=True, beard=True))])
    assert bare["rims"].max() == 0 < worn["rims"].max()
    assert bare["bearded"][0] == 0 < worn["bearded"][0]
    again = ager.study([replace(crop, traits=replace(crop.traits, glasses=False, beard=False))])
    assert again["rims"].max() == again["bearded"][0] == 0


def test_an_edit_of_one_part_leaves_the_others(ager, monkeypatch):
    """Another shape in one part, or another number of spots, does not move what is drawn for any other part."""

    def maps(sculpture):
        return {name: sculpture.mixed(RelativeWeights({name: 1.0}, {}, {}))[0] for name in folds.PARTS}

    before = Sculpture(ager._mean_face, "lead")
    extra = folds.Mound(part="bags", centre=((145, 1.0),), height=1.0, size=(6, 4))
    at = next(k for k, shape in enumerate(folds.SHAPES) if shape.part == "bags") + 2
    monkeypatch.setattr(folds, "SHAPES", (*folds.SHAPES[:at], extra, *folds.SHAPES[at:]))
    monkeypatch.setattr(pigment, "PIGMENT", replace(pigment.PIGMENT, count=(70, 71)))
    after = Sculpture(ager._mean_face, "lead")
    old, new = maps(before), maps(after)
    assert not np.array_equal(old.pop("bags"), new.pop("bags"))
    for name, drawn in old.items():
        np.testing.assert_array_equal(drawn, new[name], err_msg=name)
    np.testing.assert_array_equal(before.brow_streaks, after.brow_streaks)
    changed = np.abs(before.pigment - after.pigment).max(axis=2)
    assert changed.max() > 0.02
    assert np.median(changed) < 1e-3  # away from spots only the common mean moves


def test_a_reference_asks_for_as_much_as_it_shows(crops, ager):
    """A picture of the face with known amounts of each part stands for the photograph at that age."""
    crop = crops["older"]
    studies, found = [], []
    for amount in (0.5, 1.6):
        aged = step(ager, crop, folds=amount, lines=amount, texture=amount, hair=amount)
        photograph = replace(crop, rgb=np.clip(crop.rgb + aged, 0, 1), ages=(62.0, 62.0), study={})
        studies.append(ager.study([replace(crop, study={})], [photograph]))
        ((age, *amounts),) = studies[-1]["references"].tolist()
        assert age == 62
        found.append(amounts)
    (few_folds, few_lines, little_grey), (many_folds, many_lines, much_grey) = found
    assert 0.3 <= few_folds < 0.8
    assert 0.3 < few_lines < 0.8
    assert 1.3 < many_folds <= 2.0
    assert 1.3 < many_lines <= 2.0
    assert little_grey < 0.8 < much_grey
    hair = ager.hair(crop) > 0.9
    little, much = (ager([replace(crop, study=study)])[0].step for study in studies)
    assert rms(little[hair]) < 0.9 * rms(much[hair])


def test_references_of_the_other_side_leave_the_bits(crops, ager):
    """A photograph at 20 says nothing about the way from 28 to 62."""
    crop = crops["older"]
    study = ager.study([replace(crop, study={})], [replace(crop, ages=(20.0, 20.0), study={})])
    np.testing.assert_array_equal(ager([replace(crop, study=study)])[0].step, ager([crop])[0].step)
