"""A shot while it is changed on the page: values, keyframes, faces, undo, and the file that is written."""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path
from textwrap import dedent
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field

from vfxage.errors import OutputError, ShotError
from vfxage.lookdev.controls import Control, controls_of, face_controls, shot_controls
from vfxage.lookdev.memory import APPLIED_LATER
from vfxage.lookdev.session import Session
from vfxage.lookdev.shot_file import ShotFile
from vfxage.shot import PointSelect, load_shot, schema
from vfxage.shot.keyed import Age, Intensity
from vfxage.types import FaceCrop

CONTROLS = {control.name: control for control in (*face_controls(), *shot_controls())}
TARGET, SOURCE, EYES = CONTROLS["target_age"], CONTROLS["source_age"], CONTROLS["regions.eyes.target_age"]
RADIUS, KIND = CONTROLS["temporal.radius"], CONTROLS["matte.kind"]


def session(folder: Path, text: str, name: str = "shot.yaml") -> Session:
    path = folder / name
    path.write_text(dedent(text).lstrip(), encoding="utf-8")
    return Session(ShotFile.read(path))


def two(folder: Path) -> Session:
    return session(
        folder,
        """
        # Two people.
        plate: plate.mov
        faces:
          - {name: hero, select: left, source_age: 40, target_age: {1: 40, 9: 60}}   # keys
          - {name: brother, select: right, source_age: 30, target_age: 50}
        """,
    )


def written(shot: Session) -> str:
    shot.write()
    return shot.file.path.read_text(encoding="utf-8")


def test_every_number_and_choice_of_the_schema_has_a_control() -> None:
    """Found by the schema alone, so that a new key has one too; paths of files have none."""
    definitions = schema()["$defs"]
    regions = [key for key in definitions["Regions"]["properties"] if key != "map"]
    parts = {f"look.{part}" for part in definitions["LookKeys"]["properties"]}
    keys = definitions["Region"]["properties"].keys() - {"look"} | parts
    wanted = {f"regions.{region}.{key}" for region in regions for key in keys}
    assert wanted | parts | {"source_age", "target_age", "intensity"} <= CONTROLS.keys()
    assert {"temporal.radius", "temporal.strength", "matte.kind", "matte.feather", "matte.hands"} <= CONTROLS.keys()
    assert not [name for name in CONTROLS if name.endswith(("file", "hold_out", "map", "name", "select", "point"))]
    assert (TARGET.low, TARGET.high, TARGET.keyed, TARGET.whole) == (0, 120, True, False)
    assert (RADIUS.low, RADIUS.high, RADIUS.keyed, RADIUS.whole) == (0, 8, False, True)
    assert KIND.choices == ("head", "face", "box")
    assert all(control.meaning for control in CONTROLS.values())


class Mark(BaseModel):
    size: Annotated[float, Field(ge=0, le=2)] = 1.0
    soft: Annotated[float, Field(ge=0, le=1)] | Literal["auto"] = "auto"
    seed: Annotated[int, Field(ge=0, le=10**9)] | None = None
    kind: Literal["auto", "yes", "no"] = "auto"
    amount: Intensity | None = None
    file: str | None = None


class Marks(BaseModel):
    left: Mark | None = None
    age: Age


def test_keys_of_a_new_section() -> None:
    """Numbers, numbers or a word, whole numbers, choices and keyframes, at any depth."""
    found = {one.name: one for one in controls_of(Marks.model_json_schema(), None, of_face=True)}
    assert list(found) == ["left.size", "left.soft", "left.seed", "left.kind", "left.amount", "age"]
    assert [one.number for one in found.values()] == [True, True, True, False, True, True]
    assert [one.keyed for one in found.values()] == [False, False, False, False, True, True]
    assert [one.wide for one in found.values()] == [False, False, True, False, False, False]
    assert found["left.soft"].choices == ("auto",)
    assert found["left.kind"].choices == ("auto", "yes", "no")
    assert found["left.seed"].whole


def test_what_no_ager_looks_at_is_part_of_a_crop() -> None:
    assert {field.name for field in fields(FaceCrop)} >= APPLIED_LATER


