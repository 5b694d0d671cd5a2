"""OpenEXR plates against OpenImageIO, an independent reader."""

import struct
import tracemalloc
from fractions import Fraction
from pathlib import Path

import numpy as np
import OpenEXR
import OpenImageIO as oiio
import pytest

from tests.media.exr_files import HALF, ramp, save, timecode, window
from vfxage.errors import ReadError, ShotError
from vfxage.media.exr.read import ExrReader
from vfxage.types import Frame, Window

LINEAR = "Linear Rec.709 (sRGB)"

READABLE = [
    *(f"display_window_t{n}" for n in ("01", "02", "03", "04", "05", "06", "07", "08", "15")),
    *("AllHalfValues", "BrightRingsNanInf", "WideColorGamut", "chromaticities_ap0_Carrots", "grid-overscan"),
    *("layers", "lineOrder_decreasing", "mipmap_MirrorPattern", "multipart_stereo_Beachball", "stripes"),
]


def only(path: Path, **settings) -> Frame:
    reader = ExrReader(path, **{"colorspace": LINEAR, **settings})
    (frame,) = reader.read([reader.info.first])
    return frame


def bits(image: np.ndarray) -> np.ndarray:
    return image.view({2: np.uint16, 4: np.uint32}[image.dtype.itemsize])


def oiio_channel(path: Path, name: str) -> np.ndarray:
    """(H, W) of a channel in its own type."""
    file = oiio.ImageInput.open(str(path))
    spec = file.spec()
    index = spec.channelnames.index(name)
    kind = spec.channelformats[index] if spec.channelformats else spec.format
    pixels = file.read_image(0, 0, index, index + 1, kind)
    file.close()
    return np.asarray(pixels)[..., 0]


@pytest.mark.parametrize("name", READABLE)
def test_pixels_and_windows_are_those_of_openimageio(exrs, name):
    path = exrs / f"{name}.exr"
    reader = ExrReader(path, colorspace=LINEAR)
    (frame,) = reader.read([reader.info.first])
    spec = oiio.ImageBuf(str(path)).spec()

    assert (reader.info.width, reader.info.height) == (spec.full_width, spec.full_height)
    assert reader.info.display_origin == (spec.full_x, spec.full_y)
    assert frame.window == Window(spec.x - spec.full_x, spec.y - spec.full_y, spec.width, spec.height)
    assert reader.info.data_window == frame.window
    assert reader.info.pixel_aspect == pytest.approx(spec.get_float_attribute("PixelAspectRatio", 1.0))
    for index, colour in enumerate("RGB"):
        reference = oiio_channel(path, colour)
        assert np.array_equal(bits(frame.native[..., index]), bits(reference.view(frame.native.dtype)))
        np.testing.assert_array_equal(frame.rgb[..., index], reference.astype(np.float32))
    assert reader.info.alpha == (frame.alpha is not None) == ("A" in spec.channelnames)
    if frame.alpha is not None:
        np.testing.assert_array_equal(frame.alpha, oiio_channel(path, "A").astype(np.float32))


def test_luminance_chroma_is_close_to_openexrs_own_reconstruction(exrs):
    path = exrs / "Rec709_YC.exr"
    frame = only(path)
    reference = oiio.ImageBuf(str(path)).get_pixels(oiio.FLOAT)[..., :3]
    error = np.abs(frame.rgb - reference).max(axis=-1) / (np.abs(reference).max(axis=-1) + 0.01)
    assert np.percentile(error, 99) < 0.005
    assert error.max() < 0.1
    assert frame.rgb.min() >= 0
    weights = np.array([0.2126, 0.7152, 0.0722])
    np.testing.assert_allclose(frame.rgb @ weights, oiio_luminance(path), rtol=2e-3, atol=1e-3)
    assert frame.native is None


def oiio_luminance(path: Path) -> np.ndarray:
    raw = OpenEXR.InputFile(str(path)).channel("Y")
    reader = ExrReader(path, colorspace=LINEAR)
    return np.frombuffer(raw, HALF).reshape(reader.info.height, reader.info.width).astype(np.float32)


def test_a_plate_says_what_was_chosen(exrs):
    def notes(name):
        return " ".join(ExrReader(exrs / f"{name}.exr", colorspace=LINEAR).info.notes)

    assert "10 parts: rgba_right is the picture" in notes("multipart_stereo_Beachball")
    assert "luminance-chroma" in notes("Rec709_YC")
    assert notes("stripes") == ""


