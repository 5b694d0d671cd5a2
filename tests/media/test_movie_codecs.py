"""DNxHR and HEVC outputs, decoded by PyAV: format, tags and pixels."""

import dataclasses

import av
import numpy as np
import pytest

from tests.media.movie_outputs import clip, codes, destination, psnr, render, scene, written
from vfxage.errors import OutputError
from vfxage.media.movie import MovieWriter


def large(number):
    """The test scene at twice its size: DNxHR takes no smaller pictures than 256x120."""
    return scene(number).repeat(2, axis=0).repeat(2, axis=1)


def made(path, codec):
    where = dataclasses.replace(destination(path, codec), clip=clip(width=256, height=192))
    written(where, [render(number, beauty=large(number) ** np.float32(2.4)) for number in where.numbers])
    return where


@pytest.mark.parametrize(
    ("codec", "suffix", "name", "fourcc", "pixel_format", "bits", "least"),
    [
        ("dnxhr_hq", "mov", "dnxhd", "AVdh", "yuv422p", 8, 42),
        ("dnxhr_hqx", "mov", "dnxhd", "AVdh", "yuv422p10le", 10, 48),
        ("hevc", "mp4", "hevc", "hvc1", "yuv420p10le", 10, 44),
        ("hevc", "mov", "hevc", "hvc1", "yuv420p10le", 10, 44),
        ("hevc", "mkv", "hevc", None, "yuv420p10le", 10, 44),
    ],
)
def test_codec_tags_and_pixels(tmp_path, codec, suffix, name, fourcc, pixel_format, bits, least):
    where = made(tmp_path / f"out.{suffix}", codec)
    with av.open(where.path) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        assert (context.name, context.pix_fmt) == (name, pixel_format)
        assert fourcc is None or context.codec_tag == fourcc
        assert (context.color_primaries, context.color_trc, context.colorspace, context.color_range) == (1, 1, 1, 1)
        assert stream.average_rate == where.clip.rate
    found = codes(where.path, bits)
    assert len(found) == len(where.numbers)
    for number, code in zip(where.numbers, found, strict=True):
        assert psnr(code, large(number)) > least
    assert all(MovieWriter(where).finished(number) for number in where.numbers)


@pytest.mark.parametrize("codec", ["dnxhr_hqx", "hevc"])
def test_two_writes_give_the_same_bytes(tmp_path, codec):
    one, other = (made(tmp_path / f"{name}.mov", codec).path for name in ("a", "b"))
    with open(one, "rb") as first, open(other, "rb") as second:
        assert first.read() == second.read()


def test_a_picture_too_small_for_the_codec_is_refused_before_a_frame_is_written(tmp_path):
    with pytest.raises(OutputError, match="only from 256x120"):
        MovieWriter(destination(tmp_path / "a.mov", "dnxhr_hq"))
