"""What a movie's tags leave out or say wrongly: range, SD lines, WebM's alpha, the order of fields."""

from fractions import Fraction

import av
import numpy as np
import pytest
from av.codec.context import Flags

from tests.media.movie_outputs import clip, destination, written
from tests.media.movies import decoded, linear_1886, picture, planes_of, with_fields, write_movie
from vfxage.errors import OutputError, ShotError
from vfxage.media import PlateSettings, open_reader
from vfxage.media.movie import MovieReader, MovieWriter
from vfxage.types import SourceTags


def grey(path, levels, bits=10, **settings):
    """A lossless movie of one row of luma codes, and the light that vfxage reads from it."""
    luma = np.repeat(np.array([levels], np.uint16), 16, axis=0)
    chroma = np.full_like(luma, 1 << (bits - 1))
    write_movie(path, [picture([luma, chroma, chroma], f"yuv444p{bits}le")], tags=(1, 1, 1), **settings)
    return lambda **given: next(open_reader(path, PlateSettings(**given)).read([1])).rgb[8, :, 1]


CODES = np.linspace(64, 940, 32).round().astype(int)


@pytest.mark.parametrize("tagged", [None, False, True])
@pytest.mark.parametrize("declared", ["full", "video"])
def test_the_range_that_a_shot_declares_wins(tmp_path, tagged, declared):
    read = grey(tmp_path / "a.mkv", CODES, full_range=tagged)
    code = CODES / 1023 if declared == "full" else (CODES - 64) / 876
    np.testing.assert_allclose(read(levels=declared), linear_1886(code), atol=1e-5)


def test_a_tag_that_the_shot_contradicts_is_noted_and_a_missing_one_is_not_assumed(tmp_path):
    grey(tmp_path / "a.mkv", CODES, full_range=False)
    info = open_reader(tmp_path / "a.mkv", PlateSettings(levels="full")).info
    assert "the file's tag says video range; the shot's `range:` is used" in info.notes
    assert "full range" in info.depth
    grey(tmp_path / "b.mkv", CODES)
    assert not any("range" in note for note in MovieReader(tmp_path / "b.mkv", levels="full").info.notes)
    assert any("video range" in note for note in MovieReader(tmp_path / "b.mkv").info.notes)


def test_a_sequence_has_no_range_to_declare(tmp_path):
    (tmp_path / "p.0001.png").write_bytes(b"")
    with pytest.raises(ShotError, match="full range"):
        open_reader(str(tmp_path / "p.%04d.png"), PlateSettings(levels="video"))


PAL, NTSC = (0.29, 0.60), (0.31, 0.595)
"""The green primary of BT.601 with 625 and with 525 lines (ITU-R BT.1700)."""


