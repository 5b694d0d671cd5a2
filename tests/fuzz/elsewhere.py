"""Damaged files, read in a process of its own whose memory and time are bounded."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

_READ_ALL = """
import faulthandler, json, resource, sys, warnings
faulthandler.enable()
from vfxage.errors import VfxageError
from vfxage.media import PlateSettings, open_reader

room, space, warm, *paths = json.load(sys.stdin)

def read(path):
    reader = open_reader(path, PlateSettings(colorspace=space))
    try:
        info = reader.info
        for frame in reader.read(range(info.first, min(info.last, info.first + 3) + 1)):
            assert frame.rgb.shape[2] == 3
    finally:
        reader.close()

def status(name):
    for line in open("/proc/self/status"):
        if line.startswith(name):
            return int(line.split()[1]) * 1024

for path in warm:
    read(path)
base = status("VmHWM")
resource.setrlimit(resource.RLIMIT_AS, (status("VmSize") + (room << 20),) * 2)
resource.setrlimit(resource.RLIMIT_CPU, (100, 100))
reported = []
warnings.simplefilter("error")
for path in paths:
    try:
        read(path)
        reported.append(None)
    except VfxageError as error:
        reported.append([type(error).__name__, str(error)])
    except BaseException as error:
        reported.append(["a bug: " + type(error).__name__, str(error)])
print("", json.dumps([reported, status("VmHWM") - base >> 20]), sep="\\n")
"""


@dataclass(frozen=True)
class Verdict:
    reported: list[list[str] | None]
    """For each file: None if it was read, else the error's name and line."""
    grown: int
    """MiB that the process grew at its largest."""


def read_elsewhere(warm: Iterable[Path], paths: Iterable[Path], *, room: int, space: str | None = None) -> Verdict:
    """Read ``warm``, then ``paths`` with ``room`` MiB of address space more than that took."""
    words = json.dumps([room, space, [str(p) for p in warm], *(str(p) for p in paths)])
    command = [sys.executable, "-c", _READ_ALL]
    run = subprocess.run(command, input=words, capture_output=True, text=True, timeout=240, check=False)
    assert run.returncode == 0, f"exit {run.returncode}: {run.stderr[-3000:]}"
    reported, grown = json.loads(run.stdout.splitlines()[-1])
    return Verdict(reported, grown)


def damaged(source: Path, folder: Path, count: int, seed: int) -> list[Path]:
    """Copies of a file with bytes overwritten, most near its ends where headers are, some cut off; always the same."""
    rng, whole = np.random.default_rng(seed), source.read_bytes()
    paths = []
    for index in range(count):
        data = bytearray(whole)
        near = min(len(data), 2048)
        for _ in range(rng.integers(1, 9)):
            place = int(
                rng.choice([rng.integers(near), len(data) - near + rng.integers(near), rng.integers(len(data))])
            )
            data[place] = rng.choice([0, 1, 127, 128, 255, rng.integers(256)])
        if index % 5 == 4:
            del data[rng.integers(len(data)) :]
        paths.append(folder / f"{source.stem}_{index}{source.suffix}")
        paths[-1].write_bytes(data)
    return paths
