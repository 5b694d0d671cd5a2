"""Hands in front of a face are cut out of the matte, and out of nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.plates import halves, read_exr, write_shot
from tests.run_vfxage import run
from vfxage.comp.hold_out import stencil
from vfxage.types import HandTrack, Window

THUMB = [(282, 281), (292, 276), (304, 274), (311, 278), (311, 287), (296, 291), (282, 298), (268, 303), (264, 299)]
"""Drawn by eye well inside the thumb before the signer's mouth on frame 31, counted from 0."""
CHEEK = (slice(238, 256), slice(348, 362))
"""Rows and columns of her other cheek there."""
FRAMES = range(29, 33)
PASSES = ["beauty", "delta", "matte", "plate", "delta_raw"]


def shot(clips: Path, folder: Path, clip: str = "signer_hand_over_face.mp4", **keys: object) -> Path:
    return write_shot(
        folder,
        plate=str(clips / clip),
        first_frame=0,
        **{"frames": "29-32", "outputs": [{"path": "out/a.%04d.exr", "passes": PASSES}], **keys},
    )


def frames(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((folder / "out").glob("*.exr"))}


def layer(channels: dict[str, np.ndarray], name: str) -> np.ndarray:
    planes = [channels[f"{name}{letter}"] for letter in "RGB"]
    return np.stack([halves(plane) if plane.dtype == np.uint16 else plane for plane in planes], -1)


def matte(channels: dict[str, np.ndarray]) -> np.ndarray:
    return channels["matte.A"] if channels["matte.A"].dtype == np.float32 else halves(channels["matte.A"])


