"""How a shot steers a face beside its age: look, gentle, glasses, beard and seed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.shot.example import SHORT, load, reported
from vfxage.face.look import NORMAL, Look
from vfxage.shot.look import traits

TWO = """
look: {folds: 1.5, hair: {1001: 0, 1011: 1}}
gentle: 0.25
glasses: yes
faces:
  - {name: lead, select: left, look: {folds: 0.5, lines: 2}, regions: {eyes: {look: {lines: 0}}}, seed: 4}
  - {name: extra, select: right, glasses: no, beard: no}
"""


def test_a_look_comes_part_by_part_from_the_section_around_it():
    lead, extra = load(SHORT + TWO).faces
    own = lead.look.at(1006, NORMAL)
    assert own == Look(folds=0.5, lines=2, hair=0.5)
    assert extra.look.at(1011, NORMAL) == Look(folds=1.5)
    eyes = lead.regions.eyes.look.at(1006, own)
    assert eyes == Look(folds=0.5, lines=0, hair=0.5)


def test_a_part_left_empty_is_a_part_left_out():
    (face,) = load(SHORT + "look: {folds: 0.5}\nfaces:\n  - look:\n      folds:\n      lines: 2\n").faces
    assert face.look.at(1, NORMAL) == Look(folds=0.5, lines=2)


def test_a_shot_reads_back_from_its_own_settings():
    """The report of a run keeps the settings as JSON, and they render again as they are."""
    shot = load(SHORT + TWO.replace("seed: 4", "seed: 4, references: {70: [$$a.jpg]}"))
    again = load(json.dumps(shot.model_dump(mode="json")))
    assert again.faces == shot.faces


def test_what_is_known_of_a_face_comes_from_the_face_or_the_top():
    lead, extra = load(SHORT + TWO).faces
    one, other = traits(lead, "lead", "lead"), traits(extra, "extra", "extra")
    assert (one.gentle, one.glasses, one.beard) == (0.25, True, None)
    assert (other.gentle, other.glasses, other.beard) == (0.25, False, False)
    assert one.seed is not None
    assert other.seed is None


def test_a_seed_for_faces_without_names_gives_each_its_own_lines():
    (everyone,) = load(SHORT + "seed: 3").faces
    assert traits(everyone, None, "face0").seed != traits(everyone, None, "face1").seed
    named, again = (load(SHORT + f"faces: [{{name: {name}, seed: 3}}]").faces[0] for name in ("a", "b"))
    assert traits(named, "a", "a").seed == traits(again, "b", "b").seed


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("look: {fold: 1}", ["shot.yaml:4:", "`fold`", "`folds`"]),
        ("look: {folds: 3}", ["shot.yaml:4:", "`look.folds` is 3", "0 to 2"]),
        ("look: {folds: {1001: -1}}", ["shot.yaml:4:", "at frame 1001", "0 to 2"]),
        ("look: 2", ["shot.yaml:4:", "`look` is 2", "keys and values"]),
        ("regions:\n  eyes:\n    look: {lines: 9}", ["shot.yaml:6:", "regions.eyes.look.lines", "0 to 2"]),
        ("glasses: maybe", ["shot.yaml:4:", "`glasses`", "'auto', 'yes' or 'no'"]),
        ("gentle: 2", ["shot.yaml:4:", "`gentle` is 2", "0 to 1, or auto"]),
        ("gentle: soft", ["shot.yaml:4:", '`gentle` is "soft"', "0 to 1, or auto"]),
        ("exposure: 99", ["shot.yaml:4:", "`exposure` is 99", "-12 to 12, or auto"]),
        ("faces: [{references: {70: a.jpg}}]", ["shot.yaml:4:", "references", "list of photographs for 70"]),
        ("faces: [{references: {old: [a.jpg]}}]", ["shot.yaml:4:", "references", "the age 'old'", "years"]),
        ("faces: [{references: {170: [a.jpg]}}]", ["shot.yaml:4:", "the age 170", "0 to 120"]),
        ("faces: [{references: [a.jpg]}]", ["shot.yaml:4:", "references", "photographs by age"]),
        ("faces: [{references: {70: [3]}}]", ["shot.yaml:4:", "references", "must be a path"]),
        ("faces: [{donor: [a.jpg]}]", ["shot.yaml:4:", "donor", "must be a path"]),
        ("donor: photographs/", ["shot.yaml:4:", "`donor`"]),
        ("faces: [{temples: 3}]", ["shot.yaml:4:", "temples", "is 3", "0 to 2"]),
        ("seed: 1.5", ["shot.yaml:4:", "`seed`", "whole number"]),
        (
            "seed: 3\nfaces: [{name: a, select: left}, {name: b, select: right}]",
            ["shot.yaml:4:", "`a`", "`b`", "lines"],
        ),
    ],
)
def test_a_wrong_value_is_reported_with_its_line(text, words):
    line = reported(SHORT + text)
    assert all(word in line for word in words), line


@pytest.mark.parametrize(
    ("text", "key", "line"),
    [
        ("look: {folds: 0.5}", "look", 5),
        ("gentle: 1", "gentle", 5),
        ("beard: no", "beard", 5),
        ("seed: 0", "seed", 5),
        ("faces:\n  - select: largest\n    look: {hair: 0}", "look", 7),
        ("regions:\n  eyes: {look: {lines: 0}}", "look", 6),
        ("faces:\n  - references: {70: [a.jpg]}", "references", 6),
        ("faces:\n  - donor: photographs/", "donor", 6),
        ("faces:\n  - temples: 0.5", "temples", 6),
        ("outputs:\n  - path: a.%04d.exr\n    passes: [matte_hair]", "matte_hair", 7),
    ],
)
def test_only_relief_can_be_steered(text, key, line):
    """A network that would ignore the artist's wish is an error at load, not a surprise in dailies."""
    report = reported(SHORT + "model: small\n" + text)
    assert report.startswith(f"shot.yaml:{line}:")
    assert f"`{key}`" in report
    assert "small" in report
    assert "set `model: relief`" in report
    assert load(SHORT + "model: relief\n" + text)


def test_a_normal_look_suits_every_model():
    assert load(SHORT + "model: small\nlook: {folds: 1, hair: 1.0}\ngentle: auto\nbeard: auto")


@pytest.mark.parametrize("name", ["hair", "hair_lead"])
def test_no_face_is_called_as_the_pass_of_the_hair_is(name):
    report = reported(SHORT + f"faces: [{{name: {name}}}]")
    assert f"the layer matte_{name} belongs to the pass matte_hair" in report


def test_keyframes_of_parts_count_as_keyframes_of_the_face():
    lead, _ = load(SHORT + TWO).faces
    assert {"look.hair", "regions.eyes.look.lines"} <= {key for key, _ in lead.keyed()}


def test_references_are_paths_beside_the_file_that_names_them():
    (face,) = load(SHORT + "faces: [{references: {70: [old/a.jpg, b.png], 25: [c.jpg]}}]").faces
    names = [(age, [Path(path).name for path in paths]) for age, paths in face.references]
    assert names == [(25, ["c.jpg"]), (70, ["a.jpg", "b.png"])]
    assert all(Path(path).is_absolute() for _, paths in face.references for path in paths)


def test_the_folder_of_donors_is_beside_the_file_that_names_it():
    (face,) = load(SHORT + "faces: [{donor: skin/old/}]").faces
    assert Path(face.donor).is_absolute()
    assert Path(face.donor).parts[-2:] == ("skin", "old")
