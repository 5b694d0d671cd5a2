"""Passes as movies: which values a comp gets, inside the data window and around it."""

import av
import numpy as np
import pytest

from tests.media.movie_outputs import DISPLAY, HEIGHT, WIDTH, clip, codes, destination, psnr, render, scene, written
from tests.media.movies import decoded, planes_of
from vfxage.types import Frame, Render, Window


def test_matte_rides_as_straight_alpha(tmp_path):
    matte = np.tile(np.linspace(0, 1, WIDTH, dtype=np.float32), (HEIGHT, 1))
    where = destination(tmp_path / "a.mov", "prores_4444", ("beauty", "matte"))
    written(where, [render(number, matte=matte) for number in where.numbers])
    frame = decoded(where.path)[1]
    assert frame.format.name == "yuva444p12le"
    np.testing.assert_allclose(planes_of(frame)[3] / 4095, matte, atol=1 / 1023)
    assert psnr(codes(where.path, 12)[1], scene(1002)) > 58  # not darkened by the matte


def test_plate_alpha_is_carried_and_an_image_plate_is_unpremultiplied(tmp_path):
    alpha = np.full((HEIGHT, WIDTH), 0.5, np.float32)
    image = clip(kind="sequence", colorspace="Linear Rec.709 (sRGB)")
    where = destination(tmp_path / "a.mov", "prores_4444", clip=image, alpha=True, numbers=(1001,))
    written(where, [render(1001, beauty=scene(1001) ** np.float32(2.4) * np.float32(0.5), alpha=alpha)])
    np.testing.assert_allclose(planes_of(decoded(where.path)[0])[3] / 4095, 0.5, atol=1 / 1023)
    assert psnr(codes(where.path, 12)[0], scene(1001)) > 58


def test_delta_is_grey_where_nothing_happens_and_half_its_size(tmp_path):
    delta = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    delta[:, 32:64] = 0.25
    delta[:, 64:96] = -0.5
    delta[:, 96:] = 3.0
    where = destination(tmp_path / "a.mov", "prores_4444", ("delta",))
    written(where, [render(number, delta=delta) for number in where.numbers])
    code = codes(where.path, 12)[0]
    for column, level in ((16, 0.5), (48, 0.625), (80, 0.25), (112, 1.0)):
        np.testing.assert_allclose(code[48, column], level, atol=0.002)


@pytest.mark.parametrize(("codec", "suffix"), [("prores_hq", "mov"), ("prores_hq", "mkv"), ("h264", "mp4")])
def test_the_file_itself_says_how_to_undo_a_delta(tmp_path, codec, suffix):
    where = destination(tmp_path / f"a.{suffix}", codec, ("delta",), (1001,))
    delta = np.full((HEIGHT, WIDTH, 3), 0.25, np.float32)
    written(where, [render(1001, delta=delta)])
    with av.open(where.path) as container:
        comment = {key.lower(): value for key, value in container.metadata.items()}["comment"]
    assert "0.5 + delta/2" in comment
    formula = comment.partition("beauty = ")[2]
    pixel = codes(where.path, 8 if codec == "h264" else 10)[0][48, 64, 1]
    assert eval(formula, {"plate": 1.0, "pixel": pixel}) == pytest.approx(1.25, abs=0.01)


def test_lone_matte_is_grey_without_a_curve(tmp_path):
    matte = np.tile(np.linspace(0, 1, WIDTH, dtype=np.float32), (HEIGHT, 1))
    where = destination(tmp_path / "a.mov", "prores_422", ("matte",))
    written(where, [render(number, matte=matte) for number in where.numbers])
    np.testing.assert_allclose(codes(where.path, 10)[0], np.repeat(matte[..., None], 3, axis=2), atol=0.006)


def test_a_linear_plate_gets_a_display_curve_and_rec709(tmp_path):
    linear = np.zeros((HEIGHT, WIDTH, 3), np.float32) + np.float32(0.18)
    linear[:, 64:] = AP1_FROM_709 @ [0.4, 0.1, 0.05]
    linear[0, 0] = np.nan
    plate = clip(kind="sequence", colorspace="ACEScg")
    where = destination(tmp_path / "a.mov", "prores_4444", clip=plate, colorspace="ACEScg", numbers=(1001,))
    written(where, [render(1001, beauty=linear)])
    code = codes(where.path, 12)[0]
    np.testing.assert_allclose(code[40, 20], 0.18 ** (1 / 2.4), atol=0.003)
    np.testing.assert_allclose(code[40, 100], np.array([0.4, 0.1, 0.05]) ** (1 / 2.4), atol=0.004)
    with av.open(where.path) as container:
        assert "ACEScg" in container.metadata["comment"]
        assert container.streams.video[0].codec_context.color_trc == 1


AP1_FROM_709 = np.array(
    [[0.6131324, 0.3395381, 0.0474167], [0.0701244, 0.9163940, 0.0134515], [0.0205877, 0.1095746, 0.8697855]]
)
"""Linear Rec.709 to ACEScg, Bradford-adapted (as published with ACES 1.x)."""


def test_a_data_window_is_placed_on_the_display_window(tmp_path):
    window = Window(-8, 16, 40, 200)
    beauty = np.ones((200, 40, 3), np.float32)
    frame = Frame(number=1001, window=window, rgb=beauty)
    item = Render(frame=frame, beauty=beauty, delta=beauty * 0, matte=beauty[..., 0] * 0)
    where = destination(tmp_path / "a.mov", "prores_4444", numbers=(1001,))
    written(where, [item])
    code = codes(where.path, 12)[0]
    assert code.shape[:2] == (HEIGHT, WIDTH)
    np.testing.assert_allclose(code[24:, :24], 1, atol=0.01)
    assert np.abs(code[:12]).max() < 0.02
    assert np.abs(code[:, 40:]).max() < 0.02


@pytest.mark.parametrize(
    ("passes", "colorspace", "outside"),
    [
        (("delta",), DISPLAY, 0.5),
        (("matte",), DISPLAY, 0.0),
        (("beauty",), DISPLAY, 0.0),
        (("beauty",), "ARRI LogC3 (EI800)", 0.0928),  # ARRI, "LogC Curve": the code of black at EI 800
    ],
)
def test_outside_the_data_window_nothing_changes_and_all_is_black(tmp_path, passes, colorspace, outside):
    window = Window(8, 16, 40, 60)
    ones = np.ones((60, 40, 3), np.float32)
    frame = Frame(number=1001, window=window, rgb=ones)
    item = Render(frame=frame, beauty=ones, delta=ones, matte=np.ones((60, 40), np.float32))
    image = clip(kind="sequence", colorspace=colorspace)
    riding = ("matte",) if passes != ("matte",) else ()
    where = destination(
        tmp_path / "a.mov", "prores_4444", (*passes, *riding), (1001,), clip=image, colorspace=colorspace
    )
    written(where, [item])
    code = codes(where.path, 12)[0]
    for corner in (code[:12], code[84:], code[:, 56:]):
        np.testing.assert_allclose(corner, outside, atol=0.004)
    assert np.all(code[24:68, 16:40] > outside + 0.3)
    if riding:
        matte = planes_of(decoded(where.path)[0])[3]
        assert matte[24:68, 16:40].min() == 4095
        assert matte[:12].max() == matte[:, 56:].max() == 0
