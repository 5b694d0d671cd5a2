"""``vfxage verify``: every way in which a frame can be bad is found and named, and nothing else is."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
import pytest

from tests.plates import write_exr
from tests.run_vfxage import Result, run
from tests.small_shot import EXR, small_shot
from vfxage.ager import load_ager
from vfxage.ager.cores import device_key
from vfxage.progress import Silent
from vfxage.render.job import open_job
from vfxage.render.pipeline import RenderSettings, render_shot
from vfxage.shot import load_shot


@pytest.fixture
def copy(plate: Path, whole: Path, tmp_path: Path) -> Path:
    """A shot of its own with the whole render's files; its shot file."""
    shutil.copytree(whole / "out", tmp_path / "out")
    return small_shot(plate, tmp_path)


def reported(result: Result) -> dict[tuple[str, str], str]:
    """(file name, kind of flaw) to the frames that have it."""
    outputs = json.loads(result.out)["outputs"]
    return {(Path(o["path"]).name, flaw["kind"]): flaw["frames"] for o in outputs for flaw in o["flaws"]}


def frame(copy: Path, number: int) -> Path:
    return copy.parent / "out" / f"man.{number}.exr"


def edit(path: Path, change: Callable[[dict[str, np.ndarray], dict[str, object]], None]) -> None:
    """Write an EXR again by OpenEXR, its fingerprint kept, after ``change`` of its channels and header."""
    with OpenEXR.File(str(path), separate_channels=True) as file:
        header = dict(file.header())
        planes = {name: channel.pixels.copy() for name, channel in file.channels().items()}
    change(planes, header)
    header.pop("channels", None)
    OpenEXR.File(header, planes).write(str(path))


def test_a_whole_render_is_right(plate: Path, whole: Path) -> None:
    result = run("verify", small_shot(plate, whole)).ok()
    rows = [line.split() for line in result.out.splitlines()[2:]]
    # expected, right, missing, unreadable, foreign, stale, wrong
    assert [row[-7:] for row in rows] == [["6", "6", "0", "0", "0", "0", "0"]] * 2


def test_a_host_without_a_gpu_judges_and_assembles_what_one_with_a_gpu_rendered(plate: Path, tmp_path: Path) -> None:
    path = small_shot(plate, tmp_path, model="small", frames="1001-1003")
    render_as(device_key("NVIDIA L40S"), path, (1001,), (1002, 1003))
    assert "0 complete already" in run("assemble", path).ok().out
    run("verify", path).ok()
    run("verify", path, "--device", "cuda").ok()
    assert reported(run("verify", path, "--json", "--device", "cpu").fails(4))[("man.%04d.exr", "stale")] == "1001-1003"
    run("render", path, "--frames", "1003", "--device", "cpu", "--overwrite").ok()
    assert reported(run("verify", path, "--json").fails(4)) == {("man.%04d.exr", "stale"): "1003"}
    run("verify", path, "--device", "tpu").fails(2, "unknown device")


def test_frames_of_two_gpu_models_are_distinguished(plate: Path, tmp_path: Path) -> None:
    path = small_shot(plate, tmp_path, model="small", frames="1001-1003", outputs=[EXR])
    render_as(device_key("NVIDIA L40S"), path, (1001, 1002))
    render_as(device_key("NVIDIA T4"), path, (1003,))
    assert reported(run("verify", path, "--json").fails(4)) == {("man.%04d.exr", "stale"): "1003"}


def render_as(device: str, path: Path, *chunks: tuple[int, ...]) -> None:
    """Render on the CPU what says that it was made on ``device``."""
    ager = load_ager("small", "cpu")
    ager.device, ager.fingerprint = device, ager.fingerprint_on(device)
    with open_job(load_shot(path)) as job:
        for chunk in chunks:
            render_shot(job, ager, chunk, Silent(), RenderSettings(workers=1, overwrite=False))


