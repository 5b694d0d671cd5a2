"""Age every face to every target with one model, and measure the results."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from vfxage.ager import Ager
from vfxage.face.detect import FaceFinder
from vfxage.lab.evaluate import spatial
from vfxage.lab.evaluate.faces import Aged, Subject, aged_faces, find_again, targets_of
from vfxage.lab.evaluate.learn import TrainedReader
from vfxage.lab.evaluate.regions import find_face_parts
from vfxage.lab.evaluate.skin_tone import skin_tone
from vfxage.lab.evaluate.vectors import AgeEstimator, Embedder
from vfxage.progress import Progress
from vfxage.types import F32, F64

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
    sex: str
    """Label of the photo set; empty if it has none."""
    tone: float
    """Typology angle of the skin, degrees; below ``skin_tone.DARK`` it is brown or dark."""
    age: float
    """True years."""
    asked: int
    """Years, signed."""
    read: float | None
    """Age read in the unaged face; None if the reader knows too little."""
    read_aged: float | None
    """Age read in the aged face; None if the reader knows too little."""
    why_silent: str
    """Why the reader gives no age: a clause; empty if it reads both faces."""
    estimated: float | None
    """Age that the other estimator reads in the unaged face; None without one."""
    estimated_aged: float | None
    spatial: spatial.Spatial
    likeness: float | None
    """Cosine of the embeddings before and after; None without an embedder."""

    @property
    def moved(self) -> float | None:
        """Change of the reading, years; None if the reader gives no age."""
        return None if self.read is None or self.read_aged is None else self.read_aged - self.read


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Judges:
    """Everything that measures faces: finder, age reader, embedder, age estimator."""

    learned: TrainedReader
    finder: FaceFinder
    embedder: Embedder | None
    estimator: AgeEstimator | None

    def read(self, subject: Subject, rgb: F32, points: F32) -> float:
        """Age in a picture of the subject, from a regressor that did not learn from this person."""
        numbers = self.learned.features.read(rgb, points)
        return self.learned.reader.read(subject.portrait.person, subject.photos, numbers)

    def why_silent(self, subject: Subject, age: float, tone: float) -> str:
        """Why the reader cannot say whether a picture of the subject shows ``age`` years; empty if it can."""
        return self.learned.reader.knowledge.why_silent(age, tone, without=subject.portrait.person)

    def look(self, subject: Subject, rgb: F32, points: F32) -> F64:
        """The reader's features of a picture of the subject, as a vector that can be compared (``AgeReader.look``)."""
        return self.learned.reader.look(subject.photos, self.learned.features.read(rgb, points))

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
    labels = subject.portrait.labels
    glasses = labels.get("glasses", "").strip().lower() in ("1", "true", "yes")
    points = find_again(judges.finder, crop.rgb, crop.points)
    tone, estimate = skin_tone(crop), judges.estimator
    unread = judges.why_silent(subject, subject.portrait.age, tone)
    read = None if unread else judges.read(subject, crop.rgb, points)
    likeness = judges.likeness_to(crop.rgb, points)
    rows = []
    for aged in answers:
        rgb = aged.result()
        now = find_again(judges.finder, rgb, points)
        why_silent = unread or judges.why_silent(subject, aged.crop.ages[1], tone)
        rows.append(
            Row(
                face=subject.key,
                photos=subject.photos,
                sex=labels.get("sex", "").strip().upper(),
                tone=tone,
                age=subject.portrait.age,
                asked=round(aged.asked),
                read=read,
                read_aged=None if why_silent else judges.read(subject, rgb, now),
                why_silent=why_silent,
                estimated=estimate(crop.rgb, points) if estimate else None,
                estimated_aged=estimate(rgb, now) if estimate else None,
                spatial=spatial.measure_change(aged, regions, glasses=glasses),
                likeness=likeness(rgb, now),
            )
        )
    return rows
