"""The range of a shot changes: what is far from the change stays, to the bit."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest

from tests.plates import decode, write_exr, write_shot
from tests.run_vfxage import run
from vfxage.face.track import REACH, load_tracks, measured_once

RADIUS = 2
"""Of the temporal filter, its default."""


@pytest.fixture(scope="module")
def car(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Frames 1 to 60 of a small clip of a man who turns and talks."""
    folder = tmp_path_factory.mktemp("car")
    for index, rgb in enumerate(decode(clips / "carphone_pristine.mp4", range(1, 61)), start=1):
        write_exr(folder / f"car.{index:04d}.exr", rgb)
    return folder


def shot(plate: Path, folder: Path, frames: str, **keys: object) -> Path:
    named: dict[str, object] = {"plate": str(plate / "car.%04d.exr"), "colorspace": "Linear Rec.709 (sRGB)"}
    return write_shot(folder, **{**named, "frames": frames, "outputs": [{"path": "out/a.%04d.exr"}], **keys})


def rendered(plate: Path, folder: Path, frames: str, **keys: object) -> tuple[int, int]:
    """Render this range; how many frames were rendered, and how many were kept."""
    out = run("render", shot(plate, folder, frames, **keys)).ok().out
    counts = re.search(r"(\d+) frames? rendered, (\d+) complete", out)
    assert counts is not None, out
    return int(counts[1]), int(counts[2])


def files(folder: Path) -> dict[int, bytes]:
    return {int(path.name[2:6]): path.read_bytes() for path in sorted((folder / "out").glob("a.*.exr"))}


def landmarks(path: Path) -> dict[int, np.ndarray]:
    (face,) = load_tracks(path).faces
    return dict(zip(face.numbers.tolist(), face.points, strict=True))


def differing(before: dict[int, bytes], after: dict[int, bytes]) -> list[int]:
    return [number for number in before if number in after and before[number] != after[number]]


@pytest.fixture(scope="module")
def short(car: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a shot of frames 9-48, rendered; for copies only."""
    folder = tmp_path_factory.mktemp("short")
    assert rendered(car, folder, "9-48") == (40, 0)
    return folder


def test_a_longer_range_renders_only_what_is_within_reach_again(car: Path, short: Path, tmp_path: Path) -> None:
    folder = tmp_path / "shot"
    shutil.copytree(short, folder)
    before = files(folder)
    done, kept = rendered(car, folder, "9-52")
    after = files(folder)
    far = [number for number in before if number < 49 - REACH - RADIUS]
    assert not set(differing(before, after)) & set(far)
    assert len(far) >= 14
    assert kept >= len(far)
    assert (done, kept) == (4 + len(differing(before, after)), 40 - len(differing(before, after)))
    assert differing(before, after), "the smoothing sees the new frames"
    run("verify", shot(car, folder, "9-52")).ok()
    assert rendered(car, folder, "9-52") == (0, 44)


def test_any_change_of_the_range_leaves_landmarks_out_of_reach_alone(car: Path, tmp_path: Path) -> None:
    """Longer at the front, shorter, a part of the middle, and back to the first range."""
    saved = tmp_path / "out" / "a.tracks.npz"

    def tracked(frames: str) -> dict[int, np.ndarray]:
        run("track", shot(car, tmp_path, frames)).ok()
        return landmarks(saved)

    first, measures = tracked("9-48"), load_tracks(saved).measures
    for frames, low, high in (("3-48", 9 + REACH, 48), ("3-40", 9 + REACH, 40 - REACH), ("9-44", 9, 44 - REACH)):
        now = tracked(frames)
        assert sorted(now) == list(range(*[int(n) + k for k, n in enumerate(frames.split("-"))]))
        for number in range(low, high + 1):
            np.testing.assert_array_equal(now[number], first[number], err_msg=f"{frames}: {number}")
        kept = load_tracks(saved)
        assert kept.measures == measures, "light, size of the crop and weight among faces"
        assert measured_once(kept.faces[0]).area != measures[0].area, "they would be others in this range"
    again = tracked("9-48")
    for number, points in first.items():
        np.testing.assert_array_equal(again[number], points, err_msg="the first range again")


def test_two_versions_share_tracks_and_one_does_not_change_the_other(car: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "v001", tmp_path / "v002"
    shared = {"tracks": "../tracks/sh010.npz"}
    rendered(car, one, "1-8", **shared)
    before = files(one)
    assert (tmp_path / "tracks" / "sh010.npz").is_file()
    assert not list(one.glob("out/*.npz"))
    tracked = run("render", shot(car, two, "1-10", **shared)).ok().err
    assert "track 10/10" in tracked, "two new frames, and those beside them"
    assert rendered(car, one, "1-8", **shared) == (0, 8)
    assert files(one) == before
    again = run("render", shot(car, two, "1-10", **shared)).ok()
    assert "0 frames rendered, 10 complete already" in again.out
    assert "track" not in again.err


@pytest.mark.parametrize("name", ["sh010.json", "sh010"])
def test_tracks_are_saved_as_npz_only(car: Path, tmp_path: Path, name: str) -> None:
    run("render", shot(car, tmp_path, "1-2", tracks=name)).fails(2, "tracks", "npz", "shot.yaml:")


def test_locked_tracks_are_never_made_anew(car: Path, tmp_path: Path) -> None:
    run("track", shot(car, tmp_path, "5-10"), "--lock").ok()
    saved = tmp_path / "out" / "a.tracks.npz"
    locked = saved.read_bytes()
    assert rendered(car, tmp_path, "5-10") == (6, 0)
    assert rendered(car, tmp_path, "6-9")[0] <= 4, "a part of it needs no tracking"
    run("track", shot(car, tmp_path, "5-10"), "--overwrite").fails(2, "locked", "--unlock")
    run("track", shot(car, tmp_path, "5-10", tracking={"smoothing": 2.0})).fails(2, "locked", "smoothing")
    longer = shot(car, tmp_path, "5-12")
    commands = [
        ["render", "--frames", "5-6"],
        *([name] for name in ("render", "verify", "assemble", "preview", "track", "nuke")),
    ]
    for words in commands:
        run(words[0], longer, *words[1:]).fails(2, "locked", "frames 11-12", "--unlock")
    run("info", longer).ok()
    assert saved.read_bytes() == locked
    run("track", longer, "--unlock").ok()
    assert sorted(landmarks(saved)) == list(range(5, 13))
    assert rendered(car, tmp_path, "5-12")[0] > 0


def touch(paths: Sequence[Path]) -> None:
    for path in paths:
        os.utime(path, (1_000_000_000, 1_000_000_000))


def test_a_copied_plate_keeps_its_tracks_and_a_repainted_frame_gets_new_ones(
    car: Path, short: Path, tmp_path: Path
) -> None:
    folder, plate = tmp_path / "shot", tmp_path / "plate"
    shutil.copytree(short, folder)
    shutil.copytree(car, plate)
    touch(sorted(plate.iterdir()))
    before = files(folder)
    result = run("render", shot(plate, folder, "9-48")).ok()
    assert "0 frames rendered, 40 complete already" in result.out
    assert "track" not in result.err
    frame = plate / "car.0046.exr"
    image = oiio.ImageBuf(str(frame))
    pixels = np.asarray(image.get_pixels(oiio.FLOAT))
    pixels[:10, :10] += 0.25  # a corner far from the face
    write_exr(frame, pixels)
    again = run("render", shot(plate, folder, "9-48")).ok()
    assert "frame 46" in again.err
    changed = differing(before, files(folder))
    assert 46 in changed
    assert min(changed) >= 46 - REACH - RADIUS
