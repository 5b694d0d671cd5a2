"""Adds what a search found on new frames to the findings of a shot; what was found before stays.

The frames of a search are the new ones and, as context, frames beside them that were searched before. On the context
frames the search finds the people again whom the shot knows already. So people keep their identities, and only the new
frames get new landmarks.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from vfxage.face.detect import Detection
from vfxage.face.detect.hands import Hand
from vfxage.face.track.anchor import anchored, nodes_of
from vfxage.face.track.cuts import FLASH
from vfxage.face.track.findings import Findings, FoundHand, Person, TrackingSettings
from vfxage.face.track.hands import found_hands
from vfxage.face.track.people import NO_LINK, PROOF, is_face, link_cost, link_identities, look_of
from vfxage.face.track.skin import SkinMotion
from vfxage.face.track.steadied import runs_of
from vfxage.face.track.tracklets import SEARCH_EVERY, Tracklet, apart
from vfxage.types import F32

_BESIDE = FLASH + 1
"""Frames before a suspected cut, and frames from it on, that decide on it."""
CONTEXT = SEARCH_EVERY + 2 * _BESIDE - 1
"""Frames beside the new ones that are searched with them: enough to find the people again, and to decide anew on the
cuts whose neighbours the new frames are."""
_SAME = 0.3
"""A mesh nearer than this to a known person's on the same frame (see ``tracklets.apart``) is of that person."""
_SAME_HAND = 0.5
"""A hand nearer than this to a known one's on the same frame, in palms, is that hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Searched:
    """What one search found, on new frames and their context."""

    numbers: tuple[int, ...]
    """The frames, ascending."""
    cuts: tuple[int, ...]
    """First frame of each take but the first, ascending."""
    tracklets: tuple[Tracklet, ...]
    """In order of appearance; points are pixels of the tracking canvas."""
    hands: tuple[tuple[int, Sequence[Hand]], ...]
    """The hands on frames that have some, ascending."""


def frames_to_search(whole: Sequence[int], new: Collection[int]) -> list[tuple[int, ...]]:
    """The ``new`` frames of a shot with up to ``CONTEXT`` of its other frames each side, in one group per search."""
    near: set[int] = set()
    for place, number in enumerate(whole):
        if number in new:
            near.update(range(max(0, place - CONTEXT), min(len(whole), place + CONTEXT + 1)))
    places = np.array(sorted(near), np.int64)
    groups = np.split(places, np.flatnonzero(np.diff(places) > 1) + 1)
    return [tuple(whole[place] for place in group) for group in groups if len(group)]


def extended(found: Findings, searched: Searched, new: frozenset[int], settings: TrackingSettings) -> Findings:
    """The findings with those of a search on its ``new`` frames.

    Where new neighbours change the decision on a cut, the frames between them and the cut count as new, too.
    """
    changed = _changed_cuts(found, searched, new)
    new = new | _between(changed, searched.numbers, new)
    kept = found.without(new)
    fresh = frozenset(searched.numbers) & new
    cuts = {cut for cut in found.cuts if cut not in new | changed} | (set(searched.cuts) & (fresh | changed))
    numbers = tuple(sorted({*kept.numbers, *fresh}))
    joined = replace(kept, numbers=numbers, cuts=tuple(sorted(cuts)), files=found.files, plate=found.plate)
    adding = _Adding(joined, searched, fresh, settings)
    people, hands = adding.people(), adding.hands()
    named = max([found.named, *(person.face + 1 for person in people)])
    return replace(joined, people=adding.anchored(people, hands), named=named, hands=hands)


def _changed_cuts(found: Findings, searched: Searched, new: Collection[int]) -> frozenset[int]:
    """Known frames about which the search, with more neighbours than before, decides otherwise."""
    known = [number for number in found.numbers if number not in new]
    if not known:
        return frozenset()
    numbers = searched.numbers
    begins, ends = known[0] >= numbers[0], known[-1] <= numbers[-1]
    first, last = (0 if begins else _BESIDE), len(numbers) - (0 if ends else _BESIDE - 1)
    judged = {number for number in numbers[first:last] if number not in new}
    return frozenset(judged & (set(found.cuts) ^ set(searched.cuts)))


def _between(cuts: Collection[int], numbers: Sequence[int], new: Collection[int]) -> frozenset[int]:
    """Frames of a search that lie between one of its changed cuts and the new frames that changed it."""
    between: set[int] = set()
    for cut in cuts:
        place = numbers.index(cut)
        after = next((n for n in numbers[place : place + _BESIDE] if n in new), None)
        before = next((n for n in reversed(numbers[max(0, place - _BESIDE) : place]) if n in new), None)
        between.update(n for n in numbers if (after is not None and cut <= n < after) or
                       (before is not None and before < n < cut))  # fmt: skip
    return frozenset(between)


@dataclass(frozen=True, slots=True)
class _Adding:
    """One step from findings to more of them."""

    found: Findings
    """With the new frames' numbers and cuts, and without their people."""
    searched: Searched
    new: frozenset[int]
    settings: TrackingSettings
    motions: dict[int, dict[tuple[int, int], SkinMotion]] = field(default_factory=dict)
    """The motions of the skin that the search measured, by identity; ``people`` fills it."""

    def anchored(self, people: Sequence[Person], hands: Sequence[FoundHand]) -> tuple[Person, ...]:
        """The people with their new rows anchored to the skin."""
        new = [*self.new]
        return tuple(
            anchored(person, self.motions.get(person.face, {}), np.isin(person.numbers, new), hands, self.found.canvas)
            for person in people
        )

    def people(self) -> tuple[Person, ...]:
        """Everyone known, on the new frames too, and those who are new."""
        people = {person.face: person for person in self.found.people}
        strangers = []
        for tracklet in self.searched.tracklets:
            tracklet.take = self.found.take_of(tracklet.numbers[0])
            face = self._known_as(tracklet)
            if face is None:
                strangers.append(tracklet)
            else:
                people[face] = self._with_tracklets(people[face], [tracklet])
        taken: set[int] = set()
        for chain in self._faces(strangers):
            if not any(number in self.new for tracklet in chain for number in tracklet.numbers):
                continue
            face = self._linked(chain, [person for person in people.values() if person.face not in taken])
            if face is None and is_face(chain, self._searched(chain)):
                face = max([self.found.named, *(known + 1 for known in people)])
                people[face] = self._stranger(face, chain)
            elif face is not None:
                people[face] = self._with_tracklets(people[face], chain)
            if face is not None:
                taken.add(face)
        return tuple(people[face] for face in sorted(people))

    def _faces(self, strangers: list[Tracklet]) -> list[list[Tracklet]]:
        """The chains of tracklets that may be faces; short runs are judged together with their person."""
        lengths = [self._searched([item]) for item in strangers]
        kept = [s for s, length in zip(strangers, lengths, strict=True) if length < PROOF or is_face([s], length)]
        return link_identities(kept, self.settings.max_gap)

    def _known_as(self, tracklet: Tracklet) -> int | None:
        """The identity of the person who is at the same place on most of the context frames."""
        best, most = None, 0
        places = {number: place for place, number in enumerate(tracklet.numbers)}
        for person in self.found.people:
            shared = [(row, places[n]) for row, n in enumerate(person.numbers.tolist()) if n in places]
            same = sum(
                apart(self.found.canvas.to_picture(person.points[row]), tracklet.seen[place].points) < _SAME
                for row, place in shared
            )
            if same > most:
                best, most = person.face, same
        return best

    def _linked(self, chain: list[Tracklet], people: Sequence[Person]) -> int | None:
        """The known person whom the chain continues, or who continues the chain; None for a new person."""
        best, least, gap = None, NO_LINK, self.settings.max_gap
        for person in people:
            before, after = person.numbers < chain[0].numbers[0], person.numbers > chain[-1].numbers[-1]
            costs = [link_cost(self._as_tracklet(person.on(before)), chain[0], gap)] if before.any() else []
            costs += [link_cost(chain[-1], self._as_tracklet(person.on(after)), gap)] if after.any() else []
            if min(costs, default=NO_LINK) < least:
                best, least = person.face, min(costs)
        return best

    def _as_tracklet(self, person: Person) -> Tracklet:
        seen = [
            Detection(points=points, confidence=1.0, vote=1.0, yaw=0.0, look=person.look)
            for points in self.found.canvas.to_picture(person.points)
        ]
        numbers = person.numbers.tolist()
        return Tracklet(take=self.found.take_of(numbers[0]), numbers=numbers, seen=seen)

    def _with_tracklets(self, person: Person, chain: Sequence[Tracklet]) -> Person:
        """The person with the tracklets' landmarks on the new frames."""
        numbers = np.array([number for item in chain for number in item.numbers], np.int32)
        seen = [detection for item in chain for detection in item.seen]
        rows = np.flatnonzero(np.isin(numbers, [*self.new]))
        if not len(rows):
            return person
        for item in chain:
            self.motions.setdefault(person.face, {}).update(item.motions)
        points = self.found.canvas.to_display(np.stack([seen[row].points for row in rows]))
        skin = nodes_of(points)
        return person.with_rows(
            numbers=numbers[rows],
            points=points,
            skin=skin,
            hold=np.zeros(skin.shape[:2], np.float32),
            confidence=np.array([seen[row].confidence * seen[row].vote for row in rows], np.float32),
            yaw=np.array([seen[row].yaw for row in rows], np.float32),
        )

    def _stranger(self, face: int, chain: Sequence[Tracklet]) -> Person:
        none: NDArray[np.float32] = np.zeros(0, np.float32)
        points: F32 = np.zeros((0, *chain[0].seen[0].points.shape), np.float32)
        look = look_of(chain[0])
        skin = nodes_of(points)
        nobody = Person(face=face, numbers=np.zeros(0, np.int32), points=points, skin=skin, hold=skin[..., 0],
                        confidence=none, yaw=none, look=look)  # fmt: skip
        return self._with_tracklets(nobody, chain)

    def _searched(self, chain: Sequence[Tracklet]) -> int:
        """Count the frames on which the face could be seen.

        That is the whole of each run. But a face that comes in shortly before the run ends, or leaves shortly after it
        begins, cannot be seen on the other frames.
        """
        count = 0
        for run in {int(run[0]): run for run in (self._run(item.numbers[0]) for item in chain)}.values():
            inside = [item for item in chain if run[0] <= item.numbers[0] <= run[-1]]
            first, last = inside[0].numbers[0], inside[-1].numbers[-1]
            seen = run >= first if last == run[-1] else run <= last if first == run[0] else run >= run[0]
            count += int(seen.sum())
        return count

    def _run(self, number: int) -> NDArray[np.int32]:
        """The unbroken run of searched frames that ``number`` is in."""
        runs = self._runs
        return runs[bisect_right([int(run[0]) for run in runs], number) - 1]

    @property
    def _runs(self) -> list[NDArray[np.int32]]:
        cuts = self.found.cuts_within(self.searched.numbers)
        return runs_of(self.searched.numbers, cuts, self.settings.max_gap)

    def hands(self) -> tuple[FoundHand, ...]:
        """Every known hand, on the new frames too, and those who are new and beyond doubt."""
        hands = list(self.found.hands)
        for hand, sure in found_hands(self.searched.hands, self._runs):
            rows = np.isin(hand.numbers, [*self.new])
            if not rows.any():
                continue
            place = next((place for place, known in enumerate(hands) if _same_hand(known, hand)), None)
            if place is not None:
                hands[place] = hands[place].with_rows(hand.on(rows))
            elif sure:
                hands.append(hand.on(rows))
        return tuple(hand for hand in hands if len(hand.numbers))


def _same_hand(one: FoundHand, other: FoundHand) -> bool:
    """Whether two hands are at the same place on a frame on which both were found."""
    _, here, there = np.intersect1d(one.numbers, other.numbers, return_indices=True)
    away = np.linalg.norm(one.points[here] - other.points[there], axis=2).mean(1)
    return bool((away < _SAME_HAND * np.minimum(one.size[here], other.size[there])).any())
