"""Time ``relief`` on one face: processor time of one core, and in yardsticks that are measured in the same run.

A yardstick is ten Gaussian blurs of a 512 px picture. Processor time is that of all threads of the process, and the
least of some runs counts, so the ratios hold on a machine that others use as well. The face is the photograph of the
golden crops. ``make bench`` prints these rows last; ``python -m tools.relief_speed`` prints them alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from rich.console import Console
from rich.table import Table

from tools.golden_crops import Case, crop_of
from vfxage.ager.relief import ReliefAger
from vfxage.ager.relief.mean_face import load_mean_face
from vfxage.ager.relief.older.sculpture import Sculpture
from vfxage.lab.evaluate.speed import ten_blurs
from vfxage.process import opencv_threads

SIZES = {512: 200.0, 1024: 700.0}
"""Crop sizes, and the most milliseconds of one core for a crop: 100 and 350 ms on two cores."""
SIDES = {"older": (43.0, 73.0), "younger": (60.0, 30.0)}
MOST_SCULPTING = 1000.0
"""Most milliseconds for the relief of one face, once."""
_RUNS = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One measurement."""

    name: str
    spent: float
    """Milliseconds of one core."""
    most: float | None
    """The aim, where there is one."""


def least(work: Callable[[], object], runs: int = _RUNS) -> float:
    """Milliseconds of processor time: the least of some runs, after one to warm up."""
    work()
    taken = []
    for _ in range(runs):
        begin = time.process_time()
        work()
        taken.append(1000 * (time.process_time() - begin))
    return min(taken)


def time_relief() -> tuple[list[Row], float]:
    """The rows, and the yardstick in milliseconds."""
    ager = ReliefAger()
    rows = []
    with opencv_threads(1):
        yardsticks = [least(ten_blurs)]
        for size, most in SIZES.items():
            for side, ages in SIDES.items():
                crop = crop_of(Case(face="photograph", size=size, ages=ages), ager.framing)
                known = replace(crop, study=ager.study([crop]))
                spent = least(partial(ager, [known]))
                rows.append(Row(name=f"{side}, {size} px", spent=spent, most=most))
                spent = least(partial(ager, [crop]), runs=3)
                rows.append(Row(name=f"{side}, {size} px, with its study", spent=spent, most=None))
                yardsticks.append(least(ten_blurs, runs=3))
        mean_face = load_mean_face()
        spent = least(lambda: Sculpture(mean_face, "face"), runs=3)
        rows.append(Row(name="the relief of a new face, once", spent=spent, most=MOST_SCULPTING))
    return rows, min(yardsticks)


def relief_table() -> Table:
    """The measurements as a table."""
    rows, yardstick = time_relief()
    table = Table("relief, one core", "ms", "yardsticks", "aim, ms", title=f"yardstick: {yardstick:.0f} ms")
    for row in rows:
        aim = "" if row.most is None else f"{row.most:.0f}"
        table.add_row(row.name, f"{row.spent:.0f}", f"{row.spent / yardstick:.2f}", aim)
    return table


if __name__ == "__main__":
    Console().print(relief_table())
