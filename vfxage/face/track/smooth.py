"""Smooth the landmarks of one unbroken run: the motion of the head apart from the expression.

A similarity transform of the mean face's rigid points holds the motion of the head. The rest, in face units, is
expression and rotation. It is smoothed region by region, so that a still chin does not slow down a blink.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vfxage.arrays import ArrayData, shaped
from vfxage.face.track.filter import outliers, steady
from vfxage.face.track.mean_face import REGIONS, RIGID, RIGID_FACE
from vfxage.types import F32, F64, POINTS

_BAD_MOVE, _BAD_SHAPE = 0.05, 0.035
"""Contradictions that make a bad frame, in faces: of the whole face; of a region within it."""


@dataclass(frozen=True, slots=True, repr=False)
class Poses(ArrayData):
    """Similarities of a stretch: ``points = scale * turn(angle) @ shape + centre``."""

    values: F64 = field(metadata=shaped("T", 5, dtype=np.float64))
    """(T, 5): centre x and y in pixels; cosine and sine of the angle, which need no unwrapping; logarithm of the scale
    (pixels per face unit)."""

    def shapes(self, points: F64) -> F64:
        """(T, P, 2) pixels to face units."""
        return _turned((points - self.values[:, None, :2]) / self._scale, np.conj(self._turn))

    def points(self, shapes: F64) -> F64:
        """(T, P, 2) face units to pixels."""
        return _turned(shapes, self._turn) * self._scale + self.values[:, None, :2]

    @property
    def scale(self) -> F64:
        """(T,) pixels per face unit."""
        return np.asarray(np.exp(self.values[:, 4]), np.float64)

    @property
    def _scale(self) -> F64:
        return self.scale[:, None, None]

    @property
    def _turn(self) -> NDArray[np.complex128]:
        whole = self.values[:, 2] + 1j * self.values[:, 3]
        return np.asarray(whole / np.abs(whole), np.complex128)


def _turned(points: F64, turn: NDArray[np.complex128]) -> F64:
    whole = (points[..., 0] + 1j * points[..., 1]) * turn[:, None]
    return np.stack([whole.real, whole.imag], -1)


def poses_of(points: F64) -> Poses:
    """Fit the mean face to the rigid points of each frame (least squares), whatever the other frames show."""
    whole = points[:, RIGID, 0] + 1j * points[:, RIGID, 1]
    centre = whole.mean(1)
    # Sums of products, not a matrix product: its bits would depend on the number of frames.
    factor = ((whole - centre[:, None]) * RIGID_FACE.conj()).sum(1) / (np.abs(RIGID_FACE) ** 2).sum()
    size = np.abs(factor)
    return Poses(np.stack([centre.real, centre.imag, factor.real / size, factor.imag / size, np.log(size)], 1))


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
    """Steady landmarks (T, 478, 2), perhaps with the neck's nodes after them, of consecutive frames.

    Frames that are not ``known`` (T,) are bridged.
    Zero phase: nothing is shifted in time. Single bad frames are replaced from their neighbours. ``strength`` 0
    replaces and bridges only, 1 is the usual measure, larger is steadier. Landmarks further away than
    ``filter.REACH`` frames change no bit of a frame; each bridged gap between them adds its length.
    """
    numbers = np.flatnonzero(known)
    poses = poses_of(points[numbers].astype(np.float64))
    shapes = poses.shapes(points[numbers].astype(np.float64))
    trusted = np.zeros(len(points), bool)
    trusted[numbers[~_bad_frames(poses, shapes)]] = True
    weights = np.where(trusted, 1.0, 1e-3)

    moves = np.zeros((len(points), 5))
    moves[numbers] = poses.values
    moves = bridge(moves, trusted)
    steadied = [steady(np.ascontiguousarray(part), weights, strength) for part in (moves[:, :2], moves[:, 2:])]
    flat = np.zeros((len(points), points.shape[1] * 2))
    flat[numbers] = shapes.reshape(len(numbers), -1)
    neck = (np.arange(POINTS, points.shape[1]),) if points.shape[1] > POINTS else ()
    for group in (*REGIONS, *neck):
        columns = np.concatenate([group * 2, group * 2 + 1])
        flat[:, columns] = steady(bridge(np.ascontiguousarray(flat[:, columns]), trusted), weights, strength)
    return np.ascontiguousarray(Poses(np.hstack(steadied)).points(flat.reshape(-1, points.shape[1], 2)), np.float32)


def contradicted(points: F32) -> NDArray[np.bool_]:
    """(T,) whether its neighbours contradict the landmarks (T, 478, 2) of a frame, so that ``smooth`` replaces them."""
    poses = poses_of(points.astype(np.float64))
    return _bad_frames(poses, poses.shapes(points.astype(np.float64)))


def _bad_frames(poses: Poses, shapes: F64) -> NDArray[np.bool_]:
    """Frames whose place, roll or size their neighbours contradict, or in which a region of the face is thrown."""
    bad = outliers(poses.values[:, :2], _BAD_MOVE, poses.scale) | outliers(poses.values[:, 2:], _BAD_MOVE)
    for group in REGIONS:
        bad |= outliers(shapes[:, group].reshape(len(shapes), -1), _BAD_SHAPE)
    return bad
