"""Ageing without weights, on real portraits: what a compositor would check with a scope and a loupe."""

import os

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.draw import polygon2mask

from vfxage.ager import load_ager
from vfxage.ager.bands import amount

FACES = ("lon_001", "lon_003", "lon_013", "lon_061", "lon_062", "lon_137")
"""Light and dark skin, three women and three men, 20 to 40 years old; none with a beard."""


@pytest.fixture(scope="module")
def portrait(portraits):
    landmarks = np.load(portraits / "eval" / "landmarks.npz")

    def read(person, size=512):
        image = cv2.imread(os.fspath(portraits / "eval" / f"{person}_neutral.jpg"))[..., ::-1] / np.float32(255)
        if size != 512:
            how = cv2.INTER_AREA if size < 512 else cv2.INTER_CUBIC
            image = np.asarray(cv2.resize(image, (size, size), interpolation=how), np.float32)
        return image.clip(0, 1), landmarks[f"{person}_neutral"] * np.float32(size / 512)

    return read


@pytest.fixture(scope="module")
def step_of(crop_of, frame_of):
    ager = load_ager("bands", "cpu")

    def step(rgb, points, source, target, intensity=1.0):
        crop = crop_of(rgb, points, (float(source), float(target)), intensity)
        return ager([crop])[0].step

    return step


def band_energy(image, points, low, high):
    """Spectral energy of both cheeks' luma whose wavelengths lie between shares ``low`` and ``high`` of the face."""
    face = np.hypot(*(points[152] - points[10]))
    window = np.outer(np.hanning(48), np.hanning(48))
    wavelength = 1 / np.maximum(np.hypot(*np.meshgrid(np.fft.fftfreq(48), np.fft.fftfreq(48))), 1e-9) / face
    total = 0.0
    for spot in (205, 425):
        x, y = points[spot].astype(int) - 24
        patch = image[y : y + 48, x : x + 48] @ [0.2126, 0.7152, 0.0722]
        power = np.abs(np.fft.fft2((patch - patch.mean()) * window)) ** 2
        total += power[(wavelength >= low) & (wavelength < high)].sum()
    return total


def middle(image, points):
    """Features 1/128 to 1/32 of the face's height wide: half a wavelength."""
    return band_energy(image, points, 1 / 64, 1 / 16)


def finest(image, points):
    return band_energy(image, points, 0, 1 / 96)


# ---- nothing where nothing is asked --------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [256, 512, 1024])
def test_equal_ages_change_no_bit(size, portrait, step_of):
    for age in (5, 40, 83.5):
        assert not step_of(*portrait("lon_003", size), age, age).any()


def test_intensity_zero_changes_no_bit(portrait, step_of):
    assert not step_of(*portrait("lon_003"), 30, 70, intensity=0.0).any()


OVAL = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip
RIGHT_EYE = (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246)
LEFT_EYE = (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466)
MOUTH = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)
"""MediaPipe's published outlines, in order."""


@pytest.mark.parametrize("person", FACES)
@pytest.mark.parametrize("target", [20, 80])
def test_eyes_lips_and_all_beyond_the_face_keep_every_bit(person, target, portrait, step_of):
    image, points = portrait(person)
    changed = step_of(image, points, 45, target).any(axis=2)
    inside = {name: polygon2mask((512, 512), points[list(ring), ::-1] - 0.5) for name, ring in
              (("face", OVAL), ("right eye", RIGHT_EYE), ("left eye", LEFT_EYE), ("mouth", MOUTH))}  # fmt: skip
    assert not (changed & ~cv2.dilate(inside["face"].astype(np.uint8), np.ones((3, 3))).astype(bool)).any()
    for feature in ("right eye", "left eye", "mouth"):
        assert not (changed & inside[feature]).any(), feature
    assert changed.sum() > 0.4 * inside["face"].sum()


# ---- older and younger ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("person", FACES)
def test_the_middle_band_rises_with_age(person, portrait, step_of):
    image, points = portrait(person)
    energy = [middle(image + step_of(image, points, 35, target), points) for target in (15, 25, 35, 50, 65, 80)]
    assert energy == sorted(energy)
    assert energy[-1] > 1.35 * energy[2]
    assert energy[0] < 0.8 * energy[2]


@pytest.mark.parametrize("person", FACES)
@pytest.mark.parametrize("target", [15, 75])
def test_pores_stay_and_grain_is_not_raised(person, target, portrait, step_of):
    image, points = portrait(person)
    ratio = finest(image + step_of(image, points, 35, target), points) / finest(image, points)
    assert 0.75 < ratio < 1.25


def test_a_face_of_grain_alone_gets_no_texture(portrait, step_of):
    image, points = portrait("lon_003")
    smooth = cv2.GaussianBlur(image, (0, 0), 6)
    noise = np.random.default_rng(1).normal(0, 0.03, (512, 512, 1)).astype(np.float32)
    grainy = (smooth + noise).clip(0, 1)
    aged = step_of(grainy, points, 35, 75) - step_of(smooth, points, 35, 75)
    x, y = points[205].astype(int)
    cheek = np.s_[y - 20 : y + 20, x - 20 : x + 20]
    assert aged[cheek].std() < 0.35 * noise[cheek].std()