def test_a_constant_changes_and_a_keyed_value_gets_a_key(tmp_path: Path) -> None:
    shot = two(tmp_path)
    shot.change(TARGET, 1, 5, 55)
    shot.change(TARGET, 0, 5, 33.3)
    assert shot.keyframes(TARGET, 1) == {}
    assert shot.keyframes(TARGET, 0) == {1: 40, 5: 33.3, 9: 60}
    assert [shot.value(TARGET, 0, frame) for frame in (1, 5, 7)] == pytest.approx([40, 33.3, (33.3 + 60) / 2])
    lines = written(shot).splitlines()
    assert lines[3] == "  - {name: hero, select: left, source_age: 40, target_age: {1: 40, 5: 33.3, 9: 60}}   # keys"
    assert lines[4] == "  - {name: brother, select: right, source_age: 30, target_age: 55}"


def test_keyframes_are_set_and_deleted(tmp_path: Path) -> None:
    shot = two(tmp_path)
    shot.set_key(TARGET, 0, 5)
    assert shot.keyframes(TARGET, 0) == {1: 40, 5: 50, 9: 60}
    shot.set_key(TARGET, 1, 5)
    assert shot.keyframes(TARGET, 1) == {5: 50}
    shot.change(TARGET, 1, 7, 52)
    assert shot.keyframes(TARGET, 1) == {5: 50, 7: 52}
    for frame in (1, 5, 9):
        shot.delete_key(TARGET, 0, frame)
    assert shot.keyframes(TARGET, 0) == {}
    assert shot.value(TARGET, 0, 1) == 60


def test_what_the_file_cannot_hold_changes_nothing(tmp_path: Path) -> None:
    shot = two(tmp_path)
    before = shot.data
    with pytest.raises(ShotError, match="make it 0 to 120"):
        shot.change(TARGET, 0, 5, 200)
    assert shot.data is before
    assert not shot.changed


def test_a_region_follows_the_face_until_it_is_set_and_reset(tmp_path: Path) -> None:
    shot = two(tmp_path)
    assert shot.value(EYES, 0, 5) == 50
    shot.change(EYES, 0, 5, 70)
    assert shot.shot.faces[0].regions.eyes.target_age.at(1) == 70
    assert "regions: {eyes: {target_age: 70}}" in shot.diff()
    shot.reset(EYES, 0)
    assert not shot.changed
    assert shot.diff() == ""


def test_values_of_the_top_level(tmp_path: Path) -> None:
    """Without a list of faces the top level is changed; with one, the face gets a value of its own."""
    shot = session(tmp_path, "plate: p.mov\nsource_age: 30  # actor\ntarget_age: 60\n")
    shot.change(TARGET, 0, 1, 70)
    assert written(shot) == "plate: p.mov\nsource_age: 30  # actor\ntarget_age: 70\n"
    shot = session(
        tmp_path, "plate: p.mov\nsource_age: 30\ntarget_age: {1: 3, 9: 4}\nfaces:\n- select: left\n- select: right\n"
    )
    shot.change(TARGET, 1, 5, 70)
    text = "plate: p.mov\nsource_age: 30\ntarget_age: {1: 3, 9: 4}\nfaces:\n- select: left\n- select: right\n"
    assert written(shot) == f"{text}  target_age: {{1: 3, 5: 70, 9: 4}}\n"


def test_values_of_an_included_file_stay_there(tmp_path: Path) -> None:
    (tmp_path / "show.yaml").write_text("temporal: {radius: 4}\nsource_age: 30\nfaces: [{name: a, target_age: 50}]\n")
    shot = session(tmp_path, "include: show.yaml\nplate: p.mov  # ours\n")
    assert shot.value(RADIUS, 0, 1) == 4
    shot.change(RADIUS, 0, 1, 3)
    shot.change(TARGET, 0, 1, 70)
    text = written(shot)
    assert text.startswith("include: show.yaml\nplate: p.mov  # ours\n")
    loaded = load_shot(shot.file.path)
    assert loaded.temporal.radius == 3
    assert (loaded.faces[0].source_age.at(1), loaded.faces[0].target_age.at(1)) == (30, 70)
    assert (tmp_path / "show.yaml").read_text().startswith("temporal: {radius: 4}")


def test_a_face_is_added(tmp_path: Path) -> None:
    shot = two(tmp_path)
    assert shot.add_face({"frame": 5, "point": [100, 80]}) == 2
    assert "  - name: face0\n    select: {frame: 5, point: [100, 80]}\n    source_age: 40\n" in written(shot)
    faces = load_shot(shot.file.path).faces
    assert [face.name for face in faces] == ["hero", "brother", "face0"]
    assert [face.source_age.at(1) for face in faces] == [40, 30, 40]


