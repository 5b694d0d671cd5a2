"""An ager applied to frames: crops go to it as a flat list, its steps come back to their frames and faces."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from vfxage.ager.contract import Ager
from vfxage.errors import ModelError
from vfxage.types import F32, FaceCrop, FaceDelta, FrameCrops, FrameDeltas

_Matte = Callable[[FaceCrop], F32 | None]


def age_frames(
    ager: Ager, *, whole_head: bool = False, hair: bool = False
) -> Callable[[Sequence[FrameCrops]], list[FrameDeltas]]:
    """Make the function that ages every face of some frames by one call of ``ager``.

    With ``whole_head``, the matte of a crop grows by what the answer reaches beyond it (``Ager.reach``). With ``hair``,
    each answer comes with the matte of the hair (``Ager.hair``).
    A crop whose regions want another target age or look is asked about once for each of these, and the answers are
    blended by the regions' weights. Where such a weight is 0 the step's bits are those of the plain answer. A crop of
    intensity 0 is not asked about: its step is 0. The function raises what the ager raises, and ModelError for an
    answer that is not finite.
    """

    def answer(frames: Sequence[FrameCrops]) -> list[FrameDeltas]:
        asked = [variant for item in frames for crop in item.crops for variant in _variants(crop)]
        try:
            steps = iter(ager(asked) if asked else [])
        except ModelError as error:
            if error.frame is None and len(frames) == 1:
                frame = frames[0].frame.number
                raise ModelError(error.what, path=error.path, frame=frame, fix=error.fix) from error
            raise
        return [_with_steps(item, steps, reach, find_hair) for item in frames]

    reach = ager.reach if whole_head else _nowhere
    find_hair = ager.hair if hair else _nowhere
    return answer


def _nowhere(crop: FaceCrop) -> F32 | None:
    return None


def _with_steps(item: FrameCrops, steps: Iterator[F32], reach: _Matte, find_hair: _Matte) -> FrameDeltas:
    deltas = []
    for crop in item.crops:
        step = _blended(crop, steps, item.frame.number)
        beyond = reach(crop)
        grown = crop if beyond is None else replace(crop, matte=np.maximum(crop.matte, beyond))
        deltas.append(FaceDelta(crop=grown, step=step, hair=find_hair(crop)))
    return FrameDeltas(frame=item.frame, deltas=tuple(deltas))


def _variants(crop: FaceCrop) -> list[FaceCrop]:
    """The crop as the face wants it, then as each of its regions does."""
    if crop.intensity == 0:
        return []
    plain = replace(crop, others=())
    return [plain, *(replace(plain, ages=(crop.ages[0], wish.target), look=wish.look) for wish, _ in crop.others)]


def _blended(crop: FaceCrop, steps: Iterator[F32], frame: int) -> F32:
    """Take the answers for the crop's variants and blend them into its step (S, S, 3)."""
    if crop.intensity == 0:
        return np.zeros_like(crop.rgb)
    own = _finite(next(steps), frame)
    if not crop.others:
        return own
    step = own.copy()
    for _, weight in crop.others:
        step += weight[..., None] * (_finite(next(steps), frame) - own)
    return step


def _finite(step: F32, frame: int) -> F32:
    if not np.isfinite(step).all():
        raise ModelError("the network answered NaN or Inf", frame=frame)
    return step
