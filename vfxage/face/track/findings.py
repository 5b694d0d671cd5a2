"""What the track pass found on each frame, before smoothing. Findings are only ever added to.

A frame that was searched keeps what was found on it. So when the range of a shot changes, only the new frames are
searched, and the tracks of the others come from the same landmarks as before.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from vfxage.arrays import ArrayData, check_arrays, shaped
from vfxage.face.detect.finder import LOOK_SIDE
from vfxage.face.track.canvas import Canvas
from vfxage.geometry import NECK_POINTS
from vfxage.types import F32, HAND_POINTS, POINTS, Window

Arrays = dict[str, NDArray[Any]]

FINDING_KINDS = {
    "found_numbers": (np.int32, 1),
    "found_cuts": (np.int32, 1),
    "found_missing": (np.int32, 1),
    "found_canvas": (np.float64, 1),
    "found_files": (np.uint8, 2),
    "found_plate": (np.uint8, 2),
    "people": (np.int32, 1),
    "named": (np.int32, 1),
    "look": (np.float32, 3),
    "skin": (np.float32, 3),
    "hold": (np.float32, 2),
    "found_hands": (np.int32, 1),
    "found_numbers_of_files": (np.int32, 1),
    "found_numbers_of_plate": (np.int32, 1),
}
"""Type and dimensions of the arrays that only findings have, by the last part of their names."""
_DIGEST = 16
_PERSON = ("numbers", "points", "skin", "hold", "confidence", "yaw", "look")
_HAND = ("numbers", "points", "size")


class TrackingSettings(Protocol):
    """The shot's ``tracking:``."""

    @property
    def max_gap(self) -> int:
        """Frames without a face that are bridged."""
        ...

    @property
    def smoothing(self) -> float:
        """0 bridges and mends only, 1 is the usual measure."""
        ...

    @property
    def min_face(self) -> int:
        """Height of the smallest face to find, pixels."""
        ...