def test_primaries_name_the_colour_space(exrs):
    info = ExrReader(exrs / "chromaticities_ap0_Carrots.exr").info
    assert info.colorspace == "ACES2065-1"
    assert info.tags.attributes["lensModel"] == "70-300mm F4.5-5.6 G SSM"
    info = ExrReader(exrs / "stripes.exr").info
    assert info.colorspace is None
    assert "does not say its colour space" in " ".join(info.notes)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ({"colorSpace": "ACEScg"}, "ACEScg"),
        ({"oiio:ColorSpace": "lin_rec709"}, LINEAR),
        ({"colorInteropID": "lin_ap1_scene"}, "ACEScg"),
        ({"oiio:ColorSpace": "scene_linear"}, None),
        ({"colorSpace": "no such space"}, None),
        ({"chromaticities": (0.64, 0.33, 0.3, 0.6, 0.15, 0.06, 0.3127, 0.329)}, LINEAR),
        ({"chromaticities": (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)}, None),
        ({"chromaticities": (0.64, 0.33, 0.3, 0.6, 0.15, 0.06, 0.3127, 0.329), "colorSpace": "ACEScg"}, None),
    ],
)
def test_the_header_names_the_colour_space_or_nobody_does(tmp_path, header, expected):
    info = ExrReader(save(tmp_path / "a.exr", {"RGB": ramp()}, **header)).info
    assert info.colorspace == expected
    assert (expected is None) == any("colour space" in note for note in info.notes)
    assert ExrReader(tmp_path / "a.exr", colorspace="ACES2065-1").info.colorspace == "ACES2065-1"


def test_a_log_plate_becomes_linear_and_keeps_no_native_bits(tmp_path):
    import PyOpenColorIO as ocio

    code = np.linspace(0, 1, 300, dtype=HALF).reshape(10, 10, 3)
    path = save(tmp_path / "log.exr", {"RGB": code})
    frame = only(path, colorspace="ACEScct")
    config = ocio.Config.CreateFromBuiltinConfig("studio-config-v2.2.0_aces-v1.3_ocio-v2.4")
    expected = code.astype(np.float32).reshape(-1, 3).copy()
    config.getProcessor("ACEScct", "ACEScg").getDefaultCPUProcessor().applyRGB(expected)
    np.testing.assert_allclose(frame.rgb.reshape(-1, 3), expected, rtol=2e-3, atol=1e-5)
    assert frame.native is None


def test_every_compression_reads(tmp_path):
    picture = np.repeat(np.repeat(ramp(10, 10), 8, 0), 8, 1)
    names = [name for name in dir(OpenEXR) if name.endswith("_COMPRESSION")]
    assert len(names) >= 12
    for name in names:
        path = save(tmp_path / f"{name}.exr", {"RGB": picture}, compression=getattr(OpenEXR, name))
        reference = np.stack([oiio_or_openexr(path, c) for c in "RGB"], axis=-1)
        assert np.array_equal(bits(only(path).native), bits(reference)), name


def oiio_or_openexr(path: Path, channel: str) -> np.ndarray:
    """OpenEXR's older interface: OpenImageIO's library does not know the newest compressions."""
    return np.frombuffer(OpenEXR.InputFile(str(path)).channel(channel), HALF).reshape(80, 80)


@pytest.mark.parametrize("mode", ["ONE_LEVEL", "MIPMAP_LEVELS", "RIPMAP_LEVELS"])
@pytest.mark.parametrize("rounding", ["ROUND_UP", "ROUND_DOWN"])
def test_tiles_of_any_level_mode_read(tmp_path, mode, rounding):
    tiles = OpenEXR.TileDescription()
    tiles.xSize, tiles.ySize = 16, 12
    tiles.mode, tiles.roundingMode = getattr(OpenEXR, mode), getattr(OpenEXR, rounding)
    picture = ramp(45, 71)
    OpenEXR.File({"type": OpenEXR.tiledimage, "tiles": tiles}, {"RGB": picture}).write(str(tmp_path / "a.exr"))
    if mode == "ONE_LEVEL":
        assert np.array_equal(bits(only(tmp_path / "a.exr").native), bits(picture))
    else:  # OpenEXR's Python writes level 0 only: what it leaves is an unfinished file
        with pytest.raises(ReadError, match="never written"):
            only(tmp_path / "a.exr")


