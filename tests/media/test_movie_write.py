"""Movies that vfxage writes, read back with PyAV alone and byte by byte."""

import dataclasses
import os
import re
import resource
import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from tests.media.movie_outputs import DISPLAY, clip, codes, destination, psnr, render, scene, written
from tests.media.movies import decoded, numbered, picture, planes_of, rgb_codes, write_movie
from vfxage.errors import OutputError, WriteError
from vfxage.media.movie import MovieReader, MovieWriter, write_h264
from vfxage.media.movie.codecs import CODECS
from vfxage.media.movie.decode import code_values
from vfxage.media.movie.encode import encode_picture
from vfxage.media.movie.tags import Tags
from vfxage.types import SourceTags


@pytest.mark.parametrize(
    ("codec", "suffix", "fourcc", "pixel_format", "least"),
    [
        ("prores_proxy", "mov", "apco", "yuv422p10le", 38),
        ("prores_lt", "mov", "apcs", "yuv422p10le", 44),
        ("prores_422", "mov", "apcn", "yuv422p10le", 45),
        ("prores_hq", "mov", "apch", "yuv422p10le", 46),
        ("prores_4444", "mov", "ap4h", "yuv444p12le", 58),
        ("h264", "mp4", "avc1", "yuv420p", 42),
        ("h264", "mov", "avc1", "yuv420p", 42),
    ],
)
def test_codec_tags_rate_and_pixels(tmp_path, codec, suffix, fourcc, pixel_format, least):
    where = destination(tmp_path / f"out.{suffix}", codec)
    written(where)
    with av.open(where.path) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        assert context.codec_tag == fourcc
        assert context.pix_fmt == pixel_format
        assert (context.color_primaries, context.color_trc, context.colorspace, context.color_range) == (1, 1, 1, 1)
        assert (stream.average_rate, stream.frames) == (Fraction(24000, 1001), 3)
        assert stream.duration * stream.time_base == 3 / Fraction(24000, 1001)
    for frame in decoded(where.path):
        assert frame.colorspace == frame.color_primaries == 1
    bits = {"yuv422p10le": 10, "yuv444p12le": 12, "yuv420p": 8}[pixel_format]
    for number, code in zip(where.numbers, codes(where.path, bits), strict=True):
        assert psnr(code, scene(number)) > least


def test_prores_round_trip_of_a_real_plate(tmp_path, clips):
    plate = MovieReader(clips / "androidx_sample.mp4")
    frames = list(plate.read([5, 6]))
    levels = {}
    for codec in ("prores_proxy", "prores_lt", "prores_422", "prores_hq", "prores_4444"):
        where = destination(
            tmp_path / f"{codec}.mov", codec, clip=dataclasses.replace(plate.info, audio=False), numbers=(5, 6)
        )
        written(where, [render(f.number, beauty=f.rgb) for f in frames])
        back = list(MovieReader(where.path).read([1, 2]))
        levels[codec] = min(
            psnr(np.clip(b.rgb, 0, 1) ** (1 / 2.4), np.clip(f.rgb, 0, 1) ** (1 / 2.4))
            for b, f in zip(back, frames, strict=True)
        )
    for codec, least in zip(levels, (40, 47, 51, 55, 61), strict=True):
        assert levels[codec] > least, levels


@pytest.mark.parametrize("codec", ["prores_hq", "prores_4444", "h264"])
def test_encoder_is_given_the_formula_to_half_a_code(codec):
    form = CODECS[codec]
    tags = Tags(primaries=1, transfer=1, matrix=1, full_range=False)
    code = np.tile(np.array([[[0.2, 0.5, 0.8]]], np.float32), (32, 32, 1))  # flat: no chroma filter at work
    code += np.linspace(-0.15, 0.15, 32, dtype=np.float32)[:, None, None]  # grey added: chroma stays flat
    planes = planes_of(encode_picture(code, None, form, tags))
    whole = [np.full((32, 32), plane[3, 3]) for plane in planes[1:3]]
    back = rgb_codes(planes[0], *whole, bits=form.bits, matrix=1, full_range=False)
    luma = back @ [0.2126, 0.7152, 0.0722] - code.astype(np.float64) @ [0.2126, 0.7152, 0.0722]
    assert np.abs(luma).max() <= 0.501 / (219 << (form.bits - 8))
    assert np.abs(back - code).max() <= 1.5 / (219 << (form.bits - 8))


