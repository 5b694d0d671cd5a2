"""Cost of an ager: time, with a fixed piece of work timed in the same minute, parameters and multiplications."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np

from vfxage.ager import Ager
from vfxage.pool import ordered_map
from vfxage.process import opencv_threads
from vfxage.types import FaceCrop

_TIMES = 7
"""Number of timed runs after one run to warm up; the result is their median."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """Milliseconds for one crop. Network agers always run on one thread."""

    size: int
    one_thread: float
    """One worker, OpenCV on one thread."""
    two_threads: float
    """One worker, OpenCV on two threads."""
    two_workers: float
    """Two workers side by side, OpenCV on one thread each, as a render does it."""
    yardstick: float
    """Ten Gaussian blurs (sigma 8) of a 512 px float picture on one thread."""
    parameters: int | None
    """None without a torch network."""
    macs: int | None


def measure_speed(ager: Ager, crop: FaceCrop) -> Speed:
    """Time the ager on one crop with its ages, and with the study of its face, which a render makes once per shot."""
    crop = replace(crop, study=ager.study([crop]))
    with opencv_threads(1):
        yardstick = _median(ten_blurs)
        one_thread = _median(lambda: ager([crop]))
        two_workers = _median(lambda: _two_workers(ager, crop)) / 4
    with opencv_threads(2):
        two_threads = _median(lambda: ager([crop]))
    parameters, macs = _count(ager, crop)
    return Speed(
        size=crop.rgb.shape[0],
        one_thread=one_thread,
        two_threads=two_threads,
        two_workers=two_workers,
        yardstick=yardstick,
        parameters=parameters,
        macs=macs,
    )


def _median(work: Callable[[], object]) -> float:
    """Milliseconds."""
    work()
    taken = []
    for _ in range(_TIMES):
        begin = time.perf_counter()
        work()
        taken.append(1000 * (time.perf_counter() - begin))
    return statistics.median(taken)


def ten_blurs() -> None:
    """The yardstick: ten Gaussian blurs of a float picture of 512 px."""
    picture = np.full((512, 512, 3), 0.5, np.float32)
    for _ in range(10):
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), 8), np.float32)


def _two_workers(ager: Ager, crop: FaceCrop) -> None:
    with ordered_map(lambda one: ager([one]), [crop] * 4, workers=2) as done:
        list(done)


def _count(ager: Ager, crop: FaceCrop) -> tuple[int | None, int | None]:
    """Parameters and multiplications; torch is only used if the ager imported it."""
    if "torch" not in sys.modules:
        return None, None
    from vfxage.ager.cost import network_cost

    cost = network_cost(ager, [crop])
    return (cost.parameters, cost.macs) if cost else (None, None)
