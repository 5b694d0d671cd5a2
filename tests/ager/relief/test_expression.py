"""Folds follow the expression: against the face's own usual one, without a step."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vfxage.ager.relief.mean_face import load_mean_face
from vfxage.ager.relief.older.canvas import Canvas
from vfxage.ager.relief.older.expression import expression_gain, expression_maps, expression_of

MEAN = load_mean_face().mean
MAPS = expression_maps(MEAN, Canvas.whole(1))
USUAL = expression_of(MEAN)


def _at(gain, mark):
    x, y = MEAN[mark].round().astype(int)
    return gain[y, x]


def _moved(moves):
    points = MEAN.copy()
    for marks, (x, y) in moves.items():
        points[list(marks)] += np.array([x, y], np.float32)
    return expression_gain(MAPS, expression_of(points), USUAL)


def test_the_usual_expression_changes_nothing():
    assert (expression_gain(MAPS, USUAL, USUAL) == 1).all()


def test_a_smile_deepens_the_folds_of_the_cheeks_and_not_the_forehead():
    gain = _moved({(61,): (-9, 0), (291,): (9, 0)})
    assert _at(gain, 206) > 1.1
    assert _at(gain, 426) > 1.1
    assert _at(gain, 151) == pytest.approx(1, abs=0.01)


def test_raised_brows_deepen_the_forehead_alone():
    gain = _moved({(105, 334): (0, -9)})
    assert _at(gain, 151) > 1.15
    assert _at(gain, 206) == pytest.approx(1, abs=0.01)


def test_a_frown_deepens_the_glabella():
    gain = _moved({(55,): (5, 0), (285,): (-5, 0)})
    assert _at(gain, 8) > 1.1
    assert _at(gain, 206) == pytest.approx(1, abs=0.01)


def test_narrowed_lips_flatten_the_folds_of_the_cheeks():
    gain = _moved({(61,): (9, 0), (291,): (-9, 0)})
    assert 0.5 < _at(gain, 206) < 0.95


def test_the_measures_do_not_depend_on_size_place_or_turn_in_the_picture():
    turn = np.array([[0.8, -0.6], [0.6, 0.8]], np.float32)
    assert expression_of(MEAN @ turn.T * 3 + 40) == pytest.approx(USUAL, rel=1e-4)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0, 40))
def test_folds_stay_between_half_and_one_and_a_half_for_any_face(seed, spread):
    noise = np.random.default_rng(seed).normal(0, spread, MEAN.shape).astype(np.float32)
    gain = expression_gain(MAPS, expression_of(MEAN + noise), USUAL)
    assert np.isfinite(gain).all()
    assert 0.499 < gain.min() <= gain.max() < 1.501
