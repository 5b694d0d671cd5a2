"""Rendered outputs on disk, judged on any host: which device made them, and whether all frames are there.

No ager runs here, so a host without a GPU can judge what a farm of GPUs rendered.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vfxage.ager import device_kind, load_ager
from vfxage.errors import WriteError, count_of
from vfxage.face.track import Tracks
from vfxage.frames import FrameRange
from vfxage.media import open_writer
from vfxage.media.base import Destination
from vfxage.progress import Progress
from vfxage.render.drawn import drawn_mattes, open_rotos
from vfxage.render.job import Job
from vfxage.render.resume import told_versions, unfinished
from vfxage.render.scene import stage_scene
from vfxage.render.stamps import destinations, device_of, stamp_frames
from vfxage.render.tracking import saved_tracks

_NO_GPU = "00000000"
"""A device that no frame names."""


def outputs_on_device(job: Job, tracks: Tracks, spans: Sequence[Sequence[int]], device: str) -> list[Destination]:
    """Every output of the shot as a render on ``device`` leaves it; ``spans`` are the frames of each.

    ``device`` is "cpu" or "cuda" (with or without a number), or "auto". With "auto", the device is the one that the
    first frame on disk names. With "cuda", it is the first GPU that a frame names. Raises what ``load_ager`` and
    ``stage_scene`` raise.
    """
    ager = load_ager(job.shot.model, "cpu", job.shot.delta_from, job.shot.style)
    scene = stage_scene(job, tracks, ager)
    with open_rotos(job) as rotos:
        drawn = drawn_mattes(rotos, job, scene)
        stamps = stamp_frames(job, tracks, scene, drawn, sorted(set().union(*spans)))
    here = destinations(job, scene, stamps, spans)
    kind = device_kind(device)
    if kind == "cpu" or ager.fingerprint_on(_NO_GPU) == ager.fingerprint:
        return here
    named = _devices_named(here)
    made_on = next((one for one in named if one != "cpu"), _NO_GPU) if kind == "cuda" else next(named, "cpu")
    return destinations(job, scene, stamps.on_device(made_on, ager.fingerprint_on(made_on)), spans)


def _devices_named(outputs: Sequence[Destination]) -> Iterator[str]:
    for output in outputs:
        with open_writer(output) as writer:
            for number in output.numbers:
                stamp = writer.stamp_on_disk(number)
                if stamp is not None:
                    yield device_of(stamp)


def rendered_tracks(job: Job, progress: Progress) -> Tracks:
    """The tracks that the shot was rendered with. Raises WriteError if it was never rendered as it is now."""
    tracks = saved_tracks(job, progress)
    if tracks is None:
        fix = "run `vfxage render` first"
        raise WriteError("no frames of this plate, with these settings, have been rendered", path=job.folder, fix=fix)
    return tracks


def check_parts(job: Job, numbers: Sequence[int], progress: Progress, *, device: str) -> None:
    """Raise WriteError that names frames of sequences that chunks did not render, or not on one kind of device."""
    tracks = rendered_tracks(job, progress)
    for output in outputs_on_device(job, tracks, [numbers] * len(job.shot.outputs), device):
        with open_writer(output) as writer:
            bad = unfinished(writer, output, progress) if writer.parallel else ()
        if bad:
            what = f"{len(bad)} of {count_of(len(numbers), 'frame')} missing, or made on a different device or version"
            fix = "check that workers share this folder and have equal devices and versions, then run this again"
            versions = told_versions(output.path, sorted(bad))
            raise WriteError(f"{what}: {FrameRange.of(bad)}{versions}", path=output.path, fix=fix)
