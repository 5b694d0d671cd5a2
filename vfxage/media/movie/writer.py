"""Passes as movies: ProRes and DNxHR for the comp, H.264 and HEVC to look at."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np

from vfxage import __version__
from vfxage.errors import OutputError, ReadError, ShotError, WriteError
from vfxage.frames import FrameRange
from vfxage.media.base import Destination, Flaw
from vfxage.media.movie.check import FRAMES, MovieOnDisk, file_tags, held_frames
from vfxage.media.movie.codecs import CODECS, CodecSpec
from vfxage.media.movie.encode import encode_picture, frame_size
from vfxage.media.movie.fields import BWDIF
from vfxage.media.movie.mux import Muxer, Setup
from vfxage.media.movie.pass_encoding import PassEncoding
from vfxage.media.movie.reader import MovieReader
from vfxage.media.movie.sound import Audio, choose_streams
from vfxage.media.movie.source import FINGERPRINT, VERSION, reason
from vfxage.media.timecode import shift_timecode
from vfxage.publish import publish, unwritten
from vfxage.types import Frame, Pass, Render

DEFAULT_RATE = Fraction(24)
"""Frames per second of a movie whose plate has no rate."""


class MovieWriter:
    """Writes one movie (media.base.Writer): a colour pass (beauty, delta or matte), in 4444 with the matte as alpha.

    ``beauty`` is written in the plate's colour space with its tags; of a linear plate, in Rec.1886 Rec.709 - Display.
    ``delta`` is written as 0.5 + delta/2 without a curve, a ``matte`` alone as grey without a curve. The alpha is
    straight; prores_4444 without a matte stores the plate's alpha. Frames must come in ascending order; the movie
    appears when all are written. Raises OutputError for passes that a movie cannot store together, WriteError with file
    and frame. The same renders give the same bytes.
    """

    parallel = False

    def __init__(self, destination: Destination) -> None:
        self._destination = destination
        self._path = Path(destination.path)
        self._form = _form(destination)
        self._colour_pass = _colour_pass(destination, self._form)
        self._matte_as_alpha = "matte" in destination.passes and self._colour_pass != "matte"
        self._plate_alpha = (
            self._form.alpha and destination.alpha and not self._matte_as_alpha and self._colour_pass == "beauty"
        )
        self._stack = ExitStack()
        self._muxer: Muxer | None = None
        self._remaining = list(reversed(destination.numbers))
        self._complete: bool | None = None
        self._on_disk: MovieOnDisk | None = None
        self._encoding = PassEncoding(destination, self._colour_pass)
        self._audio, sound_notes = self._chosen_sound()
        self.notes = (*sound_notes, *self._rate_notes(), *self._colour_notes())

    def finished(self, number: int) -> bool:
        """Whether the complete movie with these fingerprints is on disk; the same answer for each of its frames."""
        if self._complete is None:
            self._complete = self._complete_on_disk()
        return self._complete and number in self._destination.numbers

    def stamp_on_disk(self, number: int) -> str | None:
        """The stamp of the whole movie; None if vfxage did not write it."""
        return file_tags(self._path).get(FINGERPRINT) if self._path.exists() else None

    def check(self, plate: Frame) -> Flaw | None:
        """The first flaw of this frame in the movie, or of the whole movie."""
        numbers = self._destination.numbers
        if self._on_disk is None:
            self._on_disk = MovieOnDisk(self._path, fingerprint(self._destination), len(numbers), self._rate)
            self._stack.callback(self._on_disk.close)
        return self._on_disk.check(numbers.index(plate.number))

    def foreign(self, number: int) -> Path | None:
        """The file at the movie's path if vfxage did not make it, else None."""
        return self._path if self._path.exists() and FINGERPRINT not in file_tags(self._path) else None

    def held(self) -> tuple[int, ...]:
        """The frames of the movie by vfxage that is already at this path."""
        return held_frames(self._path)

    def write(self, render: Render) -> None:
        """Write the next frame; raises WriteError."""
        if not self._remaining or render.number != self._remaining[-1]:
            raise ValueError(f"frame {render.number} is not the next frame of {self._path}")
        with self._as_write_error(render.number):
            if self._muxer is None:
                self._muxer = self._open_muxer()
            self._muxer.add(self._picture(render))
        self._remaining.pop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish the movie and move it into place. After an exception, or if frames are missing, leave no file."""
        self._stack.__exit__(kind, error, trace)

    def _complete_on_disk(self) -> bool:
        numbers = self._destination.numbers
        try:
            reader = MovieReader(self._path, first_frame=0)
            info = reader.info
            same = (
                info.tags.fingerprint == fingerprint(self._destination)
                and info.last + 1 == len(numbers)
                and (info.rate == self._rate or len(numbers) == 1)
            )
            ends = sorted({0, len(numbers) - 1})
            return same and len(list(reader.read(ends))) == len(ends)
        except (ReadError, ShotError):
            return False

    @property
    def _rate(self) -> Fraction:
        return self._destination.clip.rate or DEFAULT_RATE

    def _open_muxer(self) -> Muxer:
        partial = self._stack.enter_context(publish(self._path))
        self._stack.push(self._end)
        return Muxer(partial, self._setup())

    def _end(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        muxer, self._muxer = self._muxer, None
        if muxer is None:
            return
        try:
            if kind is None:
                if self._remaining:
                    raise WriteError(
                        "was not written: a movie must have every frame",
                        path=self._path,
                        frame=self._remaining[-1],
                        fix="run the same command again",
                    )
                with self._as_write_error(None):
                    muxer.finish()
        finally:
            muxer.abandon()

    @contextmanager
    def _as_write_error(self, frame: int | None) -> Iterator[None]:
        try:
            yield
        except (av.error.FFmpegError, OSError) as error:
            raise unwritten(self._path, f"cannot be written ({reason(error)})", frame) from error

    def _setup(self) -> Setup:
        destination, clip = self._destination, self._destination.clip
        width, height = frame_size(self._form, clip.width, clip.height)
        after = round((self._time(destination.numbers[0]) - self._time(clip.first)) * self._rate)
        timecode = clip.timecode and shift_timecode(clip.timecode, after, self._rate)
        aspect = clip.tags.pixel_aspect or Fraction(clip.pixel_aspect).limit_denominator(4096)
        comment = {"comment": self._encoding.comment} if self._encoding.comment else {}
        return Setup(
            form=self._form,
            width=width,
            height=height,
            rate=self._rate,
            tags=self._encoding.tags,
            alpha=self._matte_as_alpha or self._plate_alpha,
            field_order=clip.tags.field_order,
            pixel_aspect=Fraction(aspect),
            timecode=timecode or None,
            metadata={
                FINGERPRINT: fingerprint(destination),
                VERSION: __version__,
                FRAMES: str(FrameRange.of(destination.numbers)),
                **comment,
            },
            audio=self._audio,
        )

    def _chosen_sound(self) -> tuple[Audio | None, tuple[str, ...]]:
        """The plate's sound for the written frames, and notes on streams that cannot be copied."""
        numbers, clip = self._destination.numbers, self._destination.clip
        if not clip.audio:
            return None, ()
        if numbers[-1] - numbers[0] != len(numbers) - 1:
            return None, (f"{self._path.name} has no sound: it would not fit, because the frame range has gaps",)
        streams, notes = choose_streams(clip.path, self._path)
        start, end = self._time(numbers[0]), self._time(numbers[-1] + 1)
        return (Audio(path=clip.path, streams=streams, start=start, end=end) if streams else None), notes

    def _time(self, number: int) -> Fraction:
        """Start time of a frame in the plate's movie file, seconds; for the frame after the last, its end."""
        clip = self._destination.clip
        times = clip.tags.times
        place = number - clip.first
        if 0 <= place < len(times):
            return times[place]
        if times and place == len(times):
            return times[-1] + 1 / self._rate
        return place / self._rate + clip.tags.start

    def _colour_notes(self) -> Iterator[str]:
        name, target = self._path.name, self._encoding.converted_to
        if target is not None:
            yield f"{name} is written as {target} (the plate is {self._destination.clip.colorspace}), clipped to 0..1"
        if self._destination.alpha and self._colour_pass == "beauty" and not self._form.alpha:
            yield f"{name} is without the plate's alpha: {self._destination.codec} has none"

    def _rate_notes(self) -> Iterator[str]:
        if self._destination.clip.rate is None:
            where = "; `rate:` in the shot sets it" if self._destination.clip.kind == "sequence" else ""
            yield f"{self._path.name} is written at {DEFAULT_RATE} frames per second: the plate names no rate{where}"
        if self._destination.clip.variable_rate:
            yield (
                f"{self._path.name} is written at a constant {float(self._rate):.3f} frames per second, "
                "the mean of the plate's variable rate"
            )

    def _picture(self, render: Render) -> av.VideoFrame:
        # Half floats, as in OpenEXR: a movie assembled from EXR files then has the same bits.
        render = replace(render, matte=render.matte.astype(np.float16).astype(np.float32))
        frame = render.frame
        alpha = render.matte if self._matte_as_alpha else frame.alpha if self._plate_alpha else None
        code = self._encoding.codes(render, frame.alpha if self._plate_alpha else None)
        placed = None if alpha is None else self._encoding.placed(alpha, render)
        return encode_picture(code, placed, self._form, self._encoding.tags)


