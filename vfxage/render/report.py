"""The report beside a shot's outputs: what was rendered when, where, with what; enough to do it again a year later.

One JSON file for all runs of a shot: parts rendered on several hosts add to it in turn. ``setups`` holds each set of
settings and versions once, by a digest; frames and runs say which was theirs.
"""

from __future__ import annotations

import json
import os
import platform
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from vfxage import __version__
from vfxage.ager import Ager
from vfxage.errors import VfxageError
from vfxage.face.track import Lost
from vfxage.fingerprint import digest
from vfxage.frames import FrameRange
from vfxage.progress import Advance, Progress
from vfxage.publish import alive, in_turn, publish
from vfxage.render.job import Job
from vfxage.render.scene import Scene
from vfxage.render.stamps import Stamps

Facts = dict[str, Any]

_FORMAT = 1
_RUNNING = "running"
_SAVE_S = 30.0
"""Seconds between two saves of a running render."""
_PACKAGES = (
    *("av", "mediapipe", "numpy", "onnxruntime", "opencolorio", "opencv-contrib-python", "OpenEXR", "openimageio"),
    *("scipy", "torch"),
)
"""On which pixels depend."""


class Recorder:
    """A listener (progress.Progress) that passes all on, and keeps notes and the time each frame took.

    ``save`` is called now and then, so that what a run did is known however it ends.
    """

    def __init__(self, listener: Progress, save: Callable[[], None]) -> None:
        self.notes: list[str] = []
        self.seconds: dict[int, float] = {}
        """Clock time from the frame before to this one, of every frame rendered."""
        self.begin = time.monotonic()
        self.started = datetime.now(UTC).isoformat(timespec="milliseconds")
        self.scene: Scene | None = None
        self.stamps: Stamps | None = None
        """What the frames are made of; None until the run knows it."""
        self.lost: tuple[Lost, ...] = ()
        """Faces that are lost on frames of this run."""
        self.reported: set[int] = set()
        """Frames that the report on disk describes already."""
        self._listener, self._save, self._saved = listener, save, self.begin

    def frames_are(self, scene: Scene, stamps: Stamps) -> None:
        """Take what the frames of this run are made of."""
        self.scene, self.stamps = scene, stamps

    @contextmanager
    def stage(self, name: str, total: int, unit: str = "frame") -> Iterator[Advance]:
        """Listen to one stage."""
        last = time.monotonic()

        def timed(frame: int) -> None:
            nonlocal last
            now = time.monotonic()
            self.seconds[frame], last = now - last, now
            advance(frame)
            if now - self._saved >= _SAVE_S:
                self._save()
                self._saved = time.monotonic()

        with self._listener.stage(name, total, unit) as advance:
            yield timed if name == "render" else advance

    def note(self, text: str) -> None:
        """Keep a note."""
        self.notes.append(text)
        self._listener.note(text)


def report_path(job: Job) -> Path:
    """Path of a shot's report."""
    return job.folder / f"{job.name}.render.json"


@contextmanager
def reported(job: Job, ager: Ager, numbers: Sequence[int], listener: Progress) -> Iterator[Recorder]:
    """Add a run over ``numbers`` to the shot's report when the block ends, with or without an error.

    The run is in the report as ``running`` from the start, with its finished frames, because a killed run cannot
    report anything. If the report cannot be written, the user gets a note: the frames are valid.
    """

    def save(end: str = _RUNNING) -> None:
        with suppress(VfxageError, OSError):
            _add(job, ager, numbers, recorder, end)

    recorder = Recorder(listener, save)
    with suppress(OSError):
        job.folder.mkdir(parents=True, exist_ok=True)
    save()
    try:
        yield recorder
    except BaseException as error:
        save(str(error) or "stopped")
        raise
    try:
        _add(job, ager, numbers, recorder, "done")
    except (VfxageError, OSError) as error:
        listener.note(f"the render's report could not be written: {error}")


def _add(job: Job, ager: Ager, numbers: Sequence[int], recorder: Recorder, end: str) -> None:
    if not job.folder.is_dir():
        return
    setup = _setup(job, ager)
    name = digest(setup)[:12]
    run = _run(numbers, recorder, end) | {"setup": name}
    new = [n for n in (numbers if end == "done" else tuple(recorder.seconds)) if n not in recorder.reported]
    described = _frames(recorder, new)
    timed = {
        number: described.get(number, {}) | {"seconds": round(seconds, 3), "setup": name, "host": run["host"]}
        for number, seconds in recorder.seconds.items()
        if number in new
    }
    path = report_path(job)
    with in_turn(path):
        before = _read(path)
        known: dict[str, Any] = before.get("frames", {})
        for number, facts in described.items():  # also frames kept from a run that was killed before it reported them
            current = known.get(str(number), {}).get("fingerprint") == facts["fingerprint"]
            if number in timed or not current:
                known[str(number)] = timed.get(number, facts | {"setup": name})
        setups = {**before.get("setups", {}), name: setup}
        merged = {
            "format": _FORMAT,
            "shot": str(job.shot.path),
            "outputs": [output.path for output in job.shot.outputs],
            "missing": _range([number for number in job.numbers if str(number) not in known]),
            "made_by": _versions_of(known, setups),
            "setups": setups,
            "runs": [*_others(before.get("runs", []), run), run],
            "frames": dict(sorted(known.items(), key=lambda item: int(item[0]))),
        }
        with publish(path) as partial:
            partial.write_text(json.dumps(merged, indent=1) + "\n", encoding="utf-8")
    recorder.reported.update(described)


