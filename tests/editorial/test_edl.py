"""CMX 3600 as editing systems write it, compared with OpenTimelineIO's own adapter where it can read it."""

from __future__ import annotations

from fractions import Fraction

import pytest
from otio_cmx3600_adapter import cmx_3600

from tests.editorial.cuts import NDF, labels
from vfxage.editorial import Cut, read_cut
from vfxage.errors import ReadError, ShotError

AVID = """\
TITLE:   REEL 1 V12
FCM: NON-DROP FRAME

001  A002C003 V     C        01:02:03:04 01:02:05:00 01:00:00:00 01:00:01:20
* FROM CLIP NAME:  RG_010
* SOURCE FILE: A002C003_190101_R1AB
002  A002C003 V     C        01:02:05:00 01:02:05:00 01:00:01:20 01:00:01:20
002  B001C001 V     D    012 05:00:00:00 05:00:04:00 01:00:01:20 01:00:05:20
* FROM CLIP NAME:  RG_010
* TO CLIP NAME:  RG_020
003  BL       V     C        00:00:00:00 00:00:01:00 01:00:05:20 01:00:06:20
004  C001     AA/V  C        00:10:00:00 00:10:02:00 01:00:06:20 01:00:07:20
M2   C001       048.0                    00:10:00:00
* FROM CLIP NAME:  RG_030.mov
005  D001     V     W001  010 07:00:00:00 07:00:01:00 01:00:07:20 01:00:08:20
* FROM CLIP NAME:  RG_030.mov
* TO CLIP NAME:  RG_040
006  D001     A     C        07:00:00:00 07:00:01:00 01:00:07:20 01:00:08:20
"""


def read(tmp_path, text: str, rate: Fraction | None = Fraction(24)) -> Cut:
    path = tmp_path / "cut.edl"
    path.write_text(text)
    return read_cut(path, rate)


def test_events_as_avid_writes_them(tmp_path):
    cut = read(tmp_path, AVID)
    rows = [(e.number, e.name, e.reel, e.source, e.start, e.length, e.after) for e in cut.events]
    second = 24
    hour = 3600 * second
    assert rows == [
        (1, "RG_010", "A002C003", "A002C003_190101_R1AB", hour + 123 * second + 4, 44, 12),
        (2, "RG_020", "B001C001", "RG_020", 5 * hour, 96, 0),
        (4, "RG_030.mov", "C001", "RG_030", 600 * second, 47, 20),
        (5, "RG_040", "D001", "RG_040", 7 * hour, 24, 0),
    ]
    assert cut.notes == ("skipped black or bars: 1", "skipped sound events: 1")


def test_plain_cuts_are_those_of_opentimelineios_adapter(tmp_path):
    lines, record = ["TITLE: T"], 0
    codes = [code for code, _ in zip(labels(25), range(5000), strict=False)]
    for event in range(1, 9):
        start, length = event * 301, event * 7
        times = codes[start], codes[start + length], codes[record], codes[record + length]
        lines += [f"{event:03d}  R{event:03d}  V  C  {' '.join(times)}", f"* FROM CLIP NAME: sh{event:03d}0"]
        record += length
    text = "\n".join(lines)
    (track,) = cmx_3600.read_from_string(text, rate=25).tracks
    theirs = [(c.name, c.source_range.start_time.value, c.source_range.duration.value) for c in track]
    ours = [(e.name, e.start, e.length) for e in read(tmp_path, text, Fraction(25)).events]
    assert ours == theirs
    assert [e.reel for e in read(tmp_path, text, Fraction(25)).events] == [
        c.metadata["cmx_3600"]["reel"] for c in track
    ]


@pytest.mark.parametrize("mark", [";", ":"])
def test_dropped_frames_are_marked_by_the_timecode_or_by_the_fcm_line(tmp_path, mark):
    """01:00:00;00 is label 107892 of the day, counted one by one."""
    text = f"FCM: DROP FRAME\n001  R  V  C  01:00:00{mark}00 01:00:10{mark}00 00:00:00{mark}00 00:00:10{mark}00\n"
    (event,) = read(tmp_path, text, NDF).events
    assert (event.start, event.length, event.drop) == (
        next(n for n, code in enumerate(labels(30, 2)) if code == "01:00:00;00"),
        300,
        True,
    )