def test_files_that_are_gone_torn_or_not_ours_are_named(copy: Path) -> None:
    frame(copy, 1002).unlink()
    frame(copy, 1003).unlink()
    torn = frame(copy, 1005)
    torn.write_bytes(torn.read_bytes()[:-5000])
    write_exr(frame(copy, 1006), np.zeros((8, 8, 3), np.float32))
    result = run("verify", copy, "--json").fails(4, "4 of 12 frames", "vfxage render")
    sequence = "man.%04d.exr"
    assert reported(result) == {
        (sequence, "missing"): "1002-1003",
        (sequence, "unreadable"): "1005",
        (sequence, "foreign"): "1006",
    }
    assert "man.%04d.exr 1002-1003: missing: does not exist" in run("verify", copy).out


def test_one_flipped_byte_of_pixels_is_found(copy: Path) -> None:
    path = frame(copy, 1004)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x55
    path.write_bytes(data)
    (found,) = reported(run("verify", copy, "--frames", "1004", "--json").fails(4)).items()
    assert found[0][1] in ("unreadable", "wrong")
    assert found[1] == "1004"


def nudged(planes: dict[str, np.ndarray], header: dict[str, object]) -> None:
    """One sample of the beauty off by its last bit, where the matte is full."""
    row, column = np.argwhere(planes["matte.A"] == 1)[0]
    planes["G"].view(np.uint16)[row, column] += 1


def outside(planes: dict[str, np.ndarray], header: dict[str, object]) -> None:
    row, column = np.argwhere(planes["matte.A"] == 0)[0]
    planes["B"].view(np.uint16)[row, column] ^= 1


def leaking(planes: dict[str, np.ndarray], header: dict[str, object]) -> None:
    row, column = np.argwhere(planes["matte.A"] == 0)[-1]
    planes["delta.R"][row, column] = 1e-9


def infinite(planes: dict[str, np.ndarray], header: dict[str, object]) -> None:
    planes["delta.B"][40, 40] = np.nan


def narrower(planes: dict[str, np.ndarray], header: dict[str, Any]) -> None:
    for name in planes:
        planes[name] = np.ascontiguousarray(planes[name][:, :-2])
    (x, y), (right, bottom) = header["dataWindow"]
    header["dataWindow"] = ((x, y), (right - 2, bottom))


def fewer(planes: dict[str, np.ndarray], header: dict[str, object]) -> None:
    del planes["matte.A"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (nudged, "G is not plate plus delta at pixel"),
        (outside, "B is not the plate's at pixel"),
        (leaking, "delta.R is not 0 at pixel"),
        (infinite, "delta.B holds NaN or infinity at pixel 40,40"),
        (narrower, "data window"),
        (fewer, "other channels than expected: matte.A"),
    ],
)
def test_wrong_pixels_under_the_right_fingerprint_are_found(
    copy: Path, change: Callable[[dict[str, np.ndarray], dict[str, object]], None], words: str
) -> None:
    edit(frame(copy, 1003), change)
    result = run("verify", copy, "--frames", "1002-1004", "--json").fails(4, "1 of 9 frames")
    assert reported(result) == {("man.%04d.exr", "wrong"): "1003"}
    assert words in result.out


