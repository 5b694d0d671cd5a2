"""Renders in processes of their own, and how a test freezes one between its first frame and its last."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

VFXAGE = [sys.executable, "-m", "vfxage"]


def begin(shot: Path, *words: str) -> subprocess.Popen[str]:
    """Start ``vfxage render`` with plain lines as its log."""
    command = [*VFXAGE, "render", str(shot), "--log", "text", *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def freeze(process: subprocess.Popen[str]) -> None:
    """Stop every thread of the process until ``thaw``; fails if the process has ended."""
    process.send_signal(signal.SIGSTOP)
    state = os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
    assert state is not None
    assert state.si_code == os.CLD_STOPPED, f"it ended before it was frozen: {process.communicate()}"


def thaw(process: subprocess.Popen[str], *signals: signal.Signals) -> None:
    """Let the process go on; it meets ``signals`` first."""
    for number in (*signals, signal.SIGCONT):
        process.send_signal(number)


def freeze_when(happened: Callable[[], object], process: subprocess.Popen[str]) -> None:
    """Freeze the process once ``happened``; the time limit only ends a test that hangs."""
    deadline = time.monotonic() + 120
    while not happened() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    freeze(process)
    assert happened(), "it did not happen in 120 s"


def freeze_midway(process: subprocess.Popen[str], folder: Path, count: int, least: int = 1) -> set[str]:
    """Freeze a render of ``count`` OpenEXR files once ``least`` of them are there; their names.

    Fails where all are there, so that a test of what a kill leaves behind cannot pass without a kill midway.
    """
    freeze_when(lambda: len(frames_in(folder)) >= least, process)
    done = frames_in(folder)
    assert least <= len(done) < count, f"{len(done)} of {count} frames are done: the render must be slower"
    return done


def frames_in(folder: Path) -> set[str]:
    """Names of the OpenEXR files that are there under their final names."""
    return {path.name for path in folder.glob("*.exr") if not path.name.startswith(".")}
