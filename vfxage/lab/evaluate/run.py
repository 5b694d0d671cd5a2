"""The evaluation from end to end: portraits and clips in, figures and sheets out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from vfxage.ager import Ager, load_ager
from vfxage.errors import ReadError, ShotError, VfxageError
from vfxage.face.detect import FaceFinder
from vfxage.lab.evaluate import clips, groups, same_person, speed, stability
from vfxage.lab.evaluate.age_reader import Quality
from vfxage.lab.evaluate.controls import Control, read_controls
from vfxage.lab.evaluate.faces import Subject, crop_size, cut_subject, spread
from vfxage.lab.evaluate.gather import gather_subjects
from vfxage.lab.evaluate.learn import learn_ages
from vfxage.lab.evaluate.rows import OLDEST, YOUNGEST, Judges, Row, make_rows
from vfxage.lab.evaluate.sheets import FaceTiles, choose_people, draw_sheet, make_tiles, own_tile
from vfxage.lab.evaluate.vectors import AgeEstimator, Embedder
from vfxage.lab.evaluate.years import GroupError, YearsMoved, group_errors, years_by_group
from vfxage.process import opencv_threads
from vfxage.progress import Progress
from vfxage.publish import check_writable
from vfxage.types import FaceCrop, Framing

_STABLE = 12
"""People on whom stability is measured."""
_CHANGE = 30
"""Years of change for the measures that use a single change: stability and speed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Settings of an evaluation."""

    models: tuple[str, ...]
    portraits: tuple[Path, ...]
    clips: tuple[Path, ...]
    out: Path
    people: int | None
    """Aged at most; None for everybody. The reader always sees all portraits."""
    clip_frames: int
    embedder: Embedder | None
    estimator: AgeEstimator | None
    threshold: float
    """Two faces show one person if the cosine is at least this."""
    device: str
    workers: int | None
    learned: frozenset[str] = frozenset()
    """People a training learned from: the reader sees their portraits, but nobody ages them."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Measured:
    """Figures of one model."""

    name: str
    """Name on the command line, or the file's stem."""
    note: str
    fingerprint: str
    rows: list[Row]
    years: list[YearsMoved]
    """By group of people."""
    same_person: list[same_person.SamePerson]
    """Pairs of real portraits of one person, in both directions; empty if no person has two."""
    stability: list[stability.StepStability]
    clips: list[clips.ClipFigures]
    groups: list[groups.Group]
    speed: speed.Speed
    sheets: tuple[str, str]
    """File names: faces, deltas."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evaluation:
    """All results of an evaluation."""

    folders: dict[str, int]
    """Real portraits of each photo set."""
    aged: int
    """Portraits aged."""
    not_aged: int
    """Portraits that were not aged, because a training learned from their people."""
    problems: tuple[str, ...]
    """Files and clips left out, and why."""
    readers: list[Quality]
    group_errors: list[GroupError]
    """Of the age reader."""
    controls: list[Control]
    threshold: float | None
    """None without an embedder."""
    strangers: float | None
    """Mean cosine of different people's portraits."""
    models: list[Measured]


def evaluate(request: Request, progress: Progress) -> Evaluation:
    """Measure every model and write its sheets into ``request.out``.

    Raises the errors of the portraits, the models and the plates. Bad portraits and clips are named in notes and left
    out, unless none is left.
    """
    with opencv_threads(1):  # the agers' workers fill the cores
        return _evaluate(request, progress)


def _evaluate(request: Request, progress: Progress) -> Evaluation:
    check_writable(request.out)
    agers = [(name, load_ager(model, request.device)) for name, model in _names(request.models)]
    paths = clips.find_clips(request.clips)
    subjects, problems = gather_subjects(request.portraits, progress)
    unseen = [one for one in subjects if one.portrait.person not in request.learned]
    chosen = spread([one for one in unseen if YOUNGEST <= one.portrait.age <= OLDEST], request.people)
    if not chosen:
        but = ", held out of the training" if request.learned else ""
        raise ShotError(f"no portrait shows a person aged 18 to 90{but}", fix="add --portraits folders")
    with FaceFinder() as finder:
        learned = learn_ages(subjects, finder, progress)
        judges = Judges(learned=learned, finder=finder, embedder=request.embedder, estimator=request.estimator)
        bench = _Bench(request, judges, _Faces(chosen, same_person.pairs_of(unseen)[: request.people]), paths, progress)
        models = [bench.measure(name, ager) for name, ager in agers]
        return Evaluation(
            folders=dict(Counter(one.photos for one in subjects)),
            aged=len(chosen),
            not_aged=len(subjects) - len(unseen),
            problems=(*problems, *bench.problems),
            readers=learned.qualities,
            group_errors=bench.group_errors,
            controls=read_controls(chosen, judges),
            threshold=request.threshold if request.embedder else None,
            strangers=_strangers(bench.stable, request.embedder),
            models=models,
        )


