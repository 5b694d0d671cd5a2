"""Faces in any light of the rest of the frame, at the ends of takes, and across flashes and black frames."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from skimage import data

from tests.face.track.shots import Settings, light_of, track
from tests.face.track.test_cuts import cuts
from vfxage.face.track import build_tracks, find_faces
from vfxage.types import ClipInfo, Frame, Window


class Light:
    """A plate whose values are linear Rec.709 light."""

    def to_709(self, rgb):
        return rgb


def head_shot(side: int) -> np.ndarray:
    """A portrait's head and shoulders as linear light; the face is about half as tall as the picture."""
    person = light_of(data.astronaut()[:300, 80:380].astype(np.float32) / 255)
    return cv2.resize(person, (side, side), interpolation=cv2.INTER_AREA)


def dark_frame(number: int, surround: float, stops: float = 0.0, size: tuple[int, int] = (1920, 1080)) -> Frame:
    width, height = size
    rgb = np.full((height, width, 3), surround, np.float32)
    rgb[300:445, 900:1045] = head_shot(145) * np.float32(2.0**stops)
    return Frame(number=number, window=Window(0, 0, width, height), rgb=rgb)


def clip_of(frame: Frame) -> ClipInfo:
    window = frame.window
    return ClipInfo(path="", kind="sequence", width=window.width, height=window.height, first=1, last=9)


@pytest.mark.parametrize(
    ("surround", "stops"),
    [(0.0, 0), (0.002, 0), (0.18, 0), (40.0, 0), (0.0, -8), (0.18, -8), (0.0, 5), (1e-4, -5)],
)
def test_a_face_is_found_at_the_light_that_falls_on_it_whatever_is_around(surround, stops):
    """The head shot fills 1 % of a high definition frame: normally lit, or by so many stops darker or brighter."""
    shown = [dark_frame(number, surround, stops) for number in range(1, 3)]
    (tracked,) = build_tracks(shown, Light(), Settings(), clip_of(shown[0])).faces
    assert tracked.numbers.tolist() == [1, 2]
    centre = tracked.points[0].mean(axis=0)
    assert 930 < centre[0] < 1015
    assert 330 < centre[1] < 410
    ((_, found),) = find_faces(shown[:1], Light(), Settings(), clip_of(shown[0]))
    assert len(found) == 1
    np.testing.assert_allclose(found[0].points.mean(axis=0), centre, atol=2)


def test_a_frame_is_searched_alike_whatever_other_frames_the_shot_has():
    """What is found on a frame does not depend on the light of frames far away."""
    lit = [dark_frame(number, 0.0) for number in range(1, 5)]
    bright = [dark_frame(number, 0.5, 4) for number in range(5, 9)]
    alone = build_tracks(lit, Light(), Settings(smoothing=0), clip_of(lit[0])).faces[0]
    together = build_tracks(lit + bright, Light(), Settings(smoothing=0), clip_of(lit[0])).faces[0]
    np.testing.assert_array_equal(together.points[:3], alone.points[:3])


def picture(face_at: tuple[int, int] | None, background=(60, 160, 70), second: tuple[int, int] | None = None):
    """A flat backdrop with up to two people, 8-bit sRGB."""
    canvas = np.full((360, 640, 3), background, np.uint8)
    for place in (face_at, second):
        if place is not None:
            x, y = place
            person = cv2.resize(data.astronaut()[:230, 120:340], (200, 209), interpolation=cv2.INTER_AREA)
            canvas[y : y + 209, x : x + 200] = person
    return canvas


@pytest.mark.parametrize("first", [9, 14])
def test_a_face_that_comes_in_the_last_frames_of_a_take_is_found(first):
    shots = [picture((220, 80) if number >= first else None) for number in range(16)]
    (face,) = track(shots, Settings(smoothing=0)).faces
    assert face.numbers.tolist() == list(range(first, 16))


def test_a_short_take_whose_first_frame_hides_the_face_has_it():
    shots = [picture((220, 80) if number >= 1 else None) for number in range(6)]
    (face,) = track(shots, Settings(smoothing=0)).faces
    assert face.numbers.tolist() == [1, 2, 3, 4, 5]


def test_a_second_person_who_comes_late_is_found():
    shots = [picture((40, 80), second=(380, 80) if number >= 12 else None) for number in range(17)]
    faces = track(shots, Settings(smoothing=0)).faces
    assert sorted(face.numbers.tolist() for face in faces) == [list(range(17)), list(range(12, 17))]


def flashed(shots, where, change):
    return [change(shot) if number in where else shot for number, shot in enumerate(shots)]


CHANGES = {
    "flash": lambda shot: np.clip(shot.astype(int) * 3 + 40, 0, 255).astype(np.uint8),
    "white": lambda shot: np.full_like(shot, 255),
    "black": lambda shot: np.zeros_like(shot),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("length", [1, 2, 4])
@pytest.mark.parametrize("backdrop", ["flat", "textured"])
def test_a_flash_and_black_frames_are_no_cut(change, length, backdrop):
    shots = [picture((220, 80)) for _ in range(16)]
    if backdrop == "textured":
        noise = np.random.default_rng(2).normal(0, 40, (18, 32, 3))
        wall = cv2.resize(noise, (640, 360), interpolation=cv2.INTER_CUBIC)
        shots = [np.clip(shot + wall, 0, 255).astype(np.uint8) for shot in shots]
    assert cuts(flashed(shots, range(6, 6 + length), CHANGES[change])) == []


def test_a_selected_face_survives_a_flash():
    shots = flashed([picture((220, 80)) for _ in range(12)], (5, 6), CHANGES["flash"])
    (face,) = track(shots).faces
    assert face.numbers.tolist() == list(range(12))
    assert (face.presence == 1).all()


def test_black_between_two_pictures_is_a_cut():
    one, other = picture((60, 80)), picture((360, 80), background=(150, 90, 60))[:, ::-1]
    shots = [one] * 8 + [np.zeros_like(one)] * 2 + [np.ascontiguousarray(other)] * 8
    assert any(8 <= cut <= 10 for cut in cuts(shots))
