"""Kill a render at random moments, many times: no file may be incomplete, and the result must be the same bytes.

    python -m tools.trials shots/demo/shot.yaml --kills 50

Renders a copy of the shot (its outputs go to a temporary folder) once as a whole; then starts it and kills it with
SIGKILL as often as asked: at a moment drawn evenly over the time that took, and every second time once a drawn number
of its files is complete. After each kill every file under its final name must be byte for byte the whole render's;
whenever a run comes to its end, all of them must.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from vfxage.shot import load_shot

PICTURES = (".exr", ".mov", ".mp4", ".mkv", ".dpx", ".tif", ".tiff", ".png", ".jpg", ".jpeg")


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a series of kills."""

    kills: int
    """Renders that were killed before they ended."""
    midway: int
    """Kills that left some files complete and some not."""
    ends: int
    """Renders that ended normally; each continued the killed ones."""
    torn: tuple[str, ...]
    """Files with wrong content."""


def standing(folder: Path) -> dict[str, bytes]:
    """Pictures and movies under their final names, by name."""
    return {path.name: path.read_bytes() for path in complete(folder)}


def complete(folder: Path) -> list[Path]:
    """Pictures and movies under their final names."""
    files = folder.iterdir() if folder.is_dir() else ()
    return [path for path in files if path.suffix.lower() in PICTURES and not path.name.startswith(".")]


def rendering(shot: Path, outputs: Path) -> subprocess.Popen[bytes]:
    """Start a render of ``shot`` with every output in ``outputs`` instead."""
    named = load_shot(shot).outputs
    moved = [word for index, output in enumerate(named)
             for word in ("--set", f"outputs.{index}.path={outputs / Path(output.path).name}")]  # fmt: skip
    command = [sys.executable, "-m", "vfxage", "render", str(shot), "--log", "text", *moved]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def trial(shot: Path, kills: int, seed: int, folder: Path) -> Outcome:
    """Kill a render ``kills`` times at random; raises SystemExit if a render fails without being killed."""
    draw = random.Random(seed)
    begun = time.monotonic()
    _finish(rendering(shot, folder / "whole"))
    length, truth = time.monotonic() - begun, standing(folder / "whole")
    killed, midway, ends, torn = 0, 0, 0, set[str]()
    outputs = folder / "killed"
    while killed < kills:
        process = rendering(shot, outputs)
        if killed % 2:
            _wait_for_files(process, outputs, draw.randrange(1, len(truth)))
        else:
            _wait_seconds(process, draw.uniform(0, length))
        ended = process.poll() is not None
        process.kill()
        said = process.communicate()[1]
        now = standing(outputs)
        torn |= {name for name, data in now.items() if truth.get(name) != data}
        if not ended:
            killed += 1
            midway += 0 < len(now) < len(truth)
            continue
        _check(process, said)
        ends += 1
        torn |= truth.keys() - now.keys()
        shutil.rmtree(outputs)
    _finish(rendering(shot, outputs))
    now = standing(outputs)
    torn |= {name for name in truth.keys() | now.keys() if truth.get(name) != now.get(name)}
    hidden = [path.name for path in outputs.iterdir() if ".partial" in path.name]
    return Outcome(killed, midway, ends + 1, tuple(sorted({*torn, *hidden})))


def _wait_seconds(process: subprocess.Popen[bytes], seconds: float) -> None:
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=seconds)


def _wait_for_files(process: subprocess.Popen[bytes], outputs: Path, count: int) -> None:
    """Wait until the render has made a file and ``count`` exist, or until it ends."""
    before = len(complete(outputs))
    while process.poll() is None and len(complete(outputs)) < max(count, before + 1):
        time.sleep(0.005)


def _finish(process: subprocess.Popen[bytes]) -> None:
    _check(process, process.communicate()[1])


def _check(process: subprocess.Popen[bytes], said: bytes) -> None:
    if process.returncode:
        sys.exit(f"a render that was not killed failed with {process.returncode}: {said.decode()[-500:]}")


def main() -> None:
    """Run the trial and print the result; exit code 1 if a file was incomplete or wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shot", type=Path)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        outcome = trial(given.shot.absolute(), given.kills, given.seed, Path(folder))
    print(f"{outcome.kills} kills, {outcome.midway} of them midway; {outcome.ends} renders ended")
    print(f"torn or wrong: {', '.join(outcome.torn) or 'none'}")
    sys.exit(bool(outcome.torn))


if __name__ == "__main__":
    main()
