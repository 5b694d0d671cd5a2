"""Index of a movie: presentation order, key frames and missing packets, without decoding if possible."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

import av
import numpy as np
from numpy.typing import NDArray

from vfxage.arrays import ArrayData, shaped
from vfxage.errors import ReadError
from vfxage.media.movie.source import OpenMovie, open_movie

INTRA_ONLY = frozenset({"prores", "dnxhd", "mjpeg", "v210", "rawvideo", "qtrle", "png", "cfhd", "jpeg2000", "ffvhuff"})
"""Intra-only codecs in presentation order: a .mov with one of them is indexed from its header alone."""

_Stamp = int | None
_REORDER = 64
"""Packets within which pictures change places: codecs allow 16."""
_NO_STAMP = -(1 << 62)
_SEGMENT = b"\x18\x53\x80\x67"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class FrameIndex(ArrayData):
    """The packets of a video stream in file (decode) order, and the frame each becomes."""

    stamps: NDArray[np.int64] = field(metadata=shaped("P", dtype=np.int64))
    """(P,) what identifies a packet: its pts, or its ordinal where ``timed`` is False."""
    ranks: NDArray[np.int64] = field(metadata=shaped("P", dtype=np.int64))
    """(P,) 0-based place in presentation order, -1 for a packet that shows nothing (cut by an edit list)."""
    places: NDArray[np.int64] = field(metadata=shaped("whole", dtype=np.int64))
    """(whole,) place in file order of the packet that becomes each frame."""
    starts: NDArray[np.int64] = field(metadata=shaped("K", dtype=np.int64))
    """(K,) places of the key frames, ascending."""
    seeks: NDArray[np.int64] = field(metadata=shaped("P", dtype=np.int64))
    """(P,) timestamp to seek to for this packet."""
    timed: bool
    count: int
    """Frames the file promises."""
    whole: int
    """Frames that are there in full; less than ``count`` in a truncated or damaged file."""

    def start_of(self, rank: int, back: int = 0) -> int:
        """Place from which to decode for frame ``rank``: the last key frame stored and shown no later.

        A key frame shown after ``rank`` but stored before it (open GOP) leads in pictures that need the one before.
        ``back`` asks for so many key frames earlier.
        """
        nth = int(np.searchsorted(self.starts, self.places[rank], side="right")) - 1
        while nth >= 0 and self.ranks[self.starts[nth]] > rank:
            nth -= 1
        return int(self.starts[nth - back]) if nth >= back else 0

    def led_in(self, start: int) -> frozenset[int]:
        """Places after key frame ``start`` of pictures shown before it (open GOP), which lean on the one before."""
        after = self.ranks[start + 1 : start + 1 + _REORDER]
        early = np.flatnonzero((after >= 0) & (after < self.ranks[start]))
        return frozenset(int(place) + start + 1 for place in early) if start else frozenset()

    def times(self) -> NDArray[np.int64]:
        """Presentation timestamps in presentation order (only where ``timed``)."""
        return np.sort(self.stamps[self.ranks >= 0])


@dataclass(slots=True)
class _Rows:
    """Packets as found, in file order."""

    pts: list[_Stamp]
    dts: list[_Stamp]
    keys: list[bool]
    shown: list[bool]


@dataclass(frozen=True, slots=True)
class _Promise:
    """The header's own list of frames."""

    packets: int
    stamps: tuple[int, ...] = ()
    """Decode timestamps of those packets, where the header lists them."""


def build_index(source: OpenMovie, path: str, interlaced: bool) -> FrameIndex:
    """Index every packet; reads the header alone for an intra-only .mov, else demuxes the file once.

    A stream without timestamps, or interlaced between frames, is decoded once: nothing else tells its order.
    """
    intra = source.stream.codec_context.name in INTRA_ONLY
    promise = _promise(source)
    rows = _header_rows(source) if intra and promise.stamps else _demuxed_rows(source)
    shown = [pts for pts, show in zip(rows.pts, rows.shown, strict=True) if show]
    if not shown:
        raise ReadError("holds no video frames", path=path, fix="copy it again from where it came from")
    guessed = source.container.format.name == "avi"  # AVI has no times of its own
    if None in shown or len(set(shown)) != len(shown) or ((interlaced or guessed) and not intra):
        return _decoded_index(path, len(rows.pts))
    return _timed_index(rows, promise if promise.stamps else _lasting(source, rows, promise))


def _promise(source: OpenMovie) -> _Promise:
    stream = source.stream
    if "mov" in source.container.format.name:
        entries = tuple(entry.timestamp for entry in stream.index_entries) if stream.frames else ()
        return _Promise(len(entries), entries)
    return _Promise(stream.frames)