def test_dark_skin_ages_as_visibly(portrait, step_of):
    def contrast(person):
        image, points = portrait(person)
        step = step_of(image, points, 35, 75).mean(axis=2)
        return np.sqrt(np.mean(step[step != 0] ** 2)) / image[step != 0].mean()

    light = np.mean([contrast(person) for person in ("lon_001", "lon_003", "lon_013")])
    dark = np.mean([contrast(person) for person in ("lon_061", "lon_062", "lon_137")])
    assert dark > 0.8 * light


def test_hair_and_beard_change_less_than_skin(portrait, step_of):
    image, points = portrait("lon_003")  # a fringe down to the brows
    step = np.abs(step_of(image, points, 35, 75)).mean(axis=2)

    def around(spot):
        x, y = points[spot].astype(int)
        return step[y - 6 : y + 6, x - 6 : x + 6].mean()

    assert max(around(69), around(299)) < 0.25 * min(around(205), around(425))
    image, points = portrait("lon_092")  # a full chin beard
    step = np.abs(step_of(image, points, 35, 75)).mean(axis=2)
    assert around(199) < 0.5 * min(around(119), around(348))


@pytest.mark.parametrize("person", FACES)
def test_a_ramp_of_ages_is_smooth_and_never_turns_back(person, portrait, step_of):
    image, points = portrait(person, 256)
    steps = np.array([step_of(image, points, 40, age) for age in range(0, 111, 5)])
    whole = np.abs(steps).mean(axis=(1, 2, 3))
    assert (np.diff(whole[8:]) >= 0).all()
    assert (np.diff(whole[:9]) <= 0).all()
    assert np.abs(np.diff(steps, axis=0)).max() < 0.08
    assert np.array_equal(step_of(image, points, 40, 100), step_of(image, points, 40, 119))


@pytest.mark.parametrize("person", FACES)
def test_the_result_stays_within_what_the_picture_had(person, portrait, step_of):
    image, points = portrait(person)
    for target in (10, 110):
        aged = image + step_of(image, points, 50, target)
        assert aged.min() >= 0
        assert aged.max() <= 1
        changed = aged != image
        assert aged[changed].max() <= image[changed].max() + 0.05
        assert aged[changed].min() >= image[changed].min() - 0.05


ages = st.floats(0, 120)


@given(source=ages, target=ages, later=st.floats(0, 30))
def test_the_amount_is_of_the_years_between(source, target, later):
    assert amount(source, source) == 0
    assert amount(source, target + later) >= amount(source, target)
    if abs(target - source) <= 60:
        assert amount(target, source) == -amount(source, target)


# ---- still in time, the same everywhere ----------------------------------------------------------------------------


def test_a_face_that_moves_takes_its_step_along(portrait, step_of):
    image, points = portrait("lon_013")
    still = step_of(image, points, 35, 75)
    shift = np.array([[1, 0, 0.37], [0, 1, -0.61]], np.float32)
    moved = cv2.warpAffine(image, shift, (512, 512), flags=cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REPLICATE)
    step = step_of(moved.clip(0, 1), points + shift[:, 2], 35, 75)
    carried = cv2.warpAffine(still, shift, (512, 512), flags=cv2.INTER_LANCZOS4)
    assert np.abs(step - carried).mean() < 0.06 * np.abs(still).mean()


@pytest.mark.parametrize("size", [256, 768, 1024])
def test_the_crops_size_hardly_matters(size, portrait, step_of):
    one, other = step_of(*portrait("lon_001", size), 35, 75), step_of(*portrait("lon_001"), 35, 75)
    if size < 512:
        other = cv2.resize(other, (size, size), interpolation=cv2.INTER_AREA)
    else:
        one = cv2.resize(one, (512, 512), interpolation=cv2.INTER_AREA)
    assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.95


def test_bits_do_not_depend_on_opencv_threads(portrait, step_of):
    face = portrait("lon_062")
    before = cv2.getNumThreads()
    try:
        answers = []
        for threads in (1, 2, 5):
            cv2.setNumThreads(threads)
            answers.append(np.stack([step_of(*face, 35, 75), step_of(*face, 75, 35)]).view(np.uint32))
    finally:
        cv2.setNumThreads(before)
    assert np.array_equal(answers[0], answers[1])
    assert np.array_equal(answers[0], answers[2])


@pytest.mark.parametrize(
    "change",
    [
        lambda p: p * 0 + 100,
        lambda p: p + 600,
        lambda p: p * 0.02,
        lambda p: p * 4 - 700,
        lambda p: p + np.array([250, 0], np.float32),
    ],
    ids=["one point", "outside", "tiny", "huge", "half outside"],
)
def test_odd_landmarks_are_harmless(change, portrait, step_of):
    image, points = portrait("lon_001", 256)
    step = step_of(image, change(points), 35, 75)
    assert np.isfinite(step).all()
    assert (image + step).max() <= 1


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_a_black_or_white_face_is_harmless(level, portrait, step_of):
    _, points = portrait("lon_001", 256)
    for target in (10, 80):
        step = step_of(np.full((256, 256, 3), level, np.float32), points, 40, target)
        assert np.isfinite(step).all()
        assert (level + step).min() >= 0
        assert (level + step).max() <= 1
