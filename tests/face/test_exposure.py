"""Plates that were lit darker or brighter than a network knows: the same change, in the plate's own light."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.plates import decode, read_exr, write_exr, write_shot
from tests.run_vfxage import run
from vfxage.colour.space import Colour
from vfxage.face.exposure import SKIN, stops_for

COUNT = 2
PASSES = ["beauty", "delta", "matte"]
ACESCG = Colour("ACEScg")


@pytest.fixture(scope="module")
def takes(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same two frames as they were lit, and six stops darker: exactly a 64th, as float."""
    folder = tmp_path_factory.mktemp("takes")
    for index, rgb in enumerate(decode(clips / "androidx_sample.mp4", range(1, COUNT + 1)), start=1):
        rgb = rgb[::2, ::2]
        write_exr(folder / "lit" / f"p.{index}.exr", rgb + np.float32(2**-7))
        write_exr(folder / "dark" / f"p.{index}.exr", (rgb + np.float32(2**-7)) / 64)
    return folder


def render(
    takes: Path, folder: Path, which: str, *words: str, **keys: object
) -> tuple[list[dict[str, np.ndarray]], str]:
    keys = {"model": "builtin", "outputs": [{"path": "out/p.%d.exr", "passes": PASSES}], **keys}
    shot = write_shot(folder, plate=str(takes / which / "p.%d.exr"), **keys)
    reported = run("render", shot, "--log", "text", *words).ok().err
    return [read_exr(path) for path in sorted((folder / "out").glob("p.*.exr"))], reported


@pytest.fixture(scope="module")
def lit(takes: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, np.ndarray]]:
    """The take as it was lit, rendered as it is."""
    return render(takes, tmp_path_factory.mktemp("lit"), "lit", exposure=0)[0]


def delta(frame: dict[str, np.ndarray]) -> np.ndarray:
    return np.stack([frame[f"delta.{c}"] for c in "RGB"], axis=-1)


def test_a_dark_plate_raised_by_its_stops_gets_the_lit_plates_delta_in_its_own_light(takes, lit, tmp_path):
    dark, _ = render(takes, tmp_path / "dark", "dark", exposure=6)
    for one, other in zip(lit, dark, strict=True):
        strongest = np.abs(delta(one)).max()
        assert strongest > 0.02
        # Halves of a 64th are as exact as those of the lit plate, but for what falls below the smallest normal half.
        assert np.abs(64 * delta(other) - delta(one)).max() < 0.01 * strongest
    outside = dark[-1]["matte.A"] == 0
    assert outside.any()
    plate = read_exr(takes / "dark" / f"p.{COUNT}.exr")
    assert all(np.array_equal(plate[c][outside], dark[-1][c][outside]) for c in "RGB")


def test_auto_finds_the_face_of_a_dark_plate_and_raises_it_the_same_on_every_frame(takes, tmp_path):
    whole, reported = render(takes, tmp_path / "whole", "dark", model="bands")
    note = next(line for line in reported.splitlines() if "stops" in line)
    stops = float(note.split("exposed ")[1].split(" stops")[0])
    assert 2 < stops < 6
    exactly, _ = render(takes, tmp_path / "named", "dark", exposure=stops, model="bands")
    chunk, _ = render(takes, tmp_path / "chunk", "dark", "--frames", "2", model="bands")
    for one, other in zip(whole, exactly, strict=True):
        assert np.abs(delta(one)).max() > 0
        # Where the face is sought the plate is raised by another measure: the mesh may differ by a hair.
        assert np.square(delta(one) - delta(other)).sum() < 0.15 * np.square(delta(one)).sum()
    for name, samples in whole[1].items():
        assert np.array_equal(samples, chunk[0][name], equal_nan=True)


def test_well_exposed_skin_is_left_alone(takes, lit, tmp_path):
    auto, reported = render(takes, tmp_path / "auto", "lit")
    assert "stops" not in reported
    assert all(np.array_equal(delta(a), delta(b)) for a, b in zip(auto, lit, strict=True))


def test_no_portrait_of_any_skin_is_taken_for_badly_exposed(portraits):
    import cv2

    for name in sorted((portraits / "eval").glob("*.jpg"))[:24]:
        picture = cv2.imread(str(name))
        height, width = picture.shape[:2]
        code = picture[int(height * 0.45) : int(height * 0.65), int(width * 0.42) : int(width * 0.58), ::-1] / 255
        linear = np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)
        assert stops_for(float(np.median(linear @ [0.2126, 0.7152, 0.0722]))) == 0, name.name


@given(st.floats(1e-6, 1e6))
def test_what_is_moved_is_moved_to_the_nearest_light_that_skin_has(light):
    stops = stops_for(light)
    assert SKIN[0] * 0.99 <= light * 2**stops <= SKIN[1] * 1.01 or abs(stops) == 12
    assert (stops == 0) == (SKIN[0] <= light <= SKIN[1]) or abs(stops) < 0.01


def test_a_face_nobody_measured_is_left_alone():
    assert stops_for(math.nan) == 0


@given(st.floats(-12, 12), st.floats(-0.5, 60))
def test_raised_light_is_what_the_model_sees_and_comes_back(stops, level):
    colour = ACESCG
    rgb = np.full((1, 3), level, np.float32) * np.array([1, 0.7, 0.4], np.float32)
    seen = colour.exposed(stops).encode(rgb)
    assert np.allclose(seen, colour.encode(rgb * np.float32(2.0**stops)), rtol=1e-4, atol=1e-5)
    assert np.allclose(colour.exposed(stops).decode(seen), rgb, rtol=1e-4, atol=1e-4 * 2.0**-stops)


@pytest.mark.parametrize("value", ["bright", 13, -40, [1]])
def test_a_wrong_exposure_is_one_line_with_its_place(takes, tmp_path, value):
    shot = write_shot(tmp_path, plate=str(takes / "lit" / "p.%d.exr"), exposure=value)
    run("info", shot).fails(2, "shot.yaml:", "exposure")
