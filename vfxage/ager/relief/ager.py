"""The ager ``relief``: it measures a face once per shot, finds its mattes, and asks its older or its younger side."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from vfxage.ager.prototype.data import load_prototype, shipped
from vfxage.ager.relief.mattes import HairStudy, Mattes, learn_hair, mattes_of, reach_of_hair
from vfxage.ager.relief.older.side import OlderSide
from vfxage.ager.relief.person import PersonMatte
from vfxage.ager.relief.working import Working
from vfxage.ager.relief.younger.side import YoungerSide
from vfxage.types import F32, FaceCrop, Framing, Study

METHOD = 1
"""Raise it when the look changes, and remake the golden crops: it is part of the fingerprint."""


class ReliefAger:
    """The ager; see ``vfxage.ager.Ager`` for the contract."""

    name = "relief"
    framing = Framing(name="ffhq")
    sizes: tuple[int, ...] = (256, 512, 768, 1024)
    frames_per_call = 1
    workers_default = 2
    device = "cpu"
    study_method = f"relief {METHOD}"

    def __init__(self, *, device: str = "cpu") -> None:
        """Load the mean face."""
        self._prototype = load_prototype(shipped())
        self._older = OlderSide(self._prototype)
        self._younger = YoungerSide(self._prototype)
        self._person = PersonMatte()
        # Mattes of this thread's last call: ``reach`` need not find them again.
        self._recent = threading.local()
        made = f"relief {METHOD} {self._prototype.fingerprint}"
        self.fingerprint = hashlib.sha256(made.encode()).hexdigest()
        self.note = "relief: folds and lines as a height field in the plate's light, on the CPU, no network"
        if device.startswith("cuda"):
            self.note += f"; --device {device} is for networks"

    def study(self, samples: Sequence[FaceCrop]) -> Study:
        """Measure light, skin and hair of one face; see ``Ager.study``."""
        works = [self._working(crop) for crop in samples]
        hair = learn_hair([(crop, person) for crop, _, person in works])
        seen = [(work, mattes_of(crop, person, hair)) for crop, work, person in works]
        return {**hair.packed(), **self._older.study(seen), **self._younger.study(seen)}

    def __call__(self, crops: Sequence[FaceCrop]) -> list[F32]:
        """Answer one step per crop. Thread-safe; the same bits for any number of threads."""
        self._recent.found = []
        return [self._step(crop) for crop in crops]

    def reach(self, crop: FaceCrop) -> F32 | None:
        """The hair, which greys beyond the matte of the head; see ``Ager.reach``."""
        if crop.ages[0] == crop.ages[1] or crop.intensity == 0:
            return None
        recent = getattr(self._recent, "found", [])
        hair = next((mattes.hair for rgb, mattes in recent if rgb is crop.rgb), None)
        if hair is None:
            hair = self._seen(crop)[2].hair
        return reach_of_hair(hair, len(crop.rgb))

    def fingerprint_on(self, device: str) -> str:
        """The fingerprint on another device: the same, because this ager always runs on the CPU."""
        return self.fingerprint

    def _step(self, crop: FaceCrop) -> F32:
        source, target = crop.ages
        if source == target or crop.intensity == 0:
            return np.zeros_like(crop.rgb)
        crop, work, mattes = self._seen(crop)
        self._recent.found.append((crop.rgb, mattes))
        side = self._older if target > source else self._younger
        return side.step(crop, work, mattes)

    def _seen(self, crop: FaceCrop) -> tuple[FaceCrop, Working, Mattes]:
        """The crop with a study, at its working density, and its mattes."""
        crop = crop if crop.study else replace(crop, study=self.study([crop]))
        small, work, person = self._working(crop)
        return crop, work, mattes_of(small, person, HairStudy.unpacked(crop.study))

    def _working(self, crop: FaceCrop) -> tuple[FaceCrop, Working, F32]:
        """The crop at the working density, as a crop and as ``Working``, and the matte of the person on it."""
        work = Working.of(crop, self._prototype)
        matte = np.zeros(work.rgb.shape[:2], np.float32)
        small = replace(
            crop, rgb=work.rgb, points=work.points, neck=work.neck, matte=matte, gain=None, other_ages=(), study={}
        )
        return small, work, self._person(work.rgb)


__all__ = ["METHOD", "Mattes", "ReliefAger"]
