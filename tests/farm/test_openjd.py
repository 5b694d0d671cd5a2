"""``vfxage submit --openjd``: its own program accepts the template, and runs it to the same bytes."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from openjd.model import IntRangeExpr

from tests.colours import config_with_lut
from tests.run_vfxage import run
from tests.small_shot import EXR, MOVIE, pictures, small_shot

BIN = Path(sys.executable).parent


def openjd(*words: object) -> str:
    """What ``openjd words...`` says; it must end well."""
    done = subprocess.run([BIN / "openjd", *map(str, words)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def written(path: Path) -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load(path.read_text())
    return data


def test_the_job_runs_to_the_bytes_of_a_whole_render(plate: Path, whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "a show"
    path = small_shot(plate, folder)
    job = folder / "the job.yaml"
    run("submit", path, "--openjd", job, "--chunk", "4").ok()
    assert "passes validation" in openjd("check", job)
    reported = openjd("run", job, "-p", f"Program={BIN / 'vfxage'}")
    shutil.copytree(folder / "out", tmp_path / "out")
    assert pictures(tmp_path) == pictures(whole)
    assert re.findall(r"Running step '(\w+)'", reported) == ["Track", "Render", "Assemble", "Verify"]
    counts = [int(count) for count in re.findall(r"(\d) frames? rendered", reported)]
    assert (len(counts), sum(counts), max(counts) <= 4) == (2, 6, True)
    assert re.search(r"^\S+\s+openjd_progress: 100\.0$", reported, re.MULTILINE)


def test_the_template_says_what_hosts_and_frames_it_wants(plate: Path, tmp_path: Path) -> None:
    path = small_shot(plate, tmp_path, outputs=[EXR], frames="1001-1005x2 1006")
    job = tmp_path / "job.yaml"
    run("submit", path, "--openjd", job, "--device", "cuda", "--set", "target_age=70").ok()
    openjd("check", job)
    template = written(job)
    assert [step["name"] for step in template["steps"]] == ["Track", "Render", "Verify"]
    wants = [step.get("hostRequirements", {}).get("amounts") for step in template["steps"]]
    gpu = [{"name": "amount.worker.gpu", "min": 1}]
    assert wants == [None, gpu, None]  # verify only reads
    defaults = {p["name"]: p["default"] for p in template["parameterDefinitions"]}
    assert defaults == {"Shot": "shot.yaml", "Program": "vfxage", "Frames": "1001-1005:2,1006", "ChunkSize": 24}
    assert "1001-1005:2,1006" in openjd("summary", job)
    arguments = template["steps"][1]["script"]["actions"]["onRun"]["args"]
    assert arguments[-2:] == ["--set", "target_age=70"]
    assert "cuda" in arguments


def test_a_movie_that_cannot_be_assembled_makes_one_task(plate: Path, tmp_path: Path) -> None:
    path = small_shot(plate, tmp_path / "shots", outputs=[MOVIE])
    (tmp_path / "jobs").mkdir()
    job = tmp_path / "jobs" / "job.yaml"  # beside the shot, not above it: no PATH with a default may name it
    assert "man.mov" in run("submit", path, "--openjd", job).ok().err
    openjd("check", job)
    template = written(job)
    assert [step["name"] for step in template["steps"]] == ["Track", "Render", "Verify"]
    assert not any("parameterSpace" in step for step in template["steps"])
    assert template["parameterDefinitions"][0] == {
        "name": "Shot",
        "description": "The shot file",
        "type": "STRING",
        "default": str(path),
    }


def shot_of(job: Path) -> str:
    """The default of the job's parameter for the shot file."""
    return next(str(p["default"]) for p in written(job)["parameterDefinitions"] if p["name"] == "Shot")


def test_a_shot_file_or_a_folder_that_is_a_link_stays_one(plate: Path, tmp_path: Path) -> None:
    common = small_shot(plate, tmp_path / "common", outputs=[EXR])
    (tmp_path / "sh010").mkdir()
    (tmp_path / "sh010" / "shot.yaml").symlink_to(common)
    (tmp_path / "sh020").symlink_to(tmp_path / "common")
    job = tmp_path / "job.yaml"
    for folder in ("sh010", "sh020"):
        run("submit", tmp_path / folder / "shot.yaml", "--openjd", job, "--overwrite").ok()
        assert shot_of(job) == f"{folder}/shot.yaml"
    outside = tmp_path / "sh010" / "job.yaml"
    run("submit", tmp_path / "sh020" / "shot.yaml", "--openjd", outside).ok()
    assert shot_of(outside) == str(tmp_path / "sh020" / "shot.yaml")


