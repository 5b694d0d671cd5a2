"""Real media for the tests: ``../shared`` beside the project, never part of it."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

from tests.plates import man_at_webcam
from tests.run_vfxage import run
from tests.small_shot import COUNT, small_shot

settings.register_profile("whenever", deadline=None)  # no test is about time
settings.load_profile("whenever")

SHARED = Path(__file__).resolve().parents[2] / "shared"


def _shared(name: str) -> Path:
    folder = SHARED / name
    if not folder.is_dir():
        if os.environ.get("CI"):
            pytest.fail(f"CI must have ../shared/{name}")
        pytest.skip(f"../shared/{name} is absent")
    return folder


@pytest.fixture(scope="session")
def clips() -> Path:
    return _shared("media") / "clips"


@pytest.fixture(scope="session")
def prores() -> Path:
    return _shared("media") / "prores"


@pytest.fixture(scope="session")
def exrs() -> Path:
    return _shared("media") / "exr"


@pytest.fixture(scope="session")
def checkpoints() -> Path:
    return _shared("checkpoints")


@pytest.fixture(scope="session")
def portraits() -> Path:
    return _shared("portraits")


@pytest.fixture(scope="session")
def plate(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return man_at_webcam(clips, tmp_path_factory.mktemp("small plate"), COUNT)  # farms have folders with spaces


@pytest.fixture(scope="session")
def whole(plate: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a shot rendered in one go; for looking at only."""
    folder = tmp_path_factory.mktemp("whole shot")
    run("render", small_shot(plate, folder)).ok()
    return folder
