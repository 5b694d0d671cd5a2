"""A log DPX sequence of a real face through the command line: frame numbers, timecode, words and passes."""

from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest

from tests.colours import convert
from tests.media.still_files import LOGC3, attributes, dpx_words, load, save
from tests.plates import decode, read_exr, write_shot
from tests.run_vfxage import run

FRAMES = range(1001, 1004)


@pytest.fixture(scope="module")
def rendered(clips, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("log")
    for number, linear in zip(FRAMES, decode(clips / "androidx_sample.mp4", range(1, 4)), strict=True):
        light = linear[::2, ::2]
        codes = np.rint(np.clip(convert(light, "Linear Rec.709 (sRGB)", LOGC3), 0, 1) * 1023).astype(np.uint16)
        save(
            folder / "plate" / f"p.{number}.dpx",
            codes << 6,
            oiio__BitsPerSample=10,
            smpte__TimeCode=(oiio.TypeDesc("timecode"), (0x10000000 + number - 1001, 0)),
            dpx__FrameRate=24.0,
            dpx__InputDevice="ALEXA",
        )
    outputs = [
        {"path": "out/b.####.dpx"},
        {"path": "out/e.####.exr"},
        {"path": "out/a.####.exr", "colorspace": "ACES2065-1"},
        {"path": "out/m.####.png", "passes": ["matte"]},
        {"path": "out/d.####.tif", "passes": ["delta", "matte"]},
        {"path": "out/look.####.jpg"},
    ]
    shot = write_shot(folder, plate="plate/p.####.dpx", colorspace=LOGC3, outputs=outputs)
    run("render", shot, "--device", "cpu").ok()
    return folder


def test_words_outside_the_matte_are_the_plates(rendered):
    for number in FRAMES:
        plate = dpx_words(rendered / "plate" / f"p.{number}.dpx", "<")
        beauty = dpx_words(rendered / "out" / f"b.{number}.dpx", "<")
        matte = read_exr(rendered / "out" / f"e.{number}.exr")["matte.A"].reshape(-1)
        assert 0.02 < np.mean(matte != 0) < 0.9
        assert np.array_equal(plate[matte == 0], beauty[matte == 0])
        assert np.mean(plate[matte != 0] != beauty[matte != 0]) > 0.2


def test_passes_say_the_same_in_every_format(rendered):
    planes = read_exr(rendered / "out" / "e.1002.exr")
    matte = planes["matte.A"].view(np.float16).astype(np.float32)
    delta = np.stack([planes[f"delta.{c}"] for c in "RGB"], -1)
    beauty = np.stack([planes[c].view(np.float16) for c in "RGB"], -1).astype(np.float32)
    tif = load(rendered / "out" / "d.1002.tif", "float")
    assert np.array_equal(tif[..., :3], delta)
    np.testing.assert_allclose(tif[..., 3], matte, atol=1e-3)
    np.testing.assert_allclose(load(rendered / "out" / "m.1002.png", "uint16")[..., 0] / 65535, matte, atol=1e-3)
    codes = (load(rendered / "out" / "b.1002.dpx", "uint16") >> 6) / 1023
    light = convert(codes.astype(np.float32), LOGC3, "Linear ARRI Wide Gamut 3")
    np.testing.assert_allclose(light, beauty, rtol=0.02, atol=0.002)  # 10 bits of log
    other = read_exr(rendered / "out" / "a.1002.exr")
    aces = np.stack([other[f"delta.{c}"] for c in "RGB"], -1)
    np.testing.assert_allclose(aces, convert(delta, "Linear ARRI Wide Gamut 3", "ACES2065-1"), rtol=1e-3, atol=1e-5)


def test_headers_keep_time_and_camera(rendered):
    for number in FRAMES:
        said = attributes(rendered / "out" / f"b.{number}.dpx")
        assert said["dpx:TimeCode"] == f"10:00:00:{number - 1001:02}"
        assert said["dpx:InputDevice"] == "ALEXA"
        code = attributes(rendered / "out" / f"e.{number}.exr")["smpte:TimeCode"]
        assert code[0] & 0x3F == number - 1001


def test_a_second_run_keeps_all_and_a_lost_frame_comes_back_the_same(rendered):
    lost = rendered / "out" / "b.1002.dpx"
    before = lost.read_bytes()
    assert "0 frames rendered, 3 complete" in run("render", rendered / "shot.yaml").ok().out
    lost.unlink()
    assert "1 frame rendered" in run("render", rendered / "shot.yaml").ok().out
    assert lost.read_bytes() == before


def test_info_names_the_outputs_kinds(rendered):
    reported = run("info", rendered / "shot.yaml").ok().out
    for word in ("10-bit", "10:00:00:00", "DPX", "TIF float", "PNG", "JPG", LOGC3):
        assert word in reported
