"""``vfxage shots from``: a cut in, shot files out, whose frames are the plate's own."""

from __future__ import annotations

from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import opentimelineio as otio
import pytest
from opentimelineio.opentime import RationalTime

from tests.editorial.cuts import TEMPLATE, clip, labels, plate, save_cut, span
from tests.media.movies import numbered, write_movie
from tests.run_vfxage import Result, run
from vfxage.shot import load_shot

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def show(tmp_path):
    (tmp_path / "show.yaml").write_text("plate: plates/A001.%04d.exr\n" + TEMPLATE)
    return tmp_path


def shots(folder: Path, cut: Path, *words: object) -> Result:
    return run("shots", "from", cut, "--template", folder / "show.yaml", "--out", folder, *words)


def frames(folder: Path, name: str) -> str:
    return str(load_shot(folder / f"{name}.yaml").frames)


def test_source_timecode_becomes_the_plates_own_frames(show):
    """01:00:00:00 is frame 1001; ten frames later, for 20 frames, is 1011-1030."""
    plate(show / "plates", 1001, 1100, "01:00:00:00")
    cut = save_cut(
        show / "cut.otio",
        clip("sh010", 86410, 20),
        otio.schema.Gap(duration=RationalTime(5, 24)),
        clip("x", 86400, 100),
    )
    expected = shots(show, cut).ok()
    assert frames(show, "sh010") == "1011-1030"
    assert frames(show, "x") == "1001-1100"
    (row,) = (line.split() for line in expected.out.splitlines() if "sh010" in line)
    assert row == ["1", "sh010.yaml", "plates/A001.%04d.exr", "01:00:00:10", "1011-1030", "20"]
    shot = load_shot(show / "sh010.yaml")
    assert shot.plate == str(show / "plates/A001.%04d.exr")
    assert shot.outputs[0].path == str(show / "out/sh010.%04d.exr")
    assert shot.faces[0].target_age.at(1) == 60


@pytest.mark.parametrize(
    ("rate", "nominal", "drop", "offset"),
    [
        (23.976, 24, 0, 2000),
        (24, 24, 0, 86400),
        (25, 25, 0, 1),
        (30, 30, 0, 2000),
        (29.97, 30, 0, 3000),
        (29.97, 30, 2, 17990),
    ],
)
def test_every_rate_counts_as_its_timecode_does(show, rate, nominal, drop, offset):
    """The plate starts ``offset`` labels after midnight, the event 7 later: counted one by one."""
    codes = list(islice(labels(nominal, drop), offset, offset + 40))
    plate(show / "plates", 1001, 1040, codes[0])
    edl = f"TITLE: T\n\n001  A001  V  C  {codes[7]} {codes[19]} 01:00:00:00 01:00:00:12\n* FROM CLIP NAME: sh1\n"
    (show / "cut.edl").write_text(edl)
    shots(show, show / "cut.edl", "--rate", rate).ok()
    assert frames(show, "sh1") == "1008-1019"
    (show / "sh1.yaml").unlink()
    shots(show, save_cut(show / "cut.otio", clip("sh1", offset + 7, 12, rate))).ok()
    assert frames(show, "sh1") == "1008-1019"


def test_a_plate_that_runs_over_midnight(show):
    plate(show / "plates", 1001, 1060, "23:59:59:00")
    (show / "cut.edl").write_text("001  A001  V  C  23:59:59:12 00:00:00:12 01:00:00:00 01:00:01:00\n")
    shots(show, show / "cut.edl", "--rate", 24).ok()
    assert frames(show, "A001") == "1013-1036"
    shots(show, save_cut(show / "cut.otio", clip("late", 2, 10))).ok()
    assert frames(show, "late") == "1027-1036"


