"""What a session keeps so that a changed value shows at once: plate frames, and the answers of the ager."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import fields
from threading import Lock
from typing import Any, Generic, TypeVar, cast

import numpy as np

from vfxage.ager import Ager, Answer
from vfxage.fingerprint import digest
from vfxage.media.base import Reader
from vfxage.types import FaceCrop, Frame

_PLATE_BYTES, _ANSWER_BYTES = 1 << 30, 1 << 29
"""Most memory for plate frames (90 of 1280x720, 10 of 4K), and for answers of the ager (170 crops of 512 pixels)."""

APPLIED_LATER = frozenset({"face", "matte", "to_frame", "exposure", "gain", "others"})
"""Fields of a crop that no ager looks at (see ``Ager``): matte, intensity and regions are applied to its answer."""

V = TypeVar("V")


class Recent(Generic[V]):
    """The values that were used last, up to a number of bytes. Thread-safe."""

    def __init__(self, most: int, size_of: Callable[[V], int]) -> None:
        self._kept: OrderedDict[object, V] = OrderedDict()
        self._most, self._size_of = most, size_of
        self._bytes = 0
        self._lock = Lock()

    def get(self, key: object) -> V | None:
        """The value, if it is still here."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def keep(self, key: object, value: V) -> None:
        """Add a value. Those that were not used for the longest time make room; this one stays."""
        with self._lock:
            if key in self._kept:
                return
            self._kept[key] = value
            self._bytes += self._size_of(value)
            while self._bytes > self._most and len(self._kept) > 1:
                self._bytes -= self._size_of(self._kept.popitem(last=False)[1])


class Plate:
    """Frames of the plate, decoded once."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._frames: Recent[Frame] = Recent(_PLATE_BYTES, lambda frame: frame.rgb.nbytes)

    def frames(self, numbers: Iterable[int]) -> list[Frame]:
        """These frames, in ascending order. Raises ReadError."""
        wanted = sorted(numbers)
        found = {number: frame for number in wanted if (frame := self._frames.get(number)) is not None}
        missing = [number for number in wanted if number not in found]
        if missing:
            with closing(self._reader.read(missing)) as frames:
                for frame in frames:
                    found[frame.number] = frame
                    self._frames.keep(frame.number, frame)
        return [found[number] for number in wanted]


def remembered(ager: Ager) -> Ager:
    """An ager that answers a crop that it knows from memory: the bits are those of the ager itself."""
    return cast(Ager, _Remembered(ager))


class _Remembered:
    """Keeps the answers to whole calls; everything else is what the ager itself has."""

    def __init__(self, ager: Ager) -> None:
        self._ager = ager
        self._answers: Recent[Answer] = Recent(_ANSWER_BYTES, _size_of)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ager, name)

    def __call__(self, crops: Sequence[FaceCrop]) -> list[Answer]:
        """Give one answer per crop; only new crops go to the ager."""
        keys = [_key(crop) for crop in crops]
        known = {key: answer for key in keys if (answer := self._answers.get(key)) is not None}
        new = {key: crop for key, crop in zip(keys, crops, strict=True) if key not in known}
        if new:
            for key, answer in zip(new, self._ager(list(new.values())), strict=True):
                self._answers.keep(key, answer)
                known[key] = answer
        return [known[key] for key in keys]


def _size_of(answer: Answer) -> int:
    return answer.step.nbytes + (0 if answer.reach is None else answer.reach.nbytes)


def _key(crop: FaceCrop) -> str:
    """Digest of all that an ager may look at."""
    parts: list[object] = []
    for field in fields(crop):
        if field.name not in APPLIED_LATER:
            value = getattr(crop, field.name)
            parts += [field.name, *_parts(value != 0 if field.name == "intensity" else value)]
    return digest(*parts)


def _parts(value: Any) -> list[object]:
    if isinstance(value, np.ndarray):
        return [value.dtype.str, list(value.shape), value.tobytes()]
    if isinstance(value, Mapping):
        return [part for key in sorted(value) for part in (key, *_parts(value[key]))]
    return [repr(value)]
