"""``include:`` takes the defaults of a show from a file of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from vfxage.errors import ShotError
from vfxage.shot import Keyed, Shot, load_shot

SHOW = """\
colorspace: ACEScg
ocio: colour/show.ocio
model: nets/face.pth
temporal: {radius: 3, strength: 0.5}
source_age: 40
target_age: {1001: 40, 1100: 70}
faces:
  - {name: lead, select: largest}
  - {name: second, select: left}
outputs:
  - {path: /renders/show.%04d.exr}
"""
OWN = "include: ../show.yaml\nplate: plate/sh010.%04d.exr\n"


@pytest.fixture
def show(tmp_path):
    (tmp_path / "sh010").mkdir()
    (tmp_path / "show.yaml").write_text(SHOW)
    return tmp_path


def shot_of(show: Path, text: str, *overrides: str) -> Shot:
    (show / "sh010" / "shot.yaml").write_text(text)
    return load_shot(show / "sh010" / "shot.yaml", overrides)


def error_of(show: Path, text: str, *overrides: str) -> str:
    with pytest.raises(ShotError) as caught:
        shot_of(show, text, *overrides)
    assert caught.value.fix
    return str(caught.value).replace(f"{show}/", "")


def test_keys_that_the_shot_leaves_out_come_from_the_show(show):
    shot = shot_of(show, OWN)
    assert shot.colorspace == "ACEScg"
    assert shot.plate == f"{show}/sh010/plate/sh010.%04d.exr"
    assert [face.name for face in shot.faces] == ["lead", "second"]
    assert shot.outputs[0].path == "/renders/show.%04d.exr"


def test_relative_paths_start_at_the_file_that_names_them(show):
    shot = shot_of(show, OWN)
    assert shot.ocio is not None
    assert Path(shot.ocio).resolve() == show / "colour/show.ocio"
    assert Path(shot.model).resolve() == show / "nets/face.pth"
    assert shot_of(show, f"{OWN}model: small\n").model == "small"


def test_the_shots_own_keys_win_section_by_section(show):
    shot = shot_of(show, f"{OWN}temporal: {{radius: 1}}\nfaces: [{{name: child, select: right}}]\n")
    assert (shot.temporal.radius, shot.temporal.strength) == (1, 0.5)
    assert [face.name for face in shot.faces] == ["child"], "a list is replaced as a whole"


def test_keyframes_are_replaced_as_a_whole(show):
    shot = shot_of(show, f"{OWN}target_age: {{1001: 40, 1050: 60}}\n")
    assert shot.faces[0].target_age == Keyed.of({1001: 40, 1050: 60})


def test_set_wins_over_both(show):
    assert shot_of(show, OWN, "temporal.strength=0.9", "faces.lead.target_age=50").temporal.strength == 0.9


@pytest.mark.parametrize(
    ("show_line", "own_line", "message"),
    [
        ("temporal: {radius: 3, strength: 0.5}", "", "show.yaml:4: unknown key `raduis` in temporal"),
        ("", "matte: {feather: 9}", "sh010/shot.yaml:3: `matte.feather` is 9"),
        ("", "temporal: {radius: 99}", "sh010/shot.yaml:3: `temporal.radius` is 99"),
    ],
)
def test_an_error_names_the_file_that_the_value_stands_in(show, show_line, own_line, message):
    if show_line:
        (show / "show.yaml").write_text(SHOW.replace("radius: 3", "raduis: 3"))
    assert error_of(show, f"{OWN}{own_line}\n").startswith(message)


def test_an_error_found_after_loading_names_the_included_file_too(show):
    (show / "show.yaml").write_text(SHOW.replace("/renders/show.%04d.exr", "plain.exr"))
    assert error_of(show, OWN).startswith("show.yaml:11: ")


def test_only_one_level_is_included(show):
    (show / "show.yaml").write_text("colorspace: ACEScg\ninclude: base.yaml\n")
    line = error_of(show, f"{OWN}source_age: 1\ntarget_age: 2\n")
    assert line.startswith("show.yaml:2: this file is included by shot.yaml")


@pytest.mark.parametrize("value", ["", "[a, b]", "3", "''"])
def test_an_include_that_is_no_path_is_one_line(show, value):
    line = error_of(show, f"plate: a.mov\ninclude: {value}\n")
    assert line.startswith("sh010/shot.yaml:2: `include` must be the path of one file")


def test_a_missing_or_broken_include_names_that_file(show):
    line = error_of(show, OWN.replace("../show", "../shw"))
    assert line.startswith("sh010/shot.yaml:1: `include` names")
    assert "shw.yaml, which does not exist" in line
    (show / "show.yaml").write_text("colorspace: [\n")
    assert error_of(show, OWN).startswith("show.yaml:2: not YAML")