@pytest.fixture(scope="module")
def held(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("held")
    run("render", shot(clips, folder)).ok()
    return folder


@pytest.fixture(scope="module")
def aged(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("aged")
    run("render", shot(clips, folder, matte={"hands": "aged"})).ok()
    return folder


def test_the_thumb_before_the_mouth_is_the_plates_and_the_other_cheek_is_aged(held: Path, aged: Path) -> None:
    with_thumb, without = (read_exr(folder / "out" / "a.0031.exr") for folder in (aged, held))
    thumb = np.zeros(with_thumb["R"].shape, np.uint8)
    cv2.fillPoly(thumb, [np.array(THUMB, np.int32)], 1)
    inside = thumb.astype(bool)
    assert np.all(layer(without, "delta.")[inside] == 0)
    assert np.all(matte(without)[inside] == 0)
    for letter in "RGB":
        np.testing.assert_array_equal(without[letter][inside], without[f"plate.{letter}"][inside])
    assert matte(with_thumb)[inside].min() > 0.9
    assert np.abs(layer(with_thumb, "delta.")[inside]).max() > 1e-3
    for name in with_thumb:
        np.testing.assert_array_equal(with_thumb[name][CHEEK], without[name][CHEEK])
    assert np.all(matte(without)[CHEEK] == 1)


@pytest.mark.parametrize("number", FRAMES)
def test_the_comp_identity_holds_around_a_hand(held: Path, aged: Path, number: int) -> None:
    here, before = (read_exr(folder / "out" / f"a.{number:04d}.exr") for folder in (held, aged))
    where, delta = matte(here), layer(here, "delta.")
    np.testing.assert_allclose(layer(here, "plate.") + delta, layer(here, ""), rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(where[..., None] * layer(here, "delta_raw."), delta, rtol=1e-5, atol=1e-7)
    for letter in "RGB":
        np.testing.assert_array_equal(here[letter][where == 0], here[f"plate.{letter}"][where == 0])
    assert np.all(where <= matte(before))
    assert 0.02 < 1 - where.sum() / matte(before).sum() < 0.6, "the hand is over a part of the matte on every frame"


def test_parts_give_the_bytes_of_the_whole(clips: Path, held: Path, tmp_path: Path) -> None:
    path = shot(clips, tmp_path)
    run("render", path, "--frames", "31-32").ok()
    run("render", path, "--frames", "29-30").ok()
    assert frames(tmp_path) == frames(held)


def test_a_switch_renders_again_what_it_changes(clips: Path, held: Path, aged: Path, tmp_path: Path) -> None:
    shutil.copytree(held / "out", tmp_path / "out")
    assert "0 frames rendered, 4 complete" in run("render", shot(clips, tmp_path)).ok().out
    assert "4 frames rendered" in run("render", shot(clips, tmp_path, matte={"hands": "aged"})).ok().out
    assert frames(tmp_path) == frames(aged)


def test_without_a_hand_nothing_changes_and_nothing_is_rendered_again(clips: Path, tmp_path: Path) -> None:
    run("render", shot(clips, tmp_path, "androidx_sample.mp4", frames="0-1")).ok()
    before = frames(tmp_path)
    reported = run("render", shot(clips, tmp_path, "androidx_sample.mp4", frames="0-1", matte={"hands": "aged"})).ok()
    assert "0 frames rendered, 2 complete" in reported.out
    run("render", shot(clips, tmp_path, "androidx_sample.mp4", frames="0-1", matte={"hands": "aged"}), "--overwrite")
    assert frames(tmp_path) == before


def test_a_preview_shows_the_hand_held_out(clips: Path, held: Path, tmp_path: Path) -> None:
    """The matte panel, bottom row, second column, is dark on the thumb: the plate fits a panel as it is."""
    import av

    run("preview", shot(clips, tmp_path), "--frames", "31", "--out", tmp_path / "p.preview.mp4").ok()
    with av.open(str(tmp_path / "p.preview.mp4")) as container:
        picture = next(container.decode(video=0)).to_ndarray(format="gray")
    panel = picture[-720:, 540:1080]
    x, y = np.mean(THUMB, axis=0).astype(int)
    assert panel[y, x] < 40 < 200 < panel[CHEEK].mean()


def test_words_that_are_no_measure_are_refused(clips: Path, tmp_path: Path) -> None:
    run("render", shot(clips, tmp_path, matte={"hands": "held out"})).fails(2, "hands", "held_out")


FLAT = np.array(
    [(0, 0), (-0.35, -0.2), (-0.6, -0.5), (-0.75, -0.75), (-0.9, -0.95)]
    + [(x, y) for x, top in ((-0.3, 1.7), (0, 1.85), (0.2, 1.75), (0.4, 1.5)) for y in np.linspace(-0.95, -top, 4)]
)
"""A left hand seen from its back, fingers up, in lengths of its palm."""

hands = st.fixed_dictionaries(
    {
        "size": st.floats(0.5, 900),
        "turn": st.floats(0, 2 * np.pi),
        "at": st.tuples(st.floats(-300, 900), st.floats(-300, 700)),
        "motion": st.tuples(st.floats(-200, 200), st.floats(-200, 200)),
        "presence": st.floats(0, 1),
        "aspect": st.sampled_from([0.5, 1.0, 2.0]),
    }
)


def drawn(size=100.0, turn=0.0, at=(300.0, 300.0), motion=(0.0, 0.0), presence=1.0, aspect=1.0, window=None):
    """The whole picture (600 wide, 400 high) by which mattes are multiplied, and the points in square pixels."""
    window = window or Window(0, 0, 600, 400)
    points = FLAT * size @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) + at
    track = HandTrack(
        numbers=np.array([7], np.int32),
        points=np.ascontiguousarray(points[None] / [aspect, 1], np.float32),
        motion=np.ascontiguousarray(np.broadcast_to(np.array(motion) / [aspect, 1], (1, 21, 2)), np.float32),
        size=np.array([size], np.float32),
        presence=np.array([presence], np.float32),
    )
    made = stencil(track, 0, aspect, window)
    assert made.outside == 1.0
    assert made.window.intersect(window) == made.window
    return made.over(window), points


@settings(max_examples=30)
@given(hand=hands)
def test_a_stencil_is_0_to_1_untouched_far_away_and_full_on_the_bones(hand: dict[str, Any]) -> None:
    values, points = drawn(**hand)
    size, aspect, motion = hand["size"], hand["aspect"], np.abs(hand["motion"]).max()
    assert values.min() >= 0
    assert values.max() <= 1
    y, x = np.mgrid[0.5:400, 0.5:600]
    nearest = np.full(values.shape, np.inf)
    for a, b in points:
        nearest = np.minimum(nearest, np.hypot(x * aspect - a, y - b))
    assert np.all(values[nearest > size + motion + 4] == 1)
    for a, b in points:
        column, row = int(np.floor(a / aspect)), int(np.floor(b))
        if size > 20 * max(aspect, 1 / aspect) and 0 <= column < 600 and 0 <= row < 400:
            assert values[row, column] == pytest.approx(1 - hand["presence"], abs=2e-3)


def test_a_stencil_is_soft_and_little_wider_than_a_finger() -> None:
    values, points = drawn(size=160)
    row = int(points[6:8, 1].mean())
    across = values[row, : int(points[6, 0])][::-1]
    edge = int(np.argmax(across > 0.5))
    assert 0.09 * 160 < edge < 0.25 * 160, "a finger is about 0.09 palms to either side of its bone"
    assert np.abs(np.diff(values, axis=0)).max() < 0.25
    assert np.abs(np.diff(values, axis=1)).max() < 0.25


def test_motion_widens_a_stencil_along_it_alone() -> None:
    still, points = drawn(size=60)
    moving, _ = drawn(size=60, motion=(80.0, 0.0))
    assert np.all(moving <= still + 0.03)
    row, column = int(points[12, 1]), int(points[12, 0])
    assert np.sum(moving[row] < 0.5) > np.sum(still[row] < 0.5) + 30
    assert abs(int(np.sum(moving[:, column] < 0.5)) - int(np.sum(still[:, column] < 0.5))) <= 3


@given(hand=hands)
def test_a_stencil_does_not_depend_on_what_part_of_the_picture_is_there(hand: dict[str, object]) -> None:
    whole, _ = drawn(**hand)
    part, _ = drawn(**hand, window=Window(100, 50, 200, 300))
    np.testing.assert_allclose(part, whole[50:350, 100:300], atol=1e-5)