@pytest.mark.parametrize(
    ("width", "height", "green"),
    [(720, 576, PAL), (768, 576, PAL), (720, 608, PAL), (720, 480, NTSC), (720, 486, NTSC), (640, 480, NTSC)],
)
def test_untagged_sd_has_the_primaries_of_its_lines(tmp_path, width, height, green):
    planes = [np.full((height, width), 100, np.uint8), *[np.full((height // 2, width // 2), 128, np.uint8)] * 2]
    info = MovieReader(write_movie(tmp_path / "a.mkv", [picture(planes, "yuv420p")])).info
    assert info.tags.chromaticities[2:4] == pytest.approx(green)
    lines = 625 if green is PAL else 525
    assert any(f"BT.601 primaries ({lines} lines)" in note for note in info.notes)


@pytest.mark.parametrize("codec", ["libvpx", "libvpx-vp9"])
def test_webm_alpha_is_read_also_after_a_seek(tmp_path, codec):
    alphas = [40 + 20 * index for index in range(8)]
    frames = []
    for value in alphas:
        alpha = np.full((48, 64), 255, np.uint8)
        alpha[:, 32:] = value
        halves = [np.full((24, 32), 128, np.uint8)] * 2
        frames.append(picture([np.full((48, 64), 120, np.uint8), *halves, alpha], "yuva420p"))
    options = {"auto-alt-ref": "0", "g": "2", "crf": "4", "b": "4M"}
    path = write_movie(tmp_path / "a.webm", frames, codec, options=options)
    reader = MovieReader(path)
    assert reader.info.alpha
    assert any("straight alpha" in note for note in reader.info.notes)
    for numbers in ([1, 2, 7, 8], [3]):
        for frame in reader.read(numbers):
            np.testing.assert_allclose(frame.alpha[:, :24], 1, atol=0.02)
            np.testing.assert_allclose(frame.alpha[:, 40:], alphas[frame.number - 1] / 255, atol=0.02)


def woven(path, order):
    """An interlaced movie whose two fields differ; FFmpeg's own filter sets the flag of its pictures."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("prores_ks", 25, {"field_order": {"top": "tt", "bottom": "bb"}[order]})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv422p10le"
        stream.codec_context.flags |= Flags.interlaced_dct
        for index in range(3):
            luma = np.full((48, 64), 200 + 40 * index, np.uint16)
            luma[1::2] += 300
            frame = picture([luma, *[np.full((48, 32), 512, np.uint16)] * 2], "yuv422p10le")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            container.mux(stream.encode(with_fields(frame, order)))
        container.mux(stream.encode(None))
    return path


def first_field(path):
    """Which field FFmpeg's own select filter takes for the first; None for a progressive picture."""
    frame = decoded(path)[0]
    for name, kind in (("top", "TOPFIRST"), ("bottom", "BOTTOMFIRST")):
        graph = av.filter.Graph()
        ends = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, 25))
        step, sink = graph.add("select", rf"eq(interlace_type\,{kind})"), graph.add("buffersink")
        ends.link_to(step)
        step.link_to(sink)
        graph.configure()
        graph.push(frame)
        try:
            graph.pull()
        except av.error.BlockingIOError:
            continue
        return name
    return None


@pytest.mark.parametrize("order", ["top", "bottom"])
@pytest.mark.parametrize("codec", ["prores_hq", "prores_4444"])
def test_prores_keeps_the_field_order_and_both_fields(tmp_path, order, codec):
    plate = MovieReader(woven(tmp_path / "p.mov", order))
    assert plate.info.tags.field_order == order
    assert any(f"{order} field first" in note and "bwdif" in note for note in plate.info.notes)
    tags = SourceTags(format="movie", cicp=(1, 1, 1), field_order=order)
    out = written(destination(tmp_path / "o.mov", codec, clip=clip(tags=tags)))
    with av.open(out) as container:
        assert container.streams.video[0].codec_context.field_order == {"top": 2, "bottom": 3}[order]  # AVFieldOrder
    assert first_field(out) == order == first_field(tmp_path / "p.mov")
    assert first_field(written(destination(tmp_path / "q.mov", codec))) is None
    bits = 12 if codec == "prores_4444" else 10
    plain, kept = (planes_of(decoded(path)[0])[0].astype(float) / (1 << bits) for path in (tmp_path / "q.mov", out))
    np.testing.assert_allclose(kept, plain, atol=0.02)


def test_a_movie_that_would_mix_the_fields_is_refused(tmp_path):
    tags = SourceTags(format="movie", cicp=(1, 1, 1), field_order="top")
    with pytest.raises(OutputError, match="interlaced") as caught:
        MovieWriter(destination(tmp_path / "o.mp4", "h264", clip=clip(tags=tags)))
    assert "bwdif" in caught.value.fix


def test_a_movie_without_a_rate_says_which_one_it_gets(tmp_path):
    where = destination(tmp_path / "o.mov", clip=clip(kind="sequence", rate=None, tags=SourceTags()))
    with av.open(written(where)) as container:
        assert container.streams.video[0].average_rate == 24
    notes = MovieWriter(where).notes
    assert "o.mov is written at 24 frames per second: the plate names no rate; `rate:` in the shot sets it" in notes
    assert not any("names no rate" in note for note in MovieWriter(destination(tmp_path / "o.mov")).notes)


@pytest.mark.parametrize(
    ("plate", "output", "said"),
    [
        ("ACEScg", "ACEScg", "written as Rec.1886 Rec.709 - Display (the plate is ACEScg)"),
        ("ACEScg", "sRGB Encoded Rec.709 (sRGB)", "written as sRGB Encoded Rec.709 (sRGB) (the plate is ACEScg)"),
        ("Rec.1886 Rec.709 - Display", "Rec.1886 Rec.709 - Display", None),
    ],
)
def test_a_conversion_of_the_beauty_is_noted(tmp_path, plate, output, said):
    settings = clip(kind="sequence", colorspace=plate, tags=SourceTags())
    notes = MovieWriter(destination(tmp_path / "o.mov", clip=settings, colorspace=output)).notes
    assert any(said in note for note in notes) if said else not any("written as" in note for note in notes)
    delta = destination(tmp_path / "d.mov", passes=("delta",), clip=settings, colorspace=output)
    assert not any("written as" in note for note in MovieWriter(delta).notes)


def test_a_codec_that_drops_the_plates_alpha_says_so(tmp_path):
    dropped = MovieWriter(destination(tmp_path / "o.mov", "prores_hq", alpha=True)).notes
    kept = MovieWriter(destination(tmp_path / "o.mov", "prores_4444", alpha=True)).notes
    assert any("without the plate's alpha" in note for note in dropped)
    assert not any("alpha" in note for note in kept)
