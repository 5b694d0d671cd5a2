"""The parts of a live session, without a clock: landmarks, changes, keys, wipe, speed."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from vfxage.ager import Answer, load_ager
from vfxage.colour.cicp import LINEAR_709, SRGB
from vfxage.colour.space import Colour
from vfxage.face.detect import FaceFinder
from vfxage.live.camera import Camera
from vfxage.live.person import Person
from vfxage.live.stage import Ages, LiveStage
from vfxage.live.steady import CausalSteps
from vfxage.live.view import Controls, Pace, composed, with_strip
from vfxage.pictures import picture_shot
from vfxage.types import ClipInfo, FaceCrop, FaceDelta, Frame, Window


@pytest.fixture(scope="module")
def photograph(portraits) -> np.ndarray:
    return np.asarray(Image.open(portraits / "eval" / "lon_002_neutral.jpg").convert("RGB"))


@pytest.fixture(scope="module")
def finder():
    with FaceFinder(48) as finder:
        yield finder


def frame(picture, number: int) -> Frame:
    code = picture.astype(np.float32) / 255
    light = Colour(SRGB).to_linear(np.ascontiguousarray(code))
    return Frame(number=number, window=Window(0, 0, *picture.shape[1::-1]), rgb=light)


def stage(finder, *settings: str) -> LiveStage:
    clip = ClipInfo(path="test", kind="movie", width=512, height=512, first=0, last=0, colorspace=SRGB)
    camera = Camera(clip=clip, colour=Colour(LINEAR_709), rate=Fraction(30), pictures=iter(()))
    return LiveStage(camera, picture_shot("bands", "largest", settings, None), load_ager("bands", "cpu"), finder)


def test_the_change_comes_in_over_a_few_pictures_and_outside_the_matte_nothing_changes(finder, photograph):
    live, sums = stage(finder), []
    for number in range(6):
        render = live.render(frame(photograph, number), Ages(30, 80))
        assert render is not None
        outside = render.matte == 0
        assert outside.mean() > 0.3
        np.testing.assert_array_equal(render.beauty[outside], render.frame.rgb[outside])
        sums.append(float(np.abs(render.delta).sum()))
    assert 0 < sums[0] < sums[1] < sums[3]
    assert sums[5] == pytest.approx(sums[4], rel=0.02)


def test_the_keys_change_the_next_picture(finder, photograph):
    live = stage(finder)
    for number in range(5):
        live.render(frame(photograph, number), Ages(30, 80))
    same = live.render(frame(photograph, 5), Ages(30, 30))
    assert same is not None
    assert np.abs(same.delta).max() < 1e-6


def test_no_face_is_no_change_and_the_face_is_found_again(finder, photograph):
    live = stage(finder)
    assert live.render(frame(photograph, 0), Ages(30, 80)) is not None
    assert live.render(frame(np.full_like(photograph, 90), 1), Ages(30, 80)) is None
    assert live.render(frame(photograph, 2), Ages(30, 80)) is not None


def test_landmarks_are_steadier_than_those_of_single_pictures(finder, photograph):
    rng = np.random.default_rng(7)
    person, steadied, raw = Person(finder), [], []
    for _ in range(12):
        noisy = np.clip(photograph + rng.normal(0, 14, photograph.shape), 0, 255).astype(np.uint8)
        points = person.look(noisy)
        assert points is not None
        steadied.append(points)
        found = finder.follow(noisy, points)
        assert found is not None
        raw.append(found.points)
    jitter = [
        np.linalg.norm(np.diff(points, axis=0), axis=2).mean() for points in (np.array(steadied[2:]), np.array(raw[2:]))
    ]
    assert jitter[0] < 0.6 * jitter[1]


def test_landmarks_follow_a_face_that_moves(finder, photograph):
    person = Person(finder)
    wide = np.pad(photograph, ((0, 0), (120, 120), (0, 0)), mode="edge")
    places = [float(person.look(np.ascontiguousarray(wide[:, 12 * k : 12 * k + 512]))[:, 0].mean()) for k in range(10)]
    np.testing.assert_allclose(np.diff(places)[2:], -12, atol=6)


def delta(value: float, picture: float = 0.5, ages: tuple[float, float] = (30, 70)) -> FaceDelta:
    crop = FaceCrop(
        face=0,
        name="face0",
        rgb=np.full((64, 64, 3), picture, np.float32),
        points=np.zeros((478, 2), np.float32),
        matte=np.zeros((64, 64), np.float32),
        to_frame=np.eye(2, 3),
        ages=ages,
        intensity=1.0,
    )
    return FaceDelta(crop=crop, step=np.full((64, 64, 3), value, np.float32))


def test_a_change_that_flickers_is_mixed_with_the_one_before():
    steps = CausalSteps()
    values = [float(steps.steady(delta(value)).mean()) for value in (0.0, 1.0, 0.0, 1.0)]
    expected, before = [0.0], 0.0
    for value in (1.0, 0.0, 1.0):
        before = value + 0.6 * (before - value)
        expected.append(before)
    np.testing.assert_allclose(values, expected, atol=1e-6)


@pytest.mark.parametrize("other", [{"picture": 0.7}, {"ages": (30, 75)}])
def test_another_picture_or_age_does_not_remember(other):
    steps = CausalSteps()
    steps.steady(delta(0.0))
    np.testing.assert_allclose(steps.steady(delta(1.0, **other)), 1.0, atol=1e-6)


def test_keys():
    controls = Controls(Ages(30, 70))
    for key in ("up", "up", "left", "b", "w", "x"):
        controls.press(key)
    assert (controls.ages.source, controls.ages.target) == (25, 80)
    assert (controls.bypass, controls.wipe, controls.quit) == (True, 0.5, False)
    for _ in range(30):
        controls.press("up")
        controls.press("left")
    assert (controls.ages.source, controls.ages.target) == (0, 120)
    controls.press("w")
    controls.press("q")
    assert (controls.wipe, controls.quit) == (None, True)


def test_bypass_and_wipe():
    plate, beauty = np.zeros((40, 100, 3), np.uint8), np.full((40, 100, 3), 255, np.uint8)
    controls = Controls(Ages(30, 70))
    np.testing.assert_array_equal(composed(plate, beauty, controls), beauty)
    controls.wipe = 0.3
    wiped = composed(plate, beauty, controls)
    assert (wiped[:, :29] == 0).all()
    assert (wiped[:, 31:] == 255).all()
    controls.bypass = True
    np.testing.assert_array_equal(composed(plate, beauty, controls), plate)


def test_speed_and_latency():
    pace = Pace()
    for count in range(10):
        pace.count(taken=count * 0.1 - 0.05, now=count * 0.1, dropped=2)
    assert pace.fps == pytest.approx(10)
    assert pace.latency == pytest.approx(0.05)
    assert (pace.shown, pace.dropped) == (10, 20)


@pytest.mark.parametrize("size", [(300, 400), (1080, 1920)])
def test_the_strip_leaves_the_picture_whole(size):
    picture = np.random.default_rng(1).integers(0, 255, (*size, 3)).astype(np.uint8)
    controls = Controls(Ages(30, 70))
    page = with_strip(picture, controls, Pace(), face=True)
    controls.help = False
    without = with_strip(picture, controls, Pace(), face=True)
    assert page.shape[1] == max(size[1], 960)
    assert page.shape[0] > without.shape[0] > size[0]
    if size[1] >= 960:
        top = without.shape[0] - size[0]
        np.testing.assert_array_equal(without[top:], picture)


def test_no_study_of_an_ager_is_asked_twice(finder, photograph):
    class Studious:
        study_method = "test 1"
        asked = 0

        def __getattr__(self, name):
            return getattr(load_ager("bands", "cpu"), name)

        def study(self, crops, references=(), donors=()):
            self.asked += 1
            return {"mean": np.array([crops[0].rgb.mean()], np.float32)}

        def __call__(self, crops):
            assert all("mean" in crop.study for crop in crops)
            return [Answer(step=np.zeros_like(crop.rgb)) for crop in crops]

    ager = Studious()
    live = stage(finder)
    live = LiveStage(live._camera, live._shot, ager, finder)
    for number in range(3):
        live.render(frame(photograph, number), Ages(30, 80))
    assert ager.asked == 1
    live.render(frame(np.full_like(photograph, 90), 3), Ages(30, 80))
    live.render(frame(photograph, 4), Ages(30, 80))
    assert ager.asked == 2, "another face may be another person"
