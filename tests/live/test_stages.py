"""The parts of a live session, without a clock: landmarks, changes, keys, wipe, speed."""

from __future__ import annotations

from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from vfxage.ager import Answer, load_ager
from vfxage.colour.cicp import SRGB
from vfxage.face.track import open_finders
from vfxage.live.camera import Camera
from vfxage.live.outputs import Window as ShownWindow
from vfxage.live.person import Person
from vfxage.live.stage import Ages, Finished, LiveStage
from vfxage.live.steady import CausalSteps
from vfxage.live.view import Controls, Pace, composed, with_strip
from vfxage.pictures import picture_shot
from vfxage.types import ClipInfo, FaceCrop, FaceDelta


@pytest.fixture(scope="module")
def photograph(portraits) -> np.ndarray:
    return np.asarray(Image.open(portraits / "eval" / "lon_002_neutral.jpg").convert("RGB"))


@pytest.fixture(scope="module")
def finders():
    with open_finders(48) as finders:
        yield finders


@pytest.fixture(scope="module")
def finder(finders):
    return finders.faces


def stage(finders, *settings: str, ager=None) -> LiveStage:
    clip = ClipInfo(path="test", kind="movie", width=512, height=512, first=0, last=0, colorspace=SRGB)
    camera = Camera(clip=clip, rate=Fraction(30), pictures=iter(()))
    shot = picture_shot("bands", "largest", settings, None)
    return LiveStage(camera, shot, ager or load_ager("bands", "cpu"), finders)


def shown(live: LiveStage, picture, number: int, ages: Ages) -> Finished:
    """One picture through all steps, as if it were the only one at work."""
    return live.finish(*live.age(live.look(picture, number, ages)))


def change(done: Finished, picture) -> np.ndarray:
    return np.abs(done.beauty.astype(int) - picture).max(axis=2)


def test_the_change_comes_in_over_a_few_pictures_and_beside_the_head_nothing_changes(finders, photograph):
    live, sums = stage(finders), []
    for number in range(6):
        done = shown(live, photograph, number, Ages(30, 80))
        assert done.face
        assert not change(done, photograph)[:, :40].any()
        sums.append(float(change(done, photograph).sum()))
    assert 0 < sums[0] < sums[1] < sums[3]
    assert sums[5] == pytest.approx(sums[4], rel=0.02)


def test_the_keys_change_the_next_picture(finders, photograph):
    live = stage(finders)
    for number in range(5):
        shown(live, photograph, number, Ages(30, 80))
    assert not change(shown(live, photograph, 5, Ages(30, 30)), photograph).any()


def test_no_face_is_no_change_and_the_face_is_found_again(finders, photograph):
    live, wall = stage(finders), np.full_like(photograph, 90)
    assert shown(live, photograph, 0, Ages(30, 80)).face
    nothing = shown(live, wall, 1, Ages(30, 80))
    assert not nothing.face
    np.testing.assert_array_equal(nothing.beauty, wall)
    assert shown(live, photograph, 2, Ages(30, 80)).face


@pytest.mark.parametrize(("setting", "held"), [("held_out", True), ("aged", False)])
def test_a_hand_before_the_face_is_held_out(finders, clips, setting, held):
    """On picture 31 her thumb lies on her mouth."""
    live = stage(finders, f"matte.hands={setting}", ager=Brighter())
    with av.open(str(clips / "signer_hand_over_face.mp4")) as movie:
        pictures = [
            np.ascontiguousarray(frame.to_ndarray(format="rgb24"))
            for _, frame in zip(range(32), movie.decode(video=0), strict=False)
        ]
    for number in range(27, 32):
        done = shown(live, pictures[number], number, Ages(30, 80))
    points = finders.faces.find(pictures[31])[0].points
    (hand,) = finders.hands.near(pictures[31], [points])
    assert np.linalg.norm(hand.points[4] - points[13]) < 20, "the tip of the thumb and the lips"
    thumb, forehead = (
        change(done, pictures[31])[y - 3 : y + 3, x - 3 : x + 3]
        for x, y in (hand.points[4].astype(int), points[151].astype(int))
    )
    assert forehead.min() > 20
    assert (thumb.max() < 5) == held


class Brighter:
    """Makes every crop much brighter."""

    def __getattr__(self, name):
        return getattr(load_ager("bands", "cpu"), name)

    def __call__(self, crops):
        return [Answer(step=np.full_like(crop.rgb, 0.2)) for crop in crops]


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


@pytest.mark.parametrize(
    "codes", [(0xFF52, 0xFF53), (0x260000, 0x270000), (63232, 63235)], ids=["X11", "Windows", "macOS"]
)
def test_the_window_follows_keys_and_mouse_and_closes(monkeypatch, codes):
    """OpenCV's window, its functions replaced: what they would report is what a person does."""
    pressed, mice, there = [*codes, ord("W"), -1], [], [1.0]
    for name in ("namedWindow", "resizeWindow", "imshow"):
        monkeypatch.setattr(cv2, name, lambda *_: None)
    monkeypatch.setattr(cv2, "setMouseCallback", lambda _, function: mice.append(function))
    monkeypatch.setattr(cv2, "waitKeyEx", lambda _: pressed.pop(0) if pressed else -1)
    monkeypatch.setattr(cv2, "getWindowProperty", lambda *_: there[0])
    controls = Controls(Ages(30, 70))
    window = ShownWindow(controls)
    window.show(np.zeros((20, 200, 3), np.uint8))
    window.follow()
    assert (controls.ages.source, controls.ages.target, controls.wipe) == (35, 75, 0.5)
    mice[0](cv2.EVENT_MOUSEMOVE, 40, 3, cv2.EVENT_FLAG_LBUTTON, None)
    assert controls.wipe == pytest.approx(0.2)
    mice[0](cv2.EVENT_MOUSEMOVE, 90, 3, 0, None)
    assert controls.wipe == pytest.approx(0.2), "the button is not held"
    assert not controls.quit
    there[0] = 0.0
    window.follow()
    assert controls.quit


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


def test_no_study_of_an_ager_is_asked_twice(finders, photograph):
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

    ager, wall = Studious(), np.full_like(photograph, 90)
    live = stage(finders, ager=ager)
    for number in range(3):
        shown(live, photograph, number, Ages(30, 80))
    assert ager.asked == 1
    shown(live, wall, 3, Ages(30, 80))
    shown(live, photograph, 4, Ages(30, 80))
    assert ager.asked == 2, "another face may be another person"
