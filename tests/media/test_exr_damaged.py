"""Damaged, lying and fuzzed OpenEXR files: read right, or one clear line; no crash, no memory, no noise on stdout."""

import json
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import OpenEXR
import pytest

from tests.media.exr_files import ramp, save
from vfxage.errors import ReadError
from vfxage.media.exr.read import ExrReader

_READ_ALL = """
import json, resource, sys, warnings
warnings.simplefilter("error")
import numpy, OpenEXR
from vfxage.errors import VfxageError
from vfxage.media.exr.read import ExrReader
grown = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
base = grown()
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
reported = {}
for path in sys.argv[1:]:
    try:
        reader = ExrReader(path, colorspace="ACEScg")
        list(reader.read([reader.info.first]))
        reported[path] = None
    except VfxageError as error:
        reported[path] = [type(error).__name__, str(error)]
print(json.dumps([reported, grown() - base]))
"""


def read_elsewhere(paths: list[Path]) -> tuple[dict[str, list[str] | None], int]:
    """What a process of its own says of each file (None: read), and by how many MB it grew."""
    command = [sys.executable, "-c", _READ_ALL, *map(str, paths)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    reported, megabytes = json.loads(run.stdout)
    return reported, megabytes


def test_damaged_files_are_one_line_no_crash_and_no_memory(exrs, tmp_path):
    names = list((exrs / "damaged").iterdir()) + list(exrs.glob("comp_*.exr")) + [exrs / "tiled_missing_tiles.exr"]
    assert len(names) > 15
    reported, megabytes = read_elsewhere(names)
    for path in map(str, names):
        assert reported[path], f"{path} was read"
        kind, text = reported[path]
        assert kind == "ReadError"
        assert path in text
        assert "\n" not in text
        assert len(text) < 400
    assert megabytes < 100


def test_headers_that_ask_for_memory_get_none(exrs, tmp_path):
    whole = (exrs / "stripes.exr").read_bytes()
    key = b"dataWindow\0box2i\0" + struct.pack("<i", 16)
    at = whole.index(key) + len(key)
    paths = []
    for index, box in enumerate(
        [(0, 0, 2**31 - 2, 49), (0, 0, 99999, 99999), (5, 5, 4, 4), (-(2**31), 0, 2**31 - 1, 0)]
    ):
        paths.append(tmp_path / f"{index}.exr")
        paths[-1].write_bytes(whole[:at] + struct.pack("<4i", *box) + whole[at + 16 :])
    reported, megabytes = read_elsewhere(paths)
    assert all(answer and answer[0] == "ReadError" for answer in reported.values())
    assert megabytes < 100


def test_corrupted_files_are_read_or_one_line(exrs, tmp_path):
    """Real files with bytes overwritten, cut off or put in, the same ones on every run."""
    rng = np.random.default_rng(20)
    sources = [
        (exrs / f"{n}.exr").read_bytes() for n in ("stripes", "layers", "display_window_t01", "mipmap_MirrorPattern")
    ]
    for name in ("PIZ", "ZIP", "DWAA", "B44", "PXR24", "HTJ2K32"):
        path = save(tmp_path / f"{name}.exr", {"RGB": ramp()}, compression=getattr(OpenEXR, f"{name}_COMPRESSION"))
        sources.append(path.read_bytes())
    paths = []
    for index in range(200):
        data = bytearray(sources[index % len(sources)])
        reach = len(data) if index % 3 else min(len(data), 500)
        for place in rng.integers(0, reach, rng.integers(1, 8)):
            data[place] = rng.choice([0, 1, 127, 128, 255])
        if index % 4 == 3:
            del data[rng.integers(0, len(data)) :]
        paths.append(tmp_path / f"x{index}.exr")
        paths[-1].write_bytes(data)
    reported, megabytes = read_elsewhere(paths)
    failures = [answer for answer in reported.values() if answer is not None]
    assert 60 < len(failures) < 200
    assert {kind for kind, _ in failures} == {"ReadError"}
    assert all("\n" not in text for _, text in failures)
    assert megabytes < 300


def test_pixels_that_do_not_decode_say_why_and_print_nothing(tmp_path, capfd):
    path = save(tmp_path / "p.0003.exr", {"RGB": ramp(200, 300)}, compression=OpenEXR.ZIP_COMPRESSION)
    data = bytearray(path.read_bytes())
    data[-3000:-2000] = bytes(1000)
    path.write_bytes(data)
    reader = ExrReader(tmp_path / "p.####.exr", colorspace="ACEScg")
    with pytest.raises(ReadError, match=r"p\.0003\.exr frame 3: damaged OpenEXR file \(its pixels do not decode: \w"):
        list(reader.read([3]))
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize("cut", [1, 100, 2000])
def test_a_truncated_frame_is_found_before_a_pixel_is_decoded(tmp_path, cut):
    path = save(tmp_path / "p.exr", {"RGB": ramp(200, 300)})
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(ReadError, match=r"ends inside|points outside"):
        list(ExrReader(path, colorspace="ACEScg").read([1]))


def test_an_interrupted_render_is_reported_as_interrupted(exrs):
    with pytest.raises(ReadError, match="6 of 16 blocks of pixels were never written"):
        ExrReader(exrs / "tiled_missing_tiles.exr")
