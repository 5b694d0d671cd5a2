"""The older side of ``relief`` on real portraits."""

from __future__ import annotations

import threading
from dataclasses import replace
from functools import cache

import cv2
import numpy as np
import pytest

from vfxage.ager import load_ager
from vfxage.ager.relief.mean_face import load_mean_face
from vfxage.ager.relief.mesh import INNER_LIPS
from vfxage.ager.relief.older import folds, lines
from vfxage.ager.relief.older.canvas import Canvas, stream
from vfxage.ager.relief.older.forehead import forehead_lines
from vfxage.ager.relief.older.sculpture import RelativeWeights, Sculpture
from vfxage.face.look import Look
from vfxage.lab.portraits import crop_portrait, scan_portraits

WOMAN, MAN, DARK, FRINGE, BEARDED = "lon_124", "lon_131", "lon_061", "lon_003", "lon_037"
LUMA = np.array([0.2126, 0.7152, 0.0722])
CHEEKS = (50, 101, 36, 205, 187), (280, 330, 266, 425, 411)


@pytest.fixture(scope="module")
def people(portraits):
    return {item.person: item for item in scan_portraits(portraits / "eval").portraits}


@pytest.fixture(scope="module")
def crop(people, ager):
    """A crop with the study of its own picture, which is the same for all ages."""

    @cache
    def studied(person, size):
        shown = crop_portrait(people[person], ager.framing, size, (30.0, 60.0))
        return replace(shown, study=ager.study([shown]))

    def cut(person, source, target, size=512, name="lead"):
        return replace(studied(person, size), name=name, ages=(float(source), float(target)))

    return cut


def rms(image):
    return float(np.sqrt(np.mean(np.square(image, dtype=np.float64))))


def inside(points, size, outlines):
    mask = np.zeros((size, size), np.uint8)
    for ids in outlines:
        cv2.fillConvexPoly(mask, cv2.convexHull(points[list(ids)].astype(np.int32)), (1,))
    return mask > 0


@pytest.mark.parametrize("age", [20, 45.5, 80])
def test_equal_ages_change_nothing(crop, ager, age):
    step = ager([crop(WOMAN, age, age)])[0].step
    assert not step.any()


def test_the_change_begins_at_nothing_and_grows_with_every_year(crop, ager):
    steps = {age: ager([crop(MAN, 40, age)])[0].step for age in (40.01, 42, 45, 50, 60, 70, 80)}
    sizes = [rms(step) for step in steps.values()]
    assert sizes[0] < 0.0005
    assert sizes == sorted(sizes)
    assert rms(steps[50] - ager([crop(MAN, 40, 50.2)])[0].step) < 0.05 * sizes[3]


def test_folds_of_the_cheeks_deepen_where_the_mouth_is_wider_than_the_face_has_it_usually(crop, ager):
    neutral = crop(MAN, 40, 60)
    narrow = neutral.study["older"].copy()
    narrow[-3] *= 0.75  # the measure of its usual mouth: now it smiles
    smiling = replace(neutral, study=neutral.study | {"older": narrow})
    before, after = (np.abs(ager([one])[0].step).sum(axis=2) for one in (neutral, smiling))
    for mark in (206, 426):
        x, y = neutral.points[mark].round().astype(int)
        fold = slice(y - 20, y + 20), slice(x - 20, x + 20)
        assert after[fold].sum() > 1.05 * before[fold].sum()


