"""The ager under test, loaded once."""

import pytest

from vfxage.ager import load_ager


@pytest.fixture(scope="session")
def ager():
    return load_ager("relief")
