"""The relief of one face: slopes and cavities of every part, made once, and mixed by the weights of an age."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np

from vfxage.ager.relief.donor import DONOR
from vfxage.ager.relief.mean_face import MeanFace
from vfxage.ager.relief.mesh import CANON
from vfxage.ager.relief.neck import LOW
from vfxage.ager.relief.older.canvas import Canvas, slopes, soften
from vfxage.ager.relief.older.expression import expression_maps
from vfxage.ager.relief.older.folds import broad_heights
from vfxage.ager.relief.older.lines import Ground, fine_heights
from vfxage.ager.relief.older.pigment import around_eyes, brow_streaks, pigment_map
from vfxage.ager.relief.older.throat import mottled, throat_heights
from vfxage.types import F32

DENSITY = 2
"""Pixels of the canvas to a canonical pixel: fine lines are 1 canonical pixel wide."""
_ROUND = 0.8
"""Canonical pixels over which heights are rounded: skin has no sharper edge."""
_SOFT = 3.2
"""Canonical pixels of blur that keep the broad side of a fold; the rest is its crease."""
_BROAD_SCALES = ((3.0, 0.40), (8.0, 0.65), (18.0, 0.7))
_FINE_SCALES = ((1.0, 0.5), (2.2, 0.6), (5.0, 0.4))
_NECK_SCALES = ((1.0, 0.6), (2.4, 0.7), (6.0, 0.35), (13.0, 0.45))
"""Widths of the cavities, canonical pixels, and their weights: how light is kept out of creases. By eye."""


_LEAST = 1e-5
"""Canonical pixels: what is lower is no relief."""
_REACH = 4.0
"""Sigmas of a blur past which nothing of it is left."""
_MIXES = 4
"""Mixes kept: one for the face and a few for regions with a look of their own. Each takes 9 MB."""


@dataclass(frozen=True, slots=True)
class RelativeWeights:
    """The weight of each part of the relief, by its name."""

    sides: Mapping[str, float]
    creases: Mapping[str, float]
    lines: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part of the relief, in the box that it fills."""

    where: tuple[slice, slice]
    maps: F32
    """(h, w, 3) slope to the right, slope downwards, cavity."""

    def add_to(self, mixed: F32, weight: float) -> None:
        """Add it to a map of the whole face (n, n, 3)."""
        mixed[self.where] += np.float32(weight) * self.maps


class Sculpture:
    """The maps of one face, by the face's name. Maps are (n, n, 3): slope to the right, slope downwards, cavity."""

    def __init__(self, mean_face: MeanFace, name: str, donor: F32 | None = None) -> None:
        """``donor`` is a relief from photographs, (CANON, CANON) canonical pixels; see ``donor.py``."""
        canvas = Canvas.whole(DENSITY)
        mean = mean_face.mean
        masks = {key: _grown(mask, canvas) for key, mask in mean_face.masks.items()}
        self._sides: dict[str, _Piece] = {}
        self._creases: dict[str, _Piece] = {}
        for part, height in broad_heights(mean, name, canvas).items():
            self._sides[part], self._creases[part] = _sides_and_creases(height)
        self._lines: dict[str, _Piece] = {}
        for part, heights in fine_heights(Ground(canvas=canvas, mean=mean, masks=masks, name=name)).items():
            laid = np.zeros(canvas.window.shape, np.float32)
            for where, height in heights:
                laid[where.window.slices(canvas.window)] += height
            self._lines[part] = _fine_piece(laid)
        self._neck = {part: _fine_piece(height, _NECK_SCALES) for part, height in throat_heights(mean, name).items()}
        self.mottled = mottled(mean, name)
        """(LOW.height, LOW.width, 3) log RGB of neck and ears for one unit of wear."""
        self.donated = donor is not None
        """Whether it has the part ``DONOR``."""
        if donor is not None:
            size = canvas.window.shape
            self._lines[DONOR] = _fine_piece(cast(F32, cv2.resize(donor, size, interpolation=cv2.INTER_CUBIC)))
        coarse = Canvas.whole(1)
        self.pigment = pigment_map(mean, {"texture": _grown(mean_face.masks["texture"], coarse)}, name, coarse)
        """(CANON, CANON, 3) log RGB for one unit of wear."""
        self.brow_streaks = brow_streaks(mean, name, canvas)
        """(n, n) -1..1."""
        self.around_eyes = around_eyes(mean, coarse)
        """(CANON, CANON) 0..1."""
        self.expressions = expression_maps(mean, coarse)
        """(CANON, CANON, 3) 0..1."""
        self._lock = threading.Lock()
        self._mixes: list[tuple[RelativeWeights, F32, F32]] = []
        self._neck_mixes: list[tuple[Mapping[str, float], F32]] = []

    def mixed(self, weights: RelativeWeights) -> tuple[F32, F32]:
        """The broad relief (CANON, CANON, 3) and the fine relief (n, n, 3); the last mixes are kept."""
        with self._lock:
            found = next((mix for mix in self._mixes if mix[0] == weights), None)
            if found is None:
                fine = _mixed(self._lines, weights.lines, (CANON, CANON))
                found = weights, self._broad(weights.sides, weights.creases), fine
                self._mixes = [found, *self._mixes[: _MIXES - 1]]
            return found[1], found[2]

    def mixed_neck(self, weights: Mapping[str, float]) -> F32:
        """The relief of neck and ears on ``LOW``, at a density of ``DENSITY``; the last mixes are kept."""
        with self._lock:
            found = next((mix for mix in self._neck_mixes if mix[0] == weights), None)
            if found is None:
                found = weights, _mixed(self._neck, weights, LOW.shape)
                self._neck_mixes = [found, *self._neck_mixes[: _MIXES - 1]]
            return found[1]

    def _broad(self, sides: Mapping[str, float], creases: Mapping[str, float]) -> F32:
        mixed = np.zeros((CANON, CANON, 3), np.float32)
        for maps, weights in ((self._sides, sides), (self._creases, creases)):
            for part, weight in weights.items():
                maps[part].add_to(mixed, weight)
        return mixed


