"""One small shot for all that a farm does to it: six frames with a face, rendered once as a whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli import run
from tests.farm.shot import COUNT, FIRST, small_shot
from tests.plates import decode, write_exr


@pytest.fixture(scope="session")
def plate(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small plate")  # farms have folders with spaces
    for index, rgb in enumerate(decode(clips / "androidx_sample.mp4", range(1, COUNT + 1))):
        write_exr(folder / f"man.{FIRST + index}.exr", rgb[::2, ::2])
    return folder


@pytest.fixture(scope="session")
def whole(plate: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a shot rendered in one go; for looking at only."""
    folder = tmp_path_factory.mktemp("whole shot")
    run("render", small_shot(plate, folder)).ok()
    return folder
