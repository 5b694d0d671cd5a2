"""OpenEXR output read back with OpenImageIO, never with our own reader."""

import dataclasses
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import numpy as np
import OpenEXR
import OpenImageIO as oiio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.media.exr_files import HALF, ramp, save, timecode, window
from tests.plates import halves, read_exr
from vfxage.errors import OutputError, WriteError
from vfxage.media.base import Destination
from vfxage.media.exr.read import ExrReader
from vfxage.media.exr.write import ExrWriter
from vfxage.types import ClipInfo, FaceLayer, Frame, Render, Window

LINEAR = "Linear Rec.709 (sRGB)"
REC709 = (0.64, 0.33, 0.3, 0.6, 0.15, 0.06, 0.3127, 0.329)


def destination(clip: ClipInfo, folder: Path, **changes) -> Destination:
    numbers = changes.get("numbers", (clip.first,))
    settings = {
        "path": str(folder / "out.####.exr"),
        "passes": ("beauty", "delta", "matte"),
        "codec": None,
        "clip": clip,
        "colorspace": LINEAR,
        "numbers": numbers,
        "alpha": clip.alpha,
        "stamps": {number: f"stamp {number}" for number in numbers},
    }
    return Destination(**{**settings, **changes})


def aged(frame: Frame, box: Window, amount: float = 0.125, name: str = "lead") -> Render:
    """A face in ``box`` (display coordinates): a soft matte, and a delta that follows it."""
    matte = np.zeros(frame.window.shape, np.float32)
    rows, columns = box.slices(frame.window)
    soft = np.outer(np.hanning(box.height + 2)[1:-1], np.hanning(box.width + 2)[1:-1]).astype(np.float32)
    matte[rows, columns] = soft
    delta = np.zeros_like(frame.rgb)
    delta[rows, columns] = soft[..., None] * np.array([amount, -amount, amount / 3], np.float32)
    beauty = frame.rgb.copy()
    beauty[rows, columns] += delta[rows, columns]
    layer = FaceLayer(name=name, window=box, delta=delta[rows, columns].copy(), matte=soft)
    return Render(frame=frame, beauty=beauty, delta=delta, matte=matte, layers=(layer,))


def untouched(frame: Frame) -> Render:
    return Render(
        frame=frame, beauty=frame.rgb, delta=np.zeros_like(frame.rgb), matte=np.zeros(frame.window.shape, np.float32)
    )


def plate(path: Path) -> tuple[ClipInfo, Frame]:
    reader = ExrReader(path, colorspace=LINEAR)
    (frame,) = reader.read([reader.info.first])
    return reader.info, frame


def movie_clip(**changes) -> ClipInfo:
    settings = {"path": "/plates/a.mov", "kind": "movie", "width": 30, "height": 20, "first": 1, "last": 10}
    settings |= {"rate": Fraction(24000, 1001), "colorspace": "Rec.1886 Rec.709 - Display"}
    return ClipInfo(**{**settings, **changes})


def movie_frame(number: int = 1) -> Frame:
    return Frame(number=number, window=Window(0, 0, 30, 20), rgb=ramp(seed=number).astype(np.float32) * np.float32(1.1))


def write(render: Render, target: Destination) -> Path:
    with ExrWriter(target) as writer:
        writer.write(render)
    return target.folder / f"out.{render.number:04d}.exr"


def attributes(path: Path) -> dict:
    return {a.name: a.value for a in oiio.ImageBuf(str(path)).spec().extra_attribs}


