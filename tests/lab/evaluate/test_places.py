"""FaceParts, spatial figures and stability against steps that are known."""

import cv2
import numpy as np
import pytest

from tests.lab.evaluate.faces import SKIN, MadeUp, crop, mesh
from vfxage.lab.evaluate import spatial, stability
from vfxage.lab.evaluate.faces import Aged
from vfxage.lab.evaluate.regions import find_face_parts

SIZE = 256
LEFT_EYE = [33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246]


def box(points, ids):
    (x0, y0), (x1, y1) = points[ids].min(axis=0), points[ids].max(axis=0)
    return slice(int(y0), int(y1) + 1), slice(int(x0), int(x1) + 1)


@pytest.fixture(scope="module")
def points(portraits):
    return mesh(portraits, SIZE)


def test_an_evenly_coloured_face_is_skin_but_for_its_features(points):
    regions = find_face_parts(crop(points, SIZE))
    assert not regions.hair.any()
    assert not regions.rims.any()
    assert not regions.teeth.any()  # the mouth is closed
    assert 0.5 < regions.skin.sum() / regions.face.sum() < 0.9
    y, x = points[468].astype(int)[::-1]
    assert regions.eyes[y, x]  # the iris
    assert not regions.skin[y, x]
    assert not (regions.eyes & ~regions.face).any()


def test_the_eyes_have_the_area_of_the_lids_outline(points):
    regions = find_face_parts(crop(points, SIZE))
    ends = np.roll(points[LEFT_EYE], -1, axis=0)
    shoelace = abs(np.sum(points[LEFT_EYE][:, 0] * ends[:, 1] - points[LEFT_EYE][:, 1] * ends[:, 0])) / 2
    left = regions.eyes[:, : int(points[168, 0])]
    assert left.sum() == pytest.approx(shoelace, rel=0.25)  # drawing takes the outline's own pixels in


def test_black_over_the_chin_is_hair_and_black_round_the_eyes_is_rims(points):
    rgb = np.broadcast_to(SKIN, (SIZE, SIZE, 3)).copy()
    chin = box(points, [194, 418, 152])
    rgb[chin] = 0.03
    under_eye = int(points[[101, 50], 0].mean()), int(points[145, 1]) + 8
    cv2.circle(rgb, under_eye, 7, (0.05, 0.05, 0.05), 1)
    regions = find_face_parts(crop(points, SIZE, rgb))
    inside = np.zeros((SIZE, SIZE), bool)
    inside[chin] = True
    dark = inside & regions.face
    assert regions.hair[dark].mean() > 0.6  # lips and their surroundings are no hair
    assert regions.hair[~cv2.dilate(inside.astype(np.uint8), np.ones((9, 9))).astype(bool)].mean() < 0.02
    assert regions.rims.sum() > 15


def test_an_open_mouth_has_teeth(points):
    opened = points.copy()
    lower = [78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308]
    opened[lower[1:-1], 1] += 12
    regions = find_face_parts(crop(opened, SIZE))
    assert regions.teeth.sum() > 100


def aged(points, step, rgb=None):
    return Aged(crop=crop(points, SIZE, rgb), step=np.ascontiguousarray(step, np.float32))


def test_energy_is_where_the_step_is(points):
    regions = find_face_parts(crop(points, SIZE))
    step = np.zeros((SIZE, SIZE, 3), np.float32)
    step[regions.eyes] = 0.1
    inside = spatial.measure_change(aged(points, step), regions, glasses=False)
    assert inside.places["eyes"].energy == pytest.approx(1)
    assert inside.places["outside"].energy == 0
    assert "teeth" not in inside.places  # closed
    assert "glasses" not in inside.places
    assert inside.changed_outside == 0

    even = spatial.measure_change(aged(points, np.full_like(step, 0.05)), regions, glasses=False)
    matte = crop(points, SIZE).matte
    assert even.places["outside"].energy == pytest.approx(float((matte == 0).mean()))
    assert even.places["eyes"].density == pytest.approx(1)
    assert even.changed_outside == 1
    assert even.largest_outside == pytest.approx(0.05)


def test_a_step_of_zeros_has_no_energy_anywhere(points):
    regions = find_face_parts(crop(points, SIZE))
    none = spatial.measure_change(aged(points, np.zeros((SIZE, SIZE, 3))), regions, glasses=True)
    assert all(place.energy == 0 and place.density == 0 for place in none.places.values())


def test_low_bands_ignore_fine_changes_and_see_broad_ones(points):
    y, x = np.mgrid[:SIZE, :SIZE].astype(np.float32)
    light = SKIN * (0.7 + 0.3 * x / SIZE)[..., None]
    regions = find_face_parts(crop(points, SIZE, light))
    fine = np.where((x + y) % 2 == 0, 0.05, -0.05)[..., None] * np.ones(3, np.float32)
    other_light = 0.3 * (y / SIZE - x / SIZE)[..., None] * np.ones(3, np.float32)
    kept = spatial.measure_change(aged(points, fine, light), regions, glasses=False)
    lost = spatial.measure_change(aged(points, other_light, light), regions, glasses=False)
    assert kept.low_bands > 0.995
    assert lost.low_bands < 0.8


def test_a_pointwise_ager_moves_with_its_crop_and_passes_grain_on_by_its_gain(points):
    rgb = np.random.default_rng(0).uniform(0.3, 0.7, (SIZE, SIZE, 3)).astype(np.float32)
    ager = MadeUp(lambda one: 0.1 * one.rgb * (one.ages[1] != one.ages[0]))
    (found,) = stability.measure_stability(ager, [crop(points, SIZE, rgb)])
    assert found.shift < 1e-6
    assert found.grain_amplified == pytest.approx(0.1, rel=1e-4)
    own = 0.1 * np.sqrt(np.mean(np.square(rgb)))
    assert found.grain == pytest.approx(0.1 * stability.GRAIN / own, rel=0.05)
    assert found.equal_ages == 0


def test_a_pattern_nailed_to_the_crop_does_not_move_with_it(points):
    pattern = np.random.default_rng(0).normal(0, 0.1, (SIZE, SIZE, 3)).astype(np.float32)
    (found,) = stability.measure_stability(MadeUp(lambda one: pattern), [crop(points, SIZE)])
    assert found.shift == pytest.approx(np.sqrt(2), rel=0.02)  # two independent patterns
    assert found.grain == 0
    assert found.equal_ages == pytest.approx(float(np.abs(pattern).max()))
