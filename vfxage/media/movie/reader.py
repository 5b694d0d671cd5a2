"""Reads a movie as a plate: each frame by its number exactly once, or an error that names the frame."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import Literal

import av
from av.video.frame import VideoFrame

from vfxage.colour.cicp import from_cicp
from vfxage.colour.space import Colour
from vfxage.errors import ReadError, ShotError, count_of
from vfxage.frames import FrameRange
from vfxage.media.movie import decode
from vfxage.media.movie.format import Declared, PictureFormat, picture_format
from vfxage.media.movie.index import FrameIndex, build_index
from vfxage.media.movie.rates import exact_rate
from vfxage.media.movie.source import FINGERPRINT, OpenMovie, container_tags, open_movie, reading
from vfxage.media.movie.stream import FrameDecoder
from vfxage.media.movie.tags import NEAR_709
from vfxage.types import ClipInfo, Frame, SourceTags, Window

_RAW_STREAMS = frozenset({"h264", "hevc", "mpegvideo", "m4v", "obu", "av1"})
"""Formats without a container: FFmpeg guesses their rate, the file does not state it."""


class MovieReader:
    """An open movie (``media.base.Reader``).

    Frames are numbered from ``first_frame`` (None: 1, as in Nuke) in presentation order, regardless of timestamps.
    ``colorspace`` and ``levels`` (the range of the codes) take precedence over the file's tags; ``ocio`` is a config
    (see ``Colour``). ``Frame.rgb`` is scene-linear in the file's primaries, rotated and mirrored by its display matrix.
    Raises ReadError if the file cannot be read, ShotError for an unknown colour space. Use it from one thread at a
    time.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        colorspace: str | None = None,
        first_frame: int | None = None,
        levels: Literal["full", "video"] | None = None,
        ocio: str | Path | None = None,
    ) -> None:
        self._path = str(Path(path).absolute())
        self._first = 1 if first_frame is None else first_frame
        self._format = self._read_format(Declared(space=colorspace is not None, levels=levels))
        self._colour = Colour(colorspace or self._named_space(), ocio)
        self._near_709 = None if colorspace else NEAR_709.get(self._format.tags.primaries)
        source = open_movie(self._path)
        try:
            with reading(self._path):
                index = build_index(source, self._path, self._format.field_order is not None)
            self.info = self._describe(source, index)
        except BaseException:
            source.close()
            raise
        self._pictures = FrameDecoder(self._path, index, self._first, source)

    def read(self, numbers: Sequence[int]) -> Generator[Frame, None, None]:
        """Yield exactly these frames (ascending plate numbers), each once; seeks if that is faster than decoding."""
        form = self._format
        window = Window(0, 0, self.info.width, self.info.height)
        with closing(self._pictures.read(numbers)) as pictures:
            for picture, number in pictures:
                self._check_format(picture, number)
                code, alpha = decode.code_values(picture, form.tags, self._path, form.centred)
                rgb = self._colour.to_linear(decode.orient(code, form.matrix))
                alpha = None if alpha is None else decode.orient(alpha, form.matrix)
                yield Frame(number=number, window=window, rgb=rgb, alpha=alpha)

    def close(self) -> None:
        """Release the file; may be called twice."""
        self._pictures.close()

    def _read_format(self, declared: Declared) -> PictureFormat:
        source = open_movie(self._path, threads=1)
        try:
            picture = self._first_picture(source)
            self._begins = picture.pts
            return picture_format(picture, source, declared)
        finally:
            source.close()

    def _first_picture(self, source: OpenMovie) -> VideoFrame:
        """The first picture that decodes: a movie that was cut may begin with pictures that lean on lost ones."""
        trouble: av.error.FFmpegError | None = None
        with reading(self._path, self._first):
            for packet in source.container.demux(source.stream):
                try:
                    pictures = source.decoder.decode(packet if packet.size else None)
                except av.error.FFmpegError as error:
                    trouble, pictures = trouble or error, []
                for picture in pictures:
                    return picture
            if trouble is not None:
                raise trouble
        raise ReadError("contains no picture that can be decoded", path=self._path, fix="copy it again from its source")

    def _check_format(self, picture: VideoFrame, number: int) -> None:
        form = self._format
        before = f"{form.width}x{form.height} {form.pixel_format}"
        now = f"{picture.width}x{picture.height} {picture.format.name}"
        if now != before:
            raise ReadError(
                f"changes from {before} to {now}", path=self._path, frame=number, fix="split the movie there"
            )

    def _named_space(self) -> str:
        tags = self._format.tags
        try:
            return from_cicp(tags.primaries, tags.transfer)
        except ShotError as error:
            raise ShotError(error.what, path=self._path, fix=error.fix) from error

    def _describe(self, source: OpenMovie, index: FrameIndex) -> ClipInfo:
        form, stream = self._format, source.stream
        rate, variable = _rate(source, index)
        sideways = decode.turns_sideways(form.matrix)
        aspect = stream.sample_aspect_ratio or Fraction(1)
        aspect = 1 / aspect if sideways else aspect
        start = int(index.clock[0]) * (stream.time_base or Fraction(0)) if len(index.clock) else Fraction(0)
        return ClipInfo(
            path=self._path,
            kind="movie",
            width=form.height if sideways else form.width,
            height=form.width if sideways else form.height,
            first=self._first,
            last=self._first + index.count - 1,
            rate=rate,
            variable_rate=variable,
            pixel_aspect=float(aspect),
            colorspace=self._colour.name,
            depth=form.depth,
            alpha=form.layout.alpha,
            timecode=_timecode(source),
            audio=bool(source.container.streams.audio) and not index.joined,
            notes=(*form.notes, *self._picture_notes(), *_notes(index, rate, variable), *self._lost_start(index)),
            tags=SourceTags(
                format="movie",
                cicp=(form.tags.primaries, form.tags.transfer, form.tags.matrix),
                chromaticities=self._near_709[1] if self._near_709 else tuple(self._colour.chromaticities),
                pixel_aspect=aspect,
                field_order=form.field_order,
                start=start,
                times=_times(source, index) if variable else (),
                fingerprint=container_tags(source.container).get(FINGERPRINT),
            ),
        )

    def _lost_start(self, index: FrameIndex) -> Iterator[str]:
        """A note on pictures at the start that cannot be decoded: those that were before them were cut away."""
        cut = "the movie was cut inside a group of pictures"
        if len(index.lost):
            yield f"{cut}: {count_of(len(index.lost), 'picture')} before its first whole frame are left out"
        found = (
            index.ranks[index.stamps == self._begins] if index.timed and self._begins is not None else index.lost[:0]
        )
        lost = int(found[0]) if len(found) else 0
        if lost > 0:
            which = FrameRange(tuple(range(self._first, self._first + lost)))
            yield f"{cut}, so its start cannot be read: {which}"

    def _picture_notes(self) -> Iterator[str]:
        if self._near_709:
            yield f"{self._near_709[0]} primaries: outputs keep them, the model reads them as Rec.709"
        if self._format.layout.alpha:
            yield "straight alpha: R, G and B are not premultiplied by it, in the plate and in the outputs"


