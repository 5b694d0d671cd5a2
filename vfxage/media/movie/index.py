"""Finds the packet of each frame, the key frames and missing frames, if possible without decoding."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace

import av
import numpy as np
from av.packet import Packet
from av.video.stream import VideoStream
from numpy.typing import NDArray

from vfxage.arrays import ArrayData, shaped
from vfxage.errors import ReadError
from vfxage.media.movie.cut_short import is_cut_short
from vfxage.media.movie.source import OpenMovie, open_movie

INTRA_ONLY = frozenset({"prores", "dnxhd", "mjpeg", "v210", "rawvideo", "png", "cfhd", "jpeg2000", "ffvhuff"})
"""Decoders whose every packet is a key frame, in presentation order. A .mov of these is indexed from its header."""

_WRONG_KEYS = frozenset({"mpeg1video"})
"""Decoders whose packets FFmpeg marks as key frames where they are not: decoding always starts at the first packet."""

_Stamp = int | None
_REORDER = 64
"""Packets within which pictures can be reordered; codecs allow 16."""
_MISJUDGED = 4
"""Frames by which FFmpeg's guess of a decode time may be wrong."""
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
    lost: NDArray[np.int64] = field(metadata=shaped("L", dtype=np.int64))
    """(L,) places of packets before the first picture that do not decode, if ``timed`` is False; they are no frames."""
    timed: bool
    clock: NDArray[np.int64] = field(metadata=shaped("T", dtype=np.int64))
    """(T,) when each frame is shown, in the stream's time base, ascending; empty if the file does not say."""
    joined: bool
    """Whether the time stamps start again somewhere in the file, as in recordings that were joined."""
    shared: int
    """Frames that have the time stamp of another one in the file; ``clock`` spreads them evenly up to the next."""
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

    def leading(self, start: int, rank: int) -> frozenset[int]:
        """Places of pictures that need not be decoded from packet ``start`` on if ``rank`` is the first one wanted.

        They are stored after a key frame but shown before it (open GOP), and lean on pictures before the key frame.
        """
        if start not in self.starts or self.ranks[start] > rank:
            return frozenset()
        lost = frozenset(int(place) for place in self.lost if place > start)
        if not self.timed:
            after = self.ranks[start + 1 : start + 1 + _REORDER]
            early = np.flatnonzero((after >= 0) & (after < self.ranks[start]))
        else:  # the stamps also tell those that an edit list hides
            early = np.flatnonzero(self.stamps[start + 1 : start + 1 + _REORDER] < self.stamps[start])
        return lost | {int(place) + start + 1 for place in early}


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
    joined = _starts_again(rows)
    if None in shown or len(set(shown)) != len(shown) or joined or ((interlaced or guessed) and not intra):
        cut = is_cut_short(path, source.container.format.name)
        index = _decoded_index(path, rows, _expected(source, rows, listed).packets if cut else 0, timed=not guessed)
        return replace(index, joined=joined)
    index = _timed_index(rows, listed if listed.stamps else _expected(source, rows, listed))
    if source.stream.codec_context.name in _WRONG_KEYS:
        return replace(index, starts=np.zeros(1, np.int64))
    return index


def _starts_again(rows: _Rows) -> bool:
    """Whether the decode time goes back by more than a few frames. (FFmpeg misjudges it by one in a .mpg.)"""
    steps = np.diff([dts for dts in rows.dts if dts is not None])
    usual = np.median(steps[steps > 0]) if (steps > 0).any() else 0
    return bool((steps < -_MISJUDGED * usual).any()) if usual else False


def _listed(source: OpenMovie) -> _Listed:
    stream = source.stream
    if "mov" in source.container.format.name:
        entries = tuple(entry.timestamp for entry in stream.index_entries) if stream.frames else ()
        return _Listed(len(entries), entries)
    if source.container.format.name == "avi" and not is_cut_short(source.path, "avi"):
        return _Listed(0)  # its header also counts pictures that only repeat the one before, and have no packet
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
    rows, whole = _Rows([], [], [], []), 0
    for packet in source.container.demux(source.stream):
        if packet.size:
            rows.pts.append(packet.pts)
            rows.dts.append(packet.dts)
            rows.keys.append(packet.is_keyframe)
            rows.shown.append(not packet.is_discard)
            whole = whole if packet.is_corrupt else len(rows.pts)
    # A corrupt packet in the middle may still decode; those at the end are cut short by the end of the file.
    return _Rows(rows.pts[:whole], rows.dts[:whole], rows.keys[:whole], rows.shown[:whole])


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
        lost=np.zeros(0, np.int64),
        timed=True,
        clock=stamps[places],
        joined=False,
        shared=0,
        count=count,
        whole=whole,
    )


