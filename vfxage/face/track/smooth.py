"""Smooth the landmarks of one unbroken run: the motion of the head apart from the expression.

A similarity transform of rigid points to the run's mean face holds the motion of the head. The rest, in face units, is
expression and rotation. It is smoothed region by region, so that a still chin does not slow down a blink.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vfxage.arrays import ArrayData, shaped
from vfxage.face.track.filter import outliers, steady
from vfxage.types import F32, F64, POINTS

RIGID = (
    *(33, 133, 362, 263, 6, 197, 195, 5, 4, 168, 8, 9, 151, 10, 338, 297, 109, 67, 127, 356, 234, 454),
    *(98, 327, 48, 278, 193, 417, 245, 465, 130, 359),
)
"""Landmarks that expression hardly moves: eye corners, bridge of the nose, forehead, temples."""
_BAD_MOVE, _BAD_SHAPE = 0.05, 0.035
"""Contradictions that make a bad frame, in faces: of the whole face; of a region within it."""
_CENTRES = {
    "right eye": (33, 133, 159, 145),
    "left eye": (362, 263, 386, 374),
    "right brow": (70, 105, 107),
    "left brow": (300, 334, 336),
    "mouth": (61, 291, 13, 14),
    "nose": (4, 98, 327, 195),
    "chin": (152, 175, 199),
    "right cheek": (234, 50, 132),
    "left cheek": (454, 280, 361),
    "forehead": (10, 151, 67, 297),
}


@dataclass(frozen=True, slots=True, repr=False)
class Poses(ArrayData):
    """Similarities of a stretch: ``points = scale * turn(angle) @ shape + centre``."""

    values: F64 = field(metadata=shaped("T", 4, dtype=np.float64))
    """(T, 4): centre x and y in pixels; angle in radians, unwrapped; logarithm of the scale (pixels per face)."""

    def shapes(self, points: F64) -> F64:
        """(T, P, 2) pixels to face units."""
        return self._turn((points - self.values[:, None, :2]) / self._scale, -self.values[:, 2])

    def points(self, shapes: F64) -> F64:
        """(T, P, 2) face units to pixels."""
        return self._turn(shapes, self.values[:, 2]) * self._scale + self.values[:, None, :2]

    @property
    def _scale(self) -> F64:
        return np.asarray(np.exp(self.values[:, 3])[:, None, None], np.float64)

    @staticmethod
    def _turn(points: F64, angle: F64) -> F64:
        whole = (points[..., 0] + 1j * points[..., 1]) * np.exp(1j * angle)[:, None]
        return np.stack([whole.real, whole.imag], -1)


def poses_of(points: F64) -> Poses:
    """Fit the rigid points of every frame to their mean face (generalised Procrustes, Gower 1975, two rounds)."""
    whole = points[:, RIGID, 0] + 1j * points[:, RIGID, 1]
    centre = whole.mean(1, keepdims=True)
    offset = whole - centre
    mean = offset[0] / np.linalg.norm(offset[0]) * np.sqrt(len(RIGID))
    for _ in range(2):
        factor = (offset @ mean.conj()) / np.vdot(mean, mean).real
        mean = (offset / factor[:, None]).mean(0)
        mean *= np.exp(-1j * np.angle(mean[1] + mean[3] - mean[0] - mean[2])) / (np.abs(mean).mean() * 2)
    factor = (offset @ mean.conj()) / np.vdot(mean, mean).real
    angle = np.unwrap(np.angle(factor))
    return Poses(np.stack([centre[:, 0].real, centre[:, 0].imag, angle, np.log(np.abs(factor))], 1))


def regions(points: F64) -> list[NDArray[np.int64]]:
    """The 478 landmarks in groups that move together, by the nearest feature on the mean face (T, 478, 2)."""
    mean = points.mean(0)
    distance = np.stack([np.linalg.norm(mean[:, None] - mean[list(of)], axis=2).min(1) for of in _CENTRES.values()])
    distance[:, 468:] = np.inf  # irises move on their own
    nearest = distance.argmin(0)
    groups = [np.flatnonzero(nearest[:468] == place) for place in range(len(_CENTRES))]
    return [group for group in [*groups, np.arange(468, 473), np.arange(473, POINTS)] if len(group)]


def bridge(values: F64, known: NDArray[np.bool_]) -> F64:
    """Fill the frames of (T, C) that are not known, keeping the shape of the motion (PCHIP: Fritsch and Carlson)."""
    from scipy.interpolate import PchipInterpolator

    if known.all():
        return values
    time = np.arange(len(values))
    if known.sum() < 2:
        return np.repeat(values[known][:1], len(values), 0)
    inside = np.clip(time, time[known][0], time[known][-1])
    filled = np.asarray(PchipInterpolator(time[known], values[known], axis=0)(inside), np.float64)
    filled[known] = values[known]
    return filled


def smooth(points: F32, known: NDArray[np.bool_], strength: float) -> F32:
    """Steady (T, 478, 2) landmarks of consecutive frames; those not ``known`` (T,) are bridged.

    Zero phase: nothing is shifted in time. Single bad frames are replaced from their neighbours. ``strength`` 0
    replaces and bridges only, 1 is the usual measure, larger is steadier.
    """
    numbers = np.flatnonzero(known)
    poses = poses_of(points[numbers].astype(np.float64))
    shapes = poses.shapes(points[numbers].astype(np.float64))
    size = float(np.exp(np.median(poses.values[:, 3])))
    good = ~_bad_frames(poses, shapes, size)
    trusted = np.zeros(len(points), bool)
    trusted[numbers[good]] = True
    weights = np.where(trusted, 1.0, 1e-3)

    moves = np.zeros((len(points), 4))
    moves[numbers] = poses.values
    moves = bridge(moves, trusted)
    moves[:, :2] = steady(moves[:, :2], weights, strength)
    moves[:, 2:] = steady(moves[:, 2:], weights, strength)
    flat = np.zeros((len(points), POINTS * 2))
    flat[numbers] = shapes.reshape(len(numbers), -1)
    for group in regions(shapes):
        columns = np.concatenate([group * 2, group * 2 + 1])
        flat[:, columns] = steady(bridge(flat[:, columns], trusted), weights, strength)
    return np.ascontiguousarray(Poses(moves).points(flat.reshape(-1, POINTS, 2)), np.float32)


def _bad_frames(poses: Poses, shapes: F64, size: float) -> NDArray[np.bool_]:
    """Frames whose place, roll or size their neighbours contradict, or in which a region of the face is thrown."""
    scaled = poses.values.copy()
    scaled[:, :2] /= size
    bad = outliers(scaled[:, :2], _BAD_MOVE) | outliers(scaled[:, 2:], _BAD_MOVE)
    for group in regions(shapes):
        bad |= outliers(shapes[:, group].reshape(len(shapes), -1), _BAD_SHAPE)
    return bad
