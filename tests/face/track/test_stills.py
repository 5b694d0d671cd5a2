"""Single frames give the same faces at the same places as tracking."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from skimage import data

from tests.face.track.shots import Pictures, Settings
from vfxage.face.track import build_tracks, find_faces
from vfxage.types import ClipInfo, Frame, Window

CLIP = ClipInfo(path="", kind="sequence", width=640, height=512, first=1, last=9)


WHOLE = Window(0, 0, 640, 512)


def frame(number=7, window=WHOLE, height=160):
    """The astronaut, her face about ``height`` / 2.2 pixels tall."""
    picture = np.zeros((512, 640, 3), np.uint8)
    person = cv2.resize(data.astronaut()[:300, 80:380], (height, height), interpolation=cv2.INTER_AREA)
    picture[100 : 100 + height, 300 : 300 + height] = person
    return Frame(number=number, window=window, rgb=picture.astype(np.float32) / np.float32(255))


def test_a_look_agrees_with_the_tracks():
    clip = replace(CLIP, data_window=Window(-90, -40, 640, 512))
    shot = [frame(number, Window(-90, -40, 640, 512)) for number in range(1, 7)]
    (track,) = build_tracks(shot, Pictures(), Settings(), clip).faces
    ((number, (face,)),) = find_faces(shot[:1], Pictures(), Settings(), clip)
    assert number == 1
    np.testing.assert_allclose(face.points, track.points[0], atol=0.5)


def test_a_squeezed_plate_is_reported_in_its_own_pixels():
    wide = frame()
    narrow = np.ascontiguousarray(cv2.resize(wide.rgb, (320, 512), interpolation=cv2.INTER_AREA))
    squeezed = Frame(number=7, window=Window(0, 0, 320, 512), rgb=narrow)
    ((_, (plain,)),) = find_faces([wide], Pictures(), Settings(), CLIP)
    ((_, (face,)),) = find_faces([squeezed], Pictures(), Settings(), replace(CLIP, width=320, pixel_aspect=2.0))
    np.testing.assert_allclose(face.points * [2, 1], plain.points, atol=0.03 * np.ptp(plain.points[:, 1]))


@pytest.mark.parametrize(("min_face", "seen"), [(24, 1), (200, 0)])
def test_the_smallest_face_sought_is_the_shots(min_face, seen):
    ((_, faces),) = find_faces([frame(height=70)], Pictures(), Settings(min_face=min_face), CLIP)
    assert len(faces) == seen


def test_a_picture_that_is_no_face_is_not_reported():
    picture = cv2.resize(data.coffee()[260:500, 120:540], (1280, 720), interpolation=cv2.INTER_CUBIC)
    coffee = Frame(number=1, window=Window(0, 0, 1280, 720), rgb=picture.astype(np.float32) / np.float32(255))
    assert list(find_faces([coffee], Pictures(), Settings(), replace(CLIP, width=1280, height=720))) == [(1, [])]
