"""Regions of a face: soft masks that move with the mesh, ages and amounts of their own, the rest left to the bit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from tests.plates import decode, man_at_webcam, read_exr, write_shot
from tests.run_vfxage import run
from vfxage.ager import age_frames, load_ager
from vfxage.face.detect import FaceFinder
from vfxage.face.look import Wish
from vfxage.face.regions import RegionSettings, region_masks, regional
from vfxage.geometry import crop_transform, face_matte, invert, map_points, warp_to_crop
from vfxage.shot import load_shot
from vfxage.types import FaceCrop, Frame, FrameCrops, Framing, Window

SIZE = 256
OWN = Wish(target=65.0)
LIES_IN = {
    "forehead": [151, 108, 337],
    "eyes": [33, 133, 362, 263, 52, 282],
    "cheeks": [50, 280, 187, 411],
    "mouth": [0, 13, 17, 61, 291],
    "jaw": [175, 171, 396],
}
"""Landmarks that no anatomist would put elsewhere."""


@pytest.fixture(scope="module")
def crops(clips: Path) -> dict[str, FaceCrop]:
    """A man from the front, a woman turned by thirty degrees."""
    found = {}
    with FaceFinder() as finder:
        for name, clip, number in (("front", "androidx_sample.mp4", 3), ("turned", "turn_720p.264", 10)):
            (rgb,) = decode(clips / clip, range(number, number + 1))
            picture = np.round(255 * rgb ** (1 / 2.4)).astype(np.uint8)
            points = finder.find(picture)[0].points
            to_frame = crop_transform(points, Framing(name="ffhq"), SIZE)
            encoded = np.ascontiguousarray(picture.astype(np.float32) / 255)
            inside = map_points(points, invert(to_frame)).astype(np.float32)
            crop = warp_to_crop(encoded, Window(0, 0, picture.shape[1], picture.shape[0]), to_frame, SIZE)
            found[name] = FaceCrop(
                face=0,
                name="lead",
                rgb=np.clip(crop, 0, 1),
                points=inside,
                matte=face_matte(inside, SIZE, "head", 0.08),
                to_frame=to_frame,
                ages=(35.0, 65.0),
                intensity=1.0,
            )
    return found


@pytest.mark.parametrize("view", ["front", "turned"])
def test_regions_lie_where_they_are_called_and_share_every_pixel(crops: dict[str, FaceCrop], view: str) -> None:
    points = crops[view].points
    masks = region_masks(points, SIZE)
    total = np.sum(list(masks.values()), axis=0)
    assert min(mask.min() for mask in masks.values()) >= 0
    assert total.max() < 1 + 1e-5
    height = np.hypot(*(points[10] - points[152]))
    for name, mask in masks.items():
        assert mask.max() > 0.9, name
        slope = max(np.abs(np.diff(mask, axis=axis)).max() for axis in (0, 1))
        assert slope < 1.3 / (0.07 * height), name  # a border fades over 0.07 of the face to either side
    for name, ids in LIES_IN.items():
        for x, y in points[ids]:
            assert max(masks, key=lambda one: masks[one][int(y), int(x)]) == name, (name, x, y)
    near = {"front": [(139, 162), (368, 389)], "turned": [(368, 389)]}[view]
    for pair in near:  # the temple: nobody leaves it at the old age beside eyes that changed
        x, y = points[list(pair)].mean(axis=0)
        assert total[int(y), int(x)] > 0.6, pair
    chin, down = points[152], points[152] - points[10]
    x, y = chin + 0.2 * down
    if y < SIZE:
        assert masks["neck"][int(y), int(x)] > 0.5


def test_masks_follow_the_mesh_by_fractions_of_a_pixel(crops: dict[str, FaceCrop]) -> None:
    points = crops["front"].points
    still = region_masks(points, SIZE)
    for step in (0.25, 0.5, 1.0):
        moved = region_masks(points + np.float32(step), SIZE)
        for name, mask in still.items():
            expected = cv2.warpAffine(mask, np.array([[1, 0, step], [0, 1, step]]), (SIZE, SIZE))
            assert np.abs(moved[name] - expected)[8:-8, 8:-8].max() < 0.02, name


def answer(model: str, crop: FaceCrop) -> np.ndarray:
    frame = Frame(number=1, window=Window(0, 0, 4, 4), rgb=np.zeros((4, 4, 3), np.float32))
    (item,) = age_frames(load_ager(model, "cpu"))([FrameCrops(frame=frame, crops=(crop,))])
    assert item.deltas[0].crop is crop
    return item.deltas[0].step


@pytest.mark.parametrize("model", ["bands", "relief"])
def test_a_region_of_another_age_is_that_ages_answer_there_and_the_own_elsewhere(
    crops: dict[str, FaceCrop], model: str
) -> None:
    crop = crops["front"]
    own, other = answer(model, crop), answer(model, replace(crop, ages=(35.0, 80.0)))
    parts = regional(crop.points, SIZE, {"mouth": RegionSettings(1.0, 80.0), "jaw": RegionSettings(1.0, 65.0)}, OWN)
    assert parts.gain is None
    ((wish, weight),) = parts.others
    assert wish.target == 80
    mixed = answer(model, replace(crop, others=parts.others))
    assert np.array_equal(mixed[weight == 0].view(np.uint32), own[weight == 0].view(np.uint32))
    inside = weight > 0.9999
    assert inside.sum() > 100
    assert np.allclose(mixed[inside], other[inside], atol=2e-4)
    assert np.abs(other - own)[inside].max() > 0.005
    none = regional(crop.points, SIZE, {"mouth": RegionSettings(1.0, 65.0)}, OWN)
    same = answer(model, replace(crop, gain=none.gain, others=none.others))
    assert np.array_equal(same.view(np.uint32), own.view(np.uint32))


@pytest.fixture(scope="module")
def plate(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return man_at_webcam(clips, tmp_path_factory.mktemp("plate"), 3)


def shot(plate: Path, folder: Path, **keys: object) -> Path:
    fixed = {"temporal": {"radius": 0, "strength": 0.0}, "outputs": [{"path": "out/man.%04d.exr"}]}
    return write_shot(folder, plate=str(plate / "man.%04d.exr"), **fixed, **keys)


def delta(folder: Path, number: int) -> np.ndarray:
    got = read_exr(folder / f"out/man.{number}.exr")
    return np.stack([got[f"delta.{letter}"] for letter in "RGB"], -1)


def test_a_keyed_region_changes_its_own_frames_and_places_alone(plate: Path, tmp_path: Path) -> None:
    from vfxage.face.track import load_tracks

    bare, keyed = tmp_path / "bare", tmp_path / "keyed"
    run("render", shot(plate, bare)).ok()
    path = shot(plate, keyed, regions={"forehead": {"intensity": {1001: 1, 1003: 0}}})
    run("render", path).ok()
    points = load_tracks(next((keyed / "out").glob("*.tracks.npz"))).faces[0].points
    forehead = [slice(int(v) - 4, int(v) + 4) for v in points[2, 151][::-1]]
    chin = [slice(int(v) - 12, int(v)) for v in points[2, 152][::-1]]
    assert np.array_equal(delta(bare, 1001), delta(keyed, 1001))
    assert np.abs(delta(bare, 1003)[tuple(forehead)]).max() > 1e-3
    assert np.abs(delta(keyed, 1003)[tuple(forehead)]).max() < 1e-4
    assert np.array_equal(delta(bare, 1003)[tuple(chin)], delta(keyed, 1003)[tuple(chin)])
    half = delta(keyed, 1002)[tuple(forehead)] / delta(bare, 1002)[tuple(forehead)]
    assert 0.4 < np.nanmedian(half) < 0.6
    again = run("render", path, "--set", "regions.forehead.intensity={1001: 1, 1003: 0.5}").ok()
    assert "2 frames rendered, 1 complete already" in again.out


def test_a_region_with_the_faces_own_age_leaves_every_bit(plate: Path, tmp_path: Path) -> None:
    keys = {"frames": "1001", "target_age": {1001: 60, 1003: 70}}
    run("render", shot(plate, tmp_path / "bare", **keys)).ok()
    run("render", shot(plate, tmp_path / "same", regions={"eyes": {"target_age": 60}}, **keys)).ok()
    run("render", shot(plate, tmp_path / "other", regions={"eyes": {"target_age": 35}}, **keys)).ok()
    one, same, other = (delta(tmp_path / name, 1001) for name in ("bare", "same", "other"))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_a_face_takes_the_shots_regions_that_it_does_not_name(tmp_path: Path) -> None:
    text = """
