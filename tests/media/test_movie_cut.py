"""Movies whose start was cut off, whose time stamps repeat, or that were joined: what players show is what is read."""

from contextlib import suppress
from fractions import Fraction

import av
import numpy as np
import pytest
from av.codec.context import Flags

from tests.media.movies import index_of, numbered, remuxed, with_fields, write_movie
from vfxage.errors import ReadError
from vfxage.media.movie import MovieReader

OPEN = {"crf": "4", "x264-params": "keyint=12:min-keyint=12:bframes=3:open-gop=1:scenecut=0:b-adapt=0"}
FINE = {"g": "12", "bf": "2", "qmin": "1", "qmax": "2", "b": "8M"}
COUNT = 30


def from_second_key_frame(source, target):
    """Drop the first group of pictures, as editors do that do not encode."""
    keys = 0

    def kept(_, packet):
        nonlocal keys
        keys += packet.is_keyframe
        return keys > 1

    return remuxed(source, target, kept)


@pytest.mark.parametrize("suffix", ["mkv", "mp4"])
@pytest.mark.parametrize(("codec", "options"), [("libx264", OPEN), ("mpeg4", FINE), ("mpeg2video", FINE)])
def test_a_movie_that_begins_at_an_open_group_is_read_from_its_first_whole_picture(tmp_path, suffix, codec, options):
    whole = write_movie(tmp_path / "whole.mp4", numbered(COUNT), codec, options=options)
    reader = MovieReader(from_second_key_frame(whole, tmp_path / f"cut.{suffix}"))
    found = {}
    for number in range(reader.info.first, reader.info.last + 1):
        with suppress(ReadError):
            (frame,) = reader.read([number])
            found[number] = index_of(frame.rgb)
    numbers = list(found)
    assert numbers == list(range(numbers[0], reader.info.last + 1))
    assert [found[number] for number in numbers] == list(range(COUNT - len(numbers), COUNT))
    assert len(numbers) >= COUNT - 12 - 1
    assert [index_of(frame.rgb) for frame in reader.read(numbers)] == list(found.values())
    told = [note for note in reader.info.notes if "cut inside a group of pictures" in note]
    assert bool(told) == (numbers[0] > reader.info.first)


def test_an_interlaced_movie_that_begins_at_an_open_group(tmp_path):
    whole = tmp_path / "whole.mkv"
    with av.open(str(whole), "w") as container:
        params = OPEN["x264-params"] + ":interlaced=1:tff=1"
        stream = container.add_stream("libx264", 25, {"crf": "4", "x264-params": params})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.flags |= Flags.interlaced_dct | Flags.interlaced_me
        for number, frame in enumerate(numbered(COUNT)):
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(with_fields(frame, "top")))
        container.mux(stream.encode(None))
    reader = MovieReader(from_second_key_frame(whole, tmp_path / "cut.mkv"))
    numbers = range(1, reader.info.last + 1)
    assert [index_of(frame.rgb) for frame in reader.read(numbers)] == list(range(COUNT - len(numbers), COUNT))
    assert any("left out" in note for note in reader.info.notes)


def with_repeated_stamps(source, target, places):
    """Give the packets at these places the time stamp of the packet before."""
    before = 0

    def repeat(place, packet):
        nonlocal before
        packet.pts = packet.dts = before if place in places else packet.pts
        before = packet.pts
        return True

    return remuxed(source, target, repeat)


@pytest.mark.parametrize("codec", ["mjpeg", "libx264"])
@pytest.mark.parametrize("places", [{5}, {5, 6, 7}, {19}])
def test_frames_with_one_time_stamp_are_spread_up_to_the_next(tmp_path, codec, places):
    pictures, options = numbered(20), {"bf": "0", "crf": "4"} if codec == "libx264" else {"qmin": "1", "qmax": "2"}
    if codec == "mjpeg":
        pictures = [frame.reformat(format="yuvj420p") for frame in pictures]
    whole = write_movie(tmp_path / "whole.mkv", pictures, codec, options=options)
    reader = MovieReader(with_repeated_stamps(whole, tmp_path / "twice.mkv", places))
    assert (reader.info.rate, reader.info.variable_rate) == (Fraction(24), False)
    assert [index_of(frame.rgb) for frame in reader.read(range(1, 21))] == list(range(20))
    assert any(f"{len(places)} frame" in note and "time stamp" in note for note in reader.info.notes)


