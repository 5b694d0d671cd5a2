"""What the ager answered, put back into the plate: ``beauty = plate + delta``, and nothing else touched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from vfxage.geometry import invert, region_box, warp_support, warp_to_frame
from vfxage.types import F32, FaceDelta, FaceLayer, FrameDeltas, Render, Window

if TYPE_CHECKING:
    from vfxage.colour import Colour

HALF_MAX = 65504.0
"""The largest finite half: a beauty beyond it would be written as infinity."""
_FAINTEST = 1e-4
"""Less matte than this is none: a half-float matte must not read 0 where there is a delta."""
_ROUNDING = 1.0 + 1e-6
"""Makes up for the resampling's rounding, so that the matte's core is exactly 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Share:
    """One face on the plate, on the box its matte touches."""

    name: str
    window: Window
    matte: F32
    step: F32
    """(h, w, 3) encoded, intensity included."""


def composite(item: FrameDeltas, colour: Colour, layers: bool) -> Render:
    """Add every face's step to the plate.

    ``delta = matte * (decode(encode(plate) + intensity * step) - decode(encode(plate)))``, summed over the faces, whose
    mattes are divided by their sum where it passes 1; ``beauty = plate + delta`` in float32. Where the matte or the
    delta is 0, and where the plate is not finite, the beauty is the plate bit for bit. The delta stops where the beauty
    would pass the largest half. With ``layers`` the render carries each face's share; shares added in their order, from
    zero, give the delta bit for bit, and the matte to rounding.
    """
    frame = item.frame
    beauty, delta = frame.rgb.copy(), np.zeros(frame.rgb.shape, dtype=np.float32)  # zeros cost nothing until touched
    matte = np.zeros(frame.window.shape, dtype=np.float32)
    kept = []
    shares = _normalised(_shares(item.deltas, frame.window))
    for share in shares:
        box = share.window.slices(frame.window)
        own = _delta(share, frame.rgb[box], delta[box], colour)
        delta[box] += own
        matte[box] = np.minimum(matte[box] + share.matte, 1.0)
        if layers:
            kept.append(FaceLayer(name=share.name, window=share.window, delta=own, matte=share.matte))
    for share in shares:  # only now: a later face may take back what an earlier one added
        box = share.window.slices(frame.window)
        np.add(frame.rgb[box], delta[box], out=beauty[box], where=delta[box] != 0)
    return Render(frame=frame, beauty=beauty, delta=delta, matte=matte, layers=tuple(kept))


def _shares(deltas: Sequence[FaceDelta], window: Window) -> list[_Share]:
    """Bring every face to the plate, on its own box; faces whose matte misses the data window are left out."""
    shares = []
    for item in deltas:
        crop = item.crop
        region = _covered(crop.matte, warp_support(invert(crop.to_frame)))
        box = region_box(crop.to_frame, region, window)
        if box.empty:
            continue
        part = region.slices(Window(0, 0, *crop.matte.shape[::-1]))
        to_frame = crop.to_frame.copy()
        to_frame[:, 2] += to_frame[:, :2] @ [region.x, region.y]
        matte = warp_to_frame(crop.matte[part], to_frame, box)
        matte *= np.float32(_ROUNDING)
        np.clip(matte, 0.0, 1.0, out=matte)
        matte[matte < _FAINTEST] = 0.0
        step = warp_to_frame(item.step[part], to_frame, box)
        step *= np.float32(crop.intensity)
        shares.append(_Share(name=crop.name, window=box, matte=matte, step=step))
    return shares


def _covered(matte: F32, margin: int) -> Window:
    """The smallest rectangle of crop pixels that holds the matte, and ``margin`` around it."""
    size = matte.shape[0]
    rows, columns = np.flatnonzero(matte.any(axis=1)), np.flatnonzero(matte.any(axis=0))
    if not rows.size:
        return Window(0, 0, 0, 0)
    x, y = int(columns[0]) - margin, int(rows[0]) - margin
    right, bottom = int(columns[-1]) + 1 + margin, int(rows[-1]) + 1 + margin
    return Window(x, y, right - x, bottom - y).intersect(Window(0, 0, size, size))


def _normalised(shares: list[_Share]) -> list[_Share]:
    """Divide the mattes by their sum where faces overlap and it passes 1."""
    if len(shares) < 2:
        return shares
    left, top = min(s.window.x for s in shares), min(s.window.y for s in shares)
    right = max(s.window.x + s.window.width for s in shares)
    bottom = max(s.window.y + s.window.height for s in shares)
    around = Window(left, top, right - left, bottom - top)
    total = np.zeros(around.shape, dtype=np.float32)
    for share in shares:
        total[share.window.slices(around)] += share.matte
    np.maximum(total, 1.0, out=total)
    return [replace(share, matte=share.matte / total[share.window.slices(around)]) for share in shares]


def _delta(share: _Share, plate: F32, before: F32, colour: Colour) -> F32:
    """This face's linear delta (h, w, 3) on its box; ``before`` is what other faces added already.

    The whole box is worked on: gathering the pixels under the matte costs more than it saves.
    """
    finite = np.isfinite(plate)
    matte = np.where(finite[..., 0] & finite[..., 1] & finite[..., 2], share.matte, np.float32(0.0))
    encoded = colour.encode(plate)
    own = colour.decode(encoded + share.step) - colour.decode(encoded)
    own *= cv2.merge([matte, matte, matte])
    own += np.float32(0.0)  # no negative zeros
    with np.errstate(invalid="ignore"):
        beauty = plate + (before + own)
        past = (np.abs(beauty) > HALF_MAX) & (np.abs(plate) <= HALF_MAX) & (own != 0)
    if past.any():
        own[past] = np.clip(beauty[past], -HALF_MAX, HALF_MAX) - plate[past] - before[past]
    return own
