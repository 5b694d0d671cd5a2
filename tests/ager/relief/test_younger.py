"""A whole face made younger, on real portraits: what changes, what stays, and how surely."""

from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest

from vfxage.ager.relief.mattes import Mattes
from vfxage.ager.relief.mean_face import load_mean_face
from vfxage.ager.relief.neck import beyond_areas, beyond_face
from vfxage.ager.relief.skin_view import grow
from vfxage.ager.relief.working import Working
from vfxage.ager.relief.younger.change import strength
from vfxage.ager.relief.younger.settings import Settings
from vfxage.ager.relief.younger.side import YoungerSide
from vfxage.ager.relief.younger.zones import Zones
from vfxage.geometry import crop_transform, invert, map_points, warp_to_crop
from vfxage.types import FaceCrop, Framing, Window

SIZE = 512
AGES = (70.0, 40.0)
AREAS = beyond_areas(load_mean_face().mean)
OLD = {"con2_D000628": "civil", "con2_N000179": "civil", "clk_W000187": "clerk", "con2_C000714": "civil"}
"""People of 64 to 84: men and women, light and dark skin."""


class Plate:
    """One portrait with its crop at any size."""

    def __init__(self, folder, name):
        picture = cv2.imread(str(next(folder.rglob(f"{name}.*"))))[..., ::-1]
        self.picture = np.ascontiguousarray(picture, np.float32) / np.float32(255)
        with np.load(folder / "landmarks.npz") as landmarks:
            self.points = landmarks[name].astype(np.float32)
        self.crops = {}

    def crop(self, side, size=SIZE, ages=AGES):
        """The crop with the study of a shot of one frame, and mattes that show no hair."""
        if size not in self.crops:
            self.crops[size] = self._cut(side, size)
        return replace(self.crops[size], ages=ages)

    def _cut(self, side, size):
        to_frame = crop_transform(self.points, Framing(name="ffhq"), size)
        rgb = warp_to_crop(self.picture, Window(0, 0, *self.picture.shape[1::-1]), to_frame, size)
        crop = FaceCrop(
            face=0,
            name="face0",
            rgb=np.clip(rgb, 0, 1),
            points=map_points(self.points, invert(to_frame)).astype(np.float32),
            matte=np.ones((size, size), np.float32),
            to_frame=to_frame,
            ages=AGES,
            intensity=1.0,
        )
        work = working(crop)
        return replace(crop, study=side.study([(work, bald(len(work.rgb)))]))


def working(crop):
    return Working.of(crop, load_mean_face())


def taken(side, crop, work, mattes):
    return side.step(crop, work, mattes, beyond_face(work, mattes, AREAS))


def bald(size):
    none = np.zeros((size, size), np.float32)
    return Mattes(hair=none, beard=none, brows=none, person=np.ones_like(none))


@pytest.fixture(scope="module")
def side():
    return YoungerSide(load_mean_face())


@pytest.fixture(scope="module")
def still():
    """Moves no skin, so that pixels before and after can be compared."""
    settings = Settings()
    unmoved = replace(settings, lifting=replace(settings.lifting, gain=0.0))
    return YoungerSide(load_mean_face(), unmoved)


@pytest.fixture(scope="module")
def plates(portraits):
    return {name: Plate(portraits / folder, name) for name, folder in OLD.items()}


@pytest.fixture(scope="module")
def zones():
    """Maps of a crop: masks of the portraits' mean face, and zones of the younger step."""
    mean_face = load_mean_face()
    drawn = Zones(mean_face.mean)

    def find(crop, name):
        size = len(crop.rgb)
        chart = mean_face.mesh.chart(crop.points, size)
        found = mean_face.masks.get(name)
        taken = chart.take_half(found) if found is not None else drawn.on(chart)[name]
        image = np.zeros((size, size), np.float32)
        image[chart.window.slices(Window(0, 0, size, size))] = grow(taken, chart.at.shape)
        return image

    return find


@pytest.fixture(scope="module")
def changed(still, plates):
    """Each portrait's crop and its step without movement, 30 years back."""
    made = {}

    def make(name):
        if name not in made:
            crop = plates[name].crop(still)
            made[name] = crop, _step(still, crop)
        return made[name]

    return make


def _step(side, crop, **changes):
    crop = replace(crop, **changes)
    work = working(crop)
    return taken(side, crop, work, bald(len(work.rgb)))


