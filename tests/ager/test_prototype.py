"""The prototype on real portraits: nothing where nothing is due, locked to the face, older where old faces are."""

import io
import os
import threading
import zipfile
from itertools import pairwise

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vfxage.ager import load_ager
from vfxage.ager.prototype.change import Years
from vfxage.errors import ModelError
from vfxage.geometry import OVAL
from vfxage.lab.portraits import crop_portrait, scan_portraits

FRAMING = load_ager("prototype").framing
LUMA = np.array([0.2126, 0.7152, 0.0722])
WOMAN, MAN, DARK = "lon_001", "lon_131", "lon_099"
BEARDED, GLASSES = "lon_092", ("W000788", "B000825", "S001159")


@pytest.fixture(scope="module")
def people(portraits):
    return {item.person: item for item in scan_portraits(portraits / "eval").portraits}


@pytest.fixture(scope="module")
def ager():
    return load_ager("prototype")


@pytest.fixture(scope="module")
def step(people, ager, frame_of):
    def answer(crop):
        return ager([crop])[0].step

    return answer


@pytest.fixture(scope="module")
def crop(people):
    def cut(person, source, target, size=512):
        return crop_portrait(people[person], FRAMING, size, (float(source), float(target)))

    return cut


def changed(crop, **values):
    """The crop with some fields replaced (slots and frozen: through the constructor)."""
    from dataclasses import replace

    return replace(crop, **values)


BARE = (50, 101, 36, 205, 187), (280, 330, 266, 425, 411), (109, 108, 69, 67), (338, 337, 299, 297)
"""Cheeks and forehead, well away from hair, eyes and lips."""
LINED = (143, 116, 117, 118, 119, 120, 230, 228, 31), (372, 345, 346, 347, 348, 349, 450, 448, 261), (109, 69, 299, 338)
"""Under the eyes, and the forehead."""


def detail(rgb, points, low, high, patches=BARE):
    """Root mean square of log luma in a band, over patches of skin; widths in heights of the face."""
    height = np.hypot(*(points[10] - points[152]))
    log = np.log((rgb @ LUMA).astype(np.float32) + 0.03)
    band = cv2.GaussianBlur(log, (0, 0), low * height) - cv2.GaussianBlur(log, (0, 0), high * height)
    return float(np.sqrt(np.mean(band[skin(points, rgb.shape[0], patches)] ** 2)))


def skin(points, size, patches=BARE):
    mask = np.zeros((size, size), np.uint8)
    for ids in patches:
        cv2.fillConvexPoly(mask, cv2.convexHull(points[list(ids)].astype(np.int32)), 1)
    return mask > 0


def rms(image):
    return float(np.sqrt(np.mean(np.square(image, dtype=np.float64))))


@pytest.mark.parametrize("age", [20, 45.5, 80])
def test_equal_ages_change_nothing(crop, step, age):
    assert not step(crop(WOMAN, age, age)).any()


def test_a_face_that_is_not_there_changes_nothing(crop, step):
    assert not step(changed(crop(WOMAN, 30, 70), intensity=0.0)).any()


def test_far_from_the_face_nothing_changes(crop, step, people):
    shown = crop(WOMAN, 24, 70)
    centre = shown.points[:468].mean(axis=0)
    outline = cv2.convexHull((centre + 1.65 * (shown.points[OVAL] - centre)).astype(np.float32))
    away = np.ones(shown.rgb.shape[:2], np.uint8)
    cv2.fillConvexPoly(away, outline.astype(np.int32), 0)
    assert away.any()
    assert not step(shown)[away > 0].any()


@settings(max_examples=50, deadline=None)
@given(source=st.floats(0, 120), target=st.floats(0, 120), other=st.floats(0, 120))
def test_years_add_up(source, target, other):
    """The change from a to c is the sum of the changes from a to b and from b to c, in every measure of skin change."""
    whole, one, two = (Years.between(*pair) for pair in ((source, other), (source, target), (target, other)))
    assert whole.worn == pytest.approx(one.worn + two.worn, abs=1e-9)
    np.testing.assert_allclose(whole.columns, one.columns + two.columns, atol=1e-5)


def test_a_ramp_of_ages_is_a_smooth_ramp(crop, step):
    """Through equal ages too: no step between neighbouring ages is far larger than those beside it."""
    faces = [step(crop(WOMAN, 40, target, 256)) for target in np.arange(34, 52.1, 2)]
    moves = [rms(b - a) for a, b in pairwise(faces)]
    assert min(moves) > 0
    assert max(b / a for a, b in pairwise(moves)) < 1.6
    assert max(a / b for a, b in pairwise(moves)) < 1.6
    near = [rms(step(crop(WOMAN, 40, 40 + years, 256))) for years in (0.01, 0.1)]
    assert near[0] < 0.2 * near[1] < 0.001