@pytest.mark.parametrize("name", ["AllHalfValues", "BrightRingsNanInf", "chromaticities_ap0_Carrots"])
def test_outside_the_matte_every_bit_is_the_plates(exrs, tmp_path, name):
    info, frame = plate(exrs / f"{name}.exr")
    box = Window(20, 30, 64, 48)
    render = aged(frame, box)
    before, after = read_exr(exrs / f"{name}.exr"), read_exr(write(render, destination(info, tmp_path)))
    outside = render.matte == 0
    assert outside.mean() < 1
    for index, colour in enumerate("RGB"):
        assert np.array_equal(after[colour][outside], before[colour][outside])
        with np.errstate(all="ignore"):
            summed = (halves(before[colour]) + after[f"delta.{colour}"]).astype(HALF)
        inside = ~outside & np.isfinite(halves(before[colour]))
        assert np.array_equal(summed[inside], after[colour].view(HALF)[inside])
        assert np.array_equal(after[f"delta.{colour}"], render.delta[..., index])
    if "A" in before:
        assert np.array_equal(after["A"], before["A"])
    assert np.array_equal(after["matte.A"].view(HALF), render.matte.astype(HALF))


def test_a_float_plate_stays_float_to_the_bit(tmp_path):
    picture = (ramp(60, 80).astype(np.float32) + np.float32(1e-7)).astype(np.float32)
    picture[3, 4] = np.array([0x7FA00001, 0xFFC12345, 0x00000001], np.uint32).view(np.float32)
    info, frame = plate(save(tmp_path / "f.0007.exr", {"RGB": picture, "A": picture[..., 0].copy()}))
    after = read_exr(write(aged(frame, Window(20, 20, 16, 16)), destination(info, tmp_path)))
    outside = np.ones((60, 80), bool)
    outside[20:36, 20:36] = False
    for index, colour in enumerate("RGB"):
        assert after[colour].dtype == np.float32
        written, expected = (np.ascontiguousarray(a).view(np.uint32) for a in (after[colour], picture[..., index]))
        assert np.array_equal(written[outside], expected[outside])
        summed = picture[..., index][~outside] + after[f"delta.{colour}"][~outside]
        np.testing.assert_array_equal(summed, after[colour][~outside])
    finite = outside & np.isfinite(picture[..., 0])
    np.testing.assert_array_equal(after["A"][finite], picture[..., 0][finite])


def test_a_movies_frame_is_rounded_to_the_nearest_half(tmp_path):
    frame = movie_frame()
    after = read_exr(write(untouched(frame), destination(movie_clip(), tmp_path)))
    assert list(after) == ["R", "G", "B", "delta.R", "delta.G", "delta.B", "matte.A"]
    for index, colour in enumerate("RGB"):
        np.testing.assert_array_equal(halves(after[colour]), frame.rgb[..., index].astype(HALF).astype(np.float32))
    found = attributes(tmp_path / "out.0001.exr")
    np.testing.assert_allclose(found["chromaticities"], REC709, atol=1e-6)
    assert tuple(found["framesPerSecond"]) == (24000, 1001)


def test_the_plates_header_goes_along_and_its_storage_does_not(tmp_path):
    path = save(
        tmp_path / "p.1001.exr",
        {"RGB": ramp()},
        compression=OpenEXR.PIZ_COMPRESSION,
        lineOrder=OpenEXR.DECREASING_Y,
        dataWindow=window(-7, 3, 30, 20),
        displayWindow=window(-5, 2, 25, 40),
        pixelAspectRatio=1.5,
        chromaticities=(0.708, 0.292, 0.17, 0.797, 0.131, 0.046, 0.3127, 0.329),
        framesPerSecond=Fraction(30000, 1001),
        timeCode=timecode(10, 11, 12, 13, drop=True),
        capDate="2026:11:21 10:00:00",
        owner="Häuptling",
        take=7,
        exposure=0.25,
        precise=np.array([0.1]),
        cameraPosition=np.array([1, 2, 3], np.float32),
        worldToCamera=np.arange(16, dtype=np.float32).reshape(4, 4),
        lenses=["a", "b"],
        crop=((1, 2), (3, 4)),
        **{"vfxage:fingerprint": "an older one", "colorSpace": "Linear Rec.2020"},
    )
    info, frame = plate(path)
    out = write(untouched(frame), destination(info, tmp_path / "o", numbers=(1001,), colorspace="Linear Rec.2020"))
    before, after = (OpenEXR.File(str(p), header_only=True).header() for p in (path, out))
    same = set(before) - {"channels", "compression", "lineOrder", "vfxage:fingerprint", "colorSpace"}
    assert same <= set(after)
    for name in same:
        if name == "timeCode":
            assert after[name] == before[name]
        else:
            np.testing.assert_equal(after[name], before[name], name)
    assert set(after) - set(before) == {"vfxage:version"}
    assert after["vfxage:fingerprint"] == "stamp 1001"
    assert str(after["compression"]) == "Compression.ZIPS_COMPRESSION"
    spec = oiio.ImageBuf(str(out)).spec()
    assert (spec.x, spec.y, spec.width, spec.height) == (-7, 3, 30, 20)
    assert (spec.full_x, spec.full_y, spec.full_width, spec.full_height) == (-5, 2, 25, 40)


