"""Time the render pass against a plain transcode and against its own slowest stage: ratios from one run.

Run ``python -m tools.bench`` in the project's root. Each plate is rendered with the tracks saved beforehand, and
transcoded (the same reader and writer, the same channels, an empty delta and matte) in turns; the best of each counts.
Then every stage is timed alone, with the threads it has in the pipeline, on frames held in memory.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np
import yaml
from rich.console import Console
from rich.table import Table

from vfxage.composite import composite
from vfxage.crop import cut
from vfxage.job import Job, open_job
from vfxage.media import open_writer
from vfxage.model import Ager, load_ager
from vfxage.pipeline import (
    Scene,
    destination,
    frame_stamps,
    grouped,
    render_shot,
    stage_scene,
    track_shot,
    written,
)
from vfxage.pool import ordered_map, prefetch
from vfxage.progress import Silent
from vfxage.shot import load_shot
from vfxage.temporal import steady
from vfxage.types import Frame, Render

ROOT = Path(__file__).resolve().parents[1]
DEMO = {
    "plate": str(ROOT / "shots" / "demo" / "plate" / "demo.%04d.exr"),
    "colorspace": "Linear Rec.709 (sRGB)",
}
CLIP = {"plate": str(ROOT.parent / "shared" / "media" / "clips" / "pexels_occlusion_720p.mp4")}
AIM_TRANSCODE = 1.5
AIM_OVERLAP = 1.15
ROUNDS = 2
BLOCK = 24
"""Frames held in memory while each stage is timed alone."""

T = TypeVar("T")
R = TypeVar("R")


@dataclass(slots=True)
class Stopwatch:
    """Seconds by stage, in the order in which the stages were first timed."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def time(self, stage: str) -> Iterator[None]:
        """Add the time the block takes to ``stage``."""
        begin = time.perf_counter()
        yield
        self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - begin


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """What one plate took."""

    name: str
    frames: int
    faces: float
    """Mean number of faces a frame."""
    track: float
    """Seconds, as all below: the track pass."""
    transcode: float
    render: float
    stages: dict[str, float]


def write_shot(folder: Path, plate: dict[str, str], model: str, limit: int) -> Path:
    """Write a shot file that renders the plate's first ``limit`` frames to EXR in ``folder``."""
    path = folder / "bench.yaml"
    shot = {
        **plate,
        "model": model,
        "source_age": 40,
        "target_age": 70,
        "outputs": [{"path": "out/bench.%04d.exr", "passes": ["beauty", "delta", "matte"]}],
    }
    path.write_text(yaml.safe_dump(shot), encoding="utf-8")
    with open_job(load_shot(path)) as job:
        numbers = job.numbers[:limit]
    path.write_text(yaml.safe_dump({**shot, "frames": f"{numbers[0]}-{numbers[-1]}"}), encoding="utf-8")
    return path


def empty_render(frame: Frame) -> Render:
    """Pass a frame through with an empty delta and matte."""
    shape = frame.window.shape
    return Render(
        frame=frame,
        beauty=frame.rgb,
        delta=np.zeros((*shape, 3), dtype=np.float32),
        matte=np.zeros(shape, dtype=np.float32),
    )


def transcode(job: Job, scene: Scene) -> None:
    """Write the plate's frames to the shot's output as they are."""
    stamps = frame_stamps(job, scene, job.numbers)
    output = destination(job, scene, 0, job.numbers, stamps)
    with ExitStack() as stack:
        writer = stack.enter_context(open_writer(output))
        plate = stack.enter_context(closing(job.reader.read(job.numbers)))  # type: ignore[type-var]
        frames = stack.enter_context(prefetch(plate))
        renders = stack.enter_context(ordered_map(empty_render, frames))
        for _ in written(renders, [(writer, frozenset(job.numbers))], stack):
            pass


def time_whole(job: Job, scene: Scene, workers: int) -> tuple[float, float]:
    """Give the best seconds of a transcode and of a render, taken in turns into an empty folder."""

    def seconds(run: Callable[[], object]) -> float:
        for file in job.folder.glob("bench.*.exr"):
            file.unlink()
        begin = time.perf_counter()
        run()
        return time.perf_counter() - begin

    def render() -> object:
        return render_shot(job, scene.ager, job.numbers, Silent(), workers=workers, overwrite=False)

    rounds = [(seconds(lambda: transcode(job, scene)), seconds(render)) for _ in range(ROUNDS)]
    return min(first for first, _ in rounds), min(second for _, second in rounds)


