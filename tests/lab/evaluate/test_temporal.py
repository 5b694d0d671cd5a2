"""Figures in time against layers whose movement is known."""

from itertools import pairwise
from typing import Any, cast

import numpy as np
import pytest
from scipy import ndimage

from tests.lab.evaluate.faces import SKIN, crop, mesh
from vfxage.lab.evaluate.age_over_time import AgeTimeline
from vfxage.lab.evaluate.flat import mean_face
from vfxage.lab.evaluate.temporal import APART, TemporalMeasure

SIZE, FRAMES = 256, APART + 3


def pattern(seed, width, strength):
    """A soft random pattern (SIZE, SIZE, 1)."""
    made = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(SIZE, SIZE)), width, mode="wrap")
    return (strength * made / made.std())[..., None].astype(np.float32)


def shifted(image, right):
    """The pattern moved to the right by parts of a pixel, exactly: by the phases of its Fourier transform."""
    turn = np.exp(-2j * np.pi * np.fft.fftfreq(SIZE)[None, :, None] * right)
    return np.ascontiguousarray(np.fft.ifft2(np.fft.fft2(image, axes=(0, 1)) * turn, axes=(0, 1)).real, np.float32)


@pytest.fixture(scope="module")
def points(portraits):
    return mesh(portraits, SIZE)


def grain(seed, strength=0.004):
    return np.random.default_rng(seed).normal(0, strength, (SIZE, SIZE, 3)).astype(np.float32)


def measured(points, layer, *, plate=lambda k: 0.0, frames=FRAMES):
    """Figures of a textured face under ``plate(k)``, multiplied by ``1 + layer(k)``."""
    skin = SKIN * (1 + pattern(1, 1.5, 0.05))
    measure = TemporalMeasure(mean_face([points]))
    for k in range(frames):
        face = crop(points, SIZE, np.clip(skin + grain(k) + plate(k), 0, 1))
        measure.add(k, face, np.clip(face.rgb * (1 + layer(k)), 0, 1).astype(np.float32), cut=False)
    return measure.figures()


LINES = pattern(2, 2.0, 0.04)


def test_a_layer_that_stays_on_the_skin_does_not_slip(points):
    found = measured(points, lambda k: LINES)
    assert found.frames == FRAMES
    assert found.step.median < 0.03
    assert found.slip.median < 0.05
    assert min(found.wrinkles.values()) > 0.98


@pytest.mark.parametrize("speed", [0.1, 0.3])
def test_slip_is_the_distance_that_the_layer_slides(points, speed):
    found = measured(points, lambda k: shifted(LINES, speed * k))
    assert found.step.median == pytest.approx(speed, abs=0.03)
    assert found.slip.median == pytest.approx(speed * APART, rel=0.1)
    assert (found.step.frames, found.slip.frames) == (1, APART)


def test_slip_is_in_plate_pixels(points):
    measure = TemporalMeasure(mean_face([points]))
    for k in range(4):
        face = crop(points, SIZE, np.clip(SKIN * (1 + pattern(1, 1.5, 0.05)), 0, 1))
        twice = type(face)(**{**{n: getattr(face, n) for n in face.__slots__}, "to_frame": 2 * face.to_frame})
        measure.add(k, twice, (face.rgb * (1 + shifted(LINES, 0.2 * k))).astype(np.float32), cut=False)
    assert measure.figures().step.median == pytest.approx(0.4, abs=0.06)


def test_the_warping_error_is_the_deltas_mean_square_over_the_plates(points):
    """Lai et al.'s definition, by numpy, on a face that does not move: no flow, and hardly a hidden pixel."""
    flickers = np.random.default_rng(7).normal(0, 0.02, FRAMES)
    found = measured(points, lambda k: np.full((SIZE, SIZE, 1), flickers[k], np.float32))
    matte = crop(points, SIZE).matte[..., None]
    skin = SKIN * (1 + pattern(1, 1.5, 0.05))
    faces = [skin + grain(k) for k in range(FRAMES)]
    deltas = [face * flickers[k] for k, face in enumerate(faces)]
    wanted = [
        np.mean([(np.square(two - one) * matte).sum() / (3 * matte.sum()) for one, two in pairwise(some)])
        for some in (deltas, faces)
    ]
    assert found.plate_warping == pytest.approx(wanted[1], rel=0.25)  # the flow explains a little of the grain
    assert found.delta_warping == pytest.approx(wanted[0], rel=0.1)
    assert found.warping == pytest.approx(found.delta_warping / found.plate_warping)