def _mixed(pieces: Mapping[str, _Piece], weights: Mapping[str, float], shape: tuple[int, int]) -> F32:
    """Parts of the relief on a canvas of ``shape`` canonical pixels, at full density."""
    mixed = np.zeros((DENSITY * shape[0], DENSITY * shape[1], 3), np.float32)
    for part, weight in weights.items():
        pieces[part].add_to(mixed, weight)
    return mixed


def _sides_and_creases(height: F32) -> tuple[_Piece, _Piece]:
    """The broad sides of a part of the relief, (n, n) on the canvas, and the rest of it: its creases."""
    box = _filled(height, _BROAD_SCALES)
    rounded = soften(height[box], _ROUND * DENSITY)
    whole = _halved(slopes(rounded, DENSITY, _BROAD_SCALES))
    sides = slopes(_halved(soften(rounded, _SOFT * DENSITY)), 1, _BROAD_SCALES)
    rows, columns = (slice(one.start // DENSITY, one.stop // DENSITY) for one in box)
    return _Piece(where=(rows, columns), maps=sides), _Piece(where=(rows, columns), maps=whole - sides)


def _fine_piece(height: F32, scales: Sequence[tuple[float, float]] = _FINE_SCALES) -> _Piece:
    """Slopes and cavities of a height (h, w) on a canvas of density ``DENSITY``."""
    box = _filled(height, scales)
    return _Piece(where=box, maps=slopes(soften(height[box], _ROUND * DENSITY), DENSITY, scales))


def _filled(height: F32, scales: Sequence[tuple[float, float]]) -> tuple[slice, slice]:
    """The box of a height on the canvas, with room for the cavities of all ``scales``; its edges are multiples of 8."""
    filled = np.abs(height) > _LEAST
    room = _REACH * DENSITY * max(width for width, _ in scales)
    rows, columns = (np.flatnonzero(filled.any(axis=axis)) for axis in (1, 0))
    if not rows.size:
        return slice(0, 8), slice(0, 8)
    low = [max(0, math.floor((int(at[0]) - room) / 8) * 8) for at in (rows, columns)]
    high = [
        min(side, math.ceil((int(at[-1]) + room) / 8) * 8)
        for at, side in zip((rows, columns), height.shape, strict=True)
    ]
    return slice(low[0], high[0]), slice(low[1], high[1])


def _grown(mask: F32, canvas: Canvas) -> F32:
    return cast(F32, cv2.resize(mask, canvas.window.shape, interpolation=cv2.INTER_LINEAR))


def _halved(image: F32) -> F32:
    size = (image.shape[1] // DENSITY, image.shape[0] // DENSITY)
    return cast(F32, cv2.resize(image, size, interpolation=cv2.INTER_AREA))