def _rate(source: OpenMovie, index: FrameIndex) -> tuple[Fraction | None, bool]:
    stream = source.stream
    if not len(index.clock) or stream.time_base is None:
        raw = source.container.format.name in _RAW_STREAMS
        return (stream.codec_context.framerate or None) if raw else stream.average_rate, False
    named = (stream.average_rate, stream.guessed_rate, stream.base_rate)
    return exact_rate(index.clock[: index.whole], stream.time_base, named)


def _times(source: OpenMovie, index: FrameIndex) -> tuple[Fraction, ...]:
    """Start time of each frame, seconds."""
    base = source.stream.time_base or Fraction(0)
    return tuple(int(stamp) * base for stamp in index.clock)


def _notes(index: FrameIndex, rate: Fraction | None, variable: bool) -> Iterator[str]:
    if rate is None:
        yield "no frame rate in the file"
    if variable:
        yield f"variable frame rate, {float(rate or 0):.3f} on average: every frame keeps its own number"
    if index.joined:
        yield "its time stamps start again, as in joined recordings: frames are numbered as stored, without their sound"
    if index.shared:
        what = "share the time stamps of others" if index.shared > 1 else "shares the time stamp of another one"
        yield f"{count_of(index.shared, 'frame')} {what}: they are taken as evenly spaced up to the next time stamp"
    if index.whole < index.count:
        yield f"truncated or damaged: only the first {index.whole} of {index.count} frames are complete"


def _timecode(source: OpenMovie) -> str | None:
    for stream in (*source.container.streams, source.container):
        for key, value in stream.metadata.items():
            if key.lower() == "timecode":
                return str(value)
    return None