def test_chroma_of_a_422_plate_passes_through_unchanged():
    rng = np.random.default_rng(3)
    planes = [rng.integers(300, 700, (24, width)).astype(np.uint16) for width in (64, 32, 32)]
    tags = Tags(primaries=1, transfer=1, matrix=1, full_range=False)
    code, _ = code_values(picture(planes, "yuv422p10le"), tags, "", False)
    again = planes_of(encode_picture(code, None, CODECS["prores_hq"], tags))
    for before, after in zip(planes, again, strict=True):
        np.testing.assert_array_equal(before, after)


def test_chroma_is_filtered_before_it_is_halved():
    tags = Tags(primaries=1, transfer=1, matrix=1, full_range=False)
    code = np.full((16, 64, 3), 0.5, np.float32)
    code[:, ::2, 0], code[:, 1::2, 0] = 0.3, 0.7  # stripes of one pixel: their mean colour is grey
    cr = planes_of(encode_picture(code, None, CODECS["prores_hq"], tags))[2][8, 8:24].astype(np.float64)
    swing = 896 * 0.2 * (1 - 0.2126) / (2 * (1 - 0.2126))  # of Cr in 10-bit codes, if samples were just dropped
    assert np.abs(cr - 512).max() < 0.55 * swing


def atom(data, name):
    start = data.index(name)
    size = struct.unpack(">I", data[start - 4 : start])[0]
    return data[start + 4 : start - 4 + size]


@pytest.mark.parametrize(
    ("space", "expected"),
    [(DISPLAY, (1, 1, 1)), ("sRGB Encoded Rec.709 (sRGB)", (1, 13, 1)), ("Rec.2100-PQ - Display", (9, 16, 9))],
)
def test_nclc_bytes_say_the_space(tmp_path, space, expected):
    where = destination(tmp_path / "a.mov", colorspace=space, clip=clip(colorspace=None, tags=SourceTags()))
    data = Path(written(where)).read_bytes()
    assert atom(data, b"colr") == b"nclc" + struct.pack(">HHH", *expected)
    header = data.index(b"icpf") + 4
    assert tuple(data[header + 14 : header + 17]) == expected  # the ProRes frame header (RDD 36) agrees


def test_a_movie_plate_keeps_its_own_tags(tmp_path):
    plate = clip(colorspace=DISPLAY, tags=SourceTags(format="movie", cicp=(6, 1, 6)))
    where = destination(tmp_path / "a.mov", clip=plate)
    data = Path(written(where)).read_bytes()
    assert atom(data, b"colr") == b"nclc" + struct.pack(">HHH", 6, 1, 6)
    assert psnr(codes(where.path, 10, matrix=6)[0], scene(1001)) > 46


