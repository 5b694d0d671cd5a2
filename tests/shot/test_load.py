"""Errors of shot files: file, line, and the nearest right word."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.shot.example import EXAMPLE, SHORT, changed, reported
from vfxage.errors import ShotError
from vfxage.shot import load_shot

BAD_VALUES = [
    ("feather:", "feathr:", 12, "unknown key `feathr` in matte; did you mean `feather`?"),
    ("plate: ", "plte: ", 1, "unknown key `plte`; did you mean `plate`?"),
    ("source_age: 40", "soruce_age: 40", 8, "unknown key `soruce_age` in faces.lead; did you mean `source_age`?"),
    ("model: builtin", "feather: 0.1", 4, "`feather` belongs in `matte`"),
    ("strength: 1.0", "model: bands", 11, "`model` belongs at the top"),
    ("model: builtin", "path: /x", 4, "unknown key `path`"),
    ("select: largest", "select: bigest", 7, "`faces.lead.select` is \"bigest\"; choose 'all', 'largest'"),
    ("select: largest", "select: middle", 7, "'right', or a point such as {frame: 1001, point: [640, 300]}"),
    (
        "select: largest",
        "select: [640, 300]",
        7,
        "is [640, 300]; choose 'all', 'largest', 'left' or 'right', or a point",
    ),
    ("select: largest", "select: {frame: 1, point: 640}", 7, "`faces.lead.select.point` is 640; write [x, y]"),
    ("select: largest", "select: {frame: 1, pont: [1, 2]}", 7, "`pont` in faces.lead.select; did you mean `point`?"),
    (
        "select: largest",
        "select: {frame: 1, point: [1]}",
        7,
        "`faces.lead.select.point` has too few values; write [x, y]",
    ),
    (
        "select: largest",
        "select: {frame: 1, point: [1, 2, 3]}",
        7,
        "`faces.lead.select.point` has 3 values; write [x, y]",
    ),
    ("source_age: 40", "source_age: 121", 8, "`faces.lead.source_age` is 121; make it 0 to 120"),
    ("source_age: 40", "source_age: .nan", 8, "not a number"),
    ("source_age: 40", "source_age: yes", 8, "not a number"),
    ("source_age: 40", "source_age: [40]", 8, "is [40], not a number"),
    ("source_age: 40", "source_age: old", 8, "from 0 to 120, or keyframes such as {1001: 0, 1048: 120}"),
    ("model: builtin", "model: 5", 4, "`model` is 5; write builtin, relief, small, bands, or the path of a checkpoint"),
    ("model: builtin", "ocio: [a]", 4, "write the path of a config, or a built-in one such as ocio://studio-config"),
    ("model: builtin", "pixel_aspect: 0", 4, "`pixel_aspect` is 0; make it 0.1 to 10"),
    ("model: builtin", "part: 1.5", 4, "`part` is 1.5; put it in quotes, or make it a whole number"),
    ("model: builtin", 'layer: ""', 4, "`layer` is empty; write a name, or leave the key out"),
    ("model: builtin", "tracks: [a.npz]", 4, "`tracks` must be a path; write the name of one file or folder"),
    ("source_age: 40", 'source_age: "40"', 8, 'is "40", not a number; write it without quotes'),
    ("radius: 2", 'radius: "2"', 11, 'is "2"; write it without quotes'),
    ("source_age: 40", "source_age: +25", 8, '`faces.lead.source_age` is "+25", not a number; write the value itself'),
    (
        "1048: 70}",
        "1048: +30}",
        9,
        '`faces.lead.target_age` is "+30" at frame 1048, not a number; write the value itself',
    ),
    ("{1001: 40, 1048: 70}", "{+1001: 40}", 9, "the keyframe '+1001', which is not a frame number"),
    ("intensity: 1.0", "intensity: +.5", 10, "write the value itself without a plus sign, not a difference"),
    ("feather: 0.08", "feather: +0.02", 12, "write the value itself without a plus sign"),
    ("1048: 70}", "1048:70}", 9, "`faces.lead.target_age` has no value for '1048:70'; put a space after the colon"),
    ("1048: 70}", "1048: 70,5}", 9, "`faces.lead.target_age` has no value at frame 5"),
    ("plate/demo.%04d.exr", "my ####.exr", 1, "`#` after a space begins a comment"),
    ("out/demo.%04d.exr", "####.exr", 14, "put the path in quotes"),
    ("plate/demo.%04d.exr ", '"plate\\new.%04d.exr" ', 1, "has the character '\\n'; in double quotes"),
    ("plate/demo.%04d.exr ", "*.exr ", 1, "put the value in quotes"),
    ("frames: 1001-1048", "---\nplate: a.exr", 2, "keep one shot in this file"),
    ("frames: 1001-1048", "include: shot.yaml", 2, "`include` names this file itself"),
    ("out/demo.mov", "out/demo", 15, '"demo" has no suffix for its format; choose one of .exr'),
    ("out/demo.mov", "out/demo.%04d", 15, '"demo.%04d" has no suffix for its format'),
    ("source_age: 40", "source_age: {}", 8, "no keyframes"),
    ("source_age: 40", "source_age:", 8, "`faces.lead.source_age` is empty"),
    ("    source_age: 40\n", "", 6, "`faces.lead` has no `source_age`; add `source_age` to it, or at the top"),
    ("1048: 70}", "1048: -1}", 9, "`faces.lead.target_age` is -1 at frame 1048; make it 0 to 120"),
    ("1048: 70}", "end: 70}", 9, "the keyframe 'end', which is not a frame number"),
    ("intensity: 1.0", "intensity: 5", 10, "make it 0 to 4"),
    ("radius: 2", "radius: 9", 11, "`temporal.radius` is 9; make it 0 to 8"),
    ("radius: 2", "radius: 2.5", 11, "`temporal.radius` is 2.5; make it a whole number"),
    ("radius: 2", "radius: true", 11, "`temporal.radius` is true; make it a whole number"),
    ("strength: 1.0", "strength: '1'", 11, "`temporal.strength`"),
    ("feather: 0.08", "feather: 0.6", 12, "make it 0 to 0.5"),
    ("kind: face", "kind: fase", 12, "choose 'head', 'face' or 'box'"),
    (
        "{radius: 2, strength: 1.0}",
        "3",
        11,
        "`temporal` is 3; write keys and values; the keys here are radius, strength",
    ),
    ("name: lead", "name: 1st lead", 6, 'write it as "st_lead"'),
    ("name: lead", "name: 12", 6, "put it in quotes"),
    (
        "frames: 1001-1048 ",
        "frames: 1048-1001 ",
        2,
        "`frames` is wrong: '1048-1001' ends before it starts; write \"1001-1048\"",
    ),
    ("frames: 1001-1048 ", "frames: [1, 2] ", 2, "must be frames"),
    ("model: builtin", "model: bnads", 4, '`model` is "bnads"; write bands'),
    ("model: builtin", "crop_size: 500", 4, "choose 200, 256, 512, 768 or 1024"),
    ("model: builtin", "first_frame: 1001", 4, "`first_frame` is for movies"),
    ("model: builtin", "range: full", 4, "`range` is for movies"),
    ("plate/demo.%04d.exr", "plate/d.%04d.####.exr", 1, "more than one frame number"),
    ("plate/demo.%04d.exr", "", 1, "`plate` must be a path"),
    ("[beauty, delta, matte]", "[]", 14, "`outputs.0.passes` has 0 values; name at least one"),
    ("[beauty, delta, matte]", "[beauty, alpha]", 14, "`outputs.0.passes.1` is \"alpha\"; choose 'beauty'"),
    ("[beauty, delta, matte]", "[beauty, beauty]", 14, "names a pass twice"),
    ("[beauty, delta, matte]", "beauty", 14, "make it a list, such as [beauty]"),
    ("[beauty, delta, matte]}", "[beauty], codec: h264}", 14, "is for movies, not for .exr"),
    ("out/demo.%04d.exr", "out/demo.exr", 14, 'write "demo.%04d.exr"'),
    ("out/demo.%04d.exr", "out/demo.####.avi", 14, 'cannot write ".avi" files; choose one of .exr, .dpx'),
    ("out/demo.%04d.exr", "plate/./demo.####.exr", 14, "would overwrite the plate"),
    ("out/demo.mov", "out/demo.@@@@.exr", 15, "is for movies"),
    ("out/demo.mov", "out/demo.####.mov", 15, "a movie (.mov) has no frame number"),
    ("out/demo.mov", "out/demo.mp4", 15, ".mp4 cannot hold `codec: prores_4444`; choose h264"),
    ("prores_4444", "prores_hq", 15, "only prores_4444 holds the matte as alpha, not prores_hq"),
    ("prores_4444", "prores_444", 15, "'prores_4444'"),
    ("[beauty, matte]", "[beauty, delta]", 15, "either beauty or delta, not both"),
    ("matte]}   # matte", "matte]}\n  - {path: out/DEMO.mov}\n# ", 16, "the same files as `outputs.1`"),
]


@pytest.mark.parametrize(("old", "new", "line", "text"), BAD_VALUES, ids=[case[1][:40] for case in BAD_VALUES])
def test_a_mistake_is_reported_with_its_line_and_the_right_word(old, new, line, text):
    message = reported(changed(old, new))
    assert message.startswith(f"shot.yaml:{line}: ")
    assert text in message


BAD_FILES = {
    "empty": (b"", "shot.yaml: the file is empty"),
    "only a comment": (b"# nothing\n", "shot.yaml: the file is empty"),
    "a list": (b"- plate\n", "not a mapping"),
    "a word": (b"plate", "not a mapping"),
    "a tab": (b"plate: a.mov\n\tframes: 1\n", "; indent with spaces"),
    "an open bracket": (b"plate: [\n", "not YAML"),
    "latin-1": ("plate: a.mov\n# caf\xe9".encode("latin-1"), "shot.yaml:2: is not UTF-8"),
    "utf-16": ("plate: a.mov".encode("utf-16"), "not UTF-8"),
    "a control character": (
        b"plate: a.mov\nmodel: \x07\n",
        "shot.yaml:2: this is not a text file: it contains the character",
    ),
    "binary": (bytes(range(256)) * 8, "shot.yaml"),
    "two documents": (b"plate: a.mov\n---\nplate: b.mov\n", "shot.yaml:2: not YAML"),
    "a key twice": (b"plate: a.mov\nmodel: bands\nplate: b.mov\n", "shot.yaml:3: the key `plate` is here twice"),
    "a merge key": (SHORT.encode() + b"<<: {model: bands}\n", "shot.yaml:4: unknown key `<<`"),
    "a python tag": (
        b"plate: !!python/object/apply:os.system [touch x]\n",
        "shot.yaml:1: the YAML tag !!python/object",
    ),
    "a tag of their own": (b"plate: !path a.mov\n", "the YAML tag !path is not allowed"),
    "a tagged key": (b"!!python/name:os.system plate: a.mov\n", "the YAML tag !!python/name"),
    "a list as key": (b"? [a, b]\n: 1\n", "a list or a section, and must be a word"),
    "keys without braces": (SHORT.encode() + b"intensity: 1001: 1\n", "and put keyframes in braces, {1001: 40}"),
    "an open quote": (b'plate: "a.mov\nsource_age: 4\n', "shot.yaml:1: not YAML: found unexpected end of"),
    "no colon": (b"plate: a.mov\nsource_age 35\ntarget_age: 5\n", "shot.yaml:2: not YAML: could not find expected ':'"),
    "a sign first": (b"plate: %04d.exr\n", "; put the value in quotes"),
    "an open section": (b"plate: a.mov\nmatte: {kind: face\nsource_age: 4\n", "; close the section with }"),
    "half a frame": (SHORT.encode() + b"intensity: {1001.5: 1}\n", "shot.yaml:4: a key is 1001.5, and must be a word"),
    "an alias to itself": (b"plate: &a [*a]\n", "aliases multiply"),
    "an alias to nobody": (b"plate: *nobody\n", "shot.yaml:1: not YAML"),
    "a deep nest": (b"[" * 5000, "too deeply nested"),
    "a deep block": (b"plate:\n" + b"".join(b" " * k + b"-\n" for k in range(1, 60)), "too deeply nested"),
    "many values": (b"plate: [" + b"1," * 60000 + b"]", "more than 20000 values"),
    "large": (b"#" * ((1 << 20) + 1), "larger than 1 MiB"),
    "ages missing": (b"plate: a.mov\n", "`source_age` is missing; add `source_age: 40` (years)"),
    "one age missing": (b"plate: a.mov\nsource_age: 4\n", "`target_age` is missing"),
    "no faces": (SHORT.encode() + b"faces: []\n", "shot.yaml:4: `faces` has 0 values; leave `faces` out"),
    "names twice": (SHORT.encode() + b"faces: [{name: a, select: left}, {name: A}]", "two faces have the name `A`"),
    "same face twice": (SHORT.encode() + b"faces: [{select: left}, {select: left}]", "select the same face"),
    "all beside another": (
        SHORT.encode() + b"faces: [{select: left}, {name: b}]",
        "face `b` selects all, but the shot names 2",
    ),
    "plate missing": (b"source_age: 4\ntarget_age: 5\n", "`plate` is missing; add `plate: ...`"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_bad_file_is_one_line(case):
    data, text = BAD_FILES[case]
    message = reported(data)
    assert message.startswith("shot.yaml")
    assert text in message


def test_a_yaml_bomb_does_not_go_off():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 10)}]" for k in range(1, 12)]
    assert "aliases multiply" in reported("\n".join(lines))


def test_files_that_cannot_be_read(tmp_path):
    for path in (tmp_path / "none.yaml", tmp_path, Path("/dev/null/x.yaml")):
        with pytest.raises(ShotError, match=re.escape(str(path))):
            load_shot(path)


def test_an_output_that_is_the_plate_behind_a_link(tmp_path):
    (tmp_path / "plate").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "plate")
    (tmp_path / "shot.yaml").write_text(EXAMPLE)
    with pytest.raises(ShotError, match="overwrite the plate"):
        load_shot(tmp_path / "shot.yaml")
