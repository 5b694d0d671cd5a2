"""From findings to tracks: the frames of a range, bridged, steadied and faded, each from what is near it only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vfxage.face.track.filter import REACH
from vfxage.face.track.findings import Findings, Person, TrackingSettings
from vfxage.face.track.hands import hand_tracks
from vfxage.face.track.smooth import bridge, smooth
from vfxage.face.track.tracks import Tracks
from vfxage.geometry import smoothstep
from vfxage.types import F32, F64, POINTS, FaceTrack

_HELD = 0.2
"""Hold with which an anchored node needs no steadying at all."""
RAMP = 5
"""Frames over which the effect comes and goes with a face inside a take."""


def tracks_within(found: Findings, numbers: Sequence[int], settings: TrackingSettings, *, key: str = "") -> Tracks:
    """The tracks of a range of frames (ascending): all that it takes from ``found`` is what was found on them.

    A frame's landmarks depend on the frames within ``filter.REACH``, and further only across bridged gaps. The numbers
    may step; where they jump over more than ``max_gap`` frames nothing is bridged or smoothed across.
    """
    wanted = frozenset(numbers)
    looked = tuple(number for number in found.numbers if number in wanted)
    cuts = found.cuts_within(looked)
    within = _Range(np.array(looked, np.int32), runs_of(looked, cuts, settings.max_gap), settings)
    seen = [person.on(np.isin(person.numbers, within.numbers)) for person in found.people]
    faces = tuple(FaceTrack(face=one.face, **within.track(one)) for one in seen if len(one.numbers))
    hands = [hand.on(np.isin(hand.numbers, within.numbers)) for hand in found.hands]
    return Tracks(
        faces=faces,
        hands=hand_tracks([hand for hand in hands if len(hand.numbers)], within.runs, faces, found.canvas,
                          settings.smoothing),
        cuts=cuts,
        numbers=looked,
        missing=tuple(number for number in found.missing if number in wanted),
        plate=tuple(found.plate[n] for n in looked) if found.plate else (),
        found=found,
        key=key,
    )  # fmt: skip


def runs_of(numbers: Sequence[int], cuts: Sequence[int], max_gap: int) -> list[NDArray[np.int32]]:
    """The numbers in unbroken runs: parted at cuts and where they jump over more than ``max_gap`` frames."""
    whole = np.array(numbers, np.int32)
    jumps = np.flatnonzero(np.diff(whole) > max_gap + 1) + 1
    return np.split(whole, sorted({*np.searchsorted(whole, cuts).tolist(), *jumps.tolist()}))


@dataclass(frozen=True, slots=True)
class _Range:
    numbers: NDArray[np.int32]
    """Every frame of the range that was searched."""
    runs: list[NDArray[np.int32]]
    settings: TrackingSettings

    def run(self, number: int) -> NDArray[np.int32]:
        """The run of frames that ``number`` is in."""
        return self.runs[int(np.searchsorted([run[0] for run in self.runs], number, side="right")) - 1]

    def track(self, person: Person) -> dict[str, NDArray[Any]]:
        """The fields of one person's FaceTrack."""
        breaks = np.flatnonzero(np.diff(person.numbers) > self.settings.max_gap + 1) + 1
        rows = np.split(np.arange(len(person.numbers)), breaks)
        parts = [self._stretch(person.on(np.isin(person.numbers, person.numbers[part]))) for part in rows]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _stretch(self, person: Person) -> dict[str, NDArray[Any]]:
        """One unbroken run of frames with its short gaps bridged."""
        first, last = int(person.numbers[0]), int(person.numbers[-1])
        looked = self.numbers[(self.numbers >= first) & (self.numbers <= last)]
        at = np.searchsorted(looked, person.numbers)
        sure = np.zeros(len(looked), np.float32)
        sure[at] = person.confidence
        parts = [self._paced(person, looked, pace) for pace in paces(looked, REACH + 2 * self.settings.max_gap)]
        return {
            "numbers": looked,
            "points": np.concatenate([nodes[:, :POINTS] for nodes, _ in parts]),
            "neck": np.concatenate([nodes[:, POINTS:] for nodes, _ in parts]),
            "confidence": sure,
            "presence": presence(len(looked), comes=first > self.run(first)[0], goes=last < self.run(last)[-1]),
            "yaw": np.concatenate([yaw for _, yaw in parts]),
        }

    def _paced(self, person: Person, looked: NDArray[np.int32], pace: Pace) -> tuple[F32, F32]:
        """Landmarks with the neck's nodes, and yaw, on the frames of one pace; time is measured in its steps."""
        near = looked[pace.low : pace.high]
        seen = person.on((person.numbers >= near[0]) & (person.numbers <= near[-1]))
        start = int(near[0])
        at, shown = (seen.numbers - start) // pace.step, (looked[pace.first : pace.last] - start) // pace.step
        count = (int(near[-1]) - start) // pace.step + 1
        known = np.zeros(count, bool)
        known[at] = True
        whole, hold = np.zeros((count, *seen.skin.shape[1:]), np.float32), np.zeros((count, *seen.hold.shape[1:]))
        whole[at], hold[at] = seen.skin, seen.hold
        turn: F64 = np.zeros((count, 1))
        turn[at, 0] = seen.yaw
        nodes = held(smooth(whole, known, self.settings.smoothing), whole, hold)[shown]
        return np.ascontiguousarray(nodes), bridge(turn, known)[shown, 0].astype(np.float32)


def held(steadied: F32, anchored: F32, hold: F64) -> F32:
    """The steadied nodes (T, K, 2), but the anchored ones as far as the flow holds them (T, K): they move as the plate
    does, and need no steadying.
    """
    kept = smoothstep(hold / _HELD)
    return np.asarray(steadied + kept[..., None] * (anchored - steadied), np.float32)


@dataclass(frozen=True, slots=True)
class Pace:
    """Frames whose neighbourhood steps alike, as places in the list of frames."""

    step: int
    """Frames from one to the next."""
    first: int
    last: int
    """Past the last one."""
    low: int
    """First place that these frames may depend on."""
    high: int
    """Past the last such place."""


def paces(looked: NDArray[np.int32], reach: int) -> list[Pace]:
    """Part frames where their step changes. Each frame's step comes from those within ``reach`` places only."""
    count = len(looked)
    gaps = np.diff(looked)
    if count < 2 or (gaps == gaps[0]).all():
        return [Pace(int(gaps[0]) if count > 1 else 1, 0, count, 0, count)]
    steps = np.array([np.gcd.reduce(gaps[max(0, place - reach) : place + reach]) for place in range(count)])
    bounds = [0, *(np.flatnonzero(np.diff(steps)) + 1).tolist(), count]
    return [
        Pace(int(steps[first]), first, last, max(0, first - reach), min(count, last + reach))
        for first, last in pairwise(bounds)
    ]


def presence(count: int, *, comes: bool, goes: bool) -> F32:
    """(count,) weight of the effect: a smooth ramp where a face comes or goes inside a take, else 1."""
    place = np.arange(1, count + 1) / (RAMP + 1)
    ramp = np.ones(count)
    if comes:
        ramp = np.minimum(ramp, place)
    if goes:
        ramp = np.minimum(ramp, place[::-1])
    return smoothstep(ramp).astype(np.float32)
