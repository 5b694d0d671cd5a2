"""Frame numbers of movies: each is exactly its picture, wherever reading starts, or an error that names it."""

import shutil
from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.media.movies import WEIGHTS, decoded, index_of, index_of_luma, numbered, planes_of, write_movie
from vfxage.errors import ReadError
from vfxage.media import open_reader
from vfxage.media.movie import MovieReader
from vfxage.media.timecode import shift_timecode

RANGES = ([40], [13], [12, 13], [1, 40], [25, 26, 27], range(1, 41, 13), range(1, 41))
H264 = {"crf": "4", "preset": "fast", "x264-params": "keyint=12:min-keyint=12:bframes=3:scenecut=0"}


def indices(path, numbers=None):
    reader = MovieReader(path)
    numbers = range(reader.info.first, reader.info.last + 1) if numbers is None else numbers
    return [index_of(frame.rgb) for frame in reader.read(numbers)]


def test_every_clip_has_the_frames_that_pyav_decodes(clips, prores):
    paths = sorted([*clips.iterdir(), *prores.glob("*.mov")])
    assert len(paths) > 25
    for path in paths:
        if "invalid_nalu" in path.name:
            continue
        info = MovieReader(path).info
        assert (info.first, info.last) == (1, len(decoded(path))), path.name
        assert info.tags.cicp


def test_real_rates_are_exact(clips):
    rates = {
        "androidx_sample.mp4": Fraction(30000, 1001),
        "androidx_bt601.mov": Fraction(30000, 1001),
        "androidx_sample_fragmented.mp4": Fraction(30000, 1001),
        "androidx_sample_with_multiple_key_frames.mkv": Fraction(30),  # its header says 60
        "marcie-tv.mp4": Fraction(25),
        "signer_hand_over_face.mp4": Fraction(359, 12),
        "foreman_cuts_qcif.h264": None,  # a raw stream says nothing
    }
    for name, rate in rates.items():
        info = MovieReader(clips / name).info
        assert (info.rate, info.variable_rate) == (rate, False), name
    uneven = MovieReader(clips / "intel_asl_brother.mkv").info  # its second frame is missing
    assert uneven.variable_rate
    assert any("variable" in note for note in uneven.notes)


@pytest.mark.parametrize(
    "name",
    [
        "pexels_occlusion_720p.mp4",
        "androidx_sample_av1.mp4",
        "androidx_sample_fragmented.mp4",
        "androidx_sample_with_multiple_key_frames.mkv",
        "foreman_cuts_qcif.h264",
        "webcam_leans_in_out.mp4",
    ],
)
def test_sought_frames_have_the_luma_that_pyav_decodes(clips, name):
    path = clips / name
    sources = decoded(path, 80)
    count = len(sources)
    reader = MovieReader(path)
    tags = reader.info.tags
    for wanted in (
        [count],
        [count // 2, count // 2 + 1],
        [1, count],
        [2],
        sorted({1 + 7 * k % count for k in range(4)}),
    ):
        frames = list(reader.read(wanted))
        assert [frame.number for frame in frames] == wanted
        for frame in frames:
            stored = planes_of(sources[frame.number - 1])[0]
            luma, sure = stored_luma(frame.rgb, WEIGHTS[tags.cicp[2]])
            assert sure.mean() > 0.2
            np.testing.assert_array_equal(luma[sure], stored[sure])


def stored_luma(rgb, weights):
    """8-bit video-range luma from linear Rec.1886, and where that is sure (channels inside 0..1)."""
    code = np.clip(rgb.astype(np.float64), 0, 1) ** (1 / 2.4)
    kr, kb = weights
    luma = code @ [kr, 1 - kr - kb, kb] * 219 + 16
    return np.rint(luma), ((code > 0.02) & (code < 0.999)).all(axis=-1)


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "h264", "avi"])
def test_any_range_of_a_movie_with_b_frames(tmp_path, suffix):
    path = write_movie(tmp_path / f"a.{suffix}", numbered(40), "libx264", options=H264)
    for wanted in RANGES:
        assert indices(path, wanted) == [n - 1 for n in wanted]


def test_any_range_of_prores(tmp_path):
    frames = [frame.reformat(format="yuv422p10le") for frame in numbered(40)]
    path = write_movie(tmp_path / "a.mov", frames, "prores_ks")
    for wanted in RANGES:
        assert indices(path, wanted) == [n - 1 for n in wanted]


