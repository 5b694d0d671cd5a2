"""A render that a signal stops."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from tests.killing import begin, frames_in, freeze_midway, thaw
from tests.plates import decode, write_exr, write_shot
from tests.run_vfxage import run


@pytest.fixture
def ten_frames(clips: Path, tmp_path: Path) -> Path:
    """A shot of ten small frames that show a face."""
    for index, rgb in enumerate(decode(clips / "androidx_sample.mp4", range(1, 11))):
        write_exr(tmp_path / f"man.{101 + index}.exr", rgb[::2, ::2])
    output = {"path": "out/man.####.exr", "passes": ["beauty", "delta", "matte"]}
    return write_shot(tmp_path, plate=str(tmp_path / "man.###.exr"), colorspace="lin_rec709", rate=25, outputs=[output])


def test_an_interrupt_stops_cleanly(ten_frames: Path, tmp_path: Path) -> None:
    process = begin(ten_frames)
    freeze_midway(process, tmp_path / "out", 10)
    thaw(process, signal.SIGINT)
    _, reported = process.communicate(timeout=60)
    assert process.returncode == 130, reported
    assert "Traceback" not in reported
    assert "run the same command again to continue" in reported.splitlines()[-1]
    assert [name for name in (tmp_path / "out").iterdir() if "partial" in name.name] == []
    kept = len(frames_in(tmp_path / "out"))
    assert 0 < kept < 10
    assert f" rendered, {kept} complete already" in run("render", ten_frames).ok().out
    assert len(frames_in(tmp_path / "out")) == 10


def test_a_second_signal_does_not_disturb_the_cleaning_up(ten_frames: Path, tmp_path: Path) -> None:
    process = begin(ten_frames)
    freeze_midway(process, tmp_path / "out", 10)
    thaw(process, signal.SIGINT)
    met = 0
    while process.poll() is None:
        process.send_signal(signal.SIGINT)
        met += process.poll() is None
        time.sleep(0.005)
    _, reported = process.communicate(timeout=60)
    assert met > 1, "it ended before a second signal came"
    assert process.returncode == 130, reported
    assert "Traceback" not in reported
    assert reported.splitlines()[-1] == "stopped; no half-written file stays, run the same command again to continue"
    assert [name for name in (tmp_path / "out").iterdir() if "partial" in name.name] == []
    assert 0 < len(frames_in(tmp_path / "out")) < 10
