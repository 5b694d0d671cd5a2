"""Tracks on real clips: who is there, when, and how steadily, without lag."""

import json
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace

import av
import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage import data

from vfxage.errors import ReadError, ShotError
from vfxage.landmarks import FaceFinder
from vfxage.track import Tracks, build_tracks, load_tracks, select_faces, to_json
from vfxage.track.cuts import Shown, mark_cuts
from vfxage.track.smooth import smooth
from vfxage.types import ClipInfo, FaceTrack, Frame, Window


@dataclass(frozen=True)
class Settings:
    max_gap: int = 8
    smoothing: float = 1.0
    min_face: int = 48
    margin: int = 0


class Pictures:
    """A plate whose linear values are its 8-bit ones over 255: colour is tested elsewhere."""

    def to_sdr8(self, rgb):
        return (rgb * 255).round().astype(np.uint8)


def plate(pictures, first=0, step=1, origin=(0, 0)):
    for place, picture in enumerate(pictures):
        window = Window(*origin, picture.shape[1], picture.shape[0])
        yield Frame(number=first + place * step, window=window, rgb=picture.astype(np.float32) / np.float32(255))


def track(pictures, settings=Settings(), pixel_aspect=1.0, **numbering) -> Tracks:
    clip = ClipInfo(path="", kind="movie", width=1, height=1, first=0, last=1, pixel_aspect=pixel_aspect)
    return build_tracks(plate(pictures, **numbering), Pictures(), settings, clip)