def test_open_gop_frames_before_their_key_frame(tmp_path):
    options = {"crf": "4", "x264-params": "keyint=10:min-keyint=10:bframes=3:open-gop=1:scenecut=0:b-adapt=0"}
    path = write_movie(tmp_path / "a.mp4", numbered(40), "libx264", options=options)
    for number in range(1, 41):
        assert indices(path, [number]) == [number - 1]


def test_fragmented(tmp_path):
    fragments = {"movflags": "frag_keyframe+empty_moov"}
    path = write_movie(tmp_path / "a.mp4", numbered(40), "libx264", options=H264, container_options=fragments)
    assert indices(path) == list(range(40))
    assert indices(path, [30, 31]) == [29, 30]


def test_first_frame_renumbers_and_odd_start_times_do_not(tmp_path):
    path = write_movie(
        tmp_path / "a.mkv", numbered(20), "libx264", options=H264, pts=[1000 * k + 7000 for k in range(20)]
    )
    assert indices(path) == list(range(20))
    reader = MovieReader(path, first_frame=1001)
    assert (reader.info.first, reader.info.last) == (1001, 1020)
    assert [(f.number, index_of(f.rgb)) for f in reader.read([1003, 1020])] == [(1003, 2), (1020, 19)]


def test_edit_list_hides_what_it_cuts(tmp_path):
    path = write_movie(
        tmp_path / "a.mp4", numbered(20), "libx264", options=H264, pts=[1000 * (k - 3) for k in range(20)]
    )
    shown = [index_of_luma(float(planes_of(frame)[0].mean())) for frame in decoded(path)]
    assert shown[0] == 3  # PyAV alone drops the three before the edit's start
    assert indices(path) == shown
    assert indices(path, [5]) == [shown[4]]


def test_variable_rate_keeps_every_frame_and_its_number(tmp_path):
    pts = np.cumsum([0, *([1000, 1000, 3000, 500, 1000, 7000] * 4)]).tolist()
    path = write_movie(tmp_path / "a.mp4", numbered(25), "libx264", options=H264, pts=pts)
    info = MovieReader(path).info
    assert info.variable_rate
    assert (info.first, info.last) == (1, 25)
    assert indices(path) == list(range(25))
    assert indices(path, [4, 18]) == [3, 17]


@pytest.mark.parametrize("rate", [Fraction(24000, 1001), Fraction(24), Fraction(25), Fraction(60000, 1001)])
@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_rate_is_exact(tmp_path, rate, suffix):
    path = write_movie(tmp_path / f"a.{suffix}", numbered(50), "libx264", options=H264, rate=rate)
    info = MovieReader(path).info
    assert (info.rate, info.variable_rate) == (rate, False)


def test_timecode_of_the_first_frame(tmp_path):
    path = write_movie(
        tmp_path / "a.mov",
        numbered(3),
        "mpeg4",
        rate=Fraction(30000, 1001),
        metadata={"timecode": "01:00:59;28"},
    )
    assert MovieReader(path).info.timecode == "01:00:59;28"


def test_numbers_outside_the_movie(tmp_path):
    path = write_movie(tmp_path / "a.mp4", numbered(5), "libx264", options=H264)
    for number in (0, 6, -3):
        with pytest.raises(ReadError, match=rf"frame {number}: has no such frame, only 1-5"):
            indices(path, [number])


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "mov"])
def test_truncated_movie_names_the_first_frame_that_is_gone(tmp_path, suffix):
    frames = numbered(50, noise=12)
    codec, options = ("prores_ks", {}) if suffix == "mov" else ("libx264", H264)
    if suffix == "mov":
        frames = [frame.reformat(format="yuv422p10le") for frame in frames]
    front = {} if suffix == "mkv" else {"movflags": "+faststart"}
    path = write_movie(tmp_path / f"a.{suffix}", frames, codec, options=options, container_options=front)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 7 // 10])
    reader = MovieReader(path)
    assert reader.info.last == 50  # what the file promises: a whole render must not pass over the loss
    assert any("truncated" in note for note in reader.info.notes)
    with pytest.raises(ReadError, match=r"frame \d+: is missing: the file is cut short") as caught:
        list(reader.read(range(1, 51)))
    lost = caught.value.frame
    assert 10 < lost <= 40
    assert [index_of(frame.rgb) for frame in reader.read(range(1, lost))] == list(range(lost - 1))


