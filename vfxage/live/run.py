"""The live loop: the newest picture of the camera in, the aged one out; a picture that would be late is dropped."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from vfxage.ager import Ager
from vfxage.errors import ShotError
from vfxage.face.track import open_finders
from vfxage.live.camera import Camera, Taken, open_camera, open_clip
from vfxage.live.outputs import Window, open_recording, open_virtual_camera, open_window, why_no_window
from vfxage.live.stage import Ages, LiveStage, Looked
from vfxage.live.view import Controls, Pace, composed, with_strip
from vfxage.pool import newest, ordered_map, watched
from vfxage.process import opencv_threads
from vfxage.progress import Progress
from vfxage.shot import Shot
from vfxage.types import U8, FrameDeltas


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


_MOST_AGERS = 3
"""Pictures that are aged at the same time, at most: more of them are not shown sooner."""
_FEW_CORES = 2
_GLANCE_S = 0.02
"""Seconds after which the window looks for keys again, however long a picture takes."""


@dataclass(frozen=True, slots=True)
class _Aged:
    """A picture of the camera with the answer for its face."""

    taken: Taken
    looked: Looked
    deltas: FrameDeltas | None


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
        finders = stack.enter_context(open_finders(options.shot.tracking.min_face))
        outputs = _opened(camera, options, controls, stack, window=not reason)
        stage = LiveStage(camera, options.shot, ager, finders)
        return _loop(_aged(camera, stage, controls, stack), stage, controls, outputs)


def _opened(camera: Camera, options: LiveOptions, controls: Controls, stack: ExitStack, *, window: bool) -> _Outputs:
    size = camera.clip.width, camera.clip.height
    send = stack.enter_context(open_virtual_camera(size, camera.rate)) if options.virtual_camera else None
    record = stack.enter_context(open_recording(options.record, camera.rate)) if options.record else None
    return _Outputs(stack.enter_context(open_window(controls)) if window else None, record, send)


def _aged(camera: Camera, stage: LiveStage, controls: Controls, stack: ExitStack) -> Iterator[_Aged | None]:
    """The newest pictures, aged, in order; None while there is none, so that keys are followed at once.

    While a picture is aged, the face is looked for in the next. With more than two cores, this has a thread of its own,
    and several pictures are aged at the same time.
    """
    cores = os.cpu_count() or 1
    agers = min(max(cores - 1, 1), _MOST_AGERS)

    def look(taken: Taken) -> tuple[Taken, Looked]:
        return taken, stage.look(taken.picture(), taken.number, controls.ages)

    def age(item: tuple[Taken, Looked]) -> _Aged:
        taken, looked = item
        return _Aged(taken, *stage.age(looked))

    looked = map(look, stack.enter_context(newest(camera.pictures)))
    ready = stack.enter_context(newest(looked)) if cores > _FEW_CORES else looked
    answers = stack.enter_context(ordered_map(age, ready, workers=agers, ahead=1))
    return stack.enter_context(watched(answers, _GLANCE_S))


def _loop(aged: Iterator[_Aged | None], stage: LiveStage, controls: Controls, outputs: _Outputs) -> LiveOutcome:
    pace = Pace()
    begin = time.monotonic()
    for one in aged:
        if one is not None:
            _show(one, stage, controls, outputs, pace)
        if outputs.window is not None:
            outputs.window.follow()
        if controls.quit:
            break
    latencies = sorted(pace.latencies) or [0.0]
    seconds = max(time.monotonic() - begin, 1e-6)
    return LiveOutcome(
        shown=pace.shown, dropped=pace.dropped, latency=latencies[len(latencies) // 2], fps=pace.shown / seconds
    )


def _show(one: _Aged, stage: LiveStage, controls: Controls, outputs: _Outputs, pace: Pace) -> None:
    """Finish a picture and pass it on."""
    done = stage.finish(one.looked, one.deltas)
    picture = composed(one.looked.picture, done.beauty, controls)
    passed = one.taken.number - pace.last  # this picture and those that were dropped before it
    if outputs.record is not None:
        for _ in range(passed):
            outputs.record(picture)
    if outputs.send is not None:
        outputs.send(picture)
    pace.count(taken=one.taken.at, now=time.monotonic(), dropped=passed - 1)
    pace.last = one.taken.number
    if outputs.window is not None:
        outputs.window.show(with_strip(picture, controls, pace, face=done.face))
