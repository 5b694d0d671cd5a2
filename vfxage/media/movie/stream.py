"""Decodes frames by number from a stream of packets: seeks, decodes, and detects missing pictures."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from itertools import chain, islice, pairwise

import av
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from vfxage.errors import ReadError, count_of
from vfxage.media.movie.index import FrameIndex
from vfxage.media.movie.source import OpenMovie, open_movie, reason

_FAR = 16
"""If the next key frame is more packets ahead than this, seeking is faster than decoding up to it."""


class _DamageError(Exception):
    """The wanted picture could not be decoded; the text is the reason."""


class FrameDecoder:
    """Decoded pictures of one movie by frame number, in any number of passes.

    FFmpeg chooses the number of threads. If a picture is missing, decodes again from the same key frame with one
    thread, which finds exactly the damaged picture, then from the key frame before it (a stream may need some pictures
    to recover). If the picture is still missing, raises ReadError. Keeps a few pictures in memory.
    """

    def __init__(self, path: str, index: FrameIndex, first: int, source: OpenMovie) -> None:
        self._path = path
        self._index = index
        self._places = {int(stamp): place for place, stamp in enumerate(index.stamps)}
        self._first = first
        self._source: OpenMovie | None = source
        self._mode = (0, True)

    def read(self, numbers: Sequence[int]) -> Generator[tuple[VideoFrame, int], None, None]:
        """Yield the pictures of these numbers (strictly ascending), each with its number."""
        ranks = [number - self._first for number in numbers]
        self._check(ranks)
        done = 0
        trouble = _DamageError("")
        for threads, back in ((0, 0), (1, 0), (1, 1)):
            try:
                for picture in self._attempt(ranks[done:], threads, back):
                    yield picture, numbers[done]
                    done += 1
            except _DamageError as damage:
                trouble = damage
            if done == len(ranks):
                return
        raise ReadError(
            f"cannot be decoded ({trouble})",
            path=self._path,
            frame=numbers[done],
            fix="copy it again from its source, or leave that frame out",
        )

    def close(self) -> None:
        """Release the file; may be called twice."""
        if self._source is not None:
            self._source.close()
            self._source = None

    def _check(self, ranks: Sequence[int]) -> None:
        index = self._index
        if any(after <= rank for rank, after in pairwise(ranks)):
            raise ValueError("frame numbers must ascend")
        for rank in ranks:
            number = rank + self._first
            if not 0 <= rank < index.count:
                raise ReadError(
                    f"has no such frame, only {self._first}-{self._first + index.count - 1}",
                    path=self._path,
                    frame=number,
                    fix="correct the frame range",
                )
            if rank >= index.whole:
                listed = count_of(index.count, "frame")
                raise ReadError(
                    f"is missing: the file is cut short, only the first {index.whole} of {listed} are complete",
                    path=self._path,
                    frame=number,
                    fix="copy it again from its source",
                )

    def _attempt(self, ranks: Sequence[int], threads: int, back: int) -> Iterator[VideoFrame]:
        """Yield the pictures of these ranks in order; raises _DamageError at the first missing picture."""
        position = 0
        while position < len(ranks):
            start = self._index.start_of(ranks[position], back)
            run = self._run_end(ranks, position)
            for picture in self._decode(ranks[position:run], start, threads):
                yield picture
                position += 1

    def _run_end(self, ranks: Sequence[int], position: int) -> int:
        """End of the ranks from ``position`` that are faster to decode in one go than with a seek."""
        end = position + 1
        while end < len(ranks):
            if self._index.start_of(ranks[end]) > self._index.places[ranks[end - 1]] + _FAR:
                break
            end += 1
        return end

    def _decode(self, ranks: Sequence[int], start: int, threads: int) -> Iterator[VideoFrame]:
        wanted = iter(ranks)
        rank = next(wanted, None)
        for picture, shown in self._ranked(start, threads, self._index.leading(start, ranks[0])):
            if rank is None:
                return
            if shown < rank:
                continue
            if shown > rank:
                raise _DamageError("the decoder left it out")
            if picture.is_corrupt:
                raise _DamageError("its data are damaged")
            yield picture
            rank = next(wanted, None)
        if rank is not None:
            raise _DamageError("the stream ends before it")

    def _ranked(self, start: int, threads: int, leading: frozenset[int]) -> Iterator[tuple[VideoFrame, int]]:
        """Decode from packet ``start`` without ``leading``. Yields pictures in presentation order, with their ranks."""
        after: int | None = None
        for packet in self._packets(start, threads, leading):
            assert self._source is not None  # opened by the first packet
            context = self._source.decoder
            try:
                pictures, trouble = context.decode(packet if packet.size else None), None
            except av.error.FFmpegError as error:
                pictures, trouble = _flushed(context), _DamageError(reason(error))
            for picture in pictures:
                rank = self._rank_of(picture)
                if trouble is not None and after is not None and rank > after:
                    break  # the damaged picture belongs before this one
                if rank >= 0:
                    yield picture, rank
                    after = rank + 1
            if trouble is not None:
                raise trouble

    def _rank_of(self, picture: VideoFrame) -> int:
        place = None if picture.pts is None else self._places.get(picture.pts)
        return -1 if place is None else int(self._index.ranks[place])

    def _packets(self, start: int, threads: int, leading: frozenset[int]) -> Iterator[Packet[VideoStream]]:
        """Yield the packets in file order from place ``start`` to the end, then the empty packet that ends a stream."""
        try:
            mode = threads, not leading
            packets = None
            if self._index.timed:
                packets = self._packets_after_seek(start, self._opened(*mode, fresh=False))
            if packets is None:
                packets = islice(self._all(self._opened(*mode, fresh=True)), start, None)
            for place, packet in enumerate(packets, start):
                if not (packet.size and place in leading):
                    yield packet
        except av.error.FFmpegError as error:
            raise _DamageError(reason(error)) from error

    def _packets_after_seek(self, start: int, source: OpenMovie) -> Iterator[Packet[VideoStream]] | None:
        """Seek to just before place ``start`` and continue to it; None if the container cannot seek there."""
        try:
            source.seek(int(self._index.seeks[start]))
            packets = self._all(source)
            landed = next(packets)
        except (av.error.FFmpegError, StopIteration):
            return None
        place = None if landed.pts is None else self._places.get(landed.pts)
        if place is None or place > start:
            return None
        return islice(chain([landed], packets), start - place, None)

    def _all(self, source: OpenMovie) -> Iterator[Packet[VideoStream]]:
        ordinal = 0
        for packet in source.container.demux(source.stream):
            if packet.size:
                if not self._index.timed:
                    packet.pts = packet.dts = ordinal
                ordinal += 1
            elif packet.pts is not None or packet.dts is not None:
                continue  # an empty packet repeats the last picture (AVI)
            yield packet

    def _opened(self, threads: int, strict: bool, *, fresh: bool) -> OpenMovie:
        if self._source is None or fresh or (threads, strict) != self._mode:
            self.close()
            self._source, self._mode = open_movie(self._path, threads=threads, strict=strict), (threads, strict)
        return self._source


def _flushed(context: VideoCodecContext) -> list[VideoFrame]:
    """The pictures left in a decoder after an error."""
    try:
        return context.decode(None)
    except av.error.FFmpegError:
        return []
