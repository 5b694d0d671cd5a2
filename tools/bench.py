"""Time the render pass against a plain transcode and against its own slowest stage: ratios from one run.

Run ``python -m tools.bench`` in the project's root. Each plate is rendered with the tracks saved beforehand, and
transcoded (the same reader and writer, the same channels, an empty delta and matte) in turns; the best of each counts.
Then every stage is timed alone, with the threads it has in the pipeline, on frames held in memory. Times are of the
clock; in brackets those of all cores together, which hold on a machine that others use as well.

The track pass is also given for each face and frame, over the transcode of a frame. Then the mesh on the skin is timed
for one face and frame (``tools/tracking_speed.py``), and ``relief`` on one face, per crop (``tools/relief_speed.py``).

It measures the picture too: the flicker of the change along the plate's motion against the plate's own (1 is as
lively as the plate), in brackets without the temporal filter, and its seam (above about 1 an edge shows).
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from operator import attrgetter
from pathlib import Path
from typing import TypeVar

import numpy as np
import yaml
from rich.console import Console
from rich.table import Table

from tools.relief_speed import relief_table
from tools.tracking_speed import tracking_table
from vfxage.ager import age_frames, load_ager
from vfxage.comp.composite import composite
from vfxage.comp.steady import steady
from vfxage.face.crop import cut
from vfxage.lab.metrics import flicker, seam
from vfxage.media import open_writer
from vfxage.media.base import Destination
from vfxage.pool import ordered_map, prefetch
from vfxage.process import opencv_threads
from vfxage.progress import Silent
from vfxage.render.drawn import drawn_mattes, open_rotos
from vfxage.render.job import Job, open_job
from vfxage.render.pipeline import RenderSettings, grouped, render_shot, written_by
from vfxage.render.scene import Scene, stage_scene, track_shot
from vfxage.render.stamps import destinations, stamp_frames
from vfxage.shot import load_shot
from vfxage.shot.models import MODELS
from vfxage.types import F32, Frame, FrameDeltas, Render

ROOT = Path(__file__).resolve().parents[1]
DEMO = {
    "plate": str(ROOT / "shots" / "demo" / "plate" / "demo.%04d.exr"),
    "colorspace": "Linear Rec.709 (sRGB)",
}
CLIP = {"plate": str(ROOT.parent / "shared" / "media" / "clips" / "pexels_occlusion_720p.mp4")}
AIM_TRANSCODE = 1.5
AIM_OVERLAP = 1.15
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
ROUNDS = 2
BLOCK = 24
"""Frames held in memory while each stage is timed alone."""
PICTURED = 12
"""Frames whose picture is measured."""

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True, order=True)
class Spent:
    """Clock and processor time, seconds."""

    clock: float
    cores: float
    """Of all cores together."""

    def __add__(self, other: Spent) -> Spent:
        return Spent(self.clock + other.clock, self.cores + other.cores)


@contextmanager
def spending(add: Callable[[Spent], object]) -> Iterator[None]:
    """Call ``add`` with the time of the block."""
    clock, cores = time.perf_counter(), time.process_time()
    yield
    add(Spent(time.perf_counter() - clock, time.process_time() - cores))


@dataclass(slots=True)
class Stopwatch:
    """Time of each stage, in the order in which the stages were first timed."""

    stages: dict[str, Spent] = field(default_factory=dict)

    def time(self, stage: str) -> AbstractContextManager[None]:
        """Add the time of the block to ``stage``."""

        def add(spent: Spent) -> None:
            self.stages[stage] = self.stages.get(stage, Spent(0, 0)) + spent

        return spending(add)


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Visible faults of the first face; NaN if the face is not on every frame."""

    flicker: float
    unfiltered: float
    seam: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """The measurements of one plate."""

    name: str
    frames: int
    faces: float
    """Mean number of faces a frame."""
    track: Spent
    """The track pass, over these frames."""
    transcode: Spent
    render: Spent
    stages: dict[str, Spent]
    picture: Picture

    @property
    def total(self) -> Spent:
        """All stages of the render pass, one after the other."""
        return sum(self.stages.values(), Spent(0, 0))

    @property
    def slowest(self) -> Spent:
        """The stage that takes longest."""
        return max(self.stages.values())

    @property
    def floor(self) -> float:
        """Least possible seconds with overlap: the slowest stage, or the work of all stages divided by the cores."""
        return max(self.slowest.clock, self.total.cores / CORES)


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


