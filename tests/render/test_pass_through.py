"""``pass_through: true``: the plate's other channels come along bit for bit, read back by OpenEXR and OpenImageIO."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import OpenEXR
import OpenImageIO as oiio
import pytest

from tests.plates import write_shot
from tests.run_vfxage import run

FIRST, HEIGHT, WIDTH = 1001, 64, 96
MANIFEST = '{"hero":"13851a76","ground":"7b6d8cd4"}'
CRYPTO = {
    "cryptomatte/28322e9/name": "CryptoObject",
    "cryptomatte/28322e9/hash": "MurmurHash3_32",
    "cryptomatte/28322e9/conversion": "uint32_to_float32",
    "cryptomatte/28322e9/manifest": MANIFEST,
}


def noise(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).random(shape or (HEIGHT, WIDTH), np.float32)


def extras(number: int) -> dict[str, np.ndarray]:
    """Depth with infinity, ids as integers, a half layer with NaN, and Cryptomatte whose ids are floats of any bits."""
    depth, ids = noise(number) * 100, np.random.default_rng(number).integers(0, 1 << 32, (HEIGHT, WIDTH), np.uint32)
    depth[:8] = np.inf
    normal = noise(number + 1).astype(np.float16)
    normal[3, 5] = np.nan
    hashes = np.random.default_rng(number + 2).integers(0, 0x7F000000, (HEIGHT, WIDTH), np.uint32)
    crypto = {f"CryptoObject00.{letter}": hashes.view(np.float32).copy() for letter in "RGBA"}
    return {"Z": depth, "id": ids, "normal.x": normal, **crypto}


def write_plate(folder: Path, number: int, more: dict[str, np.ndarray], **header: object) -> None:
    folder.mkdir(exist_ok=True)
    picture = (noise(number + 9, HEIGHT, WIDTH, 3) * 0.5).astype(np.float16)
    attributes = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage, **header}
    OpenEXR.File(attributes, {"RGB": picture, **more}).write(str(folder / f"p.{number}.exr"))


def shot_of(folder: Path, **keys: object) -> Path:
    defaults: dict[str, object] = {
        "plate": "plate/p.%04d.exr",
        "colorspace": "ACEScg",
        "outputs": [{"path": "out/p.%04d.exr", "pass_through": True}],
    }
    return write_shot(folder, **{**defaults, **keys})


def planes(path: Path) -> dict[str, np.ndarray]:
    with OpenEXR.File(str(path), separate_channels=True) as file:
        return {name: channel.pixels.copy() for name, channel in file.channels().items()}


def assert_carried(path: Path, expected: dict[str, np.ndarray]) -> None:
    found = planes(path)
    for name, plane in expected.items():
        assert found[name].dtype == plane.dtype, name
        assert found[name].tobytes() == plane.tobytes(), name


def test_channels_of_every_type_come_along_bit_for_bit_with_cryptomatte(tmp_path: Path) -> None:
    for number in (FIRST, FIRST + 1):
        write_plate(tmp_path / "plate", number, extras(number), **CRYPTO)
    shot = shot_of(tmp_path)
    run("render", shot).ok()
    for number in (FIRST, FIRST + 1):
        path = tmp_path / f"out/p.{number}.exr"
        assert_carried(path, extras(number))
        assert set(planes(path)) == {"R", "G", "B", "delta.R", "delta.G", "delta.B", "matte.A", *extras(number)}
        spec = oiio.ImageInput.open(str(path)).spec()
        for name, value in CRYPTO.items():
            assert spec.getattribute(name) == value
    run("verify", shot).ok()
    assert "0 frames rendered, 2 complete already" in run("render", shot).ok().out


def test_without_the_key_nothing_comes_along(tmp_path: Path) -> None:
    write_plate(tmp_path / "plate", FIRST, extras(FIRST), **CRYPTO)
    done = run("render", shot_of(tmp_path, outputs=[{"path": "out/p.%04d.exr"}])).ok()
    path = tmp_path / f"out/p.{FIRST}.exr"
    assert "Z" not in planes(path)
    assert "cryptomatte" not in " ".join(a.name for a in oiio.ImageInput.open(str(path)).spec().extra_attribs)
    assert "not carried into the outputs" in done.err


def test_verify_names_a_carried_channel_that_is_not_the_plates(tmp_path: Path) -> None:
    write_plate(tmp_path / "plate", FIRST, extras(FIRST))
    shot = shot_of(tmp_path)
    run("render", shot).ok()
    path = tmp_path / f"out/p.{FIRST}.exr"
    with OpenEXR.File(str(path), separate_channels=True) as file:
        header, found = dict(file.header()), {name: channel.pixels.copy() for name, channel in file.channels().items()}
    found["id"][10, 10] ^= 1
    OpenEXR.File(header, found).write(str(path))
    checked = run("verify", shot)
    assert checked.code == 4
    assert "id is not the plate's" in checked.out + checked.err


def test_channels_of_other_parts_take_the_names_of_their_parts(tmp_path: Path) -> None:
    (tmp_path / "plate").mkdir()
    scan = {"type": OpenEXR.scanlineimage, "displayWindow": ((0, 0), (WIDTH - 1, HEIGHT - 1))}
    whole = {**scan, "dataWindow": ((0, 0), (WIDTH - 1, HEIGHT - 1))}
    small = {**scan, "dataWindow": ((10, 20), (49, 39))}
    depth, other, crypto = noise(1, 20, 40), noise(2, HEIGHT, WIDTH), noise(3, HEIGHT, WIDTH)
    parts = [
        OpenEXR.Part(dict(whole), {"RGB": noise(0, HEIGHT, WIDTH, 3).astype(np.float16)}, name="rgba"),
        OpenEXR.Part(dict(small), {"Z": depth.copy()}, name="depth"),
        OpenEXR.Part(dict(whole), {"R": other.copy(), "spec.R": other.copy()}, name="spec"),
        OpenEXR.Part({**whole, **CRYPTO}, {"CryptoObject00.R": crypto.copy()}, name="crypto"),
    ]
    OpenEXR.File(parts).write(str(tmp_path / f"plate/p.{FIRST}.exr"))
    shot = shot_of(tmp_path)
    run("render", shot).ok()
    path = tmp_path / f"out/p.{FIRST}.exr"
    padded = np.zeros((HEIGHT, WIDTH), np.float32)
    padded[20:40, 10:50] = depth
    assert_carried(path, {"depth.Z": padded, "spec.R": other, "CryptoObject00.R": crypto})
    assert oiio.ImageInput.open(str(path)).spec().getattribute("cryptomatte/28322e9/manifest") == MANIFEST
    run("verify", shot).ok()


def test_a_chosen_layer_leaves_room_for_the_others(tmp_path: Path) -> None:
    beauty = noise(5, HEIGHT, WIDTH, 3).astype(np.float16)
    more = {**{f"hero.{letter}": beauty[..., index].copy() for index, letter in enumerate("RGB")}, "Z": noise(6)}
    write_plate(tmp_path / "plate", FIRST, {name: plane.copy() for name, plane in more.items()})
    shot = shot_of(tmp_path, layer="hero")
    done = run("render", shot).ok()
    found = planes(tmp_path / f"out/p.{FIRST}.exr")
    assert found["R"].tobytes() == more["hero.R"].tobytes()
    assert_carried(tmp_path / f"out/p.{FIRST}.exr", {"Z": more["Z"]})
    assert "replace the plate's B, G, R" in done.err
    run("verify", shot).ok()


@pytest.mark.parametrize("filling", ["black", "hold"])
def test_a_missing_frame_has_the_same_channels(tmp_path: Path, filling: str) -> None:
    for number in (FIRST, FIRST + 2):
        write_plate(tmp_path / "plate", number, extras(number), **CRYPTO)
    shot = shot_of(tmp_path, missing_frames=filling, frames=f"{FIRST}-{FIRST + 2}")
    run("render", shot).ok()
    held = extras(FIRST)
    black = {name: np.zeros_like(plane) for name, plane in held.items()}
    assert_carried(tmp_path / f"out/p.{FIRST + 1}.exr", black if filling == "black" else held)
    run("verify", shot).ok()


def test_a_frame_with_other_channels_is_named(tmp_path: Path) -> None:
    write_plate(tmp_path / "plate", FIRST, extras(FIRST))
    write_plate(tmp_path / "plate", FIRST + 1, {"Z": noise(1)})
    run("render", shot_of(tmp_path)).fails(3, f"p.{FIRST + 1}.exr", "channels beside the picture", "pass_through")


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"outputs": [{"path": "a.mov", "pass_through": True}]}, "OpenEXR output"),
        ({"plate": "plate/p.%04d.png", "outputs": [{"path": "a.%04d.exr", "pass_through": True}]}, "OpenEXR plate"),
        ({"outputs": [{"path": "a.%04d.exr", "pass_through": True, "passes": ["crop"]}]}, "`crop`"),
        ({"outputs": [{"path": "a.%04d.exr", "pass_through": True, "compression": "dwab"}]}, "has loss"),
        ({"outputs": [{"path": "a.%04d.exr", "passes": ["beauty", "uv"], "compression": "dwaa"}]}, "positions"),
    ],
)
def test_what_cannot_be_is_an_error_with_its_line(tmp_path: Path, keys: dict[str, object], words: str) -> None:
    write_plate(tmp_path / "plate", FIRST, extras(FIRST))
    run("render", shot_of(tmp_path, **keys)).fails(2, words, "shot.yaml:")