def _versions_of(frames: Mapping[str, Facts], setups: Mapping[str, Any]) -> dict[str, str]:
    """The frames that each version of vfxage made."""
    found: dict[str, list[int]] = {}
    for number, facts in frames.items():
        setup = setups.get(str(facts.get("setup")), {})
        versions = setup.get("versions", {}) if isinstance(setup, dict) else {}
        found.setdefault(str(versions.get("vfxage", "unknown")), []).append(int(number))
    return {version: _range(numbers) for version, numbers in sorted(found.items())}


def _frames(recorder: Recorder, numbers: Sequence[int]) -> dict[int, Facts]:
    """Describe these frames; none before the run knows what they are made of."""
    scene, stamps = recorder.scene, recorder.stamps
    if scene is None or stamps is None:
        return {}
    return {number: {"fingerprint": stamps.frames[number]} | _frame(scene, stamps, number) for number in numbers}


def _others(runs: Sequence[Facts], run: Facts) -> Iterator[Facts]:
    """All runs but this one. A run of this host that is ``running`` in the report only was killed."""
    for other in runs:
        if any(other.get(key) != run[key] for key in ("host", "process", "started")):
            here = other.get("end") == _RUNNING and other.get("host") == run["host"]
            dead = here and isinstance(other.get("process"), int) and not alive(other["process"])
            yield {**other, "end": "killed"} if dead else other


def _read(path: Path) -> Facts:
    """The report so far; nothing where there is none, or none that can be read."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        entries = [*found["runs"], *found["frames"].values()]
        numbered = all(key.lstrip("-").isdigit() for key in found["frames"])
        if found["format"] != _FORMAT or not numbered or not all(isinstance(entry, dict) for entry in entries):
            return {}
        return {"setups": dict(found["setups"]), "runs": list(found["runs"]), "frames": dict(found["frames"])}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def _setup(job: Job, ager: Ager) -> Facts:
    """All that a frame depends on beside the plate's content, in the words of a shot file and a list of packages."""
    clip = job.clip
    return {
        "settings": job.shot.model_dump(mode="json"),
        "frames": str(FrameRange(job.numbers)),
        "plate": {
            "path": clip.path,
            "size": f"{clip.width}x{clip.height}",
            "samples": clip.depth,
            "rate": None if clip.rate is None else str(clip.rate),
            "timecode": clip.timecode,
            "colorspace": job.colour.name,
            "notes": [*clip.notes, *job.notes],
        },
        "colour_config": job.colour.fingerprint,
        "ocio": os.environ.get("OCIO"),
        "model": {"name": ager.name, "fingerprint": ager.fingerprint, "note": ager.note},
        "versions": {"vfxage": __version__, "python": platform.python_version(), **dict(_versions())},
        "platform": {"system": platform.platform(), "processor": _processor(), "cores": os.cpu_count()},
    }


def _processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return f"{platform.machine()}, {line.partition(':')[2].strip()}"
    return platform.machine()


def _versions() -> Iterator[tuple[str, str]]:
    for package in _PACKAGES:
        with suppress(PackageNotFoundError):
            yield package, version(package)


def _run(numbers: Sequence[int], recorder: Recorder, end: str) -> Facts:
    written = sorted(recorder.seconds)
    others = [number for number in numbers if number not in recorder.seconds]
    return {
        "started": recorder.started,
        "seconds": round(time.monotonic() - recorder.begin, 2),
        "host": socket.gethostname(),
        "process": os.getpid(),
        "asked": _range(numbers),
        "written": _range(written),
        "kept" if end == "done" else "left": _range(others),
        "end": end,
        "notes": recorder.notes,
        "lost": [one.described() for one in recorder.lost],
    }


def _range(numbers: Sequence[int]) -> str:
    return str(FrameRange.of(numbers)) if numbers else ""


def _frame(scene: Scene, stamps: Stamps, number: int) -> Facts:
    """One rendered frame: its plate's content, what filled it, and its faces."""
    facts: Facts = {}
    if number in scene.fills:
        other = scene.fills[number]
        facts["missing"] = "black" if other is None else f"hold {other}"
    else:
        facts["plate"] = stamps.plate[number]
    facts["faces"] = []
    for face in scene.plan.faces:
        row = scene.plan.row(face, number)
        if row is not None:
            source, target = face.ages_at(number)
            facts["faces"].append(
                {
                    "name": face.name,
                    "confidence": round(float(face.track.confidence[row]), 3),
                    "presence": round(float(face.track.presence[row]), 3),
                    "ages": [round(source, 2), round(target, 2)],
                    "intensity": round(face.intensity_at(number, row), 3),
                    "exposure": face.exposure,
                    "crop": face.size,
                }
            )
    return facts
