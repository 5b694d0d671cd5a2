"""Files appear complete or not at all, with an error if they cannot be written."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from vfxage.errors import OutputError, WriteError
from vfxage.publish import check_writable, in_turn, publish


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


COUNT_UP = """
import sys
from pathlib import Path
from vfxage.publish import check_writable, in_turn, publish
path = Path(sys.argv[1])
for _ in range(60):
    with in_turn(path):
        count = int(path.read_text())
        with publish(path) as partial:
            partial.write_text(str(count + 1))
"""


def test_processes_that_change_a_file_in_turn_lose_no_change_and_leave_no_lock_file(tmp_path: Path) -> None:
    path = tmp_path / "count.txt"
    path.write_text("0")
    (tmp_path / ".count.txt.lock").touch()  # as a killed process leaves it
    running = [subprocess.Popen([sys.executable, "-c", COUNT_UP, str(path)]) for _ in range(3)]
    assert [process.wait() for process in running] == [0, 0, 0]
    assert path.read_text() == "180"
    assert [file.name for file in tmp_path.iterdir()] == ["count.txt"]


def test_the_lock_file_of_another_process_stays(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    with in_turn(path):
        before = sorted(tmp_path.iterdir())
        wait = "with in_turn(Path(sys.argv[1]), wait_s=0.1): pass"
        code = f"import sys; from pathlib import Path; from vfxage.publish import in_turn\n{wait}"
        subprocess.run([sys.executable, "-c", code, str(path)], check=True)
        assert sorted(tmp_path.iterdir()) == before
    assert not list(tmp_path.iterdir())


def test_a_device_in_the_place_of_a_folder_is_no_folder(tmp_path):
    (tmp_path / "link").symlink_to("/dev/null")
    with pytest.raises(OutputError, match="link: is a file where a folder is needed"):
        check_writable(tmp_path / "link" / "out")


def test_a_file_with_the_longest_name_that_there_is_can_be_written(tmp_path):
    path = tmp_path / ("ä" * 125 + ".exr")
    with publish(path) as partial:
        partial.write_bytes(b"whole")
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
