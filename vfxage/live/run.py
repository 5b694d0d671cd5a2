"""The live loop: the newest picture of the camera in, the aged one out; a picture that would be late is dropped."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from vfxage.ager import Ager
from vfxage.errors import ShotError
from vfxage.face.detect import FaceFinder
from vfxage.live.camera import Camera, Taken, open_camera, open_clip
from vfxage.live.outputs import Window, open_recording, open_virtual_camera, open_window, why_no_window
from vfxage.live.stage import Ages, LiveStage
from vfxage.live.view import Controls, Pace, composed, with_strip
from vfxage.pool import newest
from vfxage.process import opencv_threads
from vfxage.progress import Progress
from vfxage.shot import Shot
from vfxage.types import U8


@dataclass(frozen=True, slots=True)
class LiveOptions:
    """What is asked of a live session."""

    shot: Shot
    """The settings of model, matte and crop."""
    ages: tuple[float, float]
    """(source, target) years at the beginning."""
    camera: int
    clip: Path | None
    """A movie that plays as the camera."""
    record: Path | None
    virtual_camera: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveOutcome:
    """What a live session showed."""

    shown: int
    dropped: int
    latency: float
    """Median, seconds."""
    fps: float


@dataclass(frozen=True, slots=True)
class _Outputs:
    """The open outputs of a session."""

    window: Window | None
    record: Callable[[U8], None] | None
    send: Callable[[U8], None] | None


def run_live(ager: Ager, options: LiveOptions, progress: Progress) -> LiveOutcome:
    """Age the pictures of the camera until the window is closed, `q` is pressed, or the clip ends.

    Without a display it runs without a window if it records or feeds a virtual camera. Raises ShotError if there is
    nowhere to show the pictures, ReadError for a camera that does not work.
    """
    reason = why_no_window()
    if reason and not (options.record or options.virtual_camera):
        raise ShotError(
            f"{reason}, so there is no window", fix="record with --record out.mp4, or use a machine with one"
        )
    if reason:
        progress.note(f"{reason}: there is no window")
    controls = Controls(Ages(*options.ages))
    with ExitStack() as stack:
        stack.enter_context(opencv_threads(1))
        camera = stack.enter_context(open_camera(options.camera) if options.clip is None else open_clip(options.clip))
        finder = stack.enter_context(FaceFinder(options.shot.tracking.min_face))
        outputs = _opened(camera, options, controls, stack, window=not reason)
        stage = LiveStage(camera, options.shot, ager, finder)
        return _loop(camera, stage, controls, outputs, stack)


def _opened(camera: Camera, options: LiveOptions, controls: Controls, stack: ExitStack, *, window: bool) -> _Outputs:
    size = camera.clip.width, camera.clip.height
    send = stack.enter_context(open_virtual_camera(size, camera.rate)) if options.virtual_camera else None
    record = stack.enter_context(open_recording(options.record, camera.rate)) if options.record else None
    return _Outputs(stack.enter_context(open_window(controls)) if window else None, record, send)


def _loop(camera: Camera, stage: LiveStage, controls: Controls, outputs: _Outputs, stack: ExitStack) -> LiveOutcome:
    pace, last = Pace(), -1
    begin = time.monotonic()
    for taken in stack.enter_context(newest(camera.pictures)):
        picture, face = _aged(taken, camera, stage, controls)
        if outputs.record is not None:
            for _ in range(taken.number - last):  # a picture stands for those that were dropped before it
                outputs.record(picture)
        if outputs.send is not None:
            outputs.send(picture)
        pace.count(taken=taken.at, now=time.monotonic(), dropped=taken.number - last - 1)
        last = taken.number
        if outputs.window is not None:
            outputs.window.show(with_strip(picture, controls, pace, face=face))
        if controls.quit:
            break
    latencies = sorted(pace.latencies) or [0.0]
    seconds = max(time.monotonic() - begin, 1e-6)
    return LiveOutcome(
        shown=pace.shown, dropped=pace.dropped, latency=latencies[len(latencies) // 2], fps=pace.shown / seconds
    )


def _aged(taken: Taken, camera: Camera, stage: LiveStage, controls: Controls) -> tuple[U8, bool]:
    """The picture that goes out, (H, W, 3) sRGB, and whether it shows a face."""
    frame = taken.frame()
    render = stage.render(frame, controls.ages)
    plate = camera.colour.to_sdr8(frame.rgb)
    return composed(
        plate, plate if render is None else camera.colour.to_sdr8(render.beauty), controls
    ), render is not None
