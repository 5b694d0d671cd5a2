"""The format of a movie's pictures, from its first picture and its container."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from av.sidedata.sidedata import Type as SideDataType
from av.video.frame import VideoFrame

from vfxage.media.movie import decode
from vfxage.media.movie.decode import SampleLayout
from vfxage.media.movie.fields import BWDIF, FieldOrder, field_order
from vfxage.media.movie.source import OpenMovie
from vfxage.media.movie.tags import BT709, FULL_RANGE, SRGB_CURVE, VIDEO_RANGE, RawTags, Tags, resolve_tags

_SRGB_CODECS = frozenset({"gif"})
"""Codecs without colour tags whose pictures are those of a computer's screen."""

_CENTRED = frozenset({"mjpeg", "mpeg1video"})
"""Codecs that put chroma in the centre of its luma samples."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureFormat:
    """Everything needed to convert a decoded picture to pixels."""

    width: int
    """Width as stored, before ``matrix`` is applied."""
    height: int
    pixel_format: str
    codec: str
    layout: SampleLayout
    tags: Tags
    tagged: tuple[int, int, int]
    """(primaries, transfer, matrix) in the file; 2 for a missing tag."""
    centred: bool
    matrix: tuple[int, ...] | None
    """Display matrix, 9 integers; None if the pictures are upright."""
    field_order: FieldOrder | None
    """None if the pictures are progressive."""
    notes: tuple[str, ...]
    """Assumptions and conversions that the user should know."""

    @property
    def depth(self) -> str:
        """The sample format in words: "8-bit 4:2:0 video range"."""
        alpha = " + alpha" if self.layout.alpha else ""
        span = "full range" if self.tags.full_range else "video range"
        return f"{self.layout.bits}-bit {self.layout.sampling}{alpha} {span}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What the user says about the codes of a movie; it takes precedence over the file's tags."""

    space: bool
    """Whether the user names the colour space."""
    levels: Literal["full", "video"] | None
    """Range of the codes; None: from the tag."""


def picture_format(sample: VideoFrame, source: OpenMovie, declared: Declared) -> PictureFormat:
    """Read the format from the first picture.

    Raises ReadError for a pixel format or a colour matrix that vfxage does not read.
    """
    tagged = _raw_tags(sample, source)
    raw = _with_levels(tagged, declared)
    tags = resolve_tags(raw, sample.width, sample.height, named=declared.space)
    layout = decode.layout_of(sample.format, source.path)
    if layout.kind == "yuv":
        decode.rgb_from_codes(tags, layout.bits, source.path)  # refuses a matrix before the first frame is read
    matrix, turned = _display_matrix(sample)
    order = field_order(sample)
    codec = source.stream.codec_context.name
    return PictureFormat(
        width=sample.width,
        height=sample.height,
        pixel_format=sample.format.name,
        codec=codec,
        layout=layout,
        tags=tags,
        tagged=(raw.primaries, raw.transfer, raw.matrix),
        centred=codec in _CENTRED,
        matrix=matrix,
        field_order=order,
        notes=(*tags.notes, *_overruled(tagged.range, raw.range), *turned, *_woven(order)),
    )


def _woven(order: FieldOrder | None) -> Iterator[str]:
    if order is not None:
        yield (
            f"interlaced, {order} field first: the two fields of a frame are aged as one picture, and ProRes outputs "
            f"keep the field order; for better faces, deinterlace the plate first: {BWDIF}"
        )


def _with_levels(raw: RawTags, declared: Declared) -> RawTags:
    levels = {"full": FULL_RANGE, "video": VIDEO_RANGE}
    return raw if declared.levels is None else replace(raw, range=levels[declared.levels])


def _overruled(tagged: int, used: int) -> tuple[str, ...]:
    """A note if the range in the file's tag is not the one that is used."""
    names = {FULL_RANGE: "full range", VIDEO_RANGE: "video range"}
    if tagged == used or tagged not in names:
        return ()
    return (f"the file's tag says {names[tagged]}; the shot's `range:` is used",)


def _raw_tags(sample: VideoFrame, source: OpenMovie) -> RawTags:
    """The tags of the picture; the container's for those missing in the picture."""
    context = source.stream.codec_context

    def pick(own: int, outer: int) -> int:
        return int(own if own not in (0, 2) else outer)

    name = decode.PACKED.get(sample.format.name, sample.format.name)
    computer = context.name in _SRGB_CODECS
    return RawTags(
        primaries=BT709 if computer else pick(sample.color_primaries, context.color_primaries),
        transfer=SRGB_CURVE if computer else pick(sample.color_trc, context.color_trc),
        matrix=pick(sample.colorspace, context.colorspace),
        range=int(sample.color_range or context.color_range or 0),
        rgb=name.startswith("gbr"),
        full_format=name.startswith("yuvj"),
    )


def _display_matrix(sample: VideoFrame) -> tuple[tuple[int, ...] | None, tuple[str, ...]]:
    """The file's display matrix (None if the pictures are upright), and notes on it."""
    attached: Any = sample.side_data  # PyAV types it as a closed dict; it is a mapping of every kind
    side = attached.get(SideDataType.DISPLAYMATRIX)
    if side is None:
        return None, ()
    matrix = struct.unpack("=9i", bytes(side)[:36])
    if not decode.right_angled(matrix):
        return None, ("the display matrix does not turn by right angles: ignored",)
    if matrix[0] > 0 and matrix[4] > 0:
        return None, ()
    mirrored = matrix[0] * matrix[4] - matrix[1] * matrix[3] < 0
    how = "mirrored" if mirrored else f"turned {-sample.rotation % 360} degrees clockwise"
    return matrix, (f"{how} as the file's display matrix asks",)
