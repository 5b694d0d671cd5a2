"""Small folders of real portraits."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

Row = dict[str, str]


@pytest.fixture(scope="session")
def rows(portraits) -> list[Row]:
    """Eight young and sixteen old people of ``train``, facing the lens, without glasses; youngest first."""
    with (portraits / "train" / "index.csv").open(newline="", encoding="utf-8") as file:
        known = [row for row in csv.DictReader(file) if row["glasses"] == "0" and abs(float(row["yaw_deg"])) < 8]
    known.sort(key=lambda row: (float(row["age"]), row["file"]))
    return known[:8] + known[-16:]


@pytest.fixture(scope="session")
def folder_of(portraits) -> Callable[..., Path]:
    """Write a folder in the index layout, with landmarks, of rows of a set's index, ``train``'s by default."""

    def write(folder: Path, chosen: Sequence[Row], which: str = "train") -> Path:
        folder.mkdir(parents=True)
        with np.load(portraits / which / "landmarks.npz") as points:
            np.savez(
                folder / "landmarks.npz", **{Path(row["file"]).stem: points[Path(row["file"]).stem] for row in chosen}
            )
        with (folder / "index.csv").open("w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, list(chosen[0]))
            table.writeheader()
            table.writerows(chosen)
        for row in chosen:
            shutil.copy(portraits / which / row["file"], folder / row["file"])
        return folder

    return write


@pytest.fixture(scope="session")
def people(tmp_path_factory, folder_of, rows) -> Path:
    return folder_of(tmp_path_factory.mktemp("people") / "train", rows)