def test_scattered_frames_that_are_too_many_for_a_parameter(plate: Path, tmp_path: Path) -> None:
    numbers = [1001 + n * n for n in range(300)]
    for number in numbers:
        (tmp_path / f"p.{number}.exr").symlink_to(plate / "man.1001.exr")
    frames = " ".join(map(str, numbers))
    path = small_shot(plate, tmp_path, plate=str(tmp_path / "p.####.exr"), frames=frames, outputs=[EXR])
    job = tmp_path / "job.yaml"
    run("submit", path, "--openjd", job).ok()
    assert "passes validation" in openjd("check", job)
    (ranged,) = written(job)["steps"][1]["parameterSpace"]["taskParameterDefinitions"]
    assert sorted(IntRangeExpr.from_str(ranged["range"])) == numbers
    tasks = re.findall(r"\trender .*--frames=(\S+)", openjd("run", job, "-p", "Program=echo"))
    assert [number for task in tasks for number in IntRangeExpr.from_str(task)] == numbers
    assert len(tasks) == 13  # 300 frames in chunks of 24


def test_the_colour_config_of_the_environment_is_the_jobs(
    plate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "show.ocio").write_text(config_with_lut("$SH/cam.spi1d", "luts:${SHOW_LUTS}"))
    for name, value in {"SHOW_LUTS": "/luts", "SH": "sh010", "OTHER": "none"}.items():
        monkeypatch.setenv(name, value)
    job, path = tmp_path / "job.yaml", small_shot(plate, tmp_path, colorspace="ACES2065-1", outputs=[EXR])

    def variables(shot: Path) -> dict[str, str]:
        run("submit", shot, "--openjd", job, "--overwrite").ok()
        assert "passes validation" in openjd("check", job)
        (environment,) = written(job)["jobEnvironments"]
        found: dict[str, str] = environment["variables"]
        return found

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OCIO", "show.ocio")
    assert variables(path) == {"OCIO": str(tmp_path / "show.ocio"), "SHOW_LUTS": "/luts", "SH": "sh010"}
    monkeypatch.setenv("OCIO", "ocio://cg-config-latest")
    assert variables(path)["OCIO"] == "ocio://cg-config-latest"
    monkeypatch.delenv("OCIO")
    assert variables(path) == {"OCIO": ""}  # a worker's own $OCIO does not count
    own = small_shot(plate, tmp_path, colorspace="ACES2065-1", outputs=[EXR], ocio="show.ocio")
    assert variables(own) == {"SHOW_LUTS": "/luts", "SH": "sh010"}
    monkeypatch.setenv("SH", "{{Param.Shot}}")
    run("submit", own, "--openjd", job, "--overwrite").fails(2, "$SH", "{{")


def test_bad_requests_are_reported(plate: Path, tmp_path: Path) -> None:
    path = small_shot(plate, tmp_path)
    run("submit", path, "--openjd", tmp_path / "job.yaml", "--device", "auto").fails(2, "cpu or cuda")
    run("submit", path, "--openjd", path).fails(2, "exists already", "--overwrite")
    run("submit", path, "--openjd", tmp_path / "job.yaml", "--set", "model={{Param.X}}.pt").fails(2, "{{")
    run("submit", path, "--openjd", tmp_path / "job.yaml").ok()
    (tmp_path / "job.yaml").write_text("an edited job")
    run("submit", path, "--openjd", tmp_path / "job.yaml").fails(2, "job.yaml", "exists already", "--overwrite")
    assert (tmp_path / "job.yaml").read_text() == "an edited job"
    run("submit", path, "--openjd", tmp_path / "job.yaml", "--overwrite").ok()


def test_a_task_that_fails_says_so_in_the_jobs_words(tmp_path: Path) -> None:
    (tmp_path / "shot.yaml").write_text("plate: nowhere.mov\nsource_age: 3\ntarget_age: 4\noutputs: [{path: a.mov}]\n")
    result = run("render", tmp_path / "shot.yaml", "--log", "openjd").fails(3)
    assert re.search(r"^openjd_fail: error: .*nowhere\.mov", result.out, re.MULTILINE)