@pytest.mark.parametrize(
    ("rate", "timecode", "first", "expected", "drop"),
    [
        (Fraction(24000, 1001), "01:00:00:00", 1011, 86400 + 10, 0),
        (Fraction(30000, 1001), "01:00:59;28", 1003, 107892 + 1798 + 2, 1),
        (Fraction(25), "00:59:59:24", 1002, 90000, 0),
    ],
)
def test_timecode_track_starts_at_the_first_frame_written(tmp_path, rate, timecode, first, expected, drop):
    where = destination(
        tmp_path / "a.mov", clip=clip(rate=rate, timecode=timecode), numbers=tuple(range(first, first + 3))
    )
    data = Path(written(where)).read_bytes()
    descriptions = [found.end() for found in re.finditer(rb"stsd.{12}(?=tmcd)", data, re.DOTALL)]
    (entry,) = descriptions  # QuickTime File Format, "Timecode sample description"
    flags, scale, duration, per_second = struct.unpack(">IIIB", data[entry + 16 : entry + 29])
    assert flags & 1 == drop
    assert Fraction(scale, duration) == rate
    assert per_second == round(rate)
    with av.open(where.path) as container:
        track = next(stream for stream in container.streams if stream.type == "data")
        assert struct.unpack(">I", bytes(next(container.demux(track))))[0] == expected
        assert MovieReader(where.path).info.timecode == track.metadata["timecode"]


def test_pixel_aspect_is_kept(tmp_path):
    where = destination(tmp_path / "a.mov", clip=clip(pixel_aspect=2.0))
    with av.open(written(where)) as container:
        assert container.streams.video[0].sample_aspect_ratio == 2


@pytest.mark.parametrize("codec", ["prores_hq", "prores_4444", "h264"])
def test_two_writes_are_the_same_bytes(tmp_path, codec):
    paths = [tmp_path / name / "a.mov" for name in ("one", "two")]
    first, second = (Path(written(destination(path, codec))).read_bytes() for path in paths)
    assert first == second


def test_matroska(tmp_path):
    where = destination(tmp_path / "a.mkv", clip=clip(timecode="01:00:00:00"))
    first, second = (Path(written(where)).read_bytes() for _ in range(2))
    assert first == second
    assert MovieWriter(where).finished(1001)
    assert MovieWriter(where).foreign(1001) is None
    info = MovieReader(where.path).info
    assert (info.timecode, info.tags.cicp, info.last) == ("01:00:00:00", (1, 1, 1), 3)
    assert psnr(codes(where.path, 10)[1], scene(1002)) > 46


def test_odd_sizes(tmp_path):
    beauty = np.full((33, 47, 3), 0.25, np.float32)
    for codec in ("prores_hq", "prores_4444", "h264"):
        where = destination(tmp_path / f"{codec}.mov", codec, clip=clip(width=47, height=33), numbers=(1001,))
        written(where, [render(1001, beauty=beauty)])
        frame = decoded(where.path)[0]
        assert (frame.width, frame.height) == ((48, 34) if codec == "h264" else (47, 33))


@pytest.mark.parametrize(
    ("codec", "suffix", "passes", "why"),
    [
        ("prores_hq", "mov", ("beauty", "delta"), "one colour pass"),
        ("prores_4444", "mov", ("beauty", "delta", "matte"), "one colour pass"),
        ("prores_hq", "mov", ("beauty", "matte"), "no alpha"),
        ("h264", "mp4", ("beauty", "matte"), "no alpha"),
        ("prores_hq", "mp4", ("beauty",), "cannot be stored in"),
        ("dnxhr", "mov", ("beauty",), "unknown movie codec"),
        ("prores_hq", "mov", (), "one colour pass"),
    ],
)
def test_impossible_outputs_are_refused_before_rendering(tmp_path, codec, suffix, passes, why):
    with pytest.raises(OutputError, match=why):
        MovieWriter(destination(tmp_path / f"a.{suffix}", codec, passes))
    assert list(tmp_path.iterdir()) == []


