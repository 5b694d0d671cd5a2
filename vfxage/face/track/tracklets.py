"""Follow the faces from frame to frame, and search for new ones all the time.

The whole picture is searched at the first and last frame of every take, at every eighth frame between, at the frame on
which a face is lost, and at the frame before the first on which a face is seen.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from vfxage.face.detect import Detection, FaceFinder
from vfxage.face.track.bracket import SeenFace, exposure_of, find_bracketed
from vfxage.face.track.canvas import Picture
from vfxage.face.track.cuts import Shown
from vfxage.face.track.kept import KeptPictures
from vfxage.face.track.skin import HOPS, SkinMotion, skin_motion
from vfxage.types import F32, U8

SEARCH_EVERY = 8
"""Pictures between searches of the whole picture; as many are kept, to follow a new face back."""
_PROVE_EVERY = 4
"""Every so many pictures of a face, both detectors are asked about it."""
_WEAK = 0.3
"""A vote below this is no evidence of a face."""
_CLEAR, _LIKE, _SPAN = 0.65, 0.7, 25
"""At its ends a tracklet needs a vote of at least ``_CLEAR``, or an appearance whose similarity to the median of the
next ``_SPAN`` pictures is at least ``_LIKE``."""
_SAME = 0.3
"""Meshes nearer than this (see ``apart``) are one face."""
_JUMP = 0.6
"""No face moves further than this between two frames, unless a detector finds it again there."""
_GROWTH = 1.35
_KNOWN = 0.6
"""Least similarity of appearance for a face found at another place to be the lost one."""


@dataclass(slots=True, eq=False)
class Tracklet:
    """One face over the frames of one take, as detected, before smoothing."""

    take: int
    numbers: list[int] = field(default_factory=list)
    """Frames on which it was detected, ascending; a few may be missing."""
    seen: list[Detection] = field(default_factory=list)
    evidence: dict[int, float] = field(default_factory=dict)
    """Evidence on some of the frames, 0..1: see ``FaceFinder.evidence``."""
    motions: dict[tuple[int, int], SkinMotion] = field(default_factory=dict)
    """Motion of the skin between two of the frames, the earlier one first."""
    stops: int = 0
    """Exposure at which the face is looked at now: see ``exposure_of``."""
    kept: KeptPictures = field(default_factory=KeptPictures)
    """Pictures of the face that are kept, so that skin is followed from them when the face looks like that again."""

    def add(self, number: int, detection: Detection) -> None:
        """Append the next picture."""
        self.numbers.append(number)
        self.seen.append(detection)

    def drop_last(self) -> None:
        """Forget the last picture."""
        self.evidence.pop(self.numbers.pop(), None)
        self.seen.pop()

    def trim(self) -> None:
        """Drop pictures at both ends that do not show this face clearly: a low vote, or a middling one and another
        appearance.

        So a hand that still hides the face is left out, while a face that turns or leaves the picture stays.
        """
        votes = np.array([item.vote for item in self.seen])
        good = votes >= _WEAK
        for side in (slice(None), slice(None, None, -1)):
            looks = [item.look for item in self.seen[side]]
            for index, vote in enumerate(votes[side]):
                clear = vote >= _CLEAR or alike(looks[index], np.median(looks[index : index + _SPAN], 0)) >= _LIKE
                good[side][index] &= clear
                if good[side][index]:
                    break
        kept = np.flatnonzero(good)
        low, high = (kept[0], kept[-1] + 1) if len(kept) else (0, 0)
        self.numbers, self.seen = self.numbers[low:high], self.seen[low:high]
        left = set(self.numbers)
        self.evidence = {number: value for number, value in self.evidence.items() if number in left}

    @property
    def size(self) -> float:
        """Median of the longer side of the face's box, pixels."""
        return float(np.median([np.ptp(item.points, axis=0).max() for item in self.seen]))

    def expected(self, number: int) -> F32:
        """Predict the landmarks from the last motion, for no longer than that motion was observed."""
        last = self.seen[-1].points
        if len(self.seen) < 2:
            return last
        ahead, behind = number - self.numbers[-1], self.numbers[-1] - self.numbers[-2]
        if ahead > behind:
            return last
        return np.asarray(last + (last - self.seen[-2].points).mean(0) * np.float32(ahead / behind), np.float32)

    def on(self, number: int) -> list[F32]:
        """The landmarks on a frame, if the face was seen on it."""
        row = bisect_right(self.numbers, number) - 1
        return [self.seen[row].points] if row >= 0 and self.numbers[row] == number else []

    def near(self, number: int, patience: int) -> F32 | None:
        """Landmarks on a frame, else the last ones up to ``patience`` frames before it; None if there are none."""
        row = bisect_right(self.numbers, number) - 1
        if row < 0 or number - self.numbers[row] > patience:
            return None
        return self.seen[row].points


