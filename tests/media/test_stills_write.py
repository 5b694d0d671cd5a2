"""Stills as outputs: where the matte is 0 the plate's codes, elsewhere OpenColorIO's; headers carried over."""

import dataclasses
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import pytest

from tests.colours import convert
from tests.media.still_files import LOGC3, SRGB, attributes, dpx_words, load, noise, save, save_dpx, words
from vfxage.errors import OutputError, WriteError
from vfxage.media import PlateSettings, open_reader, open_writer
from vfxage.media.base import Destination
from vfxage.types import Frame, Render

LINEAR = "Linear Rec.709 (sRGB)"


def destination(reader, path: Path, **changes: Any) -> Destination:
    plain = Destination(
        path=str(path),
        passes=("beauty",),
        codec=None,
        clip=reader.info,
        colorspace=str(reader.info.colorspace),
        numbers=tuple(reader.info.present),
        alpha=reader.info.alpha,
        stamps={number: f"{number:032x}" for number in reader.info.present},
    )
    return dataclasses.replace(plain, **changes)


def untouched(frame: Frame) -> Render:
    nothing = np.zeros(frame.window.shape, np.float32)
    return Render(frame=frame, beauty=frame.rgb, delta=np.zeros_like(frame.rgb), matte=nothing)


def touched(frame: Frame) -> Render:
    """The right half of the picture a quarter brighter."""
    matte = np.zeros(frame.window.shape, np.float32)
    matte[:, matte.shape[1] // 2 :] = 1
    delta = np.where(matte[..., None] > 0, np.float32(0.25) * frame.rgb, np.float32(0))
    return Render(frame=frame, beauty=frame.rgb + delta, delta=delta, matte=matte)


def through(path: Path, output: Path, make=untouched, colorspace: str | None = LOGC3, **changes: Any) -> list[Render]:
    reader = open_reader(path, PlateSettings(colorspace=colorspace))
    target = destination(reader, output, **changes)
    renders = [make(frame) for frame in reader.read(target.numbers)]
    with open_writer(target) as writer:
        for render in renders:
            writer.write(render)
    return renders


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("packing", [1, 2])
@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("bits", [8, 10, 12, 16])
def test_dpx_in_and_out_is_the_same_words(tmp_path, bits, channels, packing, order):
    codes = noise(16, 13, channels, (1 << bits) - 1)
    plate = save_dpx(tmp_path / "p.dpx", codes, bits, packing=packing, order=order)
    through(plate, tmp_path / "o.dpx")
    assert np.array_equal(dpx_words(tmp_path / "o.dpx", order), dpx_words(plate, order))
    through(plate, tmp_path / "t.dpx", touched)
    left = np.frombuffer(words(codes[:, :6], bits, packing, order), np.uint8).reshape(16, -1)
    lines = np.frombuffer((tmp_path / "t.dpx").read_bytes()[2048:], np.uint8).reshape(16, -1)
    sure = (6 * channels * bits // 32) * 4 if bits != 10 else 6 * channels // 3 * 4
    assert np.array_equal(lines[:, :sure], left[:, :sure])


@pytest.mark.parametrize("bits", [10, 12])
def test_a_packed_dpx_stays_packed(tmp_path, bits):
    codes = noise(top=(1 << bits) - 1)
    plate = save(tmp_path / "p.dpx", codes << (16 - bits), oiio__BitsPerSample=bits, dpx__Packing="Packed")
    through(plate, tmp_path / "o.dpx")
    assert np.array_equal(dpx_words(tmp_path / "o.dpx"), dpx_words(plate))


@pytest.mark.parametrize("name", ["a.tif", "a.png"])
@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("top", [255, 65535])
def test_codes_outside_the_matte_are_the_plates(tmp_path, name, channels, top):
    codes = noise(channels=channels, top=top)
    plate = save(tmp_path / name, codes)
    through(plate, tmp_path / f"o{plate.suffix}", touched)
    written = load(tmp_path / f"o{plate.suffix}", codes.dtype.name)
    assert np.array_equal(written[:, :6], codes[:, :6])
    if channels == 4:
        assert np.array_equal(written[..., 3], codes[..., 3])


def test_float_tiff_keeps_bits_outside_the_matte_and_holds_the_delta(tmp_path):
    pixels = np.random.default_rng(0).normal(0, 9, (9, 13, 3)).astype(np.float32)
    pixels[0, 0] = np.nan, np.inf, -0.0
    plate = save(tmp_path / "p.tif", pixels)
    (render,) = through(plate, tmp_path / "o.tif", touched, LINEAR)
    written = load(tmp_path / "o.tif", "float")
    assert np.array_equal(written[:, :6].view(np.uint32), pixels[:, :6].view(np.uint32))
    through(plate, tmp_path / "d.tif", touched, LINEAR, passes=("delta", "matte"))
    delta = load(tmp_path / "d.tif", "float")
    assert np.array_equal(delta[..., :3], render.delta, equal_nan=True)
    assert np.array_equal(delta[..., 3], render.matte)


@pytest.mark.parametrize(
    ("plate", "space"), [(LOGC3, SRGB), (LOGC3, "S-Log3 S-Gamut3"), (SRGB, LOGC3), (SRGB, "Rec.1886 Rec.709 - Display")]
)
@pytest.mark.parametrize("suffix", ["dpx", "tif", "png"])
def test_another_colour_space_is_openimageios_conversion(tmp_path, plate, space, suffix):
    rng = np.random.default_rng(1)
    grey = rng.uniform(0.2, 0.6, (20, 30, 1))
    codes = np.rint((grey + rng.uniform(-0.04, 0.04, (20, 30, 3))) * 1023).astype(np.uint16)
    path = save_dpx(tmp_path / "p.dpx", codes, 10)
    reader = open_reader(path, PlateSettings(colorspace=plate))
    target = destination(reader, tmp_path / f"o.{suffix}", colorspace=space, depth=16)
    with open_writer(target) as writer:
        (frame,) = reader.read([1])
        writer.write(untouched(frame))
    reference = np.clip(convert((codes / 1023).astype(np.float32), plate, space), 0, 1) * 65535
    written = load(tmp_path / f"o.{suffix}", "uint16").astype(np.float64)
    assert np.abs(written - reference).max() <= 4  # of 65535


def test_depths_of_an_output(tmp_path):
    plate = save_dpx(tmp_path / "p.dpx", noise(top=1023), 10)
    for name, depth, expected in (
        *(("a.dpx", None, 10), ("b.dpx", 16, 16), ("c.tif", None, 16), ("d.tif", 8, 8), ("e.png", None, 16)),
        *(("f.png", 8, 8), ("g.jpg", None, 8), ("h.tif", "float", 32)),
    ):
        through(plate, tmp_path / name, depth=depth)
        image = oiio.ImageInput.open(str(tmp_path / name))
        bits = image.spec().get_int_attribute("oiio:BitsPerSample", image.spec().format.size() * 8)
        assert bits == expected, name


def test_the_matte_is_grey_or_alpha(tmp_path):
    plate = save_dpx(tmp_path / "p.dpx", noise(9, 12, 3, 1023), 10)  # OpenImageIO loses 10-bit RGBA lines of 13
    (render,) = through(plate, tmp_path / "m.png", touched, passes=("matte",), depth=8)
    assert np.array_equal(load(tmp_path / "m.png", "uint8")[..., 0], render.matte * 255)
    for name in ("b.dpx", "b.tif", "b.png"):
        through(plate, tmp_path / name, touched, passes=("beauty", "matte"))
        assert np.array_equal(load(tmp_path / name, "float")[..., 3], render.matte), name
    assert attributes(tmp_path / "b.tif")["oiio:UnassociatedAlpha"] == 1


def test_alpha_that_is_multiplied_in_is_taken_out_where_the_format_holds_it_straight(tmp_path):
    rgba = np.zeros((4, 4, 4), np.float32)
    rgba[..., :3], rgba[..., 3] = 0.25, 0.5
    plate = save(tmp_path / "p.tif", rgba, oiio__UnassociatedAlpha=0)
    through(plate, tmp_path / "o.png", colorspace=LINEAR)
    written = load(tmp_path / "o.png", "float")
    np.testing.assert_allclose(written[..., :3], 0.5, atol=1e-4)
    np.testing.assert_allclose(written[..., 3], 0.5, atol=1e-4)
    through(plate, tmp_path / "o.tif", colorspace=LINEAR)
    assert np.array_equal(load(tmp_path / "o.tif", "float"), rgba)
    assert "oiio:UnassociatedAlpha" not in attributes(tmp_path / "o.tif")


def test_a_dpx_header_is_carried_over(tmp_path):
    code = oiio.TypeDesc("timecode"), (0x01020304, 0)
    plate = save(
        tmp_path / "p.1001.dpx",
        noise(top=1023) << 6,
        oiio__BitsPerSample=10,
        smpte__TimeCode=code,
        FramesPerSecond=24.0,
        PixelAspectRatio=2.0,
        Copyright="the show",
        DocumentName="sh010",
        dpx__Transfer="Printing density",
        dpx__FilmEdgeCode="0123456789012345",
        dpx__FrameId="keep",
        dpx__SlateInfo="slate 7",
        dpx__InputDevice="scanner 3",
        dpx__TemporalFrameRate=24.0,
    )
    through(plate, tmp_path / "o.####.dpx")
    before, after = attributes(plate), attributes(tmp_path / "o.1001.dpx")
    assert after.pop("Software").startswith("vfxage ")
    changed = {key for key in before if np.any(before[key] != after.get(key))}
    assert changed <= {"Software", "dpx:EndOfLinePadding"}, {key: (before[key], after.get(key)) for key in changed}
    raw = (tmp_path / "o.1001.dpx").read_bytes()
    assert int.from_bytes(raw[16:20], "little") == len(raw)


@pytest.mark.parametrize("name", ["p.tif", "p.png", "p.jpg"])
def test_what_a_header_says_is_carried_over(tmp_path, name):
    codes = noise(16, 16, 3, 255)
    plate = save(tmp_path / name, codes, Copyright="the show", Artist="me", ImageDescription="a still", Make="ARRI")
    through(plate, tmp_path / f"o{plate.suffix}", colorspace=None if name == "p.jpg" else SRGB)
    said = attributes(tmp_path / f"o{plate.suffix}")
    assert [said[key] for key in ("Copyright", "Artist", "ImageDescription", "Make")] == [
        "the show",
        "me",
        "a still",
        "ARRI",
    ]


def test_a_png_keeps_custom_text_and_says_srgb(tmp_path):
    plate = save(tmp_path / "p.png", noise(), show__shot="sh010", oiio__ColorSpace="sRGB")
    through(plate, tmp_path / "o.png", colorspace=None)
    assert attributes(tmp_path / "o.png")["show:shot"] == "sh010"
    assert open_reader(tmp_path / "o.png").info.colorspace == SRGB


@pytest.mark.parametrize("name", ["o.####.dpx", "o.####.tif", "o.####.png", "o.####.jpg"])
def test_timecode_counts_on_and_rate_and_aspect_come_back(tmp_path, name):
    code = oiio.TypeDesc("timecode"), (0x01020323, 0)
    for number in (1001, 1002):
        save(
            tmp_path / f"p.{number}.dpx",
            noise(16, 16, 3, 1023) << 6,
            oiio__BitsPerSample=10,
            PixelAspectRatio=2.0,
            **({"smpte__TimeCode": code, "dpx__FrameRate": 24.0} if number == 1001 else {}),
        )
    through(tmp_path / "p.####.dpx", tmp_path / name)
    for number, text in ((1001, "01:02:03:23"), (1002, "01:02:04:00")):
        info = open_reader(tmp_path / name.replace("####", str(number)), PlateSettings(colorspace=LOGC3)).info
        assert (info.timecode, info.rate) == (text, Fraction(24))
        assert info.pixel_aspect == (1.0 if name.endswith("jpg") else 2.0)


@pytest.mark.parametrize("name", ["o.####.dpx", "o.####.tif", "o.####.png", "o.####.jpg"])
def test_two_writes_are_the_same_bytes_and_are_kept(tmp_path, name):
    plate = save_dpx(tmp_path / "p.1001.dpx", noise(32, 32, 3, 1023), 10)
    first, second = tmp_path / "1", tmp_path / "2"
    for folder in (first, second):
        through(plate, folder / name, touched)
    path = name.replace("####", "1001")
    assert (first / path).read_bytes() == (second / path).read_bytes()
    reader = open_reader(plate, PlateSettings(colorspace=LOGC3))
    kept = open_writer(destination(reader, first / name))
    assert kept.finished(1001)
    assert kept.foreign(1001) is None
    assert not open_writer(destination(reader, first / name, stamps={1001: "f" * 32})).finished(1001)
    data = (first / path).read_bytes()
    (first / path).write_bytes(data[: len(data) * 2 // 3])
    assert not kept.finished(1001)
    foreign = plate if name.endswith("dpx") else save(tmp_path / f"x{Path(name).suffix}", noise(top=255))
    (first / path).write_bytes(foreign.read_bytes())
    assert kept.foreign(1001) == first / path


@pytest.mark.parametrize(
    ("name", "changes", "word"),
    [
        ("o.jpg", {"passes": ("beauty", "matte")}, "JPEG has no alpha"),
        ("o.png", {"passes": ("delta",)}, "negative values"),
        ("o.tif", {"passes": ("beauty", "delta"), "depth": "float"}, "one of beauty, delta and matte"),
        ("o.png", {"depth": 10}, "cannot hold 10 bits"),
        ("o.png", {"numbers": (1, 2)}, "one file cannot hold 2 frames"),
    ],
)
def test_passes_that_no_still_can_hold_are_reported_before_the_first_frame(tmp_path, name, changes, word):
    reader = open_reader(save_dpx(tmp_path / "p.dpx", noise(top=1023), 10), PlateSettings(colorspace=LOGC3))
    with pytest.raises(OutputError, match=word):
        open_writer(destination(reader, tmp_path / name, **changes))


_FULL_DISK = """
import resource, sys
from pathlib import Path
from tests.media.test_stills_write import through, touched
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
from vfxage.errors import WriteError
try:
    through(Path(sys.argv[1]), Path(sys.argv[3]), touched)
except WriteError as error:
    print(error)
"""


@pytest.mark.parametrize("short_by", [1, 3000])
@pytest.mark.parametrize("suffix", ["dpx", "tif", "png", "jpg"])
def test_a_full_disk_leaves_nothing_and_says_so(tmp_path, suffix, short_by):
    plate = save_dpx(tmp_path / "p.dpx", noise(64, 64, 3, 1023), 10)
    through(plate, tmp_path / f"whole.{suffix}", touched)
    limit = str((tmp_path / f"whole.{suffix}").stat().st_size - short_by)
    out = tmp_path / "full" / f"o.{suffix}"
    command = [sys.executable, "-c", _FULL_DISK, str(plate), limit, str(out)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert f"o.{suffix} frame 1: " in done.stdout, done.stderr
    assert "check free space" in done.stdout
    assert not list(out.parent.iterdir())


def test_a_folder_that_cannot_be_written_to_is_reported(tmp_path):
    plate = save_dpx(tmp_path / "p.dpx", noise(top=1023), 10)
    (tmp_path / "taken").write_bytes(b"")
    with pytest.raises(WriteError, match="cannot be written"):
        through(plate, tmp_path / "taken" / "o.png")