def test_a_call_depends_on_its_crop_alone(crop, ager):
    wanted = [crop(WOMAN, 28, 60, 256), crop(MAN, 30, 70, 256, name="second")]
    alone = [ager([one])[0].step for one in wanted]
    found: dict[int, list[np.ndarray]] = {}

    def ask(index):
        found[index] = [answer.step for answer in load_ager("relief")(wanted[::-1] if index else wanted)]

    threads = [threading.Thread(target=ask, args=(index,)) for index in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for index, order in ((0, alone), (1, alone[::-1])):
        for one, other in zip(found[index], order, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("person", [WOMAN, MAN, DARK])
def test_skin_gets_darker_in_creases_and_keeps_its_mean(crop, ager, person):
    """Age is no exposure: cheeks keep their mean brightness within a few per cent, and gain folds and lines."""
    shown = crop(person, 30, 70)
    step = ager([shown])[0].step
    mask = inside(shown.points, 512, CHEEKS)
    before, after = (np.log(picture @ LUMA + 0.03) for picture in (shown.rgb, np.clip(shown.rgb + step, 0, 1)))
    assert abs(after[mask].mean() - before[mask].mean()) < 0.12
    before, after = (level - cv2.GaussianBlur(level, (0, 0), 6.0) for level in (before, after))
    assert after[mask].std() > 1.05 * before[mask].std()


@pytest.mark.parametrize(("size", "apart"), [(256, 0.15), (768, 0.15), (1024, 0.15)])
def test_every_size_changes_by_the_same_amount(crop, ager, size, apart):
    """One face changes alike whatever its size, as an eighth of 1024 px shows it."""
    small, middle = (
        cv2.resize(ager([crop(MAN, 34, 70, side)])[0].step, (128, 128), interpolation=cv2.INTER_AREA)
        for side in (size, 512)
    )
    assert rms(middle) > 0.01
    assert rms(small) == pytest.approx(rms(middle), rel=apart)
    assert np.corrcoef(small.ravel(), middle.ravel())[0, 1] > 0.9


def test_teeth_and_what_the_lips_open_on_do_not_change(crop, ager, people, portraits):
    """A smiling mouth: within the lips' inner edge the picture stays nearly as it is."""
    smiling = next(item for item in scan_portraits(portraits / "train").portraits if item.path.stem == "con_C001039")
    shown = crop_portrait(smiling, ager.framing, 512, (33.0, 65.0))
    shown = replace(shown, study=ager.study([shown]))
    step = ager([shown])[0].step
    mouth = inside(shown.points, 512, [INNER_LIPS])
    mouth = cv2.erode(mouth.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    assert mouth.sum() > 200
    cheeks = inside(shown.points, 512, CHEEKS)
    assert rms(step[mouth]) < 0.5 * rms(step[cheeks])


def test_no_lines_are_printed_on_a_fringe(crop, ager):
    """The lines of two names differ on a bare forehead, and hardly where a fringe hides it."""

    def drawn(face):
        one, other = (ager([replace(face, name=name)])[0].step for name in ("lead", "second"))
        return rms((one - other)[inside(face.points, 512, [(109, 67, 338, 297)])])

    assert drawn(crop(FRINGE, 38, 60)) < 0.45 * drawn(crop(WOMAN, 38, 60))


def test_dark_hair_turns_grey(crop, ager):
    """Hair gets brighter and loses its colour, but keeps the warmth of the light."""
    shown = crop("lon_011", 36, 80)
    step = ager([shown])[0].step
    matte = ager.hair(shown)
    hair = matte > 0.95
    assert hair.sum() > 3000
    before, after = shown.rgb[hair], np.clip(shown.rgb + step, 0, 1)[hair]
    assert (after @ LUMA).mean() > 1.5 * (before @ LUMA).mean()
    red, blue = after.mean(0)[[0, 2]]
    assert 0 < red - blue < 0.08


def test_a_shaved_face_has_no_beard_matte_and_a_bearded_one_has(crop, ager):
    found = {person: float(crop(person, 30, 60).study["bearded"][0]) for person in (WOMAN, DARK, BEARDED)}
    assert found[WOMAN] == found[DARK] == 0
    assert found[BEARDED] > 0.9


def test_a_shaved_chin_on_a_soft_dim_plate_is_no_beard(crop, ager):
    """There the shade below the mouth looks like a beard, but it is not rough."""
    shown = crop(DARK, 30, 60)
    soft = np.ascontiguousarray(cv2.GaussianBlur(0.6 * shown.rgb, (0, 0), 4.0))
    assert ager.study([replace(shown, rgb=soft)])["bearded"][0] == 0


def test_a_beard_turns_grey_with_its_moustache_and_the_skin_beside_it_stays(portraits, ager):
    """A red moustache loses its colour, the cheeks above keep theirs."""
    one = next(item for item in scan_portraits(portraits / "clerk").portraits if item.path.stem == "clk_T000480")
    shown = crop_portrait(one, ager.framing, 512, (40.0, 75.0))
    shown = replace(shown, look=Look(texture=0, lines=0, folds=0, neck=0), study=ager.study([shown]))
    lost = -(ager([shown])[0].step @ np.array([1, 0, -1], np.float32))  # red against blue
    lip, cheek = (
        np.median(lost[inside(shown.points, 512, [ids])]) for ids in ((164, 167, 92, 186, 165), (50, 101, 118, 117))
    )
    assert lip > 0.06
    assert abs(cheek) < 0.03


def test_a_beard_in_light_from_a_side_turns_grey_on_both_sides(spectacled, ager):
    """On a real frame, one side of the jaw is half as bright as the other."""
    shown = replace(spectacled, traits=replace(spectacled.traits, beard=True))
    shown = replace(shown, look=Look(texture=0, lines=0, folds=0, neck=0, shape=0), study=ager.study([shown]))
    changed = np.abs(ager([shown])[0].step @ LUMA)
    left, right = (
        changed[inside(shown.points, 512, [ids])].mean()
        for ids in ((170, 140, 171, 148, 176, 149), (395, 369, 396, 377, 400, 378))
    )
    assert 0.4 < left / right < 2.5


def test_names_have_lines_of_their_own_and_keep_them(crop, ager):
    shown = crop(WOMAN, 28, 65)
    one, again, other = (ager([replace(shown, name=name)])[0].step for name in ("lead", "lead", "second"))
    np.testing.assert_array_equal(one, again)
    skin = inside(shown.points, 512, [*CHEEKS, (109, 108, 69, 67), (338, 337, 299, 297)])
    assert rms((one - other)[skin]) > 0.2 * rms(one[skin])
    assert rms(one[skin]) == pytest.approx(rms(other[skin]), rel=0.25)


def test_lines_of_a_forehead_are_neither_even_nor_everybodys():
    """They lie at unlike distances, and no place is a line on most people; some foreheads are much calmer."""
    mean = load_mean_face().mean
    middle, places, uneven, deepest = float(mean[10, 0]), np.zeros(384), [], []
    for person in range(60):
        found = forehead_lines(mean, f"person {person}")
        deepest.append(max(float(line.depth.max()) for line in found))
        lines = [line for line in found if line.depth.max() > 0.5 * deepest[-1]]
        for line in found:
            np.testing.assert_allclose(line.depth[[0, -1]], 0, atol=1e-6)
        heights = np.sort([np.interp(middle, *line.curve.T) for line in lines])
        places[np.unique(np.round(heights).astype(int))] += 1
        uneven += [gaps.max() / gaps.min() for gaps in [np.diff(heights)] if len(gaps) > 1 and gaps.min() > 0.5]
    assert places.max() < 60 / 4
    assert np.median(uneven) > 1.5
    assert np.percentile(deepest, 90) > 1.8 * np.percentile(deepest, 10)


def test_lines_of_a_forehead_reach_from_brow_to_brow_and_fade_out():
    """The deepest line of a person is seen over most of the brows' width, and ends without a step."""
    mean = load_mean_face().mean
    brows = float(np.ptp(mean[[46, 276], 0]))
    seen = []
    for person in range(40):
        line = max(forehead_lines(mean, f"person {person}"), key=lambda one: one.depth.max())
        x, deep = line.curve[:, 0], line.depth / line.depth.max()
        seen.append(np.ptp(x[deep > 0.15]) / brows)
        assert np.abs(np.diff(deep)).max() < 0.12
    assert np.median(seen) > 0.55


def test_every_feature_has_a_stream_of_its_own():
    first = stream("lead", "forehead furrows").standard_normal(4)
    stream("lead", "cheek lines 0").standard_normal(1000)
    np.testing.assert_array_equal(first, stream("lead", "forehead furrows").standard_normal(4))
    assert not np.array_equal(first, stream("lead", "cheek lines 0").standard_normal(4))
    assert not np.array_equal(first, stream("second", "forehead furrows").standard_normal(4))


def test_a_stroke_has_the_height_and_the_width_it_is_asked_for():
    canvas = Canvas.whole(2)
    curve = np.column_stack([np.linspace(100, 280, 400), np.full(400, 190.0)])
    ridge = canvas.stroke(curve, np.ones(400), 3.0)
    column = ridge[:, 2 * 190]
    y = (np.arange(len(column)) + 0.5) / 2
    np.testing.assert_allclose(column, np.exp(-((y - 190) ** 2) / (2 * 3.0**2)), atol=0.03)


def test_a_sculpture_is_the_same_every_time(ager):
    one, other = (Sculpture(ager._mean_face, "lead") for _ in range(2))
    np.testing.assert_array_equal(one.pigment, other.pigment)
    np.testing.assert_array_equal(one.brow_streaks, other.brow_streaks)


@pytest.mark.parametrize("kind", ["sides", "creases", "lines"])
def test_no_part_of_the_relief_ends_in_an_edge(ager, kind):
    """Each part fades out before the box that holds it ends, but for the border of the mean face's square."""
    sculpture = Sculpture(ager._mean_face, "lead")
    parts = {"sides": folds.PARTS, "creases": folds.PARTS, "lines": lines.PARTS}[kind]
    for part in parts:
        only = {name: {part: 1.0} if name == kind else {} for name in ("sides", "creases", "lines")}
        image = np.abs(sculpture.mixed(RelativeWeights(**only))[kind == "lines"]).max(axis=2)
        assert image.max() > 0.005, part
        rows, columns = (np.flatnonzero(image.any(axis=axis)) for axis in (1, 0))
        ends = [image[rows[0]], image[:, columns[0]], image[:, columns[-1]]]
        ends += [image[rows[-1]]] if rows[-1] < len(image) - 1 else []
        assert max(end.max() for end in ends) < 0.003 * image.max(), part


def test_the_reach_covers_the_hair_and_ends_before_the_crops_border(crop, ager):
    shown = crop("lon_011", 36, 80)
    reach = ager([shown])[0].reach
    matte = ager.hair(shown)
    middle = np.zeros((512, 512), bool)
    middle[60:-60, 60:-60] = True
    assert reach[(matte > 0.5) & middle].min() > 0.95
    assert not np.concatenate([reach[0], reach[-1], reach[:, 0], reach[:, -1]]).any()
    chin = inside(shown.points, 512, [(199, 200, 208, 428, 175, 171, 396)])
    assert reach[chin].max() < 0.05
    assert ager([crop(WOMAN, 40, 40)])[0].reach is None


BESIDE_THE_MOUTH = (203, 206, 423, 426)


def _shade_hue(levels, points):
    """R, G and B of the darkest marks beside nose and mouth, in shares of their luma, of log RGB (S, S, 3)."""
    band = cv2.GaussianBlur(levels, (0, 0), 2.0) - cv2.GaussianBlur(levels, (0, 0), 5.0)
    spots = np.zeros(levels.shape[:2], np.uint8)
    for mark in BESIDE_THE_MOUTH:
        cv2.circle(spots, points[mark].astype(int).tolist(), 14, (1,), -1)
    luma = band @ LUMA
    dark = band[(spots > 0) & (luma <= np.percentile(luma[spots > 0], 8))].mean(axis=0)
    return dark / (dark @ LUMA)


def test_folds_have_the_hue_of_the_folds_of_old_people(portraits, ager):
    """Light that comes out of a fold is red: on photographs it loses far less red than blue."""
    scanned = scan_portraits(portraits / "civil").portraits
    old = [item for item in scanned if item.age > 66][:6]
    young = [item for item in scanned if item.age < 40][:5]
    real, made = [], []
    for item in old:
        crop = crop_portrait(item, ager.framing, 768)
        real.append(_shade_hue(np.log(crop.rgb + 0.03), crop.points))
    for item in young:
        crop = crop_portrait(item, ager.framing, 768, (item.age, item.age + 25))
        step = ager([crop])[0].step
        made.append(_shade_hue(np.log(np.clip(crop.rgb + step, 0, 1) + 0.03) - np.log(crop.rgb + 0.03), crop.points))
    np.testing.assert_allclose(np.median(made, axis=0), np.median(real, axis=0), atol=0.17)


def test_no_fold_is_laid_beside_one_of_the_face_s_own(crop, ager):
    """A fold is drawn on the plate, six canonical pixels beside where folds are laid: those are left out there."""
    plain = crop(WOMAN, 28, 60)
    start, end = plain.points[129], plain.points[57]
    beside = 8 * np.array([start[1] - end[1], end[0] - start[0]]) / np.hypot(*(end - start))
    line = np.zeros((512, 512), np.float32)
    ends = [tuple((point + beside).astype(int).tolist()) for point in (start, end)]
    cv2.line(line, ends[0], ends[1], (1.0,), 3, cv2.LINE_AA)
    line = np.exp(-0.35 * cv2.GaussianBlur(line, (0, 0), 1.5))[..., None]
    folded = replace(plain, rgb=plain.rgb * line)
    before, after = (
        np.log((np.clip(one.rgb + ager([one])[0].step, 0, 1) @ LUMA + 0.03) / (one.rgb @ LUMA + 0.03))
        for one in (plain, folded)
    )
    laid = inside(plain.points, 512, [(129, 203, 206, 57)]) & (before < np.percentile(before, 3))
    assert laid.sum() > 40
    assert after[laid].mean() > 0.7 * before[laid].mean()
