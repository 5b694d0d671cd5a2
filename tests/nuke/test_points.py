"""Trackers and corner pins of the script, parsed back and compared with the saved tracks and plane geometry."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.nuke import tcl
from tests.nuke.interpreter import Script, animated, keys
from tests.nuke.test_comp import wide
from tests.plates import decode, write_shot
from tests.run_vfxage import run

HEIGHT = 280
FRAMES = [1001, 1002, 1003]


@pytest.fixture(scope="module")
def tracked(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tracked")
    for number, picture in zip(FRAMES, decode(clips / "androidx_sample.mp4", range(1, 4)), strict=True):
        wide(picture, folder / "plate" / f"man.{number}.exr")
    faces = [{"name": "lead", "select": "largest"}]
    outputs = [{"path": "out/man.%04d.exr"}]
    write_shot(folder, plate="plate/man.####.exr", colorspace="ACEScg", faces=faces, outputs=outputs)
    run("track", folder / "shot.yaml").ok()
    return folder


@pytest.fixture(scope="module")
def nuke(tracked: Path) -> Script:
    return Script(Path(run("nuke", tracked / "shot.yaml", "--overwrite").ok().out.strip()))


@pytest.fixture(scope="module")
def mesh(tracked: Path) -> np.ndarray:
    """(T, 478, 2) as saved."""
    with np.load(tracked / "out" / "man.tracks.npz") as saved:
        assert saved["0.numbers"].tolist() == FRAMES
        return saved["0.points"]


def test_tracker_holds_the_points_of_the_tracks_from_the_bottom_left(nuke: Script, mesh: np.ndarray) -> None:
    counts, columns, lines = tcl.elements(nuke.nodes["track_lead"].knobs["tracks"])
    names = [tcl.elements(column)[3] for column in tcl.elements(columns)]
    rows = [dict(zip(names, tcl.elements(row), strict=True)) for row in tcl.elements(lines)]
    assert counts.split() == ["1", "31", str(len(rows))]
    assert len(names) == 31
    assert names[:4] == ["enable", "name", "track_x", "track_y"]
    found = {row["name"]: row for row in rows}
    for name, landmark in (("right eye, outer corner", 33), ("left eye, outer corner", 263), ("chin", 152)):
        x, y = keys(found[name]["track_x"]), keys(found[name]["track_y"])
        assert list(x) == list(y) == FRAMES
        assert np.abs(np.array(list(x.values())) - mesh[:, landmark, 0]).max() < 1e-3
        assert np.abs(np.array(list(y.values())) - (HEIGHT - mesh[:, landmark, 1])).max() < 1e-3
    assert animated(found["chin"]["track_y"], 1001) < animated(found["forehead"]["track_y"], 1001)
    on = found["chin"]["enable"]
    assert [animated(on, frame) for frame in (*FRAMES, 1004)] == [1, 1, 1, 0]


def points(node, prefix: str, frame: int) -> np.ndarray:
    found = []
    for corner in range(1, 5):
        x, y = tcl.elements(node.knobs[f"{prefix}{corner}"])
        found.append([animated(v, frame) if v.startswith("curve") else float(v) for v in (x, y)])
    return np.array(found)


@pytest.mark.parametrize("frame", FRAMES)
def test_corner_pin_lays_a_square_crop_on_the_unsqueezed_face(nuke: Script, mesh: np.ndarray, frame: int) -> None:
    node = nuke.nodes["crop_to_plate_lead"]
    crop, plate = points(node, "from", frame), points(node, "to", frame)
    side = crop[2, 0]
    assert np.array_equal(crop, side * np.array([[0, 0], [1, 0], [1, 1], [0, 1]]))
    sides = np.diff(np.vstack([plate, plate[:1]]) * [2, 1], axis=0)  # pixel aspect 2
    lengths = np.linalg.norm(sides, axis=1)
    assert np.ptp(lengths) < 1e-2
    along, up = sides[0], sides[1]
    assert abs(along @ up) < 1e-3 * lengths[0] ** 2
    assert along[0] * up[1] - along[1] * up[0] > 0, "mirrored"
    to_crop, *_ = np.linalg.lstsq(np.column_stack([plate, np.ones(4)]), crop, rcond=None)
    face = mesh[FRAMES.index(frame)] * [1, -1] + [0, HEIGHT]
    inside = np.column_stack([face, np.ones(len(face))]) @ to_crop / side
    assert inside.min() > 0
    assert inside.max() < 1
    assert inside[152, 1] < 0.4 < 0.6 < inside[10, 1], "the chin is below the forehead"


def test_stabilised_plate_is_the_same_pin_the_other_way(nuke: Script) -> None:
    there, back = nuke.nodes["crop_to_plate_lead"], nuke.nodes["plate_to_crop_lead"]
    assert back.knobs["invert"] == "true"
    assert np.array_equal(points(there, "to", 1002), points(back, "to", 1002))
    assert back.inputs[0].name == "Read_plate"
    shown = nuke.nodes["stabilised_lead"]
    side = int(points(there, "from", 1001)[2, 0])
    assert shown.inputs == [back]
    assert shown.knobs["format"].startswith(f"{side} {side} 0 0 {side} {side} 1 ")
    laid = nuke.nodes["on_plate_lead"]
    assert laid.inputs == [there]
    assert laid.knobs["format"] == nuke.root["format"]


def test_untracked_shot_says_how_to_get_the_tracks(tracked: Path, tmp_path: Path) -> None:
    shot = tracked / "shot.yaml"
    result = run("nuke", shot, "-o", tmp_path / "comp.nk", "--set", "tracking.smoothing=2").ok()
    assert "`vfxage track`" in result.err
    assert not [node for node in Script(tmp_path / "comp.nk").nodes.values() if node.kind == "Tracker4"]
