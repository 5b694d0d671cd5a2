"""The hair's matte on portraits whose heads are known: what is hair, and what only looks like it."""

from functools import cache

import numpy as np
import pytest

from vfxage.lab.portraits import crop_portrait, scan_portraits


@pytest.fixture(scope="module")
def hair(portraits, ager):
    """The hair's matte of a portrait, by the set and the start of its file's name, and its landmarks."""

    @cache
    def find(which, name):
        one = next(item for item in scan_portraits(portraits / which).portraits if item.path.stem.startswith(name))
        crop = crop_portrait(one, ager.framing, 512, (40.0, 60.0))
        return ager.hair(crop), crop.points

    return find


def _around(matte, points, mark, across, down, size=12):
    """The mean of the matte beside a landmark; distances are shares of the face's height."""
    height = np.hypot(*(points[10] - points[152]))
    x, y = (points[mark] + height * np.array([across, down])).round().astype(int)
    return float(matte[max(y - size, 0) : y + size, max(x - size, 0) : x + size].mean())


@pytest.mark.parametrize(
    ("which", "name", "across", "down"),
    [("civil", "con2_R000585", -0.35, 0.05), ("civil", "con2_J000294", 0.35, 0.05), ("eval", "lon_021", -0.3, 0.0)],
)
def test_a_bald_or_shaved_scalp_is_no_hair_though_it_lies_in_shade(hair, which, name, across, down):
    matte, points = hair(which, name)
    assert _around(matte, points, 10, across, down) < 0.15
    assert _around(matte, points, 10, 0.0, -0.06) < 0.1


@pytest.mark.parametrize(("which", "name"), [("eval", "lon_024"), ("eval", "lon_129"), ("civil", "con2_M001188")])
def test_hair_above_the_forehead_is_hair(hair, which, name):
    matte, points = hair(which, name)
    assert _around(matte, points, 10, 0.0, -0.13) > 0.4


def test_a_flag_behind_the_head_is_no_hair(hair):
    matte, points = hair("civil", "con2_E000179")
    height = np.hypot(*(points[10] - points[152]))
    behind = matte[: int(points[152, 1]), : int(points[:, 0].min() - 0.25 * height)]
    assert behind.mean() < 0.02


def test_long_hair_is_hair_below_the_ears_too(hair):
    matte, points = hair("eval", "lon_120")
    assert _around(matte, points, 454, 0.03, 0.30, 8) > 0.5
    assert _around(matte, points, 234, -0.02, 0.45, 8) > 0.5


@pytest.mark.parametrize(("mark", "across"), [(234, -0.12), (454, 0.08)])
def test_brown_locks_over_both_ears_are_hair(hair, mark, across):
    """They have the colour of skin in shade, and hide the ears wholly."""
    matte, points = hair("clerk", "clk_H001086")
    assert _around(matte, points, mark, across, 0.0, 10) > 0.75


def test_red_hair_in_shade_is_hair_and_a_red_collar_is_none(hair):
    matte, points = hair("civil", "con2_H001069")
    assert _around(matte, points, 234, -0.14, -0.02, 9) > 0.4  # a part of this square is backdrop
    assert _around(matte, points, 152, -0.35, 0.05, 10) < 0.02


@pytest.mark.parametrize("name", ["lon_024", "lon_136"])
def test_ears_are_no_hair(hair, name):
    matte, points = hair("eval", name)
    for mark, across in ((234, -0.05), (454, 0.05)):
        assert _around(matte, points, mark, across, 0.02, 8) < 0.1, mark


def test_a_scarf_that_goes_on_under_the_chin_is_no_hair(hair):
    """A spot of it at the side may be taken for hair."""
    matte, points = hair("clerk", "clk_O000173")
    assert (matte > 0.5).mean() < 0.03
    assert _around(matte, points, 10, 0.0, -0.13) < 0.02


def test_braids_in_the_light_of_a_blue_backdrop_are_hair(hair):
    matte, points = hair("clerk", "clk_L000602")
    assert _around(matte, points, 454, 0.10, 0.0, 16) > 0.8
    assert _around(matte, points, 234, -0.10, 0.0, 16) > 0.8


def test_fair_locks_over_an_ear_are_hair(hair):
    matte, points = hair("civil", "con2_L000580")
    assert _around(matte, points, 454, 0.12, 0.0, 8) > 0.5


def test_brown_hair_in_the_light_is_hair_on_both_sides(hair):
    """Its lit side has the colour and brightness of skin in shade, and the strands of hair."""
    matte, points = hair("civil", "con2_R000598")
    for across in (-0.33, -0.2, 0.2):
        assert _around(matte, points, 10, across, -0.12) > 0.8, across


@pytest.mark.parametrize(("name", "bearded"), [("clk_G000551", True), ("clk_I000058", True), ("clk_E000296", False)])
def test_a_grey_beard_is_one_beside_an_old_cheek_or_behind_spectacles(portraits, ager, name, bearded):
    """Folds and rims make the cheeks nearly as rough as the beard; a shaved chin in shade is rougher than they are."""
    one = next(item for item in scan_portraits(portraits / "clerk").portraits if item.path.stem.startswith(name))
    share = float(ager.study([crop_portrait(one, ager.framing, 512, (60.0, 60.0))])["bearded"][0])
    assert share > 0.9 if bearded else share < 0.1
