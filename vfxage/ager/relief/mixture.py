"""A small mixture of Gaussians, fitted by weighted expectation maximisation (Dempster et al. 1977)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from vfxage.arrays import ArrayData, shaped
from vfxage.types import F32, F64

_SAMPLES = 1500
"""Pixels that the fit reads: more change nothing that can be seen."""
_ROUNDS = 8
_FLOOR = 2e-3
"""Added to variances, so that a component never collapses."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Mixture(ArrayData):
    """K Gaussians in D dimensions."""

    means: F32 = field(metadata=shaped("K", "D"))
    roots: F32 = field(metadata=shaped("K", "D", "D"))
    """Inverse Cholesky factors of the covariances."""
    logs: F32 = field(metadata=shaped("K"))
    """Log of weight and normalisation of each."""

    @staticmethod
    def fitted(points: F32, weights: F32, count: int) -> Mixture | None:
        """Fit ``count`` Gaussians to points (N, D) with weights (N,) >= 0; None if too little weight is there."""
        total = float(weights.sum())
        if total < 10 * count or (weights > 0).sum() < 10 * count:
            return None
        draw = np.random.default_rng(count)
        chosen = points[draw.choice(len(points), min(_SAMPLES, len(points)), p=weights / total)].astype(np.float64)
        dimensions = chosen.shape[1]
        # Quantiles along the widest direction start the same way for every draw.
        order = np.argsort(chosen @ np.linalg.svd(chosen - chosen.mean(0), full_matrices=False)[2][0])
        parts = [chosen[part] for part in np.array_split(order, count)]
        means = np.array([part.mean(0) for part in parts])
        spreads = np.array([np.cov(chosen.T) + _FLOOR * np.eye(dimensions)] * count)
        shares = np.full(count, 1 / count)
        for _ in range(_ROUNDS):
            mixture = _mixture(means, spreads, shares)
            logs = mixture._each(chosen)
            odds = np.exp(logs - logs.max(0))
            odds /= odds.sum(0)
            amounts = odds.sum(1) + 1e-6
            shares, means = amounts / len(chosen), (odds @ chosen) / amounts[:, None]
            spreads = np.array([
                ((chosen - mean).T * odd) @ (chosen - mean) / amount + _FLOOR * np.eye(dimensions)
                for mean, odd, amount in zip(means, odds, amounts, strict=True)
            ])  # fmt: skip
        return _mixture(means, spreads, shares)

    def log_density(self, points: F32) -> F32:
        """(N,) log density at points (N, D), at most four dimensions."""
        rows = points[None]
        half = np.full(points.shape[1], -0.5)
        logs = []
        for mean, root, log in zip(self.means, self.roots, self.logs, strict=True):
            along = cv2.transform(rows, np.column_stack([root, -root @ mean]))
            logs.append(cv2.transform(cv2.multiply(along, along), np.append(half, log)[None])[0])
        highest = np.maximum.reduce(logs)
        total = np.add.reduce([cv2.exp(log - highest)[:, 0] for log in logs])
        return np.asarray(highest + cv2.log(total)[:, 0], np.float32)

    def component(self, points: F32) -> NDArray[np.intp]:
        """(N,) the Gaussian that is densest at points (N, D)."""
        return np.asarray(self._each(points).argmax(axis=0))

    def only(self, kept: Sequence[int]) -> Mixture:
        """The mixture of some of its Gaussians."""
        chosen = list(kept)
        return Mixture(means=self.means[chosen], roots=self.roots[chosen], logs=self.logs[chosen])

    def _each(self, points: F32 | F64) -> F64:
        """(K, N) log density of each Gaussian, with its weight."""
        along = self.roots.astype(np.float64) @ (points.T - self.means[:, :, None])
        return np.asarray(self.logs[:, None] - 0.5 * np.square(along).sum(axis=1), np.float64)

    def packed(self) -> F32:
        """(K, D + D * D + 1) as one array."""
        count = len(self.means)
        return np.concatenate([self.means, self.roots.reshape(count, -1), self.logs[:, None]], axis=1)

    @staticmethod
    def unpacked(packed: F32) -> Mixture:
        """From ``packed``."""
        count, width = packed.shape
        size = int((np.sqrt(4 * width - 3) - 1) / 2)
        parts = packed[:, :size], packed[:, size:-1].reshape(count, size, size), packed[:, -1]
        means, roots, logs = (np.ascontiguousarray(part, np.float32) for part in parts)
        return Mixture(means=means, roots=roots, logs=logs)


def _mixture(means: F64, spreads: F64, shares: F64) -> Mixture:
    factors = np.linalg.cholesky(spreads)
    roots = np.linalg.inv(factors)
    sizes = np.log(np.diagonal(factors, axis1=1, axis2=2)).sum(1)
    return Mixture(
        means=np.ascontiguousarray(means, np.float32),
        roots=np.ascontiguousarray(roots, np.float32),
        logs=np.asarray(np.log(shares) - sizes, np.float32),
    )