def _decoded_index(path: str, rows: _Rows, expected: int, *, timed: bool) -> FrameIndex:
    """Number the packets in file order, decode all of them, and record the order of the decoded pictures.

    ``expected`` is the number of frames of a file that is cut short, else 0; ``timed`` says whether the file has time
    stamps.
    """
    packets = len(rows.pts)
    decoded = _decode_all(path)
    places = np.array(decoded.order, np.int64)
    ordinals = np.arange(packets, dtype=np.int64)
    clock, shared = _spread([rows.pts[place] for place in decoded.order] if timed else [])
    return FrameIndex(
        stamps=ordinals,
        ranks=_ranks(places, packets),
        places=places,
        starts=np.array(decoded.keys, np.int64),
        seeks=ordinals,
        lost=np.array(decoded.lost, np.int64),
        timed=False,
        clock=clock,
        joined=False,
        shared=shared,
        count=max(packets if decoded.damaged else 0, expected, len(places)),
        whole=len(places),
    )


def _spread(stamps: list[_Stamp]) -> tuple[NDArray[np.int64], int]:
    """The times of frames in the order in which they are shown, and how many of them had another one's time stamp.

    Frames of one time stamp share the time up to the next one, at the end the usual time of a frame. A stamp that goes
    back, as where recordings were joined, comes that time after the one before it. Empty if the file does not say.
    """
    if None in stamps or len(set(stamps)) < 2:
        return np.zeros(0, np.int64), 0
    times = np.array(stamps, np.int64)
    steps = np.diff(times)
    usual = float(np.median(steps[steps > 0])) if (steps > 0).any() else 1.0
    times = times[0] + np.append(0, np.cumsum(np.where(steps < 0, round(usual), steps)))
    starts, counts = np.unique(times, return_counts=True)
    lengths = np.append(np.diff(starts), usual * counts[-1])
    nth = np.arange(len(times)) - np.repeat(np.cumsum(counts) - counts, counts)
    shown = np.repeat(starts, counts) + np.rint(np.repeat(lengths / counts, counts) * nth).astype(np.int64)
    return shown, len(times) - len(starts)


@dataclass(slots=True)
class _Decoded:
    """What decoding a whole stream tells, packets by their places in the file."""

    keys: list[int]
    """The key packets."""
    order: list[int]
    """The packets that become frames, as they are shown."""
    failed: list[int]
    """Packets before the first picture at which decoding failed: a recording that was cut may begin with such."""
    damaged: bool = False
    """Whether damage ended the decoding."""

    @property
    def lost(self) -> list[int]:
        """The packets that failed. A decoder of fields may notice a fault only at the packet after it."""
        found = (next((place for place in (at, at - 1) if place not in self.order), -1) for at in self.failed)
        return sorted({place for place in found if place > 0})


def _decode_all(path: str) -> _Decoded:
    source = open_movie(path, threads=1)
    found = _Decoded([], [], [])
    try:
        for place, packet in enumerate(source.container.demux(source.stream)):
            _decode_next(source, packet, place, found)
    except av.error.FFmpegError:
        found.damaged = True
    finally:
        source.close()
    return found


def _decode_next(source: OpenMovie, packet: Packet[VideoStream], place: int, found: _Decoded) -> None:
    if packet.size:
        packet.pts = packet.dts = place
        if packet.is_keyframe:
            found.keys.append(place)
    try:
        pictures = source.decoder.decode(packet if packet.size else None)
    except av.error.FFmpegError:
        if found.order or not packet.size:
            raise
        found.failed.append(place)
    else:
        found.order += [picture.pts or 0 for picture in pictures]


def _ranks(places: NDArray[np.int64], packets: int) -> NDArray[np.int64]:
    ranks = np.full(packets, -1, np.int64)
    ranks[places] = np.arange(len(places))
    return ranks