def test_where_timecodes_have_marks_of_their_own_the_fcm_line_says_nothing(tmp_path):
    text = "FCM: DROP FRAME\n001  R  V  C  01:00:00:00 01:00:10:00 00:00:00;00 00:00:10;00\n"
    (event,) = read(tmp_path, text, NDF).events
    assert (event.start, event.drop) == (108000, False)


@pytest.mark.parametrize(
    ("rate", "speed", "length"),
    [
        (24, "024.0", 10),
        (24, "012.0", 5),
        (24, "000.0", 1),
        (Fraction(24000, 1001), "047.9", 19),
        (Fraction(24000, 1001), "023.9", 10),
        (NDF, "059.9", 19),
    ],
)
def test_a_speed_counts_even_where_the_source_is_written_as_long_as_the_record(tmp_path, rate, speed, length):
    """As Resolve writes it: ten frames of the cut at a speed are these source frames."""
    text = f"001  AX  V  C  00:00:00:00 00:00:00:10 01:00:00:00 01:00:00:10\nM2   AX   {speed}   00:00:00:00\n"
    (event,) = read(tmp_path, text, Fraction(rate)).events
    assert event.length == length


def test_what_cannot_be_a_shot_says_why(tmp_path):
    text = (
        "001  A  V  C  00:00:00:00 00:00:01:00 01:00:00:00 01:00:02:00\n"
        "002  B  V  C  00:00:00:00 00:00:01:00 01:00:02:00 01:00:03:00\nM2 B -024.0 00:00:00:00\n"
        "003  C  V  K  024 00:00:00:00 00:00:01:00 01:00:02:00 01:00:03:00\n"
    )
    cut = read(tmp_path, text)
    assert not cut.events
    assert [refusal.number for refusal in cut.refused] == [1, 2, 3]
    for refusal, words in zip(cut.refused, ("24 frames, the cut 48", "backwards", "key"), strict=True):
        assert words in refusal.why


@pytest.mark.parametrize(
    ("text", "rate", "expected"),
    [
        ("", 24, "no events"),
        ("TITLE: x\nFCM: NON-DROP FRAME\n", 24, "no events"),
        ("TITLE: x\n001  A  V  C  00:00:00:00 00:00:01:00\n", 24, "line 2 is not an event"),
        (
            "001  A  V  C  00:00:00:24 00:00:02:00 01:00:00:00 01:00:02:00\n",
            24,
            "line 1: 00:00:00:24 is not a timecode at 24",
        ),
        ("001  A  V  C  00:01:00;00 00:02:00;10 01:00:00;00 01:01:00;10\n", NDF, "00:01:00;00 is not a timecode at 29"),
        ("FCM: DROP FRAME\n001  A  V  C  00:01:00:00 00:02:00:10 01:00:00:00 01:01:00:10\n", 25, "does not drop"),
        ("001  A  A  C  00:00:00:00 00:00:01:00 01:00:00:00 01:00:01:00\n", 24, "has no picture events"),
        ("001  A  V  C  00:00:00:00 00:00:01:00 01:00:00:00 01:00:01:00\nM2 A fast 0\n", 24, "line 2 is not an M2"),
        ("001  A  V  C  10:00:00:00 00:00:01:00 01:00:00:00 01:00:01:00\n", 1000, "ends before it starts"),
    ],
)
def test_a_broken_list_is_one_line(tmp_path, text, rate, expected):
    with pytest.raises(ReadError, match=r"cut\.edl: ") as caught:
        read(tmp_path, text, Fraction(rate))
    assert expected in str(caught.value)


def test_a_list_without_a_rate_asks_for_it(tmp_path):
    with pytest.raises(ShotError, match="say --rate 24"):
        read(tmp_path, AVID, None)
