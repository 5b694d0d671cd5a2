"""``--set`` on top of a shot file."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.shot.example import EXAMPLE, SHORT, changed, load, reported
from vfxage.frames import FrameRange
from vfxage.shot import Keyed


@pytest.mark.parametrize(
    ("text", "get", "value"),
    [
        ("temporal.radius=3", lambda s: s.temporal.radius, 3),
        ("faces.lead.target_age=60", lambda s: s.faces[0].target_age, Keyed.of(60)),
        ("faces.0.target_age.1048=20", lambda s: s.faces[0].target_age, Keyed.of({1001: 40, 1048: 20})),
        ("faces.lead.target_age={5: 1, 9: 2}", lambda s: s.faces[0].target_age, Keyed.of({5: 1, 9: 2})),
        ("tracking.max_gap=3", lambda s: s.tracking.max_gap, 3),
        ("crop_size=512", lambda s: s.crop_size, 512),
        ("frames=1001-1010x3 1048", lambda s: s.frames, FrameRange.parse("1001-1010x3 1048")),
        ("frames=", lambda s: s.frames, None),
        ("outputs.1.path=@@@@.exr", lambda s: Path(s.outputs[1].path).name, "@@@@.exr"),
        ("outputs.1.path=my ####.exr", lambda s: Path(s.outputs[1].path).name, "my ####.exr"),
        ("outputs.0.path=x=y.%04d.exr", lambda s: Path(s.outputs[0].path).name, "x=y.%04d.exr"),
    ],
)
def test_set_overrides_the_file(text, get, value):
    more = ("outputs.1.codec=null", "outputs.1.passes=[beauty]") if text.startswith("outputs.1") else ()
    assert get(load(EXAMPLE, text, *more)) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("temporal.raduis=3", "unknown key `raduis` in temporal; did you mean `radius`?"),
        ("temporl.radius=3", "unknown key `temporl`; did you mean `temporal`?"),
        ("temporal.radius=99", "`temporal.radius` is 99; make it 0 to 8"),
        ("faces.led.target_age=60", "`faces` has no `led`; did you mean lead?"),
        ("faces.7.target_age=60", "`faces` has no `7`; did you mean lead?"),
        ("outputs.2.path=x.mov", "`outputs` has no `2`; did you mean 0 or 1?"),
        ("plate.x=3", "`plate` has nothing inside it; set `plate` itself"),
        ("colorspace", "not key.path=value"),
        ("=3", "not key.path=value"),
        ("temporal..radius=3", "not key.path=value"),
        ("matte=[", "not YAML"),
        ("faces.lead.target_age=+25", "write the value itself without a plus sign"),
        ("frames=1001-1010 # half", "is not a frame range"),
        ("matte=3", "write keys and values; the keys here are file"),
        ("outputs.0.path=demo.exr", "demo.%04d.exr"),
    ],
)
def test_a_bad_set_option_is_reported_as_one(text, message):
    line = reported(EXAMPLE, text)
    assert line.startswith(f"--set {text}: ")
    assert message in line


def test_an_error_of_the_file_is_not_blamed_on_a_set():
    assert reported(changed("radius: 2", "radius: 9"), "temporal.strength=0.5").startswith("shot.yaml:11:")


def test_set_on_a_shot_without_faces():
    line = reported(SHORT, "faces.lead.target_age=60")
    assert line.endswith(": the shot has no `faces`; add `faces:` to the file, or set `target_age` itself")
