"""A host that lacks something: an open stdout or stderr, space, memory, a working folder, a UTF-8 locale."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.plates import write_exr, write_shot
from tests.run_vfxage import run

VFXAGE = f"{shlex.quote(sys.executable)} -m vfxage"


def sh(line: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a line of the shell in ``folder``."""
    path = {"PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.run(
        ["sh", "-c", line], cwd=folder, env={**os.environ, **path, **environment}, capture_output=True, text=True
    )


@pytest.fixture
def shot(tmp_path: Path) -> Path:
    """A folder with a shot of one grey frame, shot.yaml, in a folder whose name has an accent."""
    write_exr(tmp_path / "café" / "p.1001.exr", np.full((16, 24, 3), 0.2, np.float32))
    outputs = [{"path": "out/é.%04d.exr"}]
    write_shot(tmp_path, plate="café/p.%04d.exr", outputs=outputs, colorspace="ACEScg", target_age=60)
    return tmp_path


@pytest.mark.parametrize("streams", ["2>&-", "<&- >&- 2>&-", "--log json 2>/dev/full", "1</dev/null 2</dev/null"])
def test_a_render_without_anybody_to_tell_renders(shot: Path, streams: str) -> None:
    assert sh(f"{VFXAGE} render shot.yaml {streams}", shot).returncode == 0
    assert (shot / "out" / "é.1001.exr").exists()


@pytest.mark.parametrize("command", ["info shot.yaml", "--help"])
def test_a_full_disk_behind_stdout_is_told(shot: Path, command: str) -> None:
    done = sh(f"{VFXAGE} {command} >/dev/full", shot)
    assert done.returncode == 4
    assert done.stderr.startswith("error: stdout cannot be written ([Errno 28]")
    assert done.stderr.count("\n") == 1


def test_names_with_accents_in_a_locale_without_them(shot: Path) -> None:
    done = sh(f"{VFXAGE} render shot.yaml", shot, LC_ALL="C", PYTHONUTF8="0")
    assert done.returncode == 0, done.stderr
    assert (shot / "out" / "é.1001.exr").exists()


def test_a_working_folder_that_is_gone(shot: Path) -> None:
    line = f"mkdir gone && cd gone && rmdir ../gone && {VFXAGE} info"
    done = sh(f"{line} shot.yaml", shot)
    assert done.returncode == 2
    assert "error: the working folder does not exist any more; change to another folder" in done.stderr
    assert sh(f"{line} {shot}/shot.yaml", shot).returncode == 0


@pytest.mark.parametrize(
    "error", [MemoryError("Unable to allocate 8 GiB"), RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")]
)
def test_too_little_memory(shot: Path, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("vfxage.render.one_frame.composite", fail)
    run("render", shot / "shot.yaml").fails(4, "there is not enough memory", str(error), "`--workers`")
    assert not (shot / "out" / "é.1001.exr").exists()


def test_a_path_that_is_not_utf8_is_named_and_not_called_damaged(shot: Path, tmp_path: Path) -> None:
    """A folder of an old file server, whose name is Latin-1."""
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    folder.mkdir()
    (folder / "shot.yaml").write_text((shot / "shot.yaml").read_text())
    (folder / "weights.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{}      ")
    (folder / "network.onnx").write_bytes(b"x")
    for words in (
        ("render", folder / "shot.yaml"),
        ("info", folder / "p.%04d.exr"),
        ("models", "show", folder / "weights.safetensors"),
        ("models", "show", folder / "network.onnx"),
    ):
        failed = run(*words).fails(2, "not UTF-8")
        assert "damaged" not in failed.err


def test_a_path_that_is_longer_than_the_system_has(shot: Path) -> None:
    run("info", shot / ("folder/" * 700 + "p.%04d.exr")).fails(2, "longer path")
