"""Real media for the tests: ``../shared`` beside the project, never part of it."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

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
