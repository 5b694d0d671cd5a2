"""Colour spaces against published formulas and OpenImageIO, and the ways there and back."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tests.colours import config_with_lut, convert, ramp
from vfxage.colour.config import BUILTIN, known_spaces
from vfxage.colour.space import Colour
from vfxage.errors import ShotError

CODES = np.arange(65536) / 65535

OWN_LINEAR = {
    "Rec.1886 Rec.709 - Display": "Linear Rec.709 (sRGB)",
    "Rec.1886 Rec.2020 - Display": "Linear Rec.2020",
    "sRGB Encoded Rec.709 (sRGB)": "Linear Rec.709 (sRGB)",
    "sRGB - Display": "Linear Rec.709 (sRGB)",
    "Display P3 - Display": "Linear P3-D65",
    "Gamma 2.2 Encoded AdobeRGB": "Linear AdobeRGB",
    "ARRI LogC3 (EI800)": "Linear ARRI Wide Gamut 3",
    "ARRI LogC4": "Linear ARRI Wide Gamut 4",
    "S-Log3 S-Gamut3.Cine": "Linear S-Gamut3.Cine",
    "S-Log3 Venice S-Gamut3": "Linear Venice S-Gamut3",
    "V-Log V-Gamut": "Linear V-Gamut",
    "Log3G10 REDWideGamutRGB": "Linear REDWideGamutRGB",
    "CanonLog2 CinemaGamut D55": "Linear CinemaGamut D55",
    "BMDFilm WideGamut Gen5": "Linear BMD WideGamut Gen5",
    "DaVinci Intermediate WideGamut": "Linear DaVinci WideGamut",
    "Apple Log": "Linear Rec.2020",
    "ACEScct": "ACEScg",
    "ACEScc": "ACEScg",
    "Rec.2100-PQ - Display": "Linear Rec.2020",
    "Rec.2100-HLG - Display": "Linear Rec.2020",
    "P3-DCI - Display": None,
}
MIXED = ["ADX10", "ADX16"]
UNLIKE = ["Rec.2100-HLG - Display", "ACEScc"]
"""HLG's system gamma mixes channels; OpenColorIO's ACEScc clips negatives of ACES2065-1 on its way."""


def srgb(linear: np.ndarray) -> np.ndarray:
    """IEC 61966-2-1, its line going on below 0."""
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * np.maximum(linear, 0.0031308) ** (1 / 2.4) - 0.055)


def log_c3(code: np.ndarray) -> np.ndarray:
    """ARRI, "ALEXA LogC Curve" (2011), EI 800."""
    return np.where(
        code > 0.1496582, (10 ** ((code - 0.385537) / 0.247190) - 0.052272) / 5.555556, (code - 0.092809) / 5.367655
    )


def s_log3(code: np.ndarray) -> np.ndarray:
    """Sony, "Technical Summary for S-Gamut3.Cine/S-Log3"."""
    toe = (code * 1023 - 95) * 0.01125 / (171.2102946929 - 95)
    return np.where(code >= 171.2102946929 / 1023, 10 ** ((code * 1023 - 420) / 261.5) * 0.19 - 0.01, toe)


def pq(code: np.ndarray) -> np.ndarray:
    """SMPTE ST 2084, in units of 100 cd/m2."""
    power = code ** (32 / 2523)
    light = np.maximum(power - 3424 / 4096, 0) / (2413 / 128 - 2392 / 128 * power)
    return 100 * light ** (8192 / 1305)


def hlg(code: np.ndarray) -> np.ndarray:
    """ITU-R BT.2100 HLG at 1000 cd/m2 (system gamma 1.2), grey, in units of 100 cd/m2."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(code <= 0.5, code**2 / 3, (np.exp((code - c) / a) + b) / 12)
    return 10 * scene**1.2


FORMULAS = {
    "Rec.1886 Rec.709 - Display": lambda code: code**2.4,
    "sRGB Encoded Rec.709 (sRGB)": lambda code: np.where(
        code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4
    ),
    "Gamma 2.2 Encoded Rec.709": lambda code: code**2.2,
    "P3-DCI - Display": lambda code: code**2.6,
    "ARRI LogC3 (EI800)": log_c3,
    "S-Log3 S-Gamut3.Cine": s_log3,
    "Rec.2100-PQ - Display": pq,
    "Rec.2100-HLG - Display": hlg,
}


