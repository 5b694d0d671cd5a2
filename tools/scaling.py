"""Measure how much faster more Dask workers render: the same shot on clusters of one worker, two, and so on.

    python -m tools.scaling shots/demo/shot.yaml --workers 1 2

Each worker is held to one core of its own, as if it were a host of one core: a render's own threads (reading, ageing,
writing) would fill the machine by themselves. Starting the cluster, loading the libraries and tracking are not counted.
The shot is rendered to a temporary folder. Prints seconds, and how many times as fast as the first. Linux only.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from pathlib import Path

from vfxage.ager import load_ager
from vfxage.farm.cluster import Part, chunks, render_part
from vfxage.frames import FrameRange
from vfxage.progress import Silent
from vfxage.render.job import open_job
from vfxage.render.scene import track_shot
from vfxage.shot import load_shot


def hold(core: int) -> None:
    """Keep every thread of this process, and those they start, on one core; then load what a render needs."""
    for thread in Path("/proc/self/task").iterdir():
        os.sched_setaffinity(int(thread.name), {core})
    import vfxage.ager.catalogue
    import vfxage.render.pipeline  # noqa: F401


def seconds(shot: Path, workers: int, folder: Path) -> float:
    """Clock time of a render with this many workers, seconds."""
    from distributed import Client, LocalCluster

    moved = tuple(
        f"outputs.{index}.path={folder / Path(output.path).name}"
        for index, output in enumerate(load_shot(shot).outputs)
    )
    with open_job(load_shot(shot, moved)) as job:
        track_shot(job, load_ager(job.shot.model, "cpu"), Silent())
        numbers = job.numbers
    parts = [
        Part(
            shot=str(shot),
            overrides=moved,
            frames=str(FrameRange(chunk)),
            device="cpu",
            workers=1,
            overwrite=True,
            environment={},  # the workers are on this host
        )
        for chunk in chunks(numbers, workers)
    ]
    with (
        LocalCluster(  # type: ignore[no-untyped-call]
            n_workers=workers, threads_per_worker=1, dashboard_address=None
        ) as cluster,
        Client(cluster) as client,  # type: ignore[no-untyped-call]
    ):
        cores, addresses = sorted(os.sched_getaffinity(0)), sorted(client.scheduler_info()["workers"])
        for core, worker in zip(cores, addresses, strict=False):
            client.run(hold, core, workers=[worker])
        begun = time.monotonic()
        client.gather(client.map(render_part, parts, pure=False))
        return time.monotonic() - begun


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shot", type=Path)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    given = parser.parse_args()
    first = None
    for workers in given.workers:
        folder = Path(tempfile.mkdtemp())
        try:
            took = seconds(given.shot.absolute(), workers, folder)
        finally:
            shutil.rmtree(folder)
        first = first or took
        print(f"{workers} workers: {took:.1f} s, {first / took:.2f} times as fast")


if __name__ == "__main__":
    main()