def outputs_of(job: Job, scene: Scene) -> list[Destination]:
    """The shot's outputs as a render resolves them."""
    tracks = track_shot(job, scene.ager, Silent())
    with open_rotos(job) as rotos:
        stamps = stamp_frames(job, tracks, scene, drawn_mattes(rotos, job, scene), job.numbers)
    return destinations(job, scene, stamps)


def transcode(job: Job, scene: Scene) -> None:
    """Write the plate's frames unchanged to the shot's output."""
    (output,) = outputs_of(job, scene)
    with ExitStack() as stack:
        writer = stack.enter_context(open_writer(output))
        plate = stack.enter_context(closing(job.reader.read(job.numbers)))
        frames = stack.enter_context(prefetch(plate))
        renders = stack.enter_context(ordered_map(empty_render, frames))
        for _ in written_by(renders, [(writer, frozenset(job.numbers))], stack):
            pass


def time_whole(job: Job, scene: Scene, workers: int) -> tuple[Spent, Spent]:
    """Return the best time of a transcode and of a render, measured alternately into an empty folder."""

    def spent(run: Callable[[], object]) -> Spent:
        for file in job.folder.glob("bench.*.exr"):
            file.unlink()
        taken: list[Spent] = []
        with spending(taken.append):
            run()
        return taken[0]

    def render() -> object:
        return render_shot(job, scene.ager, job.numbers, Silent(), RenderSettings(workers=workers, overwrite=False))

    rounds = [(spent(lambda: transcode(job, scene)), spent(render)) for _ in range(ROUNDS)]
    return min(first for first, _ in rounds), min(second for _, second in rounds)


def mapped(function: Callable[[T], R], items: Iterable[T], workers: int = 1) -> list[R]:
    """Run one stage over frames in memory, with as many threads as in the pipeline."""
    with ordered_map(function, items, workers=workers) as results:
        return list(results)


def time_stages(job: Job, scene: Scene, workers: int) -> dict[str, Spent]:
    """Return the time of every stage alone, over all frames, block by block."""
    watch = Stopwatch()
    (output,) = outputs_of(job, scene)
    with (
        opencv_threads(1),  # as in the pipeline
        open_writer(output) as writer,
        closing(job.reader.read(job.numbers)) as plate,
    ):
        for _ in range(0, len(job.numbers), BLOCK):
            with watch.time("read"):
                frames = list(islice(plate, BLOCK))
            with watch.time("cut"):
                crops = mapped(lambda frame: cut(frame, scene.plan, scene.colour), frames)
            with watch.time("age"):
                answers = mapped(age_frames(scene.ager), grouped(crops, scene.ager.frames_per_call), workers)
                deltas = [item for answer in answers for item in answer]
            with watch.time("steady"):
                steadied = list(steady(deltas, scene.radius, scene.strength, scene.cuts))
            with watch.time("composite"):
                renders = mapped(lambda item: composite(item, scene.colour, scene.passes), steadied)
            with watch.time("write"), ExitStack() as stack:
                for _ in written_by(renders, [(writer, frozenset(job.numbers))], stack):
                    pass
    return watch.stages


def measure_picture(job: Job, scene: Scene) -> Picture:
    """Return flicker and seam over the first frames of the first face."""
    faces = scene.plan.faces[:1]
    shown = [int(n) for face in faces for n in face.track.numbers if n in job.numbers][:PICTURED]
    if len(shown) < 2:
        return Picture(flicker=np.nan, unfiltered=np.nan, seam=np.nan)
    plan = replace(scene.plan, faces=faces)
    with closing(job.reader.read(shown)) as plate:
        crops = [cut(frame, plan, scene.colour) for frame in plate]
    own = age_frames(scene.ager)(crops)
    steadied = list(steady(own, scene.radius, scene.strength, scene.cuts))
    renders = [composite(item, scene.colour) for item in steadied]
    return Picture(
        flicker=unrest(steadied),
        unfiltered=unrest(own),
        seam=max(seam(render.delta, render.matte) for render in renders),
    )


