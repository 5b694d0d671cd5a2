"""Tracks on real clips and staged ones: who is there, and when."""

from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage import data

from tests.face.track.shots import Settings, decode, spans, track


@pytest.mark.parametrize(
    ("name", "start", "stop", "height"),
    [
        ("signer_hand_over_face.mp4", 22, 44, 183),  # a hand passes over the lower face about frame 32
        ("intel_asl_again.mkv", 50, 77, 76),  # printed skulls on the shirt: FaceMesh takes one for a face
        ("intel_asl_brother.mkv", 15, 40, 80),  # a hand at the forehead
        ("carphone_pristine.mp4", 0, 20, 59),
        ("turn_720p.264", 0, 19, 206),
        ("androidx_sample.mp4", 0, 6, 331),
        ("webcam_leans_in_out.mp4", 610, 640, 86),
    ],
)
def test_one_person_is_one_track_over_the_whole_take(clips, name, start, stop, height):
    tracks = track(decode(clips / name, start, stop), first=start)
    assert tracks.cuts == ()
    assert spans(tracks.faces) == [(start, stop - 1)]
    (face,) = tracks.faces
    assert len(face.numbers) == stop - start
    assert np.ptp(face.points[..., 1], axis=1).mean() == pytest.approx(height, rel=0.1)
    assert face.presence.min() == 1
    assert face.confidence.min() > 0.5


@pytest.fixture(scope="module")
def leaving(clips):
    """A man who turns away and leaves the picture."""
    (face,) = track(decode(clips / "foreman_cif_face_leaves.264", 150, 200), first=150).faces
    return face


def test_a_track_ends_where_the_face_leaves(leaving):
    assert leaving.numbers[0] == 150
    assert 180 <= leaving.numbers[-1] <= 186
    assert leaving.presence[0] == 1
    assert leaving.presence[-1] < 0.2
    assert np.all(np.diff(leaving.presence[-6:]) < 0)
    assert leaving.yaw.max() > 35


def test_a_new_face_is_followed_back_to_where_it_entered(clips):
    """The cyclist of this clip is in view from the cut at 30, though searches come every eighth frame."""
    tracks = track(decode(clips / "no_face_scene_cuts.mp4", 20, 54), first=20)
    assert tracks.cuts == (30,)
    ((first, last),) = spans(tracks.faces)
    assert first == 30
    assert 40 <= last <= 46


def test_the_lead_behind_passers_by_is_one_identity(clips):
    tracks = track(decode(clips / "pexels_occlusion_720p.mp4", 0, 26))
    lead = max(tracks.faces, key=lambda face: len(face.numbers))
    assert lead.numbers[0] <= 10
    np.testing.assert_array_equal(lead.numbers, np.arange(lead.numbers[0], 26))
    assert np.abs(lead.points.mean(1) - [420, 200]).max() < 60


def test_every_take_has_its_own_tracks(clips):
    tracks = track(decode(clips / "foreman_cuts_qcif.h264"), Settings(min_face=24))
    assert tracks.cuts == (10, 21, 31, 41, 51)  # seen in the pictures
    bounds = [*tracks.cuts, 62]
    for first, last in spans(tracks.faces):
        assert not any(first < bound <= last for bound in bounds)
    whole = {spans([face])[0]: face for face in tracks.faces}
    for span in [(0, 9), (10, 20), (41, 50), (51, 61)]:
        assert whole[span].presence.min() == 1  # cuts are no coming and going


