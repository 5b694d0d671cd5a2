"""Saved tracks: complete, the same bytes each time, readable; damage is an error."""

import io
import json
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.face.track.shots import made_up, made_up_hand
from vfxage.errors import ReadError
from vfxage.face.track import Tracks, load_tracks, to_json


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
    for hand, same in zip(shot.hands, back.hands, strict=True):
        for name in ("numbers", "points", "motion", "size", "presence"):
            np.testing.assert_array_equal(getattr(hand, name), getattr(same, name))
            assert getattr(hand, name).dtype == getattr(same, name).dtype
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["b.npz"]


@given(data=st.data())
def test_a_damaged_file_is_reported_and_not_used(data, tmp_path_factory):
    path = tmp_path_factory.mktemp("tracks") / "x.npz"
    track = made_up(0, range(5))
    Tracks(faces=(track,), hands=(made_up_hand(range(5)),), cuts=(), numbers=tuple(range(5)), key="k").save(path)
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


def test_a_file_of_another_kind_is_reported(tmp_path):
    path = tmp_path / "x.npz"
    with pytest.raises(ReadError, match="no such track file"):
        load_tracks(path)
    np.savez(path, format=np.array([object()], dtype=object))
    with pytest.raises(ReadError, match="not a whole track file"):
        load_tracks(path)
    np.savez(path, format=np.array([99], np.int32))
    with pytest.raises(ReadError, match="format"):
        load_tracks(path)


FORGED = [
    ("numbers", "<i4", (10**13,)),
    ("numbers", "<i4", (2**62, 2**62)),
    ("numbers", "<i4", ()),
    ("numbers", "<i4", (-5,)),
    ("cuts", "<f8", (0,)),
    ("0.points", "<f4", (10**9, 478, 2)),
    ("0.yaw", "<f4", (True,)),
    ("0.yaw", "|O", (5,)),
    ("faces", "<i4", (0, 10**13)),
    ("hands", "<i4", (10**13,)),
    ("hand0.points", "<f4", (10**9, 21, 2)),
    ("hand0.motion", "<f4", (5, 21, 3)),
    ("hand0.size", "<f8", (5,)),
    ("hand0.presence", "|O", (5,)),
]


@pytest.mark.parametrize(("name", "dtype", "shape"), FORGED)
def test_a_header_is_not_believed(tmp_path, name, dtype, shape):
    """An archive whose checksums are right, with one entry that claims what it does not hold."""
    path = tmp_path / "x.npz"
    one = made_up(0, range(5)), made_up_hand(range(5))
    Tracks(faces=one[:1], hands=one[1:], cuts=(), numbers=tuple(range(5)), key="k").save(path)
    with zipfile.ZipFile(path) as archive:
        entries = {entry: archive.read(entry) for entry in archive.namelist()}
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": dtype, "fortran_order": False, "shape": shape})
    entries[f"{name}.npy"] = stream.getvalue() + bytes(16)
    with zipfile.ZipFile(path, "w") as archive:
        for entry, whole in entries.items():
            archive.writestr(entry, whole)
    with pytest.raises(ReadError, match="not a whole track file"):
        load_tracks(path)


def rewritten(path, shot, **arrays):
    """Saved tracks with some arrays replaced, every checksum right."""
    shot.save(path)
    with zipfile.ZipFile(path) as archive:
        entries = {entry: archive.read(entry) for entry in archive.namelist()}
    for name, array in arrays.items():
        stream = io.BytesIO()
        np.save(stream, array)
        entries[f"{name}.npy"] = stream.getvalue()
    with zipfile.ZipFile(path, "w") as archive:
        for entry, whole in entries.items():
            archive.writestr(entry, whole)
    return path


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("hands", np.array([5, 2], np.int32)),
        ("hands", np.array([5, 1, 1], np.int32)),
        ("hand0.numbers", np.array([4, 3, 5, 6, 7], np.int32)),
        ("hand0.points", np.full((5, 21, 2), np.nan, np.float32)),
        ("hand0.motion", np.zeros((4, 21, 2), np.float32)),
        ("hand0.size", np.zeros(5, np.float32)),
        ("hand0.presence", np.full(5, np.inf, np.float32)),
    ],
)
def test_hands_that_cannot_be_are_reported(shot, tmp_path, name, array):
    with pytest.raises(ReadError, match="not a whole track file"):
        load_tracks(rewritten(tmp_path / "x.npz", shot, **{name: array}))


def test_a_person_can_read_the_tracks(shot):
    reported = json.loads(json.dumps(to_json(shot)))
    assert reported["takes"] == [[1001, 1020], [1021, 1040]]
    assert reported["cuts"] == [1021]
    assert [face["spans"] for face in reported["faces"]][2] == [[1003, 1005], [1009, 1011]]
    first = reported["faces"][0]["frames"][0]
    low, high = shot.faces[0].points[0].min(0), shot.faces[0].points[0].max(0)
    assert first["frame"] == 1001
    assert first["box"] == pytest.approx([*low, *(high - low)], abs=0.06)
    assert [hand["spans"] for hand in reported["hands"]] == [[[1004, 1008]], [[1030, 1030]]]
    assert set(first) == {"frame", "box", "confidence", "presence", "yaw"}
    assert to_json(Tracks(faces=(), cuts=(), numbers=()))["takes"] == []