@pytest.fixture(scope="module")
def colours() -> dict[str, Colour]:
    return {name: Colour(name) for name in known_spaces() if name not in MIXED}


def pixels(low: float, high: float) -> st.SearchStrategy[np.ndarray]:
    values = st.floats(low, high, width=32, allow_subnormal=False)
    return hnp.arrays(np.float32, st.tuples(st.integers(1, 40), st.just(3)), elements=values)


@pytest.mark.parametrize(("name", "linear"), OWN_LINEAR.items())
def test_linear_is_in_the_plates_own_primaries(colours, name, linear):
    assert colours[name].linear_name == linear


@pytest.mark.parametrize("name", FORMULAS)
def test_table_is_the_published_curve(colours, name):
    table = colours[name].table()
    assert (table.shape, table.dtype) == ((65536,), np.float32)
    expected = FORMULAS[name](CODES)
    np.testing.assert_allclose(table, expected, rtol=2e-4, atol=2e-6 * max(1, expected.max()))


@pytest.mark.parametrize(
    ("name", "gamma"),
    [("Rec.1886 Rec.709 - Display", 2.4), ("Gamma 2.2 Encoded Rec.709", 2.2), ("P3-DCI - Display", 2.6)],
)
def test_a_power_is_a_power(colours, name, gamma):
    """No constant of theirs is rounded, so only float32's rounding is left."""
    np.testing.assert_allclose(colours[name].table(), CODES**gamma, rtol=2e-6, atol=1e-9)


@pytest.mark.parametrize("name", [name for name, linear in OWN_LINEAR.items() if linear and name not in UNLIKE])
def test_to_linear_is_what_openimageio_converts(colours, name):
    code = ramp(0.1, 0.9)
    expected = convert(code, name, OWN_LINEAR[name])
    np.testing.assert_allclose(colours[name].to_linear(code), expected, rtol=3e-4, atol=3e-5 * np.abs(expected).max())


def test_hlg_greys_are_openimageios_and_channels_stay_apart(colours):
    grey = np.repeat(np.linspace(0.05, 1, 200, dtype=np.float32)[:, None], 3, axis=1)
    expected = convert(grey, "Rec.2100-HLG - Display", "Linear Rec.2020")
    np.testing.assert_allclose(colours["Rec.2100-HLG - Display"].to_linear(grey), expected, rtol=3e-4)
    red = grey.copy()
    red[:, 0] = 0.5
    moved = colours["Rec.2100-HLG - Display"].to_linear(red)
    assert np.array_equal(moved[:, 1:], colours["Rec.2100-HLG - Display"].to_linear(grey)[:, 1:])


def test_a_space_mixes_where_one_code_moves_openimageios_other_channels(colours):
    grey = np.full((3, 3), 0.5, np.float32)
    moved = grey - 0.1 * np.eye(3, dtype=np.float32)
    for name, colour in colours.items():
        if colour.linear_name is None:
            assert not colour.mixes, name
            continue
        still, change = (convert(code, name, colour.linear_name) for code in (grey, moved))
        others = np.abs(change / still - 1)[~np.eye(3, dtype=bool)].max()
        assert colour.mixes == (others > 1e-3), f"{name}: {others}"
    assert [name for name, colour in colours.items() if colour.mixes] == ["Rec.2100-HLG - Display"]


def test_to_linear_between_codes_is_the_curve(colours):
    code = ramp(0, 1)
    expected = convert(code, "ARRI LogC3 (EI800)", "Linear ARRI Wide Gamut 3")
    np.testing.assert_allclose(colours["ARRI LogC3 (EI800)"].to_linear(code), expected, rtol=1e-4, atol=1e-5)


def test_table_and_to_linear_agree_to_the_bit(colours):
    for name, colour in colours.items():
        codes = np.repeat(CODES.astype(np.float32)[::37, None], 3, axis=1)
        assert np.array_equal(colour.to_linear(codes)[:, 1], colour.table()[::37]), name


def test_every_curve_rises_and_has_its_inverse(colours):
    code = ramp(-0.5, 1.5)
    for name, colour in colours.items():
        assert (np.diff(colour.table().astype(np.float64)) >= 0).all(), name
        back = colour.from_linear(colour.to_linear(code))
        np.testing.assert_allclose(back, code, rtol=3e-6, atol=3e-6, err_msg=name)


