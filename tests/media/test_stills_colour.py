"""Colour tags of stills: profiles of other programs, and the chunks of written PNGs."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from tests.media.still_files import LOGC3, SRGB, attributes, load, noise, save, save_dpx
from tests.media.test_stills_write import destination, through, untouched
from vfxage.media import PlateSettings, open_reader, open_writer
from vfxage.media.stills.icc import space_of

# Columns as the makers' own profiles have them, adapted to D50.
REC709 = (0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410)
DISPLAY_P3 = (0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407)
ADOBE = (0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457)
PROPHOTO = (0.79767, 0.28804, 0.0), (0.13519, 0.71188, 0.0), (0.03134, 0.00009, 0.82491)

_POWERS = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
_PARA_SRGB = b"para" + bytes(4) + struct.pack(">HH5i", 3, 0, *(round(value * 65536) for value in _POWERS))


def gamma(value: float) -> bytes:
    return b"curv" + bytes(4) + struct.pack(">IHH", 1, round(value * 256), 0)


LINEAR = b"curv" + bytes(8)


def table() -> bytes:
    codes = np.linspace(0, 1, 1024)
    light = np.where(codes <= 0.04045, codes / 12.92, ((codes + 0.055) / 1.055) ** 2.4)
    return b"curv" + bytes(4) + struct.pack(">I", 1024) + np.rint(light * 65535).astype(">u2").tobytes()


def profile(columns: tuple[tuple[float, ...], ...], curve: bytes, name: str = "house") -> bytes:
    """A display profile, version 2, of a matrix and one curve."""
    text = b"desc" + bytes(4) + struct.pack(">I", len(name) + 1) + name.encode() + bytes(79)
    tags = {b"desc": text, b"rTRC": curve, b"gTRC": curve, b"bTRC": curve}
    for letter, column in zip(b"rgb", columns, strict=True):
        tags[bytes([letter]) + b"XYZ"] = b"XYZ " + bytes(4) + struct.pack(">3i", *(round(v * 65536) for v in column))
    place, index, body = 132 + 12 * len(tags), b"", b""
    for key, value in tags.items():
        value += bytes(-len(value) % 4)
        index += struct.pack(">4sII", key, place + len(body), len(value))
        body += value
    head = bytearray(128)
    head[8:12], head[12:24], head[36:40] = b"\2\x40\0\0", b"mntrRGB XYZ ", b"acsp"
    head[68:80] = struct.pack(">3i", 63190, 65536, 54061)
    whole = bytes(head) + struct.pack(">I", len(tags)) + index + body
    return struct.pack(">I", len(whole)) + whole[4:]


PROFILES = [
    (ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(), SRGB),
    (profile(REC709, table(), "anything"), SRGB),
    (profile(REC709, LINEAR, "sRGB-elle-V2-g10"), "Linear Rec.709 (sRGB)"),
    (profile(REC709, gamma(2.2), "sRGB, nearly"), "Gamma 2.2 Encoded Rec.709"),
    (profile(DISPLAY_P3, _PARA_SRGB), "sRGB Encoded P3-D65"),
    (profile(DISPLAY_P3, LINEAR), "Linear P3-D65"),
    (profile(ADOBE, gamma(2.19921875)), "Gamma 2.2 Encoded AdobeRGB"),
    (profile(DISPLAY_P3, gamma(2.6), "sRGB IEC61966-2.1"), None),
    (profile(PROPHOTO, gamma(1.8)), None),
]


@pytest.mark.parametrize("suffix", ["tif", "png", "jpg"])
@pytest.mark.parametrize(("data", "space"), PROFILES)
def test_a_profile_is_known_by_what_it_does_whatever_its_name(tmp_path, suffix, data, space):
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(noise(16, 16, 3, 255)).save(path, icc_profile=data)
    info = open_reader(path).info
    assert info.colorspace == space
    assert (space is None) == any("ICC profile" in note for note in info.notes)


@pytest.mark.parametrize("suffix", ["tif", "png", "jpg"])
def test_a_profile_is_carried_where_the_space_stays_and_left_where_it_changes(tmp_path, suffix):
    data = profile(DISPLAY_P3, _PARA_SRGB)
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


@given(st.binary(max_size=60), st.integers(0, 600), st.integers(0, 10**6))
def test_a_damaged_profile_is_none_or_another(patch, place, end):
    data = bytearray(profile(REC709, _PARA_SRGB))
    data[place : place + len(patch)] = patch
    space_of(bytes(data[:end]))


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
        ("ACES2065-1", {}, None),  # its primaries cannot be told
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
