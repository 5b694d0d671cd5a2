"""Time how the mesh is locked to the skin, for one face and frame: one core, and in yardsticks of the same run.

The yardstick, the runs and the face are those of ``tools/relief_speed.py``. The face sways by a few pixels, so that
the flow has work to do. ``make bench`` prints these rows; ``python -m tools.tracking_speed`` prints them alone.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from rich.console import Console
from rich.table import Table

from tools.golden_crops import Case, crop_of
from tools.relief_speed import Row, least
from vfxage.ager.relief import ReliefAger
from vfxage.colour.curves import srgb_decode
from vfxage.face.track.anchor import Links, anchored, nodes_of
from vfxage.face.track.canvas import Canvas, Picture
from vfxage.face.track.findings import Person
from vfxage.face.track.kept import KeptPictures
from vfxage.face.track.skin import HOPS, skin_motion
from vfxage.lab.evaluate.speed import ten_blurs
from vfxage.process import opencv_threads
from vfxage.types import F32, Window

FRAMES = 26
"""Frames of the take: two are followed from a kept picture."""
_SWAY = 4.0
"""Pixels."""
SIZES = (256, 512, 1024)
"""Sides of the picture; the face is about half as high."""


class Take:
    """A face that sways before the camera."""

    def __init__(self, size: int) -> None:
        crop = crop_of(Case(face="photograph", size=size, ages=(43.0, 73.0)), ReliefAger().framing)
        light = srgb_decode(crop.rgb)
        shifts = [round(_SWAY * np.sin(frame / 2)) for frame in range(FRAMES)]
        self.pictures = [Picture(np.roll(light, by, axis=1)) for by in shifts]
        self.points: F32 = np.stack([crop.points + np.array([by, 0], np.float32) for by in shifts])
        self.canvas = Canvas(Window(0, 0, size, size), 1.0)
        for picture in self.pictures:
            picture.at(0)  # the detectors of faces need it as well

    def motions(self) -> Links:
        """The motions that a search measures."""
        kept, found = KeptPictures(), {}
        for here, picture in enumerate(self.pictures):
            for there in (here + hop for hop in HOPS if here + hop < FRAMES):
                places = self.points[here], self.points[there]
                found[here, there] = skin_motion(picture, self.pictures[there], 0, *places)
            found.update(kept.motions(here, picture, 0, self.points[here]))
        return found

    def anchor(self, links: Links) -> Person:
        """The mesh on the skin."""
        skin, sure = nodes_of(self.points), np.ones(FRAMES, np.float32)
        person = Person(
            face=0,
            numbers=np.arange(FRAMES, dtype=np.int32),
            points=self.points,
            skin=skin,
            hold=np.zeros(skin.shape[:2], np.float32),
            confidence=sure,
            yaw=0 * sure,
            look=np.zeros((16, 16, 3), np.float32),
        )
        return anchored(person, links, np.ones(FRAMES, np.bool_), (), self.canvas)


def time_tracking() -> tuple[list[Row], float]:
    """The rows, and the yardstick in milliseconds."""
    rows, yardsticks = [], []
    with opencv_threads(1):
        for size in SIZES:
            take = Take(size)
            links = take.motions()
            height = round(float(np.ptp(take.points[0, :, 1])))
            for name, work in (("flow of the skin", take.motions), ("anchors", partial(take.anchor, links))):
                spent = least(work, runs=3) / FRAMES
                rows.append(Row(name=f"{name}, face of {height} px", spent=spent, most=None))
            yardsticks.append(least(ten_blurs, runs=3))
    return rows, min(yardsticks)


def tracking_table() -> Table:
    """The measurements as a table."""
    rows, yardstick = time_tracking()
    title = f"mesh on the skin, a face and frame; yardstick: {yardstick:.0f} ms"
    table = Table("one core", "ms", "yardsticks", title=title)
    for row in rows:
        table.add_row(row.name, f"{row.spent:.1f}", f"{row.spent / yardstick:.2f}")
    return table


if __name__ == "__main__":
    Console().print(tracking_table())