@given(code=pixels(-2, 3))
@settings(max_examples=40, deadline=None)
@pytest.mark.parametrize("name", ["Rec.1886 Rec.709 - Display", "ARRI LogC3 (EI800)", "ACEScct"])
def test_codes_survive_the_way_to_linear_and_back(colours, name, code):
    back = colours[name].from_linear(colours[name].to_linear(code))
    np.testing.assert_allclose(back, code, rtol=2e-6, atol=2e-6)


@given(rgb=pixels(-64, 65504))
@settings(max_examples=60, deadline=None)
@pytest.mark.parametrize(
    "name", ["Linear Rec.709 (sRGB)", "ACEScg", "Linear ARRI Wide Gamut 3", "Rec.2100-PQ - Display"]
)
def test_linear_survives_the_way_to_the_models_encoding_and_back(colours, name, rgb):
    back = colours[name].decode(colours[name].encode(rgb))
    largest = np.abs(rgb).max(axis=1, keepdims=True) + 1e-6
    assert (np.abs(back - rgb) / largest).max() < 4e-6


def test_encoding_is_srgb_for_rec709(colours):
    linear = np.concatenate([ramp(-0.5, 1.5), ramp(-0.01, 0.01), ramp(1, 60000)])
    encoded = colours["Linear Rec.709 (sRGB)"].encode(linear)
    expected, bright = srgb(linear.astype(np.float64)), linear > 0.0031308
    np.testing.assert_allclose(encoded[bright], expected[bright], rtol=2e-6)
    np.testing.assert_allclose(encoded[~bright], expected[~bright], rtol=3e-4)
    ends = colours["Linear Rec.709 (sRGB)"].encode(np.array([[0, 1, 0.0031308]], np.float32))
    np.testing.assert_allclose(ends, [[0, 1, 0.0404499]], atol=3e-7)
    assert ends[0, 0] == 0


@pytest.mark.parametrize(
    "name", ["ACEScg", "ACES2065-1", "Linear ARRI Wide Gamut 3", "Linear Rec.2020", "Linear P3-D65"]
)
def test_encoding_is_what_openimageio_converts(colours, name):
    linear = np.concatenate([ramp(0, 1), ramp(0, 20)])
    expected = convert(linear, name, "sRGB Encoded Rec.709 (sRGB)")
    np.testing.assert_allclose(colours[name].encode(linear), expected, rtol=1e-4, atol=2e-4)


def test_diffuse_white_of_hdr_video_is_white_to_the_model(colours):
    """203 cd/m2 (BT.2408): PQ code 58.1 %, HLG 75 %."""
    for name, white in (("Rec.2100-PQ - Display", 0.5807), ("Rec.2100-HLG - Display", 0.75)):
        linear = colours[name].to_linear(np.full((1, 3), white, np.float32))
        np.testing.assert_allclose(linear, 2.03, atol=0.01)
        np.testing.assert_allclose(colours[name].encode(linear), 1, atol=3e-3)


@pytest.mark.parametrize("name", ["Linear Rec.709 (sRGB)", "ACEScg", "CIE XYZ-D65 - Display-referred"])
def test_a_linear_plate_is_not_touched_at_all(colours, name):
    assert colours[name].linear
    rgb = ramp(-1, 5)
    assert colours[name].to_linear(rgb) is rgb
    assert colours[name].from_linear(rgb) is rgb
    assert np.array_equal(colours[name].table(), CODES.astype(np.float32))


@pytest.mark.parametrize("method", ["to_linear", "from_linear", "encode", "decode", "to_sdr8"])
def test_a_pixel_depends_on_itself_alone(colours, method):
    """A pixel's bits do not depend on its place or its neighbours, NaN and Inf included."""
    work = getattr(colours["ARRI LogC3 (EI800)"], method)
    picture = ramp(-0.2, 1.2, 61 * 83).reshape(61, 83, 3)
    whole = work(picture)
    assert whole.shape == picture.shape
    for j, i in ((0, 0), (17, 5), (60, 82)):
        assert np.array_equal(work(picture[j : j + 1, i : i + 1]), whole[j : j + 1, i : i + 1])
    assert np.array_equal(work(picture[3:20, 7:60]), whole[3:20, 7:60])
    spoilt = picture.copy()
    spoilt[30, 40] = np.nan, np.inf, -np.inf
    after = work(spoilt)
    after[30, 40] = whole[30, 40]
    assert np.array_equal(after, whole)


