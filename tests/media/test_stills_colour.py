"""Colour tags of stills: profiles of other programs, and the chunks of written PNGs."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest
from PIL import Image, ImageCms

from tests.media.still_files import LOGC3, SRGB, attributes, load, noise, save, save_dpx
from tests.media.test_stills_write import destination, through, touched, untouched
from tests.profiles import (
    ADOBE,
    CAMERA,
    DISPLAY_P3,
    LINEAR,
    PARA_SRGB,
    PROPHOTO,
    REC709,
    assembled,
    by_littlecms,
    gamma,
    grey_profile,
    new_table,
    old_table,
    profile,
    sampled_srgb,
)
from vfxage.media import PlateSettings, open_reader, open_writer

PROFILES = [
    (ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(), SRGB),
    (profile(REC709, sampled_srgb(), name="anything"), SRGB),
    (profile(REC709, LINEAR, name="sRGB-elle-V2-g10"), "Linear Rec.709 (sRGB)"),
    (profile(REC709, gamma(2.2), name="sRGB, nearly"), "Gamma 2.2 Encoded Rec.709"),
    (profile(DISPLAY_P3, PARA_SRGB), "sRGB Encoded P3-D65"),
    (profile(DISPLAY_P3, LINEAR), "Linear P3-D65"),
    (profile(ADOBE, gamma(2.19921875)), "Gamma 2.2 Encoded AdobeRGB"),
    (profile(DISPLAY_P3, gamma(2.6), name="sRGB IEC61966-2.1"), "sRGB IEC61966-2.1 (ICC "),
    (profile(PROPHOTO, gamma(1.8)), "house (ICC "),
    (profile(CAMERA, gamma(2.2), gamma(2.0), gamma(1.8)), "house (ICC "),
    (old_table(16), "scanner (ICC "),
    (new_table(), "wide (ICC "),
]


@pytest.mark.parametrize("suffix", ["tif", "png", "jpg"])
@pytest.mark.parametrize(("data", "space"), PROFILES)
def test_a_profile_is_known_by_what_it_does_whatever_its_name(tmp_path, suffix, data, space):
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(noise(16, 16, 3, 255)).save(path, icc_profile=data)
    found = open_reader(path).info.colorspace
    assert found == space or (space.endswith("(ICC ") and found.startswith(space))


@pytest.mark.parametrize("suffix", ["tif", "png", "jpg"])
def test_a_profile_is_carried_where_the_space_stays_and_left_where_it_changes(tmp_path, suffix):
    data = profile(DISPLAY_P3, PARA_SRGB)
    plate = tmp_path / f"p.{suffix}"
    Image.fromarray(noise(16, 16, 3, 255)).save(plate, icc_profile=data)
    through(plate, tmp_path / f"same.{suffix}", colorspace=None)
    with Image.open(tmp_path / f"same.{suffix}") as picture:
        assert picture.info["icc_profile"] == data
    assert open_reader(tmp_path / f"same.{suffix}").info.colorspace == "sRGB Encoded P3-D65"
    reader = open_reader(plate)
    with open_writer(destination(reader, tmp_path / f"srgb.{suffix}", colorspace=SRGB)) as writer:
        writer.write(untouched(next(iter(reader.read([1])))))
    with Image.open(tmp_path / f"srgb.{suffix}") as picture:
        assert "icc_profile" not in picture.info
    assert open_reader(tmp_path / f"srgb.{suffix}").info.colorspace == SRGB


@pytest.mark.parametrize("suffix", ["tif", "png"])
@pytest.mark.parametrize("data", [profile(CAMERA, gamma(2.2)), new_table()], ids=["curve", "table"])
def test_under_any_profile_only_touched_pixels_change_and_by_the_right_light(tmp_path, suffix, data):
    plate, result = tmp_path / f"p.{suffix}", tmp_path / f"o.{suffix}"
    Image.fromarray(np.random.default_rng(5).integers(60, 160, (24, 24, 3)).astype(np.uint8)).save(
        plate, icc_profile=data
    )
    through(plate, result, touched, colorspace=None)
    with Image.open(plate) as before, Image.open(result) as after:
        assert after.info["icc_profile"] == data
        codes, changed = np.asarray(before), np.asarray(after)
    np.testing.assert_array_equal(changed[:, :12], codes[:, :12])
    light, brighter = (srgb_light(by_littlecms(picture[:, 12:], data)) for picture in (codes, changed))
    np.testing.assert_allclose(brighter, 1.25 * light, atol=0.012)


def srgb_light(codes: np.ndarray) -> np.ndarray:
    value = codes / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


@pytest.mark.parametrize("suffix", ["tif", "png", "jpg"])
@pytest.mark.parametrize(
    "data",
    [
        grey_profile(gamma(1.9)),
        grey_profile(PARA_SRGB),
        grey_profile(gamma(1.1), b"Lab "),
        profile(CAMERA, gamma(2.2)),
    ],
)
def test_a_grey_picture_has_its_profile_and_its_rgb_result_means_the_same(tmp_path, suffix, data):
    """libpng drops a profile for RGB from a grey PNG."""
    plate, result = tmp_path / f"p.{suffix}", tmp_path / f"o.{suffix}"
    ramp = np.tile(np.arange(256, dtype=np.uint8), (8, 1))
    save(plate, ramp[:, :, None], ICCProfile=(oiio.TypeDesc(f"uint8[{len(data)}]"), np.frombuffer(data, np.uint8)))
    if suffix == "png":
        plate.write_bytes(with_profile(plate.read_bytes(), data))
    through(plate, result, colorspace=None)
    of_grey = data[16:20] == b"GRAY"
    with Image.open(plate) as before, Image.open(result) as after:
        codes = np.asarray(before)
        expected = by_littlecms(codes if of_grey else np.repeat(codes[:, :, None], 3, axis=2), data)
        assert after.mode == "RGB"
        shown = by_littlecms(np.asarray(after), after.info["icc_profile"])
    assert np.abs(shown - expected).max() <= (1 if suffix != "jpg" else 3)


def with_profile(raw: bytes, data: bytes) -> bytes:
    """A PNG with a profile, whether libpng allows it or not."""
    body = b"iCCPhouse\0\0" + zlib.compress(data)
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    rest, place = raw[33:], raw.find(b"iCCP") - 4
    if place > 0:
        (length,) = struct.unpack_from(">I", raw, place)
        rest = raw[33:place] + raw[place + 12 + length :]
    return raw[:33] + chunk + rest


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (assembled({}, b"CMYKLab ", "press"), "for CMYK"),
        (assembled({}, b"RGB XYZ ", "empty"), "no tag rTRC"),
        (new_table()[:400], "damaged"),
        (profile(CAMERA, b"curv" + bytes(4) + struct.pack(">I2H", 2, 65535, 0)), "does not rise"),
        (profile((CAMERA[0],) * 3, gamma(2.0)), "on one line"),
    ],
)
def test_a_profile_that_cannot_be_used_is_named_with_the_reason(tmp_path, data, words):
    path = tmp_path / "a.jpg"
    Image.fromarray(noise(16, 16, 3, 255)).save(path, icc_profile=data)
    info = open_reader(path).info
    assert info.colorspace is None
    assert any("ICC profile" in note and words in note for note in info.notes), info.notes


def chunks(path: Path) -> dict[bytes, bytes]:
    """A PNG's chunks before its pixels, their checksums checked."""
    raw, place, found = path.read_bytes(), 8, {}
    while raw[place + 4 : place + 8] != b"IDAT":
        (length,) = struct.unpack_from(">I", raw, place)
        name, data = raw[place + 4 : place + 8], raw[place + 8 : place + 8 + length]
        assert struct.unpack_from(">I", raw, place + 8 + length)[0] == zlib.crc32(name + data)
        found[name] = data
        place += 12 + length
    return found


