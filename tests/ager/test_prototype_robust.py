"""The prototype on what a tracker may hand it when all goes wrong: it answers, finitely, and inside the gamut."""

from dataclasses import replace
from typing import cast

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vfxage.ager import load_ager
from vfxage.ager.prototype import PrototypeAger
from vfxage.types import POINTS, FaceCrop

AGER = cast("PrototypeAger", load_ager("prototype"))


def mean_face(size):
    """A mesh where the framing puts it, about half the crop tall."""
    return AGER._prototype.mean * np.float32(size / 384)


def crop_of(rgb, points, ages):
    size = rgb.shape[0]
    return FaceCrop(
        face=0, name="lead", rgb=rgb, points=points.astype(np.float32), matte=np.ones((size, size), np.float32),
        to_frame=np.eye(2, 3), ages=ages, intensity=1.0,
    )  # fmt: skip


def stepped(crop):
    return AGER([crop])[0].step


def check(crop):
    step = stepped(crop)
    assert step.shape == crop.rgb.shape
    assert np.isfinite(step).all()
    aged = crop.rgb + step
    assert aged.min() >= -1e-6
    assert aged.max() <= 1 + 1e-6


def picture(kind, size, seed):
    if kind == "noise":
        return np.random.default_rng(seed).random((size, size, 3), np.float32)
    if kind == "skin":
        even = np.full((size, size, 3), (0.8, 0.6, 0.5), np.float32)
        return even + np.float32(0.02) * np.random.default_rng(seed).standard_normal(even.shape, np.float32)
    return np.full((size, size, 3), {"black": 0, "white": 1}[kind], np.float32)


@st.composite
def odd_crops(draw):
    """Tiny and huge faces, mirrored, squashed to a line or a point, half outside, torn, and where no crop is."""
    kind = draw(st.sampled_from(["noise", "skin", "black", "white"]))
    size = draw(st.sampled_from([16, 33, 64, 150, 256]))
    seed = draw(st.integers(0, 9))
    turn = draw(st.floats(0, 6.3))
    scale = draw(st.tuples(*[st.sampled_from([-1.0, 0.0, 1e-6, 0.03, 0.3, 1.0, 1.0, 3.0, 40.0])] * 2))
    shift = draw(st.tuples(*[st.sampled_from([-1e9, -2.0, -0.5, 0.0, 0.0, 0.3, 0.9, 50.0, 1e30])] * 2))
    jitter = draw(st.sampled_from([0.0, 0.0, 1e-3, 0.05, 1.0]))
    points = (mean_face(size) - size / 2) * np.array(scale)
    points = points @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    points += np.random.default_rng(seed).normal(0, jitter * size, (POINTS, 2)) + (np.array(shift) + 0.5) * size
    ages = draw(st.tuples(st.floats(0, 120), st.floats(0, 120)))
    return crop_of(np.clip(picture(kind, size, seed), 0, 1), points, ages)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(crop=odd_crops())
def test_any_finite_crop_and_mesh_has_an_answer(crop):
    check(crop)


@pytest.mark.parametrize("value", [0.0, 100.0, -1.0, 3e38, -3e38])
def test_a_mesh_in_one_point_changes_nothing(value):
    crop = crop_of(picture("skin", 128, 0), np.full((POINTS, 2), value), (30.0, 70.0))
    assert not stepped(crop).any()


@pytest.mark.parametrize("height", [4, 16, 40])
def test_a_face_of_few_pixels_is_aged_where_it_is(height):
    """Nothing changes farther from its middle than its rings reach."""
    size = 256
    points = (mean_face(size) - size / 2) * np.float32(height / (0.6 * size)) + np.array((70, 60), np.float32)
    crop = crop_of(picture("skin", size, 1), points, (30.0, 70.0))
    check(crop)
    y, x = np.mgrid[:size, :size] + 0.5
    away = np.hypot(x - 70, y - 60) > 2 * height + 6
    assert not stepped(crop)[away].any()


def test_a_face_half_outside_the_crop_is_aged_as_if_it_were_whole():
    """Far from the crop's edge; what the crop does not show cannot be known."""
    size, by = 256, 96
    rng = np.random.default_rng(5)
    wide = np.clip(0.6 + 0.03 * rng.standard_normal((size, size + by, 3)), 0, 1).astype(np.float32)
    points = mean_face(size)
    whole = crop_of(np.ascontiguousarray(wide[:, by:]), points, (30.0, 70.0))
    part = crop_of(np.ascontiguousarray(wide[:, :size]), points + np.array((by, 0), np.float32), (30.0, 70.0))
    check(part)
    there, here = stepped(whole)[:, 32 : size - by - 64], stepped(part)[:, by + 32 : size - 64]
    assert np.abs(here - there).mean() < 0.25 * np.abs(there).mean()


def test_samples_beyond_the_contract_do_not_become_nan():
    """A crop is 0..1; a caller who hands more gets an answer for what is inside."""
    rgb = np.random.default_rng(2).normal(0.5, 3, (128, 128, 3)).astype(np.float32)
    assert np.isfinite(stepped(crop_of(rgb, mean_face(128), (30.0, 70.0)))).all()


def test_the_skin_is_the_only_thing_a_name_decides():
    crop = crop_of(picture("skin", 128, 3), mean_face(128), (60.0, 30.0))
    assert np.array_equal(stepped(crop), stepped(replace(crop, name="")))
