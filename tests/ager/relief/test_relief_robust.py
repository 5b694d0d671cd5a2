"""Relief on what a tracker may hand it when all goes wrong: it answers, finitely, for study, step and reach."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.ager.relief.odd_crops import crop_of, mean_face, odd_crops, picture
from vfxage.ager import load_ager
from vfxage.ager.relief import ReliefAger
from vfxage.ager.relief.head import head_of
from vfxage.types import FaceCrop

AGER = cast("ReliefAger", load_ager("relief"))


def check(crop: FaceCrop) -> None:
    study = AGER.study([crop])
    assert all(np.isfinite(value).all() for value in study.values())
    crop = replace(crop, study=study)
    (answer,) = AGER([crop])
    step, reach = answer.step, answer.reach
    assert step.shape == crop.rgb.shape
    assert np.isfinite(step).all()
    aged = crop.rgb + step
    assert aged.min() >= -1e-6
    assert aged.max() <= 1 + 1e-6
    if reach is not None:
        assert np.isfinite(reach).all()
        assert reach.min() >= 0
        assert reach.max() <= 1
        assert not any(edge.any() for edge in (reach[0], reach[-1], reach[:, 0], reach[:, -1]))


@settings(max_examples=16, deadline=None, suppress_health_check=list(HealthCheck))
@given(crop=odd_crops())
def test_any_finite_crop_and_mesh_has_an_answer(crop):
    check(crop)


@settings(max_examples=60, deadline=None)
@given(
    squeeze=st.floats(0.02, 1), fold=st.floats(-1, 1), jitter=st.sampled_from([0.0, 0.01, 0.05]), seed=st.integers(0, 9)
)
def test_areas_of_the_head_are_never_negative(squeeze, fold, jitter, seed):
    """In profile the outline of the face folds, so that a smaller copy of it stands out of a larger one."""
    points = mean_face(160) - np.float32(80)
    points[:, 0] = squeeze * points[:, 0] + fold * np.abs(points[:, 0])
    points += np.random.default_rng(seed).normal(0, jitter * 160, points.shape) + 80
    head = head_of(points.astype(np.float32), np.ones((160, 160), np.float32), 160)
    for name in ("face", "skin", "above", "beside", "ears", "neck", "brows", "lips", "nose", "beard_zone"):
        assert getattr(head, name).min() >= 0, name


@pytest.mark.parametrize("person", [0.0, 0.2, 1.0])
def test_a_person_that_the_network_does_not_see_is_no_fault(person, monkeypatch):
    """The matte of the person may be empty on a dark or distant face."""
    monkeypatch.setattr(AGER, "_person", lambda rgb: np.full(rgb.shape[:2], person, np.float32))
    check(crop_of(picture("skin", 256, 1), mean_face(256), (30.0, 70.0)))
    check(crop_of(picture("noise", 256, 1), mean_face(256), (70.0, 30.0)))