@pytest.mark.parametrize(
    ("space", "reported", "again"),
    [
        (SRGB, {b"sRGB": b"\0", b"gAMA": struct.pack(">I", 45455)}, SRGB),
        ("sRGB - Display", {b"sRGB": b"\0", b"gAMA": struct.pack(">I", 45455)}, SRGB),
        ("Rec.1886 Rec.709 - Display", {b"cICP": b"\1\1\0\1"}, "Rec.1886 Rec.709 - Display"),
        ("sRGB Encoded P3-D65", {b"cICP": bytes([12, 13, 0, 1])}, "sRGB Encoded P3-D65"),
        ("Rec.2100-PQ - Display", {b"cICP": bytes([9, 16, 0, 1])}, "Rec.2100-PQ - Display"),
        ("Linear Rec.2020", {b"cICP": bytes([9, 8, 0, 1]), b"gAMA": struct.pack(">I", 100000)}, "Linear Rec.2020"),
        ("ACEScg", {b"gAMA": struct.pack(">I", 100000)}, "ACEScg"),
        ("ACES2065-1", {}, None),  # its primaries cannot be named
        (LOGC3, {}, None),
    ],
)
def test_a_png_says_what_colour_it_is_in_and_nothing_where_no_chunk_names_it(tmp_path, space, reported, again):
    plate = save_dpx(tmp_path / "p.dpx", noise(top=1023), 10)
    reader = open_reader(plate, PlateSettings(colorspace=LOGC3))
    (frame,) = reader.read([1])
    with open_writer(destination(reader, tmp_path / "o.png", colorspace=space)) as writer:
        writer.write(untouched(frame))
    found = chunks(tmp_path / "o.png")
    assert {name: found[name] for name in found if name in (b"cICP", b"sRGB", b"gAMA", b"iCCP")} == reported
    assert (b"cHRM" in found) == (b"gAMA" in found)
    if b"cHRM" in found:
        with Image.open(tmp_path / "o.png") as picture:
            x, y = picture.info["chromaticity"][:2]
        assert (x, y) == pytest.approx((0.32168, 0.33767) if space == "ACEScg" else (0.3127, 0.329), abs=1e-4)
    assert open_reader(tmp_path / "o.png").info.colorspace == again
    assert load(tmp_path / "o.png", "uint16").shape == (9, 13, 3)


def test_a_matte_has_no_colour(tmp_path):
    plate = save(tmp_path / "p.png", noise(), oiio__ColorSpace="sRGB")
    through(plate, tmp_path / "o.png", colorspace=None, passes=("matte",))
    assert not {b"sRGB", b"gAMA", b"cHRM", b"cICP"} & chunks(tmp_path / "o.png").keys()


@pytest.mark.parametrize(("space", "number"), [(SRGB, 1), (LOGC3, 0xFFFF)])
def test_a_tiff_says_srgb_or_that_it_is_none(tmp_path, space, number):
    plate = save_dpx(tmp_path / "p.dpx", noise(top=1023), 10)
    through(plate, tmp_path / "o.tif", colorspace=space)
    assert attributes(tmp_path / "o.tif")["Exif:ColorSpace"] == number
    assert oiio.ImageInput.open(str(tmp_path / "o.tif")) is not None
