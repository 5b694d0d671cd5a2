"""Pixels of movies against H.273's formulas in double precision and against PyAV alone."""

from fractions import Fraction

import numpy as np
import OpenImageIO as oiio
import pytest
from av.video.frame import VideoFrame

from tests.media.movies import (
    decoded,
    linear_1886,
    numbered,
    picture,
    planes_of,
    resampled,
    rgb_codes,
    write_movie,
)
from vfxage.errors import ReadError, ShotError
from vfxage.media import open_writer
from vfxage.media.base import Destination
from vfxage.media.movie import MovieReader
from vfxage.types import Render

RNG = np.random.default_rng(7)


def first(path, **settings):
    reader = MovieReader(path, **settings)
    frame = next(reader.read([reader.info.first]))
    reader.close()
    return frame


def close(rgb, code, tolerance=2e-6):
    """Whether linear pixels are those of Rec.1886 code values, where these are nominal."""
    inside = (code >= 0.01) & (code <= 1)
    assert inside.mean() > 0.1
    np.testing.assert_allclose(rgb[inside], linear_1886(code)[inside], rtol=5e-6, atol=tolerance)


def noise(bits, *shapes, low=0.1, high=0.9):
    kind = np.uint8 if bits == 8 else np.uint16
    return [RNG.integers(int(low * 2**bits), int(high * 2**bits), shape).astype(kind) for shape in shapes]


def test_420_video_range_equals_the_formula_and_cubic_chroma(clips):
    path = clips / "pexels_occlusion_720p.mp4"
    luma, cb, cr = planes_of(decoded(path, 1)[0])
    height, width = luma.shape
    # H.264 puts chroma on the left luma sample of a pair, and between two lines
    across, down = np.arange(width) / 2, (np.arange(height) - 0.5) / 2
    chroma = [resampled(resampled(plane, down, 0), across, 1) for plane in (cb, cr)]
    close(first(path).rgb, rgb_codes(luma, *chroma, bits=8, matrix=1, full_range=False))


def test_444_equals_the_formula(clips):
    path = clips / "no_face_scene_cuts.mp4"
    planes = planes_of(decoded(path, 1)[0])
    close(first(path).rgb, rgb_codes(*planes, bits=8, matrix=1, full_range=False))


@pytest.mark.parametrize("name", ["ap4h", "apch", "apcn", "apcs", "apco"])
def test_prores_equals_the_formula_at_full_depth(prores, name):
    path = prores / f"natron_{name}.mov"
    for frame, source in zip(MovieReader(path).read([1, 2]), decoded(path), strict=True):
        code = rgb_codes(*planes_of(source), bits=12 if name == "ap4h" else 10, matrix=6, full_range=False)
        close(frame.rgb, code)


def test_full_and_video_range_of_one_picture_agree(clips):
    full, video = (first(clips / f"marcie-{kind}.mp4").rgb for kind in ("full", "tv"))
    difference = np.abs(np.clip(full, 0, 1) ** (1 / 2.4) - np.clip(video, 0, 1) ** (1 / 2.4))
    assert abs(float(full.mean(dtype=np.float64)) / float(video.mean(dtype=np.float64)) - 1) < 0.004
    assert float(difference.mean()) < 1.5 / 255


@pytest.mark.parametrize(
    ("pixel_format", "bits", "steps"),
    [
        *(("yuv420p", 8, (1, 1)), ("yuv422p", 8, (1, 0)), ("yuv411p", 8, (2, 0)), ("yuv420p10le", 10, (1, 1))),
        *(("yuv422p10le", 10, (1, 0)), ("yuv422p12le", 12, (1, 0)), ("yuv444p12le", 12, (0, 0))),
        *(("yuv444p16le", 16, (0, 0)), ("yuv440p", 8, (0, 1))),
    ],
)
def test_depth_and_subsampling(tmp_path, pixel_format, bits, steps):
    size = (32, 48)
    luma = noise(bits, size)[0]
    cb, cr = (
        np.full((size[0] >> steps[1], size[1] >> steps[0]), int(level * 2**bits), luma.dtype) for level in (0.45, 0.6)
    )
    path = write_movie(tmp_path / "a.mkv", [picture([luma, cb, cr], pixel_format)], tags=(1, 1, 1), full_range=False)
    frame = first(path)
    whole = [np.full(size, plane[0, 0]) for plane in (cb, cr)]
    close(frame.rgb, rgb_codes(luma, *whole, bits=bits, matrix=1, full_range=False))
    assert frame.alpha is None
    assert f"{bits}-bit" in MovieReader(path).info.depth


