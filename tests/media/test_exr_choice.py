"""Which part, layer and view of an OpenEXR file is the plate, made by OpenEXR itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
import pytest

from tests.media.exr_files import ramp, save
from tests.plates import write_shot
from vfxage.errors import ReadError, ShotError
from vfxage.media import PlateSettings, open_reader
from vfxage.media.base import PictureChoice
from vfxage.render.job import open_job
from vfxage.shot import load_shot


def read(path: Path, **choice: Any) -> np.ndarray:
    reader = open_reader(path, PlateSettings(colorspace="ACEScg", picture=PictureChoice(**choice)))
    return next(reader.read([reader.info.first])).native


@pytest.fixture
def layered(tmp_path: Path) -> tuple[Path, dict[str, np.ndarray]]:
    pictures = {"": ramp(seed=0), "diffuse": ramp(seed=1), "spec.left": ramp(seed=2), "mask": ramp(seed=3)[..., :1]}
    channels = {
        f"{layer}.{letter}".lstrip("."): np.ascontiguousarray(picture[..., index])
        for layer, picture in pictures.items()
        for index, letter in enumerate("RGB" if picture.shape[2] == 3 else "Y")
    }
    return save(tmp_path / "p.1001.exr", channels), pictures


@pytest.mark.parametrize("layer", ["diffuse", "spec.left", "mask"])
def test_a_layer_is_the_plate(layered: tuple[Path, dict[str, np.ndarray]], layer: str) -> None:
    path, pictures = layered
    np.testing.assert_array_equal(read(path, layer=layer), np.broadcast_to(pictures[layer], (20, 30, 3)))


def test_a_layer_that_is_not_there_lists_the_others(layered: tuple[Path, dict[str, np.ndarray]]) -> None:
    with pytest.raises(ShotError, match="no layer specular") as caught:
        read(layered[0], layer="specular")
    assert "diffuse, mask, spec.left" in caught.value.fix


@pytest.fixture
def parts(tmp_path: Path) -> tuple[Path, list[np.ndarray]]:
    pictures = [ramp(seed=seed) for seed in range(3)]
    headers = [{"name": "beauty"}, {"name": "right", "view": "R"}, {"name": "lights"}]
    channels = [{"RGB": pictures[0]}, {"RGB": pictures[1]}, {"key.RGB": pictures[2]}]
    channels[2] = {f"key.{letter}": np.ascontiguousarray(pictures[2][..., i]) for i, letter in enumerate("RGB")}
    made = [
        OpenEXR.Part({"type": OpenEXR.scanlineimage, **header}, planes)
        for header, planes in zip(headers, channels, strict=True)
    ]
    OpenEXR.File(made).write(str(tmp_path / "p.1001.exr"))
    return tmp_path / "p.1001.exr", pictures


@pytest.mark.parametrize(
    ("choice", "index"),
    [
        ({"part": "right"}, 1),
        ({"part": 1}, 1),
        ({"view": "R"}, 1),
        ({"part": "lights"}, 2),
        ({"layer": "key"}, 2),
        ({"part": 2, "layer": "key"}, 2),
        ({"part": 0}, 0),
    ],
)
def test_a_part_is_the_plate(parts: tuple[Path, list[np.ndarray]], choice: dict[str, str | int], index: int) -> None:
    path, pictures = parts
    np.testing.assert_array_equal(read(path, **choice), pictures[index])


def test_a_part_or_view_that_is_not_there_lists_the_others(parts: tuple[Path, list[np.ndarray]]) -> None:
    for choice, what in (({"part": "beaty"}, "part beaty"), ({"part": 3}, "part 3"), ({"view": "left"}, "view left")):
        with pytest.raises(ShotError, match=what) as caught:
            read(parts[0], **choice)
        assert "beauty, right (view R), lights" in caught.value.fix


def test_a_file_with_one_picture_says_which_key_to_leave_out(tmp_path: Path) -> None:
    path = save(tmp_path / "p.1001.exr", {"RGB": ramp()})
    for key, value in (("part", 3), ("view", "left"), ("layer", "diffuse")):
        with pytest.raises(ShotError, match=f"has no {key} {value}") as caught:
            read(path, **{key: value})
        assert caught.value.fix.startswith(f"leave `{key}:` out")


def test_the_views_of_one_part_are_told_by_multiview(tmp_path: Path) -> None:
    left, right, light = (ramp(seed=seed) for seed in range(3))
    pictures = {"": left, "right": right, "light.right": light}
    channels = {
        f"{layer}.{letter}".lstrip("."): np.ascontiguousarray(picture[..., index])
        for layer, picture in pictures.items()
        for index, letter in enumerate("RGB")
    }
    path = save(tmp_path / "p.1001.exr", channels, multiView=["left", "right"])
    np.testing.assert_array_equal(read(path, view="left"), left)
    np.testing.assert_array_equal(read(path, view="right"), right)
    np.testing.assert_array_equal(read(path, view="right", layer="light"), light)


@pytest.mark.parametrize(
    ("key", "value"), [("part", "beaty"), ("view", "left"), ("layer", "specular"), ("layer", None)]
)
def test_what_no_frame_has_is_an_error_of_the_shot(tmp_path: Path, key: str, value: str | None) -> None:
    channels = {
        f"{layer}.{letter}": np.ascontiguousarray(ramp(seed=1)[..., 0]) for layer in ("key", "rim") for letter in "RGB"
    }
    for number in (1001, 1002):
        save(tmp_path / f"p.{number}.exr", channels)
    more = {} if value is None else {key: value}
    shot = write_shot(tmp_path, plate="p.####.exr", colorspace="ACEScg", outputs=[], **more)
    with pytest.raises(ShotError, match=value or "key, rim") as caught, open_job(load_shot(shot)):
        pass
    line = next((n for n, text in enumerate(shot.read_text().splitlines(), 1) if text.startswith(key)), None)
    assert (caught.value.exit_code, caught.value.line, Path(caught.value.path or "").name) == (2, line, shot.name)


def test_one_frame_without_the_layer_is_an_error_of_the_plate(tmp_path: Path) -> None:
    whole = {
        f"{layer}{letter}": np.ascontiguousarray(ramp(seed=1)[..., 0]) for layer in ("", "key.") for letter in "RGB"
    }
    save(tmp_path / "p.1001.exr", whole)
    save(tmp_path / "p.1002.exr", {"RGB": ramp(seed=1)})
    reader = open_reader(
        tmp_path / "p.####.exr", PlateSettings(colorspace="ACEScg", picture=PictureChoice(layer="key"))
    )
    with pytest.raises(ReadError, match="no layer key") as caught:
        list(reader.read([1001, 1002]))
    assert (caught.value.exit_code, caught.value.frame) == (3, 1002)


def test_a_shot_chooses_and_its_tracks_depend_on_it(layered: tuple[Path, dict[str, np.ndarray]]) -> None:
    path, pictures = layered
    keys = {}
    for layer in ("diffuse", "spec.left"):
        shot = write_shot(path.parent, plate=str(path), colorspace="ACEScg", layer=layer, outputs=[])
        with open_job(load_shot(shot)) as job:
            np.testing.assert_array_equal(next(job.reader.read([1001])).native, pictures[layer])
            keys[layer] = job.tracks_key()
    assert keys["diffuse"] != keys["spec.left"]
    with pytest.raises(ShotError, match="OpenEXR"):
        load_shot(write_shot(path.parent, plate="p.%04d.png", layer="diffuse"))
