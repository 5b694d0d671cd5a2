"""Spaces of ICC profiles, against littlecms."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.profiles import (
    CAMERA,
    PARA_SRGB,
    PROPHOTO,
    REC709,
    by_littlecms,
    gamma,
    grey_profile,
    new_table,
    old_table,
    profile,
)
from vfxage.colour.icc import ProfileError, named_space, parse_profile
from vfxage.colour.space import Colour
from vfxage.errors import ShotError

PROFILES = {
    "camera": profile(CAMERA, gamma(2.19921875)),
    "wide": profile(PROPHOTO, gamma(1.8)),
    "three curves": profile(CAMERA, gamma(2.2), gamma(2.0), gamma(1.8)),
    "three curves of a known gamut": profile(REC709, gamma(2.2), gamma(2.0), gamma(1.8)),
    "table of 8 bits": old_table(8),
    "table of 16 bits": old_table(16),
    "new table": new_table(),
    "grey": grey_profile(gamma(1.9)),
    "grey by lightness": grey_profile(gamma(1.1), b"Lab "),
}


def colour(data: bytes) -> Colour:
    return Colour(parse_profile(data).name, None, data)


@pytest.fixture(scope="module")
def codes() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)


@pytest.mark.parametrize("name", PROFILES)
def test_light_is_littlecms_light(codes, name):
    data = PROFILES[name]
    grey = name.startswith("grey")
    shown = np.repeat(codes[..., :1], 3, axis=2) if grey else codes
    expected = by_littlecms(shown[..., 0] if grey else shown, data)
    space = colour(data)
    found = space.to_sdr8(space.to_linear((shown / 255).astype(np.float32))).astype(int)
    inside = ((expected > 0) & (expected < 255)).all(axis=-1)
    assert inside.mean() > 0.2
    assert np.abs(found - expected)[inside].max() <= 1


@pytest.mark.parametrize("name", PROFILES)
def test_codes_come_back(codes, name):
    space = colour(PROFILES[name])
    given = (codes / 255).astype(np.float32)
    np.testing.assert_allclose(space.from_linear(space.to_linear(given)), given, atol=5e-4)


def test_profiles_of_one_shape_are_told_apart():
    """OpenColorIO takes two transforms for one whose curves have the same length."""
    for power in (1.5, 1.9, 2.6):
        half = colour(profile(CAMERA, gamma(power))).to_linear(np.full((1, 3), 0.5, np.float32))
        np.testing.assert_allclose(half, 0.5 ** (round(power * 256) / 256), rtol=1e-3)


def test_profiles_that_differ_have_different_names_and_fingerprints():
    one, other = (colour(profile(CAMERA, gamma(power))) for power in (2.2, 2.3))
    assert one.name != other.name
    assert one.fingerprint != other.fingerprint
    assert one.name.startswith("house (ICC ")
    assert not one.in_config


@settings(max_examples=25)
@given(
    st.sampled_from([profile(REC709, PARA_SRGB), old_table(8, 2), new_table(3), grey_profile(gamma(2.0))]),
    st.binary(max_size=60),
    st.integers(0, 900),
    st.integers(100, 10**6),
)
def test_a_damaged_profile_is_refused_or_another(whole, patch, place, end):
    data = bytearray(whole)
    data[place : place + len(patch)] = patch
    with contextlib.suppress(ProfileError, ShotError):
        named_space(parse_profile(bytes(data[:end])))
        colour(bytes(data[:end]))