@pytest.mark.parametrize(("matrix", "primaries"), [(1, 1), (6, 6), (7, 1), (9, 9), (8, 1)])
@pytest.mark.parametrize("full_range", [False, True])
def test_matrix_and_range_are_the_files_own(tmp_path, matrix, primaries, full_range):
    planes = noise(10, *[(24, 40)] * 3, low=0.35, high=0.65)
    path = write_movie(
        tmp_path / "a.mkv", [picture(planes, "yuv444p10le")], tags=(primaries, 1, matrix), full_range=full_range
    )
    close(first(path).rgb, rgb_codes(*planes, bits=10, matrix=matrix, full_range=full_range))
    assert not any("no tag" in note for note in MovieReader(path).info.notes)


@pytest.mark.parametrize(
    ("pixel_format", "bits", "order"),
    [("rgb24", 8, (0, 1, 2)), ("bgr24", 8, (2, 1, 0)), ("bgr0", 8, (2, 1, 0)), ("rgb48le", 16, (0, 1, 2))],
)
def test_packed_rgb_is_exact(tmp_path, pixel_format, bits, order):
    channels = 4 if "0" in pixel_format else 3
    samples = noise(bits, (20, 32, channels))[0]
    path = write_movie(tmp_path / "a.nut", [picture([samples], pixel_format)], "rawvideo")
    close(first(path).rgb, samples[:, :, list(order)] / (2**bits - 1))


def test_planar_rgb_and_grey_are_exact(tmp_path):
    green, blue, red = noise(12, *[(20, 32)] * 3)
    path = write_movie(tmp_path / "rgb.mkv", [picture([green, blue, red], "gbrp12le")])
    close(first(path).rgb, np.stack([red, green, blue], axis=-1) / 4095)
    grey = noise(10, (20, 32))[0]
    path = write_movie(tmp_path / "grey.mkv", [picture([grey], "gray10le")], full_range=False)
    close(first(path).rgb, np.repeat((grey[..., None] - 64.0) / 876, 3, axis=2))


@pytest.mark.parametrize("pixel_format", ["uyvy422", "yuyv422"])
def test_packed_yuv_is_exact(tmp_path, pixel_format):
    luma = noise(8, (20, 32))[0]
    samples = np.empty((20, 16, 4), np.uint8)
    chroma = samples[:, :, 0::2] if pixel_format[0] == "u" else samples[:, :, 1::2]
    chroma[..., 0], chroma[..., 1] = 110, 150
    samples[:, :, (1 if pixel_format[0] == "u" else 0) :: 2] = luma.reshape(20, 16, 2)
    frame = VideoFrame(32, 20, pixel_format)
    rows = np.zeros((20, frame.planes[0].line_size), np.uint8)
    rows[:, :64] = samples.reshape(20, 64)
    frame.planes[0].update(rows.tobytes())
    path = write_movie(tmp_path / "a.nut", [frame], "rawvideo")
    expected = rgb_codes(luma, np.full((20, 32), 110), np.full((20, 32), 150), bits=8, matrix=6, full_range=False)
    close(first(path).rgb, expected)


def test_bottom_up_avi_is_upright(tmp_path):
    samples = noise(8, (20, 32, 3))[0]
    path = write_movie(tmp_path / "a.avi", [picture([samples], "bgr24")], "rawvideo")
    close(first(path).rgb, samples[:, :, ::-1] / 255)


