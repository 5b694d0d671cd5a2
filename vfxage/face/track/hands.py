"""Hands over time: tracklets near faces linked, lone ones dropped, short holes bridged, outlines steadied."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vfxage.face.detect.hands import Hand
from vfxage.face.track.canvas import Canvas
from vfxage.face.track.filter import steady
from vfxage.face.track.findings import FoundHand
from vfxage.face.track.smooth import bridge
from vfxage.types import F32, F64, HAND_POINTS, FaceTrack, HandTrack

GAP = 4
"""Frames from one tracklet of a hand to the next, at most: what lies between is bridged."""
FADE = 1
"""Frames before the first and after the last tracklet in which a hand, carried on by its motion, comes and goes: the
blurred ones, on which it is not found."""
_PROOF = 2
"""Sure tracklets a hand needs."""
_PALM, _HAND = 0.5, 0.9
"""Opinions of palm detector and hand model that make a tracklet sure. Measured: a nose, mouths and a chin were taken
for hands at up to 0.96 by the one and 0.77 by the other; hands, unless blurred, are at 0.97 and more with the other."""
_JUMP, _FURTHER = 1.5, 0.5
"""Palms that a hand moves in a frame at most, from where it is expected; more for each frame between."""
_GROWTH = 1.6
_GUESSED = 0.1
"""Weight of a bridged frame where points are steadied."""
_KNUCKLES = [5, 9, 13, 17]
_AROUND = 1.6
"""A face's region is this much wider and higher than its points' box: as far as a matte goes."""
_FLESH = 0.3
"""A hand is this much wider than its points, in palms."""


@dataclass(slots=True, eq=False)
class _Chain:
    """One hand over the frames of one run."""

    numbers: list[int] = field(default_factory=list)
    seen: list[Hand] = field(default_factory=list)

    @property
    def sure(self) -> int:
        """How many tracklets are beyond doubt."""
        return sum(hand.palm >= _PALM and hand.score >= _HAND for hand in self.seen)

    def cost(self, number: int, hand: Hand) -> float:
        """Cost of matching ``hand`` with this one: their distance in palms; infinite if they cannot match."""
        ahead, last = number - self.numbers[-1], self.seen[-1]
        size = max(last.size, hand.size)
        if not 0 < ahead <= GAP or size > _GROWTH * min(last.size, hand.size):
            return np.inf
        guesses = [last.points]
        if len(self.seen) > 1:
            step = (last.points - self.seen[-2].points) / np.float32(self.numbers[-1] - self.numbers[-2])
            guesses.append(last.points + step * np.float32(ahead))
        apart = min(float(np.linalg.norm(hand.points - guess, axis=1).mean()) for guess in guesses) / size
        return apart if apart < _JUMP + _FURTHER * (ahead - 1) else np.inf


def found_hands(
    seen: Sequence[tuple[int, Sequence[Hand]]], runs: Sequence[NDArray[np.int32]]
) -> list[tuple[FoundHand, bool]]:
    """Link the hands ``seen`` on frames (ascending) in unbroken ``runs``; with each, whether it is beyond doubt.

    A hand needs two sure detections within ``GAP`` frames; one is enough if no frame that near was searched.
    """
    found = dict(seen)
    hands = []
    for run in runs:
        for chain in _chains([(int(number), found[int(number)]) for number in run if int(number) in found]):
            hand = FoundHand(
                numbers=np.array(chain.numbers, np.int32),
                points=np.stack([one.points for one in chain.seen]),
                size=np.array([one.size for one in chain.seen], np.float32),
            )
            hands.append((hand, chain.sure >= min(_PROOF, _searched(chain, run))))
    return hands


def hand_tracks(
    hands: Sequence[FoundHand],
    runs: Sequence[NDArray[np.int32]],
    faces: Sequence[FaceTrack],
    canvas: Canvas,
    strength: float,
) -> tuple[HandTrack, ...]:
    """Track the ``hands`` in front of or beside ``faces`` in unbroken ``runs`` of frames.

    A hand is kept on frames on which a face is tracked and the hand touches its region. ``strength`` is as for
    ``smooth``.
    """
    tracks = []
    for run in runs:
        for part in _parts(hands, run):
            track = _beside(_track(part, run, canvas, strength), faces)
            if track is not None:
                tracks.append(track)
    return tuple(sorted(tracks, key=lambda track: (int(track.numbers[0]), float(track.points[0, 0, 0]))))


def _parts(hands: Sequence[FoundHand], run: NDArray[np.int32]) -> Iterator[FoundHand]:
    """The hands on the frames of a run, parted where more lies between two detections than is bridged."""
    for hand in hands:
        rows = np.flatnonzero(np.isin(hand.numbers, run))
        for part in np.split(rows, np.flatnonzero(np.diff(hand.numbers[rows]) > GAP) + 1):
            if len(part):
                yield hand.on(np.isin(np.arange(len(hand.numbers)), part))


def _searched(chain: _Chain, run: NDArray[np.int32]) -> int:
    """How many frames of the run lie near enough to the chain for another tracklet."""
    return int(((run > chain.numbers[0] - GAP) & (run < chain.numbers[-1] + GAP)).sum())


def _chains(seen: Sequence[tuple[int, Sequence[Hand]]]) -> list[_Chain]:
    from scipy.optimize import linear_sum_assignment

    chains: list[_Chain] = []
    for number, hands in seen:
        live = [chain for chain in chains if number - chain.numbers[-1] <= GAP]
        cost = np.array([[chain.cost(number, hand) for hand in hands] for chain in live]).reshape(len(live), len(hands))
        known = set()
        for row, column in zip(*linear_sum_assignment(np.minimum(cost, 1e6)), strict=True):
            if np.isfinite(cost[row, column]):
                known.add(int(column))
                live[row].numbers.append(number)
                live[row].seen.append(hands[column])
        chains += [_Chain([number], [hand]) for index, hand in enumerate(hands) if index not in known]
    return chains


def _track(hand: FoundHand, run: NDArray[np.int32], canvas: Canvas, strength: float) -> HandTrack:
    """Every frame of the run from the first detection to the last, and those in which the hand comes and goes."""
    first, last = int(hand.numbers[0]), int(hand.numbers[-1])
    searched = run[(run >= first - FADE) & (run <= last + FADE)].astype(np.int32)
    whole = np.arange(first, last + 1)
    at = hand.numbers - first
    known = np.zeros(len(whole), bool)
    known[at] = True
    sizes = np.zeros((len(whole), 1))
    sizes[at, 0] = np.log(hand.size.astype(np.float64))
    sizes = steady(bridge(sizes, known), np.where(known, 1.0, _GUESSED), strength)
    values = np.zeros((len(whole), 2 * HAND_POINTS))
    values[at] = hand.points.reshape(len(at), -1)
    points = _whole_fingers(bridge(values, known).reshape(-1, HAND_POINTS, 2), np.exp(sizes))
    points = steady(points.reshape(len(whole), -1), np.where(known, 1.0, _GUESSED), strength)
    shown = canvas.to_display(points.reshape(-1, HAND_POINTS, 2).astype(np.float32))
    motion = np.gradient(shown, axis=0) if len(whole) > 1 else np.zeros_like(shown)
    inside = np.clip(searched - first, 0, last - first)
    beyond = searched - first - inside
    carried = motion[inside].mean(1, keepdims=True) * beyond[:, None, None]
    return HandTrack(
        numbers=searched,
        points=np.ascontiguousarray(shown[inside] + carried, np.float32),
        motion=np.ascontiguousarray(motion[inside], np.float32),
        size=np.exp(sizes[inside, 0]).astype(np.float32),
        presence=_presence(beyond),
    )


def _whole_fingers(points: F64, size: F64) -> F64:
    """Remove finger movements of one or two frames from (T, 21, 2) pixels: a median of five about the palm.

    A stretched finger is sometimes detected as folded, and would leave the stencil and come back.
    """
    from scipy.ndimage import median_filter

    whole = points[..., 0] + 1j * points[..., 1]
    knuckles = whole[:, _KNUCKLES].mean(1, keepdims=True)
    along = knuckles - whole[:, :1]
    pose = along / np.maximum(np.abs(along), 1e-6) * size
    shapes = (whole - knuckles) / pose
    shapes = median_filter(shapes.real, (5, 1), mode="nearest") + 1j * median_filter(
        shapes.imag, (5, 1), mode="nearest"
    )
    whole = shapes * pose + knuckles
    return np.stack([whole.real, whole.imag], -1)


def _presence(beyond: NDArray[np.int64]) -> F32:
    """(T,) weight, so many frames before the first or after the last tracklet."""
    return np.asarray(1 - np.abs(beyond) / (FADE + 1), np.float32)


def _beside(track: HandTrack, faces: Sequence[FaceTrack]) -> HandTrack | None:
    """The track on the frames on which it touches a face's region."""
    rows = np.array([_touches(track, row, faces) for row in range(len(track.numbers))])
    if not rows.any():
        return None
    return HandTrack(
        numbers=track.numbers[rows],
        points=track.points[rows],
        motion=track.motion[rows],
        size=track.size[rows],
        presence=track.presence[rows],
    )


def _touches(track: HandTrack, row: int, faces: Sequence[FaceTrack]) -> bool:
    flesh = _FLESH * track.size[row] + np.abs(track.motion[row]).max(0)
    low, high = track.points[row].min(0) - flesh, track.points[row].max(0) + flesh
    for face in faces:
        for points in face.points[face.numbers == track.numbers[row]]:
            middle, half = _region(points)
            if np.all(low < middle + half) and np.all(high > middle - half):
                return True
    return False


def _region(points: F32) -> tuple[F64, F64]:
    low, high = points.min(0).astype(np.float64), points.max(0).astype(np.float64)
    return (low + high) / 2, (high - low) / 2 * _AROUND