def _check_ascending(numbers: NDArray[np.int32]) -> None:
    if np.any(np.diff(numbers) <= 0):
        raise ValueError("numbers must be strictly ascending")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Person(ArrayData):
    """One person of one take as detected, one row per frame on which the face was found."""

    face: int
    """Identity within the shot, from 0."""
    numbers: NDArray[np.int32] = field(metadata=shaped("N", dtype=np.int32))
    """(N,) plate frame numbers, strictly ascending."""
    points: F32 = field(metadata=shaped("N", POINTS, 2))
    """(N, 478, 2) landmarks, display-window pixels."""
    skin: F32 = field(metadata=shaped("N", POINTS + NECK_POINTS, 2))
    """(N, 512, 2) landmarks and nodes of the neck, anchored to the skin (``anchor.py``), display-window pixels."""
    hold: F32 = field(metadata=shaped("N", POINTS + NECK_POINTS))
    """(N, 512) 0..1: how well the flow of the plate holds each of them; 0 has the landmark alone."""
    confidence: F32 = field(metadata=shaped("N"))
    """(N,) 0..1, of the detection."""
    yaw: F32 = field(metadata=shaped("N"))
    """(N,) degrees, positive when the face looks towards the picture's right."""
    look: F32 = field(metadata=shaped(LOOK_SIDE, LOOK_SIDE, 3))
    """(16, 16, 3) 0..255, a small picture of the head, for knowing the person again."""

    def __post_init__(self) -> None:
        check_arrays(self)
        _check_ascending(self.numbers)

    def on(self, wanted: NDArray[np.bool_]) -> Self:
        """The person on the rows that are ``wanted`` (N,)."""
        rows: dict[str, Any] = {n: np.ascontiguousarray(getattr(self, n)[wanted]) for n in _PERSON[:-1]}
        return replace(self, **rows)

    def with_rows(self, **rows: NDArray[Any]) -> Self:
        """The person with more rows; a frame that has one already keeps it."""
        new = ~np.isin(rows["numbers"], self.numbers)
        order = np.argsort(np.concatenate([self.numbers, rows["numbers"][new]]), kind="stable")
        joined = {name: np.concatenate([getattr(self, name), values[new]])[order] for name, values in rows.items()}
        return replace(self, **joined)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class FoundHand(ArrayData):
    """One hand as detected, one row per frame on which it was found."""

    numbers: NDArray[np.int32] = field(metadata=shaped("N", dtype=np.int32))
    """(N,) plate frame numbers, strictly ascending."""
    points: F32 = field(metadata=shaped("N", HAND_POINTS, 2))
    """(N, 21, 2) landmarks, pixels of the tracking canvas."""
    size: F32 = field(metadata=shaped("N"))
    """(N,) length of the palm, pixels of the tracking canvas."""

    def __post_init__(self) -> None:
        check_arrays(self)
        _check_ascending(self.numbers)

    def on(self, wanted: NDArray[np.bool_]) -> Self:
        """The hand on the rows that are ``wanted`` (N,)."""
        return replace(self, **{name: np.ascontiguousarray(getattr(self, name)[wanted]) for name in _HAND})

    def with_rows(self, other: FoundHand) -> Self:
        """The hand with the rows of another; a frame that has one already keeps it."""
        new = ~np.isin(other.numbers, self.numbers)
        order = np.argsort(np.concatenate([self.numbers, other.numbers[new]]), kind="stable")
        joined = {n: np.concatenate([getattr(self, n), getattr(other, n)[new]])[order] for n in _HAND}
        return replace(self, **joined)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Findings(ArrayData):
    """Everything that was found on the frames that were searched, for whatever range, and how they were searched."""

    canvas: Canvas
    numbers: tuple[int, ...] = ()
    """Every plate frame that was searched, ascending."""
    cuts: tuple[int, ...] = ()
    """First frame of each take but the first, ascending."""
    missing: tuple[int, ...] = ()
    """Frames that are missing or unreadable, ascending."""
    people: tuple[Person, ...] = ()
    """By identity."""
    named: int = 0
    """Identities given so far; they are not given again."""
    hands: tuple[FoundHand, ...] = ()
    files: Mapping[int, str] = field(default_factory=dict)
    """Digest of name, size and modification time of the plate file of each frame, also of missing frames."""
    plate: Mapping[int, str] = field(default_factory=dict)
    """Digest of the content of each frame's plate file (32 hex digits); the same for all frames of a movie."""

    def take_of(self, number: int) -> int:
        """Which take a frame is in, from 0."""
        return bisect_right(self.cuts, number)

    def without(self, numbers: Collection[int]) -> Self:
        """The findings without these frames, and without people who are on no other; cuts stay."""
        gone = np.array(sorted(numbers), np.int32)
        people = (person.on(~np.isin(person.numbers, gone)) for person in self.people)
        hands = (hand.on(~np.isin(hand.numbers, gone)) for hand in self.hands)
        return replace(
            self,
            numbers=tuple(n for n in self.numbers if n not in numbers),
            missing=tuple(n for n in self.missing if n not in numbers),
            people=tuple(person for person in people if len(person.numbers)),
            hands=tuple(hand for hand in hands if len(hand.numbers)),
            files={n: file for n, file in self.files.items() if n not in numbers},
            plate={n: content for n, content in self.plate.items() if n not in numbers},
        )

    def cuts_within(self, numbers: Sequence[int]) -> tuple[int, ...]:
        """First frame of each take but the first, of a range (ascending) that may have fewer frames."""
        places = {bisect_left(numbers, cut) for cut in self.cuts}
        return tuple(numbers[place] for place in sorted(places) if 0 < place < len(numbers))

    def to_arrays(self) -> Arrays:
        """Everything as named arrays, for the track file."""
        window = self.canvas.window
        arrays: Arrays = {
            "found_numbers": np.array(self.numbers, np.int32),
            "found_cuts": np.array(self.cuts, np.int32),
            "found_missing": np.array(self.missing, np.int32),
            "found_canvas": np.array([window.x, window.y, window.width, window.height, self.canvas.stretch]),
            "people": np.array([person.face for person in self.people], np.int32),
            "named": np.array([self.named], np.int32),
            "found_hands": np.array([len(hand.numbers) for hand in self.hands], np.int32),
        }
        for name, digests in (("files", self.files), ("plate", self.plate)):
            arrays[f"found_numbers_of_{name}"] = np.array([*digests], np.int32)
            arrays[f"found_{name}"] = np.frombuffer(bytes.fromhex("".join(digests.values())), np.uint8).reshape(
                -1, _DIGEST
            )
        for place, person in enumerate(self.people):
            arrays |= {f"person{place}.{name}": getattr(person, name) for name in _PERSON}
        for place, hand in enumerate(self.hands):
            arrays |= {f"found_hand{place}.{name}": getattr(hand, name) for name in _HAND}
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The findings of ``to_arrays``. Raises ValueError and KeyError for arrays that cannot be."""
        x, y, width, height, stretch = arrays["found_canvas"].tolist()
        hands = [
            FoundHand(**_fields(arrays, f"found_hand{place}", _HAND)) for place in range(len(arrays["found_hands"]))
        ]
        if [len(hand.numbers) for hand in hands] != arrays["found_hands"].tolist():
            raise ValueError("hands are on other frames than they say")
        return cls(
            canvas=Canvas(Window(int(x), int(y), int(width), int(height)), stretch),
            numbers=tuple(arrays["found_numbers"].tolist()),
            cuts=tuple(arrays["found_cuts"].tolist()),
            missing=tuple(arrays["found_missing"].tolist()),
            people=tuple(
                Person(face=face, **_fields(arrays, f"person{place}", _PERSON))
                for place, face in enumerate(arrays["people"].tolist())
            ),
            named=int(arrays["named"].item()),
            hands=tuple(hands),
            files=_digests(arrays, "files"),
            plate=_digests(arrays, "plate"),
        )


def _fields(arrays: Mapping[str, NDArray[Any]], owner: str, names: Iterable[str]) -> dict[str, Any]:
    return {name: np.ascontiguousarray(arrays[f"{owner}.{name}"]) for name in names}


def _digests(arrays: Mapping[str, NDArray[Any]], name: str) -> dict[int, str]:
    rows = [row.tobytes().hex() for row in arrays[f"found_{name}"]]
    return dict(zip(arrays[f"found_numbers_of_{name}"].tolist(), rows, strict=True))
