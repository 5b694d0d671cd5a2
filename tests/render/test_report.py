"""``NAME.render.json``: who rendered what, with what, and enough of it to render the same again."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.killing import begin, freeze_midway
from tests.run_vfxage import run
from tests.small_shot import EXR, long_shot, pictures, small_shot


def report(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "out" / "man.render.json").read_text())
    return found


def test_a_render_says_what_it_did(plate: Path, whole: Path) -> None:
    import torch

    reported = report(whole)
    (run_,) = reported["runs"]
    assert (run_["asked"], run_["written"], run_["kept"], run_["end"]) == ("1001-1006", "1001-1006", "", "done")
    assert list(reported["frames"]) == [str(n) for n in range(1001, 1007)]
    assert sum(frame["seconds"] for frame in reported["frames"].values()) <= run_["seconds"]
    (face,) = reported["frames"]["1003"]["faces"]
    assert 0.5 < face["confidence"] <= 1
    assert face["ages"] == [35, 65]
    setup = reported["setups"][run_["setup"]]
    assert setup["versions"]["torch"].partition("+")[0] == torch.__version__.partition("+")[0]
    assert setup["settings"]["target_age"] == 65
    assert setup["model"]["name"] == "bands"


def test_its_settings_are_a_shot_file_that_renders_the_same_bytes(whole: Path, plate: Path, tmp_path: Path) -> None:
    (setup,) = report(whole)["setups"].values()
    settings = setup["settings"]
    for output in settings["outputs"]:
        output["path"] = "out/" + Path(output["path"]).name
    (tmp_path / "again.yaml").write_text(json.dumps(settings))
    run("render", tmp_path / "again.yaml").ok()
    assert pictures(tmp_path) == pictures(whole)


def test_parts_rendered_at_the_same_time_and_with_other_settings_add_up(plate: Path, tmp_path: Path) -> None:
    path = small_shot(plate, tmp_path, outputs=[EXR])
    run("track", path).ok()
    parts = ["1001-1002", "1003-1004", "1005-1006"]
    command = [sys.executable, "-m", "vfxage", "render", str(path), "--frames"]
    started = [subprocess.Popen([*command, part], stdout=subprocess.DEVNULL) for part in parts]
    assert [process.wait() for process in started] == [0, 0, 0]
    reported = report(tmp_path)
    assert sorted(r["written"] for r in reported["runs"]) == parts
    assert list(reported["frames"]) == [str(n) for n in range(1001, 1007)]
    run("render", path, "--frames", "1006", "--set", "target_age=70").ok()
    reported = report(tmp_path)
    assert len(reported["setups"]) == 2
    ages = {n: reported["setups"][frame["setup"]]["settings"]["target_age"] for n, frame in reported["frames"].items()}
    assert ages == {**{str(n): 65 for n in range(1001, 1006)}, "1006": 70}
    run("render", path, "--frames", "1005-1006", "--set", "target_age=70").ok()
    last = report(tmp_path)["runs"][-1]
    assert (last["written"], last["kept"]) == ("1005", "1006")


def test_a_failed_run_and_held_frames_are_reported(plate: Path, tmp_path: Path) -> None:
    for number in (1001, 1002, 1003, 1004):
        data = (plate / f"man.{number}.exr").read_bytes()
        (tmp_path / f"man.{number}.exr").write_bytes(data if number != 1003 else data[:9000])
    path = small_shot(tmp_path, tmp_path, outputs=[EXR], missing_frames="hold")
    run("render", path).ok()
    reported = report(tmp_path)
    assert reported["frames"]["1003"]["missing"] == "hold 1002"
    assert "missing" not in reported["frames"]["1002"]
    assert any("1003" in note for note in reported["runs"][0]["notes"])
    (tmp_path / "man.1002.exr").write_bytes(b"")
    run("render", path, "--set", "missing_frames=error").fails(3)
    last = report(tmp_path)["runs"][-1]
    assert "1002" in last["end"]
    assert (last["written"], last["left"]) == ("", "1001-1004")


def test_a_killed_run_is_in_the_report_and_the_next_run_adds_the_frames_it_kept(plate: Path, tmp_path: Path) -> None:
    path = long_shot(plate, tmp_path, 16)
    run("render", path, "--frames", "1001-1003").ok()
    killed = begin(path, "--set", "target_age=70", "--frames", "1002-1016")
    freeze_midway(killed, tmp_path / "out", 16, least=4)
    killed.kill()
    killed.communicate()
    reported = report(tmp_path)
    last = reported["runs"][-1]
    assert (last["asked"], last["end"], last["process"]) == ("1002-1016", "running", killed.pid)
    assert reported["missing"] == "1004-1016"
    run("render", path, "--set", "target_age=70").ok()
    reported = report(tmp_path)
    assert [run_["end"] for run_ in reported["runs"]] == ["done", "killed", "done"]
    assert reported["missing"] == ""
    setups = {frame["setup"] for frame in reported["frames"].values()}
    assert setups == {reported["runs"][-1]["setup"]}  # also those that the killed run rendered and could not tell of
    assert all(frame["faces"][0]["ages"] == [35, 70] for frame in reported["frames"].values())


def test_a_damaged_report_is_begun_anew(plate: Path, tmp_path: Path) -> None:
    path = small_shot(plate, tmp_path, outputs=[EXR], frames="1001-1002")
    (tmp_path / "out").mkdir()
    for content in (
        "",
        "{}",
        '{"format": 1, "setups": {}, "runs": [0], "frames": {"1001": 3}}',
        '{"format": 1, "setups": 3, "runs": [], "frames": {}}',
        "[" * 100_000,
    ):
        (tmp_path / "out" / "man.render.json").write_text(content)
        run("render", path).ok()
        assert len(report(tmp_path)["runs"]) == 1