def test_the_change_moves_with_the_face(crop, step):
    """Whole pixels: the same change, moved; nothing hangs on where in the crop the face is."""
    shown = crop(WOMAN, 24, 64)
    by = (6, -10)
    moved = changed(
        shown,
        rgb=np.roll(shown.rgb, by[::-1], (0, 1)),
        points=(shown.points + np.array(by, np.float32)).astype(np.float32),
    )
    inside = slice(64, -64)
    there, here = np.roll(step(moved), (-by[1], -by[0]), (0, 1))[inside, inside], step(shown)[inside, inside]
    assert rms(there - here) < 0.02 * rms(here)


def test_one_name_is_one_choice_of_old_skin(crop, step):
    shown = crop(WOMAN, 24, 64)
    lead, again, other = (step(changed(shown, name=name)) for name in ("lead", "lead", "double"))
    assert np.array_equal(lead, again)
    assert rms(lead - other) > 0.2 * rms(lead)


def test_threads_change_no_bit(crop, ager, frame_of):
    shown = [crop(person, 25, 65, 256) for person in (WOMAN, MAN, DARK)] * 2
    alone = [ager([one])[0].step for one in shown]
    found = [None] * len(shown)

    def work(index):
        found[index] = ager([shown[index]])[0].step

    threads = [threading.Thread(target=work, args=(index,)) for index in range(len(shown))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(a, b) for a, b in zip(alone, found, strict=True))


@pytest.mark.parametrize("person", [WOMAN, MAN, DARK])
def test_older_is_more_lined_the_more_years(crop, step, person):
    lines = []
    for target in (25, 40, 55, 70, 85):
        shown = crop(person, 25, target)
        lines.append(detail(np.clip(shown.rgb + step(shown), 0, 1), shown.points, 1 / 250, 1 / 40))
    assert all(b > 0.98 * a for a, b in pairwise(lines)), lines  # the skin moves under the patches, too
    assert lines[3] > 1.25 * lines[0]


def test_dark_skin_ages_as_light_skin_does(crop, step):
    gains = []
    for person in (WOMAN, DARK):
        shown = crop(person, 25, 65)
        log = [np.log(np.clip(rgb, 0, 1) @ LUMA + 0.03) for rgb in (shown.rgb, shown.rgb + step(shown))]
        gains.append(rms((log[1] - log[0])[skin(shown.points, 512)]))
    assert gains[1] > 0.7 * gains[0]


@pytest.mark.parametrize("person", ["J000293", "C001053", "N000015"])
def test_younger_is_smoother_and_keeps_its_pores(portraits, step, person):
    """Three lined faces: under the eyes and on the forehead."""
    (item,) = [one for one in scan_portraits(portraits / "train").portraits if one.person == person]
    shown = crop_portrait(item, FRAMING, 512, (item.age, item.age - 30))
    young = np.clip(shown.rgb + step(shown), 0, 1)
    lines = [detail(rgb, shown.points, 1 / 250, 1 / 60, LINED) for rgb in (shown.rgb, young)]
    pores = [detail(rgb, shown.points, 1 / 1000, 1 / 350, LINED) for rgb in (shown.rgb, young)]
    assert lines[1] < 0.8 * lines[0]
    assert pores[1] > 0.75 * pores[0]


def test_a_mole_is_no_darker_for_being_older(crop, step):
    shown = crop(WOMAN, 24, 64)
    y, x = np.mgrid[:512, :512]
    spots = [shown.points[50], shown.points[280]]
    dark = sum(np.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * 3.0**2)) for px, py in spots)[..., None]
    marked = changed(shown, rgb=(shown.rgb * (1 - 0.55 * dark)).astype(np.float32))
    before, after = marked.rgb, np.clip(marked.rgb + step(marked), 0, 1)
    plain = np.clip(shown.rgb + step(shown), 0, 1)
    for px, py in spots:
        at = int(py), int(px)
        own = np.log(before[at] / shown.rgb[at]).mean()
        aged = np.log(after[at] / plain[at]).mean()
        assert abs(aged) < 1.15 * abs(own)