def decode(path: Path, start=0, stop=None):
    with av.open(str(path)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number == stop:
                return
            if number >= start:
                yield frame.to_ndarray(format="rgb24")


def spans(faces) -> list[tuple[int, int]]:
    return [(int(face.numbers[0]), int(face.numbers[-1])) for face in faces]


# --- real clips -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "start", "stop", "height"),
    [
        ("signer_hand_over_face.mp4", 0, 58, 183),  # a hand passes over the lower face about frame 32
        ("intel_asl_again.mkv", 50, 77, 76),  # printed skulls on the shirt: FaceMesh takes one for a face
        ("intel_asl_book.mkv", 0, 24, 65),
        ("intel_asl_brother.mkv", 15, 40, 80),  # a hand at the forehead
        ("intel_asl_eat.mkv", 0, 30, 75),
        ("carphone_pristine.mp4", 0, 40, 59),
        ("turn_720p.264", 0, 19, 206),
        ("androidx_sample.mp4", 0, 10, 331),
        ("webcam_leans_in_out.mp4", 590, 660, 100),
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


def test_a_track_ends_where_the_face_leaves(clips):
    (face,) = track(decode(clips / "foreman_cif_face_leaves.264", 150, 230), first=150).faces
    assert face.numbers[0] == 150
    assert 180 <= face.numbers[-1] <= 186
    assert face.presence[0] == 1
    assert face.presence[-1] < 0.2
    assert np.all(np.diff(face.presence[-6:]) < 0)
    assert face.yaw.max() > 35


def test_a_new_face_is_followed_back_to_where_it_entered(clips):
    """The cyclist of this clip is in view from the cut at 30, though searches come every eighth frame."""
    tracks = track(decode(clips / "no_face_scene_cuts.mp4", 20, 80), first=20)
    assert tracks.cuts == (30, 76)
    ((first, last),) = spans(tracks.faces)
    assert first == 30
    assert 40 <= last <= 46


def test_the_lead_behind_passers_by_is_one_identity(clips):
    tracks = track(decode(clips / "pexels_occlusion_720p.mp4", 0, 48))
    lead = max(tracks.faces, key=lambda face: len(face.numbers))
    assert lead.numbers[0] <= 10
    np.testing.assert_array_equal(lead.numbers, np.arange(lead.numbers[0], 48))
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


# --- cuts -------------------------------------------------------------------------------------------------------------


def cuts(pictures) -> list[int]:
    shown = (Shown(number=n, picture=p, cut=False, offset=(0, 0)) for n, p in enumerate(pictures))
    marked = list(mark_cuts(shown))
    assert [item.number for item in marked] == list(range(len(marked)))
    return [item.number for item in marked if item.cut]


def test_cuts_of_a_street_montage(clips):
    """The clip plots other people's cut detectors in its right half: these are their spikes."""
    assert cuts(decode(clips / "no_face_scene_cuts.mp4")) == [30, 76, 137, 187, 242]


@pytest.mark.parametrize("name", ["foreman_cif_face_leaves.264", "turn_720p.264", "intel_asl_hungry.mkv"])
def test_a_single_take_has_no_cut(clips, name):
    assert cuts(decode(clips / name)) == []


def scene(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.clip(cv2.resize(rng.normal(120, 60, (24, 60, 3)), (1200, 480), interpolation=cv2.INTER_CUBIC), 0, 255)


def test_flashes_fades_and_pans_are_no_cuts():
    street = scene(1)
    pan = [street[:240, 40 * n : 40 * n + 400] for n in range(20)]
    flash = [street[:240, :400] * (1 if n not in (6, 7) else 0.3) + (0 if n not in (6, 7) else 170) for n in range(16)]
    fade = [street[:240, :400] * (1 - n / 15) for n in range(15)]
    for pictures in (pan, flash, fade):
        assert cuts([picture.astype(np.uint8) for picture in pictures]) == []


def test_a_cut_is_on_its_frame_even_near_the_ends():
    one, other = scene(1)[:240, :400].astype(np.uint8), scene(2)[:240, :400].astype(np.uint8)
    for count, cut in [(12, 5), (4, 1), (4, 3), (2, 1)]:
        assert cuts([one] * cut + [other] * (count - cut)) == [cut]


# --- identities -------------------------------------------------------------------------------------------------------


@lru_cache
def people(folder: Path) -> tuple[np.ndarray, np.ndarray]:
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
    one, other = people(portraits)
    tracks = track([stage((one, 40 + 9 * n, 60 + 2 * n), (other, 560 - 7 * n, 80 - 2 * n)) for n in range(24)])
    assert spans(tracks.faces) == [(0, 23), (0, 23)]
    moves = sorted(float(np.diff(face.points.mean(1)[:, 0]).mean()) for face in tracks.faces)
    assert moves == pytest.approx([-7, 9], abs=0.15)
    for face in tracks.faces:
        assert np.abs(np.diff(face.points.mean(1)[:, 0], 2)).max() < 1


def test_short_gaps_are_bridged_and_long_ones_are_holes_of_one_identity(portraits):
    one, _ = people(portraits)
    one = cv2.resize(one, (120, 130), interpolation=cv2.INTER_AREA)
    hidden = {*range(10, 14), *range(26, 44)}
    pictures = [stage() if n in hidden else stage((one, 200 + 4 * n, 60)) for n in range(60)]
    (face,) = track(pictures, Settings(max_gap=6), first=1001).faces
    assert sorted(set(range(1001, 1061)) - set(face.numbers.tolist())) == list(range(1027, 1045))
    bridged = face.numbers[face.confidence == 0].tolist()
    assert bridged == [1011, 1012, 1013, 1014]
    across = face.points.mean(1)[:, 0]
    np.testing.assert_allclose(np.diff(across[:26]), 4, atol=0.6)
    inside = (face.numbers >= 1022) & (face.numbers <= 1050)
    assert face.presence[face.numbers < 1020].min() == 1  # a bridged gap is no coming and going
    assert face.presence[inside].min() < 0.2
    assert face.presence[-1] == 1


def test_numbers_and_points_are_the_plates_own(portraits):
    one, _ = people(portraits)
    pictures = [stage((one, 200, 60))] * 6
    (plain,) = track(pictures).faces
    (moved,) = track(pictures, first=1001, step=2, origin=(-100, 37)).faces
    assert moved.numbers.tolist() == [1001, 1003, 1005, 1007, 1009, 1011]
    np.testing.assert_allclose(moved.points, plain.points + np.float32([-100, 37]), atol=1e-3)


def test_a_squeezed_plate_is_looked_at_unsqueezed(portraits):
    one, _ = people(portraits)
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
    once, again = (track(decode(clips / "intel_asl_eat.mkv", 0, 14)) for _ in range(2))
    np.testing.assert_array_equal(once.faces[0].points, again.faces[0].points)


# --- smoothing --------------------------------------------------------------------------------------------------------

COUNT, FPS = 96, 24
TIME = np.arange(COUNT)
LIDS, MOUTH = [159, 158, 160, 386, 385, 387], [13, 14, 17, 152, 200, 18]


@pytest.fixture(scope="module")
def still():
    """(96, 478, 2) a face of 217 pixels that does not move."""
    with FaceFinder() as finder:
        points = finder.find(data.astronaut())[0].points.astype(np.float64)
    return np.repeat((points * 2)[None], COUNT, 0)


def noisy(points, sigma=0.5, seed=1):
    """What a landmark network adds: part of it common to the whole face, part each point's own."""
    rng = np.random.default_rng(seed)
    shake = rng.normal(0, sigma, (len(points), 1, 2)) + rng.normal(0, sigma, points.shape)
    return (points + shake).astype(np.float32)


def smoothed(points, strength=1.0):
    return smooth(points, np.ones(len(points), bool), strength).astype(np.float64)


def response(series, truth, hertz):
    """Complex gain at a frequency: amplitude kept, and lag as an angle."""
    wave = np.exp(-2j * np.pi * hertz * TIME / FPS) * np.hanning(COUNT)
    return (series * wave).sum() / (truth * wave).sum()


@pytest.mark.parametrize(("hertz", "pixels"), [(0.5, 40), (1, 30), (2, 20), (2, 8), (3, 15)])
def test_a_head_shake_is_neither_damped_nor_delayed(still, hertz, pixels):
    sway = pixels * np.sin(2 * np.pi * hertz * TIME / FPS)
    found = smoothed(noisy(still + sway[:, None, None] * [1, 0])) - still
    gain = response(found[..., 0].mean(1), sway, hertz)
    assert 0.97 < abs(gain) < 1.03 or hertz > 2
    assert abs(gain) > 0.95
    assert abs(np.degrees(np.angle(gain))) < 1.5
    lags = np.arange(-3, 4)
    match = [np.dot(np.roll(sway, lag)[5:-5], found[5:-5, :, 0].mean(1)) for lag in lags]
    assert lags[int(np.argmax(match))] == 0


def test_a_turning_nodding_growing_head_is_followed(still):
    wave = np.sin(2 * np.pi * 1.5 * TIME / FPS)[:, None]
    whole = (still[..., 0] - 440 + 1j * (still[..., 1] - 240)) * np.exp(1j * 0.15 * wave) * (1 + 0.08 * wave)
    truth = np.stack([whole.real + 440, whole.imag + 240], -1)
    error = smoothed(noisy(truth, 0.3)) - truth
    assert np.sqrt((error**2).mean()) < 0.3


def test_an_accelerating_pan_is_followed_without_offset(still):
    truth = still + 0.05 * (TIME**2)[:, None, None] * [1, 0.5]
    error = smoothed(noisy(truth)) - truth
    assert abs(error.mean()) < 0.05
    assert np.abs(error.mean((1, 2))).max() < 0.6


@pytest.mark.parametrize("profile", [(0.5, 1, 1, 0.5), (0.4, 1, 0.9, 0.5), (0.5, 1, 0.5)])
def test_a_blink_keeps_its_depth_and_its_frame(still, profile):
    truth = still.copy()
    for place, depth in enumerate(profile):
        truth[40 + place, LIDS, 1] += 12 * depth
    closed = (smoothed(noisy(truth, 0.25)) - still)[:, LIDS, 1].mean(1)
    assert closed.max() > 12 * (0.85 if len(profile) > 3 else 0.8)
    assert abs(int(closed.argmax()) - (40 + int(np.argmax(profile)))) <= (1 if len(profile) > 3 else 0)


def test_a_talking_mouth_moves_in_full(still):
    opening = 20 * np.clip(np.sin(2 * np.pi * 3 * TIME / FPS), 0, 1)
    truth = still.copy()
    truth[:, MOUTH, 1] += opening[:, None]
    found = (smoothed(noisy(truth, 0.3)) - still)[:, MOUTH, 1].mean(1)
    gain = response(found, opening, 3)
    assert abs(gain) > 0.95
    assert abs(np.degrees(np.angle(gain))) < 3


def test_a_still_face_stops_trembling(still):
    raw = noisy(still)
    assert np.diff(smoothed(raw), axis=0).std() < 0.45 * np.diff(raw, axis=0).std()
    assert (smoothed(raw) - still).std() < 0.5 * (raw - still).std()
    np.testing.assert_allclose(smoothed(raw, 0.0), raw, atol=1e-2)
    assert np.diff(smoothed(raw, 2.0), axis=0).std() < np.diff(smoothed(raw, 0.5), axis=0).std()


@pytest.mark.parametrize("moving", [False, True])
def test_one_bad_frame_does_not_pull_its_neighbours(still, moving):
    sway = 20 * np.sin(2 * np.pi * 2 * TIME / FPS) * moving
    truth = still + sway[:, None, None] * [1, 0]
    good = noisy(truth, 0.2)
    bad = good.copy()
    bad[40] += 30
    bad[70, :200] -= 30
    change = np.linalg.norm(smoothed(bad) - smoothed(good), axis=2).max(1)
    assert np.delete(change, [40, 70]).max() < 0.5
    assert np.linalg.norm((smoothed(bad) - truth)[[40, 70]], axis=2).mean(1).max() < 1.5


@given(st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_short_tracks_are_smoothed_too(count, seed):
    rng = np.random.default_rng(seed)
    face = rng.uniform(0, 200, (1, 478, 2)) + rng.normal(0, 0.2, (count, 478, 2))
    known = rng.random(count) < 0.7
    known[[0, -1]] = True
    result = smooth(face.astype(np.float32), known, 1.0)
    assert result.shape == (count, 478, 2)
    assert np.abs(result - face.mean(0)).max() < 5


# --- files ------------------------------------------------------------------------------------------------------------


def made_up(face: int, numbers, x=100.0, height=120.0) -> FaceTrack:
    count = len(numbers)
    oval = np.random.default_rng(face).uniform(-0.5, 0.5, (478, 2)) * [height * 0.8, height] + [x, 200]
    return FaceTrack(
        face=face,
        numbers=np.array(numbers, np.int32),
        points=np.repeat(oval[None], count, 0).astype(np.float32),
        confidence=np.ones(count, np.float32),
        presence=np.ones(count, np.float32),
        yaw=np.zeros(count, np.float32),
    )


@pytest.fixture
def shot() -> Tracks:
    faces = (
        made_up(0, range(1001, 1021), x=600, height=200),
        made_up(1, range(1001, 1021), x=150, height=150),
        made_up(2, [*range(1003, 1006), *range(1009, 1012)], x=60, height=60),
        made_up(3, range(1021, 1041), x=400, height=100),
    )
    return Tracks(faces=faces, cuts=(1021,), numbers=tuple(range(1001, 1041)), key="plate:é")


def test_saved_tracks_come_back_bit_for_bit_in_the_same_bytes(shot, tmp_path):
    shot.save(tmp_path / "a" / "x.npz")
    shot.save(tmp_path / "b.npz")
    assert (tmp_path / "a" / "x.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    back = load_tracks(tmp_path / "b.npz")
    assert (back.key, back.cuts, back.numbers) == (shot.key, shot.cuts, shot.numbers)
    for one, other in zip(shot.faces, back.faces, strict=True):
        assert one.face == other.face
        for name in ("numbers", "points", "confidence", "presence", "yaw"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
            assert getattr(one, name).dtype == getattr(other, name).dtype
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["b.npz"]


@given(data=st.data())
def test_a_damaged_file_is_told_never_believed(data, tmp_path_factory):
    path = tmp_path_factory.mktemp("tracks") / "x.npz"
    track = made_up(0, range(5))
    Tracks(faces=(track,), cuts=(), numbers=tuple(range(5)), key="k").save(path)
    whole = path.read_bytes()
    if data.draw(st.booleans()):
        path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    else:
        place, bit = data.draw(st.integers(0, len(whole) - 1)), 1 << data.draw(st.integers(0, 7))
        path.write_bytes(whole[:place] + bytes([whole[place] ^ bit]) + whole[place + 1 :])
    try:
        back = load_tracks(path)
    except ReadError as error:
        assert error.path == str(path)  # noqa: PT017 - some bits no reader looks at: both ends are right
    else:
        np.testing.assert_array_equal(back.faces[0].points, track.points)


def test_a_file_of_another_kind_is_told(tmp_path):
    path = tmp_path / "x.npz"
    with pytest.raises(ReadError, match="no such track file"):
        load_tracks(path)
    np.savez(path, format=np.array([object()], dtype=object))
    with pytest.raises(ReadError, match="not a whole track file"):
        load_tracks(path)
    np.savez(path, format=np.array([99], np.int32))
    with pytest.raises(ReadError, match="format"):
        load_tracks(path)


def test_a_person_can_read_the_tracks(shot):
    told = json.loads(json.dumps(to_json(shot)))
    assert told["takes"] == [[1001, 1020], [1021, 1040]]
    assert told["cuts"] == [1021]
    assert [face["spans"] for face in told["faces"]][2] == [[1003, 1005], [1009, 1011]]
    first = told["faces"][0]["frames"][0]
    low, high = shot.faces[0].points[0].min(0), shot.faces[0].points[0].max(0)
    assert first["frame"] == 1001
    assert first["box"] == pytest.approx([*low, *(high - low)], abs=0.06)
    assert set(first) == {"frame", "box", "confidence", "presence", "yaw"}
    assert to_json(Tracks(faces=(), cuts=(), numbers=()))["takes"] == []


# --- selecting --------------------------------------------------------------------------------------------------------


def face(select, name=None):
    return SimpleNamespace(name=name, select=select)


def at(frame, x, y):
    return SimpleNamespace(frame=frame, point=(x, y))


@pytest.mark.parametrize(
    ("selects", "expected"),
    [
        (["all"], [(0, 0), (0, 1), (0, 2), (0, 3)]),
        (["largest"], [(0, 0), (0, 3)]),
        (["left"], [(0, 1), (0, 3)]),  # the brief, small one further left is not meant
        (["right"], [(0, 0), (0, 3)]),
        (["largest", "left"], [(0, 0), (0, 3), (1, 1)]),
        ([at(1001, 610, 210)], [(0, 0)]),
        ([at(1004, 40, 200)], [(0, 2)]),
        ([at(1001, 40, 200)], [(0, 1)]),  # face 2 is not there yet: the nearest within a face's width
        ([at(1004, 60, 200), "all"], [(0, 2), (1, 0), (1, 1), (1, 3)]),
    ],
)
def test_faces_are_selected(shot, selects, expected):
    faces = [face(select) for select in selects]
    chosen = select_faces(shot, tuple(faces))
    assert [(faces.index(wanted), track.face) for wanted, track in chosen] == expected


def test_a_select_that_finds_nothing_tells_what_there_is(shot):
    with pytest.raises(ShotError) as error:
        select_faces(shot, (face(at(1030, 5000, 5000), "lead"),))
    assert "lead" in str(error.value)
    assert "1030" in str(error.value)
    assert "face 3 in frames 1021-1040 around (" in str(error.value)
    assert "1003-1005, 1009-1011" in str(error.value)
    with pytest.raises(ShotError, match="taken by an earlier face"):
        select_faces(shot, (face("all"), face("left")))
    with pytest.raises(ShotError, match="none in frames 1001-1040"):
        select_faces(replace(shot, faces=()), (face("all"),))
