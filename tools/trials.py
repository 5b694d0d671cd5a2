"""Kill a render at random moments, again and again: nothing torn may ever stand, and the end must be the same bytes.

    python -m tools.trials shots/demo/shot.yaml --kills 50

Renders a copy of the shot (its outputs go to a temporary folder) once as a whole; then starts it and kills it with
SIGKILL at a moment drawn evenly over the time that took, as often as asked. After each kill every file that stands
under its final name must be byte for byte the whole render's; whenever a run comes to its end, all of them must.
"""

from __future__ import annotations

import argparse
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
    """What a series of kills came to."""

    kills: int
    """Renders that were killed before they ended."""
    ends: int
    """Renders that came to their end; each began where killed ones had left off."""
    torn: tuple[str, ...]
    """Files that were not what they should be."""


def standing(folder: Path) -> dict[str, bytes]:
    """Pictures and movies under their final names, by name."""
    if not folder.is_dir():
        return {}
    files = [path for path in folder.iterdir() if path.suffix.lower() in PICTURES and not path.name.startswith(".")]
    return {path.name: path.read_bytes() for path in files}


def rendering(shot: Path, outputs: Path) -> subprocess.Popen[bytes]:
    """Start a render of ``shot`` with every output in ``outputs`` instead."""
    named = load_shot(shot).outputs
    moved = [word for index, output in enumerate(named)
             for word in ("--set", f"outputs.{index}.path={outputs / Path(output.path).name}")]  # fmt: skip
    command = [sys.executable, "-m", "vfxage", "render", str(shot), "--log", "text", *moved]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def trial(shot: Path, kills: int, seed: int, folder: Path) -> Outcome:
    """Kill a render ``kills`` times at random; raises SystemExit where a render fails of itself."""
    draw = random.Random(seed)
    begun = time.monotonic()
    _finish(rendering(shot, folder / "whole"))
    length, truth = time.monotonic() - begun, standing(folder / "whole")
    killed, ends, torn = 0, 0, set[str]()
    outputs = folder / "killed"
    while killed < kills:
        process = rendering(shot, outputs)
        try:
            process.communicate(timeout=draw.uniform(0, length))
            ended = True
        except subprocess.TimeoutExpired:
            ended = False
        finally:
            process.kill()
            process.communicate()
        now = standing(outputs)
        torn |= {name for name, data in now.items() if truth.get(name) != data}
        if not ended:
            killed += 1
            continue
        _check(process, b"")
        ends += 1
        torn |= truth.keys() - now.keys()
        shutil.rmtree(outputs)
    _finish(rendering(shot, outputs))
    now = standing(outputs)
    torn |= {name for name in truth.keys() | now.keys() if truth.get(name) != now.get(name)}
    hidden = [path.name for path in outputs.iterdir() if ".partial" in path.name]
    return Outcome(killed, ends + 1, tuple(sorted({*torn, *hidden})))


def _finish(process: subprocess.Popen[bytes]) -> None:
    _check(process, process.communicate()[1])


def _check(process: subprocess.Popen[bytes], said: bytes) -> None:
    if process.returncode:
        sys.exit(f"a render that nobody killed failed with {process.returncode}: {said.decode()[-500:]}")


def main() -> None:
    """Run the trial and say how it went; exit code 1 where anything was torn."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shot", type=Path)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        outcome = trial(given.shot.absolute(), given.kills, given.seed, Path(folder))
    print(f"{outcome.kills} kills, {outcome.ends} renders ended, torn or wrong: {', '.join(outcome.torn) or 'none'}")
    sys.exit(bool(outcome.torn))


if __name__ == "__main__":
    main()
