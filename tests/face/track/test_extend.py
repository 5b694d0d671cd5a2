"""New frames are added to what is known: people stay who they are, and known frames keep what was found on them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.face.track.shots import Settings, made_up, spans
from tests.face.track.test_tracks import rewritten
from vfxage.errors import ReadError, ShotError
from vfxage.face.crop import plan_crops
from vfxage.face.detect import Detection
from vfxage.face.detect.hands import Hand
from vfxage.face.track import Findings, Tracks, load_tracks, measured_once, select_faces, tracks_within
from vfxage.face.track.canvas import Canvas
from vfxage.face.track.extend import CONTEXT, Searched, extended, frames_to_search
from vfxage.face.track.tracklets import Tracklet
from vfxage.types import FaceTrack, Window

SETTINGS = Settings()
NOTHING = Findings(canvas=Canvas(Window(0, 0, 1000, 500), 1.0))
LOOKS = np.random.default_rng(4).uniform(0, 255, (4, 16, 16, 3)).astype(np.float32)


def face(who: int, numbers, x: float, vote=0.9, seed=0) -> Tracklet:
    """A face as one search finds it: a little different in each search."""
    rng = np.random.default_rng([who, seed])
    shape = made_up(0, [0], x=0).points[0] + np.array([x, 0], np.float32)
    seen = [
        Detection(
            points=(shape + rng.normal(0, 0.5, (478, 2)) + [number * 0.5, 0]).astype(np.float32),
            confidence=1.0,
            vote=vote,
            yaw=0.0,
            look=LOOKS[who],
        )
        for number in numbers
    ]
    return Tracklet(0, list(numbers), seen, dict.fromkeys(numbers, 0.9))


def searched(numbers, *tracklets: Tracklet, cuts=(), hands=()) -> Searched:
    order = sorted(tracklets, key=lambda item: item.numbers[0])
    return Searched(numbers=tuple(numbers), cuts=tuple(cuts), tracklets=tuple(order), hands=tuple(hands))


def known(*tracklets: Tracklet, numbers=range(1, 31), cuts=(), hands=()) -> Findings:
    return extended(NOTHING, searched(numbers, *tracklets, cuts=cuts, hands=hands), frozenset(numbers), SETTINGS)


def test_context_is_searched_beside_each_group_of_new_frames():
    whole = range(1, 301)
    assert frames_to_search(whole, []) == []
    assert frames_to_search(whole, [1, 2]) == [tuple(range(1, 3 + CONTEXT))]
    assert frames_to_search(whole, [100, 103]) == [tuple(range(100 - CONTEXT, 104 + CONTEXT))]
    assert [group[0] for group in frames_to_search(whole, [100, 200])] == [100 - CONTEXT, 200 - CONTEXT]
    stepping = range(1, 2000, 10)
    assert frames_to_search(stepping, [1001]) == [tuple(stepping[100 - CONTEXT : 101 + CONTEXT])]


def test_known_frames_keep_their_landmarks_and_people_their_numbers():
    before = known(face(0, range(1, 31), 200), face(1, range(1, 31), 600))
    there = range(19, 35)
    more = [face(1, there, 600, seed=1), face(0, there, 200, seed=1), face(2, range(28, 35), 400, seed=1)]
    after = extended(before, searched(there, *more), frozenset(range(31, 35)), SETTINGS)
    assert after.numbers == tuple(range(1, 35))
    assert [person.face for person in after.people] == [0, 1, 2]
    for one, other in zip(before.people, after.people, strict=False):
        assert other.numbers.tolist() == list(range(1, 35))
        np.testing.assert_array_equal(other.points[:30], one.points)
        assert abs(other.points[-1].mean(0) - one.points[-1].mean(0)).max() < 5
    assert after.people[2].numbers.tolist() == [31, 32, 33, 34]


@pytest.mark.parametrize("new", [range(31, 51), range(-20, 1)])
def test_who_is_hidden_beside_the_new_frames_is_known_again(new):
    old = (15, 31) if new[0] < 1 else (1, 16)
    before = known(face(0, range(*old), 200))
    there = sorted({*new, *range(1, 31)})
    seen = [n for n in new if abs(n - 15) > 20]
    after = extended(before, searched(there, face(0, seen, 200, seed=1)), frozenset(new), SETTINGS)
    (person,) = after.people
    assert person.numbers.tolist() == sorted([*range(*old), *seen])


def test_what_is_no_face_is_not_added():
    before = known(face(0, range(1, 31), 200))
    there = range(19, 41)
    print_on_a_shirt = face(3, there, 700, vote=0.2)
    after = extended(before, searched(there, face(0, there, 200), print_on_a_shirt), frozenset(range(31, 41)), SETTINGS)
    assert [person.face for person in after.people] == [0]


def test_a_flash_at_the_end_that_looked_like_a_cut_is_none_any_more():
    """On frames 29 and 30 the first search saw a new take; with the frames after them it is a flash."""
    before = known(face(0, range(1, 29), 200), face(1, range(29, 31), 210), cuts=(29,))
    there = range(19, 41)
    after = extended(before, searched(there, face(0, there, 200, seed=1)), frozenset(range(31, 41)), SETTINGS)
    assert after.cuts == ()
    (person,) = after.people
    assert person.numbers.tolist() == list(range(1, 41))
    np.testing.assert_array_equal(person.points[:28], before.people[0].points)


def test_a_cut_that_only_later_frames_show_is_added():
    before = known(face(0, range(1, 31), 200))
    there = range(19, 41)
    parts = [face(0, range(19, 30), 200, seed=1), face(1, range(30, 41), 500, seed=1)]
    parts[1].take = 1
    after = extended(before, searched(there, *parts, cuts=(30,)), frozenset(range(31, 41)), SETTINGS)
    assert after.cuts == (30,)
    assert [person.numbers[[0, -1]].tolist() for person in after.people] == [[1, 29], [30, 40]]


def test_a_known_cut_far_from_the_new_frames_stays():
    before = known(face(0, range(1, 15), 200), face(1, range(15, 31), 210), cuts=(15,))
    there = range(19, 41)
    after = extended(before, searched(there, face(1, there, 210, seed=1)), frozenset(range(31, 41)), SETTINGS)
    assert after.cuts == (15,)
    assert spans(tracks_within(after, after.numbers, SETTINGS).faces) == [(1, 14), (15, 40)]


def test_a_cut_just_before_the_known_frames_is_added_and_they_stay():
    before = known(face(1, range(1, 31), 500))
    there = range(-5, 13)
    parts = [face(0, range(-5, 1), 200, seed=1), face(1, range(1, 13), 500, seed=1)]
    parts[1].take = 1
    after = extended(before, searched(there, *parts, cuts=(1,)), frozenset(range(-5, 1)), SETTINGS)
    assert after.cuts == (1,)
    np.testing.assert_array_equal(after.people[0].points, before.people[0].points)
    assert after.people[1].numbers.tolist() == list(range(-5, 1))


def test_a_known_face_that_turns_away_needs_no_new_proof():
    before = known(face(0, range(1, 31), 200))
    there = range(19, 41)
    turned = face(0, there, 200, vote=0.2, seed=1)
    (person,) = extended(before, searched(there, turned), frozenset(range(31, 41)), SETTINGS).people
    assert person.numbers.tolist() == list(range(1, 41))


def test_a_face_that_was_followed_twice_is_there_once():
    before = known(face(0, range(1, 31), 200))
    there = range(19, 41)
    twice = [face(0, there, 200, seed=1), face(0, range(25, 41), 202, seed=2)]
    (person,) = extended(before, searched(there, *twice), frozenset(range(31, 41)), SETTINGS).people
    assert person.numbers.tolist() == list(range(1, 41))
    np.testing.assert_array_equal(person.points[-1], twice[0].seen[-1].points)


def hand(number: int, score: float) -> tuple[int, list[Hand]]:
    points = np.random.default_rng(5).uniform(-30, 30, (21, 2)) + np.array([200 + number * 0.5, 200])
    return number, [Hand(points=points.astype(np.float32), size=40.0, palm=0.9, score=score)]


def test_a_known_hand_goes_on_and_a_doubtful_new_one_is_none():
    lead = face(0, range(1, 31), 200)
    there, new = range(19, 41), frozenset(range(31, 41))
    going_on = [hand(n, 0.6) for n in range(26, 35)]
    for sure, frames in ((0.99, range(26, 35)), (0.6, ())):
        before = known(lead, hands=[hand(n, sure) for n in range(26, 31)])
        after = extended(before, searched(there, face(0, there, 200), hands=going_on), new, SETTINGS)
        assert [n for found in after.hands for n in found.numbers.tolist()] == list(frames)


def measured(face_number: int, numbers, since: int, x: float, height: float) -> tuple[FaceTrack, object]:
    track = made_up(face_number, numbers, x=x, height=height)
    return track, replace(measured_once(track), since=since)


@pytest.mark.parametrize("which", ["largest", "left", "right"])
def test_a_face_of_a_longer_range_does_not_take_the_place_of_the_chosen_one(which):
    class Wanted:
        name, select = "lead", which

    lead, light = measured(0, range(1, 31), 0, 400, 100)
    others = [measured(1, range(25, 90), 1, 50, 200), measured(2, range(25, 90), 1, 900, 300)]
    faces, measures = zip((lead, light), *others, strict=True)
    numbers = tuple(range(1, 90))
    tracks = Tracks(faces=faces, cuts=(), numbers=numbers, measures=dict(enumerate(measures)))
    ((_, chosen),) = select_faces(tracks, [Wanted()])
    assert chosen.face == 0
    ((_, anew),) = select_faces(replace(tracks, measures={}), [Wanted()])
    assert anew.face == {"largest": 2, "left": 1, "right": 2}[which]


def test_a_face_named_on_a_frame_that_a_shorter_range_leaves_out_is_still_known():
    class Wanted:
        name = "lead"

        class select:  # noqa: N801 - a value of the shot
            frame, point = 2, (610.0, 200.0)

    found = known(face(0, range(1, 31), 200), face(1, range(1, 31), 600))
    ((_, chosen),) = select_faces(tracks_within(found, range(10, 31), SETTINGS), [Wanted()])
    assert chosen.face == 1
    Wanted.select.frame = 31
    with pytest.raises(ShotError, match="finds no face"):
        select_faces(tracks_within(found, range(10, 31), SETTINGS), [Wanted()])


def test_a_crop_keeps_the_size_that_was_planned():
    from vfxage.ager import load_ager
    from vfxage.shot import Shot

    ager = load_ager("bands")
    shot = Shot.model_validate({"plate": "p.mov", "source_age": 30, "target_age": 60})
    near = made_up(0, range(1, 31), height=600)
    small = replace(measured_once(near), extents={"ffhq": 100.0, "wide": 100.0, "bust": 100.0})
    selected = [(shot.faces[0], near)]
    (kept,) = plan_crops(selected, shot, ager, measures={0: small}).faces
    (anew,) = plan_crops(selected, shot, ager).faces
    assert kept.size == min(ager.sizes)
    assert anew.size > kept.size


def test_a_part_of_the_frames_has_the_cuts_and_people_of_that_part():
    found = known(face(0, range(1, 15), 200), face(1, range(15, 31), 210), cuts=(15,))
    odd = tracks_within(found, range(1, 30, 2), SETTINGS)
    assert odd.cuts == (15,)
    assert spans(odd.faces) == [(1, 13), (15, 29)]
    even = tracks_within(found, range(2, 31, 2), SETTINGS)
    assert even.cuts == (16,)
    late = tracks_within(found, range(15, 31), SETTINGS)
    assert (late.cuts, [track.face for track in late.faces]) == ((), [1])


def test_another_step_further_on_changes_no_landmark_here():
    every_second = [*range(1, 161, 2)]
    numbers = [*every_second, 161, 162, 163]
    found = known(face(0, numbers, 200), numbers=numbers)
    whole = tracks_within(found, numbers, SETTINGS).faces[0]
    part = tracks_within(found, every_second, SETTINGS).faces[0]
    np.testing.assert_array_equal(whole.points[:20], part.points[:20])


def whole_file(folder):
    found = known(face(0, range(1, 31), 200), face(1, range(9, 31), 500), hands=[hand(n, 0.99) for n in range(9, 14)])
    digests = {number: f"{number:032x}" for number in found.numbers}
    found = replace(found, files=digests, plate=digests, missing=(31,))
    tracks = tracks_within(found, range(3, 21), SETTINGS, key='{"vfxage": "1"}')
    measures = {0: replace(measured_once(tracks.faces[0]), extents={"ffhq": 210.5, "wide": 300.25, "bust": 310.5})}
    return replace(tracks, measures=measures, locked=True), folder / "x.npz"


def test_what_was_found_comes_back_from_the_file(tmp_path):
    tracks, path = whole_file(tmp_path)
    tracks.save(path)
    back = load_tracks(path)
    assert (back.locked, back.key, back.plate) == (True, tracks.key, tracks.plate)
    assert str(back.measures) == str(tracks.measures)
    assert back.found is not None
    again = tracks_within(back.found, range(3, 21), SETTINGS)
    for face, same_face in zip(again.faces, tracks.faces, strict=True):
        np.testing.assert_array_equal(face.points, same_face.points)
    for hand_, same_hand in zip(again.hands, tracks.hands, strict=True):
        np.testing.assert_array_equal(hand_.points, same_hand.points)
    for name in ("canvas", "numbers", "cuts", "missing", "named", "files", "plate"):
        assert getattr(back.found, name) == getattr(tracks.found, name)


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("locked", np.zeros(0, np.int32)),
        ("measured", np.array([0, 1], np.int32)),
        ("measures", np.zeros((1, 3))),
        ("found_canvas", np.zeros(4)),
        ("people", np.array([0, 1, 2], np.int32)),
        ("found_hands", np.array([4], np.int32)),
        ("person0.numbers", np.array([3, 2, *range(4, 32)], np.int32)),
        ("person0.points", np.zeros((30, 477, 2), np.float32)),
        ("person1.look", np.zeros((16, 16, 4), np.float32)),
        ("found_hand0.numbers", np.array([9, 9, 11, 12, 13], np.int32)),
        ("found_files", np.zeros((2, 16), np.uint8)),
    ],
)
def test_findings_that_cannot_be_are_refused(tmp_path, name, array):
    tracks, path = whole_file(tmp_path)
    with pytest.raises(ReadError, match="not a whole track file"):
        load_tracks(rewritten(path, tracks, **{name: array}))
