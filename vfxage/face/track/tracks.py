"""The finished tracks of a shot: saved as one file, shown to a person."""

from __future__ import annotations

import io
import math
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from vfxage.arrays import ANY_SHAPE, ArrayData
from vfxage.errors import ReadError
from vfxage.face.track.findings import FINDING_KINDS, Findings
from vfxage.publish import publish
from vfxage.types import F32, FaceTrack, HandTrack, Study

_FORMAT = 10
_FIELDS = ("numbers", "points", "neck", "confidence", "presence", "yaw")
_HAND_FIELDS = ("numbers", "points", "motion", "size", "presence")
_KINDS = {
    "format": (np.int32, 1),
    "key": (np.uint8, 1),
    "numbers": (np.int32, 1),
    "cuts": (np.int32, 1),
    "faces": (np.int32, 1),
    "points": (np.float32, 3),
    "neck": (np.float32, 3),
    "confidence": (np.float32, 1),
    "presence": (np.float32, 1),
    "yaw": (np.float32, 1),
    "measured": (np.int32, 1),
    "measures": (np.float64, 2),
    "locked": (np.int32, 1),
    "missing": (np.int32, 1),
    "hands": (np.int32, 1),
    "motion": (np.float32, 3),
    "size": (np.float32, 1),
    "plate": (np.uint8, 2),
    **FINDING_KINDS,
}
"""Type and dimensions of every array, by the last part of its name."""
_LIMIT = 1 << 32
"""Largest unpacked size of a track file, bytes."""
_DAMAGE = (OSError, ValueError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error)
"""Errors of the standard library and numpy for a bad archive; RuntimeError means an encrypted or unknown entry."""
_DIGEST = 16
"""Bytes of a digest."""
_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """What is measured of a face once, when it is tracked first, and kept when the range of the shot changes.

    So no choice that concerns the whole shot changes for frames that are rendered already.
    """

    since: int
    """0 for the faces of the first track pass, 1 for those that the next longer range added, and so on."""
    light: float
    """Median luminance of the skin, linear Rec.709; NaN if it was not measured."""
    area: float
    """Area of the face's box, summed over the frames, square pixels: large and long beats small or brief."""
    across: float
    """Mean x of the landmarks, display-window pixels."""
    extents: Mapping[str, float]
    """Usual side of the face's crop in plate pixels, by the name of the framing; see ``face.crop.usual_extent``."""


