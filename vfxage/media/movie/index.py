"""Finds the packet of each frame, the key frames and missing frames, if possible without decoding."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace

import av
import numpy as np
from numpy.typing import NDArray

from vfxage.arrays import ArrayData, shaped
from vfxage.errors import ReadError
from vfxage.media.movie.cut_short import is_cut_short
from vfxage.media.movie.source import OpenMovie, open_movie

INTRA_ONLY = frozenset({"prores", "dnxhd", "mjpeg", "v210", "rawvideo", "qtrle", "png", "cfhd", "jpeg2000", "ffvhuff"})
"""Decoders whose every packet is a key frame, in presentation order. A .mov of these is indexed from its header."""

_WRONG_KEYS = frozenset({"mpeg1video"})
"""Decoders whose packets FFmpeg marks as key frames where they are not: decoding always starts at the first packet."""

_Stamp = int | None
_REORDER = 64
"""Packets within which pictures can be reordered; codecs allow 16."""
_NO_STAMP = -(1 << 62)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class FrameIndex(ArrayData):
    """The packets of a video stream in file (decode) order, and the frame that each packet becomes."""

    stamps: NDArray[np.int64] = field(metadata=shaped("P", dtype=np.int64))
    """(P,) identifies a packet: its pts, or its place in the file if ``timed`` is False."""
    ranks: NDArray[np.int64] = field(metadata=shaped("P", dtype=np.int64))
    """(P,) 0-based place in presentation order, -1 for a packet that is not shown (removed by an edit list)."""
    places: NDArray[np.int64] = field(metadata=shaped("whole", dtype=np.int64))
    """(whole,) place in file order of the packet that becomes each frame."""
    starts: NDArray[np.int64] = field(metadata=shaped("K", dtype=np.int64))
    """(K,) places of the key frames, ascending."""
    seeks: NDArray[np.int64] = field(metadata=shaped("P", dtype=np.int64))
    """(P,) timestamp to seek to for this packet."""
    timed: bool
    count: int
    """Number of frames that the file should have, as its header states; if that is unknown, of a file that is cut
    short, one more than it has."""
    whole: int
    """Number of complete frames; less than ``count`` in a truncated or damaged file."""

    def start_of(self, rank: int, back: int = 0) -> int:
        """Place of the packet where decoding for frame ``rank`` starts: the last key frame stored and shown no later.

        A key frame shown after ``rank`` but stored before it (open GOP) is skipped: the pictures between need the key
        frame before it. ``back`` goes back by this many more key frames.
        """
        nth = int(np.searchsorted(self.starts, self.places[rank], side="right")) - 1
        while nth >= 0 and self.ranks[self.starts[nth]] > rank:
            nth -= 1
        return int(self.starts[nth - back]) if nth >= back else 0

    def leading(self, start: int) -> frozenset[int]:
        """Places of pictures stored after key frame ``start`` but shown before it (open GOP)."""
        after = self.ranks[start + 1 : start + 1 + _REORDER]
        early = np.flatnonzero((after >= 0) & (after < self.ranks[start]))
        return frozenset(int(place) + start + 1 for place in early) if start else frozenset()

    def times(self) -> NDArray[np.int64]:
        """Presentation timestamps in presentation order; only valid if ``timed``."""
        return np.sort(self.stamps[self.ranks >= 0])


@dataclass(slots=True)
class _Rows:
    """Packets as found, in file order."""

    pts: list[_Stamp]
    dts: list[_Stamp]
    keys: list[bool]
    shown: list[bool]


@dataclass(frozen=True, slots=True)
class _Listed:
    """The packets that the header lists."""

    packets: int
    stamps: tuple[int, ...] = ()
    """Decode timestamps of the packets; empty if the header has none."""


def build_index(source: OpenMovie, path: str, interlaced: bool) -> FrameIndex:
    """Index every packet. Reads only the header of an intra-only .mov; demuxes any other file once.

    An interlaced stream or one without timestamps is decoded once: only decoding gives the order of its frames.
    """
    intra = source.stream.codec_context.name in INTRA_ONLY
    listed = _listed(source)
    rows = _header_rows(source) if intra and listed.stamps else _demuxed_rows(source)
    shown = [pts for pts, show in zip(rows.pts, rows.shown, strict=True) if show]
    if not shown:
        raise ReadError("contains no video frames", path=path, fix="copy it again from its source")
    guessed = source.container.format.name == "avi"  # AVI stores no timestamps
    if None in shown or len(set(shown)) != len(shown) or ((interlaced or guessed) and not intra):
        cut = is_cut_short(path, source.container.format.name)
        return _decoded_index(path, len(rows.pts), _expected(source, rows, listed).packets if cut else 0)
    index = _timed_index(rows, listed if listed.stamps else _expected(source, rows, listed))
    if source.stream.codec_context.name in _WRONG_KEYS:
        return replace(index, starts=np.zeros(1, np.int64))
    return index


def _listed(source: OpenMovie) -> _Listed:
    stream = source.stream
    if "mov" in source.container.format.name:
        entries = tuple(entry.timestamp for entry in stream.index_entries) if stream.frames else ()
        return _Listed(len(entries), entries)
    if source.container.format.name == "mxf":  # counts in frames
        return _Listed(stream.duration or 0)
    return _Listed(stream.frames)


def _expected(source: OpenMovie, rows: _Rows, listed: _Listed) -> _Listed:
    """The number of frames that a file had before it was cut short: listed, or estimated, or one more than it has."""
    if not is_cut_short(source.path, source.container.format.name):
        return listed
    times = np.array(sorted(pts for pts in rows.pts if pts is not None))
    last, step, base = _stated_end(source), _frame_time(source, times), source.stream.time_base
    estimated = round((last - float(times[0] * base)) / step) if last and step and len(times) and base else 0
    return _Listed(max(len(rows.pts) + 1, listed.packets, estimated))


def _stated_end(source: OpenMovie) -> float:
    """End of the pictures of a Matroska file in seconds: it stores a time, not a number of frames. 0 if unknown.

    FFmpeg estimates the time of other files from their size, so it says nothing about a file that is cut short.
    """
    if "matroska" not in source.container.format.name:
        return 0.0
    clock = source.stream.metadata.get("DURATION", "").split(":")
    if len(clock) == 3:
        return int(clock[0]) * 3600 + int(clock[1]) * 60 + float(clock[2])
    return (source.container.duration or 0) / av.time_base


def _frame_time(source: OpenMovie, times: NDArray[np.int64]) -> float:
    """Seconds from one picture to the next; 0 if unknown."""
    if len(times) > 1 and source.stream.time_base:
        return float(np.median(np.diff(times)) * source.stream.time_base)
    rate = source.stream.average_rate or source.stream.guessed_rate
    return float(1 / rate) if rate else 0.0


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


def _timed_index(rows: _Rows, listed: _Listed) -> FrameIndex:
    found = len(rows.pts)
    stamps = np.array([_NO_STAMP if pts is None else pts for pts in rows.pts], np.int64)
    seeks = np.array([p if d is None else d for p, d in zip(stamps, rows.dts, strict=True)], np.int64)
    shown = np.flatnonzero(rows.shown)
    places = shown[np.argsort(stamps[shown])]
    whole = len(places)
    count = whole + max(0, listed.packets - found)
    if count > whole:
        # A missing packet is shown no earlier than its decode time, so frames before that time are complete.
        limit = listed.stamps[found] if listed.stamps else seeks[-1]
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


def _decoded_index(path: str, packets: int, expected: int) -> FrameIndex:
    """Number the packets in file order, decode all of them, and record the order of the decoded pictures.

    ``expected`` is the number of frames of a file that is cut short, else 0.
    """
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
        count=max(packets if damaged else 0, expected, len(order)),
        whole=len(order),
    )


def _decoded_order(path: str) -> tuple[list[int], list[int], bool]:
    """Ordinals of the key packets, ordinals of all packets in presentation order, and whether damage stopped it."""
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
            order += [picture.pts or 0 for picture in source.decoder.decode(packet if packet.size else None)]
    except av.error.FFmpegError:
        return keys, order, True
    finally:
        source.close()
    return keys, order, False


def _ranks(places: NDArray[np.int64], packets: int) -> NDArray[np.int64]:
    ranks = np.full(packets, -1, np.int64)
    ranks[places] = np.arange(len(places))
    return ranks
