"""An ager applied to frames: crops go to it as a flat list, its answers come back to their frames and faces."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import reduce

import numpy as np

from vfxage.ager.contract import Ager, Answer
from vfxage.colour.curves import LUMA_709
from vfxage.errors import ModelError
from vfxage.types import F32, FaceCrop, FaceDelta, FrameCrops, FrameDeltas

_NO_COLOUR = 1e-3
"""Largest difference of R, G and B in a black-and-white crop: white balance and primaries round, grain does not."""

_Matte = Callable[[FaceCrop], F32 | None]


def age_frames(
    ager: Ager, *, whole_head: bool = False, hair: bool = False
) -> Callable[[Sequence[FrameCrops]], list[FrameDeltas]]:
    """Make the function that ages every face of some frames by one call of ``ager``.

    With ``whole_head``, the matte of a crop grows by what the answer reaches beyond it (``Answer.reach``). With
    ``hair``, each answer comes with the matte of the hair (``Ager.hair``).
    A crop whose regions want another target age or look is asked about once for each of these, and the answers are
    blended by the regions' weights. Where such a weight is 0 the step's bits are those of the plain answer. A crop of
    intensity 0 is not asked about: its step is 0. The step of a black-and-white crop has no colour either. The
    function raises what the ager raises, and ModelError for an answer that is not finite.
    """

    def answer(frames: Sequence[FrameCrops]) -> list[FrameDeltas]:
        asked = [variant for item in frames for crop in item.crops for variant in _variants(crop)]
        try:
            answers = iter(ager(asked) if asked else [])
        except ModelError as error:
            if error.frame is None and len(frames) == 1:
                frame = frames[0].frame.number
                raise ModelError(error.what, path=error.path, frame=frame, fix=error.fix) from error
            raise
        return [_with_steps(item, answers, whole_head, find_hair) for item in frames]

    find_hair = ager.hair if hair else _nowhere
    return answer


def _nowhere(crop: FaceCrop) -> F32 | None:
    return None


def _with_steps(item: FrameCrops, answers: Iterator[Answer], whole_head: bool, find_hair: _Matte) -> FrameDeltas:
    deltas = []
    for crop in item.crops:
        own = [next(answers) for _ in _variants(crop)]
        beyond = [one.reach for one in own if one.reach is not None] if whole_head else []
        grown = replace(crop, matte=reduce(np.maximum, beyond, crop.matte)) if beyond else crop
        deltas.append(FaceDelta(crop=grown, step=_blended(crop, own, item.frame.number), hair=find_hair(crop)))
    return FrameDeltas(frame=item.frame, deltas=tuple(deltas))


def _variants(crop: FaceCrop) -> list[FaceCrop]:
    """The crop as the face wants it, then as each of its regions does."""
    if crop.intensity == 0:
        return []
    plain = replace(crop, others=())
    return [plain, *(replace(plain, ages=(crop.ages[0], wish.target), look=wish.look) for wish, _ in crop.others)]


def _blended(crop: FaceCrop, answers: Sequence[Answer], frame: int) -> F32:
    """Blend the answers for the crop's variants into its step (S, S, 3)."""
    if not answers:
        return np.zeros_like(crop.rgb)
    own, *others = (_finite(answer.step, frame) for answer in answers)
    step = own
    if others:
        step = own.copy()
        for (_, weight), other in zip(crop.others, others, strict=True):
            step += weight[..., None] * (other - own)
    return _without_colour(step) if _is_grey(crop.rgb) else step


def _is_grey(rgb: F32) -> bool:
    """Whether a crop is black and white; of a coloured one, a few pixels tell."""
    parts = rgb[::16, ::16], rgb
    return all(bool((np.abs(one[..., k] - one[..., 1]) < _NO_COLOUR).all()) for one in parts for k in (0, 2))


def _without_colour(step: F32) -> F32:
    """The same change of brightness in R, G and B."""
    return np.repeat((step @ LUMA_709)[..., None], 3, axis=2)


def _finite(step: F32, frame: int) -> F32:
    if not np.isfinite(step).all():
        raise ModelError("the network answered NaN or Inf", frame=frame)
    return step