def _luma(rgb):
    return rgb @ np.array([0.2126, 0.7152, 0.0722], np.float32)


@pytest.mark.parametrize("size", [256, 512])
def test_the_same_crop_gives_the_same_bits(side, plates, size):
    crop = plates["con2_D000628"].crop(side, size)
    first, second = (_step(side, crop) for _ in range(2))
    assert first.tobytes() == second.tobytes()
    assert first.any()


@pytest.mark.parametrize("ages", [(70.0, 70.0), (40.0, 70.0)], ids=["equal", "older"])
def test_no_years_back_change_nothing(side, plates, ages):
    assert not _step(side, plates["con2_N000179"].crop(side), ages=ages).any()


def test_the_change_grows_evenly_with_the_years(side, still, plates):
    crop = plates["con2_N000179"].crop(side)
    steps = [_step(still, crop, ages=(75.0, float(age))) for age in range(75, 20, -7)]
    sizes = [float(np.abs(step).mean()) for step in steps]
    assert sizes[0] == 0
    assert all(later > earlier for earlier, later in pairwise(sizes))
    jumps = [float(np.abs(a - b).mean()) for a, b in pairwise(steps)]
    assert max(jumps) < 2.5 * np.mean(jumps)


@pytest.mark.parametrize("age", [74.99, 55.0, 30.0])
def test_a_hundredth_of_a_year_is_no_jump(side, plates, age):
    crop = plates["con2_N000179"].crop(side)
    one, other = (_step(side, crop, ages=(75.0, target)) for target in (age, age + 0.01))
    assert np.abs(one - other).mean() < 1e-4
    assert np.percentile(np.abs(one - other), 99.9) < 0.005


def test_strength_never_runs_away():
    settings = Settings()
    values = [strength(wear_change, settings) for wear_change in np.linspace(0, -4, 50)]
    assert values[0] == 0
    assert max(values) <= settings.progress.reach
    assert strength(0.5, settings) == 0


@pytest.mark.parametrize("name", ["con2_N000179", "con2_C000714"])
def test_a_face_changes_as_much_at_every_size(side, plates, name):
    """Mean change over the face, seen with as many pixels as the smallest crop has."""
    steps = {size: _step(side, plates[name].crop(side, size)) for size in (96, 256, 512, 1024)}
    seen = {size: cv2.resize(step, (96, 96), interpolation=cv2.INTER_AREA) for size, step in steps.items()}
    strengths = {size: float(np.abs(step).mean()) for size, step in seen.items()}
    for size, value in strengths.items():
        assert value == pytest.approx(strengths[512], rel=0.15), f"at {size} pixels"


@pytest.mark.parametrize("name", OLD)
def test_nothing_dark_is_painted_on_skin(changed, zones, name):
    """Over two pixels and more no skin gets darker, but for the rolls between furrows that are taken back a little."""
    crop, step = changed(name)
    step = cv2.GaussianBlur(_luma(step), (0, 0), 2.0)
    bare = (zones(crop, "texture") > 0.9) & (zones(crop, "brows") < 0.05) & (zones(crop, "eyes") < 0.05)
    assert step[bare].min() > -0.07
    assert np.percentile(step[bare], 0.5) > -0.045
    assert step[bare].mean() > 0


@pytest.mark.parametrize("name", OLD)
def test_brows_keep_their_shape_and_tone(changed, zones, name):
    crop, step = changed(name)
    step = cv2.GaussianBlur(_luma(step), (0, 0), 2.0)
    assert np.abs(step[zones(crop, "brows") > 0.9]).max() < 0.05


@pytest.mark.parametrize("name", OLD)
def test_irises_keep_their_tone(changed, name):
    """Lashes get darker; an iris that did would be a black hole."""
    crop, step = changed(name)
    for iris in (crop.points[468:473], crop.points[473:478]):
        x, y = iris[0].astype(int)
        reach = max(1, int(0.5 * np.hypot(*(iris[1] - iris[3])) / 2))
        assert np.abs(_luma(step)[y - reach : y + reach, x - reach : x + reach]).mean() < 0.006


@pytest.mark.parametrize("name", OLD)
def test_lips_get_redder_against_the_skin(changed, zones, name):
    crop, step = changed(name)
    lips, cheek = zones(crop, "lips") > 0.9, zones(crop, "cheek") > 0.7
    before, after = (np.log((rgb[..., 0] + 0.02) / (rgb[..., 1] + 0.02)) for rgb in (crop.rgb, crop.rgb + step))
    grown = (after[lips].mean() - after[cheek].mean()) - (before[lips].mean() - before[cheek].mean())
    assert 0 < grown < 0.16


