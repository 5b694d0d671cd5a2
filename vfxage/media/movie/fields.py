"""The two fields of an interlaced picture: which one is shown first.

PyAV has no attribute for it; FFmpeg's filters read and write it.
"""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction
from typing import Literal

import av
from av.filter import Graph
from av.video.frame import VideoFrame

FieldOrder = Literal["top", "bottom"]
"""The field of an interlaced picture that is shown first."""

BWDIF = "ffmpeg -i PLATE -vf bwdif -c:v prores_ks -profile:v 3 OUT.mov"
"""Command that deinterlaces: it makes one whole picture of every field, at twice the rate."""

_CLOCK = Fraction(1, 1)
"""The filters need some time base; a single picture is not timed by it."""


def field_order(picture: VideoFrame) -> FieldOrder | None:
    """Which field of a decoded picture is shown first; None if the picture is progressive."""
    if not picture.interlaced_frame:
        return None
    return "top" if _run(picture, "select", r"eq(interlace_type\,TOPFIRST)") else "bottom"


def flagged(picture: VideoFrame, order: FieldOrder) -> VideoFrame:
    """The same picture, marked as interlaced with this field first, for the encoder."""
    marked = _run(picture, "setfield", {"top": "tff", "bottom": "bff"}[order])
    assert marked is not None
    marked.pts, marked.time_base, marked.duration = picture.pts, picture.time_base, picture.duration
    return marked


def _run(picture: VideoFrame, name: str, setting: str) -> VideoFrame | None:
    """What one filter makes of one picture; None if the filter drops it."""
    graph = Graph()
    source = graph.add_buffer(width=picture.width, height=picture.height, format=picture.format, time_base=_CLOCK)
    step, sink = graph.add(name, setting), graph.add("buffersink")
    source.link_to(step)
    step.link_to(sink)
    graph.configure()
    graph.push(picture)
    graph.push(None)
    with suppress(av.error.EOFError, av.error.BlockingIOError):
        pulled = graph.pull()
        assert isinstance(pulled, VideoFrame)
        return pulled
    return None