_MEASURES = ("since", "light", "area", "across")
FRAMINGS: tuple[Literal["ffhq", "wide", "bust"], ...] = ("ffhq", "wide", "bust")
"""Names of the framings for which a face's crop is measured: all that an ager can have."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Tracks(ArrayData):
    """Every face of a shot, and the hands that pass before them."""

    faces: tuple[FaceTrack, ...]
    """By identity: in order of first appearance, then size; those that a longer range added come last."""
    cuts: tuple[int, ...]
    """First frame of each take but the first, ascending."""
    numbers: tuple[int, ...]
    """Every plate frame that was searched, ascending."""
    measures: Mapping[int, Measures] = field(default_factory=dict)
    """Of each face, by identity, also of faces outside the range."""
    missing: tuple[int, ...] = ()
    """Frames that are missing or unreadable, ascending."""
    hands: tuple[HandTrack, ...] = ()
    """In order of appearance."""
    plate: tuple[str, ...] = ()
    """Digest of each frame's plate file (32 hex digits), in the order of ``numbers``; the same for all frames of a
    movie. Empty where the tracks were made without a key."""
    studies: Mapping[str, Study] = field(default_factory=dict, metadata=ANY_SHAPE)
    """The ager's measurements of faces (``Ager.study``), each by the digest of everything that it was made from."""
    found: Findings | None = None
    """What the tracks were made from: the landmarks as detected, also on frames outside the range."""
    key: str = ""
    """Everything but the frames of the plate that the tracks were made from, as JSON. They are used while it is the
    same."""
    locked: bool = False
    """Whether the shot may be tracked anew only after ``vfxage track --unlock``."""

    def save(self, path: Path) -> None:
        """Write one .npz, complete or not at all; the same tracks give the same bytes. Raises WriteError."""
        arrays: dict[str, NDArray[Any]] = {
            "format": np.array([_FORMAT], np.int32),
            "key": np.frombuffer(self.key.encode(), np.uint8),
            "numbers": np.array(self.numbers, np.int32),
            "cuts": np.array(self.cuts, np.int32),
            "faces": np.array([track.face for track in self.faces], np.int32),
            "measured": np.array([*self.measures], np.int32),
            "measures": np.array([_measured(one) for one in self.measures.values()], np.float64).reshape(
                -1, len(_MEASURES) + len(FRAMINGS)
            ),
            "locked": np.array([self.locked], np.int32),
            "missing": np.array(self.missing, np.int32),
            "hands": np.array([len(hand.numbers) for hand in self.hands], np.int32),
            "plate": np.frombuffer(bytes.fromhex("".join(self.plate)), np.uint8).reshape(-1, _DIGEST),
        }
        arrays |= self.found.to_arrays() if self.found else {}
        for made_from, study in self.studies.items():
            arrays |= {f"study{made_from}.{name}": np.ascontiguousarray(value) for name, value in study.items()}
        for place, track in enumerate(self.faces):
            arrays |= {f"{place}.{name}": getattr(track, name) for name in _FIELDS}
        for place, hand in enumerate(self.hands):
            arrays |= {f"hand{place}.{name}": getattr(hand, name) for name in _HAND_FIELDS}
        with publish(path) as partial, zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, array in arrays.items():
                stream = io.BytesIO()
                np.save(stream, array, allow_pickle=False)
                entry = zipfile.ZipInfo(f"{name}.npy", _EPOCH)  # no clock in the bytes
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, stream.getvalue())

    @classmethod
    def load(cls, path: Path) -> Tracks:
        """Read what ``save`` wrote; raises ReadError for a file that is missing, damaged or of another kind."""
        fix = "delete it and run `vfxage track` again"
        try:
            with zipfile.ZipFile(path) as archive:
                if sum(entry.file_size for entry in archive.infolist()) > _LIMIT:
                    raise ReadError("is too large to be a track file", path=path, fix=fix)
                # Each entry is read to its end first, which verifies its checksum before any byte is used.
                whole = {entry.filename.removesuffix(".npy"): archive.read(entry) for entry in archive.infolist()}
            return cls._from_arrays({name: _array(name, data) for name, data in whole.items()})
        except FileNotFoundError as error:
            raise ReadError("there is no such track file", path=path, fix="run `vfxage track` first") from error
        except _DAMAGE as error:
            raise ReadError(f"is not a whole track file ({error})", path=path, fix=fix) from error

    @classmethod
    def _from_arrays(cls, arrays: dict[str, NDArray[Any]]) -> Tracks:
        if arrays["format"].tolist() != [_FORMAT]:
            raise ValueError(f"format {arrays['format'].tolist()}, this vfxage reads {_FORMAT}")
        faces = []
        for place, face in enumerate(arrays["faces"].tolist()):
            values: dict[str, Any] = {}
            for name in _FIELDS:
                values[name] = np.ascontiguousarray(arrays[f"{place}.{name}"])
            faces.append(FaceTrack(face=face, **values))
        hands = []
        for place, count in enumerate(arrays["hands"].tolist()):
            values = {name: np.ascontiguousarray(arrays[f"hand{place}.{name}"]) for name in _HAND_FIELDS}
            hands.append(HandTrack(**values))
            if len(hands[-1].numbers) != count:
                raise ValueError(f"hand {place} is on {len(hands[-1].numbers)} frames, not {count}")
        return cls(
            faces=tuple(faces),
            cuts=tuple(arrays["cuts"].tolist()),
            numbers=tuple(arrays["numbers"].tolist()),
            measures={
                face: _measures(row)
                for face, row in zip(arrays["measured"].tolist(), arrays["measures"].tolist(), strict=True)
            },
            missing=tuple(arrays["missing"].tolist()),
            hands=tuple(hands),
            plate=tuple(row.tobytes().hex() for row in arrays["plate"]),
            studies=_studies(arrays),
            found=Findings.from_arrays(arrays) if "found_numbers" in arrays else None,
            key=arrays["key"].tobytes().decode(),
            locked=bool(arrays["locked"].item()),
        )