def test_a_repeated_time_stamp_in_a_variable_rate_keeps_the_length_of_the_movie(tmp_path):
    """Eight frames in 0.4 s at the times 0 1 2 2 4 5 10 11 of a 30th of a second."""
    times = [0, 1, 2, 3, 4, 5, 10, 11]
    pictures = [frame.reformat(format="yuvj420p") for frame in numbered(8)]
    whole = write_movie(
        tmp_path / "whole.mkv", pictures, "mjpeg", rate=Fraction(30), pts=[1000 * time for time in times]
    )
    info = MovieReader(with_repeated_stamps(whole, tmp_path / "twice.mkv", {3})).info
    assert info.variable_rate
    assert float(info.rate) == pytest.approx(7 / (11 / 30), rel=1e-3)
    np.testing.assert_allclose([float(time) for time in info.tags.times], np.array(times) / 30, atol=2e-3)


def test_frames_that_all_have_one_time_stamp_are_read(tmp_path):
    whole = write_movie(tmp_path / "whole.mkv", numbered(6), "ffv1")
    reader = MovieReader(with_repeated_stamps(whole, tmp_path / "once.mkv", set(range(1, 6))))
    assert [index_of(frame.rgb) for frame in reader.read(range(1, 7))] == list(range(6))


def test_joined_recordings_are_read_one_after_the_other(tmp_path):
    """``cat a.ts b.ts``: the time stamps start again, and the first packet after the joint has a gap in its count."""
    one = write_movie(tmp_path / "one.ts", numbered(20), "libx264", options=OPEN)
    both = tmp_path / "both.ts"
    both.write_bytes(one.read_bytes() * 2)
    reader = MovieReader(both)
    assert [index_of(frame.rgb) for frame in reader.read(range(1, 41))] == [*range(20), *range(20)]
    assert (reader.info.last, reader.info.rate, reader.info.audio) == (40, Fraction(24), False)
    assert any("joined" in note for note in reader.info.notes)


def test_an_avi_that_repeats_pictures_without_storing_them_is_whole(tmp_path):
    """At twice the rate of its pictures: the header counts 20 frames, 10 are stored."""
    pictures = [frame.reformat(format="yuvj420p") for frame in numbered(10)]
    path = write_movie(tmp_path / "a.avi", pictures, "mjpeg", pts=[2000 * n for n in range(10)])
    with av.open(str(path)) as container:
        assert container.streams.video[0].frames > 10
    reader = MovieReader(path)
    assert reader.info.last == 10
    assert [index_of(frame.rgb) for frame in reader.read(range(1, 11))] == list(range(10))


@pytest.mark.parametrize(
    ("codec", "pixels"),
    [("qtrle", "rgb24"), ("png", "rgb24"), ("cfhd", "yuv422p10le"), ("mjpeg", "yuvj422p"), ("jpeg2000", "rgb24")],
)
def test_a_frame_alone_is_the_frame_of_a_whole_read(tmp_path, codec, pixels):
    """QuickTime Animation stores only what changes, though every packet is in the header's list."""
    still = np.full((48, 64, 3), 90, np.uint8)
    frames = []
    for number in range(4):
        still[4 * number : 4 * number + 4] = 200
        frames.append(av.VideoFrame.from_ndarray(still, "rgb24").reformat(format=pixels))
    path = write_movie(tmp_path / "a.mov", frames, codec)
    whole = list(MovieReader(path).read(range(1, 5)))
    for number in (2, 3, 4):
        (alone,) = MovieReader(path).read([number])
        np.testing.assert_array_equal(alone.rgb, whole[number - 1].rgb)
