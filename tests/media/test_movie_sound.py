"""Sound of a written movie, checked by its samples."""

from fractions import Fraction

import av
import numpy as np
import pytest
from av.codec.context import Flags

from tests.media.movie_outputs import destination, render, written
from tests.media.movies import numbered, with_fields
from vfxage.media.movie import MovieReader, MovieWriter


def pcm(path):
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        frames = [(float(frame.pts * stream.time_base), frame.to_ndarray()) for frame in container.decode(stream)]
    return frames[0][0], np.concatenate([samples for _, samples in frames], axis=1)[0], stream.rate


def test_sound_is_copied_and_stays_in_step(tmp_path, clips):
    plate = MovieReader(clips / "androidx_sample_twos_pcm.mp4")
    numbers = tuple(range(11, 21))
    where = destination(tmp_path / "a.mov", clip=plate.info, numbers=numbers, stamps=dict.fromkeys(numbers, ""))
    written(where, [render(f.number, beauty=f.rgb) for f in plate.read(numbers)])
    source_begin, source, rate = pcm(plate.info.path)
    begin, copied, copied_rate = pcm(where.path)
    assert copied_rate == rate
    assert source_begin > 0.05  # the sound of this clip starts late
    start = round((10 / float(plate.info.rate) + begin - source_begin) * rate)
    offset = min(range(-2, 3), key=lambda k: np.abs(source[start + k :][:8000].astype(int) - copied[:8000]).sum())
    np.testing.assert_array_equal(source[start + offset :][:8000], copied[:8000])
    assert abs(begin) < 0.05
    assert len(copied) / rate == pytest.approx(10 / float(plate.info.rate), abs=0.06)


def test_sound_is_left_out_when_frames_are(tmp_path, clips):
    plate = MovieReader(clips / "androidx_sample_twos_pcm.mp4")
    where = destination(tmp_path / "a.mov", clip=plate.info, numbers=(1, 3), stamps={1: "", 3: ""})
    written(where, [render(f.number, beauty=f.rgb) for f in plate.read((1, 3))])
    with av.open(where.path) as container:
        assert not container.streams.audio


@pytest.mark.parametrize("suffix", ["mov", "mkv"])
def test_two_packets_with_one_time_are_both_copied(tmp_path, suffix):
    path = tmp_path / "whole.mkv"
    sounding(path, "pcm_s16le", range(0, 400, 40), np.arange(19200, dtype=np.int16)).close()
    with av.open(str(path)) as source, av.open(str(tmp_path / "plate.mkv"), "w") as target:
        streams = {stream.index: target.add_stream_from_template(stream) for stream in source.streams}
        times = []
        for packet in source.demux():
            if packet.dts is None:
                continue
            if packet.stream.type == "audio":
                times.append(packet.dts)
                packet.pts = packet.dts = times[-2] if len(times) == 5 else packet.dts
            packet.stream = streams[packet.stream_index]
            target.mux(packet)
    assert len(times) > 6
    plate = MovieReader(tmp_path / "plate.mkv")
    numbers = tuple(range(1, plate.info.last + 1))
    where = destination(tmp_path / f"a.{suffix}", clip=plate.info, numbers=numbers, stamps=dict.fromkeys(numbers, ""))
    written(where, [render(f.number, beauty=f.rgb) for f in plate.read(numbers)])
    np.testing.assert_array_equal(pcm(where.path)[1], pcm(path)[1])


