"""Many shots in one command."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tests.run_vfxage import run
from tests.small_shot import EXR, pictures, small_shot


def test_a_shot_that_fails_does_not_stop_the_others(plate: Path, whole: Path, tmp_path: Path) -> None:
    shots = [small_shot(plate, tmp_path / name, outputs=[EXR]) for name in "abc"]
    shots[0].write_text("plate: nowhere.mov\nsource_age: 3\ntarget_age: 4\noutputs: [{path: a.mov}]\n")
    shots[1].write_text("plat: nowhere.mov\n")
    result = run("render", *shots)
    assert result.code == 3  # the higher of a missing plate (3) and a wrong shot file (2)
    errors = [line for line in result.err.splitlines() if line.startswith("error:")]
    assert [str(shots[0]) in errors[0], str(shots[1]) in errors[1], len(errors)] == [True, True, 2]
    assert "1 of 3 shots rendered" in result.out
    frames = {name: data for name, data in pictures(whole).items() if name.endswith(".exr")}
    assert pictures(tmp_path / "c") == frames


def test_one_shot_prints_no_table(plate: Path, tmp_path: Path) -> None:
    path = small_shot(plate, tmp_path, outputs=[EXR], frames="1001")
    result = run("render", path).ok()
    assert "shots rendered" not in result.out
    run("render", tmp_path / "no.yaml").fails(2)


def test_every_command_of_a_finished_shot_takes_several(plate: Path, whole: Path, tmp_path: Path) -> None:
    """Track, assemble, verify and nuke go on after a shot file that is wrong, and exit with its code."""
    shots = [small_shot(plate, tmp_path / name) for name in "abc"]
    for name in "ac":
        shutil.copytree(whole / "out", tmp_path / name / "out")
    shots[1].write_text("plat: nowhere.mov\n")
    for command, done in (("track", "tracked"), ("assemble", "assembled"), ("verify", "right"), ("nuke", "written")):
        result = run(command, *shots).fails(2, str(shots[1]))
        assert result.out.splitlines()[-1] == f"2 of 3 shots {done}"
    assert (tmp_path / "a" / "out" / "man.nk").exists()
    assert (tmp_path / "c" / "out" / "man.nk").exists()
    run("verify", shots[0], shots[2]).ok()


def test_json_of_several_shots_is_one_document(plate: Path, whole: Path, tmp_path: Path) -> None:
    shots = [small_shot(plate, tmp_path / name) for name in "ab"]
    shutil.copytree(whole / "out", tmp_path / "a" / "out")
    missing = tmp_path / "none.yaml"
    result = run("verify", shots[0], missing, shots[1], "--json")
    assert result.code == 4  # nothing is rendered for the last; a missing shot file is 2
    first, second, third = json.loads(result.out)["shots"]
    assert (first["shot"], first["right"]) == (str(shots[0]), True)
    assert (second["shot"], second["code"]) == (str(missing), 2)
    assert str(missing) in second["error"]
    assert (third["right"], third["code"]) == (False, 4)
    assert [output["missing"] for output in third["outputs"]] == [6, 6]
    tracked = json.loads(run("track", shots[0], shots[0], "--json", "--frames", "1002").ok().out)["shots"]
    assert [[row["frame"] for row in one["faces"][0]["frames"]] for one in tracked] == [[1002], [1002]]


def test_one_path_for_the_files_of_several_shots_is_refused(tmp_path: Path) -> None:
    for words in (["nuke", "--out", "x.nk"], ["track", "--sheet", "x.png"]):
        run(*words, "a.yaml", "b.yaml").fails(2, words[1], "2 shots")
