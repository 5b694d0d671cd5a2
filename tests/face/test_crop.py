"""Crops of real portraits: the network gets the same crop from every plate that shows the same face."""

import cv2
import numpy as np
import pytest

from tests.face.track.shots import track_of
from tests.plates import write_shot
from tests.test_geometry import ffhq_formula
from vfxage.ager import load_ager
from vfxage.colour.space import Colour
from vfxage.errors import ShotError
from vfxage.face.crop import cut, plan_crops
from vfxage.geometry import invert, map_points
from vfxage.shot import load_shot
from vfxage.types import Frame, Window

STEM = "lon_090_neutral"


@pytest.fixture(scope="module")
def colour():
    return Colour("Linear Rec.709 (sRGB)")


@pytest.fixture(scope="module")
def bands():
    return load_ager("bands", "cpu")


@pytest.fixture(scope="module")
def portrait(portraits):
    """sRGB 0..1 and landmarks."""
    picture = cv2.imread(str(portraits / "eval" / f"{STEM}.jpg"))[..., ::-1].astype(np.float32) / 255
    with np.load(portraits / "eval" / "landmarks.npz", allow_pickle=False) as archive:
        return picture, archive[STEM]


def linear(code):
    return np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4).astype(np.float32)


def frame_of(picture, *, number=1, window=None):
    window = window or Window(0, 0, picture.shape[1], picture.shape[0])
    rgb = np.ascontiguousarray(linear(picture)[window.slices(Window(0, 0, picture.shape[1], picture.shape[0]))])
    return Frame(number=number, window=window, rgb=rgb)


def plan_of(tmp_path, ager, *tracks, pixel_aspect=1.0, **keys):
    shot = load_shot(write_shot(tmp_path, plate="p.####.exr", outputs=[{"path": "o.####.exr"}], **keys))
    faces = shot.faces if len(shot.faces) == len(tracks) else shot.faces * len(tracks)
    selected = tuple(zip(faces, tracks, strict=True))
    return plan_crops(selected, shot, ager, pixel_aspect)


def test_crop_shows_the_face_as_ffhq_frames_it(tmp_path, bands, colour, portrait):
    picture, points = portrait
    plan = plan_of(tmp_path, bands, track_of(points))
    (crop,) = cut(frame_of(picture), plan, colour).crops
    size = crop.rgb.shape[0]
    assert crop.rgb.dtype == np.float32
    assert 0 <= crop.rgb.min() <= crop.rgb.max() <= 1
    eyes = crop.points[[33, 133, 362, 263]].mean(0) / size
    assert eyes == pytest.approx([0.5, 0.475], abs=0.02)
    assert (crop.name, crop.ages, crop.intensity) == ("face0", (35, 65), 1)
    np.testing.assert_allclose(map_points(crop.points, crop.to_frame), points, atol=1e-3)
    # colour at landmarks is the picture's own, whatever the way there
    soft = cv2.GaussianBlur(picture, (0, 0), 3.0)
    seen = cv2.GaussianBlur(crop.rgb, (0, 0), 3.0 * size / (np.hypot(*crop.to_frame[:, 0]) * size))
    for index in (4, 50, 280, 9, 152):
        x, y = (points[index] - 0.5).round().astype(int)
        u, v = (map_points(np.array([[x + 0.5, y + 0.5]]), invert(crop.to_frame))[0] - 0.5).round().astype(int)
        np.testing.assert_allclose(seen[v, u], soft[y, x], atol=0.03)


def test_middle_grey_is_srgb_grey_and_what_is_not_finite_stays_sane(tmp_path, bands, colour, portrait):
    points = portrait[1]
    rgb = np.full((512, 512, 3), 0.18, np.float32)
    plan = plan_of(tmp_path, bands, track_of(points))
    (crop,) = cut(Frame(number=1, window=Window(0, 0, 512, 512), rgb=rgb), plan, colour).crops
    np.testing.assert_allclose(crop.rgb, 0.4613561, atol=2e-5)
    wild = rgb.copy()
    wild[200, 200], wild[250, 250], wild[300, 260], wild[260, 200] = np.nan, np.inf, -np.inf, 6e4
    (crop,) = cut(Frame(number=1, window=Window(0, 0, 512, 512), rgb=wild), plan, colour).crops
    assert np.isfinite(crop.rgb).all()
    assert 0 <= crop.rgb.min() <= crop.rgb.max() <= 1
    assert (np.abs(crop.rgb - 0.4613561).max(axis=2) > 0.01).mean() < 0.002


def test_the_data_windows_place_does_not_matter_to_what_lies_in_it(tmp_path, bands, colour, portrait):
    picture, points = portrait
    plan = plan_of(tmp_path, bands, track_of(points))
    (whole,) = cut(frame_of(picture), plan, colour).crops
    part = Window(60, 90, 380, 400)
    (seen,) = cut(frame_of(picture, window=part), plan, colour).crops
    size = whole.rgb.shape[0]
    x, y = map_points(np.stack(np.meshgrid(*[np.arange(size) + 0.5] * 2), axis=-1).reshape(-1, 2), whole.to_frame).T
    inside = (x > part.x + 4) & (x < part.x + part.width - 4) & (y > part.y + 4) & (y < part.y + part.height - 4)
    inside = inside.reshape(size, size) & (whole.matte > 0)
    assert inside.mean() > 0.2
    np.testing.assert_allclose(seen.rgb[inside], whole.rgb[inside], atol=1e-6)
    np.testing.assert_array_equal(seen.to_frame, whole.to_frame)


