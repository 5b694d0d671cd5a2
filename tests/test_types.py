import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vfxage.errors import ReadError, VfxageError, WriteError
from vfxage.publish import partial_path, publish, sweep
from vfxage.types import POINTS, FaceTrack, Frame, SourceTags, Window

windows = st.builds(Window, *[st.integers(-50, 50)] * 2, *[st.integers(0, 40)] * 2)


@given(windows, windows)
def test_an_intersection_holds_exactly_the_pixels_of_both(a: Window, b: Window) -> None:
    def pixels(w: Window) -> set[tuple[int, int]]:
        return {(i, j) for i in range(w.x, w.x + w.width) for j in range(w.y, w.y + w.height)}

    assert pixels(a.intersect(b)) == pixels(a) & pixels(b)


@given(windows, windows)
def test_slices_of_an_intersection_are_its_pixels_in_either(a: Window, b: Window) -> None:
    both = a.intersect(b)
    if both.empty:
        return
    for whole in (a, b):
        rows, columns = np.mgrid[whole.y : whole.y + whole.height, whole.x : whole.x + whole.width]
        place = both.slices(whole)
        assert rows[place].shape == both.shape
        assert (rows[place][0, 0], columns[place][0, 0]) == (both.y, both.x)
        assert (rows[place][-1, -1], columns[place][-1, -1]) == (both.y + both.height - 1, both.x + both.width - 1)


def test_slices_find_the_window_inside_an_array() -> None:
    plate = Window(-2, 3, 6, 5)
    rows, columns = np.mgrid[3:8, -2:4]
    box = Window(0, 4, 3, 2)
    assert rows[box.slices(plate)].tolist() == [[4, 4, 4], [5, 5, 5]]
    assert columns[box.slices(plate)].tolist() == [[0, 1, 2], [0, 1, 2]]


@pytest.mark.parametrize(
    "rgb",
    [
        np.zeros((4, 6, 3), np.float64),
        np.zeros((6, 4, 3), np.float32),
        np.zeros((4, 6), np.float32),
        np.zeros((3, 4, 6), np.float32).transpose(1, 2, 0),
    ],
)
def test_a_frame_refuses_arrays_that_break_the_array_law(rgb: np.ndarray) -> None:
    with pytest.raises(ValueError, match="rgb must"):
        Frame(number=1, window=Window(0, 0, 6, 4), rgb=rgb)


def test_a_track_refuses_numbers_that_do_not_ascend() -> None:
    flat = np.zeros(2, np.float32)
    with pytest.raises(ValueError, match="ascending"):
        FaceTrack(
            face=0,
            numbers=np.array([5, 5], np.int32),
            points=np.zeros((2, POINTS, 2), np.float32),
            neck=np.zeros((2, 34, 2), np.float32),
            confidence=flat,
            presence=flat,
            yaw=flat,
        )


def test_an_error_is_one_line_with_where_what_and_what_to_do() -> None:
    error = ReadError("cannot\nbe read", path="a/plate.exr", frame=7, fix="check it")
    assert str(error) == "a/plate.exr frame 7: cannot be read; check it"
    assert str(VfxageError("no", path="shot.yaml", line=3)) == "shot.yaml:3: no"


def test_a_file_appears_only_when_it_is_complete(tmp_path: Path) -> None:
    final = tmp_path / "new" / "frame.exr"

    def fail() -> None:
        with publish(final) as partial:
            partial.write_bytes(b"half")
            assert not final.exists()
            raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        fail()
    assert list(final.parent.iterdir()) == []
    with publish(final) as partial:
        partial.write_bytes(b"whole")
    assert final.read_bytes() == b"whole"
    assert list(final.parent.iterdir()) == [final]


def test_a_failed_write_leaves_what_was_there(tmp_path: Path) -> None:
    final = tmp_path / "frame.exr"
    final.write_bytes(b"before")

    def fail() -> None:
        with publish(final, frame=9) as partial:
            partial.write_bytes(b"after")
            raise OSError(28, "No space left on device")

    with pytest.raises(WriteError, match=r"frame\.exr frame 9: .*No space left"):
        fail()
    assert final.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [final]


def test_what_a_killed_process_left_is_swept_and_nothing_else(tmp_path: Path) -> None:
    code = "import sys; from vfxage.publish import partial_path; from pathlib import Path; "
    code += "partial_path(Path(sys.argv[1])).write_bytes(b'half')"
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "frame.1001.exr")], check=True)
    (dead,) = tmp_path.iterdir()
    at_work = partial_path(tmp_path / "frame.1002.exr")
    others = [at_work, tmp_path / ".notes.partial.exr", tmp_path / "frame.1003.exr"]
    for path in others:
        path.write_bytes(b"mine")
    sweep(tmp_path)
    assert not dead.exists()
    assert all(path.exists() for path in others)


def test_source_tags_print_no_header() -> None:
    tags = SourceTags(format="dpx", raw=b"SDPX" * 512, attributes={"ICCProfile": np.arange(900)})
    text = repr(Frame(number=1, window=Window(0, 0, 1, 1), rgb=np.zeros((1, 1, 3), np.float32), tags=tags))
    assert "tags=SourceTags(format='dpx', attributes={1 keys}, " in text
    assert "raw=2048 bytes" in text
    assert "SDPX" not in text