def apart(one: F32, other: F32) -> float:
    """Mean landmark distance of two meshes over the size of the smaller face."""
    size = min(float(np.ptp(one, axis=0).max()), float(np.ptp(other, axis=0).max()))
    return float(np.linalg.norm(one - other, axis=1).mean()) / max(size, 1e-6)


def alike(one: F32, other: F32) -> float:
    """Correlation -1..1 of two looks, brightness and contrast aside."""
    first, second = one - one.mean(), other - other.mean()
    return float((first * second).sum() / max(float(np.linalg.norm(first) * np.linalg.norm(second)), 1e-6))


def overlap(one: F32, other: F32) -> float:
    """Intersection over union of the boxes of two meshes."""
    low, high = np.maximum(one.min(0), other.min(0)), np.minimum(one.max(0), other.max(0))
    shared = float(np.prod(np.clip(high - low, 0, None)))
    return shared / (float(np.prod(np.ptp(one, axis=0)) + np.prod(np.ptp(other, axis=0))) - shared)


class FaceFollower:
    """Follows faces through pictures that come one by one; holds ``SEARCH_EVERY`` pictures at most.

    A face is gone after ``patience`` frames without it. A longer jump in the frame numbers ends every tracklet, because
    the frames between were not searched. ``on_faces_known`` is called for each picture, in order, when all its faces
    are known, once for each exposure at which they are looked at: with the number, the exposed picture, and the present
    or last landmarks of each face.
    """

    def __init__(
        self, finder: FaceFinder, patience: int, on_faces_known: Callable[[int, U8, list[F32]], None] | None = None
    ) -> None:
        self._finder = finder
        self._patience = patience
        self._on_faces_known = on_faces_known
        self._recent: deque[tuple[int, Picture]] = deque(maxlen=SEARCH_EVERY)
        self._live: list[Tracklet] = []
        self._done: list[Tracklet] = []
        self._take = 0
        self._number: int | None = None
        self._since = SEARCH_EVERY

    def step(self, shown: Shown) -> None:
        """Follow the faces into the next picture."""
        broken = self._number is not None and shown.number - self._number > self._patience + 1
        if shown.cut or broken:
            self._end_run()
            self._take += shown.cut
            self._since = SEARCH_EVERY
        before, self._number = self._number, shown.number
        lost = [item for item in self._live if not self._follow(item, shown.picture)]
        self._part()
        for item in lost:
            self._recover(item, shown.picture)
        ended = any(item.numbers[-1] == before for item in lost)
        self._close([item for item in self._live if shown.number - item.numbers[-1] > self._patience])
        self._since += 1
        if self._since >= SEARCH_EVERY or ended:
            self._search(shown.picture)
        self._prove(shown.picture)
        if len(self._recent) == SEARCH_EVERY:
            self._let_go(1)
        self._recent.append((shown.number, shown.picture))

    def finish(self) -> list[Tracklet]:
        """All tracklets, in order of appearance."""
        self._end_run()
        return sorted(self._done, key=lambda item: (item.numbers[0], -item.size))

    def _end_run(self) -> None:
        """Search the last picture, and part with all that is held."""
        if self._recent and self._since > 0:
            last = self._recent.pop()  # a face found in it is followed back through the others
            self._search(last[1])
            self._prove(last[1])
            self._recent.append(last)
        self._close(self._live)
        self._let_go(len(self._recent))

    def _let_go(self, count: int) -> None:
        """Part with the oldest pictures, which no search goes back to any more."""
        for _ in range(count):
            self._measure_motion()
            number, picture = self._recent.popleft()
            if self._on_faces_known is None:
                continue
            near: dict[int, list[F32]] = {}
            for item in (*self._done, *self._live):
                points = item.near(number, self._patience) if item.take == self._take else None
                if points is not None:
                    near.setdefault(item.stops, []).append(points)
            for stops, faces in near.items():
                self._on_faces_known(number, picture.at(stops), faces)

    def _measure_motion(self) -> None:
        """Measure how the skin of each face moves from the oldest picture to later ones."""
        number, picture = self._recent[0]
        for hop in HOPS:
            if hop >= len(self._recent):
                continue
            later, other = self._recent[hop]
            for item in (*self._done, *self._live):
                for points, there in zip(item.on(number), item.on(later), strict=False):
                    item.motions[number, later] = skin_motion(picture, other, item.stops, points, there)
        for item in (*self._done, *self._live):
            for points in item.on(number):
                item.motions.update(item.kept.motions(number, picture, item.stops, points))
        for item in self._done:
            if item.numbers[-1] <= number:
                item.kept.forget()

    def _follow(self, tracklet: Tracklet, picture: Picture) -> bool:
        """Add the face where it is expected or where it was; False if it is not there."""
        last = tracklet.seen[-1].points
        tracklet.stops = exposure_of(picture, last, tracklet.stops)
        for guess in (tracklet.expected(self._now), last):
            found = self._finder.follow(picture.at(tracklet.stops), guess)
            if found is not None and found.vote >= _WEAK and _plausible(last, found.points):
                tracklet.add(self._now, found)
                return True
        return False

    def _recover(self, tracklet: Tracklet, picture: Picture) -> None:
        """Seek a lost face around its last place, where it jumped; never take another's, nor a stranger's."""
        last = tracklet.seen[-1]
        found = [
            item
            for item in self._finder.near(picture.at(tracklet.stops), last.points)
            if alike(item.look, last.look) >= _KNOWN
            and 1 / _GROWTH < _ratio(last.points, item.points) < _GROWTH
            and not self._taken(self._now, item.points)
        ]
        if found:
            tracklet.add(self._now, min(found, key=lambda item: apart(item.points, last.points)))

    def _part(self) -> None:
        """If two tracklets follow one face, the longer one keeps it."""
        here = self._here()
        here.sort(key=lambda item: -len(item.numbers))
        parted = []
        for index, item in enumerate(here):
            if any(apart(item.seen[-1].points, other.seen[-1].points) < _SAME for other in here[:index]):
                item.drop_last()
                parted.append(item)
        self._close(parted)

    def _prove(self, picture: Picture) -> None:
        """Ask both detectors about new faces, and about every face in view once in ``_PROVE_EVERY`` pictures."""
        for item in self._here():
            if not item.evidence or len(item.numbers) % _PROVE_EVERY == 0:
                item.evidence[self._now] = self._finder.evidence(picture.at(item.stops), item.seen[-1].points)

    def _here(self) -> list[Tracklet]:
        return [item for item in self._live if item.numbers[-1] == self._now]

    @property
    def _now(self) -> int:
        assert self._number is not None, "no picture was given yet"
        return self._number

    def _close(self, tracklets: list[Tracklet]) -> None:
        ended = list(tracklets)
        self._live = [item for item in self._live if item not in ended]
        for item in ended:
            item.trim()
            if item.numbers:
                self._done.append(item)

    def _search(self, picture: Picture) -> None:
        from scipy.optimize import linear_sum_assignment

        self._since = 0
        found = find_bracketed(self._finder, picture, [item.seen[-1].points for item in self._here()])
        cost = np.array([[self._cost(item, other.face) for other in found] for item in self._live])
        cost = cost.reshape(len(self._live), len(found))
        known = set()
        for row, column in zip(*linear_sum_assignment(cost), strict=True):
            if cost[row, column] < 1:
                known.add(int(column))
                tracklet = self._live[row]
                if tracklet.numbers[-1] != self._now:
                    tracklet.add(self._now, found[column].face)
                    tracklet.stops = found[column].stops
        new = [self._traced_back(self._now, item) for column, item in enumerate(found) if column not in known]
        self._live += new
        for number in sorted({item.numbers[0] for item in new}):
            self._search_before(number, picture)

    def _cost(self, tracklet: Tracklet, detection: Detection) -> float:
        """Cost of matching a detection with a followed face, by overlap and distance; 1 or more is no match."""
        last = tracklet.seen[-1]
        if tracklet.numbers[-1] != self._now and alike(last.look, detection.look) < _KNOWN:
            return 1.0
        return apart(last.points, detection.points) + 0.5 * (1 - overlap(last.points, detection.points))

    def _traced_back(self, number: int, seen_face: SeenFace) -> Tracklet:
        """Follow a face that is new on frame ``number`` backwards through the recent frames before it."""
        tracklet = Tracklet(self._take, [number], [seen_face.face], stops=seen_face.stops)
        stops = seen_face.stops
        for earlier, picture in reversed(self._recent):
            if earlier >= number:
                continue
            points = tracklet.seen[0].points
            stops = exposure_of(picture, points, stops)
            found = self._finder.follow(picture.at(stops), points)
            if found is None or found.vote < _WEAK or not _plausible(points, found.points):
                break
            if self._taken(earlier, found.points):
                break
            tracklet.numbers.insert(0, earlier)
            tracklet.seen.insert(0, found)
        return tracklet

    def _search_before(self, number: int, picture: Picture) -> None:
        """Search the recent frame before ``number``, on which a face is first seen; ``picture`` is that of now."""
        earlier = [item for item in self._recent if item[0] < number]
        if not earlier:
            return
        place, shown = earlier[-1]
        known = [seen for item in (*self._done, *self._live) for seen in item.on(place)]
        for seen_face in find_bracketed(self._finder, shown, known):
            if self._taken(place, seen_face.face.points):
                continue
            tracklet = self._traced_back(place, seen_face)
            self._live.append(tracklet)
            self._followed_on(tracklet, picture)

    def _followed_on(self, tracklet: Tracklet, picture: Picture) -> None:
        """Follow a face found in a recent frame through the frames up to now, until it is lost or is another's."""
        for number, shown in (*self._recent, (self._now, picture)):
            if number <= tracklet.numbers[-1]:
                continue
            last = tracklet.seen[-1].points
            tracklet.stops = exposure_of(shown, last, tracklet.stops)
            found = self._finder.follow(shown.at(tracklet.stops), last)
            lost = found is None or found.vote < _WEAK or not _plausible(last, found.points)
            if found is None or lost or self._taken(number, found.points):
                self._close([tracklet])
                return
            tracklet.add(number, found)

    def _taken(self, number: int, points: F32) -> bool:
        others = (seen for item in (*self._live, *self._done) for seen in item.on(number))
        return any(apart(seen, points) < _SAME for seen in others)


def _plausible(last: F32, now: F32) -> bool:
    """Whether a face can have come from ``last`` to ``now`` within a frame."""
    return apart(last, now) < _JUMP and 1 / _GROWTH < _ratio(last, now) < _GROWTH


def _ratio(last: F32, now: F32) -> float:
    return float(np.ptp(now, axis=0).max()) / max(float(np.ptp(last, axis=0).max()), 1e-6)
