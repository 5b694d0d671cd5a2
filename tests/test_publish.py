"""Files appear complete or not at all, with an error if they cannot be written."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from vfxage.errors import WriteError
from vfxage.publish import in_turn, publish


def remove_meanwhile(folder: Path) -> None:
    with publish(folder / "a.1003.exr", frame=1003) as partial:
        partial.write_bytes(b"whole")
        shutil.rmtree(folder)


def fill(path: Path) -> None:
    with publish(path) as partial:
        partial.write_text("half")
        raise OSError(28, "No space left on device")


def test_a_folder_that_was_removed_meanwhile_is_reported(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match=r"a\.1003\.exr frame 1003: its folder was removed") as reported:
        remove_meanwhile(tmp_path / "out")
    assert "free space" not in str(reported.value)


def test_a_full_disk_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("before")
    with pytest.raises(WriteError, match=r"No space left on device.*free space"):
        fill(path)
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]
    assert path.read_text() == "before"


def test_a_folder_that_takes_no_file_is_no_lock_to_wait_for():
    """Without a limit on the wait: where it waited, this test would end by its time-out."""
    done = []
    with in_turn(Path("/proc/vfxage.json"), wait_s=-1):
        done.append("block")
    assert done
