"""Faces whose every figure a formula gives, and agers that answer a known step."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vfxage.ager.contract import Answer, MeasuresNothing
from vfxage.geometry import face_matte
from vfxage.types import FaceCrop, Framing

SKIN = np.array([0.75, 0.55, 0.45], np.float32)


def mesh(portraits: Path, size: int) -> np.ndarray:
    """A real frontal mesh, scaled to a crop of ``size``."""
    with np.load(portraits / "eval" / "landmarks.npz") as points:
        return (points["lon_001_neutral"] * size / 512).astype(np.float32)


def crop(points: np.ndarray, size: int, rgb: np.ndarray | None = None, ages=(30.0, 60.0)) -> FaceCrop:
    """A crop of one colour, unless a picture is given."""
    picture = np.broadcast_to(SKIN, (size, size, 3)) if rgb is None else rgb
    return FaceCrop(
        face=0,
        name="face",
        rgb=np.ascontiguousarray(picture, np.float32),
        points=points,
        matte=face_matte(points, size, "face", 0.08),
        to_frame=np.eye(2, 3),
        ages=ages,
        intensity=1.0,
    )


class MadeUp(MeasuresNothing):
    """An ager whose step is ``rule(crop)``."""

    name = fingerprint = "made up"
    note = ""
    device = "cpu"
    framing = Framing(name="ffhq")
    sizes: tuple[int, ...] = (256,)
    frames_per_call = 1
    workers_default = 1

    def __init__(self, rule) -> None:
        self.rule = rule

    def fingerprint_on(self, device: str) -> str:
        return self.fingerprint

    def __call__(self, crops: Sequence[FaceCrop]) -> list[Answer]:
        return [Answer(step=np.ascontiguousarray(self.rule(crop), np.float32)) for crop in crops]


def some_portraits(portraits: Path, folder: Path, stems: list[str]) -> Path:
    """A folder of a few of the real portraits, with their index and landmarks."""
    folder.mkdir(parents=True)
    sources = {row["file"]: (row, part) for part in ("eval", "train") for row in _rows(portraits / part)}
    chosen = [sources[f"{stem}.jpg"] for stem in stems]
    with (folder / "index.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, chosen[0][0].keys())
        table.writeheader()
        table.writerows(row for row, _ in chosen)
    points = {}
    for row, part in chosen:
        shutil.copy(portraits / part / row["file"], folder)
        with np.load(portraits / part / "landmarks.npz") as known:
            points[Path(row["file"]).stem] = known[Path(row["file"]).stem]
    np.savez(folder / "landmarks.npz", **points)
    return folder


def _rows(part: Path) -> list[dict[str, str]]:
    with (part / "index.csv").open(newline="") as file:
        return list(csv.DictReader(file))
