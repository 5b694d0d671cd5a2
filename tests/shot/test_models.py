"""The meaning of a shot file: defaults, inheritance, rates, codecs, paths."""

from __future__ import annotations

import re
from fractions import Fraction

import pytest
import yaml

from tests.shot.example import EXAMPLE, SHORT, changed, load, reported
from vfxage.frames import FrameRange
from vfxage.shot import Keyed, PointSelect, load_shot


def test_the_example_means_what_it_says(tmp_path):
    path = tmp_path / "shot.yaml"
    path.write_text(EXAMPLE)
    shot = load_shot(path)
    (face,) = shot.faces
    assert (shot.path, shot.plate) == (path, str(tmp_path / "plate/demo.%04d.exr"))
    assert shot.frames == FrameRange.parse("1001-1048")
    assert (shot.colorspace, shot.model, shot.crop_size) == ("Linear Rec.709 (sRGB)", "builtin", None)
    assert (face.name, face.select, face.intensity.at(1)) == ("lead", "largest", 1)
    assert [face.target_age.at(n) for n in (900, 1001, 1048, 2000)] == [40, 40, 70, 70]
    assert face.target_age.at(1024.5) == pytest.approx(55)
    assert (shot.temporal.radius, shot.temporal.strength) == (2, 1)
    assert (shot.matte.kind, shot.matte.feather) == ("face", 0.08)
    assert [(o.path, o.passes, o.codec) for o in shot.outputs] == [
        (str(tmp_path / "out/demo.%04d.exr"), ("beauty", "delta", "matte"), None),
        (str(tmp_path / "out/demo.mov"), ("beauty", "matte"), "prores_4444"),
    ]


def test_defaults():
    shot = load(SHORT)
    (face,) = shot.faces
    assert (face.name, face.select) == (None, "all")
    assert (face.source_age.at(1), face.target_age.at(1), face.intensity.at(1)) == (30, 50, 1)
    assert (shot.frames, shot.first_frame, shot.rate, shot.colorspace, shot.ocio) == (None,) * 5
    assert (shot.outputs, shot.tracking.max_gap) == ((), 12)


def test_faces_take_the_ages_they_do_not_name_from_the_top():
    shot = load(
        SHORT + "intensity: 0.5\nfaces:\n  - {name: a, select: left, target_age: 80}\n  - {select: right, intensity: 2}"
    )
    first, second = shot.faces
    assert (first.source_age.at(1), first.target_age.at(1), first.intensity.at(1)) == (30, 80, 0.5)
    assert (second.source_age.at(1), second.target_age.at(1), second.intensity.at(1)) == (30, 50, 2)


def test_an_age_left_empty_is_an_age_left_out():
    shot = load(SHORT + "faces:\n  - name: a\n    target_age:\n    source_age: 12\n")
    assert (shot.faces[0].source_age.at(1), shot.faces[0].target_age.at(1)) == (12, 50)


@pytest.mark.parametrize("name", ["raw", "raw_lead"])
def test_no_face_is_called_as_a_pass_is(name):
    assert f"the layer delta_{name} belongs to the pass delta_raw" in reported(changed("name: lead", f"name: {name}"))
    assert load(changed("name: lead", "name: rawhide")).faces[0].name == "rawhide"


def test_a_face_by_a_point():
    shot = load(changed("select: largest", "select: {frame: 1001, point: [640, 300.5]}"))
    assert shot.faces[0].select == PointSelect(frame=1001, point=(640.0, 300.5))


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("24", Fraction(24)),
        ("25.0", Fraction(25)),
        ("24000/1001", Fraction(24000, 1001)),
        ("2.0", Fraction(2)),
        ("23.976", Fraction(24000, 1001)),
        ("23.98", Fraction(24000, 1001)),
        ("29.97", Fraction(30000, 1001)),
        ("59.94", Fraction(60000, 1001)),
        ("12.5", Fraction(25, 2)),
    ],
)
def test_rates_are_exact(text, rate):
    assert load(SHORT + f"rate: {text}").rate == rate


@pytest.mark.parametrize("text", ["0", "-24", "24/0", "fast", ".inf", "1e9", "[24]", "0.5", "24000:1001"])
def test_rates_that_are_none(text):
    assert re.match(r"shot\.yaml:4: `rate` .*frames per second", reported(SHORT + f"rate: {text}"))