FRAGMENTS = {"movflags": "frag_keyframe+empty_moov"}
AV_INTRA = {"profile": "dnxhr_sq"}


@pytest.mark.parametrize(
    ("suffix", "codec", "pixels", "container", "stated"),
    [
        ("avi", "mjpeg", "yuvj420p", {}, True),
        ("avi", "mpeg4", "yuv420p", {}, True),
        ("mxf", "dnxhd", "yuv422p", {}, True),
        ("mxf", "mpeg2video", "yuv420p", {}, True),
        ("mkv", "ffv1", "yuv420p", {}, True),
        ("mkv", "ffv1", "yuv420p", {"live": "1"}, False),
        ("mov", "mjpeg", "yuvj420p", FRAGMENTS, False),
        ("mp4", "mpeg4", "yuv420p", FRAGMENTS, False),
    ],
)
@pytest.mark.parametrize("part", [0.85, 0.5])
def test_a_movie_that_is_cut_short_has_frames_that_are_missing(
    tmp_path, suffix, codec, pixels, container, stated, part
):
    frames = [frame.reformat(256, 120, format=pixels) for frame in numbered(20, noise=12)]
    options = AV_INTRA if codec == "dnxhd" else {"g": "5"}
    path = write_movie(tmp_path / f"a.{suffix}", frames, codec, options=options, container_options=container)
    whole = MovieReader(path)
    assert whole.info.last == 20
    assert not any("truncated" in note for note in whole.info.notes)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * part)])
    reader = MovieReader(path)
    assert any("truncated" in note for note in reader.info.notes)
    with pytest.raises(ReadError, match=r"frame \d+: is missing: the file is cut short"):
        list(reader.read(range(1, reader.info.last + 1)))
    assert (reader.info.last == 20) is stated


def test_a_matroska_file_cut_short_after_its_first_frame(tmp_path):
    path = write_movie(tmp_path / "a.mkv", numbered(30, noise=12))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 20])
    assert MovieReader(path).info.last == 30


def test_movie_without_its_index_is_refused(tmp_path):
    path = write_movie(tmp_path / "a.mp4", numbered(30), "libx264", options=H264)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(ReadError, match=r"a\.mp4: cannot be read as a movie"):
        MovieReader(path)


def test_broken_unit_is_named_and_what_is_before_it_is_read(clips, capfd):
    reader = MovieReader(clips / "androidx_sample_with_invalid_nalu.mp4")
    seen: list[Any] = []
    with pytest.raises(ReadError, match="frame 27: cannot be decoded"):
        seen.extend(frame.number for frame in reader.read(range(1, 31)))
    assert seen == list(range(1, 27))
    with pytest.raises(ReadError, match="frame 30: cannot be decoded"):
        list(reader.read([30]))
    assert [frame.number for frame in reader.read([26])] == [26]
    assert capfd.readouterr() == ("", "")


def test_damaged_prores_frame_is_an_error_not_a_picture(tmp_path, prores):
    data = bytearray((prores / "natron_apch.mov").read_bytes())
    second = data.index(b"icpf", data.index(b"icpf") + 4)
    data[second + 2000 : second + 4000] = bytes(2000)
    path = tmp_path / "a.mov"
    path.write_bytes(data)
    reader = MovieReader(path)
    assert next(reader.read([1])).number == 1
    with pytest.raises(ReadError, match="frame 2: cannot be decoded"):
        list(reader.read([1, 2]))


def test_a_size_that_changes_is_named(tmp_path):
    parts = [
        write_movie(tmp_path / f"{width}.h264", numbered(6, width), "libx264", options=H264).read_bytes()
        for width in (64, 96)
    ]
    path = tmp_path / "a.h264"
    path.write_bytes(b"".join(parts))
    with pytest.raises(ReadError, match=r"frame 7: changes from 64x48 yuv420p to 96x48"):
        list(MovieReader(path).read(range(1, 13)))