def _names(models: Sequence[str]) -> list[tuple[str, str]]:
    """A short name for each model; the same short name twice gets a number."""
    short = [Path(model).stem if Path(model).suffix else model for model in models]
    return [
        (name if short.count(name) == 1 else f"{name}-{short[: k + 1].count(name)}", model)
        for k, (name, model) in enumerate(zip(short, models, strict=True))
    ]


def _strangers(subjects: Sequence[Subject], embedder: Embedder | None) -> float | None:
    """The mean likeness of different people. It shows how to judge the likeness of a face to its own aged picture."""
    if embedder is None:
        return None
    crops = [cut_subject(one, Framing(name="ffhq"), 512) for one in subjects]
    vectors = np.array([embedder(crop.rgb, crop.points) for crop in crops])
    people = np.array([one.portrait.person for one in subjects])
    unlike = people[:, None] != people[None]
    return float((vectors @ vectors.T)[unlike].mean()) if unlike.any() else None


@dataclass(frozen=True, slots=True)
class _Faces:
    """The people whom the models age."""

    subjects: Sequence[Subject]
    pairs: Sequence[tuple[Subject, Subject]]
    """Two real portraits of one person each."""


class _Bench:
    """Measures one model after another on the same faces and clips."""

    def __init__(
        self, request: Request, judges: Judges, faces: _Faces, paths: Sequence[Path], progress: Progress
    ) -> None:
        self._request, self._judges, self._progress = request, judges, progress
        self._subjects, self._pairs, self._paths = faces.subjects, faces.pairs, paths
        self._shown = {one.key: one for one in choose_people(faces.subjects)}
        self.stable = spread(faces.subjects, _STABLE)
        self.group_errors = group_errors(judges.learned)
        self.problems: list[str] = []
        """Clips that the first model could not use. They are not tried with the next models."""

    def measure(self, name: str, ager: Ager) -> Measured:
        """Everything about one model, its sheets written."""
        if ager.note:
            self._progress.note(ager.note)
        workers = self._request.workers or ager.workers_default
        tiles: dict[str, tuple[Subject, dict[int, FaceTiles]]] = {key: (one, {}) for key, one in self._shown.items()}

        shimmer = self._clips(ager, workers)  # first, so that the user hears of bad clips at once
        rows = []
        for subject, aged, row in make_rows(ager, self._subjects, self._judges, self._progress, workers):
            rows.append(row)
            if subject.key in tiles:
                tiles[subject.key][1].setdefault(0, own_tile(aged.crop, row.read))
                tiles[subject.key][1][row.asked] = make_tiles(aged, row.read_aged)
        crops = [_changed(cut_subject(one, ager.framing, crop_size(ager))) for one in self.stable]
        sheets = (f"faces-{name}.png", f"deltas-{name}.png")
        for sheet, deltas in zip(sheets, (False, True), strict=True):
            title = f"{name}: {'change x2 about grey' if deltas else 'as they are, then years asked'}"
            draw_sheet(self._request.out / sheet, title, tiles, deltas=deltas)
        return Measured(
            name=name,
            note=ager.note,
            fingerprint=ager.fingerprint,
            rows=rows,
            years=years_by_group(rows, self._judges.learned.qualities[0].slope, self.group_errors),
            same_person=self._same_person(ager, workers),
            stability=stability.measure_stability(ager, crops),
            clips=shimmer,
            groups=self._groups(ager, workers),
            speed=speed.measure_speed(ager, crops[len(crops) // 2]),
            sheets=sheets,
        )

    def _clips(self, ager: Ager, workers: int) -> list[clips.ClipFigures]:
        measured = []
        asked = clips.ClipSettings(frames=self._request.clip_frames, workers=workers, judges=self._judges)
        for path in list(self._paths):
            try:
                measured.append(clips.measure_clip(path, ager, asked, self._progress))
            except (ReadError, ShotError) as error:
                self._leave_out(path, error)
        if self._request.clips and not measured:
            raise ShotError(f"no clip can be measured: {self.problems[0]}", fix="name others with --clips")
        return measured

    def _leave_out(self, path: Path, error: VfxageError) -> None:
        self._progress.note(f"left out: {error}")
        self.problems.append(f"{path.name} {error.what}")
        self._paths = [one for one in self._paths if one != path]

    def _same_person(self, ager: Ager, workers: int) -> list[same_person.SamePerson]:
        return same_person.measure_same_person(ager, self._pairs, self._judges, self._progress, workers)

    def _groups(self, ager: Ager, workers: int) -> list[groups.Group]:
        estimator = self._request.estimator
        if estimator is None or self._request.embedder is None:
            return []
        people = spread(self._subjects, groups.PEOPLE)
        asked = groups.GroupSettings(estimator=estimator, threshold=self._request.threshold, workers=workers)
        return groups.measure_groups(ager, people, self._judges, asked, self._progress)


def _changed(crop: FaceCrop) -> FaceCrop:
    """The source age, and a target age thirty years older, or thirty years younger if older is out of range."""
    age = crop.ages[0]
    return replace(crop, ages=(age, age + _CHANGE if age + _CHANGE <= OLDEST else age - _CHANGE))