@pytest.mark.parametrize(
    ("name", "passes", "codec"),
    [
        ("a.mov", "[beauty]", "prores_hq"),
        ("a.mov", "[delta]", "prores_hq"),
        ("a.mov", "[matte, beauty]", "prores_4444"),
        ("a.MP4", "[beauty]", "h264"),
        ("a.####.exr", "[matte]", None),
    ],
)
def test_the_codec_that_is_chosen(name, passes, codec):
    (output,) = load(EXAMPLE[: EXAMPLE.index("outputs")] + f"outputs: [{{path: {name}, passes: {passes}}}]").outputs
    assert output.codec == codec
    assert sorted(output.passes) == sorted(yaml.safe_load(passes))


def test_passes_are_in_one_order_and_default_to_what_the_format_holds():
    shot = load(EXAMPLE[: EXAMPLE.index("outputs")] + "outputs: [{path: a.%d.exr}, {path: b.mov}]")
    assert [output.passes for output in shot.outputs] == [("beauty", "delta", "matte"), ("beauty",)]
    assert load(changed("[beauty, delta, matte]", "[matte, delta, beauty]")).outputs[0].passes == (
        "beauty",
        "delta",
        "matte",
    )


def test_paths_are_relative_to_the_file_and_never_a_format_string(tmp_path, monkeypatch):
    names = {"plate": "%s{0}.mov", "model": "nets/../a.pth", "ocio": "/shows/x.ocio"}
    (tmp_path / "shot.yaml").write_text(SHORT.replace("plate: a.mov", yaml.safe_dump(names)))
    monkeypatch.chdir("/")
    shot = load_shot(tmp_path / "shot.yaml")
    assert (shot.plate, shot.model, shot.ocio) == (
        f"{tmp_path}/%s{{0}}.mov",
        f"{tmp_path}/nets/../a.pth",
        "/shows/x.ocio",
    )
    monkeypatch.chdir(tmp_path)
    assert load_shot("shot.yaml").plate == shot.plate


def test_an_honest_alias_is_welcome():
    first = "{name: a, select: left, target_age: &keys {1: 20, 5: 40}}"
    shot = load(f"{SHORT}faces:\n  - {first}\n  - {{name: b, select: right, target_age: *keys}}\n")
    assert shot.faces[0].target_age == shot.faces[1].target_age == Keyed.of({1: 20, 5: 40})


def test_a_plus_sign_is_the_opposite_of_a_minus_sign_where_both_make_sense():
    assert load(f"{SHORT}exposure: +1.5").exposure == 1.5
    assert load(f"{SHORT}exposure: -1.5").exposure == -1.5


def test_a_number_sign_in_quotes_or_in_a_comment_is_no_lost_pattern():
    quoted = SHORT.replace("a.mov", '"a ####.exr"')
    shot = load(f"{quoted}colorspace: ACEScg # was in sh ####.exr\n#### old: ####.exr\n")
    assert (shot.plate.rpartition("/")[2], shot.colorspace) == ("a ####.exr", "ACEScg")


@pytest.mark.parametrize(("part", "number"), [("01", 1), ("00", 0), ("-02", -2)])
def test_a_part_with_leading_zeros_may_be_a_name_so_it_is_refused(part, number):
    exr = SHORT.replace("a.mov", "a.%04d.exr")
    expected = f"`part` is {part}, a number or a name; write {number} for the number, or put the name in quotes"
    assert expected in reported(f"{exr}part: {part}")
    assert load(f'{exr}part: "{part}"').part == part
    assert load(f"{exr}part: 1").part == 1


@pytest.mark.parametrize("key", ['tracks: "{}.npz"', 'outputs: [{{path: "{}.mov"}}]'])
def test_a_placeholder_of_a_template_is_refused_in_a_path_that_is_written(key):
    said = reported(SHORT + key.format("a_{clip}/b"))
    assert "has the placeholder {clip}" in said
    assert said.endswith("write the name itself in its place")
    assert load(SHORT.replace("a.mov", "'{clip}.mov'")).plate.endswith("/{clip}.mov")


def test_numbers_are_read_as_people_write_them():
    shot = load("plate: a.mov\nfirst_frame: 0101\nframes: 0101\nsource_age: 4e1\ntarget_age: 50\nmatte: {feather: .1}")
    assert (shot.first_frame, shot.frames, shot.faces[0].source_age.at(1)) == (101, FrameRange((101,)), 40)
