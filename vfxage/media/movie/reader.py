"""A movie as a plate: frames by number, each exactly once, or an error that names it."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from av.sidedata.sidedata import Type as SideDataType
from av.video.frame import VideoFrame

from vfxage.colour import Colour, from_cicp
from vfxage.errors import ReadError, ShotError
from vfxage.media.movie import decode
from vfxage.media.movie.index import FrameIndex, build_index
from vfxage.media.movie.rates import exact_rate
from vfxage.media.movie.source import Source, open_source, reading
from vfxage.media.movie.stream import Pictures
from vfxage.media.movie.tags import RawTags, resolve_tags
from vfxage.types import ClipInfo, Frame, Window

_CENTRED = frozenset({"mjpeg", "mpeg1video"})
"""Codecs that put chroma in the centre of its luma samples."""

_RAW_STREAMS = frozenset({"h264", "hevc", "mpegvideo", "m4v", "obu", "av1"})
"""Formats without a container: their rate is a guess of FFmpeg's, not the file's word."""


class MovieReader:
    """A movie, open (``media.base.Reader``).

    Frames are numbered from ``first_frame`` (1, as in Nuke, if None) in presentation order, whatever their timestamps.
    ``colorspace`` wins over the file's tags; ``ocio`` is a config (see ``Colour``). ``Frame.rgb`` is scene-linear in
    the file's own primaries, turned and mirrored as the file asks. Raises ReadError for what cannot be read, ShotError
    for a colour space that cannot be had. Not for two threads at once.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        colorspace: str | None = None,
        first_frame: int | None = None,
        ocio: str | Path | None = None,
    ) -> None:
        self._path = str(Path(path).absolute())
        self._first = 1 if first_frame is None else first_frame
        source = open_source(self._path, threads=1)
        try:
            sample = self._first_picture(source)
            raw = _tags_of(sample, source)
            self._tagged = (raw.primaries, raw.transfer, raw.matrix)
            self._tags = resolve_tags(raw, sample.width, sample.height)
            self._centred = source.stream.codec_context.name in _CENTRED
            self._matrix, turn_notes = _display_matrix(sample)
            self._layout = decode.layout_of(sample.format, self._path)
            self._size = (sample.width, sample.height)
            if self._layout.kind == "yuv":
                decode.rgb_from_codes(self._tags, self._layout.bits, self._path)
            name = colorspace or self._named_space()
            self._colour = Colour(name, ocio)
            index_source = open_source(self._path)
            with reading(self._path):
                index = build_index(index_source, self._path, sample.interlaced_frame)
            self._pictures = Pictures(self._path, index, self._first, index_source)
            self.info = self._describe(source, index, sample, turn_notes)
        finally:
            source.close()

    def read(self, numbers: Sequence[int]) -> Iterator[Frame]:
        """Yield exactly these frames (ascending plate numbers), each once; seeks where that is shorter."""
        for picture, number in self._pictures.read(numbers):
            if (picture.width, picture.height) != self._size:
                was, now = "x".join(map(str, self._size)), f"{picture.width}x{picture.height}"
                raise ReadError(
                    f"changes size from {was} to {now}", path=self._path, frame=number, fix="split the movie there"
                )
            code, alpha = decode.code_values(picture, self._tags, self._path, self._centred)
            rgb = self._colour.to_linear(decode.orient(code, self._matrix))
            yield Frame(
                number=number,
                window=Window(0, 0, self.info.width, self.info.height),
                rgb=rgb,
                alpha=None if alpha is None else decode.orient(alpha, self._matrix),
            )

    def close(self) -> None:
        """Release the file; may be called twice."""
        self._pictures.close()

    def _first_picture(self, source: Source) -> VideoFrame:
        with reading(self._path, self._first):
            for packet in source.container.demux(source.stream):
                for picture in source.stream.codec_context.decode(packet if packet.size else None):
                    return picture
        raise ReadError(
            "holds no picture that can be decoded", path=self._path, fix="copy it again from where it came from"
        )

    def _named_space(self) -> str:
        tags = self._tags
        try:
            return from_cicp(tags.primaries, tags.transfer)
        except ShotError as error:
            raise ShotError(error.what, path=self._path, fix=error.fix) from error

    def _describe(self, source: Source, index: FrameIndex, sample: VideoFrame, turn_notes: tuple[str, ...]) -> ClipInfo:
        rate, variable = self._rate(source, index)
        sideways = decode.turns_sideways(self._matrix)
        width, height = self._size[::-1] if sideways else self._size
        aspect = source.stream.sample_aspect_ratio or Fraction(1)
        aspect = 1 / aspect if sideways and aspect > 0 else aspect
        start = int(index.times()[0]) * (source.stream.time_base or Fraction(0)) if index.timed else Fraction(0)
        notes = [*self._tags.notes, *turn_notes]
        if rate is None:
            notes.append("no frame rate in the file")
        if variable:
            notes.append(f"variable frame rate, {float(rate or 0):.3f} on average: every frame keeps its own number")
        if sample.interlaced_frame:
            notes.append("interlaced: fields are left woven as they are")
        if index.whole < index.count:
            notes.append(f"truncated or damaged: only the first {index.whole} of {index.count} frames are whole")
        alpha = self._layout.alpha
        span = "full range" if self._tags.full_range else "video range"
        return ClipInfo(
            path=self._path,
            kind="movie",
            width=width,
            height=height,
            first=self._first,
            last=self._first + index.count - 1,
            rate=rate,
            variable_rate=variable,
            pixel_aspect=float(aspect) if aspect > 0 else 1.0,
            colorspace=self._colour.name,
            depth=f"{self._layout.bits}-bit {self._layout.sampling}{' + alpha' if alpha else ''} {span}",
            alpha=alpha,
            timecode=_timecode(source),
            audio=bool(source.container.streams.audio),
            notes=tuple(notes),
            metadata=self._metadata(source, sample, aspect, start),
        )

    def _metadata(self, source: Source, sample: VideoFrame, aspect: Fraction, start: Fraction) -> dict[str, object]:
        tags = self._tags
        return {
            "codec": source.stream.codec_context.name,
            "pixel_format": sample.format.name,
            "cicp": (tags.primaries, tags.transfer, tags.matrix),
            "tagged": self._tagged,
            "full_range": tags.full_range,
            "start": start,
            "pixel_aspect": aspect,
            "file": {key.lower(): value for key, value in source.container.metadata.items()},
            "chromaticities": self._colour.chromaticities,
        }

    def _rate(self, source: Source, index: FrameIndex) -> tuple[Fraction | None, bool]:
        stream = source.stream
        if not index.timed or stream.time_base is None:
            raw = source.container.format.name in _RAW_STREAMS
            return (stream.codec_context.framerate or None) if raw else stream.average_rate, False
        return exact_rate(
            index.times()[: index.whole], stream.time_base, (stream.average_rate, stream.guessed_rate, stream.base_rate)
        )


