"""The figures of a finished shot, as a table for people and as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from vfxage import __version__
from vfxage.lab.evaluate.age_over_time import AgeOverTime, AgeTrace
from vfxage.lab.evaluate.finished import FinishedFace
from vfxage.lab.evaluate.temporal import APART, Slip, TemporalFigures
from vfxage.publish import publish

REPORT = "finished.json"
"""Name of the file in the folder of the report."""
AIMS = {"step": 0.1, "slip": 0.5}
"""Plate pixels that a layer may slide unseen: from one frame to the next, and over ``APART`` frames."""
_FEW = "too few corners can be followed"
_SHORT = f"the face never appears on {APART + 1} frames in a row"


def finished_data(faces: Sequence[FinishedFace], shot: Path) -> dict[str, Any]:
    """All figures as plain values; None is what cannot be measured."""
    return {"vfxage": __version__, "shot": str(shot), "faces": [asdict(face) for face in faces]}


def write_finished(faces: Sequence[FinishedFace], shot: Path, folder: Path) -> Path:
    """Write finished.json, complete or not at all; raises WriteError."""
    with publish(path := folder / REPORT) as partial:
        partial.write_text(json.dumps(finished_data(faces, shot), indent=1, allow_nan=False), encoding="utf-8")
    return path


def finished_table(faces: Sequence[FinishedFace]) -> dict[str, Any]:
    """One table for each face: figure, value, aim, and why there is a dash."""
    return {
        f"{face.face}, frames {face.frames[0]}-{face.frames[1]}, {Path(face.output).name}": [
            {"figure": name, "value": value, "aim": aim, "note": note}
            for name, value, aim, note in (*temporal_cells(face.temporal), *_age_cells(face.age))
        ]
        for face in faces
    }


Cell = tuple[str, str, str, str]
"""Name, value, aim and note of a figure."""


def temporal_cells(figures: TemporalFigures) -> list[Cell]:
    """The figures in time as text; a dash, with the reason, for what cannot be measured."""
    warping = "-" if figures.warping is None else f"{figures.warping:.3f}"
    short = "" if figures.spans else _SHORT
    tof = "-" if figures.tof is None else f"{figures.tof:.3f} px"
    return [
        ("delta under the matte, codes of 255", f"{figures.strength:.1f}", "", ""),
        ("warping error, delta over plate", warping, "below 1", "" if figures.warping is not None else "no two frames"),
        ("tOF, beauty against plate", tof, "", "" if figures.tof is not None else "no two frames"),
        _slip("slip on skin corners, 1 frame", figures.step, AIMS["step"], _FEW),
        _slip(f"slip on skin corners, {APART} frames", figures.slip, AIMS["slip"], short or _FEW),
        _slip(f"slip on the neck, {APART} frames", figures.neck, AIMS["slip"], short or _FEW),
        *(
            (f"wrinkle consistency, {region}", "-" if value is None else f"{value:.2f}", "1",
             "" if value is not None else short or "the change is too faint")
            for region, value in figures.wrinkles.items()
        ),
    ]  # fmt: skip


def _slip(name: str, slip: Slip | None, aim: float, why: str) -> Cell:
    if slip is None:
        return name, "-", f"{aim:g} px", why
    note = f"95 %: {slip.most:.2f} px, {slip.corners} corners"
    return name, f"{slip.median:.3f} px", f"{aim:g} px", note


def _age_cells(age: AgeOverTime) -> list[Cell]:
    if age.plate is None or age.beauty is None:
        return [("age read over time", "-", "", age.why)]
    error = "" if age.error is None else f"the reader's error is {age.error:.1f} years"
    return [
        ("age read in the beauty, mean", f"{age.beauty.mean:.1f}", "", error),
        ("age read in the plate, mean", f"{age.plate.mean:.1f}", "", f"{age.read} frames are read"),
        *_trace_cells("beauty", age.beauty),
        *_trace_cells("plate", age.plate),
    ]


def _trace_cells(picture: str, trace: AgeTrace) -> list[Cell]:
    return [
        (f"age read in the {picture}, deviation", f"{trace.deviation:.2f}", "", ""),
        (f"age read in the {picture}, largest step", f"{trace.step:.2f}", "", ""),
    ]
