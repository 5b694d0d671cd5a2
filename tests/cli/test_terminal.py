"""The output on a terminal: a real child process on a pseudo-terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from tests.small_shot import EXR, small_shot

NOTE = "the plate has no rate, so that 24 frames a second are assumed; write `rate:` in the shot file if it is another"
PROGRAM = f"""
from vfxage.cli.console import open_console
console = open_console(None)
console.note({NOTE!r})
with console.stage("render", 12) as advance:
    for frame in range(1001, 1013):
        advance(frame)
        if frame == 1006:
            console.note({NOTE!r})
with console.stage("age", 1, "face") as advance:
    advance(1)
console.end("error: nothing is wrong", 0)
"""


def on_terminal(words: list[str], columns: int) -> tuple[str, int, bool]:
    """A program's output on a terminal of this width, its exit code, and whether the terminal's modes are restored."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    before = termios.tcgetattr(theirs)
    environment = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES", "NO_COLOR")}
    child = subprocess.Popen(
        words, stdin=theirs, stdout=theirs, stderr=theirs, env={**environment, "TERM": "xterm-256color"}
    )
    seen = b""
    while child.poll() is None or readable(ours):
        if readable(ours):
            seen += os.read(ours, 1 << 16)
    same = termios.tcgetattr(theirs) == before
    os.close(ours)
    os.close(theirs)
    return seen.decode(), child.returncode, same


def readable(descriptor: int) -> bool:
    import select

    return bool(select.select([descriptor], [], [], 0.05)[0])


def plain(seen: str) -> str:
    """The text without colours and cursor movements."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen)


def last_rows(seen: str, stage: str) -> str:
    """The last drawing of a stage's row."""
    return [row for row in re.split(r"[\r\n]+", plain(seen)) if stage in row.split()][-1]


@pytest.mark.parametrize("columns", [40, 120])
def test_bars_and_notes_on_a_terminal(columns: int) -> None:
    seen, code, same = on_terminal([sys.executable, "-c", PROGRAM], columns)
    assert code == 0, plain(seen)
    assert plain(seen).count(f"note: {NOTE}") == 2
    assert plain(seen).rstrip().endswith("error: nothing is wrong")
    for stage, counts, rate in (("render", "12/12", "fps"), ("age", "1/1", "faces/s")):
        row = last_rows(seen, stage)
        assert counts in row, row
        assert rate in row, row
        assert len(row.rstrip()) <= columns, row
    assert ("frame 1012" in last_rows(seen, "render")) == (columns >= 80)
    assert seen.count("\x1b[?25l") == seen.count("\x1b[?25h") == 2  # the cursor is hidden during a stage, then shown
    assert same


def test_a_render_on_a_terminal(plate: Path, tmp_path: Path) -> None:
    path = small_shot(plate, tmp_path, outputs=[EXR], frames="1001-1002")
    seen, code, same = on_terminal([sys.executable, "-m", "vfxage", "render", str(path)], 200)
    assert code == 0, plain(seen)
    assert "2/2" in last_rows(seen, "render")
    assert "2 frames rendered, 0 complete already" in plain(seen)
    assert seen.count("\x1b[?25l") == seen.count("\x1b[?25h") > 0
    assert same
    seen, code, _ = on_terminal([sys.executable, "-m", "vfxage", "render", str(tmp_path / "no.yaml")], 40)
    assert code == 2
    assert plain(seen).startswith("error: ")