def test_tof_is_the_difference_of_the_motions(points):
    """A result that slides over a still plate by a known part of a pixel a frame."""
    skin = SKIN * (1 + pattern(1, 3.0, 0.08))
    measure = TemporalMeasure(mean_face([points]))
    for k in range(4):
        measure.add(k, crop(points, SIZE, skin), np.clip(shifted(skin, 0.5 * k), 0, 1), cut=False)
    assert measure.figures().tof == pytest.approx(0.5, abs=0.1)
    assert measured(points, lambda k: 0 * LINES, frames=3).tof == 0


def test_wrinkles_that_change_their_place_are_not_consistent(points):
    found = measured(points, lambda k: pattern(100 + k, 2.0, 0.04))
    assert max(abs(value) for value in found.wrinkles.values()) < 0.4


def test_nothing_is_compared_over_a_cut_or_a_gap(points):
    measure = TemporalMeasure(mean_face([points]))
    for number, cut in ((1, False), (2, True), (4, False)):
        measure.add(number, crop(points, SIZE), crop(points, SIZE).rgb, cut=cut)
    found = measure.figures()
    assert (found.frames, found.warping, found.tof, found.step, found.strength) == (3, None, None, None, 0)
    assert set(found.wrinkles.values()) == {None}


class KnownReader:
    """Reads an age from the brightness of the picture: 100 years is white."""

    class reader:  # noqa: N801
        class knowledge:  # noqa: N801
            @staticmethod
            def why_silent(age, tone):
                return "it has seen too few people of that age" if age > 80 else ""

        @staticmethod
        def read_stranger(numbers):
            return numbers

    class features:  # noqa: N801
        @staticmethod
        def read(rgb, points):
            return 100 * float(rgb.mean())

    @staticmethod
    def error_near(age):
        return 5.0


class SameMesh:
    """Finds the face where it was."""

    @staticmethod
    def follow(picture, points):
        return None


def read(points, ages, yaw=0.0):
    timeline = AgeTimeline(cast(Any, KnownReader()), cast(Any, SameMesh()))
    for k, bright in enumerate((0.40, 0.50, 0.45, 0.45, 0.45, 0.45, 0.45, 0.45)):
        face = crop(points, SIZE, np.full((SIZE, SIZE, 3), 0.3, np.float32), ages=ages)
        timeline.add(k, face, np.full((SIZE, SIZE, 3), bright, np.float32), yaw)
    return timeline.result()


def test_the_age_over_time_has_deviation_and_largest_step(points):
    found = read(points, (30.0, 45.0))
    years = np.array([40, 50, 45, 45, 45, 45, 45, 45])
    assert found.beauty.mean == pytest.approx(years.mean(), abs=0.01)
    assert found.beauty.deviation == pytest.approx(years.std(), abs=0.01)
    assert found.beauty.step == pytest.approx(10, abs=0.01)
    assert (found.plate.deviation, found.plate.step) == pytest.approx((0, 0), abs=0.01)
    assert (found.read, found.error, found.why) == (8, 5.0, "")


def test_the_reader_is_silent_and_says_why(points):
    assert "too few people of that age" in read(points, (30.0, 90.0)).why
    turned = read(points, (30.0, 45.0), yaw=-40)
    assert "turned too far" in turned.why
    assert (turned.beauty, turned.plate, turned.read) == (None, None, 0)
    assert "--portraits" in AgeTimeline(None, None).result().why
