"""Where hair greys first: on the head by the direction on the skull, in a beard by the distance from chin and mouth.

Hair greys first at the temples and sideburns, then at the front and the parting, then on the crown, and last at the
nape and at the ends of long hair. A beard greys first on the chin and beside the mouth, and last on the upper lip. The
places are measured in the frame of the head, so they stay where they are when the head turns or tilts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from vfxage.ager.relief.mesh import MESH
from vfxage.ager.relief.older.canvas import smoothstep
from vfxage.ager.relief.older.light import GAMMA, Pose, Surface
from vfxage.ager.relief.working import Working
from vfxage.types import F32, F64

_GRID = 4
"""Pixels of the crop to one cell of the grid on which onsets are worked out."""
_SKULL, _RADIUS = np.array([192.0, 165.0, 85.0]), 125.0
"""Centre and radius of the skull as a ball, canonical pixels of the mean face in space."""
_CROWN = -0.7
"""Onset of hair that lies nowhere else."""
_LIT = (0.3, 1.3)
"""Least and most light on hair, in shares of the mean light on the skin."""
_LENGTH, _LATEST = (70.0, 230.0), -0.25
"""Canonical pixels below the skull's centre from which long hair is older hair, and where it is oldest; its onset."""

_ENDS, _LEAVES = -2.5, (0.78, 0.97)
"""Onset of long hair at the bottom of the crop, and the shares of the crop's height from which to which it falls to
that: hair beyond the crop keeps its colour, and dyed ends grow out like this."""


@dataclass(frozen=True, slots=True)
class _Lobe:
    """A part of the skull around a direction: to the right, downwards, to the back."""

    towards: tuple[float, float, float]
    narrow: float
    onset: float


@dataclass(frozen=True, slots=True)
class _Mound:
    """A part of the face around the mean of some landmarks; sigma in canonical pixels."""

    ids: tuple[int, ...]
    sigma: float
    onset: float


_LOBES = (
    _Lobe((-0.97, 0.05, -0.22), 3.5, 2.3),
    _Lobe((0.97, 0.05, -0.22), 3.5, 2.3),
    _Lobe((0.0, -0.76, -0.65), 5.0, 0.7),
    _Lobe((0.0, 0.45, 0.89), 2.5, -0.3),
)
"""Temples and sideburns, front, nape."""
_BEARD = 0.5
"""Onset of a beard on the cheeks."""
_BEARDS = (
    _Mound((199, 152, 200), 26.0, 0.9),
    _Mound((57, 212), 20.0, 0.5),
    _Mound((287, 432), 20.0, 0.5),
    _Mound((164, 167, 393), 18.0, -1.1),
)
"""Chin, both sides of the mouth, upper lip."""
_BROW = -1.2
"""Onset of the inner end of a brow: brows turn later than the head."""
_BROWS = (_Mound((46, 70), 26.0, 0.9), _Mound((276, 300), 26.0, 0.9))
"""Outer ends."""


def head_onset(work: Working, pose: Pose, surface: Surface) -> F32:
    """(S, S) how early hair of the head greys: log odds that are added to those of the share of grey hair."""
    x, y, seen = _skull(work, pose, surface)
    onset = np.full(x.shape, _CROWN, np.float32)
    for lobe in _LOBES:
        towards = pose.turn @ (np.array(lobe.towards) / np.linalg.norm(lobe.towards))
        near = sum(np.float32(a) * part for a, part in zip(towards, seen, strict=True))
        onset += np.float32(lobe.onset) * np.exp(np.float32(lobe.narrow) * (near - 1))
    down: F64 = pose.turn[:2, 1]
    below = np.float32(down[0]) * x + np.float32(down[1]) * y
    rows = (np.arange(len(x), dtype=np.float32)[:, None] + np.float32(0.5)) / np.float32(len(x))
    onset += np.float32(_LATEST) * smoothstep(below, *_LENGTH) + np.float32(_ENDS) * smoothstep(rows, *_LEAVES)
    return _whole(onset, work)


def head_shade(work: Working, pose: Pose, surface: Surface, light: F64) -> F32:
    """(S, S) log luma by which white hair is darker than in the mean light on the skin, or brighter.

    ``light`` is that of ``fit_light``. The skull is a ball: its side in the shade is darker, and so is its outline.
    """
    _, _, seen = _skull(work, pose, surface)
    lit = np.float32(light[0]) + sum(np.float32(a) * part for a, part in zip(light[1:], seen, strict=True))
    return _whole(np.log(np.clip(lit, *_LIT)) / np.float32(GAMMA), work)


def _skull(work: Working, pose: Pose, surface: Surface) -> tuple[F32, F32, tuple[F32, F32, F32]]:
    """Cells right of and below the skull's middle, canonical pixels, and the skull's normals: right, down, back."""
    to_skull = pose.turn @ (_SKULL - surface.points[:MESH].mean(axis=0))
    middle = work.points[:MESH].mean(axis=0) + work.unit * to_skull[:2]
    x, y = _grid(work, middle)
    far = np.sqrt(x * x + y * y) / np.float32(_RADIUS)
    deep = -np.sqrt(np.maximum(1 - far * far, 0))
    outside = np.float32(_RADIUS) * np.maximum(far, 1)
    return x, y, (x / outside, y / outside, deep)


def beard_onset(work: Working) -> F32:
    """(S, S) the same for a beard."""
    return _mounds(work, _BEARD, _BEARDS)


def brow_onset(work: Working) -> F32:
    """(S, S) the same for brows."""
    return _mounds(work, _BROW, _BROWS)


def _mounds(work: Working, usual: float, mounds: Sequence[_Mound]) -> F32:
    """(S, S) an onset with mounds around landmarks of the crop."""
    x, y = _grid(work, np.zeros(2))
    onset = np.full(x.shape, usual, np.float32)
    for mound in mounds:
        at = work.points[list(mound.ids)].mean(axis=0) / np.float32(work.unit)
        far = np.square(x - at[0]) + np.square(y - at[1])
        onset += np.float32(mound.onset) * np.exp(-far / np.float32(2 * mound.sigma**2))
    return _whole(onset, work)


def _grid(work: Working, origin: F64) -> tuple[F32, F32]:
    """Canonical pixels to the right of a point of the crop and below it, of each cell."""
    count = -(-len(work.rgb) // _GRID)
    at = (np.arange(count, dtype=np.float32) + np.float32(0.5)) * np.float32(len(work.rgb) / count)
    x, y = ((at - np.float32(start)) / np.float32(work.unit) for start in origin)
    return np.ascontiguousarray(np.broadcast_to(x[None], (count, count))), np.ascontiguousarray(
        np.broadcast_to(y[:, None], (count, count))
    )


def _whole(cells: F32, work: Working) -> F32:
    size = work.rgb.shape[1::-1]
    return np.asarray(cv2.resize(np.asarray(cells, np.float32), size, interpolation=cv2.INTER_LINEAR), np.float32)


__all__ = ["beard_onset", "brow_onset", "head_onset", "head_shade"]
