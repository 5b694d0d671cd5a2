"""A made-up shot: two takes, four faces."""

import pytest

from tests.face.track.shots import made_up, made_up_hand
from vfxage.face.track import Tracks


@pytest.fixture
def shot() -> Tracks:
    faces = (
        made_up(0, range(1001, 1021), x=600, height=200),
        made_up(1, range(1001, 1021), x=150, height=150),
        made_up(2, [*range(1003, 1006), *range(1009, 1012)], x=60, height=60),
        made_up(3, range(1021, 1041), x=400, height=100),
    )
    hands = made_up_hand(range(1004, 1009)), made_up_hand([1030])
    return Tracks(faces=faces, hands=hands, cuts=(1021,), numbers=tuple(range(1001, 1041)), key="plate:é")