def test_the_media_is_the_plate_where_the_template_names_none(show):
    (show / "show.yaml").write_text("first_frame: 101\nrate: 24\nrange: full\n" + TEMPLATE)
    pattern = plate(show / "p q", 50, 90)
    write_movie(show / "b%20c.mov", numbered(30), "mpeg4")
    sequence = otio.schema.ImageSequenceReference(
        (show / "p q").as_uri(), "A001.", ".exr", 50, 1, 24, 4, available_range=span(200, 41)
    )
    movie = otio.schema.ExternalReference((show / "b%20c.mov").as_uri(), span(500, 30))
    relative = otio.schema.ExternalReference("p q/A001.[0050-0090].exr", span(0, 41))
    cut = save_cut(
        show / "cut.otio",
        clip("a", 203, 4, media=sequence),
        clip("b", 510, 5, media=movie),
        clip("c", 1, 2, media=relative),
    )
    shots(show, cut).ok()
    assert (load_shot(show / "a.yaml").plate, frames(show, "a")) == (str(pattern), "53-56")
    assert (load_shot(show / "b.yaml").plate, frames(show, "b")) == (str(show / "b%20c.mov"), "111-115")
    assert (load_shot(show / "c.yaml").plate, frames(show, "c")) == (str(pattern), "51-52")
    assert load_shot(show / "b.yaml").rate is None, "a movie has its own"
    assert load_shot(show / "a.yaml").first_frame is None, "a sequence has its own numbers"
    assert [load_shot(show / name).range for name in ("a.yaml", "b.yaml")] == [None, "full"]


def test_a_cut_that_counts_from_its_medias_first_frame(show):
    """Some exporters leave timecode out: the media is 0-99 for them, whatever its header says."""
    pattern = plate(show / "plates", 1001, 1100, "01:00:00:00")
    (show / "show.yaml").write_text(TEMPLATE)
    media = otio.schema.ImageSequenceReference(
        str(pattern.parent), "A001.", ".exr", 1001, 1, 24, 4, available_range=span(0, 100)
    )
    expected = shots(
        show, save_cut(show / "cut.otio", clip("a", 10, 5, media=media), clip("b", 86410, 5, media=media))
    ).ok()
    assert (frames(show, "a"), frames(show, "b")) == ("1011-1015", "1011-1015")
    (row,) = (line for line in expected.out.splitlines() if "a.yaml" in line)
    assert "counts from the first frame of its media" in row


def test_a_movies_timecode_track_says_where_it_starts(show):
    (show / "show.yaml").write_text("plate: '{source}.mov'\n" + TEMPLATE)
    write_movie(show / "A7.mov", numbered(48), "mpeg4", metadata={"timecode": "02:00:00:00"})
    with av.open(str(show / "A7.mov")) as container:
        assert any("timecode" in stream.metadata for stream in container.streams)
    (show / "cut.edl").write_text(
        "001  AX  V  C  02:00:01:00 02:00:01:10 01:00:00:00 01:00:00:10\n* FROM CLIP NAME: A7.mov\n"
    )
    shots(show, show / "cut.edl", "--rate", 24).ok()
    assert frames(show, "A7") == "25-34"


def test_handles_are_the_shots_own_and_a_plate_with_fewer_is_reported(show):
    plate(show / "plates", 1001, 1100, "01:00:00:00")
    cut = save_cut(show / "cut.otio", clip("mid", 86420, 20), clip("early", 86403, 20))
    expected = shots(show, cut, "--handles", 8).ok()
    shot = load_shot(show / "mid.yaml")
    assert (str(shot.frames), shot.handles) == ("1021-1040", 8)
    lines = {line.split()[1]: line for line in expected.out.splitlines() if ".yaml" in line}
    assert "handles" not in lines["mid.yaml"]
    assert "handles of 8 frames: the plate has 3 before" in lines["early.yaml"]