def test_finished_only_when_everything_agrees(tmp_path):
    where = destination(tmp_path / "a.mov")
    assert not MovieWriter(where).finished(1001)
    written(where)
    assert all(MovieWriter(where).finished(number) for number in where.numbers)
    assert MovieWriter(where).foreign(1001) is None
    other = dataclasses.replace(where, stamps=dict.fromkeys(where.numbers, "other"))
    assert not MovieWriter(other).finished(1001)
    faster = dataclasses.replace(where, clip=clip(rate=Fraction(25)))
    assert not MovieWriter(faster).finished(1001)
    shorter = dataclasses.replace(where, numbers=where.numbers[:2])
    assert not MovieWriter(shorter).finished(1001)
    with open(where.path, "r+b") as file:
        file.truncate(os.path.getsize(where.path) * 2 // 3)
    assert not MovieWriter(where).finished(1001)


def test_a_movie_of_others_is_foreign(tmp_path):
    path = write_movie(tmp_path / "a.mov", numbered(3), "mpeg4")
    assert MovieWriter(destination(path)).foreign(1001) == path
    path.write_bytes(b"not a movie")
    assert MovieWriter(destination(path)).foreign(1001) == path
    assert MovieWriter(destination(tmp_path / "none.mov")).foreign(1001) is None


@pytest.mark.parametrize("codec", ["prores_hq", "h264"])
def test_a_failed_render_leaves_what_was_there(tmp_path, codec):
    where = destination(tmp_path / "a.mov", codec)
    (tmp_path / "a.mov").write_bytes(b"before")

    def stopped():
        yield render(1001)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        written(where, stopped())
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("a.mov", b"before")]


def test_a_movie_with_a_frame_missing_does_not_appear(tmp_path):
    with pytest.raises(WriteError, match="frame 1003"):
        written(destination(tmp_path / "a.mov"), [render(1001), render(1002)])
    assert list(tmp_path.iterdir()) == []


def test_nothing_written_touches_nothing(tmp_path):
    (tmp_path / "a.mov").write_bytes(b"before")
    with MovieWriter(destination(tmp_path / "a.mov")):
        pass
    assert (tmp_path / "a.mov").read_bytes() == b"before"


@pytest.mark.parametrize("limit", [3000, 20000, 45000])
def test_a_full_disk_is_an_error_and_leaves_nothing(tmp_path, limit):
    numbers = tuple(range(1001, 1013))
    where = destination(tmp_path / "a.mov", "prores_4444", numbers=numbers)
    whole = os.path.getsize(written(dataclasses.replace(where, path=str(tmp_path / "whole" / "a.mov"))))
    assert whole > limit
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
        with pytest.raises(WriteError, match=r"a\.mov.*cannot be written"):
            written(where)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [entry.name for entry in tmp_path.iterdir()] == ["whole"]


def test_no_room_for_the_trailer_is_an_error_too(tmp_path):
    where = destination(tmp_path / "a.mov", "prores_4444")
    whole = os.path.getsize(written(dataclasses.replace(where, path=str(tmp_path / "whole" / "a.mov"))))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (whole - 50, hard))
        with pytest.raises(WriteError):
            written(where)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [entry.name for entry in tmp_path.iterdir()] == ["whole"]


def test_preview_is_h264_that_players_take(tmp_path):
    path = tmp_path / "out" / "a.mp4"
    colour = np.array([200, 60, 120], np.uint8)
    pictures = [np.tile(colour + np.uint8(k), (91, 161, 1)) for k in range(4)]
    write_h264(path, pictures, Fraction(24000, 1001))
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        assert (context.name, context.pix_fmt, context.width, context.height) == ("h264", "yuv420p", 162, 92)
        assert (context.color_primaries, context.color_trc, context.colorspace) == (1, 13, 1)
        assert (stream.average_rate, stream.frames) == (Fraction(24000, 1001), 4)
    for k, code in enumerate(codes(path, 8)):
        np.testing.assert_allclose(code[40, 80] * 255, colour.astype(float) + k, atol=3)
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")  # starts to play before it has come


def test_preview_that_fails_leaves_nothing(tmp_path):
    def broken():
        yield np.zeros((32, 32, 3), np.uint8)
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError):
        write_h264(tmp_path / "a.mp4", broken(), Fraction(24))
    with pytest.raises(WriteError, match="at least one frame"):
        write_h264(tmp_path / "a.mp4", [], Fraction(24))
    assert list(tmp_path.iterdir()) == []