def test_alpha_is_full_range_and_straight(tmp_path, clips):
    luma, cb, cr, alpha = noise(10, *[(32, 64)] * 4, low=0.4, high=0.6)
    alpha[:] = np.linspace(0, 1023, 64).round().astype(np.uint16)
    path = write_movie(
        tmp_path / "a.mov", [picture([luma, cb, cr, alpha], "yuva444p10le")], "prores_ks", options={"profile": "4444"}
    )
    reader = MovieReader(path)
    frame = next(reader.read([1]))
    assert reader.info.alpha
    assert "alpha" in reader.info.depth
    np.testing.assert_allclose(frame.alpha, alpha / 1023, atol=1 / 1023)
    assert any("straight alpha" in note for note in reader.info.notes)
    assert frame.rgb[:, 0].mean() > 0.1  # transparent, and still the plate's bits
    assert not any("alpha" in note for note in MovieReader(clips / "androidx_sample.mp4").info.notes)


def test_superwhite_and_below_black_survive(tmp_path):
    luma = np.tile(np.array([4, 16, 128, 235, 254], np.uint8).repeat(8), (16, 1))
    neutral = np.full_like(luma, 128)
    path = write_movie(
        tmp_path / "a.mkv", [picture([luma, neutral, neutral], "yuv444p")], tags=(1, 1, 1), full_range=False
    )
    levels = first(path).rgb[8, 4::8, 1]
    assert levels[0] < 0
    assert abs(levels[1]) < 1e-6
    assert levels[3] == pytest.approx(1, abs=1e-5)
    assert levels[4] > 1.15
    assert np.all(np.diff(levels) > 0)


def test_untagged_is_709_when_hd_and_601_when_sd(clips):
    hd = MovieReader(clips / "androidx_sample.mp4").info
    sd = MovieReader(clips / "carphone_pristine.mp4").info
    assert hd.tags.cicp == (1, 1, 1)
    assert sd.tags.cicp == (6, 1, 6)
    assert "BT.709" in hd.notes[0]
    assert "BT.601" in sd.notes[0]
    assert hd.colorspace == sd.colorspace == "Rec.1886 Rec.709 - Display"


@pytest.mark.parametrize(
    ("name", "space", "cicp"),
    [
        ("androidx_sample_srgb.mp4", "sRGB Encoded Rec.709 (sRGB)", (1, 13, 1)),
        ("androidx_bt601.mov", "Rec.1886 Rec.709 - Display", (6, 1, 6)),
        ("androidx_hlg10-color-test.mp4", "Rec.2100-HLG - Display", (9, 18, 9)),
        ("pexels_occlusion_720p.mp4", "Rec.1886 Rec.709 - Display", (1, 1, 1)),
    ],
)
def test_tags_name_the_space(clips, name, space, cicp):
    info = MovieReader(clips / name).info
    assert (info.colorspace, info.tags.cicp) == (space, cicp)
    assert [note for note in info.notes if "no tag" in note] == []


NTSC = (0.63, 0.34, 0.31, 0.595, 0.155, 0.07, 0.3127, 0.329)
PAL = (0.64, 0.33, 0.29, 0.6, 0.15, 0.06, 0.3127, 0.329)
"""Rows 6 and 5 of table 2 of ITU-T H.273."""


def exr_of(path, folder, **settings):
    """Attributes of an untouched OpenEXR frame of the movie, by OpenImageIO."""
    reader = MovieReader(path, **settings)
    (frame,) = reader.read([1])
    where = Destination(
        path=str(folder / "o.####.exr"),
        passes=("beauty",),
        codec=None,
        clip=reader.info,
        colorspace=reader.info.colorspace,
        numbers=(1,),
    )
    with open_writer(where) as writer:
        matte = np.zeros(frame.window.shape, np.float32)
        writer.write(Render(frame=frame, beauty=frame.rgb, delta=np.zeros_like(frame.rgb), matte=matte))
    return oiio.ImageBuf(str(folder / "o.0001.exr")).spec(), reader.info


def test_bt601_primaries_reach_the_file_and_a_note_says_what_the_model_sees(clips, tmp_path):
    spec, info = exr_of(clips / "androidx_bt601.mov", tmp_path)
    np.testing.assert_allclose(spec.getattribute("chromaticities"), NTSC, atol=1e-6)
    assert "BT.601 (525 lines) primaries: outputs keep them, the model reads them as Rec.709" in info.notes
    spec, info = exr_of(clips / "androidx_bt601.mov", tmp_path, colorspace="Rec.1886 Rec.709 - Display")
    assert spec.getattribute("chromaticities")[0] == pytest.approx(0.64)  # the shot wins
    assert info.notes == ()


