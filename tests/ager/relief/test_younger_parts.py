"""The parts of the younger step on drawn skin, whose valleys, lines, and pores are known exactly."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from vfxage.ager.relief.mean_face import load_mean_face
from vfxage.ager.relief.mesh import CANON
from vfxage.ager.relief.younger.fine_lines import fine_band
from vfxage.ager.relief.younger.ground import Ground
from vfxage.ager.relief.younger.healing import healed
from vfxage.ager.relief.younger.lifting import eyes_open, lift_field, lifted
from vfxage.ager.relief.younger.pores import matched, pore_sheet
from vfxage.ager.relief.younger.settings import Settings
from vfxage.ager.relief.younger.valleys import Filling, filled, softened, without_crests

SETTINGS = Settings()
SIDE = 160
EVERYWHERE = np.ones((SIDE // 2, SIDE // 2), np.float32)
ZONES = ("narrow", "middle", "broad", "relief", "within")
NOWHERE = ("groove", "smile", "around_lips", "under", "jaw", "cut")


@pytest.fixture
def ground():
    """Skin everywhere, with this log luma on the half grid; one canonical pixel is one pixel of it."""

    def make(level, smile=0.0):
        level = np.ascontiguousarray(level, np.float32)
        ones, zeros = np.ones_like(level), np.zeros_like(level)
        zone = {name: ones.copy() for name in ZONES} | {name: zeros.copy() for name in NOWHERE}
        return Ground(
            level=level, walled=level.copy(), inside=ones.copy(), skin=ones.copy(), away=ones.copy(), matt=ones.copy(),
            apart=ones.copy(), bare=ones.copy(), eased=ones.copy(), clear=ones.copy(),
            beyond=zeros.copy(), zone=zone, pixel=1.0, smile=smile, saturation=1.0,
        )  # fmt: skip

    return make


def _deep_fold(ground):
    """The shadow of a broad smile's fold: dark, wide, with no bare skin in it."""
    skin = ground(_slope() + _valley(1.3, 6.0), smile=1.0)
    dark = skin.level < _slope() - 0.3
    return replace(
        skin, bare=np.where(dark, 0, 1).astype(np.float32), zone=skin.zone | {"cut": np.ones_like(skin.level)}
    )


def _slope():
    across, _ = np.meshgrid(np.linspace(-0.8, -0.4, SIDE), np.arange(SIDE))
    return across.astype(np.float32)


def _valley(depth, sigma):
    across = np.arange(SIDE, dtype=np.float32) - SIDE / 2
    return np.broadcast_to(-depth * np.exp(-np.square(across / sigma) / 2), (SIDE, SIDE)).astype(np.float32)


def _fill(ground):
    return filled(ground, np.zeros_like(ground.level), 0.0, SETTINGS.closing)


def _nothing(ground):
    return Filling(**dict.fromkeys(("fill", "narrow", "lines", "deep"), np.zeros_like(ground.level)))


def _inner(image, border=30):
    return image[border:-border, border:-border]


def test_even_skin_under_a_slope_of_light_is_left_alone(ground):
    skin = ground(_slope())
    filling = _fill(skin)
    change = softened(skin, filling, np.zeros((SIDE, SIDE, 3), np.float32), SETTINGS.softening)
    assert np.abs(_inner(filling.fill)).max() < 0.01
    assert np.abs(_inner(change, 50)).max() < 0.01


