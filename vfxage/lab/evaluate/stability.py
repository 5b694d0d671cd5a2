"""How much a step depends on small errors of the tracking and on grain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from vfxage.ager import Ager
from vfxage.types import F32, F64, FaceCrop

GRAIN = 0.02
"""Standard deviation of the grain added, sRGB, three independent channels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepStability:
    """Figures of one crop: root mean square of a difference over the matte, divided by that of the step."""

    shift: float
    """Between the step and that of the crop one pixel to the right and down, moved back."""
    grain: float
    """Between the step and that of the crop with grain."""
    grain_amplified: float
    """The same difference divided by the root mean square of the grain: above 1, the ager amplifies grain."""
    equal_ages: float
    """Largest absolute step, sRGB, if the target age is the source age; 0 is right."""


def measure_stability(ager: Ager, crops: Sequence[FaceCrop]) -> list[StepStability]:
    """Measure the stability of the step for each crop and its ages."""
    random = np.random.default_rng(0)
    return [_measure(ager, crop, random.standard_normal(crop.rgb.shape, np.float32)) for crop in crops]


def _measure(ager: Ager, crop: FaceCrop, noise: F32) -> StepStability:
    grainy = np.clip(crop.rgb + np.float32(GRAIN) * noise, 0.0, 1.0)
    moved = replace(
        crop,
        rgb=_moved(crop.rgb, 1),
        matte=_moved(crop.matte, 1),
        points=crop.points + np.float32(1),
        neck=None if crop.neck is None else crop.neck + np.float32(1),
    )
    resting = replace(crop, ages=(crop.ages[0], crop.ages[0]))
    answers = ager([crop, moved, replace(crop, rgb=grainy), resting])
    still, shifted, noisy, rest = (answer.step for answer in answers)
    own = _rms(still, crop.matte)
    return StepStability(
        shift=_share(_rms(_moved(shifted, -1) - still, crop.matte), own),
        grain=_share(_rms(noisy - still, crop.matte), own),
        grain_amplified=_share(_rms(noisy - still, crop.matte), _rms(grainy - crop.rgb, crop.matte)),
        equal_ages=float(np.abs(rest).max()),
    )


def _moved(image: F32, pixels: int) -> F32:
    """The picture moved right and down by whole pixels; the edge is repeated."""
    move: F64 = np.array([[1.0, 0.0, pixels], [0.0, 1.0, pixels]])
    size = (image.shape[1], image.shape[0])
    moved = cv2.warpAffine(image, move, size, flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
    return np.ascontiguousarray(moved, np.float32)


def _rms(image: F32, matte: F32) -> float:
    weight = matte.astype(np.float64)
    square = np.square(image.astype(np.float64)).mean(axis=2)
    return float(np.sqrt((square * weight).sum() / max(float(weight.sum()), 1e-9)))


def _share(part: float, whole: float) -> float:
    return part / whole if whole > 0 else 0.0 if part == 0 else float("inf")
