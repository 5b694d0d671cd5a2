"""``--cluster``: Dask workers render the bits of a whole render, also when one of them is killed."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.run_vfxage import run
from tests.small_shot import MOVIE, pictures, small_shot
from vfxage.farm.cluster import chunks


def workers_of(process: int) -> list[int]:
    """Processes that a cluster of this process made, by Linux's own account."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == process and b"spawn_main" in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except (OSError, ValueError, IndexError):
            continue
    return found


@pytest.mark.timeout(900)
def test_a_killed_worker_costs_its_chunk_alone(plate: Path, whole: Path, tmp_path: Path) -> None:
    path = small_shot(plate, tmp_path)
    command = [sys.executable, "-m", "vfxage", "render", str(path), "--cluster", "local", "--log", "text"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 300
        while not list((tmp_path / "out").glob("man.*.exr")) and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        (victim, *_) = workers_of(process.pid)
        subprocess.run(["kill", "-9", str(victim)], check=True)
        out, err = process.communicate(timeout=500)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 0, err
    rendered, kept = map(int, re.findall(r"(\d) frames? rendered, (\d) complete already", out)[0])
    assert rendered + kept == 6  # what the victim had finished is kept
    assert "Traceback" not in err
    assert pictures(tmp_path) == pictures(whole)


def test_an_unreachable_cluster_and_a_movie_alone_are_reported(plate: Path, tmp_path: Path) -> None:
    path = small_shot(plate, tmp_path, outputs=[MOVIE], frames="1001-1002")
    run("render", path, "--cluster", "tcp://127.0.0.1:9").fails(2, "man.mov", "OpenEXR")


def test_chunks_hold_every_frame_once_and_feed_every_worker() -> None:
    for count, workers in ((1, 2), (7, 3), (48, 2), (5000, 8)):
        made = chunks(range(1, count + 1), workers)
        assert [number for chunk in made for number in chunk] == list(range(1, count + 1))
        assert len(made) >= min(count, workers)
        assert max(map(len, made)) <= 24
