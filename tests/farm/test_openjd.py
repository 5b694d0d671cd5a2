"""``vfxage submit --openjd``: its own program accepts the template, and runs it to the same bytes."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

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
