"""Composite the ager's steps into the plate: ``beauty = plate + delta``, and nothing else changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from vfxage.comp.stencils import ArtistMattes, Stencil
from vfxage.face.crop import encoded_square
from vfxage.geometry import extent, grown, invert, region_box, warp_support, warp_to_frame
from vfxage.types import F32, CropPicture, FaceCrop, FaceDelta, FaceLayer, FacePlace, Frame, FrameDeltas, Render, Window

if TYPE_CHECKING:
    from vfxage.colour.space import Colour

HALF_MAX = 65504.0
"""The largest finite half: a beauty beyond it would be written as infinity."""
_FAINTEST = 1e-4
"""Matte values below this become 0, so that a half-float matte is never 0 where there is a delta."""
_ROUNDING = 1.0 + 1e-6
"""Makes up for the resampling's rounding, so that the matte's core is exactly 1."""
_BRIGHTEST = 100.0
"""Encoded value at which highlights of a crop's picture stop: linear, it is below the largest half."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedPasses:
    """Passes that the outputs of a shot want beside beauty, delta and matte."""

    layers: bool = False
    """Whether each face's own delta and matte are wanted."""
    raw: bool = False
    """Deltas before their mattes."""
    crops: Mapping[str, int] = field(default_factory=dict)
    """Faces whose crops are wanted as pictures, by name, and the sides of these, pixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Share:
    """One face on the plate, inside the bounding box of its matte."""

    name: str
    window: Window
    matte: F32
    step: F32
    """(h, w, 3) encoded; intensity, regions and painted map included."""
    exposure: float
    """Stops by which the plate's light is raised for the step."""


def composite(
    item: FrameDeltas, colour: Colour, passes: WantedPasses = WantedPasses(), mattes: ArtistMattes | None = None
) -> Render:
    """Add every face's step to the plate.

    ``delta = matte * (decode(encode(plate) + intensity * step) - decode(encode(plate)))``, summed over the faces.
    Where the mattes of faces add up to more than 1, they are divided by their sum. ``beauty = plate + delta`` in
    float32. Where the matte or the delta is 0, and where the plate is not finite, the beauty is the plate bit for bit.
    The delta is limited so that the beauty does not exceed the largest half. A face's own rotos multiply its matte
    before faces are added up, rotos of the shot afterwards. With ``passes.layers`` the render also holds the share of
    each face. Shares added in order, from zero, give the delta bit for bit, and the matte to rounding. Raises
    ValueError for ``mattes`` of another frame.
    """
    frame, painted = item.frame, _mattes_of(item.frame, mattes)
    beauty, delta = frame.rgb.copy(), np.zeros(frame.rgb.shape, dtype=np.float32)  # zeros cost nothing until touched
    matte = np.zeros(frame.window.shape, dtype=np.float32)
    unmatted = np.zeros(frame.rgb.shape, dtype=np.float32) if passes.raw else None
    kept = []
    shares = [_stencilled(share, painted.whole) for share in _normalised(_shares(item.deltas, frame.window, painted))]
    for share in shares:
        box = share.window.slices(frame.window)
        raw = _raw(share, frame.rgb[box], colour.exposed(share.exposure))
        own = _delta(share.matte, raw if unmatted is None else raw.copy(), frame.rgb[box], delta[box])
        delta[box] += own
        matte[box] = np.minimum(matte[box] + share.matte, 1.0)
        if unmatted is not None:
            raw = _before(own, share.matte, raw, frame.rgb[box])
            np.copyto(unmatted[box], raw, where=unmatted[box] == 0)
        if passes.layers:
            raw_layer = None if unmatted is None else raw
            kept.append(FaceLayer(name=share.name, window=share.window, delta=own, matte=share.matte, raw=raw_layer))
    for share in shares:  # only now: a later face may take back what an earlier one added
        box = share.window.slices(frame.window)
        np.add(frame.rgb[box], delta[box], out=beauty[box], where=delta[box] != 0)
        if unmatted is not None and len(shares) > 1:
            unmatted[box] = _before(delta[box], matte[box], unmatted[box], frame.rgb[box])
    faces = tuple(_place(face, frame, colour, passes, painted) for face in item.deltas)
    return Render(frame=frame, beauty=beauty, delta=delta, matte=matte, layers=tuple(kept), raw=unmatted, faces=faces)


def _mattes_of(frame: Frame, mattes: ArtistMattes | None) -> ArtistMattes:
    if mattes is None:
        return ArtistMattes(number=frame.number)
    if mattes.number != frame.number:
        raise ValueError(f"the artists' mattes are of frame {mattes.number}, the plate is frame {frame.number}")
    return mattes