def test_a_file_that_is_no_movie_is_an_error(tmp_path, clips):
    text = tmp_path / "text.mov"
    text.write_text("not a movie\n" * 100)
    empty = tmp_path / "empty.mov"
    empty.touch()
    playlist = tmp_path / "list.mov"
    playlist.write_text(f"#EXTM3U\n#EXTINF:1,\n{clips / 'marcie-tv.mp4'}\n#EXT-X-ENDLIST\n")
    sound = tmp_path / "sound.mov"
    with av.open(str(sound), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=48000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4800), np.int16), "s16", "mono")
        frame.sample_rate = 48000
        container.mux(stream.encode(frame))
    for path, why in (
        (text, "cannot be read as a movie"),
        (playlist, "cannot be read as a movie"),
        (empty, "is empty"),
        (sound, "has no video stream"),
        (tmp_path, "is a folder"),
        (tmp_path / "none.mov", "does not exist"),
    ):
        with pytest.raises(ReadError, match=why) as caught:
            MovieReader(path)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_name_that_looks_like_an_address_is_a_file(tmp_path):
    made = write_movie(tmp_path / "a.mp4", numbered(3), "libx264", options=H264)
    path = tmp_path / "concat:%04d.mp4"
    shutil.copy(made, path)
    assert indices(path) == [0, 1, 2]


@pytest.mark.parametrize(
    ("start", "frames", "rate", "expected"),
    [
        ("00:00:59;29", 1, Fraction(30000, 1001), "00:01:00;02"),
        ("00:09:59;29", 1, Fraction(30000, 1001), "00:10:00;00"),
        ("00:00:59;59", 1, Fraction(60000, 1001), "00:01:00;04"),
        ("01:00:00:00", -1, Fraction(24000, 1001), "00:59:59:23"),
        ("23:59:59:23", 1, Fraction(24), "00:00:00:00"),
        ("10:00:00;00", 17982, Fraction(30000, 1001), "10:10:00;00"),
    ],
)
def test_timecode_arithmetic(start, frames, rate, expected):
    assert shift_timecode(start, frames, rate) == expected


@given(st.integers(0, 24 * 3600 * 30 - 1), st.booleans())
def test_timecode_there_and_back(frames, drop):
    rate = Fraction(30000, 1001)
    zero = "00:00:00;00" if drop else "00:00:00:00"
    there = shift_timecode(zero, frames, rate)
    day = 24 * 3600 * 30 - (24 * 54 * 2 if drop else 0)
    assert shift_timecode(there, -(frames % day), rate) == zero
    minutes, ticks = int(there[3:5]), int(there[9:])
    assert not (drop and minutes % 10 and there[6:8] == "00" and ticks < 2)  # the numbers that are dropped


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("a.mpg", "mpeg2video", {"g": "12", "bf": "2", "b": "4M"}),
        ("a.mpeg", "mpeg1video", {"g": "12", "bf": "2", "b": "4M"}),
        ("a.ts", "libx264", H264),
        ("a.mts", "mpeg2video", {"g": "12", "bf": "2", "b": "4M"}),
        ("a.m2ts", "libx264", H264),
    ],
)
def test_broadcast_streams_have_exact_frames_wherever_reading_starts(tmp_path, name, codec, options):
    path = write_movie(tmp_path / name, numbered(40), codec, rate=Fraction(25), options=options)
    info = open_reader(path).info
    assert (info.first, info.last, info.rate) == (1, 40, Fraction(25))
    for numbers in RANGES:
        assert indices(path, numbers) == [number - 1 for number in numbers]


def test_a_gif_is_srgb_and_keeps_its_transparency(tmp_path):
    codes = np.zeros((24, 32, 4), np.uint8)
    codes[:, :16], codes[:, 16:24] = (200, 100, 50, 255), (20, 220, 120, 255)
    frames = [Image.fromarray(np.roll(codes, index, axis=0)) for index in range(3)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:], duration=40, disposal=2, loop=0)
    reader = open_reader(tmp_path / "a.gif")
    assert (reader.info.colorspace, reader.info.alpha) == ("sRGB Encoded Rec.709 (sRGB)", True)
    frame = next(reader.read([1]))
    nominal = codes[..., :3] / 255
    light = np.where(nominal <= 0.04045, nominal / 12.92, ((nominal + 0.055) / 1.055) ** 2.4)
    np.testing.assert_array_equal(frame.alpha, codes[..., 3] / 255)
    np.testing.assert_allclose(frame.rgb[:, :24], light[:, :24], atol=1e-5)