def test_float_and_mixed_samples_keep_every_bit(tmp_path):
    picture = ramp().astype(np.float32) * np.float32(1.0000001)
    path = save(tmp_path / "f.exr", {"RGB": picture, "A": np.ones(picture.shape[:2], HALF)})
    reader = ExrReader(path, colorspace=LINEAR)
    (frame,) = reader.read([1])
    assert reader.info.depth == "float"
    assert np.array_equal(bits(frame.native), bits(picture))
    mixed = {"R": ramp()[..., 0].copy(), "G": picture[..., 1].copy(), "B": ramp()[..., 2].copy()}
    frame = only(save(tmp_path / "m.exr", mixed))
    assert frame.native.dtype == np.float32
    np.testing.assert_array_equal(frame.rgb[..., 0], mixed["R"].astype(np.float32))
    np.testing.assert_array_equal(frame.rgb[..., 1], mixed["G"])


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (5, 1), (256, 256)])
def test_every_half_becomes_the_float_that_numpy_makes_of_it(tmp_path, shape):
    height, width = shape
    picture = np.arange(height * width * 3, dtype=np.uint32).astype(np.uint16).view(HALF).reshape(height, width, 3)
    frame = only(save(tmp_path / "a.exr", {"RGB": picture}))
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(frame.rgb, picture.astype(np.float32))
    np.testing.assert_array_equal(bits(frame.native), bits(picture))
    assert frame.rgb.flags.c_contiguous


def test_luminance_alone_is_grey_and_keeps_its_bits(tmp_path):
    luminance = ramp()[..., 0].copy()
    frame = only(save(tmp_path / "y.exr", {"Y": luminance}))
    for index in range(3):
        assert np.array_equal(bits(frame.native[..., index]), bits(luminance))


@pytest.mark.parametrize(
    ("layers", "chosen"),
    [
        (["plate"], "plate"),
        (["diffuse", "beauty", "specular"], "beauty"),
        (["left.RGBA", "left.depth"], "left.RGBA"),
        (["", "beauty"], ""),
    ],
)
def test_the_layer_that_is_the_picture_is_found(tmp_path, layers, chosen):
    channels, pictures = {}, {}
    for seed, layer in enumerate(layers):
        pictures[layer] = ramp(seed=seed)
        for index, colour in enumerate("RGB"):
            channels[f"{layer}.{colour}" if layer else colour] = pictures[layer][..., index].copy()
    frame = only(save(tmp_path / "l.exr", channels))
    assert np.array_equal(bits(frame.native), bits(pictures[chosen]))


@pytest.mark.parametrize(
    ("channels", "words", "error"),
    [
        (
            ["diffuse.R", "diffuse.G", "diffuse.B", "specular.R", "specular.G", "specular.B"],
            "diffuse, specular",
            ShotError,
        ),
        (["Z", "motion.x", "motion.y"], "no colour among its channels (Z, motion.x, motion.y)", ReadError),
        (["R", "G"], "no colour", ReadError),
    ],
)
def test_channels_that_are_no_one_picture_are_an_error(tmp_path, channels, words, error):
    path = save(tmp_path / "c.exr", dict.fromkeys(channels, np.zeros((4, 4), HALF)))
    with pytest.raises(error) as caught:
        only(path)
    assert words in str(caught.value)
    assert str(path) in str(caught.value)


def test_integers_are_refused(tmp_path):
    path = save(tmp_path / "u.exr", dict.fromkeys("RGB", np.ones((4, 4), np.uint32)))
    with pytest.raises(ReadError, match="integers"):
        only(path)


def test_deep_data_is_refused_by_name(exrs):
    with pytest.raises(ReadError, match="deep data"):
        only(exrs / "deep_Balls.exr")


def test_only_the_part_with_colour_is_decoded(tmp_path):
    depth = OpenEXR.Part({"type": OpenEXR.scanlineimage}, {"Z": np.ones((20, 30), np.float32)}, "depth")
    picture = ramp()
    beauty = OpenEXR.Part({"type": OpenEXR.scanlineimage, "owner": "me"}, {"RGB": picture}, "beauty")
    path = tmp_path / "p.exr"
    OpenEXR.File([depth, beauty]).write(str(path))
    frame = only(path)
    assert np.array_equal(bits(frame.native), bits(picture))
    assert frame.tags.attributes["owner"] == "me"


def test_each_frame_has_its_own_header_and_data_window(tmp_path):
    for number, x in ((1001, 5), (1002, -3)):
        save(
            tmp_path / f"p.{number}.exr",
            {"RGB": ramp(20, 30, number)},
            dataWindow=window(x, 2, 30, 20),
            displayWindow=window(10, 20, 40, 30),
            timeCode=timecode(1, 2, 3, number % 24),
            framesPerSecond=Fraction(24000, 1001),
            capDate=f"day {number}",
        )
    reader = ExrReader(tmp_path / "p.####.exr", colorspace=LINEAR, rate=Fraction(25))
    first, second = reader.read([1001, 1002])
    assert reader.info.rate == Fraction(25)
    assert any("25 frames per second win over the header's 24000/1001" in note for note in reader.info.notes)
    assert reader.info.timecode == "01:02:03:17"
    assert (reader.info.width, reader.info.height) == (40, 30)
    assert (first.window, second.window) == (Window(-5, -18, 30, 20), Window(-13, -18, 30, 20))
    assert [f.tags.attributes["capDate"] for f in (first, second)] == ["day 1001", "day 1002"]
    assert [f.tags.attributes["timeCode"].frame for f in (first, second)] == [17, 18]


