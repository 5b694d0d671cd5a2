"""A whole face made younger, on real portraits: what changes, what stays, and how surely."""

from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest

from vfxage.ager.prototype.ager import smile_of
from vfxage.ager.prototype.data import load_prototype, shipped
from vfxage.ager.prototype.sight import canonical_pixels, grow, see
from vfxage.ager.relief.younger.change import YoungCrop, YoungFace, applied, strength, younger
from vfxage.ager.relief.younger.ground import Worn
from vfxage.ager.relief.younger.settings import Settings
from vfxage.geometry import crop_transform, invert, map_points, warp_to_crop
from vfxage.types import Framing, Window

SETTINGS = Settings()
SIZE = 512
OLD = {"con2_D000628": "civil", "con2_N000179": "civil", "clk_W000187": "clerk", "con2_C000714": "civil"}
"""People of 64 to 84: men and women, light and dark skin."""
THIRTY_YEARS = -0.85
"""Change of wear from 70 years to 40."""


@pytest.fixture(scope="module")
def prototype():
    return load_prototype(shipped())


@pytest.fixture(scope="module")
def young_face(prototype):
    return YoungFace.of(prototype.mean, prototype.young)


@pytest.fixture(scope="module")
def crops(prototype, portraits):
    made = {}
    for name, folder in OLD.items():
        picture = cv2.imread(str(next((portraits / folder).rglob(f"{name}.*"))))[..., ::-1]
        with np.load(portraits / folder / "landmarks.npz") as landmarks:
            points = landmarks[name].astype(np.float32)
        to_frame = crop_transform(points, Framing(name="ffhq"), SIZE)
        picture = np.ascontiguousarray(picture, np.float32) / np.float32(255)
        rgb = np.clip(warp_to_crop(picture, Window(0, 0, *picture.shape[1::-1]), to_frame, SIZE), 0, 1)
        made[name] = _crop(prototype, rgb, map_points(points, invert(to_frame)).astype(np.float32))
    return made


def _crop(prototype, rgb, points):
    chart = prototype.mesh.chart(points, len(rgb))
    seen = np.ascontiguousarray(rgb[chart.window.slices(Window(0, 0, SIZE, SIZE))], np.float32)
    sight = see(seen, chart, prototype, canonical_pixels(points, prototype.mean))
    none = np.zeros_like(sight.bare)
    worn = Worn(hair=none, beard=none, brows=none, person=np.ones_like(none), glasses=none)
    return YoungCrop(rgb=seen, points=points, chart=chart, sight=sight, worn=worn, smile=smile_of(points), softness=0.3)


def _made_younger(crop, face, worn=THIRTY_YEARS, settings=SETTINGS):
    return applied(crop.rgb, younger(crop, face, worn, settings))


def _luma(rgb):
    return rgb @ np.array([0.2126, 0.7152, 0.0722], np.float32)


def _zone(crop, face, name):
    return grow(face.zones.on(crop.chart)[name], crop.rgb.shape)


UNMOVED = replace(SETTINGS, lifting=replace(SETTINGS.lifting, gain=0.0))
"""So that pixels before and after can be compared."""


def test_the_same_crop_gives_the_same_bits(crops, young_face):
    first, second = (younger(crops["con2_D000628"], young_face, THIRTY_YEARS, SETTINGS) for _ in range(2))
    assert first.log.tobytes() == second.log.tobytes()
    assert first.flow.tobytes() == second.flow.tobytes()


@pytest.mark.parametrize("name", ["con2_N000179", "clk_W000187"])
def test_no_years_change_nothing(crops, young_face, name):
    change = younger(crops[name], young_face, 0.0, SETTINGS)
    assert not change.log.any()
    assert not change.flow.any()


def test_the_change_grows_evenly_with_the_years(crops, young_face):
    crop = crops["con2_N000179"]
    wears = np.linspace(0, -1.2, 9)
    steps = [_made_younger(crop, young_face, worn) - crop.rgb for worn in wears]
    sizes = [float(np.abs(step).mean()) for step in steps]
    assert all(later > earlier for earlier, later in pairwise(sizes))
    jumps = [float(np.abs(a - b).mean()) for a, b in pairwise(steps)]
    assert max(jumps) < 2.5 * np.mean(jumps)
    one, other = (younger(crop, young_face, worn, SETTINGS) for worn in (-0.500, -0.501))
    assert np.abs(one.log - other.log).max() < 0.005
    assert np.abs(one.flow - other.flow).max() < 0.02


