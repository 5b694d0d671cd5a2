"""A face that is lost, and a person whom nobody selects: noted, reported, verified, and refused with ``--strict``."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.plates import decode, write_exr, write_shot
from tests.run_vfxage import run

LAST, HIDDEN = 20, range(8, 14)
"""The man's face is covered on these frames; his mirror image beside him is always there."""
LEAD = {"name": "lead", "select": "left"}
TWIN = {"name": "twin", "select": "right"}


@pytest.fixture(scope="module")
def plate(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hidden")
    for number, rgb in enumerate(decode(clips / "androidx_sample.mp4", range(1, LAST + 1)), start=1):
        man = rgb[::3, ::3].copy()
        twin = man[:, ::-1] * 0.8
        if number in HIDDEN:
            man[60:210, 130:255] = man[60:210, 130:255].mean((0, 1))
        write_exr(folder / f"p.{number:04d}.exr", np.hstack([man, twin]))
    return folder


@pytest.fixture(scope="module")
def tracked(plate: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tracked shot whose one face is the left one."""
    path = shot(plate, tmp_path_factory.mktemp("tracked"), LEAD)
    run("track", path).ok()
    return path


def shot(plate: Path, folder: Path, *faces: object) -> Path:
    return write_shot(
        folder,
        plate=str(plate / "p.####.exr"),
        colorspace="lin_rec709",
        tracking={"max_gap": 3},
        faces=faces,
        outputs=[{"path": "out/p.####.exr"}],
    )


def test_a_render_ends_with_the_faces_that_it_lost_and_so_does_its_report(tracked: Path) -> None:
    said = run("render", tracked).ok().err.splitlines()
    progress = max(index for index, line in enumerate(said) if line.startswith("render "))
    assert "lead: not found in frames 8-13 " in said[progress + 1]
    assert "track 0 in frames 1-20 " in said[progress + 2]
    report = json.loads((tracked.parent / "out" / "p.render.json").read_text())
    (lead, twin) = report["runs"][-1]["lost"]
    assert (lead["face"], lead["frames"], lead["count"], lead["why"]) == ("lead", "8-13", 6, "gap")
    assert (twin["face"], twin["why"]) == ("track 0", "not taken")
    assert report["runs"][-1]["end"] == "done"
    reported = run("verify", tracked).ok().out
    assert "lead: not found in frames 8-13 " in reported
    assert json.loads(run("verify", tracked, "--json").ok().out)["lost"] == [lead, twin]


@pytest.mark.parametrize("command", ["render", "verify", "preview", "track"])
def test_strict_is_exit_code_4_when_all_is_done(command: str, tracked: Path) -> None:
    run("render", tracked).ok()
    words = () if command == "track" else ("--frames", "7-9")
    frames = "8-13" if command == "track" else "8-9"
    run(command, tracked, *words, "--strict").fails(4, str(tracked), f"lead: not found in frames {frames}", "--strict")
    run(command, tracked, *words).ok()


def test_strict_says_nothing_of_frames_that_were_not_asked_for(tracked: Path) -> None:
    run("render", tracked, "--frames", "1-5", "--strict").fails(4, "track 0 in frames 1-5")
    both = ("--set", "faces.lead.select=all")
    run("render", tracked, "--frames", "1-5", "--strict", *both).ok()
    run("render", tracked, "--frames", "9", "--strict", *both).fails(4, "lead, track 1: not found in frame 9 ")


def test_info_and_track_say_which_face_took_which_track(plate: Path, tmp_path: Path) -> None:
    path = shot(plate, tmp_path, TWIN)
    sampled = json.loads(run("info", path, "--json").ok().out)["faces"]
    assert {(face["centre"][0] > 360, face["taken_by"]) for face in sampled if face["frame"] == 1} == {
        (False, None),
        (True, "twin"),
    }
    printed = json.loads(run("track", path, "--json").ok().out)
    assert [face["taken_by"] for face in printed["faces"]] == ["twin", None]
    assert [one["face"] for one in printed["lost"]] == ["track 1"]
    rows = [line.split() for line in run("track", path).ok().out.splitlines()]
    assert rows[1][:3] == ["face", "taken", "by"]
    assert [row[:2] for row in rows[2:4]] == [["0", "twin"], ["1", "-"]]
    faces = json.loads(run("info", path, "--json").ok().out)["faces"]
    assert [face["taken_by"] for face in faces] == ["twin", None]