@pytest.mark.parametrize("listed", ["", "faces:\n  - select: all  # everybody\n    intensity: 0.5\n"])
def test_every_face_gets_an_entry_of_its_own(listed: str, tmp_path: Path) -> None:
    """A list cannot hold an entry for every face beside others."""
    shot = session(tmp_path, f"plate: p.mov\nsource_age: 30\ntarget_age: 60\n{listed}")
    shot.name_faces({"face0": {"frame": 5, "point": [100, 80]}, "face1": {"frame": 9, "point": [300, 80]}})
    shot.change(TARGET, 1, 1, 20)
    assert ("# everybody" in written(shot)) == bool(listed)
    faces = load_shot(shot.file.path).faces
    selects = [face.select for face in faces if isinstance(face.select, PointSelect)]
    assert [face.name for face in faces] == ["face0", "face1"]
    assert [select.point for select in selects] == [(100, 80), (300, 80)]
    assert [face.target_age.at(1) for face in faces] == [60, 20]
    assert {face.intensity.at(1) for face in faces} == {0.5 if listed else 1.0}


def test_undo_takes_back_a_whole_drag(tmp_path: Path) -> None:
    shot = two(tmp_path)
    for value in (51, 52, 53):
        shot.change(TARGET, 1, 1, value)
    shot.end_step()
    shot.change(TARGET, 1, 1, 60)
    seen = []
    for _ in range(3):
        seen.append(shot.value(TARGET, 1, 1))
        shot.undo()
    assert seen == [60, 53, 50]
    assert not shot.changed


def test_the_model_is_written_as_it_was(tmp_path: Path) -> None:
    shot = session(tmp_path, "plate: p.mov\nmodel: ../nets/mine.pth   # ours\nsource_age: 30\ntarget_age: 60\n")
    mine = shot.shot.model
    shot.set_model("small")
    assert shot.shot.model == "small"
    shot.set_model(mine)
    assert not shot.changed


def test_a_file_that_changed_meanwhile_is_refused(tmp_path: Path) -> None:
    shot = two(tmp_path)
    path = shot.file.path
    shot.change(TARGET, 1, 1, 60)
    other = path.read_text() + "# another hand\n"
    path.write_text(other)
    with pytest.raises(OutputError, match="has changed since it was read"):
        shot.write()
    assert path.read_text() == other
    assert shot.changed
    shot.reload()
    assert not shot.changed
    shot.change(TARGET, 1, 1, 60)
    assert written(shot).endswith("# another hand\n")


def test_another_plate_needs_another_start(tmp_path: Path) -> None:
    shot = two(tmp_path)
    path = shot.file.path
    shot.change(TARGET, 1, 1, 60)
    path.write_text(path.read_text().replace("plate.mov", "other.mov"))
    with pytest.raises(ShotError, match=r":2: `plate` has changed in the file; stop the page"):
        shot.reload()
    assert shot.changed
    path.write_text(path.read_text().replace("other.mov", "plate.mov") + "temporal: {radius: 5}\n")
    shot.reload()
    assert shot.value(RADIUS, 0, 1) == 5


def test_writing_keeps_permissions_links_and_the_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    real = tmp_path / "real" / "shot.yaml"
    real.write_bytes(b"\xef\xbb\xbfplate: p.mov\r\nsource_age: 30\r\ntarget_age: 60\r\n")
    real.chmod(0o640)
    link = tmp_path / "shot.yaml"
    link.symlink_to(real)
    shot = Session(ShotFile.read(link))
    shot.change(TARGET, 0, 1, 61)
    shot.write()
    assert link.is_symlink()
    assert real.read_bytes() == b"\xef\xbb\xbfplate: p.mov\r\nsource_age: 30\r\ntarget_age: 61\r\n"
    assert real.stat().st_mode & 0o777 == 0o640
    assert sorted(os.listdir(tmp_path / "real")) == ["shot.yaml"]


def test_a_json_shot(tmp_path: Path) -> None:
    text = '{"plate": "p.mov", "source_age": 30, "target_age": {"1001": 40, "1009": 50}}\n'
    shot = session(tmp_path, text, "shot.json")
    shot.change(TARGET, 0, 1005, 70)
    assert written(shot) == text.replace('"1009"', '"1005": 70, "1009"')


@pytest.mark.parametrize("control", [TARGET, SOURCE, CONTROLS["intensity"], RADIUS, EYES], ids=lambda one: one.name)
def test_a_value_at_each_limit(control: Control, tmp_path: Path) -> None:
    shot = two(tmp_path)
    for value in (control.low, control.high):
        shot.change(control, 1, 1, value)
        assert shot.value(control, 1, 1) == value
