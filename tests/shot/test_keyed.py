"""Keyframed values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vfxage.shot import Keyed

KEYFRAMES = st.dictionaries(st.integers(-5000, 5000), st.floats(0, 120), min_size=1, max_size=8)


@given(KEYFRAMES, st.floats(-6000, 6000))
def test_keyed_values_are_linear_between_and_held_outside(keys, frame):

    frames = sorted(keys)
    expected = float(np.interp(frame, frames, [keys[k] for k in frames]))
    assert Keyed.of(keys).at(frame) == pytest.approx(expected, abs=1e-9)


@given(KEYFRAMES)
def test_keyframes_are_met_exactly_and_survive_being_written(keys):
    keyed = Keyed.of(keys)
    assert all(keyed.at(frame) == value for frame, value in keys.items())
    assert Keyed.of(keyed.as_written()) == keyed
