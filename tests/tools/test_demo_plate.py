"""The demo plate, read back with OpenImageIO and compared with scikit-image's portrait."""

import importlib.metadata
from fractions import Fraction

import numpy as np
import OpenImageIO as oiio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.registration import phase_cross_correlation
from skimage.transform import SimilarityTransform, warp

from tools import demo_plate
from tools.demo_plate import CAMERA, FIRST, HEIGHT, LAST, WIDTH, Camera, exposure, grain, make_plate, scene, timecode

ENDS = (FIRST, LAST)
LUMA = np.array([0.2126, 0.7152, 0.0722], dtype=np.float32)


@pytest.fixture(scope="module")
def photograph():
    return scene()


@pytest.fixture(scope="module")
def plate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plate")
    assert make_plate(folder, ENDS) == 2
    return folder


def path_of(folder, number):
    return folder / f"demo.{number}.exr"


def open_image(path):
    image = oiio.ImageInput.open(str(path))
    assert image, oiio.geterror()
    return image


def test_portrait_is_inside_the_wheel():
    files = importlib.metadata.files("scikit-image") or []
    assert any(str(file) == "skimage/data/astronaut.png" for file in files), "it would be fetched by network"


@pytest.mark.parametrize(("number", "code"), [(FIRST, 0x01000000), (LAST, 0x01000123)])
def test_header_is_a_film_scans(plate, number, code):
    spec = open_image(path_of(plate, number)).spec()
    assert (spec.width, spec.height, spec.channelnames) == (WIDTH, HEIGHT, ("R", "G", "B"))
    assert spec.format == oiio.HALF
    assert Fraction(*spec.getattribute("framesPerSecond")) == Fraction(24000, 1001)
    assert spec.getattribute("smpte:TimeCode")[0] == code  # binary-coded 01:00:00:00 and 01:00:01:23
    rec709 = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290)
    assert spec.getattribute("chromaticities") == pytest.approx(rec709)
    assert spec.getattribute("camera")
    assert spec.getattribute("lens")


def test_pixels_are_scene_linear_with_highlights(plate):
    rgb = open_image(path_of(plate, FIRST)).read_image("float")
    assert np.isfinite(rgb).all()
    assert 1.5 < rgb.max() < 4
    assert 0.1 < rgb.mean() < 0.6
    assert rgb.min() > -0.01, "grain may dip below black, but hardly"


def test_frames_are_the_same_bytes_whenever_made(plate, tmp_path):
    make_plate(tmp_path, [LAST])
    assert path_of(tmp_path, LAST).read_bytes() == path_of(plate, LAST).read_bytes()


def test_only_what_is_missing_is_made(tmp_path):
    make_plate(tmp_path, ENDS)
    whole = path_of(tmp_path, LAST).read_bytes()
    kept = path_of(tmp_path, FIRST).stat().st_mtime_ns
    path_of(tmp_path, LAST).write_bytes(whole[:100])
    assert make_plate(tmp_path, ENDS) == 1
    assert path_of(tmp_path, LAST).read_bytes() == whole
    assert path_of(tmp_path, FIRST).stat().st_mtime_ns == kept
    assert make_plate(tmp_path, ENDS) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["demo.1001.exr", "demo.1048.exr"]


def test_another_recipe_makes_the_frames_anew(tmp_path, monkeypatch):
    make_plate(tmp_path, [FIRST])
    monkeypatch.setattr(demo_plate, "CAMERA", Camera(seed=7))
    assert make_plate(tmp_path, [FIRST]) == 1


@given(st.floats(0, LAST - FIRST + 1))
def test_camera_never_leaves_the_photograph(time):
    matrix = CAMERA.pose(time).to_photo()
    corners = np.array([[0, 0], [WIDTH, 0], [0, HEIGHT], [WIDTH, HEIGHT]])
    photo = corners @ matrix[:, :2].T + matrix[:, 2]
    assert photo.min() > 3
    assert photo.max() < 512 - 3


@given(st.floats(0, LAST - FIRST), st.floats(0, 0.01))
def test_camera_does_not_jump(time, step):
    corners = np.array([[0, 0], [WIDTH, HEIGHT]])
    here, there = (CAMERA.pose(moment).to_photo() for moment in (time, time + step))
    moved = np.abs(corners @ (there - here)[:, :2].T + (there - here)[:, 2])
    assert moved.max() <= 6 * step + 1e-9  # photograph pixels: below 6 a frame anywhere


def test_camera_pans_zooms_rolls_and_shakes():
    poses = [CAMERA.pose(time) for time in range(LAST - FIRST + 1)]
    assert poses[-1].zoom / poses[0].zoom > 1.1
    assert abs(poses[-1].roll - poses[0].roll) > 0.02
    path = np.array([[pose.x, pose.y] for pose in poses])
    assert np.abs(path[-1] - path[0]).max() > 20
    shake = np.diff(path, n=2, axis=0)
    assert 0.1 < shake.std() < 2


@pytest.mark.parametrize("time", [0.0, 23.25, 47.0])
def test_frame_lies_where_the_camera_looks(photograph, time):
    still = Camera(shutter=0.0, samples=1)
    frame = exposure(photograph, time, still) @ LUMA
    pose = CAMERA.pose(time)
    place = SimilarityTransform(translation=(-WIDTH / 2 + 0.5, -HEIGHT / 2 + 0.5))
    place += SimilarityTransform(scale=1 / pose.zoom, rotation=-pose.roll)
    place += SimilarityTransform(translation=(pose.x - 0.5, pose.y - 0.5))
    box = photograph.reshape(512, 4, 512, 4, 3).mean(axis=(1, 3)) @ LUMA
    expected = warp(box, place, output_shape=(HEIGHT, WIDTH), order=1)
    shift, _, _ = phase_cross_correlation(expected, frame, upsample_factor=50, normalization=None)
    assert np.abs(shift).max() <= 0.12, "half a pixel of the enlarged photograph would be 0.35"
    assert np.abs(expected - frame).mean() < 0.01


def test_shutter_blurs_along_the_motion(photograph):
    times = np.arange(LAST - FIRST)
    path = np.array([[CAMERA.pose(time).x, CAMERA.pose(time).y] for time in times])
    fastest = float(times[np.argmax(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    sharp = exposure(photograph, fastest, Camera(shutter=0.0, samples=1))
    blurred = exposure(photograph, fastest)
    assert np.abs(np.diff(blurred, axis=1)).mean() < np.abs(np.diff(sharp, axis=1)).mean()


def test_grain_is_new_every_frame_and_grows_with_light():
    grey = np.full((256, 256, 3), 0.18, dtype=np.float32)
    one, again, other = grain(grey, 1001), grain(grey, 1001), grain(grey, 1002)
    assert np.array_equal(one, again)
    assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.02
    assert abs(one.mean()) < 2e-4
    assert 0.02 < one.std() / 0.18 < 0.05
    assert grain(4 * grey, 1001).std() == pytest.approx(2 * one.std(), rel=0.05)
    assert np.corrcoef(one[:, :-1].ravel(), one[:, 1:].ravel())[0, 1] > 0.2, "softer than a pixel"


@pytest.mark.parametrize(
    ("number", "code"),
    [(1001, (1, 0, 0, 0)), (1024, (1, 0, 0, 23)), (1025, (1, 0, 1, 0)), (1001 + 86400, (2, 0, 0, 0))],
)
def test_timecode_counts_24_to_the_second(number, code):
    assert timecode(number) == code
