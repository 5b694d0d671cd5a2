"""One canvas for a shot: data windows that move, shrink or reach far outside the display window change nothing."""

from dataclasses import replace

import numpy as np
import pytest

from tests.face.track.shots import Pictures, Settings, decode
from vfxage.face.track import build_tracks
from vfxage.face.track.canvas import Canvas
from vfxage.types import ClipInfo, Frame, Window

WIDTH, HEIGHT = 800, 560
CLIP = ClipInfo(path="", kind="sequence", width=WIDTH, height=HEIGHT, first=1001, last=1100)


def filmed(clips, windows):
    """A signer on black in the display window, each frame stored in a data window of its own."""
    for number, picture in enumerate(decode(clips / "intel_asl_eat.mkv", 0, len(windows))):
        whole = np.zeros((HEIGHT, WIDTH, 3), np.float32)
        whole[40:520, 80:720] = picture / np.float32(255)
        window = windows[number]
        rgb = np.zeros((*window.shape, 3), np.float32)
        seen = window.intersect(Window(0, 0, WIDTH, HEIGHT))
        rgb[seen.slices(window)] = whole[seen.slices(Window(0, 0, WIDTH, HEIGHT))]
        yield Frame(number=1001 + number, window=window, rgb=rgb)


def around(count):
    """Data windows that hold the whole picture, each with other margins; the first lies within the display window."""
    rng = np.random.default_rng(3)
    yield Window(60, 30, 700, 500)
    for _ in range(count - 1):
        left, top, right, bottom = rng.integers(0, 120, 4)
        yield Window(80 - int(left), 40 - int(top), 640 + int(left + right), 480 + int(top + bottom))


def test_moving_data_windows_change_no_track(clips):
    fixed = [Window(0, 0, WIDTH, HEIGHT)] * 8
    moving = list(around(8))
    clip = replace(CLIP, data_window=moving[0])
    plain = build_tracks(filmed(clips, fixed), Pictures(), Settings(), CLIP)
    moved = build_tracks(filmed(clips, moving), Pictures(), Settings(), clip)
    assert plain.cuts == moved.cuts == ()
    (one,), (other,) = plain.faces, moved.faces
    np.testing.assert_array_equal(one.numbers, np.arange(1001, 1009))
    np.testing.assert_array_equal(one.numbers, other.numbers)
    np.testing.assert_allclose(one.points, other.points, atol=0.1)


def test_a_face_in_the_overscan_is_tracked_in_display_pixels(clips):
    plain = build_tracks(filmed(clips, [Window(0, 0, WIDTH, HEIGHT)] * 4), Pictures(), Settings(), CLIP)
    shifted = (
        Frame(number=frame.number, window=Window(-1500, -700, WIDTH, HEIGHT), rgb=frame.rgb)
        for frame in filmed(clips, [Window(0, 0, WIDTH, HEIGHT)] * 4)
    )
    clip = replace(CLIP, data_window=Window(-1500, -700, 3800, 1960))
    (one,), (other,) = plain.faces, build_tracks(shifted, Pictures(), Settings(), clip).faces
    miss = np.linalg.norm(one.points - [1500, 700] - other.points, axis=2)
    assert miss.mean() < 1.0  # the search met it on another grid of tiles


@pytest.mark.parametrize("window", [Window(900, 0, 5, 5), Window(-5, -5, 5, 5), Window(10, 20, 3, 4)])
def test_what_has_no_data_is_black(window):
    frame = Frame(number=1, window=window, rgb=np.ones((*window.shape, 3), np.float32))
    picture = Canvas.of(CLIP).picture(frame, Pictures())
    inside = window.intersect(Window(0, 0, WIDTH, HEIGHT))
    expected = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    expected[inside.y : inside.y + inside.height, inside.x : inside.x + inside.width] = 255
    np.testing.assert_array_equal(picture.at(0), expected)