def mapped(function: Callable[[T], R], items: Iterable[T], workers: int = 1) -> list[R]:
    """Run one stage over frames in memory, with the threads it has in the pipeline."""
    with ordered_map(function, items, workers=workers) as results:
        return list(results)


def time_stages(job: Job, scene: Scene, workers: int) -> dict[str, float]:
    """Give the seconds of every stage alone, over all frames, block by block."""
    watch = Stopwatch()
    stamps = frame_stamps(job, scene, job.numbers)
    output = destination(job, scene, 0, job.numbers, stamps)
    with open_writer(output) as writer, closing(job.reader.read(job.numbers)) as plate:  # type: ignore[type-var]
        for _ in range(0, len(job.numbers), BLOCK):
            with watch.time("read"):
                frames = list(islice(plate, BLOCK))
            with watch.time("cut"):
                crops = mapped(lambda frame: cut(frame, scene.plan, scene.colour), frames)
            with watch.time("age"):
                answers = mapped(scene.ager, grouped(crops, scene.ager.group), workers)
                deltas = [item for answer in answers for item in answer]
            with watch.time("steady"):
                steadied = list(steady(deltas, scene.radius, scene.strength, scene.cuts))
            with watch.time("composite"):
                renders = mapped(lambda item: composite(item, scene.colour, layers=scene.layers), steadied)
            with watch.time("write"), ExitStack() as stack:
                for _ in written(renders, [(writer, frozenset(job.numbers))], stack):
                    pass
    return watch.seconds


def time_plate(name: str, plate: dict[str, str], model: str, limit: int) -> Timing:
    """Track, transcode, render and take apart one plate in a folder that is removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="vfxage-bench-"))
    try:
        shot = load_shot(write_shot(folder, plate, model, limit))
        with open_job(shot) as job:
            ager: Ager = load_ager(shot.model)
            begin = time.perf_counter()
            tracks = track_shot(job, Silent())
            track = time.perf_counter() - begin
            scene = stage_scene(job, tracks, ager)
            whole = time_whole(job, scene, ager.workers_default)
            stages = time_stages(job, scene, ager.workers_default)
            faces = sum(len(face.numbers) for face in tracks.faces) / len(job.numbers)
            frames = len(job.numbers)
    finally:
        shutil.rmtree(folder)
    return Timing(
        name=name, frames=frames, faces=faces, track=track, transcode=whole[0], render=whole[1], stages=stages
    )


def show(timings: Sequence[Timing], console: Console) -> None:
    """Print milliseconds a frame and the two ratios with their aims."""
    table = Table("ms a frame", *(timing.name for timing in timings))
    table.columns[0].no_wrap = True
    for column in table.columns[1:]:
        column.justify = "right"

    def row(name: str, cell: Callable[[Timing], str]) -> None:
        table.add_row(name, *(cell(timing) for timing in timings))

    row("frames", lambda timing: str(timing.frames))
    row("faces a frame", lambda timing: f"{timing.faces:.2f}")
    row("track pass", lambda timing: f"{1000 * timing.track / timing.frames:.1f}")
    table.add_section()
    for stage in timings[0].stages:
        row(f"{stage} alone", lambda timing, stage=stage: f"{1000 * timing.stages[stage] / timing.frames:.1f}")  # type: ignore[misc]
    row("sum of stages", lambda timing: f"{1000 * sum(timing.stages.values()) / timing.frames:.1f}")
    table.add_section()
    row("transcode", lambda timing: f"{1000 * timing.transcode / timing.frames:.1f}")
    row("render", lambda timing: f"{1000 * timing.render / timing.frames:.1f}")
    table.add_section()
    row(f"(a) render / transcode, aim {AIM_TRANSCODE}", lambda timing: f"{timing.render / timing.transcode:.2f}")
    row(f"(b) render / slowest stage, aim {AIM_OVERLAP}", lambda t: f"{t.render / max(t.stages.values()):.2f}")
    console.print(table)


def main() -> None:
    """Time the plates that are here."""
    parser = argparse.ArgumentParser(description="Time the render pass, stage by stage, as ratios.")
    parser.add_argument("--model", default="bands", help="bands, or the path of a checkpoint (default: bands)")
    parser.add_argument("--limit", type=int, default=120, help="frames of each plate at most (default: 120)")
    asked = parser.parse_args()
    model = asked.model if asked.model in ("bands", "builtin") else str(Path(asked.model).resolve())
    plates = {"demo plate": DEMO}
    if Path(CLIP["plate"]).is_file():
        plates["pexels 720p"] = CLIP
    timings = [time_plate(name, plate, model, asked.limit) for name, plate in plates.items()]
    show(timings, Console())


if __name__ == "__main__":
    main()
