"""Stability in time of a change of age, measured on the stabilised crops of a plate and of what was made of it.

Definitions: warping error, Lai et al. 2018 (Learning Blind Video Temporal Consistency); tOF, Chu et al. 2020 (TecoGAN);
wrinkle consistency by region, in the sense of Muqeet et al. 2023 (Video Face Re-Aging); slip, see ``slip``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from vfxage.arrays import ArrayData, shaped
from vfxage.face.regions import region_masks
from vfxage.lab.evaluate.flat import MeanFace
from vfxage.lab.evaluate.regions import Mask, find_face_parts
from vfxage.lab.evaluate.slip import LayerFrame, corner_slips, layer_codes
from vfxage.lab.flow import dense_flow, luma_codes, moved_onto, visible
from vfxage.types import F32, F64, U8, FaceCrop

APART = 10
"""Frames over which slip and wrinkles are compared: about what an eye follows without a jump."""
REGIONS = ("forehead", "eyes", "cheeks", "mouth", "jaw")
_FINE = 6.0
"""Width (sigma), in pixels of the flat face, of what counts as a wrinkle; broader change is shading."""
_FAINT = 0.3 / 255
"""Least deviation of a region's fine change. Below it, there are no wrinkles to compare."""
_EVERY = 3
"""Corners are looked for on every third frame: neighbours show the same skin."""
_FARNEBACK = (0.5, 3, 15, 3, 5, 1.2, 0)
"""Settings of the flow (Farneback 2003) that the authors of tOF use."""
_FEWEST = 20
"""Corners below which a slip is not given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slip:
    """Slip over a number of frames, plate pixels."""

    frames: int
    corners: int
    median: float
    most: float
    """95th percentile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TemporalFigures:
    """Figures of one face over some frames. None is what cannot be measured."""

    frames: int
    spans: int
    """Frames that have another one ``APART`` frames before, in the same take."""
    strength: float
    """Root mean square of the delta under the matte, codes of 255."""
    warping: float | None
    """Warping error of the delta over that of the plate, both along the plate's flow."""
    delta_warping: float | None
    """The delta's own warping error: mean square, sRGB."""
    plate_warping: float | None
    tof: float | None
    """Mean length of the difference between the flows of plate and beauty, plate pixels a frame."""
    step: Slip | None
    """Slip from a frame to the next."""
    slip: Slip | None
    """Slip over ``APART`` frames."""
    neck: Slip | None
    """The same below the jaw."""
    wrinkles: dict[str, float | None]
    """Correlation of the fine change in mesh space over ``APART`` frames, by region."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class _Seen(ArrayData):
    """What later frames need of one frame."""

    number: int
    pair: LayerFrame
    fine: F32 = field(metadata=shaped(None, None))
    """(256, 256) fine change on the flat face."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class _Pictures(ArrayData):
    """The crops of the last frame, for the comparison with the next one."""

    plate: F32 = field(metadata=shaped("S", "S", 3))
    beauty: F32 = field(metadata=shaped("S", "S", 3))
    matte: F32 = field(metadata=shaped("S", "S"))