@pytest.mark.parametrize("name", OLD)
def test_nothing_glows_beyond_the_face(changed, name):
    crop, step = changed(name)
    step = np.abs(step).max(axis=2)
    chart = load_mean_face().mesh.chart(crop.points, SIZE)
    seen = np.zeros((SIZE, SIZE), np.float32)
    seen[chart.window.slices(Window(0, 0, SIZE, SIZE))] = grow(chart.seen, chart.at.shape)
    assert step[seen == 0].max() < 1e-4


@pytest.mark.parametrize("name", OLD)
def test_cheeks_keep_their_pores(changed, zones, name):
    crop, step = changed(name)
    cheek = zones(crop, "cheek") > 0.7
    kept = _fine(crop.rgb + step)[cheek].std() / _fine(crop.rgb)[cheek].std()
    assert 0.65 < kept < 1.05


def _fine(rgb):
    """Log luma finer than a canonical pixel or so."""
    log = np.log(_luma(rgb) + np.float32(0.03))
    return log - cv2.GaussianBlur(log, (0, 0), 1.3)


@pytest.mark.parametrize("name", OLD)
def test_folds_are_filled(changed, zones, name):
    """The darkest tenth of the skin along folds and pouches comes nearer to the skin around it."""
    crop, step = changed(name)
    places = (zones(crop, "broad") > 0.6) & (zones(crop, "around_lips") < 0.1) & (zones(crop, "within") > 0.9)

    def depth(rgb):
        log = np.log(_luma(rgb) + np.float32(0.03))
        return -np.percentile((log - cv2.GaussianBlur(log, (0, 0), 16))[places], 10)

    assert depth(crop.rgb + step) < 0.72 * depth(crop.rgb)


@pytest.mark.parametrize("name", OLD)
def test_filled_folds_are_no_smoother_than_the_skin_beside_them(changed, zones, name):
    """The spectrum of filled folds: each of two fine bands has as much energy as on the cheek beside."""
    crop, step = changed(name)
    lifted = cv2.GaussianBlur(_luma(step), (0, 0), 2.0) > 0.04
    fold = lifted & (zones(crop, "broad") > 0.6) & (zones(crop, "around_lips") < 0.1)
    cheek = zones(crop, "cheek") > 0.7
    assert fold.sum() > 200
    after = np.log(_luma(crop.rgb + step) + np.float32(0.03))
    for fine, coarse in ((0.0, 1.0), (1.0, 2.0)):
        band = _smooth(after, fine) - _smooth(after, coarse)
        assert band[fold].std() > 0.7 * band[cheek & ~lifted].std()


def _smooth(image, sigma):
    return cv2.GaussianBlur(image, (0, 0), sigma) if sigma else image


def test_the_sharp_floor_of_a_fold_leaves_no_line(still, plates, zones):
    """Nasolabial folds of a woman of 84, where a hairline stayed along the filled fold."""
    crop = plates["clk_W000187"].crop(still, ages=(84.0, 59.0))
    fold = (zones(crop, "smile") > 0.6) & (zones(crop, "under") < 0.1) & (zones(crop, "around_lips") < 0.1)
    cheek = zones(crop, "cheek") > 0.7
    before, after = (_line_share(rgb, fold, cheek) for rgb in (crop.rgb, crop.rgb + _step(still, crop)))
    assert before > 2.5
    assert after < 1.8


def _line_share(rgb, fold, cheek):
    """Depth of the narrow valleys of a fold, by the closing that fills them, in shares of those between pores."""
    log = np.log(_luma(rgb) + np.float32(0.03))
    depth = cv2.morphologyEx(log, cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8)) - log
    return float(np.percentile(depth[fold], 97) / np.percentile(depth[cheek], 97))