def sounding(path, codec, times, samples):
    """A movie with a grey frame at each of ``times`` (milliseconds) and mono sound of 16-bit samples, 48 kHz."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg4", rate=25)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        video.codec_context.time_base = Fraction(1, 1000)
        audio = container.add_stream(codec, rate=48000, layout="mono")
        form = audio.codec_context.format.name
        resampler = av.AudioResampler(form, "mono", 48000, frame_size=audio.codec_context.frame_size or 960)
        for pts, frame in zip(times, numbered(len(times)), strict=True):
            frame.pts, frame.time_base = pts, Fraction(1, 1000)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        sound = av.AudioFrame.from_ndarray(samples[None], "s16", "mono")
        sound.rate, sound.pts = 48000, 0
        for part in (*resampler.resample(sound), *resampler.resample(None)):
            container.mux(audio.encode(part))
        container.mux(audio.encode(None))
    return MovieReader(path)


@pytest.mark.parametrize("codec", ["libopus", "flac", "wavpack"])
def test_sound_that_the_container_cannot_hold_is_left_out_with_a_note(tmp_path, codec):
    plate = sounding(tmp_path / "p.mkv", codec, range(0, 400, 40), np.zeros(19200, np.int16))
    where = destination(tmp_path / "a.mov", clip=plate.info, numbers=(1, 2, 3))
    with MovieWriter(where) as writer:
        assert writer.notes == (f"a.mov has no {codec.removeprefix('lib')} sound of the plate: .mov cannot store it",)
        for frame in plate.read((1, 2, 3)):
            writer.write(render(frame.number, beauty=frame.rgb))
    with av.open(where.path) as container:
        assert not container.streams.audio
        assert container.streams.video[0].frames == 3


def test_sound_that_the_container_holds_comes_along_without_a_note(tmp_path):
    plate = sounding(tmp_path / "p.mkv", "flac", range(0, 400, 40), np.arange(19200, dtype=np.int16))
    where = destination(tmp_path / "a.mp4", "h264", clip=plate.info, numbers=(3, 4, 5))
    assert MovieWriter(where).notes == ()
    written(where, [render(frame.number, beauty=frame.rgb) for frame in plate.read((3, 4, 5))])
    begin, samples, rate = pcm(where.path)
    assert samples[0] / rate == pytest.approx(0.08 + begin, abs=1e-3)


@pytest.mark.parametrize(("numbers", "start"), [((11, 12, 13), 1.0), ((18, 19, 20), 1.14), ((1, 2, 3), 0.0)])
def test_sound_of_a_variable_rate_is_cut_where_the_pictures_are(tmp_path, numbers, start):
    times = [*range(0, 1000, 100), *range(1000, 1200, 20)]
    plate = sounding(tmp_path / "p.mkv", "pcm_s16le", times, (np.arange(57600) // 2).astype(np.int16))
    where = destination(tmp_path / "a.mov", clip=plate.info, numbers=numbers)
    with MovieWriter(where) as writer:
        assert [note for note in writer.notes if "constant 16.1" in note] == list(writer.notes) != []
    written(where, [render(frame.number, beauty=frame.rgb) for frame in plate.read(numbers)])
    begin, samples, rate = pcm(where.path)
    assert int(samples[0]) * 2 / rate == pytest.approx(start + begin, abs=1e-3)
    assert abs(begin) <= 0.021


def test_sound_of_an_interlaced_broadcast_stream_begins_with_its_pictures(tmp_path):
    """A transport stream starts at 1.4 s, and only decoding tells the frames of an interlaced one."""
    path = tmp_path / "p.ts"
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg2video", rate=25)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        video.codec_context.flags |= Flags.interlaced_dct | Flags.interlaced_me
        audio = container.add_stream("mp2", rate=48000, layout="mono")
        for number, frame in enumerate(numbered(20)):
            frame.pts, frame.time_base = number + 35, Fraction(1, 25)
            container.mux(video.encode(with_fields(frame, "top")))
        container.mux(video.encode(None))
        for start in range(0, 38400, 1152):
            samples = np.full((1, 1152), 8000 if start >= 19200 else 0, np.int16)
            sound = av.AudioFrame.from_ndarray(samples, "s16", "mono")
            sound.rate, sound.pts, sound.time_base = 48000, start + 67200, Fraction(1, 48000)
            container.mux(audio.encode(sound))
        container.mux(audio.encode(None))
    plate = MovieReader(path)
    assert plate.info.tags.field_order == "top"
    numbers = tuple(range(1, plate.info.last + 1))
    where = destination(tmp_path / "a.mov", clip=plate.info, numbers=numbers, stamps=dict.fromkeys(numbers, ""))
    written(where, [render(f.number, beauty=f.rgb) for f in plate.read(numbers)])
    begin, samples, rate = pcm(where.path)
    loud = begin + int(np.argmax(np.abs(samples) > 0.1)) / rate
    assert loud == pytest.approx(0.4, abs=0.03)
