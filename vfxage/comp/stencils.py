"""What artists and hands do to a matte on one frame: stencils, which multiply it, and painted maps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from vfxage.arrays import ArrayData, check_arrays, shaped
from vfxage.types import F32, Window


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Stencil(ArrayData):
    """The factor that a roto or a hold-out applies to a matte on one frame."""

    window: Window
    """The area that ``values`` cover, display-window pixels."""
    values: F32 = field(metadata=shaped("H", "W"))
    """(h, w) 0..1."""
    outside: float
    """The same beyond the window: 0 for a roto, 1 for a hold-out."""

    def __post_init__(self) -> None:
        check_arrays(self, H=self.window.height, W=self.window.width)

    def over(self, box: Window) -> F32:
        """The values (h, w) of the pixels of ``box``."""
        seen = self.window.intersect(box)
        if seen == box:
            return self.values[box.slices(self.window)]
        values = np.full(box.shape, self.outside, np.float32)
        if not seen.empty:
            values[seen.slices(box)] = self.values[seen.slices(self.window)]
        return values


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ArtistMattes(ArrayData):
    """Rotos, hold-outs and painted maps of one frame."""

    number: int
    """The plate's frame number that they belong to."""
    whole: tuple[Stencil, ...] = ()
    """For the matte of all faces."""
    faces: Mapping[int, tuple[Stencil, ...]] = field(default_factory=dict)
    """For single faces' mattes, by track."""
    maps: Mapping[int, F32] = field(default_factory=dict, metadata=shaped(None, None))
    """(S, S) by track: multiplies the step of its crop."""

    def __post_init__(self) -> None:
        check_arrays(self)
        for size in {painted.shape for painted in self.maps.values()}:
            if size[0] != size[1]:
                raise ValueError(f"maps must be square, got {size}")