def test_a_painted_brow_above_its_usual_place_stays(still, plates, zones):
    """It is a dark band over skin, as a furrow is, and was filled."""
    crop = plates["clk_W000187"].crop(still)
    place = (zones(crop, "over_brows") > 0.5) & (np.arange(SIZE) < SIZE // 2)  # a fringe covers the other brow

    before, after = (np.log(_luma(rgb) + np.float32(0.03))[place] for rgb in (crop.rgb, crop.rgb + _step(still, crop)))
    brow = before < np.percentile(before, 25)
    assert np.mean(after[brow] - before[brow]) < 0.06


def test_a_filled_line_keeps_no_colour_of_its_own(still, plates, zones):
    """Creases are redder than skin: filled with light alone they stay as orange hairlines."""
    crop = plates["con2_N000179"].crop(still)
    log = np.log(_luma(crop.rgb) + np.float32(0.03))
    lines = cv2.morphologyEx(log, cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8)) - log > 0.09
    lines &= (zones(crop, "texture") > 0.95) & (zones(crop, "lips") < 0.02) & (zones(crop, "eyes") < 0.02)

    def redder(rgb):
        chroma = np.log((rgb[..., 0] + np.float32(0.03)) / (rgb[..., 2] + np.float32(0.03)))
        return float((chroma - cv2.GaussianBlur(chroma, (0, 0), 4))[lines].mean())

    assert redder(crop.rgb) > 0.02
    assert -0.3 < redder(crop.rgb + _step(still, crop)) / redder(crop.rgb) < 0.6, "neither orange nor grey"


@pytest.mark.parametrize(("shade", "least"), [(0.4, 0.42), (0.55, 0.7)])
def test_a_shaded_cheek_changes_with_the_face(still, plates, zones, shade, least):
    """A soft shadow over half of the face: what goes there is most of what goes in the light."""
    crop = plates["con2_N000179"].crop(still)
    across = np.arange(SIZE, dtype=np.float32)
    lit = 1 - (1 - shade) / (1 + np.exp((across - 200) / 12))
    dark = np.asarray(crop.rgb * lit[None, :, None], np.float32)
    work = working(replace(crop, rgb=dark))
    dark_crop = replace(crop, rgb=dark, study=still.study([(work, bald(SIZE))]))
    steps = [np.abs(_step(still, one)) / (one.rgb + np.float32(0.05)) for one in (crop, dark_crop)]
    x = np.arange(SIZE)[None, :] < 175
    side = (zones(crop, "texture") > 0.9) & x
    assert steps[1][side].mean() > least * steps[0][side].mean()


def test_a_plate_in_black_and_white_gets_no_colour(still, plates):
    crop = plates["clk_W000187"].crop(still)
    grey = np.repeat(_luma(crop.rgb)[..., None], 3, axis=2)
    plain = replace(crop, rgb=grey)
    step = _step(still, replace(plain, study=still.study([(working(plain), bald(SIZE))])))
    assert np.abs(step).max() > 0.1
    assert np.ptp(step, axis=2).max() < 0.02


def test_no_border_is_drawn_beside_hair(still, plates):
    """Hair covers the upper forehead: below it the broad change comes in slowly."""
    crop = plates["con2_N000179"].crop(still)
    work = working(crop)
    top, chin = crop.points[10], crop.points[152]
    line = float(top[1] + 0.12 * (chin[1] - top[1]))
    y = np.arange(SIZE, dtype=np.float32)[:, None]
    hair = np.repeat(np.clip((np.float32(line) - y) / 3, 0, 1), SIZE, axis=1)
    step = taken(still, crop, work, replace(bald(SIZE), hair=hair))
    rows = cv2.GaussianBlur(_luma(step), (0, 0), 3)[:, int(top[0]) - 40 : int(top[0]) + 40].mean(axis=1)
    start = int(line)
    most = np.abs(rows[start + 20 : start + 60]).max()
    assert np.abs(np.diff(rows[start - 5 : start + 25])).max() < 0.04 * most


def test_what_is_worn_keeps_still_and_keeps_its_colour(side, plates, zones):
    crop = plates["con2_D000628"].crop(side)
    skin = zones(crop, "texture") > 0.9
    covered = replace(bald(SIZE), hair=np.ones((SIZE, SIZE), np.float32))
    assert np.abs(taken(side, crop, working(crop), covered)[skin]).max() < 0.02 < np.abs(_step(side, crop)[skin]).max()
    rims = dict(crop.study) | {"rims": np.ones_like(crop.study["rims"])}
    assert np.abs(_step(side, crop, study=rims)[skin]).max() < 0.02


def test_a_face_outside_its_crop_is_left_alone(side, plates):
    crop = plates["con2_D000628"].crop(side)
    far = replace(crop, points=(crop.points + np.float32(1e6)).astype(np.float32))
    assert not _step(side, far).any()