def test_cryptomatte_attributes_do_not_outlive_their_channels(tmp_path):
    grey = np.zeros((20, 30), np.float32)
    keys = ("name", "hash", "conversion", "manifest")
    described = {f"cryptomatte/bda530a/{key}": "CryptoObject" for key in keys}
    channels = {"RGB": ramp(), **{f"CryptoObject00.{letter}": grey for letter in "RGBA"}}
    clip, frame = plate(save(tmp_path / "p.1001.exr", channels, **described, comment="kept"))
    path = write(untouched(frame), destination(clip, tmp_path / "out"))
    assert attributes(path)["comment"] == "kept"
    assert not [name for name in attributes(path) if "cryptomatte" in name.casefold()]
    assert not [name for name in oiio.ImageInput.open(str(path)).spec().channelnames if "Crypto" in name]
    assert any("CryptoObject00.R" in note for note in clip.notes)


@pytest.mark.parametrize("compression", ["none", "zips", "zip", "piz"])
def test_every_compression_keeps_every_bit(tmp_path, compression):
    clip, frame = plate(save(tmp_path / "p.1001.exr", {"RGB": ramp(40, 60)}))
    render = aged(frame, Window(10, 5, 30, 24))
    where = destination(clip, tmp_path / "out", compression=compression)
    path = write(render, where)
    assert oiio.ImageInput.open(str(path)).spec().getattribute("compression") == compression
    found = read_exr(path)
    np.testing.assert_array_equal(np.stack([found[f"delta.{letter}"] for letter in "RGB"], axis=2), render.delta)
    bare = render.matte == 0
    for index, letter in enumerate("RGB"):
        np.testing.assert_array_equal(found[letter].view(HALF)[bare], frame.native[..., index][bare])
    assert ExrWriter(where).finished(clip.first)


def test_the_colour_space_the_shot_names_wins_over_the_plates_primaries(tmp_path):
    info, frame = plate(save(tmp_path / "p.exr", {"RGB": ramp()}, chromaticities=REC709))
    out = write(untouched(frame), destination(info, tmp_path, colorspace="ACEScg"))
    np.testing.assert_allclose(attributes(out)["chromaticities"][:2], (0.713, 0.293), atol=1e-6)


@pytest.mark.parametrize(
    ("first", "rate", "after", "expected"),
    [
        ("01:00:00:00", Fraction(24), 25, (1, 0, 1, 1, False)),
        ("00:00:59;28", Fraction(30000, 1001), 2, (0, 1, 0, 2, True)),
        ("00:09:59;29", Fraction(30000, 1001), 1, (0, 10, 0, 0, True)),
        ("23:59:59:24", Fraction(25), 1, (0, 0, 0, 0, False)),
        ("10:00:00:48", Fraction(50), 1, (10, 0, 0, 24, False)),
    ],
)
def test_a_movies_timecode_is_counted_on(tmp_path, first, rate, after, expected):
    clip = movie_clip(timecode=first, rate=rate, last=100)
    out = write(untouched(movie_frame(1 + after)), destination(clip, tmp_path, numbers=(1 + after,)))
    code = OpenEXR.File(str(out), header_only=True).header()["timeCode"]
    assert (code.hours, code.minutes, code.seconds, code.frame, bool(code.dropFrame)) == expected