def _measured(one: Measures) -> list[float]:
    return [*(getattr(one, name) for name in _MEASURES), *(one.extents[name] for name in FRAMINGS)]


def _measures(row: list[float]) -> Measures:
    since, *values = row[: len(_MEASURES)]
    extents: dict[str, float] = dict(zip(FRAMINGS, row[len(_MEASURES) :], strict=True))
    return Measures(since=int(since), light=values[0], area=values[1], across=values[2], extents=extents)


def _studies(arrays: Mapping[str, NDArray[Any]]) -> dict[str, Study]:
    studies: dict[str, dict[str, F32]] = {}
    for name, value in arrays.items():
        owner, _, key = name.partition(".")
        if owner.startswith("study") and key:
            studies.setdefault(owner.removeprefix("study"), {})[key] = value
    return dict(studies)


def _array(name: str, data: bytes) -> NDArray[Any]:
    """The array of one entry. Raises ValueError unless dtype, shape and size are those that the entry must have."""
    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)  # type: ignore[no-untyped-call]
    if version != (1, 0):
        raise ValueError(f"{name} is of .npy version {version}")
    shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)  # type: ignore[no-untyped-call]
    study = name.startswith("study") and "." in name
    kind, dimensions = (np.float32, len(shape)) if study else _KINDS[name.rpartition(".")[2]]
    if dtype != kind or len(shape) != dimensions or fortran or min(shape, default=0) < 0:
        raise ValueError(f"{name} is {dtype}{list(shape)}")
    if math.prod(shape) * dtype.itemsize != len(data) - stream.tell():
        raise ValueError(f"{name} has the shape {list(shape)} and holds {len(data) - stream.tell()} bytes")
    return np.frombuffer(data, dtype, offset=stream.tell()).reshape(shape)


def spans(numbers: NDArray[np.int32]) -> list[tuple[int, int]]:
    """First and last of each unbroken run of frame numbers."""
    ends = np.flatnonzero(np.diff(numbers) > 1)
    firsts, lasts = np.r_[0, ends + 1], np.r_[ends, len(numbers) - 1]
    return [(int(numbers[a]), int(numbers[b])) for a, b in zip(firsts, lasts, strict=True)]


def to_json(tracks: Tracks) -> dict[str, Any]:
    """The tracks for a person or a script, as plain values.

    Per frame: box (x, y, width, height in display-window pixels), confidence and presence 0..1, yaw in degrees; of a
    hand, its points' box and presence.
    """
    numbers = tracks.numbers
    starts = sorted({*tracks.cuts, *numbers[:1]})
    lasts = [numbers[numbers.index(cut) - 1] for cut in starts[1:]] + list(numbers[-1:])
    takes = [[first, last] for first, last in zip(starts, lasts, strict=True)]
    return {
        "locked": tracks.locked,
        "takes": takes,
        "cuts": list(tracks.cuts),
        "faces": [_face(t) for t in tracks.faces],
        "hands": [_hand(t) for t in tracks.hands],
    }


def _hand(track: HandTrack) -> dict[str, Any]:
    low, high = track.points.min(1), track.points.max(1)
    return {
        "spans": [list(span) for span in spans(track.numbers)],
        "frames": [
            {
                "frame": int(number),
                "box": [round(float(value), 1) for value in box],
                "presence": round(float(presence), 3),
            }
            for number, box, presence in zip(
                track.numbers, np.concatenate([low, high - low], axis=1), track.presence, strict=True
            )
        ],
    }


def _face(track: FaceTrack) -> dict[str, Any]:
    low, high = track.points.min(1), track.points.max(1)
    boxes = np.concatenate([low, high - low], axis=1)
    return {
        "face": track.face,
        "spans": [list(span) for span in spans(track.numbers)],
        "mean_height": round(float(boxes[:, 3].mean()), 1),
        "frames": [
            {
                "frame": int(number),
                "box": [round(float(value), 1) for value in box],
                "confidence": round(float(confidence), 3),
                "presence": round(float(presence), 3),
                "yaw": round(float(yaw), 1),
            }
            for number, box, confidence, presence, yaw in zip(
                track.numbers, boxes, track.confidence, track.presence, track.yaw, strict=True
            )
        ],
    }