def test_speeds_freezes_and_dissolves_take_the_source_frames_that_are_seen(show):
    plate(show / "plates", 1001, 1100, "01:00:00:00")
    fast, slow, still, back = (clip(name, 86420, 10) for name in ("fast", "slow", "still", "back"))
    fast.effects.append(otio.schema.LinearTimeWarp("w", 2.0))
    slow.effects.append(otio.schema.LinearTimeWarp("w", 0.5))
    still.effects.append(otio.schema.FreezeFrame())
    back.effects.append(otio.schema.LinearTimeWarp("w", -1.0))
    mixed = clip("mixed", 86420, 10)
    mixed.effects.append(otio.schema.TimeEffect("speed ramp"))
    dissolve = otio.schema.Transition(
        "d", otio.schema.TransitionTypes.SMPTE_Dissolve, RationalTime(3, 24), RationalTime(5, 24)
    )
    cut = save_cut(
        show / "cut.otio", fast, slow, still, back, mixed, clip("out", 86420, 10), dissolve, clip("in", 86420, 10)
    )
    expected = shots(show, cut).fails(4, "no shot file for 2 of 7 clips")
    assert frames(show, "fast") == "1021-1039", "source frames 0, 2 ... 18"
    assert frames(show, "slow") == "1021-1026", "source frames 0, 0.5 ... 4.5, the last between 4 and 5"
    assert frames(show, "still") == "1021"
    assert frames(show, "out") == "1021-1035"
    assert frames(show, "in") == "1018-1030"
    assert "back: it plays backwards" in expected.err
    assert "mixed: its speed changes" in expected.err
    assert not (show / "back.yaml").exists()
    assert "at 200 % speed" in expected.out


def test_comments_of_the_template_come_along_and_a_name_that_would_change_its_meaning_is_quoted(show):
    plate(show / "plates", 1001, 1100, "01:00:00:00")
    text = (
        "# About this template: {name}\n\n# Director's: {clip}\nhandles: 4 # at least\n"
        "faces:\n  # the one of {reel}\n  - {name: lead, source_age: 40, target_age: 60} # agreed\n"
        "outputs:\n- path: out/{name}.{clip}.%04d.exr\n# the end\n"
    )
    (show / "show.yaml").write_text(f"plate: plates/A001.%04d.exr\n{text}")
    cut = save_cut(show / "cut.otio", clip("sh1", 86420, 10), clip("it's #2 {x}: y", 86440, 10))
    shots(show, cut).ok()
    expected = (show / "sh1.yaml").read_text().split("\n\n", 1)[1]
    for comment in ("# Director's: {clip}\nhandles: 4 # at least", "  # the one of {reel}", "# agreed", "# the end"):
        assert comment in expected
    assert load_shot(show / "sh1.yaml").handles == 4
    (other,) = {path.stem for path in show.glob("*.yaml")} - {"show", "sh1"}
    shot = load_shot(show / f"{other}.yaml")
    assert (str(shot.frames), shot.faces[0].name) == ("1041-1050", "lead")
    assert Path(shot.outputs[0].path).name == f"{other}.it's _2 {{x}}_ y.%04d.exr"
    shots(show, cut, "--handles", 2, "--overwrite").ok()
    assert load_shot(show / "sh1.yaml").handles == 2
    assert "# agreed" in (show / "sh1.yaml").read_text()


def test_what_a_trimmed_track_and_a_nested_sequence_show_is_what_is_taken(show):
    plate(show / "plates", 1001, 1100, "01:00:00:00")
    outer, inner = (otio.schema.Track(name, kind="Video") for name in ("V1", "inner"))
    fast = clip("fast", 86410, 10)
    fast.effects.append(otio.schema.LinearTimeWarp("w", 2.0))
    inner.extend([clip("unseen", 86400, 4), clip("deep", 86420, 10), clip("gone", 86450, 10)])
    nested = otio.schema.Stack(
        "scene", children=[inner, otio.schema.Track("A1", kind="Audio")], source_range=span(6, 5)
    )
    outer.extend([fast, nested, clip("last", 86440, 10), clip("out", 86400, 10)])
    outer.source_range = span(4, 15)  # 6 of fast, 5 of the scene, 4 of last
    cut = otio.schema.Timeline("cut")
    cut.tracks.append(outer)
    (show / "cut.otio").write_text(cut.to_json_string())
    expected = shots(show, show / "cut.otio").ok()
    assert frames(show, "fast") == "1019-1029", "from its fifth frame on, 8 later in the source: 0, 2 ... 10"
    assert frames(show, "deep") == "1023-1027"
    assert frames(show, "last") == "1041-1044"
    assert len(list(show.glob("*.yaml"))) == 4
    assert "skipped clips outside a trimmed track: 3" in expected.err


