"""Which packet is which frame: presentation order, key frames, and what is missing, without decoding where possible."""

from __future__ import annotations

import os
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
from numpy.typing import NDArray

from vfxage.errors import ReadError
from vfxage.media.movie.source import Source, open_source, reason

INTRA_ONLY = frozenset({"prores", "dnxhd", "mjpeg", "v210", "rawvideo", "qtrle", "png", "cfhd", "jpeg2000", "ffvhuff"})
"""Decoders whose packets stand alone, in presentation order: a .mov of them is indexed from its header."""

_Stamp = int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameIndex:
    """The packets of a video stream in file (decode) order, and the frame each becomes."""

    stamps: NDArray[np.int64]
    """(P,) what identifies a packet: its pts, or its ordinal where ``timed`` is False."""
    ranks: NDArray[np.int64]
    """(P,) 0-based place in presentation order, -1 for a packet that shows nothing (cut by an edit list)."""
    keys: NDArray[np.bool_]
    """(P,) decoding may start here."""
    seeks: NDArray[np.int64]
    """(P,) timestamp to seek to for this packet."""
    timed: bool
    count: int
    """Frames the file promises."""
    whole: int
    """Frames that are there in full; less than ``count`` in a truncated file."""

    def packet_of(self, rank: int) -> int:
        """Place in decode order of the packet that becomes frame ``rank``."""
        return int(np.flatnonzero(self.ranks == rank)[0])

    def starts(self, rank: int) -> list[int]:
        """Packets from which decoding gives frame ``rank``, best first: key frames stored and shown no later.

        A key frame shown after ``rank`` but stored before it (open GOP) leads in pictures that need the one before.
        """
        packet = self.packet_of(rank)
        usable = self.keys[: packet + 1] & (self.ranks[: packet + 1] <= rank)
        return [int(start) for start in np.flatnonzero(usable)[::-1]] or [0]

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
    """What the header says is in the file."""

    packets: int
    stamps: tuple[int, ...] = ()
    """Decode timestamps of those packets, where the header lists them."""


def build_index(source: Source, path: str, interlaced: bool) -> FrameIndex:
    """Index every packet; reads the header alone for an intra-only .mov, else demuxes the file once.

    A stream without timestamps, or interlaced between frames, is decoded once: nothing else tells its order.
    """
    intra = source.stream.codec_context.name in INTRA_ONLY
    promise = _promise(source)
    rows = _header_rows(source) if intra and promise.stamps else _demuxed_rows(source)
    shown = [pts for pts, show in zip(rows.pts, rows.shown, strict=True) if show]
    if not shown:
        raise ReadError("holds no video frames", path=path, fix="copy it again from where it came from")
    if None in shown or len(set(shown)) != len(shown) or (interlaced and not intra):
        return _decoded_index(path, len(rows.pts))
    return _timed_index(rows, promise if promise.stamps else _lasting(source, rows, promise))


def _promise(source: Source) -> _Promise:
    stream = source.stream
    if "mov" in source.container.format.name:
        entries = tuple(entry.timestamp for entry in stream.index_entries) if stream.frames else ()
        return _Promise(len(entries), entries)
    return _Promise(stream.frames)


def _lasting(source: Source, rows: _Rows, promise: _Promise) -> _Promise:
    """Matroska says how long a stream lasts, not how many frames it has."""
    clock = source.stream.metadata.get("DURATION", "").split(":")
    times = sorted(pts for pts in rows.pts if pts is not None)
    base = source.stream.time_base
    if len(clock) != 3 or len(times) < 2 or base is None:
        return promise
    seconds = int(clock[0]) * 3600 + int(clock[1]) * 60 + Fraction(clock[2])
    step = Fraction(times[-1] - times[0], len(times) - 1)
    missing = round((seconds / base - times[-1]) / step) - 1
    return _Promise(len(rows.pts) + max(0, missing))


def _header_rows(source: Source) -> _Rows:
    size = os.path.getsize(source.container.name.removeprefix("file:"))
    rows = _Rows([], [], [], [])
    for entry in source.stream.index_entries:
        if entry.pos + entry.size > size:
            break
        rows.pts.append(entry.timestamp)
        rows.dts.append(entry.timestamp)
        rows.keys.append(True)
        rows.shown.append(not entry.is_discard)
    return rows


def _demuxed_rows(source: Source) -> _Rows:
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
    stamps = np.array([-(1 << 62) if pts is None else pts for pts in rows.pts], np.int64)
    seeks = np.array([p if d is None else d for p, d in zip(stamps, rows.dts, strict=True)], np.int64)
    shown = np.array(rows.shown, bool)
    ranks = np.full(found, -1, np.int64)
    ranks[np.flatnonzero(shown)[np.argsort(stamps[shown])]] = np.arange(int(shown.sum()))
    whole = int(shown.sum())
    count = whole + max(0, promise.packets - found)
    if count > whole:
        # A packet that is not there is shown no earlier than its decode time, so what is shown before that is sure.
        limit = promise.stamps[found] if promise.stamps else seeks[-1]
        whole = int((stamps[shown] <= limit).sum())
    return FrameIndex(
        stamps=stamps, ranks=ranks, keys=np.array(rows.keys, bool), seeks=seeks, timed=True, count=count, whole=whole
    )


def _decoded_index(path: str, packets: int) -> FrameIndex:
    """Number the packets in file order, decode them all, and see in which order they come out."""
    source = open_source(path, threads=1)
    ranks = np.full(packets, -1, np.int64)
    keys = np.zeros(packets, bool)
    count = 0
    try:
        ordinal = 0
        for packet in source.container.demux(source.stream):
            if packet.size:
                packet.pts = packet.dts = ordinal
                keys[ordinal] = packet.is_keyframe
                ordinal += 1
            for picture in source.stream.codec_context.decode(packet if packet.size else None):
                ranks[picture.pts or 0] = count
                count += 1
    except av.error.FFmpegError as error:
        raise ReadError(
            f"cannot be decoded after its first {count} frames ({reason(error)})",
            path=path,
            fix="copy it again from where it came from",
        ) from error
    finally:
        source.close()
    ordinals = np.arange(packets, dtype=np.int64)
    return FrameIndex(stamps=ordinals, ranks=ranks, keys=keys, seeks=ordinals, timed=False, count=count, whole=count)
