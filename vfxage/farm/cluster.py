"""Renders a shot on a Dask cluster. Each chunk of frames is a task; a worker that dies loses only its chunk.

Only this module imports dask and distributed (the extra ``vfxage[farm]``). All workers must have the same hardware,
and reach the shot, the plate and the outputs under the same paths. They write the same bits as a render on one machine.
"""

from __future__ import annotations

import logging
import math
import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vfxage import __version__
from vfxage.errors import InstallError, ShotError, WriteError
from vfxage.frames import FrameRange
from vfxage.progress import Progress, Silent
from vfxage.render.resume import movies_of

if TYPE_CHECKING:
    from vfxage.render.job import Job

_LARGEST = 24
"""Largest number of frames in a chunk, and so the most that are lost with a worker."""
_TASKS = 4
"""Least number of chunks for each worker, so that a slow worker does not delay the end."""
_WAIT_S = 20
"""Seconds to wait for the scheduler, and for the first worker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One task: a range of frames of a shot, and how to render it."""

    shot: str
    overrides: tuple[str, ...]
    frames: str
    device: str
    workers: int | None
    overwrite: bool
    environment: Mapping[str, str]
    """Variables on which the colours of the shot depend, as on the host that sends the task."""
    version: str = __version__
    """The version of vfxage that sends the task."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The result of one task."""

    written: tuple[int, ...]
    kept: tuple[int, ...]
    notes: tuple[str, ...]


def render_part(part: Part) -> Done:
    """Render one part in this process; raises the errors of ``render_shot``, and InstallError for another version."""
    from vfxage.ager import load_ager
    from vfxage.colour.config import forget_configs
    from vfxage.render.job import open_job
    from vfxage.render.pipeline import RenderSettings, render_shot
    from vfxage.shot import load_shot

    if part.version != __version__:
        here = f"the worker on {socket.gethostname()} has vfxage {__version__}"
        what = f"{here}, the host that sends the frames has {part.version}"
        raise InstallError(what, fix="install one version of vfxage on all hosts")
    if any(os.environ.get(name) != value for name, value in part.environment.items()):
        os.environ.update(part.environment)  # a worker renders one part at a time, and each part brings its own
        forget_configs()
    shot = load_shot(part.shot, part.overrides)
    with open_job(shot) as job:
        numbers = job.pick(part.frames)
        ager = load_ager(shot.model, _own_device(part.device), shot.delta_from, shot.style)
        settings = RenderSettings(workers=part.workers or ager.workers_default, overwrite=part.overwrite)
        done = render_shot(job, ager, numbers, Silent(), settings)
        lost = [str(one) for one in done.lost]  # the caller notes them once, for the frames of all parts
        return Done(written=done.written, kept=done.kept, notes=tuple(n for n in done.notes if n not in lost))