def test_what_comes_after_a_cut_is_tracked_as_if_nothing_came_before():
    """The same person in both takes, with the same face at another place: no landmark, anchor or flow crosses it."""
    person = cv2.resize(data.astronaut()[:260, 100:340], (180, 195))
    before = [stage((person, 60 + 3 * n, 40)) for n in range(9)]
    after = [255 - stage() // 2 for _ in range(9)]
    for n, picture in enumerate(after):
        picture[60:255, 420 - 4 * n : 600 - 4 * n] = person
    both, alone = track(before + after), track(after, first=9)
    assert both.cuts == (9,)
    (face,) = [face for face in both.faces if face.numbers[0] == 9]
    for name in ("numbers", "points", "neck", "presence"):
        np.testing.assert_array_equal(getattr(face, name), getattr(alone.faces[0], name))


@lru_cache
def link_identities(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    other = cv2.imread(str(sorted((folder / "eval").glob("*.jpg"))[0]))[..., ::-1]
    return cv2.resize(data.astronaut()[:260, 100:340], (180, 195)), cv2.resize(other[60:460, 90:420], (160, 195))


def stage(*placed) -> np.ndarray:
    """A grey gradient with cut-out people at (person, x, y)."""
    picture = np.tile(np.linspace(60, 140, 800)[None, :, None], (340, 1, 3)).astype(np.uint8)
    for person, x, y in placed:
        x0, x1 = max(0, x), min(800, x + person.shape[1])
        if x1 > x0:
            picture[y : y + person.shape[0], x0:x1] = person[:, x0 - x : x1 - x]
    return picture


def test_two_people_keep_their_identities_while_they_move(portraits):
    one, other = link_identities(portraits)
    tracks = track([stage((one, 40 + 9 * n, 60 + 2 * n), (other, 560 - 7 * n, 80 - 2 * n)) for n in range(16)])
    assert spans(tracks.faces) == [(0, 15), (0, 15)]
    moves = sorted(float(np.diff(face.points.mean(1)[:, 0]).mean()) for face in tracks.faces)
    assert moves == pytest.approx([-7, 9], abs=0.15)
    for face in tracks.faces:
        assert np.abs(np.diff(face.points.mean(1)[:, 0], 2)).max() < 1


def test_a_lost_face_is_not_found_again_in_its_neighbour(portraits):
    one, other = link_identities(portraits)
    pictures = [stage(*[(one, 100, 60)] * (n < 12), *[(other, 330, 60)] * (n >= 6)) for n in range(22)]
    tracks = track(pictures, Settings(max_gap=4))
    assert spans(tracks.faces) == [(0, 11), (6, 21)]
    for face in tracks.faces:
        assert np.ptp(face.points.mean(1)[:, 0]) < 3


def test_who_passes_in_front_of_another_stays_who_they_are(portraits):
    one, other = link_identities(portraits)
    pictures = [stage((other, 320, 100), (one, 20 + 22 * n, 60)) for n in range(24)]
    tracks = track(pictures, Settings(max_gap=12))
    assert spans(tracks.faces) == [(0, 23), (0, 23)]
    behind, front = sorted(tracks.faces, key=lambda face: np.ptp(face.points.mean(1)[:, 0]))
    assert np.ptp(behind.points.mean(1)[:, 0]) < 12
    np.testing.assert_allclose(np.diff(front.points.mean(1)[:, 0]), 22, atol=3)
    assert front.confidence.min() > 0.5
    assert 3 <= (behind.confidence == 0).sum() <= 12


def test_short_gaps_are_bridged_and_long_ones_are_holes_of_one_identity(portraits):
    one, _ = link_identities(portraits)
    one = cv2.resize(one, (120, 130), interpolation=cv2.INTER_AREA)
    hidden = {*range(10, 14), *range(24, 36)}
    pictures = [stage() if n in hidden else stage((one, 200 + 4 * n, 60)) for n in range(46)]
    (face,) = track(pictures, Settings(max_gap=6), first=1001).faces
    assert sorted(set(range(1001, 1047)) - set(face.numbers.tolist())) == list(range(1025, 1037))
    bridged = face.numbers[face.confidence == 0].tolist()
    assert bridged == [1011, 1012, 1013, 1014]
    across = face.points.mean(1)[:, 0]
    np.testing.assert_allclose(np.diff(across[:24]), 4, atol=0.6)
    inside = (face.numbers >= 1020) & (face.numbers <= 1042)
    assert face.presence[face.numbers < 1018].min() == 1  # a bridged gap is no coming and going
    assert face.presence[inside].min() < 0.2
    assert face.presence[-1] == 1


def test_numbers_and_points_are_the_plates_own(portraits):
    one, _ = link_identities(portraits)
    pictures = [stage((one, 200, 60))] * 6
    (plain,) = track(pictures).faces
    (moved,) = track(pictures, first=1001, step=2, origin=(-100, -37)).faces
    assert moved.numbers.tolist() == [1001, 1003, 1005, 1007, 1009, 1011]
    np.testing.assert_allclose(moved.points, plain.points + np.array([-100, -37], np.float32), atol=1e-3)


def test_a_squeezed_plate_is_looked_at_unsqueezed(portraits):
    one, _ = link_identities(portraits)
    wide = stage((one, 200, 60))
    squeezed = cv2.resize(wide, (400, 340), interpolation=cv2.INTER_AREA)
    (plain,) = track([wide] * 6).faces
    (face,) = track([squeezed] * 6, pixel_aspect=2.0).faces
    error = np.linalg.norm(face.points * [2, 1] - plain.points, axis=2).mean()
    assert error < 0.03 * np.ptp(plain.points[0, :, 1])


def test_a_shot_without_frames_or_faces_has_no_tracks():
    assert track([]).faces == ()
    tracks = track([stage()] * 3, first=7)
    assert (tracks.faces, tracks.cuts, tracks.numbers) == ((), (), (7, 8, 9))


def test_the_same_frames_give_the_same_bits(clips):
    once, again = (track(decode(clips / "intel_asl_eat.mkv", 0, 10)) for _ in range(2))
    assert spans(once.faces) == [(0, 9)]
    np.testing.assert_array_equal(once.faces[0].points, again.faces[0].points)


def test_frames_far_apart_are_not_smoothed_into_each_other(clips):
    """A preview of two moments: each as if it stood alone, but the same person."""
    pictures = list(decode(clips / "signer_hand_over_face.mp4", 0, 50))
    (face,) = track([pictures[0], pictures[45]], numbers=[1001, 1046]).faces
    assert face.numbers.tolist() == [1001, 1046]
    assert face.presence.tolist() == [1, 1]
    for place, number in enumerate((0, 45)):
        (alone,) = track([pictures[number]]).faces
        np.testing.assert_allclose(face.points[place], alone.points[0], atol=1e-3)


def test_what_moves_between_two_islands_is_followed_within_each(portraits):
    one, _ = link_identities(portraits)
    numbers = [*range(1, 9), *range(101, 109)]
    tracks = track([stage((one, 120 + 5 * place, 60)) for place in range(16)], numbers=numbers)
    (face,) = tracks.faces
    assert tracks.cuts == ()
    assert face.numbers.tolist() == numbers
    assert face.presence.min() == 1
    moves = np.diff(face.points.mean(1)[:, 0])
    np.testing.assert_allclose(moves, 5, atol=1.0)


@pytest.mark.parametrize(("step", "stop"), [(2, 30), (5, 60)])
def test_a_stepping_range_has_one_identity_and_no_cut(clips, step, stop):
    pictures = list(decode(clips / "foreman_cif_face_leaves.264", 0, stop))[::step]
    tracks = track(pictures, step=step)
    assert tracks.cuts == ()
    (face,) = tracks.faces
    np.testing.assert_array_equal(face.numbers, np.arange(0, stop, step))
    assert face.presence.min() == 1


def test_a_range_that_steps_past_what_is_bridged_has_one_identity(clips):
    pictures = list(decode(clips / "foreman_cif_face_leaves.264", 0, 120))[::12]
    (face,) = track(pictures, step=12).faces
    assert len(face.numbers) >= 8  # each frame stands alone, and he shouts in one
    assert face.presence.min() == 1


def test_time_goes_by_frame_numbers(portraits):
    """A person in even motion, seen with holes in the numbers: no place is drawn towards its neighbours in the file."""
    one, _ = link_identities(portraits)
    numbers = [0, 1, 2, 3, 4, 9, 10, 11, 12, 18, 19, 20, 21, 27, 28, 29, 30]
    (face,) = track([stage((one, 20 + 9 * n, 60)) for n in numbers], numbers=numbers).faces
    assert face.numbers.tolist() == numbers
    across = face.points.mean(1)[:, 0]
    np.testing.assert_allclose(across - across[0], 9 * np.array(numbers), atol=2)


def test_confidence_separates_clear_faces_from_doubtful_ones(leaving):
    clear, turned = leaving.confidence[:8].mean(), leaving.confidence[-4:].mean()
    assert 0 < turned < clear < 1
    assert clear - turned > 0.1


@lru_cache
def bundled(name: str) -> np.ndarray:
    picture = getattr(data, name)()
    return np.ascontiguousarray(
        np.broadcast_to(picture[..., None], (*picture.shape, 3)) if picture.ndim == 2 else picture
    )


def panned(picture: np.ndarray, zoom: float, x: float, y: float, count: int = 8):
    """A slow push over a photograph, as the demo plate makes one: (x, y) of it is shown at the frame's centre."""
    for n in range(count):
        scale = zoom * (1 + 0.004 * n)
        transform = np.array([[scale, 0, 640 - scale * (x + 0.4 * n)], [0, scale, 360 - scale * (y + 0.25 * n)]])
        yield cv2.warpAffine(picture, transform, (1280, 720), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)


@pytest.mark.parametrize(
    ("name", "zoom", "x", "y"),
    [
        ("chelsea", 2.4, 225, 150),  # a cat
        ("coffee", 2.85, 332, 387),  # the detectors' better half votes 0.57 for it
        ("gravel", 2.85, 260, 440),  # 0.66
        ("coins", 2.37, 192, 151),  # 0.74: heads on coins
        ("astronaut", 3.1, 420, 110),  # 0.61: the space shuttle behind her, who is outside the frame
    ],
)
def test_pictures_without_a_face_have_no_track(name, zoom, x, y):
    assert track(panned(bundled(name), zoom, x, y)).faces == ()


def test_a_whole_photograph_of_one_person_has_one_track():
    (face,) = track(panned(bundled("camera"), 1.4, 256, 256)).faces
    assert len(face.numbers) == 8
