"""Two processes share a run as torchrun starts them, and learn what one alone does."""

import os
import socket
import subprocess
import sys

import pytest
import torch

from tests.lab.train.people import RECIPE, curve, recipe_in
from tests.run_vfxage import run


def shared(recipe, steps):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "vfxage", "train", str(recipe), "--steps", str(steps), "--device", "cpu"]
    place = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1"}
    both = [
        subprocess.Popen(
            command,
            env={**os.environ, **place, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    reported = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0], reported
    return reported


def test_two_processes_learn_what_one_does_and_one_writes(tmp_path):
    text = RECIPE.replace("batch: 2", "batch: 4")
    for name in ("alone", "together"):
        (tmp_path / name).mkdir()
    run("train", recipe_in(tmp_path / "alone", text), "--steps", 4, "--device", "cpu").ok()
    reported = shared(recipe_in(tmp_path / "together", text), 4)
    assert "step 4" in reported[0][0]
    assert (reported[1][0], reported[1][1]) == ("", "")
    alone, together = curve(tmp_path / "alone"), curve(tmp_path / "together")
    assert [line["step"] for line in together] == [line["step"] for line in alone]
    for one, other in zip(alone, together, strict=True):
        for name, value in one.items():
            score = name in ("adversarial", "critic")  # about 0, where Adam's first steps make much of a rounding
            assert other[name] == pytest.approx(value, rel=2e-3, abs=2e-3 if score else 0), name
    one, other = (
        torch.load(tmp_path / name / "run" / "state.pt", weights_only=True)["learner"]["network"]
        for name in ("alone", "together")
    )
    assert all((one[key] - other[key]).abs().max() < 1e-3 for key in one)


def test_batch_that_cannot_be_shared_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    run("train", recipe_in(tmp_path), "--device", "cuda:1").fails(2, "one device for 2 processes")