def render_on_cluster(
    job: Job, numbers: Sequence[int], part: Part, progress: Progress, *, address: str
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Render ``numbers`` on the workers at ``address`` (tcp://host:8786, or "local"). Returns frames written and kept.

    ``part`` is the template of every task; its frames are replaced. The tracks must be saved already. Raises the errors
    of ``render_part``; WriteError if a part kills every worker or the cluster stops; ShotError if there is no cluster
    or a movie cannot be assembled; InstallError without Dask.
    """
    for movie, source in movies_of(job):
        if source is None:
            fix = "add an OpenEXR output with delta (and matte), or render without --cluster"
            raise ShotError("a movie alone cannot be rendered in parts", path=movie.path, fix=fix)
    with _client(address, part.device) as client:
        workers = client.scheduler_info(n_workers=-1)["workers"].values()
        resources = {"GPU": 1} if any(worker.get("resources", {}).get("GPU") for worker in workers) else None
        parts = [
            Part(
                shot=part.shot,
                overrides=part.overrides,
                frames=str(FrameRange(chunk)),
                device=part.device,
                workers=part.workers,
                overwrite=part.overwrite,
                environment=part.environment,
            )
            for chunk in chunks(numbers, len(workers))
        ]
        futures = client.map(render_part, parts, pure=False, resources=resources, retries=0)
        return _gathered(dict(zip(futures, parts, strict=True)), len(numbers), progress)


def chunks(numbers: Sequence[int], workers: int) -> list[tuple[int, ...]]:
    """Split frames into runs of equal size: several for each worker, at most ``_LARGEST`` frames each."""
    size = max(1, min(_LARGEST, math.ceil(len(numbers) / (_TASKS * max(1, workers)))))
    return [tuple(numbers[start : start + size]) for start in range(0, len(numbers), size)]


def _gathered(parts: dict[Any, Part], count: int, progress: Progress) -> tuple[tuple[int, ...], tuple[int, ...]]:
    from distributed import CancelledError, KilledWorker, as_completed

    written: list[int] = []
    kept: list[int] = []
    printed: set[str] = set()
    with progress.stage("render", count) as advance:
        for future in as_completed(parts):  # type: ignore[no-untyped-call]
            try:
                done: Done = future.result()
            except KilledWorker as error:
                what = f"frames {parts[future].frames} were not rendered: every worker that tried them died"
                raise WriteError(
                    what, path=parts[future].shot, fix="read the workers' logs, and check that they have enough memory"
                ) from error
            except CancelledError as error:
                fix = "start it and run the same command again; finished frames are kept"
                raise WriteError("the cluster's scheduler has stopped", path=parts[future].shot, fix=fix) from error
            future.release()  # if its worker dies later, this chunk must not be rendered again
            for number in sorted((*done.written, *done.kept)):
                advance(number)
            written += done.written
            kept += done.kept
            for note in done.notes:
                if note not in printed:
                    progress.note(note)
                    printed.add(note)
    return tuple(sorted(written)), tuple(sorted(kept))


def _own_device(device: str) -> str:
    """The device of this worker. On a host with several GPUs the worker's number chooses its GPU."""
    if device not in ("auto", "cuda"):
        return device
    from distributed import get_worker

    from vfxage.ager.cores import gpus

    count = gpus()
    name = str(get_worker().name)
    return f"cuda:{int(name) % count}" if count > 1 and name.isdigit() else device


@contextmanager
def _client(address: str, device: str) -> Iterator[Any]:
    """A client of the cluster at ``address``, with at least one worker; "local" starts a cluster for the block."""
    try:
        import dask
        from distributed import Client, LocalCluster
    except ImportError as error:
        fix = "pip install 'vfxage[farm]'"
        raise InstallError("--cluster needs Dask, which is not installed", fix=fix) from error
    for name in ("distributed", "distributed.client"):  # their long messages become our one-line errors
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with ExitStack() as stack:
        stack.enter_context(dask.config.set({"distributed.comm.timeouts.connect": f"{_WAIT_S}s"}))
        try:
            scheduler: Any = address
            if address == "local":
                count, resources = _local_workers(device)
                scheduler = stack.enter_context(
                    LocalCluster(  # type: ignore[no-untyped-call]
                        n_workers=count,
                        threads_per_worker=1,
                        processes=True,
                        dashboard_address=None,
                        silence_logs=logging.CRITICAL,
                        resources=resources,
                        memory_limit=None,
                    )
                )
            client = stack.enter_context(Client(scheduler, timeout=_WAIT_S))  # type: ignore[no-untyped-call]
            client.wait_for_workers(1, timeout=_WAIT_S)
        except (OSError, TimeoutError, ValueError) as error:
            fix = "start `dask scheduler` and `dask worker` there, or use --cluster local"
            raise ShotError(f"no cluster with workers at {address} ({error})", fix=fix) from error
        yield client


def _local_workers(device: str) -> tuple[int, dict[str, float] | None]:
    """Number of worker processes and the resources of each: one for each GPU, else one for every two cores."""
    from vfxage.ager.cores import gpus

    if device != "cpu" and (count := gpus()):
        return count, {"GPU": 1}
    return max(2, (os.cpu_count() or 1) // 2), None
