"""Portraits cut for an ager, and the aged results."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np

from vfxage.ager import Ager
from vfxage.arrays import ArrayData, shaped
from vfxage.errors import ShotError
from vfxage.face.detect import FaceFinder
from vfxage.lab.portraits import Portrait, crop_portrait
from vfxage.pool import ordered_map
from vfxage.types import F32, FaceCrop, Framing

SIDE = 512
"""Crop size at which agers are compared, if they can take it."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Subject:
    """A portrait that is aged."""

    portrait: Portrait
    photos: str
    """The photo set it belongs to."""

    @property
    def key(self) -> str:
        """Names the picture in rows and on sheets."""
        return f"{self.photos}/{self.portrait.path.stem}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Aged(ArrayData):
    """One face aged by one ager to one age."""

    crop: FaceCrop
    """The unaged crop, with its ages (own, target)."""
    step: F32 = field(metadata=shaped("S", "S", 3))
    """(S, S, 3) the ager's step, before the matte."""

    @property
    def asked(self) -> float:
        """Years, signed."""
        return self.crop.ages[1] - self.crop.ages[0]

    def result(self) -> F32:
        """(S, S, 3) what a render with its usual matte shows, sRGB 0..1."""
        return np.clip(self.crop.rgb + self.crop.matte[..., None] * self.step, 0.0, 1.0)


def crop_size(ager: Ager) -> int:
    """512, or the size the ager takes that is nearest."""
    return min(ager.sizes, key=lambda size: abs(size - SIDE))


def cut_subject(subject: Subject, framing: Framing, size: int) -> FaceCrop:
    """The subject's crop, with its own age as both ages."""
    return crop_portrait(subject.portrait, framing, size)


def targets_of(age: float, steps: Sequence[int], youngest: float, oldest: float) -> list[float]:
    """``age`` plus each of ``steps``, without ages outside the limits."""
    return [age + step for step in steps if youngest <= age + step <= oldest]


@contextmanager
def aged_faces(
    ager: Ager, work: Sequence[tuple[Subject, Sequence[float]]], workers: int
) -> Iterator[Iterator[tuple[Subject, list[Aged]]]]:
    """Age every subject to each of its target ages, in order, ``workers`` at once."""
    size = crop_size(ager)

    def age(item: tuple[Subject, Sequence[float]]) -> tuple[Subject, list[Aged]]:
        subject, targets = item
        crop = cut_subject(subject, ager.framing, size)
        crop = replace(crop, study=ager.study([crop]))
        wanted = [replace(crop, ages=(crop.ages[0], float(target))) for target in targets]
        return subject, [Aged(crop=one, step=answer.step) for one, answer in zip(wanted, ager(wanted), strict=True)]

    with ordered_map(age, work, workers=workers) as done:
        yield done


def find_again(finder: FaceFinder, rgb: F32, points: F32) -> F32:
    """Find the mesh (478, 2) of an aged picture (S, S, 3); gives ``points`` if no face is found in it.

    An aged face is measured with its own mesh, like any other face.
    """
    seen = finder.follow((rgb * 255 + 0.5).astype(np.uint8), points)
    return points if seen is None else np.asarray(seen.points, np.float32)


def spread(subjects: Sequence[Subject], count: int | None) -> list[Subject]:
    """``count`` people spread evenly over the ages of each set (all people if None), one portrait for each."""
    if count is None:
        return list(subjects)
    if count < 1:
        raise ShotError(f"--people is {count}", fix="ask for one at least")
    first: dict[tuple[str, str], Subject] = {}
    for subject in subjects:
        first.setdefault((subject.photos, subject.portrait.person), subject)
    ordered = sorted(first.values(), key=lambda item: (item.portrait.age, item.key))
    picks = np.unique(np.linspace(0, len(ordered) - 1, min(count, len(ordered))).round().astype(int))
    return [ordered[k] for k in picks]