def _lasting(source: OpenMovie, rows: _Rows, promise: _Promise) -> _Promise:
    """Matroska says how long a stream and the file are, not how many frames there are."""
    clock = source.stream.metadata.get("DURATION", "").split(":")
    times = np.array(sorted(pts for pts in rows.pts if pts is not None))
    base = source.stream.time_base
    if not _cut_matroska(source.path) or len(times) < 2 or base is None:
        return promise
    found = len(rows.pts)
    if len(clock) != 3:
        return _Promise(found + 1)
    seconds = int(clock[0]) * 3600 + int(clock[1]) * 60 + float(clock[2])
    whole = round((seconds / float(base) - times[0]) / float(np.median(np.diff(times))))
    return _Promise(max(found + 1, whole))


def _cut_matroska(path: str) -> bool:
    """Whether a Matroska file is shorter than its one segment (RFC 9559) says."""
    with open(path, "rb") as file:
        head = file.read(4096)
    start = head.find(_SEGMENT) + len(_SEGMENT)
    if start < len(_SEGMENT) or start >= len(head):
        return False
    length = 9 - head[start].bit_length()
    size = int.from_bytes(head[start : start + length], "big") & ((1 << 7 * length) - 1)
    unknown = (1 << 7 * length) - 1
    return size != unknown and start + length + size > os.path.getsize(path)


def _header_rows(source: OpenMovie) -> _Rows:
    size = os.path.getsize(source.path)
    rows = _Rows([], [], [], [])
    for entry in source.stream.index_entries:
        if entry.pos + entry.size > size:
            break
        rows.pts.append(entry.timestamp)
        rows.dts.append(entry.timestamp)
        rows.keys.append(True)
        rows.shown.append(not entry.is_discard)
    return rows


def _demuxed_rows(source: OpenMovie) -> _Rows:
    rows = _Rows([], [], [], [])
    for packet in source.container.demux(source.stream):
        if packet.is_corrupt:  # cut short by the end of the file
            break
        if packet.size:
            rows.pts.append(packet.pts)
            rows.dts.append(packet.dts)
            rows.keys.append(packet.is_keyframe)
            rows.shown.append(not packet.is_discard)
    return rows


def _timed_index(rows: _Rows, promise: _Promise) -> FrameIndex:
    found = len(rows.pts)
    stamps = np.array([_NO_STAMP if pts is None else pts for pts in rows.pts], np.int64)
    seeks = np.array([p if d is None else d for p, d in zip(stamps, rows.dts, strict=True)], np.int64)
    shown = np.flatnonzero(rows.shown)
    places = shown[np.argsort(stamps[shown])]
    whole = len(places)
    count = whole + max(0, promise.packets - found)
    if count > whole:
        # A packet that is not there is shown no earlier than its decode time, so what is shown before that is sure.
        limit = promise.stamps[found] if promise.stamps else seeks[-1]
        whole = int((stamps[shown] <= limit).sum())
    return FrameIndex(
        stamps=stamps,
        ranks=_ranks(places, found),
        places=places,
        starts=np.flatnonzero(rows.keys),
        seeks=seeks,
        timed=True,
        count=count,
        whole=whole,
    )


def _decoded_index(path: str, packets: int) -> FrameIndex:
    """Number the packets in file order, decode them all, and see in which order they come out."""
    keys, order, damaged = _decoded_order(path)
    places = np.array(order, np.int64)
    ordinals = np.arange(packets, dtype=np.int64)
    return FrameIndex(
        stamps=ordinals,
        ranks=_ranks(places, packets),
        places=places,
        starts=np.array(keys, np.int64),
        seeks=ordinals,
        timed=False,
        count=max(packets, len(order)) if damaged else len(order),
        whole=len(order),
    )


def _decoded_order(path: str) -> tuple[list[int], list[int], bool]:
    """Ordinals of the key packets, of the packets in the order they are shown, and whether damage cut that short."""
    source = open_movie(path, threads=1)
    keys: list[int] = []
    order: list[int] = []
    ordinal = 0
    try:
        for packet in source.container.demux(source.stream):
            if packet.size:
                packet.pts = packet.dts = ordinal
                if packet.is_keyframe:
                    keys.append(ordinal)
                ordinal += 1
            order += [
                picture.pts or 0 for picture in source.stream.codec_context.decode(packet if packet.size else None)
            ]
    except av.error.FFmpegError:
        return keys, order, True
    finally:
        source.close()
    return keys, order, False


def _ranks(places: NDArray[np.int64], packets: int) -> NDArray[np.int64]:
    ranks = np.full(packets, -1, np.int64)
    ranks[places] = np.arange(len(places))
    return ranks
