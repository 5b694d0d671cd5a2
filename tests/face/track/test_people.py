"""Who comes back after a gap: by place, and by look too when the gap is long. The faces are drawn as points."""

import numpy as np
import pytest

from vfxage.face.detect import Detection
from vfxage.face.track.people import link_identities
from vfxage.face.track.tracklets import Tracklet

SIZE, MAX_GAP, LONG_GAP = 100, 8, 40
SHAPE = np.random.default_rng(1).uniform(0, 1, (478, 2)).astype(np.float32)
ANN, BOB = np.random.default_rng(2).uniform(0, 255, (2, 16, 16, 3)).astype(np.float32)


def run(first: int, look: np.ndarray, faces_away: float = 0, size: float = SIZE) -> Tracklet:
    """Five frames of a still face, whose place is given in sizes of a face to the right."""
    points = (SHAPE * size + [faces_away * SIZE, 0]).astype(np.float32)
    seen = Detection(points=points, confidence=1.0, vote=1.0, yaw=0.0, look=look)
    return Tracklet(take=0, numbers=[*range(first, first + 5)], seen=[seen] * 5)


@pytest.mark.parametrize(
    ("gap", "look", "faces_away", "size", "people"),
    [
        (LONG_GAP, ANN, 0, SIZE, 1),
        (LONG_GAP, ANN, 2, SIZE, 1),
        (LONG_GAP, BOB, 0, SIZE, 2),  # somebody else takes the place
        (LONG_GAP, ANN, 4, SIZE, 2),  # somebody who looks alike, at another place
        (LONG_GAP, ANN, 0, 2 * SIZE, 2),
        (MAX_GAP, BOB, 0, SIZE, 1),  # the light has changed, but no other face can be there so soon
        (MAX_GAP, ANN, 4, SIZE, 2),
    ],
)
def test_a_face_that_comes_back_is_known_by_its_place_and_its_look(gap, look, faces_away, size, people):
    later = run(5 + gap, look, faces_away, size)
    assert len(link_identities([run(0, ANN), later], MAX_GAP)) == people


def test_of_two_faces_that_come_back_each_is_known_by_its_look():
    """They have changed places, so the nearer one is the wrong one."""
    ann, bob = run(0, ANN), run(0, BOB, 1.2)
    later = 5 + LONG_GAP
    other_bob, other_ann = run(later, BOB), run(later, ANN, 1.2)
    chains = link_identities([ann, bob, other_bob, other_ann], MAX_GAP)
    assert [[id(one) for one in chain] for chain in chains] == [[id(ann), id(other_ann)], [id(bob), id(other_bob)]]
