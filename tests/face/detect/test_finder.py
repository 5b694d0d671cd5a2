"""Landmarks: every size, every roll, the same bits, and nothing said on stderr."""

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage import data

from vfxage.errors import InstallError
from vfxage.face.detect import FaceFinder
from vfxage.face.detect.graphs import Graph
from vfxage.face.detect.search import levels, starts
from vfxage.face.detect.views import Square, view


@pytest.fixture(scope="module")
def finder():
    with FaceFinder() as finder:
        yield finder


@pytest.fixture(scope="module")
def astronaut():
    return data.astronaut()


@pytest.fixture(scope="module")
def face(finder, astronaut):
    (found,) = finder.find(astronaut)
    return found


def texture(width: int, height: int) -> np.ndarray:
    """Blotches, edges and grain: plenty to mistake for a face."""
    rng = np.random.default_rng(7)
    blotches = cv2.resize(rng.normal(0, 60, (height // 40, width // 40, 3)), (width, height))
    edges = cv2.resize(rng.integers(0, 2, (height // 90, width // 90, 1)) * 40.0, (width, height), interpolation=0)
    return np.clip(110 + blotches + edges[..., None] + rng.normal(0, 6, (height, width, 3)), 0, 255).astype(np.uint8)


def warped(picture: np.ndarray, scale: float, degrees: float, size: tuple[int, int]):
    """The picture scaled and turned about its middle, with the (2, 3) that did it (continuous coordinates)."""
    centre, new = np.array(picture.shape[1::-1]) / 2, np.array(size) / 2
    angle = np.radians(degrees)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    transform = np.column_stack([turn, new - turn @ centre])
    index = transform.copy()
    index[:, 2] += transform[:, :2] @ (0.5, 0.5) - 0.5
    return cv2.warpAffine(picture, index, size, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT), transform


def miss(points: np.ndarray, expected: np.ndarray) -> float:
    """Mean landmark error as a part of the face's height."""
    return float(np.linalg.norm(points - expected, axis=1).mean() / np.ptp(expected[:, 1]))


def test_faces_of_60_pixels_are_found_anywhere_in_a_4k_plate(finder, astronaut, face):
    plate = texture(3840, 2160)
    scale = 60 / np.ptp(face.points[:, 1])
    person = cv2.resize(astronaut[:330, 100:360], None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    height, width = person.shape[:2]
    places = [(0, 0), (3840 - width, 2160 - height), (1777, 1055), (640, 1313), (3003, 271)]
    for x, y in places:
        plate[y : y + height, x : x + width] = person
    found = finder.find(plate)
    for x, y in places:
        expected = (face.points - [100, 0]) * scale + [x, y]
        assert min(miss(item.points, expected) for item in found) < 0.05
    assert len(found) == len(places)


@pytest.mark.parametrize(("scale", "degrees"), [(0.5, 0), (1.0, 25), (2.5, -40), (1.0, 90), (0.9, -90)])
def test_landmarks_move_with_the_face(finder, astronaut, face, scale, degrees):
    picture, transform = warped(astronaut, scale, degrees, (900, 900))
    expected = face.points @ transform[:, :2].T + transform[:, 2]
    assert min(miss(item.points, expected) for item in finder.find(picture)) < 0.03


@pytest.mark.parametrize(
    "name",
    ["con_M000317", "con_D000600", "con_W000798", "con_D000399", "con_S001148", "con_B001301", "con_G000555"],
)
def test_a_portrait_that_a_detector_likes_better_lying_is_found_upright(finder, portraits, name):
    """Turned by a right angle these are scored higher than as they are, with eyes where there are none."""
    path = portraits / "train" / f"{name}.jpg"
    picture = np.ascontiguousarray(cv2.imread(str(path))[..., ::-1])
    (found,) = finder.find(picture)
    assert finder.evidence(picture, found.points) > 0.8
    eyes = np.stack([found.points[[33, 133]].mean(0), found.points[[362, 263]].mean(0)])
    # The pictures are cropped so that the eyes lie level, side by side about the middle, above it.
    assert abs(eyes[0, 1] - eyes[1, 1]) < 8
    np.testing.assert_allclose(eyes.mean(0), [256, 230], atol=25)
    for turns in (1, 3):
        turned = np.ascontiguousarray(np.rot90(picture, turns))
        (lying,) = finder.find(turned)
        assert finder.evidence(turned, lying.points) > 0.65


@pytest.mark.parametrize(
    ("name", "right", "left"), [("E000235", (117, 168), (185, 164)), ("E000215", (131, 170), (203, 170))]
)
def test_a_broad_smile_is_not_meshed_across_the_face(finder, portraits, name, right, left):
    """FaceMesh and the vote like a mesh whose eye is the corner of the mouth; the eyes were read from the pictures."""
    picture = np.ascontiguousarray(cv2.imread(str(portraits / "clerk" / f"clk_{name}.jpg"))[..., ::-1])
    (found,) = finder.find(picture)
    eyes = [found.points[[33, 133]].mean(0), found.points[[362, 263]].mean(0)]
    np.testing.assert_allclose(eyes, [right, left], atol=5)


def test_a_face_that_is_known_is_not_meshed_again_and_hides_no_other(finder, astronaut, face):
    both = np.concatenate([astronaut, astronaut[:, ::-1]], axis=1)
    assert finder.find(astronaut, [face.points]) == []
    (other,) = finder.find(both, [face.points])
    assert other.points[:, 0].min() > 512


def test_both_detectors_are_sure_of_a_face_and_not_of_a_texture(finder, astronaut, face):
    assert finder.evidence(astronaut, face.points) > 0.8
    assert finder.evidence(texture(512, 512), face.points) < 0.3


def test_nothing_is_found_where_there_is_no_face(finder):
    assert finder.find(texture(1280, 720)) == []
    assert finder.find(np.zeros((720, 1280, 3), np.uint8)) == []
    assert finder.find(np.full((2, 3, 3), 128, np.uint8)) == []


def test_following_a_face_ends_with_the_face(finder, astronaut, face):
    moved = np.roll(astronaut, (12, -17), (0, 1))
    found = finder.follow(moved, face.points)
    assert miss(found.points, face.points + np.array([-17, 12])) < 0.01
    assert found.confidence > 0.9
    assert found.vote > 0.6
    gone = finder.follow(texture(512, 512), face.points)
    assert gone is None or gone.vote < 0.3


def test_the_same_picture_gives_the_same_bits_whatever_came_before(finder, astronaut):
    first = finder.find(astronaut)[0].points
    finder.find(texture(640, 480))
    finder.follow(astronaut[::-1].copy(), first)
    np.testing.assert_array_equal(finder.find(astronaut)[0].points, first)
    with FaceFinder() as other:
        np.testing.assert_array_equal(other.find(astronaut)[0].points, first)


def test_yaw_is_positive_towards_the_pictures_right(finder, clips):
    import av

    with av.open(str(clips / "foreman_cif_face_leaves.264")) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number == 164:  # he looks to the right, past three quarters
                picture = frame.to_ndarray(format="rgb24")
                break
    (right,) = finder.find(picture)
    (left,) = finder.find(np.ascontiguousarray(picture[:, ::-1]))
    assert right.yaw > 35
    assert left.yaw < -35


def test_large_faces_are_reduced_without_aliasing():
    rows, columns = np.mgrid[:1600, :1600]
    board = np.repeat((((rows + columns) % 2) * 255).astype(np.uint8)[..., None], 3, 2)
    for side in (300.0, 800.0, 1500.0):
        seen = view(board, Square(800.3, 799.6, side, 0.3), 192)[40:-40, 40:-40]
        assert np.abs(seen.astype(int) - 127).max() < (40 if side < 400 else 12)


@given(st.floats(150, 250), st.floats(150, 250), st.floats(20, 250), st.floats(-3, 3))
def test_a_view_shows_what_lies_in_its_square(x, y, side, roll):
    rows, columns = np.mgrid[:400, :400]
    ramp = np.stack([(columns + 0.5) / 2, (rows + 0.5) / 2, 0 * rows], -1).round().astype(np.uint8)
    square = Square(x, y, side, roll)
    seen = view(ramp, square, 64).astype(float) * 2
    grid = np.stack([*np.meshgrid(np.arange(64) + 0.5, np.arange(64) + 0.5), np.ones((64, 64))], -1)
    place = grid @ square.to_picture(64).T
    inside = ((place > 4) & (place < 396)).all(-1)
    assert np.abs(seen[..., :2] - place)[inside].max(initial=0) < 3


@given(st.integers(1, 9000), st.sampled_from([128, 192]))
def test_tiles_cover_the_picture_and_overlap(length, side):
    first = starts(length, side)
    assert first[0] == 0
    assert first[-1] + side >= length
    assert first == [0] or first[-1] + side == length
    assert all(0 < b - a <= side * 0.75 for a, b in pairwise(first))


@given(st.integers(16, 9000), st.integers(16, 9000), st.floats(16, 400))
def test_scales_reach_from_the_smallest_face_to_the_whole_picture(width, height, min_face):
    scales = levels(width, height, 192, min_face)
    assert round(max(width, height) * scales[-1]) == 192
    assert scales == sorted(scales, reverse=True)
    assert scales[0] * min_face >= min(18, 2 * min_face) - 1e-6 or scales[0] == scales[-1]
    assert all(a / b <= 2.3 for a, b in pairwise(scales))


def run(code: str) -> subprocess.CompletedProcess:
    root = Path(__file__).resolve().parents[3]
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=False)


def test_importing_loads_no_heavy_library():
    heavy = "mediapipe cv2 scipy torch av"
    result = run(
        f"import sys, vfxage.face.detect, vfxage.face.track; print([m for m in '{heavy}'.split() if m in sys.modules])"
    )
    assert result.stdout.strip() == "[]", result.stderr


def test_the_users_log_stays_clean_and_stays_the_users():
    result = run(
        "import os, numpy as np\n"
        "from skimage import data\n"
        "from vfxage.face.detect import FaceFinder\n"
        "with FaceFinder() as finder: finder.find(data.astronaut())\n"
        "os.write(2, b'mine')\n"
    )
    assert (result.returncode, result.stderr, result.stdout) == (0, "mine", "")


def test_a_missing_system_library_is_reported_with_the_package_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    with pytest.raises(InstallError, match=r"apt-get install .*libgl1"), FaceFinder():
        pass


def test_a_machine_without_opengl_gets_a_clear_error(tmp_path):
    """As on a bare server: OpenCV, which MediaPipe imports, does not load."""
    (tmp_path / "cv2.py").write_text("raise ImportError('libGL.so.1: cannot open shared object file')")
    result = run(
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from vfxage.errors import InstallError\n"
        "from vfxage.face.detect import FaceFinder\n"
        "try:\n    FaceFinder().__enter__()\n"
        "except InstallError as error:\n    print(error.exit_code, error)\n"
    )
    assert result.stdout.startswith("2 MediaPipe does not load (libGL.so.1"), result.stderr
    assert "libgl1" in result.stdout


def test_what_mediapipe_raises_is_translated():
    graph = Graph('input_stream: "image" output_stream: "image"', ("image",), 8)
    graph.close()
    with pytest.raises(InstallError, match=r"mediapipe==0\.10\.21"):
        graph.run(np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(InstallError, match="fails to start"):
        Graph('node { calculator: "NoSuchCalculator" }', (), 8)