def test_clips_without_a_plate_are_skipped_or_refused_by_name(show):
    plate(show / "plates", 1001, 1100, "01:00:00:00")
    nested = otio.schema.Stack("inner")
    nested.append(clip("deep", 86400, 5))
    slug = clip("slug", 0, 5, media=otio.schema.GeneratorReference("black"))
    off = clip("off", 86400, 5)
    off.enabled = False
    items = [clip("sh1", 86400, 5), nested, slug, off, clip("far", 90000, 5), clip("other", 100, 5, 25)]
    cut = save_cut(show / "cut.otio", *items)
    expected = shots(show, cut).fails(4, "3 of 4 clips")
    assert sorted(path.name for path in show.glob("*.yaml")) == ["sh1.yaml", "show.yaml"]
    for words in ("inner: it is a nested sequence", "far: its source from 01:02:30:00", "1001-1100 from 01:00:00:00"):
        assert words in expected.err
    assert "skipped disabled clips: 1" in expected.err
    assert "skipped black, bars and other generators: 1" in expected.err


def test_a_plate_without_timecode_is_counted_only_where_one_way_fits(show):
    plate(show / "plates", 1001, 1100)
    cut = save_cut(show / "cut.otio", clip("numbers", 1010, 10), clip("zero", 10, 10))
    expected = shots(show, cut).ok()
    assert frames(show, "numbers") == "1010-1019"
    assert frames(show, "zero") == "1011-1020"
    assert "its frame numbers are used as timecode" in expected.out
    plate(show / "plates", 1, 100, name="B")
    (show / "show.yaml").write_text("plate: plates/B.%04d.exr\n" + TEMPLATE)
    expected = shots(show, save_cut(show / "cut.otio", clip("either", 10, 10))).fails(4)
    assert "10-19 or 11-20" in expected.err


def test_a_plate_that_does_not_exist_yet_takes_its_range_from_the_cut(show):
    (show / "show.yaml").write_text(TEMPLATE)
    sequence = otio.schema.ImageSequenceReference("later", "A.", ".exr", 1001, 1, 24, 4, available_range=span(0, 50))
    cut = save_cut(
        show / "cut.otio", clip("a", 10, 5, media=sequence), clip("b", 1, 5), clip("c", 48, 5, media=sequence)
    )
    expected = shots(show, cut).fails(4, "2 of 3")
    assert frames(show, "a") == "1011-1015"
    assert "does not exist yet" in expected.out
    assert "b: the cut names no file for it; add `plate:`" in expected.err
    assert "c: its source" in expected.err


def test_names_are_safe_and_unique(show):
    plate(show / "plates", 1001, 1100, "01:00:00:00")
    names = ["sh 010/../../x", "SH_010", "sh_010.mov", "..", "A001.%04d.exr", "Größe #1", "-o"]
    shots(show, save_cut(show / "cut.otio", *(clip(name, 86400, 5) for name in names))).ok()
    made = sorted(path.name for path in show.glob("*.yaml"))
    assert len(made) == len(names) + 1
    assert len({name.casefold() for name in made}) == len(made)
    assert {"SH_010.yaml", "sh_010_2.yaml", "A001.yaml", "o.yaml", "shot.yaml"} <= set(made)


