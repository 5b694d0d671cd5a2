"""Steps from a reconstruction: the answer at the target age minus the answer at the source age.

What a network gets wrong about a face is in both answers and cancels, so expression and background stay.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from vfxage.ager.contract import Ager, Answer
from vfxage.types import F32, FaceCrop, Study


class FromReconstruction:
    """An ager whose steps start at its own answer for the source age; see ``vfxage.ager.Ager`` for the contract."""

    def __init__(self, plain: Ager, at_rest: Ager | None = None) -> None:
        """``at_rest`` answers for the source age, if it is not ``plain`` itself: the same network without a style."""
        self.plain, self._at_rest = plain, at_rest or plain
        self.name, self.device = plain.name, plain.device
        self.framing, self.sizes = plain.framing, plain.sizes
        self.frames_per_call, self.workers_default = plain.frames_per_call, plain.workers_default
        self.study_method = plain.study_method
        self.note = f"{plain.note}; delta from its reconstruction"
        self.fingerprint = self.fingerprint_on(plain.device)

    def study(
        self, samples: Sequence[FaceCrop], references: Sequence[FaceCrop] = (), donors: Sequence[FaceCrop] = ()
    ) -> Study:
        """See ``Ager.study``."""
        return self.plain.study(samples, references, donors)

    def fingerprint_on(self, device: str) -> str:
        """See ``Ager.fingerprint_on``."""
        return hashlib.sha256(f"{self.plain.fingerprint_on(device)} from reconstruction".encode()).hexdigest()

    def hair(self, crop: FaceCrop) -> F32 | None:
        """See ``Ager.hair``."""
        return self.plain.hair(crop)

    def __call__(self, crops: Sequence[FaceCrop]) -> list[Answer]:
        """Give one answer per crop; without a style its step is exactly 0 at equal ages.

        A crop's source age is asked for once.
        """
        moved = [crop for crop in crops if self._moves(crop)]
        rests = {_key(crop): replace(crop, ages=(crop.ages[0], crop.ages[0])) for crop in moved}
        if not moved:
            answers: list[Answer] = []
        elif self._at_rest is self.plain:
            answers = self.plain([*moved, *rests.values()])
        else:
            answers = [*self.plain(moved), *self._at_rest([*rests.values()])]
        at_rest = dict(zip(rests, answers[len(moved) :], strict=True))
        found = iter(answers[: len(moved)])
        return [
            _since(at_rest[_key(crop)], next(found)) if self._moves(crop) else Answer(step=np.zeros_like(crop.rgb))
            for crop in crops
        ]

    def _moves(self, crop: FaceCrop) -> bool:
        """Whether the two answers for a crop can differ."""
        return crop.ages[0] != crop.ages[1] or self._at_rest is not self.plain


def _since(rest: Answer, answer: Answer) -> Answer:
    """The answer with a step that starts at the one at rest."""
    return replace(answer, step=answer.step - rest.step)


def _key(crop: FaceCrop) -> tuple[int, int, float]:
    """The same for crops that differ in their target age only: they share their arrays."""
    return id(crop.rgb), id(crop.points), crop.ages[0]