@pytest.fixture(scope="module")
def apart(plate: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shot with each pass in files of its own, a beauty in another light, and a crop; rendered."""
    folder = tmp_path_factory.mktemp("apart")
    outputs = [{"path": f"out/{name}.%04d.exr", "passes": [name]} for name in ("beauty", "delta", "matte", "crop")]
    outputs.append({"path": "out/wide.%04d.exr", "passes": ["beauty"], "colorspace": "ACEScg"})
    path = small_shot(plate, folder, frames="1001-1002", outputs=outputs)
    run("render", path).ok()
    return path


def thinner(planes: dict[str, np.ndarray], header: dict[str, object]) -> None:
    planes["delta.G"] *= np.float32(0.9)


def smaller(planes: dict[str, np.ndarray], header: dict[str, object]) -> None:
    for name in planes:
        planes[name] = np.ascontiguousarray(planes[name][:-1, :-1])
    side = len(planes["R"]) - 1
    header["dataWindow"] = header["displayWindow"] = ((0, 0), (side, side))


def brighter(planes: dict[str, np.ndarray], header: dict[str, object]) -> None:
    planes["R"][0, 0] *= np.float16(1.5)


def hollow(planes: dict[str, np.ndarray], header: dict[str, object]) -> None:
    planes["R"][5, 5] = np.inf


@pytest.mark.parametrize(
    ("name", "change", "where", "words"),
    [
        ("delta", thinner, "beauty", "G is not plate plus delta at pixel"),
        ("beauty", brighter, "beauty", "R is not the plate's at pixel 0,0, where the matte is 0"),
        ("crop", smaller, "crop", "the crop's is"),
        ("crop", hollow, "crop", "R holds NaN or infinity at pixel 5,5"),
    ],
)
def test_passes_in_files_of_their_own_are_held_against_each_other(
    apart: Path, name: str, change: Callable[[dict[str, np.ndarray], dict[str, object]], None], where: str, words: str
) -> None:
    run("verify", apart).ok()
    path = apart.parent / f"out/{name}.1002.exr"
    right = path.read_bytes()
    edit(path, change)
    result = run("verify", apart, "--json").fails(4, "1 of 10 frames")
    path.write_bytes(right)
    assert reported(result) == {(f"{where}.%04d.exr", "wrong"): "1002"}
    assert words in result.out


def test_what_was_rendered_with_other_settings_is_stale(copy: Path) -> None:
    result = run("verify", copy, "--set", "target_age=66", "--json").fails(4)
    assert reported(result) == {("man.%04d.exr", "stale"): "1001-1006", ("man.mov", "stale"): "1001-1006"}


def test_a_changed_plate_makes_everything_stale_and_what_is_gone_is_missing(copy: Path, plate: Path) -> None:
    frame(copy, 1001).unlink()
    result = run("verify", copy, "--set", "tracking.smoothing=0", "--json").fails(4)
    sequence = "man.%04d.exr"
    assert reported(result) == {
        (sequence, "missing"): "1001",
        (sequence, "stale"): "1002-1006",
        ("man.mov", "stale"): "1001-1006",
    }


def test_a_movie_is_held_against_the_whole_shot_and_a_part_of_it_is_right(copy: Path) -> None:
    run("verify", copy, "--frames", "1002-1003").ok()
    movie = copy.parent / "out" / "man.mov"
    data = movie.read_bytes()
    movie.write_bytes(data[: len(data) // 2])
    assert reported(run("verify", copy, "--json").fails(4)) == {("man.mov", "unreadable"): "1001-1006"}
    movie.unlink()
    assert reported(run("verify", copy, "--json").fails(4)) == {("man.mov", "missing"): "1001-1006"}


def test_stills_are_verified_too(plate: Path, tmp_path: Path) -> None:
    path = small_shot(plate, tmp_path, frames="1001-1003", outputs=[{"path": "out/man.%04d.png"}])
    run("render", path).ok()
    run("verify", path).ok()
    torn = tmp_path / "out" / "man.1002.png"
    torn.write_bytes(torn.read_bytes()[:2000])
    assert reported(run("verify", path, "--json").fails(4)) == {("man.%04d.png", "unreadable"): "1002"}


def test_verify_writes_nothing_and_needs_outputs(copy: Path, plate: Path, tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in copy.parent.rglob("*")}
    run("verify", copy).ok()
    assert {path: path.stat().st_mtime_ns for path in copy.parent.rglob("*")} == before
    bare = small_shot(plate, tmp_path / "bare", outputs=[])
    run("verify", bare).fails(2, "outputs")
    untouched = small_shot(plate, tmp_path / "new", outputs=[EXR])
    assert "6 missing" not in run("verify", untouched).fails(4, "6 of 6 frames").err
