"""An age reader learned from portraits: features of every face, the reader, and how well it reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from vfxage.face.detect import FaceFinder
from vfxage.lab.evaluate.age_reader import AgeReader, PortraitFeatures, Quality, qualities
from vfxage.lab.evaluate.faces import Subject, cut_subject, find_again
from vfxage.lab.evaluate.features import FeatureReader
from vfxage.lab.evaluate.flat import mean_face
from vfxage.lab.evaluate.skin_tone import skin_tone
from vfxage.progress import Progress
from vfxage.types import F32, Framing

_COPY_GRAIN, _COPY_BLUR = 0.01, 0.7
"""Grain (deviation of luma) and blur (sigma in pixels at 512) of the copies that the reader also learns from."""
_MESHES = 200
"""Portraits from which the mean face is made, at most."""
_FRAMING = Framing(name="ffhq")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrainedReader:
    """A reader, and how well it reads."""

    features: FeatureReader
    reader: AgeReader
    portraits: tuple[PortraitFeatures, ...]
    """What it has learned from."""
    readings: tuple[float, ...]
    """Years that it reads in each of them, by the regressor that has not seen the person."""
    qualities: list[Quality]

    def error(self, people: Sequence[bool]) -> float | None:
        """Mean absolute error, years, over the portraits that are marked; None if no portrait is."""
        apart = [
            abs(read - one.age)
            for read, one, wanted in zip(self.readings, self.portraits, people, strict=True)
            if wanted
        ]
        return float(np.mean(apart)) if apart else None

    def error_near(self, age: float, years: float = 10.0) -> float | None:
        """Mean absolute error over portraits of about this age."""
        return self.error([abs(one.age - age) <= years for one in self.portraits])


def learn_ages(subjects: Sequence[Subject], finder: FaceFinder, progress: Progress) -> TrainedReader:
    """Learn from every portrait. Raises ShotError for too few people, or people who are all of one age."""
    some = subjects[:: -(-len(subjects) // _MESHES)]
    features = FeatureReader(mean_face([cut_subject(one, _FRAMING, 256).points for one in some]))
    seen = _read_features(subjects, finder, features, progress)
    reader = AgeReader(seen)
    read = [reader.read(one.person, one.photos, one.numbers) for one in seen]
    return TrainedReader(
        features=features,
        reader=reader,
        portraits=tuple(seen),
        readings=tuple(read),
        qualities=qualities(seen, read),
    )


def _read_features(
    subjects: Sequence[Subject], finder: FaceFinder, features: FeatureReader, progress: Progress
) -> list[PortraitFeatures]:
    """The features of every portrait. The mesh is found anew, as for every face that will be read."""
    seen = []
    with progress.stage("read", len(subjects), "face") as advance:
        for count, subject in enumerate(subjects, 1):
            crop = cut_subject(subject, _FRAMING, 512)
            points = find_again(finder, crop.rgb, crop.points)
            seen.append(
                PortraitFeatures(
                    person=subject.portrait.person,
                    photos=subject.photos,
                    age=subject.portrait.age,
                    tone=skin_tone(crop),
                    sex=subject.portrait.labels.get("sex", "").strip().upper(),
                    numbers=features.read(crop.rgb, points),
                    copies=_copies(crop.rgb, (crop.points, points), features, count),
                )
            )
            advance(count)
    return seen


def _copies(
    rgb: F32, meshes: tuple[F32, F32], features: FeatureReader, seed: int
) -> tuple[dict[str, F32], dict[str, F32], dict[str, F32]]:
    """Features of the same picture with its given mesh, with grain, and with blur."""
    given, found = meshes
    noise = np.random.default_rng(seed).standard_normal(rgb.shape[:2], np.float32)
    grainy = np.clip(rgb + np.float32(_COPY_GRAIN) * noise[..., None], 0.0, 1.0)
    soft = np.asarray(cv2.GaussianBlur(rgb, (0, 0), _COPY_BLUR), np.float32)
    return (
        dict(features.read(rgb, given)),
        dict(features.read(grainy, found)),
        dict(features.read(soft, found)),
    )