def test_the_shot_times_a_sequence_that_does_not(tmp_path):
    path = save(tmp_path / "p.0001.exr", {"RGB": ramp()}, timeCode=timecode(10, 0, 0, 2, drop=True))
    info = ExrReader(path, colorspace=LINEAR, rate=Fraction(25)).info
    assert (info.rate, info.timecode) == (Fraction(25), "10:00:00;02")
    assert ExrReader(path, colorspace=LINEAR).info.rate is None


@pytest.mark.parametrize(
    ("name", "number"), [("a.1001", 1001), ("a_7", 7), ("0042", 42), ("shot010_plate", 1), ("v2", 1)]
)
def test_a_single_file_is_the_frame_its_name_says(tmp_path, name, number):
    reader = ExrReader(save(tmp_path / f"{name}.exr", {"RGB": ramp()}), colorspace=LINEAR)
    assert (reader.info.first, reader.info.last) == (number, number)
    assert [frame.number for frame in reader.read([number])] == [number]


def test_holes_and_numbers_outside_name_frame_and_file(tmp_path):
    for number in (1001, 1003):
        save(tmp_path / f"p.{number}.exr", {"RGB": ramp()})
    reader = ExrReader(tmp_path / "p.%04d.exr", colorspace=LINEAR)
    assert (reader.info.present, reader.info.holes) == ((1001, 1003), 1)
    with pytest.raises(ReadError) as caught:
        list(reader.read([1001, 1002]))
    assert caught.value.frame == 1002
    assert caught.value.path == str(tmp_path / "p.1002.exr")
    with pytest.raises(ReadError, match="no such frame, it has 1001-1003"):
        list(reader.read([1004]))
    (tmp_path / "p.1003.exr").unlink()
    with pytest.raises(ReadError, match=r"p\.1003\.exr frame 1003: the file is missing"):
        list(reader.read([1003]))


def test_a_stray_file_with_a_large_number_costs_nothing(tmp_path):
    for number in (1001, 1002, 20261121):
        save(tmp_path / f"p.{number}.exr", {"RGB": ramp()})
    tracemalloc.start()
    try:
        reader = ExrReader(tmp_path / "p.####.exr", colorspace=LINEAR)
        assert [frame.number for frame in reader.read([1001, 1002])] == [1001, 1002]
        with pytest.raises(ReadError, match="no such frame, it has 1001-20261121"):
            list(reader.read([1000]))
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()
    assert (reader.info.present, reader.info.holes) == ((1001, 1002, 20261121), 20261121 - 1000 - 3)


def test_what_changes_within_the_sequence_names_file_frame_and_both(tmp_path):
    save(tmp_path / "p.1.exr", {"RGB": ramp()}, displayWindow=window(0, 0, 30, 20))
    save(tmp_path / "p.2.exr", {"RGB": ramp()}, displayWindow=window(0, 0, 32, 20))
    save(tmp_path / "p.3.exr", {"RGB": ramp(), "A": ramp()[..., 0].copy()}, displayWindow=window(0, 0, 30, 20))
    save(tmp_path / "p.4.exr", {"RGB": ramp().astype(np.float32)}, displayWindow=window(0, 0, 30, 20))
    reader = ExrReader(tmp_path / "p.#.exr", colorspace=LINEAR)
    with pytest.raises(ReadError, match=r"p\.2\.exr frame 2: its display window is 32x20\+0\+0 .* has 30x20\+0\+0"):
        list(reader.read([1, 2]))
    with pytest.raises(ReadError, match=r"p\.3\.exr frame 3: its channels are R G B A while frame 1 has R G B"):
        list(reader.read([3]))
    with pytest.raises(ReadError, match=r"p\.4\.exr frame 4: its samples are float while frame 1 has half"):
        list(reader.read([4]))


def test_text_that_is_not_utf8_does_not_cost_the_picture(tmp_path):
    picture = ramp()
    path = save(tmp_path / "a.exr", {"RGB": picture}, owner="XXXX", lens="50mm", framesPerSecond=Fraction(24))
    rational = b"rational\0" + struct.pack("<i", 8)
    data = path.read_bytes().replace(b"XXXX", b"\xa9 me")
    path.write_bytes(data.replace(rational + struct.pack("<iI", 24, 1), rational + struct.pack("<iI", 24, 0)))
    frame = only(path)
    assert np.array_equal(bits(frame.native), bits(picture))
    assert frame.tags.attributes["lens"] == "50mm"
    assert ExrReader(path, colorspace=LINEAR).info.rate is None