@pytest.mark.parametrize("person", GLASSES)
def test_glasses_are_left_alone(portraits, step, person):
    """Dark rims: what is far darker than the skin, under the eyes and between them."""
    (item,) = [one for one in scan_portraits(portraits / "train").portraits if one.person == person]
    shown = crop_portrait(item, FRAMING, 512, (item.age, item.age + 30))
    delta = np.abs(step(shown)).mean(axis=2)
    level = shown.rgb @ LUMA
    below = skin(shown.points, 512, ((31, 228, 230, 119, 118, 117), (261, 448, 450, 348, 347, 346), (193, 417, 6)))
    bare = skin(shown.points, 512)
    rims = below & (level < 0.4 * np.median(level[bare]))
    assert rims.sum() > 100
    assert delta[rims].mean() < 0.3 * delta[bare].mean()


@pytest.mark.parametrize("person", ["B000825", "E000295", "C001066"])
def test_teeth_stay_where_they_are(portraits, step, person):
    """Bright teeth between the lips of a smile; lips move and thin, and once took their edges along."""
    (item,) = [one for one in scan_portraits(portraits / "train").portraits if one.person == person]
    shown = crop_portrait(item, FRAMING, 512, (item.age, item.age + 35))
    delta = np.abs(step(shown)).mean(axis=2)
    inner = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95)
    mouth = np.zeros((512, 512), np.uint8)
    cv2.fillPoly(mouth, [shown.points[list(inner)].astype(np.int32)], 1)
    teeth = (mouth > 0) & (shown.rgb.min(axis=2) > 0.5)
    assert teeth.sum() > 300
    assert delta[teeth].mean() < 0.3 * delta[skin(shown.points, 512)].mean()


def test_a_beard_keeps_its_hair(crop, step):
    shown = crop(BEARDED, 32, 52)
    chin = np.zeros((512, 512), np.uint8)
    cv2.fillConvexPoly(chin, cv2.convexHull(shown.points[[18, 200, 199, 175, 83, 313]].astype(np.int32)), 1)

    def hair(rgb):
        log = np.log(np.clip(rgb, 0, 1) @ LUMA + 0.03).astype(np.float32)
        return rms((log - cv2.GaussianBlur(log, (0, 0), 2.5))[chin > 0])

    assert hair(shown.rgb + step(shown)) == pytest.approx(hair(shown.rgb), rel=0.25)


def test_folds_of_a_smile_belong_to_faces_that_smile(crop, step):
    shown = crop(WOMAN, 24, 64)
    smiling = shown.points.copy()
    centre = (smiling[61] + smiling[291]) / 2
    for corner in (61, 291):
        smiling[corner] += 0.22 * (smiling[corner] - centre)
    cheeks = np.zeros((512, 512), np.uint8)
    for ids in ((205, 206, 216, 207), (425, 426, 436, 427)):
        cv2.fillConvexPoly(cheeks, cv2.convexHull(shown.points[list(ids)].astype(np.int32)), 1)
    rest, smile = (step(one)[cheeks > 0] for one in (shown, changed(shown, points=smiling)))
    assert rms(smile) > 1.2 * rms(rest)


@pytest.mark.parametrize(("size", "apart"), [(256, 0.2), (768, 0.1), (1024, 0.05)])
def test_every_size_shows_the_same_ageing(crop, step, size, apart):
    """As an eighth of 1024 px shows it: the same lines in the same places, as strong to a few per cent."""
    shown = crop(MAN, 34, 70, size)
    answer = step(shown)
    assert answer.shape == (size, size, 3)
    small = cv2.resize(answer, (128, 128), interpolation=cv2.INTER_AREA)
    middle = cv2.resize(step(crop(MAN, 34, 70, 512)), (128, 128), interpolation=cv2.INTER_AREA)
    assert rms(middle) > 0.01
    assert rms(small - middle) < apart * rms(middle)
    assert (small * middle).sum() / (middle * middle).sum() == pytest.approx(1, abs=0.06)


@pytest.mark.parametrize("person", [WOMAN, MAN, DARK])
def test_new_lines_are_no_sharper_than_the_plate(crop, step, person):
    """A lens that is out of focus shows old skin out of focus: about what the same blur leaves of the sharp answer."""

    def fine(image):
        luma = (image @ LUMA).astype(np.float32)
        return rms(luma - cv2.GaussianBlur(luma, (0, 0), 2.0))

    shown = crop(person, 30, 70)
    soft = changed(shown, rgb=cv2.GaussianBlur(shown.rgb, (0, 0), 5.0))
    sharp_answer, soft_answer = step(shown), step(soft)
    assert fine(soft_answer) < 2.5 * fine(cv2.GaussianBlur(sharp_answer, (0, 0), 5.0)) < 0.5 * fine(sharp_answer)
    assert rms(soft_answer) > 0.5 * rms(cv2.GaussianBlur(sharp_answer, (0, 0), 5.0))