def test_nan_and_infinity_stay_themselves_in_linear_and_are_finite_to_the_model(colours):
    odd = np.array([[np.nan, np.inf, -np.inf]], np.float32)
    for name in ("Rec.1886 Rec.709 - Display", "ARRI LogC3 (EI800)"):
        assert np.array_equal(colours[name].to_linear(odd), odd, equal_nan=True)
        assert np.array_equal(colours[name].from_linear(odd), odd, equal_nan=True)
    for name in ("ACEScg", "Linear Rec.709 (sRGB)"):
        encoded = colours[name].encode(odd)
        assert np.isfinite(encoded).all()
        assert np.isfinite(colours[name].decode(encoded)).all()


def test_sdr8_is_rounded_clipped_srgb(colours):
    linear = ramp(-0.2, 1.3, 20000)
    for name in ("Linear Rec.709 (sRGB)", "ACEScg"):
        exact = np.clip(convert(linear, name, "sRGB Encoded Rec.709 (sRGB)").astype(np.float64), 0, 1) * 255
        found = colours[name].to_sdr8(linear.reshape(100, 200, 3))
        assert (found.dtype, found.shape) == (np.uint8, (100, 200, 3))
        assert np.abs(found.reshape(-1, 3) - exact).max() < 0.56
    odd = np.array([[[np.nan, 0.5, np.inf], [-np.inf, 2, -1]]], np.float32)
    assert colours["Linear Rec.709 (sRGB)"].to_sdr8(odd).tolist() == [[[0, 188, 255], [0, 255, 0]]]


def test_every_level_of_a_graded_picture_comes_back_as_it_was(colours):
    """An 8-bit sRGB picture taken to linear and shown again is itself."""
    levels = np.arange(256, dtype=np.float32)[:, None].repeat(3, axis=1)[None] / 255
    colour = colours["sRGB Encoded Rec.709 (sRGB)"]
    assert np.array_equal(colour.to_sdr8(colour.to_linear(levels))[0, :, 0], np.arange(256))


def test_threads_share_a_colour(colours):
    colour, picture = colours["ACEScct"], ramp(0, 1, 200000)
    expected = colour.encode(colour.to_linear(picture))
    found: list[np.ndarray] = []
    threads = [
        threading.Thread(target=lambda: found.append(colour.encode(colour.to_linear(picture)))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert all(np.array_equal(other, expected) for other in found)


def test_empty_pictures_pass(colours):
    nothing = np.zeros((0, 5, 3), np.float32)
    for method in ("to_linear", "from_linear", "encode", "decode", "to_sdr8"):
        assert getattr(colours["ACEScct"], method)(nothing).shape == (0, 5, 3)


@pytest.mark.parametrize(
    "name",
    ["ARRI LogC3 (EI800)", "ARRI LogC4", "S-Log3 S-Gamut3", "ACEScct", "V-Log V-Gamut", "sRGB Encoded Rec.709 (sRGB)"],
)
def test_ringing_below_0_and_above_1_is_opencolorios_own(name):
    import PyOpenColorIO as Ocio

    colour = Colour(name)
    config = Ocio.Config.CreateFromBuiltinConfig(BUILTIN)
    processor = config.getProcessor(name, colour.linear_name)
    codes = np.array([-2, -1, -0.5, -0.2, -0.1, -0.01, 1.1, 1.5, 3], np.float32)
    truth = np.repeat(codes[:, None], 3, 1)
    processor.getOptimizedCPUProcessor(Ocio.OPTIMIZATION_LOSSLESS).applyRGB(truth)
    got = colour.to_linear(np.repeat(codes[:, None], 3, 1))
    np.testing.assert_allclose(got, truth, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(colour.from_linear(got)[:, 0], codes, rtol=1e-5, atol=1e-5)


def test_a_config_whose_lut_is_missing_is_named_only_where_it_is_used(tmp_path):
    config = tmp_path / "show.ocio"
    config.write_text(config_with_lut("${SHOT_LUTS}/camera.spi1d"))
    assert Colour("ACES2065-1", config).linear
    with pytest.raises(ShotError, match=r"\"camera\" cannot be used.*camera\.spi1d.*; restore the file"):
        Colour("camera", config)
