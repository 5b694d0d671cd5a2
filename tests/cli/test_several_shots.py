"""Many shots in one command."""

from __future__ import annotations

from pathlib import Path

from tests.run_vfxage import run
from tests.small_shot import EXR, pictures, small_shot


def test_a_shot_that_fails_does_not_stop_the_others(plate: Path, whole: Path, tmp_path: Path) -> None:
    shots = [small_shot(plate, tmp_path / name, outputs=[EXR]) for name in "abcd"]
    shots[0].write_text("plate: nowhere.mov\nsource_age: 3\ntarget_age: 4\noutputs: [{path: a.mov}]\n")
    shots[2].write_text("plat: nowhere.mov\n")
    result = run("render", *shots)
    assert result.code == 3  # the higher of a missing plate (3) and a wrong shot file (2)
    errors = [line for line in result.err.splitlines() if line.startswith("error:")]
    assert [str(shots[0]) in errors[0], str(shots[2]) in errors[1], len(errors)] == [True, True, 2]
    assert "2 of 4 shots rendered" in result.out
    for folder in "bd":
        assert pictures(tmp_path / folder) == {
            name: data for name, data in pictures(whole).items() if name.endswith(".exr")
        }


def test_one_shot_prints_no_table(plate: Path, tmp_path: Path) -> None:
    path = small_shot(plate, tmp_path, outputs=[EXR], frames="1001")
    result = run("render", path).ok()
    assert "shots rendered" not in result.out
    run("render", tmp_path / "no.yaml").fails(2)
