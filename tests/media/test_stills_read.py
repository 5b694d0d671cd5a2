"""Stills as plates: the codes as stored, in light by OpenColorIO's own conversion, the header told in words."""

from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import numpy as np
import OpenImageIO as oiio
import pytest
from PIL import Image, ImageOps

from tests.colours import convert
from tests.media.still_files import LOGC3, SRGB, load, noise, save, save_dpx
from vfxage.errors import ReadError, ShotError
from vfxage.media import PlateSettings, open_reader

REC709 = "Linear Rec.709 (sRGB)"


def only(path: Path, **settings: Any):
    reader = open_reader(path, PlateSettings(**settings))
    (frame,) = reader.read([reader.info.first])
    return frame


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize(
    ("bits", "packing"),  # packed words of 10 and 12 bits have a test of their own
    [(bits, packing) for bits in (8, 10, 12, 16) for packing in (0, 1, 2) if packing or bits in (8, 16)],
)
def test_dpx_codes_are_those_of_the_words(tmp_path, bits, channels, packing, order):
    codes = noise(7, 13, channels, (1 << bits) - 1)
    if bits == 10 and channels == 1:  # of three grey samples in a word the first stands lowest
        three = np.pad(codes.reshape(7, 13), ((0, 0), (0, 2))).reshape(7, -1, 3)[..., ::-1]
        path = save_dpx(tmp_path / "a.dpx", codes, bits, packing=packing, order=order)
        path.write_bytes(
            path.read_bytes()[:2048]
            + ((three * [1 << 20, 1 << 10, 1]).sum(-1) << (2 if packing == 1 else 0)).astype(f"{order}u4").tobytes()
        )
    else:
        path = save_dpx(tmp_path / "a.dpx", codes, bits, packing=packing, order=order)
    frame = only(path, colorspace=LOGC3)
    assert np.array_equal(frame.native, np.repeat(codes, 3, 2) if channels == 1 else codes[..., :3])
    assert (frame.alpha is not None) == (channels == 4)
    if channels == 4:
        np.testing.assert_array_equal(frame.alpha, codes[..., 3] / np.float32((1 << bits) - 1))


def test_ffmpeg_reads_the_same_grey_dpx(tmp_path):
    import av

    codes = noise(6, 12, 1, 1023)
    three = codes.reshape(6, -1, 3)[..., ::-1].astype(np.int64)
    path = save_dpx(tmp_path / "a.dpx", codes, 10)
    path.write_bytes(path.read_bytes()[:2048] + ((three * [1 << 20, 1 << 10, 1]).sum(-1) << 2).astype(">u4").tobytes())
    with av.open(str(path)) as container:
        picture = next(container.decode(video=0))
    assert picture.format.name == "gray10le"
    plane = np.frombuffer(memoryview(picture.planes[0]), "<u2").reshape(6, -1)[:, :12]
    assert np.array_equal(plane, only(path, colorspace=LOGC3).native[..., 0])


@pytest.mark.parametrize("order", ["little", "big"])
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("bits", [10, 12])
def test_dpx_packed_across_words_as_openimageio_writes_it(tmp_path, bits, channels, order):
    codes = noise(7, 13, channels, (1 << bits) - 1)
    path = save(
        tmp_path / "a.dpx", codes << (16 - bits), oiio__BitsPerSample=bits, dpx__Packing="Packed", oiio__Endian=order
    )
    assert np.array_equal(only(path, colorspace=LOGC3).native, np.repeat(codes, 4 - min(channels, 3), 2)[..., :3])


