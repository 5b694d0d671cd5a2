"""``~`` and variables in the paths of a shot file."""

from __future__ import annotations

import pytest

from tests.shot.example import SHORT, load, reported
from vfxage.shot import load_shot
from vfxage.shot.paths import escaped

EVERY_PATH = """\
plate: {0}/plate.$F4.exr
ocio: {0}/show.ocio
model: {0}/net.pth
source_age: 30
target_age: 50
matte: {{file: "{0}/roto.####.exr", hold_out: "{0}/hand.%04d.exr"}}
regions: {{map: "{0}/map.exr"}}
faces: [{{select: left, matte: {{file: "{0}/lead.@@@@.exr"}}}}]
outputs: [{{path: "{0}/out.####.exr"}}]
"""


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("$SHOW_ROOT", "/mnt/show"),
        ("${SHOW_ROOT}/a b", "/mnt/show/a b"),
        ("/x${SHOW_ROOT}_v2", "/x/mnt/show_v2"),
        ("~", "/home/someone"),
        ("~/sh010", "/home/someone/sh010"),
        ("/vol/~cache", "/vol/~cache"),
        ("/vol/US$", "/vol/US$"),
        ("/vol/$1", "/vol/$1"),
        ("/vol/$$SHOW_ROOT", "/vol/$SHOW_ROOT"),
    ],
)
def test_every_path_of_a_shot_is_expanded(written, meant, monkeypatch, tmp_path):
    monkeypatch.setenv("SHOW_ROOT", "/mnt/show")
    monkeypatch.setenv("HOME", "/home/someone")
    monkeypatch.setenv("F4", "never")
    (tmp_path / "shot.yaml").write_text(EVERY_PATH.format(written))
    shot = load_shot(tmp_path / "shot.yaml")
    face = shot.faces[0]
    assert shot.plate == f"{meant}/plate.$F4.exr", "$F4 is the frame number"
    assert (shot.ocio, shot.model) == (f"{meant}/show.ocio", f"{meant}/net.pth")
    assert (shot.matte.file, shot.matte.hold_out) == (f"{meant}/roto.####.exr", f"{meant}/hand.%04d.exr")
    assert face.matte.file == f"{meant}/lead.@@@@.exr"
    assert face.regions.map == f"{meant}/map.exr"
    assert shot.outputs[0].path == f"{meant}/out.####.exr"


def test_a_relative_value_of_a_variable_starts_at_the_shot_file(monkeypatch, tmp_path):
    monkeypatch.setenv("TAKE", "takes/b")
    (tmp_path / "shot.yaml").write_text(SHORT.replace("a.mov", "$TAKE/a.mov"))
    assert load_shot(tmp_path / "shot.yaml").plate == f"{tmp_path}/takes/b/a.mov"


@pytest.mark.parametrize("written", ["$NO_SUCH_SHOW/out", "${NO_SUCH_SHOW}/out", "a/${}/out"])
def test_a_variable_that_is_not_set_is_an_error_with_its_line(written, monkeypatch):
    monkeypatch.delenv("NO_SUCH_SHOW", raising=False)
    name = written[written.index("$") :].partition("/")[0]
    line = reported(f"{SHORT}outputs:\n  - {{path: '{written}.%04d.exr'}}\n")
    assert line.startswith("shot.yaml:5: `outputs.0.path` names the variable " + name)
    assert "not set" in line


def test_set_expands_too_and_names_itself(monkeypatch):
    monkeypatch.setenv("SHOW_ROOT", "/mnt/show")
    assert load(SHORT, "plate=$SHOW_ROOT/b.mov").plate == "/mnt/show/b.mov"
    monkeypatch.delenv("SHOW_ROOT")
    assert reported(SHORT, "plate=$SHOW_ROOT/b.mov").startswith("--set plate=$SHOW_ROOT/b.mov: `plate` names")


@pytest.mark.parametrize("path", ["/vol/$SHOW_ROOT/${A}/x.$F4.exr", "/vol/$$/$1/~/a", "/vol/US$", "/vol/%04d"])
def test_a_path_in_json_reads_back_as_itself(path, monkeypatch):
    monkeypatch.setenv("SHOW_ROOT", "/mnt/show")
    shot = load(SHORT, f"plate={escaped(path)}")
    assert shot.plate == path
    again = load(SHORT, f"plate={shot.model_dump(mode='json')['plate']}")
    assert again.plate == path


def test_the_home_of_nobody_is_no_folder_with_that_name():
    line = reported(SHORT + "outputs: [{path: ~nobody_of_this_name/a.mov}]")
    assert line.startswith(
        "shot.yaml:4: `outputs.0.path` names the home folder of ~nobody_of_this_name, who is no user"
    )
