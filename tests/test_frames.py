"""Frame ranges and file patterns: what a user types, what lies on disk, and the limits."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vfxage.errors import ReadError, ShotError
from vfxage.frames import MOST_FRAMES, FrameRange, Pattern, literal, no_file

NUMBERS = st.sets(st.integers(-3000, 3000), min_size=1, max_size=80)
ANY_NUMBER = st.integers(-(2**31) + 1, 2**31 - 1)
SPELLINGS = ["a.####.exr", "a.@@@@.exr", "a.%04d.exr", "a.$F4.exr"]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("1001", [1001]),
        ("1-5", [1, 2, 3, 4, 5]),
        ("1-10x4 20", [1, 5, 9, 20]),
        ("1-10:4,20", [1, 5, 9, 20]),
        ("1-3,5 9", [1, 2, 3, 5, 9]),
        ("-3--1", [-3, -2, -1]),
        ("-3-2:2", [-3, -1, 1]),
        ("-7", [-7]),
        ("5 1-3 2-4", [1, 2, 3, 4, 5]),
        (" 1-2 ,\t4\n", [1, 2, 4]),
        ("1-3 5", [1, 2, 3, 5]),
        ("0101-0103", [101, 102, 103]),
        ("1-1x5", [1]),
    ],
)
def test_both_syntaxes_mean_what_nuke_and_openjd_mean(text, numbers):
    assert list(FrameRange.parse(text)) == numbers


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "empty"),
        (" , ", "empty"),
        ("1-10 20-", "'20-'"),
        ("1-10 x2", "'x2'"),
        ("frames", "'frames'"),
        ("10-1", "1-10"),
        ("1-10x0", "the step 0"),
        ("1..5", "'1..5'"),
        ("1.5", "'1.5'"),
        ("1-10x2x3", "'1-10x2x3'"),
        ("١-٣", "is not a frame range"),
        ("1-99999999999", "too large"),
        ("1-2147483647", "1,000,000"),
        (f"1-{MOST_FRAMES} {MOST_FRAMES + 1}-{MOST_FRAMES + 2}", "1,000,000"),
        ("9" * 5000, "is not a frame range"),
    ],
)
def test_a_bad_range_is_one_line_that_names_the_piece(text, expected):
    with pytest.raises(ShotError) as caught:
        FrameRange.parse(text)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_the_longest_range_is_accepted():
    assert len(FrameRange.parse(f"1-{MOST_FRAMES}")) == MOST_FRAMES


@given(NUMBERS)
@example({1, 3})
@example({-1, 0, 1, 5})
def test_a_range_survives_being_written_and_read(numbers):
    frames = FrameRange.of(numbers)
    assert FrameRange.parse(str(frames)) == frames
    assert FrameRange.parse(str(frames).replace("x", ":").replace(" ", ",")) == frames
    assert list(frames) == sorted(numbers)
    assert (frames.first, frames.last, len(frames)) == (min(numbers), max(numbers), len(numbers))


@given(NUMBERS, st.integers(-3100, 3100))
def test_membership_is_that_of_the_set(numbers, number):
    assert (number in FrameRange.of(numbers)) == (number in numbers)
    assert str(number) not in FrameRange.of(numbers)


PIECES = st.tuples(st.integers(-200, 200), st.integers(0, 90), st.integers(1, 12))


@given(
    st.lists(st.tuples(PIECES, st.sampled_from("x:"), st.sampled_from([" ", ",", ", ", "\t"])), min_size=1, max_size=6)
)
def test_pieces_are_the_union_of_what_each_counts(pieces):
    text, numbers = "", set()
    for (first, reach, step), mark, gap in pieces:
        text += f"{first}-{first + reach}" + (f"{mark}{step}" if step > 1 else "") + gap
        numbers |= set(range(first, first + reach + 1, step))
    assert set(FrameRange.parse(text)) == numbers


def test_runs_are_written_short():
    assert str(FrameRange.parse("1 2 3 4 10 20 30 40 99")) == "1-4 10-40x10 99"
    assert str(FrameRange.parse("1 3 9")) == "1 3 9"


@given(st.text(alphabet="0123456789-x:, a\t", max_size=30))
def test_any_text_is_a_range_or_a_shot_error(text):
    try:
        frames = FrameRange.parse(text)
    except ShotError:
        return
    assert 1 <= len(frames) <= MOST_FRAMES


@pytest.mark.parametrize("numbers", [(), (2, 1), (1, 1)])
def test_a_range_is_ascending_and_not_empty(numbers):
    with pytest.raises(ValueError, match="frame range"):
        FrameRange(numbers)


@pytest.mark.parametrize("name", SPELLINGS)
def test_every_spelling_of_a_pattern_names_the_same_files(name):
    pattern = Pattern.parse(f"/plates/{name}")
    assert Pattern.is_sequence(f"/plates/{name}")
    assert str(pattern.path(7)) == "/plates/a.0007.exr"
    assert str(pattern.path(12345)) == "/plates/a.12345.exr"
    assert str(pattern.path(-7)) == "/plates/a.-007.exr"
    assert pattern == Pattern.parse("/plates/a.####.exr")


@pytest.mark.parametrize("name", ["a.#.exr", "a.%d.exr", "a.$F.exr", "a.%01d.exr"])
def test_no_padding(name):
    assert Pattern.parse(name).path(7).name == "a.7.exr"


@given(ANY_NUMBER, st.integers(1, 12), st.sampled_from(["a.", "a-", "", "shot_12", "%s{}$HOME."]))
def test_a_number_survives_the_way_to_a_file_name_and_back(number, width, prefix):
    with tempfile.TemporaryDirectory() as folder:
        pattern = Pattern.parse(Path(folder) / f"{prefix}%0{width}d.exr")
        pattern.path(number).touch()
        assert pattern.path(number).name == prefix + f"%0{width}d" % number + ".exr"
        assert pattern.numbers() == (number,)
        assert Pattern.parse(str(pattern)) == pattern


@pytest.mark.parametrize(
    "name", ["%s.exr", "%n%x.exr", "{frame}.exr", "$HOME.exr", "${F4}.exr", "~.exr", "%V.mov", "%(x)s.exr"]
)
def test_nothing_else_is_a_format_string(name):
    assert not Pattern.is_sequence(name)
    assert Pattern.parse(f"/plates/{name}").path(3) == Path(f"/plates/{name}")
    assert Pattern.parse(f"/plates/{name[:-4]}.####.exr").path(3).name == f"{name[:-4]}.0003.exr"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.####.%04d.exr", "#### and %04d"),
        ("shot_####/a.exr", "folder"),
        ("", "not a file name"),
        ("/", "not a file name"),
        ("a\0b.exr", "not a file name"),
    ],
)
def test_a_bad_pattern_says_what_is_wrong(text, expected):
    with pytest.raises(ShotError, match=expected):
        Pattern.parse(text)


def test_numbers_on_disk_are_those_that_the_pattern_would_write(tmp_path):
    names = ["a.0999.exr", "a.1001.exr", "a.10000.exr", "a.-003.exr", "a.7.exr", "a.00008.exr", "a.1002.exr.tmp"]
    names += ["b.1003.exr", "a.1004.EXR", "a..exr", "a.exr", "a.1e3.exr", "a.-000.exr", "a.١٢٣٤.exr", ".a.1005.exr"]
    for name in names:
        (tmp_path / name).touch()
    (tmp_path / "a.1006.exr").mkdir()
    (tmp_path / "a.1007.exr").symlink_to(tmp_path / "gone")
    (tmp_path / "a.1008.exr").symlink_to(tmp_path / "a.1001.exr")
    found = Pattern.parse(tmp_path / "a.%04d.exr").listed()
    assert found.files == (-3, 999, 1001, 1008, 10000)
    assert found.dead == (1006, 1007)
    assert found.strays == {"a.-000.exr": 0, "a.7.exr": 7, "a.00008.exr": 8}
    assert Pattern.parse(tmp_path / "a.%04d.exr").numbers() == (-3, 999, 1001, 1006, 1007, 1008, 10000)
    assert Pattern.parse(tmp_path / "a.%d.exr").listed().files == (7, 1001, 1008, 10000)


def test_a_name_without_a_file_says_what_it_is(tmp_path):
    links = {"gone": "/archive/a.exr", "loop": "loop", "folder": tmp_path, "device": "/dev/null"}
    for name, target in links.items():
        (tmp_path / name).symlink_to(target)
    assert no_file(tmp_path / "gone") == "is a link to /archive/a.exr, which does not exist"
    assert no_file(tmp_path / "loop") == "is a link to loop, which leads back to it"
    assert no_file(tmp_path / "folder") == f"is a link to {tmp_path}, which is a folder"
    assert no_file(tmp_path / "device") == "is a link to /dev/null, which is not a file"
    assert no_file(tmp_path) == "is a folder"
    assert no_file(tmp_path / "nothing") == "does not exist"


@given(st.text("ab#@%$dF0[]~.{", min_size=1, max_size=12), st.text("#@%$F4[]b", min_size=1, max_size=6))
@example("[#]", "a")
@example("a[##]%04d", "####")
def test_a_literal_path_is_one_file_whatever_its_name(name, folder):
    path = Path("/x", folder, f"{name}.png")
    pattern = Pattern.parse(literal(path))
    assert pattern.digits is None
    assert pattern.path(1) == path
    assert not Pattern.is_sequence(literal(path))


def test_a_plain_file_is_frame_one(tmp_path):
    (tmp_path / "still.exr").touch()
    assert Pattern.parse(tmp_path / "still.exr").numbers() == (1,)
    assert Pattern.parse(tmp_path / "other.exr").numbers() == ()


def test_a_folder_that_cannot_be_listed(tmp_path):
    (tmp_path / "file").touch()
    for folder in ("nothing", "file"):
        with pytest.raises(ReadError, match=folder):
            Pattern.parse(tmp_path / folder / "a.####.exr").numbers()


NAMES = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(["a", "a.", "A.", "a.1", ""]),
        st.sampled_from(["#", "%04d", "$F2", "1", "-001"]),
        st.sampled_from([".exr", "0.exr"]),
    ),
)


@given(NAMES, NAMES, st.integers(-12, 1200), st.integers(-12, 1200))
def test_patterns_that_write_one_file_overlap(one, other, number, another):
    first, second = Pattern.parse(one), Pattern.parse(other)
    assert first.overlaps(second) == second.overlaps(first)
    if first.path(number) == second.path(another):
        assert first.overlaps(second)


def test_patterns_that_may_write_the_same_files(tmp_path):
    (tmp_path / "real").mkdir()
    os.symlink(tmp_path / "real", tmp_path / "link")

    def overlap(one: str, other: str) -> bool:
        pair = Pattern.parse(tmp_path / one), Pattern.parse(tmp_path / other)
        assert pair[0].overlaps(pair[1]) == pair[1].overlaps(pair[0])
        return pair[0].overlaps(pair[1])

    assert overlap("real/a.%04d.exr", "link/a.####.exr")
    assert overlap("real/a.%04d.exr", "real/../real/A.%d.EXR")
    assert overlap("real/a.%04d.exr", "real/a.1001.exr")
    assert overlap("a.mov", "A.mov")
    assert not overlap("real/a.%04d.exr", "real/b.%04d.exr")
    assert not overlap("real/a.%04d.exr", "a.%04d.exr")
    assert not overlap("real/a.%04d.exr", "real/a.left.exr")
    assert not overlap("a.mov", "b.mov")
