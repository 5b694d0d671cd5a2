"""The mixture of Gaussians against scipy's densities."""

from __future__ import annotations

import numpy as np
from scipy.stats import multivariate_normal

from vfxage.ager.relief.mixture import Mixture

MEANS, SPREADS = ((0.0, 0.0), (4.0, -1.0)), ((1.0, 0.3), (0.5, -0.2))


def clouds(count: int) -> np.ndarray:
    draw = np.random.default_rng(3)
    parts = [
        draw.multivariate_normal(mean, [[wide, tilt], [tilt, 1.0]], count)
        for mean, (wide, tilt) in zip(MEANS, SPREADS, strict=True)
    ]
    return np.concatenate(parts).astype(np.float32)


def test_two_clouds_are_found_and_their_density_is_scipys():
    points = clouds(3000)
    mixture = Mixture.fitted(points, np.ones(len(points), np.float32), 2)
    assert mixture is not None
    found = mixture.means[np.argsort(mixture.means[:, 0])]
    np.testing.assert_allclose(found, MEANS, atol=0.2)
    wanted = np.zeros(len(points))
    for index, mean in enumerate(mixture.means):
        factor = np.linalg.inv(mixture.roots[index].astype(np.float64))
        share = np.exp(mixture.logs[index] + np.log(np.diag(factor)).sum())
        density = multivariate_normal(mean, factor @ factor.T).pdf(points) * 2 * np.pi
        wanted += share * density
    np.testing.assert_allclose(mixture.log_density(points), np.log(wanted), atol=2e-3)


def test_weights_decide_what_is_learned():
    points = clouds(1000)
    weights = np.repeat(np.array([0.0, 1.0], np.float32), 1000)
    one = Mixture.fitted(points, weights, 1)
    assert one is not None
    np.testing.assert_allclose(one.means[0], MEANS[1], atol=0.15)


def test_nothing_is_learned_from_too_little():
    assert Mixture.fitted(clouds(100), np.zeros(200, np.float32), 2) is None


def test_it_comes_back_from_its_packed_form():
    points = clouds(500)
    mixture = Mixture.fitted(points, np.ones(len(points), np.float32), 3)
    assert mixture is not None
    again = Mixture.unpacked(mixture.packed())
    np.testing.assert_array_equal(again.log_density(points), mixture.log_density(points))