@pytest.mark.parametrize(("primaries", "expected"), [(5, PAL), (6, NTSC), (2, NTSC)])
def test_primaries_by_tag_and_by_size(tmp_path, primaries, expected):
    path = write_movie(tmp_path / "a.mov", numbered(2), "libx264", tags=(primaries, 2, 6))
    spec, _ = exr_of(path, tmp_path)
    np.testing.assert_allclose(spec.getattribute("chromaticities"), expected, atol=1e-6)


def test_what_a_named_space_says_is_not_noted_as_missing(clips):
    bare, named = (
        MovieReader(clips / "androidx_sample.mp4", colorspace=space).info.notes[0] for space in (None, "ACEScg")
    )
    assert bare.startswith("no tag for matrix, primaries, transfer, range: ")
    assert named == "no tag for matrix, range: read as BT.709 matrix (HD size), video range"


def test_named_space_wins_over_tags(clips):
    path = clips / "androidx_sample_srgb.mp4"
    tagged, named = first(path).rgb, first(path, colorspace="Rec.1886 Rec.709 - Display").rgb
    code = np.clip(named.astype(np.float64), 0, 1) ** (1 / 2.4)
    inside = (code > 0.05) & (code < 1)
    np.testing.assert_allclose(tagged[inside], ((code[inside] + 0.055) / 1.055) ** 2.4, rtol=1e-3)
    with pytest.raises(ShotError, match="unknown colour space"):
        MovieReader(path, colorspace="Rec.7009")


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
@pytest.mark.parametrize("across", [False, True])
@pytest.mark.parametrize("down", [False, True])
def test_rotation_and_mirrors_are_applied(tmp_path, degrees, across, down):
    planes = noise(8, *[(20, 32)] * 3, low=0.4, high=0.6)
    lossless = {"crf": "0", "preset": "ultrafast"}

    def setup(stream):
        stream.set_display_rotation(degrees, hflip=across, vflip=down)
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)

    path = write_movie(tmp_path / "a.mp4", [picture(planes, "yuv444p")], "libx264", options=lossless, setup=setup)
    upright = rgb_codes(*planes, bits=8, matrix=6, full_range=False)
    expected = np.rot90(upright, degrees // 90)  # counter-clockwise, and mirrored after that
    expected = expected[:: -1 if down else 1, :: -1 if across else 1]
    reader = MovieReader(path)
    close(next(reader.read([1])).rgb, expected)
    assert (reader.info.height, reader.info.width) == expected.shape[:2]
    assert reader.info.pixel_aspect == pytest.approx(3 / 4 if degrees % 180 else 4 / 3)
    moved = not np.array_equal(expected, upright)
    assert any("display matrix" in note for note in reader.info.notes) == moved


def test_pixel_aspect_and_audio(clips):
    assert MovieReader(clips / "carphone_pristine.mp4").info.pixel_aspect == pytest.approx(128 / 117)
    assert MovieReader(clips / "androidx_sample_twos_pcm.mp4").info.audio
    assert not MovieReader(clips / "marcie-tv.mp4").info.audio


def test_a_matrix_that_is_none_is_refused(tmp_path):
    path = write_movie(tmp_path / "a.mkv", [picture(noise(10, *[(20, 32)] * 3), "yuv444p10le")], tags=(9, 16, 14))
    with pytest.raises(ReadError, match="ICtCp"):
        MovieReader(path)


def test_a_huge_size_in_the_header_is_refused(tmp_path):
    path = write_movie(tmp_path / "huge.avi", [picture(noise(8, (20, 32, 3)), "bgr24")], "rawvideo")
    data = bytearray(path.read_bytes())
    size = data.index(b"strf") + 12
    data[size : size + 8] = (16000).to_bytes(4, "little") * 2
    path.write_bytes(data)
    with pytest.raises(ReadError, match="16000x16000"):
        MovieReader(path)