def _tags_of(sample: VideoFrame, source: Source) -> RawTags:
    """The picture's own tags, or the container's where the picture has none."""
    context = source.stream.codec_context

    def pick(own: int, outer: int) -> int:
        return int(own if own not in (0, 2) else outer)

    name = decode.PACKED.get(sample.format.name, sample.format.name)
    rgb = name.startswith("gbr")
    return RawTags(
        primaries=pick(sample.color_primaries, context.color_primaries),
        transfer=pick(sample.color_trc, context.color_trc),
        matrix=pick(sample.colorspace, context.colorspace),
        range=int(sample.color_range or context.color_range or 0),
        rgb=rgb,
        full_format=name.startswith("yuvj"),
    )


def _display_matrix(sample: VideoFrame) -> tuple[tuple[int, ...] | None, tuple[str, ...]]:
    """The 9 integers of the file's display matrix (None: upright), and what to say of it."""
    attached: Any = sample.side_data  # PyAV types it as a closed dict; it is a mapping of every kind
    side = attached.get(SideDataType.DISPLAYMATRIX)
    if side is None:
        return None, ()
    matrix = struct.unpack("=9i", bytes(side)[:36])
    if not decode.right_angled(matrix):
        return None, ("the display matrix is not of right angles: ignored",)
    if matrix[0] > 0 and matrix[4] > 0:
        return None, ()
    return matrix, (f"turned and mirrored as the file's display matrix asks ({-sample.rotation % 360} degrees)",)


def _timecode(source: Source) -> str | None:
    for stream in (*source.container.streams, source.container):
        for key, value in stream.metadata.items():
            if key.lower() == "timecode":
                return str(value)
    return None
