"""``vfxage live`` with a clip as the camera and no display."""

from __future__ import annotations

import re
import sys
import types
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from tests.run_vfxage import run

SIZE, COUNT = (540, 360), 10
AGES = ("--source-age", "45", "--target-age", "110", "-m", "bands")


@pytest.fixture(autouse=True)
def no_display(monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")


def pictures(path: Path):
    with av.open(str(path)) as movie:
        return movie.streams.video[0].average_rate, [
            frame.to_ndarray(format="rgb24").astype(int) for frame in movie.decode(video=0)
        ]


@pytest.fixture(scope="module")
def clip(clips, tmp_path_factory) -> Path:
    """The man at half the size, ten frames."""
    path = tmp_path_factory.mktemp("camera") / "man.mp4"
    with av.open(str(clips / "androidx_sample.mp4")) as source, av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt, stream.options = *SIZE, "yuv420p", {"crf": "12"}
        for place, frame in zip(range(COUNT), source.decode(video=0), strict=False):
            small = frame.reformat(*SIZE, "yuv420p")
            small.pts, small.time_base = place, Fraction(1, 25)
            out.mux(stream.encode(small))
        out.mux(stream.encode())
    return path


@contextmanager
def every_picture(items):
    """In the place of ``pool.newest``: drops nothing, however slow the machine is."""
    yield iter(items)


@pytest.fixture(scope="module")
def recorded(clip, tmp_path_factory) -> tuple[Path, str, str]:
    """A recording without dropped pictures, and what the command printed."""
    movie = tmp_path_factory.mktemp("live") / "out.mp4"
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DISPLAY", raising=False)
        patch.delenv("WAYLAND_DISPLAY", raising=False)
        patch.setattr("vfxage.live.run.newest", every_picture)
        patch.setattr("vfxage.live.run.watched", lambda items, _: every_picture(items))
        done = run("live", *AGES, "--set", "intensity=2", "--input", clip, "--record", movie).ok()
    return movie, done.out, done.err


def test_the_recording_has_every_picture_at_the_rate_of_the_clip(recorded, clip):
    (rate, frames), (own_rate, own) = pictures(recorded[0]), pictures(clip)
    assert rate == own_rate == 25
    assert len(frames) == len(own) == COUNT
    assert frames[0].shape == own[0].shape
    assert re.search(rf"{COUNT} shown, 0 dropped, [\d.]+ fps, latency \d+ ms", recorded[1])
    assert "no display" in recorded[2]


def test_a_recording_lasts_as_long_as_the_clip_if_pictures_are_dropped(clip, tmp_path, monkeypatch):
    @contextmanager
    def every_third(items):
        yield (item for place, item in enumerate(items) if place % 3 == 0)

    monkeypatch.setattr("vfxage.live.run.newest", every_third)
    monkeypatch.setattr("vfxage.live.run.watched", lambda items, _: every_picture(items))
    done = run("live", *AGES, "--input", clip, "--record", tmp_path / "a.mp4").ok()
    assert "4 shown, 6 dropped" in done.out
    assert len(pictures(tmp_path / "a.mp4")[1]) == COUNT


def detail(picture):
    """What is finer than 3 pixels in the picture's luma: the same in the clip's codes and in those of the recording."""
    luma = picture.mean(axis=2).astype(np.float32)
    return luma - cv2.GaussianBlur(luma, (0, 0), 3)


def test_the_face_changes_and_the_rest_stays(recorded, clip):
    change = np.abs(detail(pictures(recorded[0])[1][-1]) - detail(pictures(clip)[1][-1]))
    face = change[115:280, 200:340]
    away = np.concatenate([change[:, :75].ravel(), change[:, -75:].ravel()])
    assert np.percentile(face, 99) > 2 * np.percentile(away, 99)


@pytest.mark.parametrize(
    ("more", "code", "words"),
    [
        ((), 2, ("no display", "--record")),
        (("--record", "{out}/a.mp4", "--camera", "99"), 3, ("camera 99", "--input")),
        (("--record", "{out}/a.mp4", "--input", "{out}/none.mp4"), 3, ("none.mp4",)),
        (("--record", "{out}/a.mov"), 2, ("a.mov", ".mp4")),
        (("--record", "{out}/there.mp4"), 2, ("there.mp4", "--overwrite")),
        (("--record", "{out}/there.mp4", "--input", "{out}/there.mp4", "--overwrite"), 2, ("plays as the camera",)),
        (("--set", "matte.kin=face"), 2, ("kind",)),
        (("--target-age", "200"), 2, ("--target-age", "120")),
        (("--target-age", "+25"), 2, ("--target-age +25", "the age itself")),
    ],
)
def test_what_cannot_be_shown_is_one_line(tmp_path, more, code, words):
    (tmp_path / "there.mp4").write_bytes(b"somebody's")
    run("live", *AGES, *(word.format(out=tmp_path) for word in more)).fails(code, *words)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["there.mp4"]
    assert (tmp_path / "there.mp4").read_bytes() == b"somebody's"


def test_a_virtual_camera_needs_its_library(clip, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyvirtualcam", None)
    run("live", *AGES, "--input", clip, "--virtual-camera").fails(2, "vfxage[live]")


def test_a_machine_without_a_virtual_camera(clip, monkeypatch):
    def refuse(*_: object) -> None:
        raise RuntimeError("no loopback device")

    monkeypatch.setitem(sys.modules, "pyvirtualcam", types.SimpleNamespace(Camera=refuse))
    run("live", *AGES, "--input", clip, "--virtual-camera").fails(2, "no loopback device", "v4l2loopback")


def test_a_virtual_camera_gets_every_picture_that_is_shown(clip, monkeypatch):
    sent = []

    class Camera:
        def __init__(self, width: int, height: int, fps: float) -> None:
            assert (width, height, round(fps)) == (*SIZE, 25)

        def __enter__(self):
            return self

        def __exit__(self, *_: object) -> None:
            sent.append("closed")

        def send(self, picture) -> None:
            assert picture.shape == (*SIZE[::-1], 3)
            assert picture.dtype == np.uint8
            sent.append("picture")

    monkeypatch.setitem(sys.modules, "pyvirtualcam", types.SimpleNamespace(Camera=Camera))
    done = run("live", *AGES, "--input", clip, "--virtual-camera").ok()
    assert sent[-1] == "closed"
    assert f"{len(sent) - 1} shown" in done.out
