"""Age every face to every target with one model, and measure the results."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from vfxage.ager import Ager
from vfxage.face.detect import FaceFinder
from vfxage.lab.evaluate import spatial
from vfxage.lab.evaluate.age_reader import AgeReader
from vfxage.lab.evaluate.faces import Aged, Subject, aged_faces, find_again, targets_of
from vfxage.lab.evaluate.features import FeatureReader
from vfxage.lab.evaluate.regions import find_face_parts
from vfxage.lab.evaluate.vectors import Embedder
from vfxage.progress import Progress
from vfxage.types import F32

STEPS = (-30, -15, 20, 40)
"""Years asked of every face."""
YOUNGEST, OLDEST = 18.0, 90.0
"""Youngest and oldest target age."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Figures of one face at one target age."""

    face: str
    """Photo set and file."""
    photos: str
    age: float
    """True years."""
    asked: int
    """Years, signed."""
    read: float
    """Age read in the unaged face."""
    read_aged: float
    """Age read in the aged face."""
    spatial: spatial.Spatial
    likeness: float | None
    """Cosine of the embeddings before and after; None without an embedder."""

    @property
    def moved(self) -> float:
        """Change of the reading, years."""
        return self.read_aged - self.read


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Judges:
    """Everything that measures faces: finder, features, reader, embedder."""

    finder: FaceFinder
    features: FeatureReader
    reader: AgeReader
    embedder: Embedder | None

    def read(self, subject: Subject, rgb: F32, points: F32) -> float:
        """Age in a picture of the subject, from a regressor that did not learn from this person."""
        return self.reader.read(subject.portrait.person, subject.photos, self.features.read(rgb, points))

    def likeness_to(self, rgb: F32, points: F32) -> Callable[[F32, F32], float | None]:
        """Likeness of other pictures to this one: the cosine of their embeddings; None without an embedder."""
        embedder = self.embedder
        if embedder is None:
            return lambda other, mesh: None
        own = embedder(rgb, points)
        return lambda other, mesh: float(own @ embedder(other, mesh))


def make_rows(
    ager: Ager, subjects: Sequence[Subject], judges: Judges, progress: Progress, workers: int
) -> Iterator[tuple[Subject, Aged, Row]]:
    """Age every subject by every step that stays within the limits. Gives each aged face with its figures."""
    work = [(one, targets_of(one.portrait.age, STEPS, YOUNGEST, OLDEST)) for one in subjects]
    with progress.stage("age", len(work), "face") as advance, aged_faces(ager, work, workers) as done:
        for count, (subject, answers) in enumerate(done, 1):
            for aged, row in zip(answers, _rows_of(subject, answers, judges), strict=True):
                yield subject, aged, row
            advance(count)


def _rows_of(subject: Subject, answers: Sequence[Aged], judges: Judges) -> list[Row]:
    if not answers:
        return []
    crop = answers[0].crop
    regions = find_face_parts(crop)
    glasses = subject.portrait.labels.get("glasses", "").strip().lower() in ("1", "true", "yes")
    points = find_again(judges.finder, crop.rgb, crop.points)
    read = judges.read(subject, crop.rgb, points)
    likeness = judges.likeness_to(crop.rgb, points)
    rows = []
    for aged in answers:
        rgb = aged.result()
        now = find_again(judges.finder, rgb, points)
        rows.append(
            Row(
                face=subject.key,
                photos=subject.photos,
                age=subject.portrait.age,
                asked=round(aged.asked),
                read=read,
                read_aged=judges.read(subject, rgb, now),
                spatial=spatial.measure_change(aged, regions, glasses=glasses),
                likeness=likeness(rgb, now),
            )
        )
    return rows