class TemporalMeasure:
    """Collects the figures of one face; frames come in order, one by one, so memory does not grow with the shot."""

    def __init__(self, mean: MeanFace) -> None:
        """Start with nothing seen; ``mean`` is the mesh that wrinkles are compared on."""
        self._mean = mean
        self._past: deque[_Seen] = deque(maxlen=APART)
        self._last: _Pictures | None = None
        self._regions: dict[str, Mask] | None = None
        self._frames = self._spans = 0
        self._power: list[float] = []
        self._errors: list[tuple[float, float, float]] = []
        """Of each pair of frames: delta, plate, tOF."""
        self._slips: dict[str, list[F64]] = {"step": [], "slip": [], "neck": []}
        self._wrinkles: dict[str, list[float]] = {name: [] for name in REGIONS}

    def add(self, number: int, crop: FaceCrop, beauty: F32, *, cut: bool) -> None:
        """Add a frame: the plate's crop, and the crop of the result (S, S, 3), sRGB 0..1; ``cut`` begins a take."""
        if cut or (self._past and self._past[-1].number != number - 1):
            self._past.clear()
        seen, pictures = self._look(number, crop, beauty), _Pictures(plate=crop.rgb, beauty=beauty, matte=crop.matte)
        self._frames += 1
        weight = float(crop.matte.sum(dtype=np.float64))
        power = np.einsum("yxc,yx->", np.square(beauty - crop.rgb, dtype=np.float64), crop.matte)
        self._power.append(float(power) / max(3 * weight, 1e-12))
        if self._past and self._last:
            self._compare_neighbours(self._past[-1].pair, self._last, seen.pair, pictures)
        if self._regions is None:
            self._regions = self._flat_regions(crop)
        if len(self._past) == APART:
            self._spans += 1
            self._compare_wrinkles(self._past[0], seen)
        if number % _EVERY == 0:
            self._compare_corners(crop, seen)
        self._past.append(seen)
        self._last = pictures

    def _look(self, number: int, crop: FaceCrop, beauty: F32) -> _Seen:
        scale = float(np.sqrt(abs(np.linalg.det(crop.to_frame[:, :2]))))
        pair = LayerFrame(plate=luma_codes(crop.rgb), layer=layer_codes(crop.rgb, beauty), scale=scale)
        flat = self._mean.flatten(beauty - crop.rgb, crop.points).mean(axis=2)
        inside = self._mean.inside.astype(np.float32)
        broad = cv2.GaussianBlur(flat, (0, 0), _FINE) / (cv2.GaussianBlur(inside, (0, 0), _FINE) + np.float32(1e-3))
        return _Seen(
            number=number,
            pair=pair,
            fine=np.asarray((flat - broad) * inside, np.float32),
        )

    def _flat_regions(self, crop: FaceCrop) -> dict[str, Mask]:
        """The regions of the face on the mean mesh."""
        masks = region_masks(crop.points, crop.rgb.shape[0])
        flat = {name: self._mean.flatten(np.dstack([masks[name]] * 3), crop.points)[..., 0] for name in REGIONS}
        return {name: np.asarray(mask > 0.5, np.bool_) & self._mean.inside for name, mask in flat.items()}

    def _compare_neighbours(self, pair: LayerFrame, here: _Pictures, next_pair: LayerFrame, after: _Pictures) -> None:
        flow = dense_flow(pair.plate, next_pair.plate)
        weight = here.matte * visible(flow, dense_flow(next_pair.plate, pair.plate))
        if weight.sum() <= 0:
            return
        delta, following = here.beauty - here.plate, after.beauty - after.plate
        own = _warping_error(delta, following, flow, weight)
        plate = _warping_error(here.plate, after.plate, flow, weight)
        moves = _farneback(pair.plate, next_pair.plate)
        made = _farneback(luma_codes(here.beauty), luma_codes(after.beauty))
        apart = np.sqrt(np.square(moves - made).sum(axis=2))
        self._errors.append((own, plate, float((apart * here.matte).sum() / here.matte.sum()) * pair.scale))

    def _compare_wrinkles(self, before: _Seen, seen: _Seen) -> None:
        for name, mask in (self._regions or {}).items():
            one, other = (image.fine[mask].astype(np.float64) for image in (before, seen))
            if len(one) and min(one.std(), other.std()) >= _FAINT:
                self._wrinkles[name].append(float(np.corrcoef(one, other)[0, 1]))

    def _compare_corners(self, crop: FaceCrop, seen: _Seen) -> None:
        """Slip of corners of this frame, tracked back to the last frame and to the first that is kept."""
        if not self._past:
            return
        parts = find_face_parts(crop)
        covered = crop.matte > 0.2
        skin, neck = parts.skin & covered, parts.neck & covered
        self._slips["step"].append(corner_slips(seen.pair, self._past[-1].pair, skin | neck))
        if len(self._past) == APART:
            self._slips["slip"].append(corner_slips(seen.pair, self._past[0].pair, skin))
            self._slips["neck"].append(corner_slips(seen.pair, self._past[0].pair, neck))

    def figures(self) -> TemporalFigures:
        """The figures of all frames so far."""
        delta, plate, tof = (list(column) for column in zip(*self._errors, strict=True)) if self._errors else ([],) * 3
        own, base = _mean(delta), _mean(plate)
        return TemporalFigures(
            frames=self._frames,
            spans=self._spans,
            strength=255 * float(np.sqrt(np.mean(self._power))) if self._power else 0.0,
            warping=own / base if own is not None and base else None,
            delta_warping=own,
            plate_warping=base,
            tof=_mean(tof),
            step=_slip(self._slips["step"], 1),
            slip=_slip(self._slips["slip"], APART),
            neck=_slip(self._slips["neck"], APART),
            wrinkles={name: _mean(values) for name, values in self._wrinkles.items()},
        )


def _warping_error(here: F32, following: F32, flow: F32, weight: F32) -> float:
    """Lai et al.'s: mean square of the change that the flow leaves, over the pixels that are visible on both frames."""
    change = np.square(moved_onto(following, flow) - here, dtype=np.float64)
    return float(np.einsum("yxc,yx->", change, weight) / (3 * weight.sum(dtype=np.float64)))


def _farneback(here: U8, following: U8) -> F32:
    scale, levels, window, turns, poly, sigma, flags = _FARNEBACK
    flow = cv2.calcOpticalFlowFarneback(here, following, None, scale, levels, window, turns, int(poly), sigma, flags)  # type: ignore[call-overload]
    return np.asarray(flow, np.float32)


def _slip(found: Sequence[F64], frames: int) -> Slip | None:
    every = np.concatenate(found) if found else np.zeros(0)
    if len(every) < _FEWEST:
        return None
    return Slip(
        frames=frames,
        corners=len(every),
        median=float(np.median(every)),
        most=float(np.percentile(every, 95)),
    )


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if len(values) else None
