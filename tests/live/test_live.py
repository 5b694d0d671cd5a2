"""``vfxage live`` with a clip as the camera and no display."""

from __future__ import annotations

import re
import sys
import types
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from tests.run_vfxage import run

CLIP = "androidx_sample.mp4"
AGES = ("--source-age", "45", "--target-age", "80", "-m", "bands")


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
def recorded(clips, tmp_path_factory) -> tuple[Path, str, str]:
    """A recording, and what the command printed."""
    movie = tmp_path_factory.mktemp("live") / "out.mp4"
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DISPLAY", raising=False)
        patch.delenv("WAYLAND_DISPLAY", raising=False)
        done = run("live", *AGES, "--input", clips / CLIP, "--record", movie).ok()
    return movie, done.out, done.err


def test_the_recording_lasts_as_long_as_the_clip(recorded, clips):
    (rate, frames), (own_rate, own) = pictures(recorded[0]), pictures(clips / CLIP)
    assert rate == own_rate
    assert len(frames) == len(own)
    assert frames[0].shape == own[0].shape


def test_every_picture_is_shown_or_dropped(recorded):
    found = re.search(r"(\d+) shown, (\d+) dropped, [\d.]+ fps, latency \d+ ms", recorded[1])
    assert found
    assert int(found[1]) + int(found[2]) == 30
    assert int(found[1]) >= 2
    assert "no display" in recorded[2]


def detail(picture):
    """What is finer than 3 pixels in the picture's luma: the same in the clip's codes and in those of the recording."""
    luma = picture.mean(axis=2).astype(np.float32)
    return luma - cv2.GaussianBlur(luma, (0, 0), 3)


def test_the_face_changes_and_the_rest_stays(recorded, clips):
    change = np.abs(detail(pictures(recorded[0])[1][-1]) - detail(pictures(clips / CLIP)[1][-1]))
    face = change[230:560, 400:680]
    away = np.concatenate([change[:, :150].ravel(), change[:, -150:].ravel()])
    assert np.percentile(face, 99) > 4 * np.percentile(away, 99)


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
    ],
)
def test_what_cannot_be_shown_is_one_line(tmp_path, more, code, words):
    (tmp_path / "there.mp4").write_bytes(b"somebody's")
    run("live", *AGES, *(word.format(out=tmp_path) for word in more)).fails(code, *words)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["there.mp4"]
    assert (tmp_path / "there.mp4").read_bytes() == b"somebody's"


def test_a_virtual_camera_needs_its_library(clips, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyvirtualcam", None)
    run("live", *AGES, "--input", clips / CLIP, "--virtual-camera").fails(2, "vfxage[live]")


def test_a_machine_without_a_virtual_camera(clips, monkeypatch):
    def refuse(*_: object) -> None:
        raise RuntimeError("no loopback device")

    monkeypatch.setitem(sys.modules, "pyvirtualcam", types.SimpleNamespace(Camera=refuse))
    run("live", *AGES, "--input", clips / CLIP, "--virtual-camera").fails(2, "no loopback device", "v4l2loopback")


def test_a_virtual_camera_gets_every_picture_that_is_shown(clips, monkeypatch):
    sent = []

    class Camera:
        def __init__(self, width: int, height: int, fps: float) -> None:
            assert (width, height, round(fps)) == (1080, 720, 30)

        def __enter__(self):
            return self

        def __exit__(self, *_: object) -> None:
            sent.append("closed")

        def send(self, picture) -> None:
            assert picture.shape == (720, 1080, 3)
            assert picture.dtype == np.uint8
            sent.append("picture")

    monkeypatch.setitem(sys.modules, "pyvirtualcam", types.SimpleNamespace(Camera=Camera))
    done = run("live", *AGES, "--input", clips / CLIP, "--virtual-camera").ok()
    assert sent[-1] == "closed"
    assert f"{len(sent) - 1} shown" in done.out