def fingerprint(destination: Destination) -> str:
    """One stamp for the movie: SHA-256 over the frames' stamps in order, then a hyphen and the GPU that made them."""
    state = hashlib.sha256()
    for number, stamp in sorted(destination.stamps.items()):
        state.update(f"{number} {stamp}\n".encode())
    return state.hexdigest() + ("" if destination.device == "cpu" else f"-{destination.device}")


def _form(destination: Destination) -> CodecSpec:
    form = CODECS.get(destination.codec or "")
    if form is None:
        raise OutputError(
            f"unknown movie codec {destination.codec}", path=destination.path, fix=f"use one of {' '.join(CODECS)}"
        )
    suffix = Path(destination.path).suffix.lower()
    if suffix not in form.suffixes:
        raise OutputError(
            f"{destination.codec} cannot be stored in a {suffix} file",
            path=destination.path,
            fix=f"name it {' or '.join(form.suffixes)}",
        )
    clip, (width, height) = destination.clip, form.smallest
    if clip.width < width or clip.height < height:
        raise OutputError(
            f"{destination.codec} cannot hold pictures of {clip.width}x{clip.height}, only from {width}x{height}",
            path=destination.path,
            fix="use codec prores_hq",
        )
    if destination.clip.tags.field_order is not None and not form.interlaced:
        raise OutputError(
            f"{destination.codec} cannot keep the two fields of the interlaced plate apart",
            path=destination.path,
            fix=f"use a ProRes codec in a .mov, or deinterlace the plate first: {BWDIF}",
        )
    return form


def _colour_pass(destination: Destination, form: CodecSpec) -> Pass:
    passes = destination.passes
    colours: list[Pass] = [name for name in passes if name != "matte"] or list(passes[:1])
    if len(colours) != 1:
        raise OutputError(
            f"a movie holds one colour pass, not {' and '.join(passes) or 'none'}",
            path=destination.path,
            fix="give each pass its own output",
        )
    if len(passes) > 1 and not form.alpha:
        raise OutputError(
            f"{destination.codec} has no alpha channel for the matte",
            path=destination.path,
            fix="use codec prores_4444, or give the matte its own output",
        )
    return colours[0]