def test_the_deep_shadow_of_a_fold_is_eased_from_rim_to_floor(ground):
    skin = _deep_fold(ground)
    left = (_slope() - skin.level - _fill(skin).fill)[SIDE // 2, SIDE // 2 - 16 : SIDE // 2 + 1]
    assert 0.15 < left[-1] < 0.5  # the floor of 1.3 is lifted by more than a stop, and stays a shadow
    assert (np.diff(left) > -0.03).all()  # it falls from rim to floor: no dark core within a filled rim
    assert np.diff(left).max() < 0.12  # and its border is as soft as before


@pytest.mark.parametrize("sigma", [1.0, 2.0, 4.0])
def test_a_valley_is_filled_whatever_its_width(ground, sigma):
    skin = ground(_slope() + _valley(0.25, sigma))
    after = skin.level + _fill(skin).fill
    left = np.median((after - _slope())[40:-40, SIDE // 2])
    assert -0.25 * 0.35 < left < 0.05


def test_skin_beside_a_valley_gets_no_halo(ground):
    change = _fill(ground(_slope() + _valley(0.25, 1.5))).fill
    beside = np.abs(np.arange(SIDE) - SIDE / 2) > 14
    assert np.abs(_inner(change)[:, beside[30:-30]]).max() < 0.035


def test_filling_never_darkens(ground):
    noise = cv2.GaussianBlur(np.random.default_rng(3).normal(0, 1, (SIDE, SIDE)).astype(np.float32), (0, 0), 2)
    skin = ground(_slope() + 0.3 * noise)
    filling = _fill(skin)
    assert filling.fill.min() >= 0
    change = softened(skin, filling, np.zeros((SIDE, SIDE, 3), np.float32), SETTINGS.softening)
    assert change.min() > -0.25


def test_the_shadow_of_a_hard_light_stays(ground):
    """A shadow that a nose throws is several times deeper than a fold that is as wide; lifted it is a grey patch."""
    lifted = {}
    for depth in (0.15, 1.0):
        skin = ground(_slope() + _valley(depth, 10.0))
        fill = softened(skin, _nothing(skin), np.zeros((SIDE, SIDE, 3), np.float32), SETTINGS.softening)
        lifted[depth] = fill[SIDE // 2, SIDE // 2]
    assert lifted[0.15] > 0.08
    assert lifted[1.0] < 0.18, "0.25 if it were lifted as a fold is"


def test_a_valley_that_is_filled_twice_does_not_shine(ground):
    skin = ground(_slope() + _valley(0.2, 4.0))
    own = -_valley(0.2, 4.0)
    twice = without_crests(skin, np.asarray(2 * own, np.float32), SETTINGS.closing)
    height = _inner(skin.level + twice - _slope())
    assert height.max() < 0.12, "0.2 without the bound"
    once = without_crests(skin, np.asarray(0.9 * own, np.float32), SETTINGS.closing)
    assert np.abs(once - 0.9 * own).max() < 0.01, "a valley that is not filled wholly is filled as it was"


def test_a_smile_keeps_more_of_its_folds(ground):
    def depth(smile):
        skin = ground(_slope() + _valley(0.25, 3.0), smile)
        zone = dict(skin.zone) | {"smile": np.ones_like(skin.level)}
        return np.median(_fill(replace(skin, zone=zone)).fill[40:-40, SIDE // 2])

    assert depth(1.0) < 0.85 * depth(0.0)


def test_a_deep_opening_is_filled_less_than_a_fold(ground):
    shares = [np.median(_fill(ground(_slope() + _valley(d, 2.0))).fill[40:-40, SIDE // 2]) / d for d in (0.2, 1.5)]
    assert shares[1] < 0.5 * shares[0]


def test_blur_of_the_plate_does_not_weaken_the_filling(ground):
    """Where only lines count, a line through a blur is wider and shallower: its area is what must be filled."""

    def area(level, blur):
        skin = ground(level)
        zone = dict(skin.zone) | {name: np.zeros_like(level) for name in ("middle", "broad", "within")}
        lines = replace(skin, zone=zone)
        return filled(lines, np.zeros_like(level), blur, SETTINGS.closing).fill[SIDE // 2].sum()

    sharp = np.ascontiguousarray(_valley(0.25, 1.2))
    soft = cv2.GaussianBlur(sharp, (0, 0), 3.0)
    assert area(soft, 3.0) == pytest.approx(area(sharp, 0.0), rel=0.3)
    assert area(soft, 0.0) < 0.6 * area(sharp, 0.0)


def _energy(image):
    return float(np.square(_inner(image)).mean())


def test_lines_are_told_from_pores():
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    stripes = 0.05 * np.sin(2 * np.pi * (0.8 * x + 0.6 * y) / 4.5).astype(np.float32)
    noise = np.random.default_rng(5).normal(0, 0.05, (SIDE, SIDE)).astype(np.float32)
    pores = np.asarray(cv2.GaussianBlur(noise, (0, 0), 0.7), np.float32)
    lines, dots = (fine_band(image, EVERYWHERE, 1.0, SETTINGS.fine_lines) for image in (stripes, pores))
    assert _energy(lines.whole - lines.lines) < 0.35 * _energy(lines.whole)
    assert _energy(dots.whole - dots.lines) > 0.85 * _energy(dots.whole)


def test_a_line_in_any_direction_is_a_line():
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    for turn in np.radians(range(0, 180, 15)):
        stripes = 0.05 * np.sin(2 * np.pi * (np.cos(turn) * x + np.sin(turn) * y) / 4.5)
        band = fine_band(stripes.astype(np.float32), EVERYWHERE, 1.0, SETTINGS.fine_lines)
        assert _energy(band.whole - band.lines) < 0.4 * _energy(band.whole), f"at {np.degrees(turn):.0f} degrees"


def _filled_face(ground, dark):
    """Skin darker by ``dark`` (SIDE, SIDE), as if it was filled; and healed: its log luma, and its red over blue."""
    noise = np.random.default_rng(8).normal(0, 0.02, (SIDE, SIDE)).astype(np.float32)
    level = np.asarray(noise - dark, np.float32)
    orange = np.multiply.outer(dark, np.array([0.3, 0.0, -0.3])).astype(np.float32)
    log = cv2.merge([level + 0.2, level, level - 0.2]) + orange
    skin = replace(ground(np.zeros((SIDE // 2, SIDE // 2))), pixel=0.5)
    band = fine_band(level, EVERYWHERE, 1.0, SETTINGS.fine_lines)
    after = log + healed(log, band.sure, skin, 0.1 * EVERYWHERE, SETTINGS.healing).log
    return level, after[..., 1], after[..., 0] - after[..., 2]


@pytest.mark.parametrize("sign", [1, -1], ids=["cut", "ridge"])
def test_a_sharp_bent_line_in_a_filled_fold_is_healed(ground, sign):
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    bend = 60 + 12 * np.sin(y / 25)
    line = np.exp(-np.square((x - bend) / 1.0) / 2)
    before, after, red = _filled_face(ground, sign * 0.3 * line)
    rows = np.arange(30, 130)
    places = rows, np.round(bend[rows, 0]).astype(int)
    assert np.abs(np.median(before[places])) > 0.25
    assert np.abs(np.median(after[places])) < (0.08 if sign > 0 else 0.24), "a ridge is lowered less: skin stays light"
    if sign > 0:
        assert np.median(red[places]) == pytest.approx(0.4, abs=0.06), "its colour is that of the skin beside"
    assert np.abs(after[:, 90:] - before[:, 90:]).mean() < 0.004, "skin beside keeps its pores"


def test_a_mole_in_a_filled_fold_stays(ground):
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    mole = 0.3 * np.exp(-(np.square(x - 80) + np.square(y - 80)) / (2 * 1.5**2))
    _, after, _ = _filled_face(ground, mole)
    assert after[80, 80] < -0.15


def test_a_filled_fold_gets_the_texture_of_the_skin_beside_it(ground):
    full = 2 * SIDE
    noise = np.random.default_rng(6).normal(0, 0.03, (full, full)).astype(np.float32)
    skin = cv2.GaussianBlur(noise, (0, 0), 0.8) - cv2.GaussianBlur(noise, (0, 0), 2.5)
    fold = np.zeros((full, full), bool)
    fold[:, full // 2 - 14 : full // 2 + 14] = True
    left = np.where(fold, 0.2 * skin, skin).astype(np.float32)
    touched = np.asarray(cv2.resize(fold.astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.float32)
    sheet = pore_sheet()[:full, :full]
    after = left + matched(ground(np.zeros((SIDE, SIDE))), left, touched, sheet, SETTINGS.pores)
    middle = np.s_[40:-40, full // 2 - 8 : full // 2 + 8]
    assert left[middle].std() < 0.3 * skin.std()
    assert 0.7 * skin.std() < after[middle].std() < 1.15 * skin.std()
    beside = np.s_[40:-40, 40 : full // 2 - 40]
    assert np.abs(after[beside] - left[beside]).max() < 0.1 * skin.std()


def test_skin_far_from_any_untouched_skin_gets_the_texture_of_the_rest_of_the_face(ground):
    """Crow's feet and cheek ironed as one: too few pores there read as airbrushed skin."""
    full = 2 * SIDE
    skin = np.random.default_rng(11).normal(0, 0.03, (full, full)).astype(np.float32)
    ironed = np.arange(full) >= 60
    left = np.where(ironed, 0.2 * skin, skin).astype(np.float32)
    touched = np.repeat(ironed[::2].astype(np.float32)[None], SIDE, axis=0)
    after = left + matched(ground(np.zeros((SIDE, SIDE))), left, touched, pore_sheet()[:full, :full], SETTINGS.pores)
    assert 0.7 * skin.std() < after[40:-40, -100:-40].std() < 1.15 * skin.std()


# ---- hair ----------------------------------------------------------------------------------------------------------


# ---- movement ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mean():
    return load_mean_face().mean


def test_the_face_is_lifted_evenly_and_keeps_its_crown_and_chin(mean):
    field = lift_field(mean)
    assert np.abs(field[:, ::-1, 1] - field[:, :, 1]).max() < 0.6
    assert np.abs(field[:, ::-1, 0] + field[:, :, 0]).max() < 0.6

    def at(mark):
        x, y = (mean[mark] / 2).astype(int)
        return field[y, x]

    for mark in (10, 152, 234, 454):
        assert np.abs(at(mark)).max() < 0.5
    for mark in (225, 445, 61, 291):
        assert at(mark)[1] < -1, "hoods and the corners of the mouth rise"
    for mark in (105, 334, 66, 296):
        assert abs(at(mark)[1]) < 1, "brows hardly move: lifted, they look surprised"
    assert at(150)[0] > 0.5 > -0.5 > at(379)[0], "the jowls go in"


def test_a_blink_stays_shut(mean):
    shut = mean.copy()
    for top, low in ((159, 145), (386, 374)):
        shut[top] = shut[low] + (0, -0.5)
    assert eyes_open(mean) > 0.6
    assert eyes_open(shut) == 0
    field, mesh = lift_field(mean), load_mean_face().mesh
    rises = []
    for points in (mean, shut):
        flow = lifted(points, mean, field, mesh.chart(points, CANON), 1.0)
        window = mesh.chart(points, CANON).window
        x, y = ((points[159] - (window.x, window.y)) / 2).astype(int)
        rises.append(-flow[y, x, 1])
    assert rises[0] > rises[1] + 0.3
