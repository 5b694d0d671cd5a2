"""Copies the sound of a plate: chooses the streams that the written movie can store, and trims their packets."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Stream

from vfxage.media.movie.source import open_container

MUXERS: Mapping[str, str] = {".mov": "mov", ".mp4": "mp4", ".mkv": "matroska"}
"""FFmpeg's names of the containers that vfxage writes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audio:
    """The sound to copy."""

    path: str
    """The movie to copy from."""
    streams: tuple[int, ...]
    """Indices of the streams in that movie."""
    start: Fraction
    """Time in that movie, seconds, that becomes 0."""
    end: Fraction


def choose_streams(path: str, target: Path) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """The audio streams that ``target``'s container can store without conversion, and a note on each other stream.

    Raises ReadError for a movie that cannot be read.
    """
    suffix = target.suffix.lower()
    kept, notes = [], []
    container = open_container(path)
    try:
        for stream in container.streams.audio:
            if _fits(stream, MUXERS[suffix]):
                kept.append(stream.index)
            else:
                codec = stream.codec_context.name if stream.codec_context else "unknown"
                notes.append(f"{target.name} has no {codec} sound of the plate: {suffix} cannot store it")
    finally:
        container.close()
    return tuple(kept), tuple(notes)


def _fits(stream: AudioStream, muxer: str) -> bool:
    """Whether the muxer writes a header for this stream. FFmpeg's codec list also names codecs that muxers refuse."""
    trial = av.open(io.BytesIO(), "w", format=muxer)
    try:
        trial.add_stream_from_template(stream)
        trial.start_encoding()
    except (av.error.FFmpegError, ValueError):
        return False
    finally:
        trial.close()
    return True


class Sound:
    """Copies the packets that overlap a span of time from the chosen streams, shifted so that the span starts at 0."""

    def __init__(self, audio: Audio, output: OutputContainer) -> None:
        self._audio = audio
        self._source: InputContainer = open_container(audio.path)
        self._outputs = {
            stream.index: output.add_stream_from_template(stream)
            for stream in self._source.streams.audio
            if stream.index in audio.streams
        }

    def packets(self) -> Iterator[Packet[Stream]]:
        """Yield the packets in the order of the file.

        If a packet does not come after the one before it, as in some remuxed Matroska files, it is moved by a tick of
        the clock, as FFmpeg does: muxers refuse it otherwise.
        """
        audio = self._audio
        last: dict[int, int] = {}
        streams = [stream for stream in self._source.streams.audio if stream.index in self._outputs]
        for packet in self._source.demux(streams) if streams else ():
            if packet.pts is None or packet.dts is None or packet.size == 0:
                continue
            begin = packet.pts * packet.time_base
            if begin >= audio.end or begin + (packet.duration or 0) * packet.time_base <= audio.start:
                continue
            shift = round(audio.start / packet.time_base)
            packet.pts -= shift
            packet.dts = max(packet.dts - shift, last.get(packet.stream_index, packet.dts - shift - 1) + 1)
            packet.pts = max(packet.pts, packet.dts)
            last[packet.stream_index] = packet.dts
            packet.stream = self._outputs[packet.stream_index]
            yield packet

    def close(self) -> None:
        """Release the file; may be called twice."""
        self._source.close()
