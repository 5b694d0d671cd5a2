"""Stills whose headers are easily misread: JPEG with a gain map, pixel density, L*a*b*."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.media.still_files import SRGB, load, save
from tests.media.test_stills_write import through
from vfxage.errors import ReadError
from vfxage.media import open_reader

HDRGM = "http://ns.adobe.com/hdr-gain-map/1.0/"
CONTAINER = "http://ns.google.com/photos/1.0/container/"
LIMITS = {"GainMapMin": 0, "GainMapMax": 2, "Gamma": 1, "OffsetSDR": 0.015625, "OffsetHDR": 0.015625}


def jpeg(codes: np.ndarray, **settings: object) -> bytes:
    memory = io.BytesIO()
    Image.fromarray(codes).save(memory, "JPEG", quality=95, subsampling=0, **settings)
    return memory.getvalue()


def segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def xmp(names: str, inner: str = "") -> bytes:
    text = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description xmlns:hdrgm="{HDRGM}" hdrgm:Version="1.0" {names}>{inner}</rdf:Description>'
        "</rdf:RDF></x:xmpmeta>"
    )
    return segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + text.encode())


def ultra_hdr(base: bytes, gain: bytes) -> bytes:
    """The two pictures as Android's Ultra HDR 1.0 has them: the gain map behind the base, listed by XMP and MPF."""
    limits = " ".join(f'hdrgm:{name}="{value}"' for name, value in LIMITS.items())
    limits += ' hdrgm:HDRCapacityMin="0" hdrgm:HDRCapacityMax="2" hdrgm:BaseRenditionIsHDR="False"'
    gain = gain[:2] + xmp(limits) + gain[2:]
    items = "".join(
        f'<rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="{name}" Item:Mime="image/jpeg"{more}/>'
        "</rdf:li>"
        for name, more in (("Primary", ""), ("GainMap", f' Item:Length="{len(gain)}"'))
    )
    names = f'xmlns:Container="{CONTAINER}" xmlns:Item="{CONTAINER}item/"'
    head = xmp(names, f"<Container:Directory><rdf:Seq>{items}</rdf:Seq></Container:Directory>")

    def listed(first: int, second: int) -> bytes:
        fields = struct.pack(">HHI4sHHIIHHII", 0xB000, 7, 4, b"0100", 0xB001, 4, 1, 2, 0xB002, 7, 32, 50) + bytes(4)
        pictures = struct.pack(">IIIHHIIIHH", 0x20030000, first, 0, 0, 0, 0, len(gain), second, 0, 0)
        return segment(0xE2, b"MPF\0MM\0*\0\0\0\x08\0\x03" + fields + pictures)

    size = len(base) + len(head) + len(listed(0, 0))
    return base[:2] + head + listed(size, size - len(head) - 10) + base[2:] + gain


@pytest.mark.parametrize("turned", [False, True])
def test_a_jpeg_with_a_gain_map_is_read_as_its_standard_picture(tmp_path: Path, turned: bool) -> None:
    codes = np.random.default_rng(5).integers(0, 256, (6, 8, 3)).repeat(8, 0).repeat(8, 1).astype(np.uint8)
    exif = Image.Exif()
    exif[274] = 6 if turned else 1  # Exif's orientation: a quarter turn clockwise
    base = jpeg(codes, exif=exif)
    (tmp_path / "hdr.0001.jpg").write_bytes(ultra_hdr(base, jpeg(np.full((12, 16), 255, np.uint8))))
    reader = open_reader(str(tmp_path / "hdr.%04d.jpg"))
    assert (reader.info.depth, reader.info.alpha, reader.info.colorspace) == ("8-bit", False, SRGB)
    assert any("gain map" in note for note in reader.info.notes)
    shown = np.asarray(Image.open(io.BytesIO(base)).convert("RGB"))
    shown = np.rot90(shown, -1) if turned else shown
    frame = next(reader.read([1]))
    np.testing.assert_array_equal(frame.native, shown)
    nominal = shown.astype(np.float64) / 255
    light = np.where(nominal <= 0.04045, nominal / 12.92, ((nominal + 0.055) / 1.055) ** 2.4)
    np.testing.assert_allclose(frame.rgb, light, atol=1e-5)


def test_a_gain_mapped_jpeg_whose_picture_is_damaged_is_an_error(tmp_path: Path) -> None:
    noise = np.random.default_rng(5).integers(0, 256, (48, 64, 3)).astype(np.uint8)
    data = bytearray(ultra_hdr(jpeg(noise), jpeg(np.full((12, 16), 255, np.uint8))))
    place = data.index(b"\xff\xda")
    data[place + 20 : place + 600] = b"\xff\xd9" * 290
    (tmp_path / "hdr.jpg").write_bytes(data)
    with pytest.raises(ReadError):
        list(open_reader(tmp_path / "hdr.jpg").read([1]))


@pytest.mark.parametrize(("unit", "expected"), [(0, 2.0), (1, 0.5), (2, 0.5)])
def test_a_jpegs_density_is_pixels_per_length_and_an_aspect_without_a_unit(
    tmp_path: Path, unit: int, expected: float
) -> None:
    data = bytearray(jpeg(np.zeros((8, 8, 3), np.uint8), dpi=(144, 72)))
    place = data.index(b"JFIF\0") + 7
    assert struct.unpack(">BHH", data[place : place + 5]) == (1, 144, 72)
    data[place] = unit
    (tmp_path / "p.jpg").write_bytes(data)
    assert open_reader(tmp_path / "p.jpg").info.pixel_aspect == pytest.approx(expected)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_densities_of_png_and_tiff_are_pixels_per_length_too(tmp_path: Path, suffix: str) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / f"p.{suffix}", dpi=(144, 72))
    assert open_reader(tmp_path / f"p.{suffix}").info.pixel_aspect == pytest.approx(0.5, rel=1e-3)


def test_lab_is_not_taken_for_rgb(tmp_path: Path) -> None:
    Image.new("LAB", (8, 8), (120, 128, 128)).save(tmp_path / "p.tif")
    with pytest.raises(ReadError, match=r"L\*a\*b\*"):
        open_reader(tmp_path / "p.tif")


def test_png_is_written_at_the_fastest_level_without_loss(tmp_path: Path) -> None:
    codes = np.random.default_rng(2).integers(0, 65536, (24, 32, 3)).astype(np.uint16)
    through(save(tmp_path / "p.0001.png", codes), tmp_path / "out.####.png")
    path = tmp_path / "out.0001.png"
    data = path.read_bytes()
    head = data[data.index(b"IDAT") + 4 :][:2]
    assert head[1] >> 6 == 0, "RFC 1950: the level of compression is 0, the fastest"
    np.testing.assert_array_equal(load(path, "uint16"), codes)