plate: a.mov
source_age: 40
target_age: 60
regions: {mouth: {intensity: 0.5}, jaw: {target_age: 70}}
faces:
  - {name: lead, select: left, regions: {jaw: {target_age: 50}}}
  - {name: extra, select: right}
"""
    path = tmp_path / "shot.yaml"
    path.write_text(text)
    lead, extra = (face.regions.named() for face in load_shot(path).faces)
    assert lead.keys() == extra.keys() == {"mouth", "jaw"}
    assert (lead["jaw"].target_age.at(1), extra["jaw"].target_age.at(1)) == (50, 70)
    assert lead["mouth"].intensity.at(1) == 0.5


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"regions": {"nose": {"intensity": 1}}}, ["`nose`", "forehead"]),
        ({"regions": {"mouth": {"intensity": 9}}}, ["regions.mouth.intensity", "0 to 4"]),
        ({"regions": {"mouth": 3}}, ["regions.mouth", "keys and values"]),
        ({"regions": {"neck": {"intensity": 0}}, "matte": {"kind": "face"}}, ["neck", "kind: head"]),
    ],
)
def test_a_region_that_makes_no_sense_is_reported(tmp_path: Path, keys: dict, words: list[str]) -> None:
    path = write_shot(tmp_path, plate="a.mov", **keys)
    assert yaml.safe_load(path.read_text())
    run("render", path).fails(2, *words)