def unrest(items: Sequence[FrameDeltas]) -> float:
    """Flicker of the first face's step, in its crop."""
    faces = [item.deltas[0] for item in items]
    matte: F32 = np.min([face.crop.matte for face in faces], axis=0)
    return flicker([face.step for face in faces], [face.crop.rgb for face in faces], matte)


def time_plate(name: str, plate: dict[str, str], model: str, limit: int) -> Timing:
    """Track, transcode, render and time the stages of one plate in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="vfxage-bench-") as folder:
        shot = load_shot(write_shot(Path(folder), plate, model, limit))
        with open_job(shot) as job:
            ager = load_ager(shot.model)
            track: list[Spent] = []
            with spending(track.append):
                tracks = track_shot(job, ager, Silent())
            scene = stage_scene(job, tracks, ager)
            transcoded, rendered = time_whole(job, scene, ager.workers_default)
            return Timing(
                name=name,
                frames=len(job.numbers),
                faces=sum(len(face.numbers) for face in tracks.faces) / len(job.numbers),
                track=track[0],
                transcode=transcoded,
                render=rendered,
                stages=time_stages(job, scene, ager.workers_default),
                picture=measure_picture(job, scene),
            )


def show(timings: Sequence[Timing], model: str, console: Console) -> None:
    """Print milliseconds a frame, and the ratios with their aims."""
    table = Table("ms a frame: clock (cores)", title=f"model: {model}")
    for timing in timings:
        table.add_column(timing.name, justify="right", no_wrap=True)

    def row(name: str, cell: Callable[[Timing], str]) -> None:
        table.add_row(name, *(cell(timing) for timing in timings))

    def times(name: str, spent: Callable[[Timing], Spent]) -> None:
        row(name, lambda t: f"{1000 * spent(t).clock / t.frames:.0f} ({1000 * spent(t).cores / t.frames:.0f})")

    def ratio(name: str, over: Callable[[Timing], Spent], under: Callable[[Timing], Spent]) -> None:
        row(name, lambda t: f"{over(t).clock / under(t).clock:.2f} ({over(t).cores / under(t).cores:.2f})")

    row("frames", lambda timing: str(timing.frames))
    row("faces a frame", lambda timing: f"{timing.faces:.2f}")
    times("track pass", attrgetter("track"))
    table.add_section()
    for stage in timings[0].stages:
        times(f"{stage} alone", partial(lambda timing, stage: timing.stages[stage], stage=stage))
    times("all stages", attrgetter("total"))
    table.add_section()
    times("transcode", attrgetter("transcode"))
    times("render", attrgetter("render"))
    row("track pass of a face / transcode", lambda t: f"{t.track.cores / t.faces / t.transcode.cores:.2f}")
    table.add_section()
    ratio(f"(a) render / transcode, aim {AIM_TRANSCODE}", attrgetter("render"), attrgetter("transcode"))
    row(f"(b) render / slowest stage, aim {AIM_OVERLAP}", lambda t: f"{t.render.clock / t.slowest.clock:.2f}")
    row("render / what the cores allow", lambda timing: f"{timing.render.clock / timing.floor:.2f}")
    row(f"cores busy while rendering, of {CORES}", lambda t: f"{t.render.cores / t.render.clock:.2f}")
    table.add_section()
    row("flicker (without the filter)", lambda t: f"{t.picture.flicker:.2f} ({t.picture.unfiltered:.2f})")
    row("seam", lambda t: f"{t.picture.seam:.2f}")
    console.print(table)


def main() -> None:
    """Time the plates that exist."""
    parser = argparse.ArgumentParser(description="Time the render pass, stage by stage, as ratios.")
    parser.add_argument("--model", default="builtin", help="what a shot's model: takes (default: builtin)")
    parser.add_argument("--limit", type=int, default=120, help="frames of each plate at most (default: 120)")
    asked = parser.parse_args()
    model = asked.model if asked.model in MODELS else str(Path(asked.model).resolve())
    plates = {"demo plate": DEMO}
    if Path(CLIP["plate"]).is_file():
        plates["pexels 720p"] = CLIP
    timings = [time_plate(name, plate, model, asked.limit) for name, plate in plates.items()]
    console = Console()
    show(timings, asked.model, console)
    console.print(tracking_table())
    console.print(relief_table())


if __name__ == "__main__":
    main()
