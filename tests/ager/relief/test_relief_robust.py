"""Relief on what a tracker may hand it when all goes wrong: it answers, finitely, for study, step and reach."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from tests.ager.relief.odd_crops import crop_of, mean_face, odd_crops, picture
from vfxage.ager import load_ager
from vfxage.ager.relief import ReliefAger
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


@pytest.mark.parametrize("person", [0.0, 0.2, 1.0])
def test_a_person_that_the_network_does_not_see_is_no_fault(person, monkeypatch):
    """The matte of the person may be empty on a dark or distant face."""
    monkeypatch.setattr(AGER, "_person", lambda crop: np.full(crop.rgb.shape[:2], person, np.float32))
    check(crop_of(picture("skin", 256, 1), mean_face(256), (30.0, 70.0)))
    check(crop_of(picture("noise", 256, 1), mean_face(256), (70.0, 30.0)))
