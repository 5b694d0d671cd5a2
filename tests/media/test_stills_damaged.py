"""Stills that lie, end early or are flipped at random: one line that names the file, never more memory than fits."""

import contextlib
import os
import resource
import struct
import warnings
from pathlib import Path

import numpy as np
import pytest

from tests.media.still_files import noise, save, save_dpx
from vfxage.errors import ReadError
from vfxage.media import open_reader

FLIPS = int(os.environ.get("VFXAGE_FLIPS", "150"))
"""Files per still; 2000 takes two minutes."""


def make(folder: Path, name: str) -> Path:
    """A small picture of a kind, with alpha where the format has one."""
    path = folder / name
    if name.endswith("dpx"):
        return save_dpx(path, noise(24, 30, 3, 1023), 10) if name == "a.dpx" else save_dpx(path, noise(24, 30, 4), 16)
    if name == "f.tif":
        return save(path, noise(24, 30).astype(np.float32), compression="none")
    return save(path, noise(24, 30, 3 if name.endswith("jpg") else 4, 255 if name.endswith("jpg") else 65535))


NAMES = ["a.dpx", "b.dpx", "a.tif", "f.tif", "a.png", "a.jpg"]


def read(path: Path) -> None:
    reader = open_reader(path)
    (frame,) = reader.read([1])
    assert frame.rgb.shape == (reader.info.height, reader.info.width, 3)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_cut_off_anywhere_is_damaged(tmp_path, name):
    raw = make(tmp_path, name).read_bytes()
    path = tmp_path / f"x{Path(name).suffix}"
    for end in (*range(0, 64, 7), *np.linspace(64, len(raw) - 1, 40).astype(int)):
        path.write_bytes(raw[:end])
        with pytest.raises(ReadError) as caught:
            read(path)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", NAMES)
def test_flipped_bytes_are_an_error_or_another_picture(tmp_path, name):
    raw = make(tmp_path, name).read_bytes()
    path = tmp_path / f"x{Path(name).suffix}"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    warnings.simplefilter("error")
    for seed in range(FLIPS):
        rng = np.random.default_rng(seed)
        flipped = bytearray(raw)
        for _ in range(rng.integers(1, 12)):
            end = min(len(raw), 2048) if rng.random() < 0.8 else len(raw)
            flipped[rng.integers(0, end)] = rng.integers(0, 256)
        path.write_bytes(flipped[: rng.integers(1, len(raw))] if rng.random() < 0.3 else flipped)
        with contextlib.suppress(ReadError):
            read(path)
    used = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert used < 300, f"{used:.0f} MiB for pictures of 24x30"


@pytest.mark.parametrize(("width", "height"), [(1 << 30, 9), (100000, 100000), (0, 9), (0xFFFFFFFF, 0xFFFFFFFF)])
@pytest.mark.parametrize("name", ["a.dpx", "a.png"])
def test_a_header_that_asks_for_more_than_the_file_holds(tmp_path, name, width, height):
    import zlib

    raw = bytearray(make(tmp_path, name).read_bytes())
    struct.pack_into(">II", raw, 772 if name == "a.dpx" else 16, width, height)
    if name == "a.png":
        struct.pack_into(">I", raw, 29, zlib.crc32(raw[12:29]))
    (tmp_path / name).write_bytes(raw)
    with pytest.raises(ReadError, match=r"damaged|asks for"):
        read(tmp_path / name)


def test_a_legal_grey_dpx_that_makes_openimageio_write_past_its_memory(tmp_path):
    read(save_dpx(tmp_path / "a.dpx", noise(7, 13, 1, 1023), 10))


@pytest.mark.parametrize("name", NAMES)
def test_text_that_is_no_text_is_left_out(tmp_path, name):
    raw = make(tmp_path, name).read_bytes()
    path = tmp_path / f"x{Path(name).suffix}"
    path.write_bytes(raw.replace(b"scanner", b"\xff\xfe\xfd\xfc\xfb\xfa\xf9"))
    read(path)
