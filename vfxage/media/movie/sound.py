"""The sound of a plate: which of it a written movie can hold, and the packets of the span it is cut to."""

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
    """Which sound goes along."""

    path: str
    """The movie it is copied from."""
    streams: tuple[int, ...]
    """Stream index in its movie."""
    start: Fraction
    """Seconds into it that become 0."""
    end: Fraction


def choose_streams(path: str, target: Path) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """The audio streams of a movie that ``target``'s container holds as they are, and a note on each that it does not.

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
                notes.append(f"{target.name} is without the plate's {codec} sound, which {suffix} cannot hold")
    finally:
        container.close()
    return tuple(kept), tuple(notes)


def _fits(stream: AudioStream, muxer: str) -> bool:
    """Whether a header can be written for it: FFmpeg's list of codecs says yes to some that its muxer then refuses."""
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
    """Packets of the chosen streams that overlap the wanted span, moved to its start, for one output container."""

    def __init__(self, audio: Audio, output: OutputContainer) -> None:
        self._audio = audio
        self._source: InputContainer = open_container(audio.path)
        self._outputs = {
            stream.index: output.add_stream_from_template(stream)
            for stream in self._source.streams.audio
            if stream.index in audio.streams
        }

    def packets(self) -> Iterator[Packet[Stream]]:
        """Yield them in the order of the file."""
        audio = self._audio
        streams = [stream for stream in self._source.streams.audio if stream.index in self._outputs]
        for packet in self._source.demux(streams) if streams else ():
            if packet.pts is None or packet.dts is None or packet.size == 0:
                continue
            begin = packet.pts * packet.time_base
            if begin >= audio.end or begin + (packet.duration or 0) * packet.time_base <= audio.start:
                continue
            shift = round(audio.start / packet.time_base)
            packet.pts -= shift
            packet.dts -= shift
            packet.stream = self._outputs[packet.stream_index]
            yield packet

    def close(self) -> None:
        """Release the file; may be called twice."""
        self._source.close()