def test_the_rate_the_shot_names_reaches_the_files(tmp_path):
    path = save(tmp_path / "p.1001.exr", {"RGB": ramp()}, framesPerSecond=Fraction(24))
    reader = ExrReader(path, colorspace=LINEAR, rate=Fraction(25))
    (frame,) = reader.read([1001])
    out = write(untouched(frame), destination(reader.info, tmp_path))
    assert oiio.ImageBuf(str(out)).spec().getattribute("FramesPerSecond") == (25, 1)


def test_variable_rate_keeps_no_timecode(tmp_path):
    clip = movie_clip(timecode="01:00:00:00", variable_rate=True)
    out = write(untouched(movie_frame()), destination(clip, tmp_path))
    assert "timeCode" not in OpenEXR.File(str(out), header_only=True).header()


@given(st.integers(0, 24 * 3600 * 30))
def test_drop_frame_numbers_are_those_of_a_clock_that_skips_them(count):
    from vfxage.media.exr import timecode as module

    code = module.counted("00:00:00;00", Fraction(30000, 1001), count % 2589408)
    # SMPTE 12M by its rule, the other way round: numbers 0 and 1 of a minute not divisible by ten do not exist.
    assert not (code.seconds == 0 and code.frame < 2 and code.minutes % 10)
    minutes = code.hours * 60 + code.minutes
    number = (minutes * 60 + code.seconds) * 30 + code.frame
    assert number - 2 * (minutes - minutes // 10) == count % 2589408


def test_faces_have_the_same_layers_on_every_frame(tmp_path):
    clip = movie_clip()
    target = destination(clip, tmp_path, numbers=(1, 2), faces=("lead", "2nd man's"))
    box = Window(4, 5, 10, 8)
    with_face = read_exr(write(aged(movie_frame(1), box), target))
    without = read_exr(write(untouched(movie_frame(2)), target))
    assert list(with_face) == list(without)
    assert {"delta_lead.R", "matte_lead.A", "delta_nd_man_s.B", "matte_nd_man_s.A"} <= set(without)
    for colour in "RGB":
        assert np.array_equal(with_face[f"delta_lead.{colour}"], with_face[f"delta.{colour}"])
        assert not with_face[f"delta_nd_man_s.{colour}"].any()
        assert not without[f"delta_lead.{colour}"].any()
    assert np.array_equal(with_face["matte_lead.A"], with_face["matte.A"])
    assert with_face["matte_lead.A"].any()
    assert not without["matte_lead.A"].any()


@pytest.mark.parametrize(
    ("passes", "channels"),
    [
        (("beauty",), ["R", "G", "B", "A"]),
        (("delta",), ["delta.R", "delta.G", "delta.B"]),
        (("matte",), ["matte.A"]),
        (("matte", "delta"), ["delta.R", "delta.G", "delta.B", "matte.A"]),
    ],
)
def test_an_output_holds_its_passes_only(exrs, tmp_path, passes, channels):
    info, frame = plate(exrs / "chromaticities_ap0_Carrots.exr")
    out = write(aged(frame, Window(20, 30, 64, 48)), destination(info, tmp_path, passes=passes))
    assert list(read_exr(out)) == channels


@pytest.mark.parametrize("faces", [("a b", "a_b"), ("1lead", "lead"), ("9",), ("", "a")])
def test_faces_that_no_comp_could_tell_apart_are_refused(tmp_path, faces):
    with pytest.raises(OutputError):
        ExrWriter(destination(movie_clip(), tmp_path, faces=faces))


def test_several_frames_need_a_number_in_the_name(tmp_path):
    with pytest.raises(OutputError, match="####"):
        ExrWriter(destination(movie_clip(), tmp_path, path=str(tmp_path / "one.exr"), numbers=(1, 2)))


def test_finished_trusts_only_the_same_stamp_channels_and_readable_pixels(tmp_path):
    target = destination(movie_clip(), tmp_path)
    writer = ExrWriter(target)
    assert not writer.finished(1)
    out = write(aged(movie_frame(), Window(4, 5, 10, 8)), target)
    whole = out.read_bytes()
    assert writer.finished(1)
    assert not ExrWriter(dataclasses.replace(target, stamps={1: "another"})).finished(1)
    assert not ExrWriter(dataclasses.replace(target, passes=("beauty",))).finished(1)
    out.write_bytes(whole[:-20])
    assert not writer.finished(1)
    torn = bytearray(whole)
    torn[-400:-100] = bytes(300)
    out.write_bytes(torn)
    assert not writer.finished(1)


def test_a_file_that_vfxage_did_not_write_is_recognised(tmp_path):
    target = destination(movie_clip(), tmp_path)
    writer = ExrWriter(target)
    assert writer.foreign(1) is None
    out = write(untouched(movie_frame()), target)
    assert ExrWriter(dataclasses.replace(target, stamps={1: "another"})).foreign(1) is None
    save(out, {"RGB": ramp()})
    assert writer.foreign(1) == out
    out.write_text("notes")
    assert writer.foreign(1) == out


def test_two_writes_and_many_threads_give_the_same_bytes(tmp_path):
    numbers = tuple(range(1, 9))
    renders = [aged(movie_frame(n), Window(4, 5, 10, 8)) for n in numbers]
    for folder in ("a", "b"):
        with ExrWriter(destination(movie_clip(), tmp_path / folder, numbers=numbers)) as writer:
            if folder == "a":
                for render in renders:
                    writer.write(render)
            else:
                with ThreadPoolExecutor(4) as pool:
                    list(pool.map(writer.write, renders))
    for number in numbers:
        name = f"out.{number:04d}.exr"
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert len(list((tmp_path / "b").iterdir())) == len(numbers)


_FULL_DISK = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
from pathlib import Path
from tests.media.test_exr_write import destination, movie_clip, movie_frame, untouched, write
from vfxage.errors import WriteError
try:
    write(untouched(movie_frame()), destination(movie_clip(), Path(sys.argv[1])))
except WriteError as error:
    print("WriteError", error)
"""


@pytest.mark.parametrize("short_by", [1, 700, 10**9])
def test_a_full_disk_leaves_nothing_and_says_so(tmp_path, short_by):
    size = write(untouched(movie_frame()), destination(movie_clip(), tmp_path / "whole")).stat().st_size
    limit = str(max(0, size - short_by))
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", _FULL_DISK, str(tmp_path / "full"), limit]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=root)
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("WriteError")
    assert "out.0001.exr frame 1" in run.stdout
    assert not list((tmp_path / "full").iterdir())


def test_an_unwritable_folder_is_a_write_error(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(WriteError, match=r"out\.0001\.exr frame 1"):
        write(untouched(movie_frame()), destination(movie_clip(), tmp_path / "file"))


def test_a_replaced_frame_takes_the_clips_header_and_its_own_timecode(tmp_path):
    path = save(
        tmp_path / "p.1001.exr",
        {"RGB": ramp()},
        owner="me",
        framesPerSecond=Fraction(24),
        timeCode=timecode(1, 0, 0, 23),
    )
    info, frame = plate(path)
    black = Frame(number=1002, window=frame.window, rgb=np.zeros_like(frame.rgb))
    out = write(untouched(black), destination(info, tmp_path, numbers=(1002,)))
    header = OpenEXR.File(str(out), header_only=True).header()
    assert header["owner"] == "me"
    assert (header["timeCode"].seconds, header["timeCode"].frame) == (1, 0)
