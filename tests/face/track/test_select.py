"""The tracks that a shot's face selects, and the message if there is none."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from vfxage.errors import ShotError
from vfxage.face.track import select_faces


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


def test_a_select_that_finds_nothing_names_the_faces_there_are(shot):
    with pytest.raises(ShotError) as error:
        select_faces(shot, (face(at(1030, 5000, 5000), "lead"),))
    assert "lead" in str(error.value)
    assert "1030" in str(error.value)
    assert "face 3 in frames 1021-1040 around (" in str(error.value)
    assert "1003-1005, 1009-1011" in str(error.value)
    x, y = shot.faces[0].points[0].mean(0)
    assert f"such as select: {{frame: 1001, point: [{x:.0f}, {y:.0f}]}}" in str(error.value)
    with pytest.raises(ShotError, match="taken by an earlier face"):
        select_faces(shot, (face("all"), face("left")))
    with pytest.raises(ShotError, match="; remove this face from the shot"):
        select_faces(shot, (face("all"), face("left")))
    for numbers, reported in ((shot.numbers, "frames 1001-1040"), ((1001,), "frame 1001;")):
        with pytest.raises(ShotError, match=f"none in {reported}"):
            select_faces(replace(shot, faces=(), numbers=numbers), (face("largest"),))
    assert select_faces(replace(shot, faces=()), (face("all"),)) == ()