@pytest.mark.parametrize("name", ["a.tif", "a.png"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("top", [255, 65535])
def test_codes_of_tiff_and_png_are_as_stored(tmp_path, name, channels, top):
    codes = noise(channels=channels, top=top)
    frame = only(save(tmp_path / name, codes), colorspace=SRGB)
    assert frame.native.dtype == codes.dtype
    assert np.array_equal(frame.native, codes[..., :3] if channels > 2 else np.repeat(codes[..., :1], 3, 2))
    if channels in (2, 4):
        np.testing.assert_array_equal(frame.alpha, codes[..., -1] / np.float32(top))
    else:
        assert frame.alpha is None


@pytest.mark.parametrize("compression", ["none", "lzw", "zip", "packbits"])
def test_float_tiff_keeps_every_bit(tmp_path, compression):
    pixels = np.random.default_rng(0).normal(0, 9, (9, 13, 3)).astype(np.float32)
    pixels[0, 0] = np.nan, np.inf, -0.0
    frame = only(save(tmp_path / "a.tif", pixels, compression=compression), colorspace=REC709)
    assert np.array_equal(frame.native.view(np.uint32), pixels.view(np.uint32))
    assert np.array_equal(frame.rgb.view(np.uint32), pixels.view(np.uint32))


def test_half_tiff_and_planes_apart_and_big_endian_tiff_by_another_writer(tmp_path):
    tifffile = pytest.importorskip("tifffile")
    pixels = np.random.default_rng(0).normal(0, 9, (9, 13, 3)).astype(np.float16)
    tifffile.imwrite(tmp_path / "half.tif", pixels, photometric="rgb")
    assert np.array_equal(only(tmp_path / "half.tif", colorspace=REC709).rgb, pixels.astype(np.float32))
    codes = noise()
    planes = np.ascontiguousarray(np.moveaxis(codes, 2, 0))
    tifffile.imwrite(tmp_path / "big.tif", planes, photometric="rgb", planarconfig="separate", byteorder=">")
    assert np.array_equal(only(tmp_path / "big.tif", colorspace=SRGB).native, codes)
    tifffile.imwrite(tmp_path / "tiled.tif", noise(70, 90), photometric="rgb", tile=(16, 32))
    assert np.array_equal(only(tmp_path / "tiled.tif", colorspace=SRGB).native, noise(70, 90))


def test_palette_png_is_read_as_its_colours(tmp_path):
    picture = Image.fromarray(noise(top=255)).quantize(16)
    picture.save(tmp_path / "a.png")
    assert np.array_equal(only(tmp_path / "a.png", colorspace=SRGB).native, np.asarray(picture.convert("RGB")))


@pytest.mark.parametrize("space", [LOGC3, "S-Log3 S-Gamut3", SRGB, "Rec.1886 Rec.709 - Display"])
def test_codes_become_light_as_openimageio_has_it(tmp_path, space):
    codes = noise(20, 30, 3, 1023)
    frame = only(save_dpx(tmp_path / "a.dpx", codes, 10), colorspace=space)
    linear = {LOGC3: "Linear ARRI Wide Gamut 3", "S-Log3 S-Gamut3": "Linear S-Gamut3"}.get(space, REC709)
    reference = convert((codes / 1023).astype(np.float32), space, linear)
    np.testing.assert_allclose(frame.rgb, reference, rtol=4e-5, atol=2e-6)


def chunk(name: bytes, data: bytes) -> bytes:
    import struct
    import zlib

    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


PNG_COLOURS = [
    ({}, None),
    ({b"sRGB": b"\0"}, SRGB),
    ({b"cICP": bytes([9, 16, 0, 1])}, "Rec.2100-PQ - Display"),
    ({b"cICP": bytes([1, 13, 0, 1]), b"sRGB": b"\0"}, SRGB),
    ({b"cICP": bytes([200, 200, 0, 1])}, None),
    ({b"gAMA": (100000).to_bytes(4, "big")}, REC709),
    ({b"gAMA": (45455).to_bytes(4, "big")}, "Gamma 2.2 Encoded Rec.709"),
    ({b"gAMA": (30000).to_bytes(4, "big")}, None),
]


@pytest.mark.parametrize(("chunks", "space"), PNG_COLOURS)
def test_a_pngs_colour_space_is_what_its_chunks_say(tmp_path, chunks, space):
    raw = save(tmp_path / "a.png", noise()).read_bytes()
    head = raw[:33]
    data = raw[raw.index(b"IDAT") - 4 :]
    (tmp_path / "b.png").write_bytes(head + b"".join(chunk(*item) for item in chunks.items()) + data)
    info = open_reader(tmp_path / "b.png").info
    assert info.colorspace == space
    assert (space is None) == any("the header names" in note for note in info.notes)


def test_jpeg_is_srgb_unless_it_says_otherwise(tmp_path):
    path = save(tmp_path / "a.jpg", noise(64, 64, 3, 255))
    assert open_reader(path).info.colorspace == SRGB
    assert np.abs(only(path).native.astype(int) - load(path, "uint8")).max() == 0
    assert open_reader(save(tmp_path / "b.jpg", noise(8, 8, 3, 255), Exif__ColorSpace=65535)).info.colorspace is None


@pytest.mark.parametrize(("transfer", "gamut", "space"), [(6, 6, "Rec.1886 Rec.709 - Display"), (2, 6, REC709)])
def test_a_dpx_names_its_space_where_its_header_does(tmp_path, transfer, gamut, space):
    path = save_dpx(tmp_path / "a.dpx", noise(top=1023), 10, o801=transfer, o802=gamut)
    assert open_reader(path).info.colorspace == space


@pytest.mark.parametrize("transfer", [0, 1, 3, 255])
def test_a_log_dpx_is_ambiguous_and_asks(tmp_path, transfer):
    from tests.plates import write_shot
    from tests.run_vfxage import run

    save_dpx(tmp_path / "p.1001.dpx", noise(top=1023), 10, o801=transfer)
    shot = write_shot(tmp_path, plate="p.####.dpx", outputs=[{"path": "out/b.####.dpx"}])
    run("render", shot).fails(2, "colour space", "ARRI LogC3 (EI800)", "S-Log3 S-Gamut3")


@pytest.mark.parametrize("name", ["a.tif", "a.png", "a.jpg"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_stand_upright(tmp_path, name, orientation):
    codes = np.kron(noise(3, 4, 3, 255), np.ones((16, 16, 1), np.uint8))
    path = save(tmp_path / name, codes, Orientation=orientation, jpeg__subsampling="4:4:4", compression="jpeg:100")
    with Image.open(path) as picture:
        upright = np.asarray(ImageOps.exif_transpose(picture))  # OpenImageIO 3.0 takes 5 for 7
    reader = open_reader(path, PlateSettings(colorspace=SRGB))
    (frame,) = reader.read([reader.info.first])
    assert (reader.info.height, reader.info.width) == upright.shape[:2]
    assert np.abs(frame.native.astype(int) - upright).max() <= (1 if name == "a.jpg" else 0)
    assert any("orientation" in note for note in reader.info.notes) == (orientation != 1)


def test_a_dpx_upside_down_stands_upright(tmp_path):
    codes = noise(top=1023)
    path = save_dpx(tmp_path / "a.dpx", codes, 10, o769=2)
    assert np.array_equal(only(path, colorspace=LOGC3).native, codes[::-1])


def test_rate_timecode_and_pixel_aspect_of_a_dpx(tmp_path):
    code = oiio.TypeDesc("timecode"), (0x01020304, 0)
    path = save(
        tmp_path / "a.1001.dpx",
        noise(top=1023) << 6,
        oiio__BitsPerSample=10,
        smpte__TimeCode=code,
        FramesPerSecond=23.976,
        dpx__FrameRate=23.976,
        PixelAspectRatio=2.0,
    )
    info = open_reader(path, PlateSettings(colorspace=LOGC3)).info
    assert (info.timecode, info.first, info.pixel_aspect) == ("01:02:03:04", 1001, 2.0)
    assert info.rate == Fraction(24000, 1001)
    assert open_reader(path, PlateSettings(colorspace=LOGC3, rate=Fraction(25))).info.rate == 25


def test_a_hole_is_an_error_that_names_the_frame(tmp_path):
    for number in (1001, 1003):
        save(tmp_path / f"p.{number}.png", noise())
    reader = open_reader(tmp_path / "p.####.png", PlateSettings(colorspace=SRGB))
    assert reader.info.present == (1001, 1003)
    with pytest.raises(ReadError, match=r"p\.1002\.png frame 1002: the file is missing"):
        list(reader.read([1001, 1002]))


@pytest.mark.parametrize(
    ("other", "word"),
    [(noise(9, 14), "its size is 14x9"), (noise(channels=4), "R G B A"), (noise(top=255), "its samples are 8-bit")],
)
def test_a_frame_unlike_the_first_is_named(tmp_path, other, word):
    save(tmp_path / "p.1.png", noise())
    save(tmp_path / "p.2.png", other)
    with pytest.raises(ReadError, match=word) as caught:
        list(open_reader(tmp_path / "p.#.png", PlateSettings(colorspace=SRGB)).read([1, 2]))
    assert caught.value.frame == 2


def test_premultiplied_and_straight_alpha_are_distinguished(tmp_path):
    codes = noise(channels=4)
    straight = open_reader(save(tmp_path / "s.tif", codes), PlateSettings(colorspace=SRGB))
    assert straight.info.straight_alpha
    assert any("not premultiplied" in note for note in straight.info.notes)
    multiplied = open_reader(save(tmp_path / "m.tif", codes, oiio__UnassociatedAlpha=0), PlateSettings(colorspace=SRGB))
    assert not multiplied.info.straight_alpha
    (frame,) = multiplied.read([1])
    assert np.array_equal(frame.native, codes[..., :3])


def test_parts_that_are_not_read_are_reported(tmp_path):
    tifffile = pytest.importorskip("tifffile")
    tifffile.imwrite(tmp_path / "u.tif", noise().astype(np.uint32), photometric="rgb")
    with pytest.raises(ReadError, match="samples of type uint"):
        open_reader(tmp_path / "u.tif")
    for field, value, word in (("o800", 100, "4:2:2 video"), ("o803", 32, "32-bit samples"), ("o807", 1, "run-length")):
        with pytest.raises(ReadError, match=word):
            open_reader(save_dpx(tmp_path / "a.dpx", noise(top=1023), 10, **cast("Any", {field: value})))
    with pytest.raises(ShotError, match="unknown colour space"):
        open_reader(save(tmp_path / "a.png", noise()), PlateSettings(colorspace="nonsense"))
