"""Everything a user can get wrong: one line with what, where and what to do, and the right exit code."""

from __future__ import annotations

import os
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.plates import decode, write_exr, write_shot
from tests.run_vfxage import run


@pytest.fixture(scope="module")
def faces(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A four-frame EXR plate with one face."""
    folder = tmp_path_factory.mktemp("faces")
    for index, rgb in enumerate(decode(clips / "androidx_sample.mp4", range(1, 5))):
        write_exr(folder / f"man.{1001 + index}.exr", rgb[::2, ::2])
    return folder


@pytest.fixture
def plate(faces: Path, tmp_path: Path) -> Path:
    """The plate, copied, to be broken."""
    shutil.copytree(faces, tmp_path / "plate")
    return tmp_path / "plate"


def shot(plate: Path, /, **keys: object) -> Path:
    outputs = [{"path": "out/man.%04d.exr", "passes": ["beauty", "delta", "matte"]}]
    defaults = {
        "plate": str(plate / "man.%04d.exr"),
        "colorspace": "Linear Rec.709 (sRGB)",
        "outputs": outputs,
    }
    return write_shot(plate.parent, **{**defaults, **keys})


def outputs(plate: Path) -> list[str]:
    return sorted(p.name for p in (plate.parent / "out").glob("*"))


def test_no_such_shot(tmp_path: Path) -> None:
    run("render", tmp_path / "nothing.yaml").fails(2, "nothing.yaml")


def test_no_such_plate(plate: Path) -> None:
    run("render", shot(plate, plate=str(plate / "woman.%04d.exr"))).fails(3, "woman.%04d.exr", "is it man.%04d.exr?")


def test_a_plate_that_is_a_folder(plate: Path) -> None:
    for command in ("render", "preview", "info"):
        run(command, shot(plate, plate="plate")).fails(2, "shot.yaml:", "is a folder", "`plate: plate/man.%04d.exr`")
    run("info", plate).fails(2, "a folder", f"{plate}/man.%04d.exr")
    (plate.parent / "empty").mkdir()
    run("render", shot(plate, plate="empty")).fails(2, "is a folder", "name.%04d.exr")


def test_a_hole_in_the_sequence(plate: Path) -> None:
    (plate / "man.1003.exr").unlink()
    run("render", shot(plate)).fails(3, "1003")
    assert outputs(plate) == []


SENSELESS = {
    "": "empty frame range",
    "1004-1001": "'1004-1001' ends before it starts",
    "frames": "'frames' is not a frame range",
    "1001 1-99999999999": "'1-99999999999' in '1001 1-99999999999' has a number that is too large",
}


@pytest.mark.parametrize("text", SENSELESS)
def test_an_empty_or_senseless_range(plate: Path, text: str) -> None:
    run("render", shot(plate), "--frames", text).fails(2, f"error: --frames: {SENSELESS[text]}; ")
    run("render", shot(plate, frames=text)).fails(2, f"`frames` is wrong: {SENSELESS[text]}; ")


def test_a_range_outside_the_plate(plate: Path) -> None:
    run("render", shot(plate), "--frames", "1003-1010").fails(2, "1005", "1001-1004")
    run("render", shot(plate, frames="900-1004")).fails(2, "900")


def test_a_frame_of_another_size(plate: Path) -> None:
    write_exr(plate / "man.1003.exr", np.full((100, 120, 3), 0.2, np.float32))
    run("render", shot(plate)).fails(3, "man.1003.exr", "120", "100")


def test_a_damaged_frame(plate: Path) -> None:
    whole = (plate / "man.1003.exr").read_bytes()
    (plate / "man.1003.exr").write_bytes(whole[: len(whole) // 2])
    run("render", shot(plate)).fails(3, "1003")


def test_a_truncated_movie(clips: Path, tmp_path: Path) -> None:
    whole = (clips / "androidx_sample.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) * 3 // 4])
    output = {"path": "out/cut.%04d.exr", "passes": ["beauty"]}
    run("render", write_shot(tmp_path, plate="cut.mp4", outputs=[output])).fails(3, "cut.mp4")


@pytest.mark.parametrize("content", [b"", b"not a movie at all", bytes(range(256)) * 16])
def test_something_that_is_no_movie(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "plate.mov").write_bytes(content)
    output = {"path": "out/x.%04d.exr", "passes": ["beauty"]}
    run("render", write_shot(tmp_path, plate="plate.mov", outputs=[output])).fails(3, "plate.mov")


def test_an_unknown_colour_space(plate: Path) -> None:
    run("render", shot(plate, colorspace="Linear Rec.790")).fails(2, "Linear Rec.790", "Linear Rec.709 (sRGB)")


def test_a_shot_without_outputs(plate: Path) -> None:
    path = shot(plate, outputs=[])
    for command in ("render", "verify", "assemble", "submit"):
        job = ("--openjd", plate.parent / "job.yaml") if command == "submit" else ()
        run(command, path, *job).fails(2, "names no `outputs:`; add one")


def test_an_output_that_cannot_be_written(plate: Path) -> None:
    (plate.parent / "out").write_text("a file where the folder should be")
    run("render", shot(plate)).fails(2, "out: is a file where a folder is needed")
    later = [{"path": path, "passes": ["beauty"]} for path in ("first/man.%04d.exr", "out/man.%04d.exr")]
    done = run("render", shot(plate, outputs=later)).fails(2, "out: is a file where a folder is needed")
    assert "track 1/" not in done.err, "found before the shot is tracked"


@pytest.mark.parametrize(
    "words",
    [
        ("init", "{plate}/man.%04d.exr", "--out", "{file}/shot.yaml"),
        ("submit", "{shot}", "--openjd", "{file}/job.yaml"),
        ("nuke", "{shot}", "-o", "{file}/comp.nk"),
        ("track", "{shot}", "--sheet", "{file}/sheet.png"),
        ("evaluate", "--shot", "{shot}", "--out", "{file}/report"),
        ("evaluate", "--blind", "{file}/sheet", "-p", "{plate}"),
        ("models", "check", "bands", "--picture", "{plate}/man.1001.exr", "--out", "{file}/look.png"),
        ("models", "convert", "bands.pth", "{file}/bands.safetensors"),
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_no_command_works_before_it_finds_a_file_in_place_of_its_folder(plate: Path, words: tuple[str, ...]) -> None:
    file = plate.parent / "notes"
    file.write_text("kept")
    names = {"plate": plate, "file": file, "shot": shot(plate)}
    done = run(*(word.format(**names) for word in words))
    done.fails(2, "notes: is a file where a folder is needed")
    assert "track 1/" not in done.err
    assert file.read_text() == "kept"


def test_an_output_that_is_the_plate(plate: Path) -> None:
    output = {"path": str(plate / "man.%04d.exr"), "passes": ["beauty"]}
    before = {p.name: p.read_bytes() for p in plate.iterdir()}
    run("render", shot(plate, outputs=[output]), "--overwrite").fails(2)
    assert before == {p.name: p.read_bytes() for p in plate.iterdir()}


def test_a_file_that_vfxage_did_not_write_is_not_overwritten(plate: Path) -> None:
    (plate.parent / "out").mkdir()
    precious = plate.parent / "out" / "man.1002.exr"
    shutil.copy(plate / "man.1002.exr", precious)
    before = precious.read_bytes()
    done = run("render", shot(plate)).fails(2, "man.1002.exr", "--overwrite")
    assert "track 1/" not in done.err, "found before the shot is tracked"
    assert precious.read_bytes() == before
    run("render", shot(plate), "--overwrite").ok()
    assert precious.read_bytes() != before


def test_a_select_that_finds_no_face(plate: Path) -> None:
    nobody = [{"name": "ghost", "select": {"frame": 1002, "point": [3, 3]}}]
    run("render", shot(plate, faces=nobody)).fails(2, "ghost")


def test_a_mistyped_key(plate: Path) -> None:
    path = shot(plate, temporal={"raduis": 2})
    line = next(i for i, text in enumerate(path.read_text().splitlines(), 1) if "raduis" in text)
    run("render", path).fails(2, f"shot.yaml:{line}", "raduis", "radius")


def test_a_yaml_bomb(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)]
    (tmp_path / "bomb.yaml").write_text("\n".join(lines))
    run("render", tmp_path / "bomb.yaml").fails(2, "bomb.yaml")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", bytes(range(255, -1, -1)) * 4])
def test_a_checkpoint_that_is_none(plate: Path, content: bytes) -> None:
    (plate.parent / "net.pth").write_bytes(content)
    run("render", shot(plate, model="net.pth")).fails(5, "net.pth")


def test_a_checkpoint_of_an_unknown_network(plate: Path) -> None:
    import torch

    torch.save({"layer.weight": torch.zeros(3, 3)}, plate.parent / "net.pth")
    run("render", shot(plate, model="net.pth")).fails(5, "net.pth")


class Hostile:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.target}",)


def test_a_hostile_pickle_runs_nothing(plate: Path) -> None:
    touched = plate.parent / "touched"
    with (plate.parent / "net.pth").open("wb") as file:
        pickle.dump({"init_conv.0.weight": Hostile(touched)}, file)
    run("render", shot(plate, model="net.pth")).fails(5, "net.pth")
    assert not touched.exists()


def test_no_such_checkpoint(plate: Path) -> None:
    run("render", shot(plate, model="nothing.pth")).fails(5, "nothing.pth")


def test_a_device_that_is_not_there(plate: Path) -> None:
    run("render", shot(plate), "--device", "toaster").fails(2, "toaster")
