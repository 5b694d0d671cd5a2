"""Renders on real machines: they are killed, disks are full, folders disappear, plates break, two run at once."""

from __future__ import annotations

import json
import resource
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.killing import VFXAGE, begin, frames_in, freeze, freeze_midway, thaw
from tests.run_vfxage import run
from tests.small_shot import COUNT, EXR, MOVIE, long_shot, pictures, small_shot
from tools.trials import standing, trial


def hidden(folder: Path) -> list[str]:
    """Unfinished files."""
    return [path.name for path in folder.iterdir() if "partial" in path.name or path.name.startswith(".vfxage")]


@pytest.mark.timeout(900)
def test_kill_9_at_random_moments_tears_nothing(plate: Path, tmp_path: Path) -> None:
    path = long_shot(plate, tmp_path, 10, outputs=[EXR, MOVIE])
    outcome = trial(path, kills=3, seed=5, folder=tmp_path)
    assert outcome.torn == ()
    assert outcome.kills == 3
    assert outcome.midway >= 1  # some files were complete, some were not


def test_sigterm_while_tracking_leaves_at_once_and_nothing_half_written(plate: Path, tmp_path: Path) -> None:
    path = long_shot(plate, tmp_path, 12, outputs=[EXR, MOVIE])
    out = tmp_path / "out"
    process = begin(path)
    assert process.stderr is not None
    assert any(line.startswith("track 1/12 ") for line in process.stderr)
    freeze(process)
    assert not list(tmp_path.rglob("*.npz")), "it ended tracking before it was stopped"
    thaw(process, signal.SIGTERM)
    reported = process.communicate(timeout=60)[1]
    assert process.returncode == 143
    assert reported.splitlines()[-1].startswith("stopped; no half-written file stays")
    assert hidden(out) == []
    assert pictures(tmp_path) == {}
    assert not list(tmp_path.rglob("*.npz"))


def test_sigterm_while_rendering_leaves_at_once_and_nothing_half_written(plate: Path, tmp_path: Path) -> None:
    path = long_shot(plate, tmp_path, 12, outputs=[EXR, MOVIE])
    out = tmp_path / "out"
    process = begin(path)
    done = freeze_midway(process, out, 12)
    thaw(process, signal.SIGTERM)
    reported = process.communicate(timeout=60)[1]
    assert process.returncode == 143
    assert reported.splitlines()[-1] == "stopped; no half-written file stays, run the same command again to continue"
    assert hidden(out) == []
    before = pictures(tmp_path)
    assert done <= set(before)
    assert len(before) < 12  # and no movie
    assert "man.mov" not in before
    (last,) = json.loads((out / "man.render.json").read_text())["runs"]
    assert last["end"] == "stopped"
    run("render", path).ok()
    after = pictures(tmp_path)
    assert len(after) == 13
    assert {name: after[name] for name in before} == before
    run("verify", path).ok()


def small_disk(out: Path, saved: Path, command: list[str]) -> list[str]:
    """The command with a disk of 2 MiB at ``out``, whose files are copied to ``saved`` when it ends."""
    script = (
        'mount -t tmpfs -o size=2m none "$1" || exit 99; o=$1; s=$2; shift 2; "$@"; c=$?; cp -a "$o/." "$s"; exit $c'
    )
    return ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh", str(out), str(saved), *command]


def test_a_full_disk_is_reported_and_the_next_run_goes_on(plate: Path, whole: Path, tmp_path: Path) -> None:
    path = small_shot(plate, tmp_path, outputs=[EXR])
    out, saved = tmp_path / "out", tmp_path / "saved"
    out.mkdir()
    saved.mkdir()
    command = [*VFXAGE, "render", str(path), "--log", "text"]
    done = subprocess.run(small_disk(out, saved, command), capture_output=True, text=True)
    if (
        done.returncode == 99 or "unshare" in done.stderr
    ):  # no namespaces for us here: files may not pass 0.5 MB instead
        limit = (500_000, 500_000)
        done = subprocess.run(
            command, capture_output=True, text=True, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        )
        saved = out
    assert done.returncode == 4, done.stderr
    reported = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert len(reported) == 1
    assert "man.100" in reported[0]
    assert "free space" in reported[0]
    assert "Traceback" not in done.stderr
    assert hidden(saved) == []
    truth = standing(whole / "out")
    assert len(frames_in(saved)) < COUNT
    assert all(truth[name] == data for name, data in standing(saved).items())
    shutil.copytree(saved, out, dirs_exist_ok=True)
    run("render", path).ok()
    assert pictures(tmp_path) == {name: data for name, data in truth.items() if name.endswith(".exr")}


def test_an_output_folder_that_goes_away_is_not_a_success(plate: Path, tmp_path: Path) -> None:
    path = long_shot(plate, tmp_path, 10)
    out = tmp_path / "out"
    process = begin(path)
    freeze_midway(process, out, 10, least=2)
    out.rename(tmp_path / "gone")
    thaw(process)
    reported = process.communicate(timeout=240)[1]
    assert process.returncode == 4, reported
    assert "error:" in reported.splitlines()[-1]
    assert "Traceback" not in reported
    run("render", path).ok()
    run("verify", path).ok()


def test_a_plate_frame_that_breaks_is_named_and_its_neighbours_stay(plate: Path, tmp_path: Path) -> None:
    folder = tmp_path / "plate"
    shutil.copytree(plate, folder)
    path = small_shot(folder, tmp_path, outputs=[EXR])
    run("render", path).ok()
    before = pictures(tmp_path)
    frame = folder / "man.1004.exr"
    whole_frame = frame.read_bytes()
    frame.write_bytes(whole_frame[: len(whole_frame) // 2])
    run("render", path).fails(3, "man.1004.exr frame 1004")
    assert pictures(tmp_path) == before
    frame.write_bytes(whole_frame)
    assert "0 frames rendered, 6 complete already" in run("render", path).ok().out


def test_two_renders_of_one_shot_at_once_both_end_right(plate: Path, whole: Path, tmp_path: Path) -> None:
    path = small_shot(plate, tmp_path)
    both = [begin(path), begin(path)]
    reported = [process.communicate(timeout=240)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], reported
    assert pictures(tmp_path) == pictures(whole)
    assert hidden(tmp_path / "out") == []
    assert len(json.loads((tmp_path / "out" / "man.render.json").read_text())["runs"]) == 2
