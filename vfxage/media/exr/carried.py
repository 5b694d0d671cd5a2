"""The channels that a plate has beside its picture, for outputs that pass them through: depth, ids, Cryptomatte."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vfxage.media.exr import decode
from vfxage.media.exr.header import Channel, ExrFile, ExrLayout, Part
from vfxage.media.exr.layers import Picture

Plane = NDArray[Any]

CRYPTOMATTE = "cryptomatte/"
"""Beginning of the attributes that describe Cryptomatte's channels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """The channels of a file that an output can carry, by the part they are in."""

    parts: tuple[tuple[Part, Mapping[str, Channel]], ...] = ()
    """For each part, its channels by their names in an output."""
    left: tuple[str, ...] = ()
    """Channels and parts that cannot be carried, and why."""

    @property
    def channels(self) -> dict[str, Channel]:
        """All of them, by their names in an output."""
        return {name: channel for _, found in self.parts for name, channel in found.items()}


def find_carried(layout: ExrLayout, part: Part, picture: Picture) -> Carried:
    """Every channel beside the picture that has one sample for each pixel.

    A channel keeps its name. One of another part without a layer takes the name of the part for its layer, and so does
    one whose name is taken. Deep parts and subsampled channels cannot be carried.
    """
    found: list[tuple[Part, Mapping[str, Channel]]] = []
    left: list[str] = []
    taken = set(picture.names) if not picture.layer else set()
    for other in (part, *(one for one in layout.parts if one is not part)):
        own: dict[str, Channel] = {}
        for channel in () if other.deep else other.channels:
            if other is part and channel.name in picture.names:
                continue
            name = next((name for name in _names(channel, other, other is part) if name not in taken), None)
            if name is None or (channel.x_sampling, channel.y_sampling) != (1, 1):
                left.append(f"{channel.name} ({'its name is taken' if name is None else 'subsampled'})")
            else:
                own[name] = channel
                taken.add(name)
        left += [f"part {other.name or other.index} (deep)"] if other.deep else []
        found += [(other, own)] if own else []
    return Carried(parts=tuple(found), left=tuple(left))


def _names(channel: Channel, part: Part, is_picture: bool) -> Iterator[str]:
    if is_picture or "." in channel.name:
        yield channel.name
    if not is_picture:
        yield f"{part.name or f'part{part.index}'}.{channel.name}"


def read_carried(carried: Carried, layout: ExrLayout, part: Part, source: ExrFile) -> dict[str, Plane]:
    """The planes (H, W) over the data window of ``part``, bit for bit; 0 where another part has no pixel there."""
    planes: dict[str, Plane] = {}
    for other, found in carried.parts:
        stored = decode.planes(layout, other, tuple(found.values()), source)[1]
        planes |= {name: _placed(stored[channel.name], other, part) for name, channel in found.items()}
    return planes


def cryptomatte_attributes(carried: Carried, layout: ExrLayout, part: Part, source: ExrFile) -> dict[str, Any]:
    """Cryptomatte's attributes in the headers of the other parts whose channels are carried."""
    found: dict[str, Any] = {}
    for other, _ in carried.parts:
        if other is not part and any(name.startswith(CRYPTOMATTE) for name in other.fields):
            header = decode.attributes(layout, other, source)
            found |= {name: value for name, value in header.items() if name.startswith(CRYPTOMATTE)}
    return found


def _placed(plane: Plane, other: Part, part: Part) -> Plane:
    """A plane of another data window on that of ``part``."""
    if other.data == part.data:
        return np.ascontiguousarray(plane)
    whole = np.zeros(part.data.shape, plane.dtype)
    shared = other.data.intersect(part.data)
    if not shared.empty:
        whole[shared.slices(part.data)] = plane[shared.slices(other.data)]
    return whole