@pytest.mark.parametrize(("source", "target"), [(30, 70), (60, 30)])
def test_a_plate_in_black_and_white_stays_so(crop, step, source, target):
    shown = crop(MAN, source, target)
    grey = changed(shown, rgb=np.repeat((shown.rgb @ LUMA)[..., None], 3, axis=2).astype(np.float32))
    answer = step(grey)
    assert np.abs(answer - answer.mean(axis=2, keepdims=True)).max() < 0.002  # half a code value of 8 bits
    assert rms(answer) > 0.7 * rms(step(shown))


@pytest.mark.parametrize("person", ["lon_104", "lon_113"])
def test_stubble_does_not_pass_for_grain(crop, step, person):
    """Drawn on cheeks and chin it leaves the lines on the forehead as sharp as they were."""
    shown = crop(person, 30, 70)
    points, size = shown.points, shown.rgb.shape[0]
    beard = skin(points, size, patches=[OVAL]) & (np.arange(size)[:, None] > points[2, 1])
    lips = cv2.dilate(skin(points, size, patches=[(61, 37, 267, 291, 314, 84)]).astype(np.uint8), np.ones((9, 9)))
    hairs = cv2.GaussianBlur(np.random.default_rng(5).normal(0, 1, (size, size)), (0, 0), 1.2)
    hairs = np.asarray(hairs) * (0.1 / np.std(hairs) * (beard & (lips == 0)))
    unshaven = changed(shown, rgb=np.clip(shown.rgb + hairs[..., None], 0, 1).astype(np.float32))
    low, high = 1.5 / 300, 6 / 300
    before, after = (detail(one.rgb + step(one), points, low, high, LINED[2:]) for one in (shown, unshaven))
    assert after > 0.9 * before > 1.2 * detail(shown.rgb, points, low, high, LINED[2:])


@pytest.mark.parametrize("person", [WOMAN, "lon_113", "lon_172"])
def test_lines_go_on_above_the_mesh_up_to_the_hair(crop, step, person):
    """The mesh ends half way up these foreheads; what is above it is as lined, their hair is left alone."""
    shown = crop(person, 30, 70)
    lines = step(shown) @ LUMA
    lines -= cv2.GaussianBlur(lines, (0, 0), 4)
    top, chin = shown.points[10], shown.points[152]
    height = float(chin[1] - top[1])

    def band(low, high):
        """Shares of the face's height above the mesh's top."""
        rows = slice(max(int(top[1] - high * height), 0), int(top[1] - low * height))
        return rms(lines[rows, int(top[0] - 0.12 * height) : int(top[0] + 0.12 * height)])

    inside, above = band(-0.13, -0.03), band(0.02, 0.1)
    assert above > 0.25 * inside
    assert band(0.3, 0.35) < 0.05 * inside


def damaged(kind, whole):
    if kind == "truncated":
        return whole[: len(whole) // 2]
    if kind == "empty":
        return b""
    if kind == "text":
        return b"not a prototype"
    buffer = io.BytesIO()
    with np.load(io.BytesIO(whole)) as archive:
        arrays = {name: archive[name] for name in archive.files}
    if kind == "wrong shape":
        arrays["mean"] = arrays["mean"][:400]
    elif kind == "not finite":
        arrays["shape"] = arrays["shape"] * np.float32(np.nan)
    elif kind == "triangles beyond the mesh":
        arrays["triangles"] = arrays["triangles"] + np.uint16(2000)
    elif kind == "pickle":
        arrays["mean"] = np.array([os.system], object)
    elif kind == "lacking":
        del arrays["tone"]
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "kind",
    [
        "truncated", "empty", "text", "wrong shape", "not finite",
        "triangles beyond the mesh", "pickle", "lacking",
    ],
)  # fmt: skip
def test_a_damaged_data_file_is_one_line(tmp_path, kind):
    from vfxage.ager.prototype.data import shipped

    path = tmp_path / "mine.npz"
    path.write_bytes(damaged(kind, shipped().read_bytes()))
    with pytest.raises(ModelError, match=r"mine\.npz"):
        load_ager(str(path))


def test_a_bomb_is_not_unpacked(tmp_path):
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("mean.npy", "w") as file:
        for _ in range(80):
            file.write(bytes(1 << 20))
    with pytest.raises(ModelError, match="unpacks to more"):
        load_ager(str(path))


def test_a_missing_data_file_is_one_line(tmp_path):
    with pytest.raises(ModelError, match="no such file"):
        load_ager(str(tmp_path / "none.npz"))