def test_no_crop_where_the_face_is_absent_or_outside_the_data_window(tmp_path, bands, colour, portrait):
    picture, points = portrait
    plan = plan_of(tmp_path, bands, track_of(points, (1, 2, 5)))
    assert [len(cut(frame_of(picture, number=n), plan, colour).crops) for n in (0, 1, 2, 3, 5, 6)] == [0, 1, 1, 0, 1, 0]
    away = plan_of(tmp_path, bands, track_of(points + np.float32(5000)))
    assert cut(frame_of(picture), away, colour).crops == ()


@pytest.mark.parametrize(("extent", "size"), [(90, 256), (245, 256), (268, 512), (600, 768), (800, 1024), (3000, 1024)])
def test_size_is_the_smallest_that_holds_the_faces_own_pixels(tmp_path, bands, portrait, extent, size):
    points = portrait[1] * np.float32(extent / ffhq_formula(portrait[1])[0])
    plan = plan_of(tmp_path, bands, track_of(points))
    assert plan.faces[0].size == size


def test_a_few_frames_near_the_lens_do_not_make_every_crop_large(tmp_path, bands, portrait):
    points = np.repeat(portrait[1][None] * np.float32(0.4), 40, 0)
    points[:3] *= 3
    plan = plan_of(tmp_path, bands, track_of(points, range(40)))
    assert plan.faces[0].size == 256


def test_crop_size_of_the_shot_wins_and_must_be_one_the_ager_takes(tmp_path, bands, portrait):
    track = track_of(portrait[1])
    assert plan_of(tmp_path, bands, track, crop_size=1024).faces[0].size == 1024

    class OnlyMedium:
        name, framing, sizes = "medium", bands.framing, (512,)

    assert plan_of(tmp_path, OnlyMedium(), track).faces[0].size == 512
    with pytest.raises(ShotError, match=r"crop_size 1024 .* set crop_size to one of 512"):
        plan_of(tmp_path, OnlyMedium(), track, crop_size=1024)


def test_ages_intensity_and_presence_on_their_frames(tmp_path, bands, colour, portrait):
    picture, points = portrait
    faces = [{"name": "lead", "target_age": {1: 40, 3: 60}, "intensity": {1: 1.0, 3: 0.5}}]
    plan = plan_of(tmp_path, bands, track_of(points, (1, 2, 3), presence=0.5), faces=faces)
    crops = [cut(frame_of(picture, number=n), plan, colour).crops[0] for n in (1, 2, 3)]
    assert [crop.ages for crop in crops] == [(35, 40), (35, 50), (35, 60)]
    assert [crop.intensity for crop in crops] == [0.5, 0.375, 0.25]
    assert plan.names == ("lead",)
    assert plan.faces[0].ages_at(2) == (35, 50)


def test_dependencies_change_with_what_the_crop_depends_on(tmp_path, bands, portrait):
    points = np.repeat(portrait[1][None], 3, 0)
    plan = plan_of(tmp_path, bands, track_of(points, (1, 2, 3)), target_age={1: 40, 3: 60})
    moved = points.copy()
    moved[1, 7, 0] += 0.01
    other = plan_of(tmp_path, bands, track_of(moved, (1, 2, 3)), target_age={1: 40, 3: 60})
    older = plan_of(tmp_path, bands, track_of(points, (1, 2, 3)), target_age={1: 40, 2: 50, 3: 61})
    assert plan.dependencies(1) == other.dependencies(1) == older.dependencies(1)
    assert plan.dependencies(2) == older.dependencies(2) != other.dependencies(2)
    assert plan.dependencies(3) != older.dependencies(3)
    assert plan.dependencies(9) == plan.dependencies(10)


def test_anamorphic_plates_show_the_network_the_same_face(tmp_path, bands, colour, portrait):
    picture, points = portrait
    plain = plan_of(tmp_path, bands, track_of(points), crop_size=256)
    wide = plan_of(tmp_path, bands, track_of(points / np.array([2, 1], np.float32)), crop_size=256, pixel_aspect=2.0)
    squeezed = cv2.resize(picture, (256, 512), interpolation=cv2.INTER_AREA)
    (one,), (two,) = (cut(frame_of(image), plan, colour).crops for image, plan in ((picture, plain), (squeezed, wide)))
    np.testing.assert_allclose(two.points, one.points, atol=1e-2)
    assert np.sqrt(np.mean((one.rgb - two.rgb)[one.matte > 0] ** 2)) < 0.012


def test_faces_keep_the_plans_order_and_their_own_size(tmp_path, bands, colour, portrait):
    picture, points = portrait
    small = (points - 256) * np.float32(0.4) + 256
    plan = plan_of(tmp_path, bands, track_of(points, face=3), track_of(small, face=1))
    crops = cut(frame_of(picture), plan, colour).crops
    assert [(crop.name, crop.face, crop.rgb.shape[0]) for crop in crops] == [("face3", 3, 512), ("face1", 1, 256)]


def test_the_same_frame_gives_the_same_bits_for_any_number_of_opencv_threads(tmp_path, bands, colour, portrait):
    picture, points = portrait
    plan = plan_of(tmp_path, bands, track_of(points))
    before = cv2.getNumThreads()
    try:
        answers = []
        for threads in (1, 2, 5):
            cv2.setNumThreads(threads)
            (crop,) = cut(frame_of(picture), plan, colour).crops
            answers.append((crop.rgb.tobytes(), crop.matte.tobytes()))
    finally:
        cv2.setNumThreads(before)
    assert answers[0] == answers[1] == answers[2]