def test_nothing_from_a_cut_leads_out_of_the_templates_folders(show):
    (show / "show.yaml").write_text("plate: plates/{reel}/{clip}.%04d.exr\n" + TEMPLATE)
    plate(show / "plates" / "_.._etc", 1001, 1010, "01:00:00:00", name="_04d{name}")
    (show / "cut.edl").write_text(
        "001  /../etc  V  C  01:00:00:00 01:00:00:05 01:00:00:00 01:00:00:05\n* FROM CLIP NAME: %04d{name}\n"
    )
    shots(show, show / "cut.edl", "--rate", 24).ok()
    (made,) = set(show.glob("*.yaml")) - {show / "show.yaml"}
    assert load_shot(made).plate == str(show / "plates/_.._etc/_04d{name}.%04d.exr")


def test_shot_files_that_stand_are_kept_or_refused_as_a_whole(show):
    plate(show / "plates", 1001, 1100, "01:00:00:00")
    cut = save_cut(show / "cut.otio", clip("a", 86400, 5), clip("b", 86410, 5))
    assert "2 shot files written, 0 unchanged" in shots(show, cut).ok().out
    assert "0 shot files written, 2 unchanged" in shots(show, cut).ok().out
    cut = save_cut(show / "cut.otio", clip("a", 86400, 5), clip("b", 86411, 5), clip("c", 86411, 5))
    shots(show, cut).fails(2, "b.yaml", "exists and differs", "--overwrite")
    assert not (show / "c.yaml").exists(), "nothing is written where one is refused"
    assert "2 shot files written, 1 unchanged" in shots(show, cut, "--overwrite").ok().out
    assert frames(show, "b") == "1012-1016"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("frames: 1-10\n" + TEMPLATE, ":1: `frames` comes from the cut"),
        ("plate: '{reeel}.exr'\n" + TEMPLATE, ":1: unknown placeholder {reeel}; write {reel}"),
        ("plate: '{shot}.exr'\n" + TEMPLATE, ":1: unknown placeholder {shot}; write {name} or {clip} or {reel} or"),
        ("plate: [1]\n" + TEMPLATE, ":1: `plate` is not text"),
        ("plate: plates/A001.%04d.exr\nsource_age: 40\n", "`target_age` is missing"),
        ("plate: plates/A001.%04d.exr\nsource_age: 40\ntarget_age: 400\n", ":3: `target_age` is 400"),
        ("plate: plates/A001.%04d.exr\n" + TEMPLATE.replace("{name}", "same"), ":4: a and b would write the same file"),
        ("- 1\n", "not a mapping"),
    ],
)
def test_a_bad_template_is_its_own_line_and_writes_nothing(show, text, expected):
    plate(show / "plates", 1001, 1100, "01:00:00:00")
    (show / "show.yaml").write_text(text)
    cut = save_cut(show / "cut.otio", clip("a", 86400, 5), clip("b", 86410, 5))
    shots(show, cut).fails(2, "show.yaml", expected)
    assert [path.name for path in show.glob("*.yaml")] == ["show.yaml"]


def test_the_example_template_makes_shots(tmp_path):
    plate(tmp_path / "plates" / "A001", 1001, 1100, "01:00:00:00")
    cut = save_cut(tmp_path / "cut.otio", clip("A001", 86410, 20, metadata={"cmx_3600": {"reel": "A001"}}))
    run("shots", "from", cut, "-t", ROOT / "configs" / "show.yaml", "-o", tmp_path / "shots").ok()
    shot = load_shot(tmp_path / "shots" / "A001.yaml")
    assert (str(shot.frames), shot.handles, shot.rate) == ("1011-1030", 8, Fraction(24))
    assert Path(shot.outputs[1].path).resolve() == tmp_path / "review" / "A001.mov"
    expected = run("info", tmp_path / "shots" / "A001.yaml").ok()
    assert "1003-1038" in expected.out, "the range and its handles"