def test_strength_never_runs_away():
    values = [strength(worn, SETTINGS) for worn in np.linspace(0, -4, 50)]
    assert values[0] == 0
    assert max(values) <= SETTINGS.progress.reach
    assert strength(0.5, SETTINGS) == 0


@pytest.mark.parametrize("name", OLD)
def test_nothing_dark_is_painted_on_skin(crops, young_face, name):
    """Over two pixels and more no skin gets darker, but for the rolls between furrows that are taken back a little."""
    crop = crops[name]
    before, after = (cv2.GaussianBlur(_luma(image), (0, 0), 2.0) for image in
                     (crop.rgb, _made_younger(crop, young_face, settings=UNMOVED)))  # fmt: skip
    darker = before - after
    inside = _zone(crop, young_face, "within") > 0.9
    assert darker[inside].max() < 0.07
    assert np.percentile(darker[inside], 99.5) < 0.045
    assert (after - before)[inside].mean() > 0


@pytest.mark.parametrize("name", OLD)
def test_no_glow_beyond_the_face(crops, young_face, name):
    crop = crops[name]
    step = _made_younger(crop, young_face, settings=UNMOVED) - crop.rgb
    outside = grow(crop.chart.seen, step.shape) == 0
    assert np.abs(step[outside]).max() < 1e-4


@pytest.mark.parametrize("name", OLD)
def test_brows_keep_their_shape_and_tone(crops, young_face, name):
    crop = crops[name]
    step = _luma(_made_younger(crop, young_face, settings=UNMOVED)) - _luma(crop.rgb)
    brows = grow(crop.sight.masks["brows"], step.shape) > 0.9
    assert np.abs(cv2.GaussianBlur(step, (0, 0), 2.0)[brows]).max() < 0.03


@pytest.mark.parametrize("name", OLD)
def test_cheeks_keep_their_pores(crops, young_face, name):
    crop = crops[name]
    after = _made_younger(crop, young_face, settings=UNMOVED)
    cheek = (_zone(crop, young_face, "cheek") > 0.7) & (grow(crop.sight.bare, after.shape) > 0.7)
    kept = _fine(after)[cheek].std() / _fine(crop.rgb)[cheek].std()
    assert 0.65 < kept < 1.05


def _fine(rgb):
    """Log luma finer than a canonical pixel or so."""
    log = np.log(_luma(rgb) + np.float32(0.03))
    return log - cv2.GaussianBlur(log, (0, 0), 1.3)


@pytest.mark.parametrize("name", OLD)
def test_folds_are_filled(crops, young_face, name):
    """The darkest tenth of the skin along folds and pouches comes nearer to the median of the face."""
    crop = crops[name]
    after = _made_younger(crop, young_face, settings=UNMOVED)
    zone = _zone(crop, young_face, "broad") * (1 - _zone(crop, young_face, "around_lips"))
    places = (zone > 0.6) & (_zone(crop, young_face, "within") > 0.9)

    def depth(rgb):
        log = np.log(_luma(rgb) + np.float32(0.03))
        local = (log - cv2.GaussianBlur(log, (0, 0), 16))[places]
        return -np.percentile(local, 10)

    assert depth(after) < 0.72 * depth(crop.rgb)


def test_hair_rims_and_teeth_keep_still(crops, young_face):
    crop = crops["con2_D000628"]
    covered = np.ones_like(crop.worn.hair)
    change = younger(replace(crop, worn=replace(crop.worn, hair=covered)), young_face, THIRTY_YEARS, SETTINGS)
    assert np.abs(change.flow).max() < 1e-3
    moved = younger(crop, young_face, THIRTY_YEARS, SETTINGS).flow
    mouth = young_face.zones.on(crop.chart)["mouth"] > 0.9
    assert np.abs(moved[mouth]).max() < 0.5 * np.abs(moved).max()
    rims = younger(replace(crop, worn=replace(crop.worn, glasses=covered)), young_face, THIRTY_YEARS, SETTINGS)
    skin = grow(crop.sight.masks["texture"], rims.log.shape) > 0.9
    assert np.abs(rims.log[skin]).max() < 2e-3
