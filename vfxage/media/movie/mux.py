"""Writes one movie file: a picture stream and its audio."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
from av.codec.context import Flags
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from vfxage.media.movie.codecs import CodecSpec
from vfxage.media.movie.fields import FieldOrder, flagged
from vfxage.media.movie.sound import MUXERS, Audio, Sound
from vfxage.media.movie.tags import VIDEO_RANGE, Tags


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """The settings of a movie, needed before its first picture."""

    form: CodecSpec
    width: int
    height: int
    rate: Fraction
    tags: Tags
    alpha: bool = False
    field_order: FieldOrder | None = None
    pixel_aspect: Fraction = Fraction(1)
    timecode: str | None = None
    """Timecode of the first picture."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    audio: Audio | None = None


class Muxer:
    """Encodes pictures into ``path`` at a constant rate; the same pictures give the same bytes on any machine.

    Raises av.error.FFmpegError and OSError; the caller adds the frame number.
    """

    def __init__(self, path: Path, setup: Setup) -> None:
        options = {"fflags": "+bitexact"}
        if path.suffix.lower() != ".mkv":
            options["movflags"] = "+write_colr+use_metadata_tags" + ("+faststart" if setup.form.steps == (1, 1) else "")
            options["movie_timescale"] = str(setup.rate.numerator)  # otherwise edit lists are rounded to milliseconds
        self._container: OutputContainer = av.open(
            f"file:{path}", "w", format=MUXERS[path.suffix.lower()], options=options
        )
        self._setup = setup
        self._count = 0
        self._stream = self._picture_stream()
        if setup.timecode is not None:
            self._container.metadata["timecode"] = setup.timecode
        self._container.metadata.update(setup.metadata)
        self._sound = Sound(setup.audio, self._container) if setup.audio else None
        self._packets: Iterator[Packet[Stream]] = self._sound.packets() if self._sound else iter(())
        self._next_packet = next(self._packets, None)

    def add(self, picture: av.VideoFrame) -> None:
        """Encode the next picture, and copy the sound up to its end."""
        picture.pts = self._count
        picture.time_base = 1 / self._setup.rate
        picture.duration = 1
        tags = self._setup.tags  # ProRes writes the tags of the picture into its frame header
        picture.color_primaries, picture.color_trc = tags.primaries, tags.transfer
        picture.colorspace, picture.color_range = tags.matrix, VIDEO_RANGE
        if self._setup.field_order is not None:
            picture = flagged(picture, self._setup.field_order)
        self._count += 1
        self._copy_sound(self._count / self._setup.rate)
        for packet in self._stream.encode(picture):
            self._container.mux(packet)

    def finish(self) -> None:
        """Write the pictures left in the encoder, the rest of the sound, and the trailer."""
        for packet in self._stream.encode(None):
            self._container.mux(packet)
        self._copy_sound(None)
        self._close_sound()
        self._container.close()

    def abandon(self) -> None:
        """Close the file, even if it is incomplete."""
        self._close_sound()
        with suppress(av.error.FFmpegError, OSError, ValueError):
            self._container.close()

    def _picture_stream(self) -> VideoStream:
        setup, form = self._setup, self._setup.form
        options = dict(form.options)
        if setup.field_order is not None:
            options["field_order"] = {"top": "tt", "bottom": "bb"}[setup.field_order]
        stream = self._container.add_stream(form.encoder, setup.rate, options)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = setup.width, setup.height
        stream.pix_fmt = form.pixel_format(setup.alpha)
        context = stream.codec_context
        context.time_base = 1 / setup.rate
        context.sample_aspect_ratio = setup.pixel_aspect
        context.color_primaries = setup.tags.primaries
        context.color_trc = setup.tags.transfer
        context.colorspace = setup.tags.matrix
        context.color_range = VIDEO_RANGE
        context.thread_type = "SLICE" if form.threads == 0 else "AUTO"
        context.thread_count = form.threads
        context.flags |= Flags.bitexact
        if form.tag is not None and self._container.format.name != "matroska":
            context.codec_tag = form.tag
        if setup.field_order is not None:
            context.flags |= Flags.interlaced_dct
        return stream

    def _copy_sound(self, until: Fraction | None) -> None:
        while self._next_packet is not None:
            packet = self._next_packet
            if until is not None and packet.pts is not None and packet.pts * packet.time_base > until:
                return
            self._container.mux(packet)
            self._next_packet = next(self._packets, None)

    def _close_sound(self) -> None:
        if self._sound is not None:
            self._sound.close()