def _shares(deltas: Sequence[FaceDelta], window: Window, painted: ArtistMattes) -> list[_Share]:
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
        step = warp_to_frame(_measured(item, painted, part), to_frame, box)
        step *= np.float32(crop.intensity)
        share = _Share(name=crop.name, window=box, matte=matte, step=step, exposure=crop.exposure)
        shares.append(_stencilled(share, painted.faces.get(crop.face, ())))
    return shares


def _measured(item: FaceDelta, painted: ArtistMattes, part: tuple[slice, slice]) -> F32:
    """The step of a part of the crop, by as much as its regions and its painted map let through."""
    step = item.step[part]
    for gain in (item.crop.gain, painted.maps.get(item.crop.face)):
        if gain is not None:
            step = step * gain[part][..., None]
    return step


def _stencilled(share: _Share, stencils: Sequence[Stencil]) -> _Share:
    """The share with its matte multiplied by rotos and hold-outs."""
    if not stencils:
        return share
    matte = share.matte.copy()
    for stencil in stencils:
        matte *= stencil.over(share.window)
    matte[matte < _FAINTEST] = 0.0
    return replace(share, matte=matte)


def _covered(matte: F32, margin: int) -> Window:
    """The smallest rectangle of crop pixels that holds the matte, and ``margin`` around it."""
    found = extent(matte)
    return found if found.empty else grown(found, margin).intersect(Window(0, 0, *matte.shape[::-1]))


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


def _raw(share: _Share, plate: F32, colour: Colour) -> F32:
    """This face's linear delta (h, w, 3) on its box, before its matte.

    The whole box is worked on: gathering the pixels under the matte costs more than it saves.
    """
    encoded = colour.encode(plate)
    raw: F32 = colour.decode(encoded + share.step) - colour.decode(encoded)
    return raw


def _delta(matte: F32, own: F32, plate: F32, before: F32) -> F32:
    """This face's delta, in the place of what it is before its matte; ``before`` is what other faces added already."""
    finite = np.isfinite(plate)
    matte = np.where(finite[..., 0] & finite[..., 1] & finite[..., 2], matte, np.float32(0.0))
    own *= cv2.merge([matte, matte, matte])
    own += np.float32(0.0)  # no negative zeros
    with np.errstate(invalid="ignore"):
        beauty = plate + (before + own)
        past = (np.abs(beauty) > HALF_MAX) & (np.abs(plate) <= HALF_MAX) & (own != 0)
    if past.any():
        own[past] = np.clip(beauty[past], -HALF_MAX, HALF_MAX) - plate[past] - before[past]
    return own


def _before(delta: F32, matte: F32, raw: F32, plate: F32) -> F32:
    """The unpremultiplied delta: delta / matte where the matte is positive, else ``raw``; 0 for a non-finite plate."""
    found = np.where(np.isfinite(plate).all(axis=2, keepdims=True), raw, np.float32(0.0))
    matted = matte > 0
    found[matted] = delta[matted] / matte[matted][:, None]
    return found


def _place(item: FaceDelta, frame: Frame, colour: Colour, passes: WantedPasses, painted: ArtistMattes) -> FacePlace:
    crop, size = item.crop, item.crop.rgb.shape[0]
    picture = None
    if crop.name in passes.crops:
        step = _measured(item, painted, (slice(None), slice(None))) * np.float32(crop.intensity)
        picture = _picture(crop, step, frame, colour.exposed(crop.exposure), passes.crops[crop.name])
    return FacePlace(name=crop.name, to_frame=crop.to_frame, size=size, picture=picture)


def _picture(crop: FaceCrop, step: F32, frame: Frame, colour: Colour, size: int) -> CropPicture:
    """The crop with highlights and wide colours, which the network does not see, and its delta, ``size`` pixels wide.

    That is the crop's own size but where a face has another in another take.
    """
    matte, to_frame = crop.matte, crop.to_frame
    if size != step.shape[0]:
        matte, step = (np.asarray(cv2.resize(image, (size, size)), np.float32) for image in (matte, step))
        to_frame = np.column_stack([to_frame[:, :2] * (crop.rgb.shape[0] / size), to_frame[:, 2]])
    encoded = encoded_square(frame, to_frame, size, colour, (-_BRIGHTEST, _BRIGHTEST))
    plate = colour.decode(encoded)
    delta = (colour.decode(encoded + step) - plate) * matte[..., None]
    return CropPicture(plate=plate, delta=delta, matte=matte)
