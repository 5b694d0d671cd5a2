"""The ager ``relief``: it measures a face once per shot, finds its mattes, and asks its older or its younger side."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from vfxage.ager.contract import Answer
from vfxage.ager.relief.donor import DONOR, donor_skin, mixed_skin
from vfxage.ager.relief.hair_network import HairNetwork
from vfxage.ager.relief.mattes import Mattes, beardedness, hair_of_crop, mattes_of, reach_of
from vfxage.ager.relief.mean_face import load_mean_face
from vfxage.ager.relief.neck import Beyond, beyond_areas, beyond_face
from vfxage.ager.relief.older.side import OlderSide
from vfxage.ager.relief.person import PersonMatte
from vfxage.ager.relief.references import REFERENCES, TRIED, Marks, amounts, marks_of, referred
from vfxage.ager.relief.skin_view import grow
from vfxage.ager.relief.working import Working
from vfxage.ager.relief.younger.side import YoungerSide
from vfxage.errors import ReadError
from vfxage.face.look import Look
from vfxage.types import F32, FaceCrop, Framing, Study

METHOD = 14
"""Raise it when the look changes, and remake the golden crops: it is part of the fingerprint."""
_Seen = tuple[Study, Working, Mattes]
_BEARDED = "bearded"
"""Name of the number in the study that says, 0..1, whether the face has a beard."""
_COMPARED = 3
"""Crops of the plate that are compared with photographs of the same person, at most."""


class ReliefAger:
    """The ager; see ``vfxage.ager.Ager`` for the contract."""

    name = "relief"
    framing = Framing(name="bust")
    sizes: tuple[int, ...] = (256, 512, 768, 1024)
    frames_per_call = 1
    workers_default = 2
    device = "cpu"
    study_method = f"relief {METHOD}"

    def __init__(self, *, device: str = "cpu") -> None:
        """Load the mean face."""
        self._mean_face = load_mean_face()
        self._areas = beyond_areas(self._mean_face.mean)
        self._older = OlderSide(self._mean_face, self._areas)
        self._younger = YoungerSide(self._mean_face)
        self._person, self._hair = PersonMatte(), HairNetwork()
        made = f"relief {METHOD} {self._mean_face.fingerprint} {self._hair.fingerprint}"
        self.fingerprint = hashlib.sha256(made.encode()).hexdigest()
        self.note = "relief: folds and lines as a height field in the plate's light, on the CPU"
        if device.startswith("cuda"):
            self.note += f"; --device {device} is for networks"

    def study(
        self, samples: Sequence[FaceCrop], references: Sequence[FaceCrop] = (), donors: Sequence[FaceCrop] = ()
    ) -> Study:
        """Measure light, skin and hair of one face; see ``Ager.study``."""
        study = self._study([self._working(crop) for crop in samples])
        if donors:
            study = {**study, DONOR: self._donated(samples[0], donors)}
        return {**study, REFERENCES: self._compared(samples, study, references)} if references else study

    def _study(self, works: Sequence[tuple[FaceCrop, Working, Mattes]]) -> Study:
        """The measurements of crops from ``_working``."""
        traits = works[0][0].traits
        bearded = beardedness([(crop, mattes) for crop, _, mattes in works]) if traits.beard is None else traits.beard
        study: Study = {_BEARDED: np.array([bearded], np.float32)}
        seen = [(work, _by_study(mattes, study)) for _, work, mattes in works]
        return {**study, **self._older.study(seen), **self._younger.study(seen, traits.glasses)}

    def __call__(self, crops: Sequence[FaceCrop]) -> list[Answer]:
        """Give one answer per crop. Thread-safe; the same bits for any number of threads.

        The mattes of a picture are found once a call, however many of its ages and looks are asked for.
        """
        found: list[tuple[FaceCrop, _Seen]] = []
        answers = []
        for crop in crops:
            seen = next((seen for asked, seen in found if _same_picture(asked, crop)), None)
            if seen is None and not _asks_nothing(crop):
                seen = self._seen(crop)
                found.append((crop, seen))
            answers.append(self._answer(crop, seen))
        return answers

    def hair(self, crop: FaceCrop) -> F32:
        """The hair of the head; see ``Ager.hair``."""
        return hair_of_crop(self._seen(crop)[2].hair, len(crop.rgb))

    def fingerprint_on(self, device: str) -> str:
        """The fingerprint on another device: the same, because this ager always runs on the CPU."""
        return self.fingerprint

    def _answer(self, crop: FaceCrop, seen: _Seen | None) -> Answer:
        """The step, and as its reach hair and neck, which change beyond the matte of the head."""
        if seen is None or _asks_nothing(crop):
            return Answer(step=np.zeros_like(crop.rgb))
        study, work, mattes = seen
        crop = replace(crop, study=study, look=referred(crop.look, study, crop.ages))
        side = self._older if crop.ages[1] > crop.ages[0] else self._younger
        beyond = beyond_face(work, mattes, self._areas)
        printed = _printed(work, mattes, beyond, crop.look)
        reach = None if printed is None else reach_of(printed, len(crop.rgb))
        return Answer(step=side.step(crop, work, mattes, beyond), reach=reach)

    def _donated(self, face: FaceCrop, donors: Sequence[FaceCrop]) -> F32:
        """The relief that donors give to a face; see ``donor.py``."""
        skins = []
        for crop in donors:
            _, work, mattes = self._seen(crop)
            skin = donor_skin(work, mattes.hair, self._mean_face)
            if skin is None:
                fix = "take it out of the folder of `donor`"
                raise ReadError("too little bare skin of the face is seen on this photograph", path=crop.name, fix=fix)
            skins.append(skin)
        return mixed_skin(skins, face.traits.seed or face.name)

    def _compared(self, samples: Sequence[FaceCrop], study: Study, references: Sequence[FaceCrop]) -> F32:
        """Rows of an age and the amounts that photographs of that age ask for; see ``references.py``."""
        shown = [replace(crop, study=study, intensity=1.0) for crop in samples[:: -(-len(samples) // _COMPARED)]]
        rows = []
        for age in sorted({crop.ages[0] for crop in references}):
            photographs = [self._marks(crop) for crop in references if crop.ages[0] == age]
            tried = []
            for amount in TRIED:
                look = Look(folds=amount, lines=amount, texture=amount, hair=amount)
                asked = [replace(crop, ages=(crop.ages[0], age), look=look) for crop in shown]
                tried.append([self._marks(crop, np.clip(crop.rgb + answer.step, 0, 1))
                              for crop, answer in zip(asked, self(asked), strict=True)])  # fmt: skip
            rows.append([age, *amounts([one for one in photographs if one], [[m for m in t if m] for t in tried])])
        return np.array(rows, np.float32)

    def _marks(self, crop: FaceCrop, aged: F32 | None = None) -> Marks | None:
        """The marks of a crop, or of what it looks like ``aged``; None if the face is outside it."""
        _, work, mattes = self._seen(crop)
        if aged is not None:
            work = Working.of(replace(crop, rgb=aged), self._mean_face)
        if work.view is None:
            return None
        pixel = len(work.rgb) / len(crop.rgb) / float(np.linalg.norm(crop.to_frame[:, 0])) / work.unit
        return marks_of(work.view.seen_skin, work.rgb, mattes.hair, pixel)

    def _seen(self, crop: FaceCrop) -> _Seen:
        """The study of a crop, made from it alone if it has none; the crop at its working density; its mattes."""
        small, work, mattes = self._working(crop)
        study = crop.study or self._study([(small, work, mattes)])
        return study, work, _by_study(mattes, study)

    def _working(self, crop: FaceCrop) -> tuple[FaceCrop, Working, Mattes]:
        """The crop at the working density, as a crop and as ``Working``, and the mattes on it."""
        work = Working.of(crop, self._mean_face)
        matte = np.zeros(work.rgb.shape[:2], np.float32)
        small = replace(
            crop, rgb=work.rgb, points=work.points, neck=work.neck, matte=matte, gain=None, others=(), study={}
        )
        return small, work, mattes_of(small, self._person(small), self._hair)


def _by_study(mattes: Mattes, study: Study) -> Mattes:
    """The mattes with the beard only if the face has one."""
    return replace(mattes, beard=mattes.beard * study[_BEARDED])


def _asks_nothing(crop: FaceCrop) -> bool:
    return crop.ages[0] == crop.ages[1] or crop.intensity == 0 or crop.look.nothing


def _printed(work: Working, mattes: Mattes, beyond: Beyond | None, look: Look) -> F32 | None:
    """(S, S) 0..1: the hair and the neck that may change beyond the matte of the head; None where nothing may."""
    hair = mattes.hair if look.hair else None
    if work.view is None or beyond is None or not look.neck:
        return hair
    chart = work.view.chart
    neck = np.zeros(work.rgb.shape[:2], np.float32)
    neck[chart.window.slices(work.window)] = grow(beyond.neck, chart.at.shape)
    return neck if hair is None else np.maximum(neck, hair)


def _same_picture(one: FaceCrop, other: FaceCrop) -> bool:
    return one.rgb is other.rgb and one.points is other.points and one.study is other.study


__all__ = ["METHOD", "Mattes", "ReliefAger"]
