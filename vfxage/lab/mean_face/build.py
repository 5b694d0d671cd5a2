"""Build the data file of the mean face from a folder of portraits, and the list of its sources."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from vfxage import __version__
from vfxage.ager.relief.mean_face import MASKS, save_mean_face
from vfxage.ager.relief.mesh import CANON
from vfxage.ager.relief.skin_view import blur, luma
from vfxage.errors import ShotError
from vfxage.lab.mean_face.canon import Canon
from vfxage.lab.mean_face.regress import Regression, Unfolded, covariates, unfold
from vfxage.lab.portraits import Collection, Portrait
from vfxage.progress import Progress
from vfxage.publish import publish
from vfxage.types import F32

FEWEST = 12
"""Least number of people: a mean of fewer people looks like one of them."""
LEAST_SPAN = 15.0
"""Years between the youngest and oldest tenth."""
_YOUNG = 46.0
"""Faces below this age are young. If too few are left, the youngest third is used."""
_ENOUGH = 8


def build_mean_face(collection: Collection, out: Path, progress: Progress) -> Path:
    """Make ``out`` (.npz) and, beside it, the list of sources (.json), whose path is returned.

    Every portrait must have points (``mesh_portraits``); made pictures are left out. Raises ShotError for too few
    people or too short a span of ages, ReadError if a portrait is gone, WriteError.
    """
    portraits = tuple(item for item in collection.portraits if item.real)
    _check(portraits, collection.folder)
    canon = Canon([item.points for item in portraits if item.points is not None])
    masks = canon.masks()
    young = _young(portraits)
    regression, mean = Regression(), _Mean()
    with progress.stage("regress", len(portraits), "portrait") as advance:
        for k, portrait in enumerate(portraits):
            unfolded = unfold(portrait, canon, masks["texture"])
            regression.add(covariates(portrait), unfolded)
            if k in young:
                mean.add(unfolded)
            advance(k)
    arrays: dict[str, NDArray[np.generic]] = {"mean": canon.mean, "triangles": canon.triangles.astype(np.uint16)}
    save_mean_face(out, {**arrays, **_maps(regression, mean.bands(), masks)})
    return _write_sources(out, collection, portraits)


def _young(portraits: Sequence[Portrait]) -> set[int]:
    """Indices of the young faces, those without glasses if there are any."""
    ages = np.array([item.age for item in portraits])
    young = np.flatnonzero(ages < _YOUNG)
    if len(young) < _ENOUGH:
        young = np.argsort(ages, kind="stable")[: max(len(ages) // 3, 1)]
    plain = {int(k) for k in young if portraits[k].labels.get("glasses", "0") != "1"}
    return plain or {int(k) for k in young}


def _people(count: int) -> str:
    return "1 person" if count == 1 else f"{count} people"


class _Mean:
    """The mean bands of young faces, symmetric."""

    def __init__(self) -> None:
        self._weight = np.full((CANON, CANON, 1), 1e-6, np.float32)
        self._bands = [np.zeros((CANON, CANON, 3), np.float32) for _ in range(5)]

    def add(self, seen: Unfolded) -> None:
        weight = (seen.skin + np.float32(0.02))[..., None]
        self._weight += weight + weight[:, ::-1]
        for total, band in zip(self._bands, seen.bands, strict=True):
            part = band * weight
            total += part + part[:, ::-1]

    def bands(self) -> tuple[F32, ...]:
        return tuple(total / self._weight for total in self._bands)


def _check(portraits: Sequence[Portrait], folder: Path) -> None:
    people = len({item.person for item in portraits})
    if people < FEWEST:
        raise ShotError(
            f"has usable portraits of only {_people(people)}", path=folder, fix=f"give portraits of {FEWEST} or more"
        )
    low, high = np.percentile([item.age for item in portraits], (10, 90))
    if high - low < LEAST_SPAN:
        raise ShotError(
            f"has mostly ages {low:.0f} to {high:.0f}, which is too narrow a span",
            path=folder,
            fix=f"add younger or older people: the ages must span {LEAST_SPAN:.0f} years or more",
        )


def _maps(regression: Regression, bands: tuple[F32, ...], masks: dict[str, F32]) -> dict[str, NDArray[np.float32]]:
    """The regressed map and the masks in the sizes and smoothness of the data file."""
    levels = [luma(band) for band in bands[2:]]
    shades = np.array([blur(np.asarray(image, np.float32), 0.8) for image in regression.solve()])
    weight = _half(masks["soft"])  # folds only: as a whole, the face gets neither darker nor lighter
    shades -= (shades * weight).sum(axis=(1, 2), keepdims=True) / weight.sum()
    shades *= _half(masks["inner"])  # near its outline a face is next to hair, which changes in another way
    return {
        "shade": (shades + shades[:, :, ::-1]) / 2,
        "young": np.array([_half((level + level[:, ::-1]) / 2) for level in levels]),
        "masks": np.array([_half(masks[name]) for name in MASKS]),
    }


def _half(image: F32) -> F32:
    return np.asarray(cv2.resize(image, (CANON // 2,) * 2, interpolation=cv2.INTER_AREA), np.float32)


def _write_sources(out: Path, collection: Collection, portraits: Sequence[Portrait]) -> Path:
    """Write which portraits were used: anybody can build the file again."""
    description = {
        "made_by": f"vfxage {__version__}: python -m tools.mean_face",
        "sha256": hashlib.sha256(out.read_bytes()).hexdigest(),
        "method": "means and a regression over all portraits",
        "portraits": [
            {"file": item.path.name, "person": item.person, "age": item.age}
            | {key: item.labels[key] for key in ("source", "licence") if key in item.labels}
            for item in portraits
        ],
        "left_out": [{"file": problem.path.name, "why": problem.what} for problem in collection.problems],
    }
    path = out.with_suffix(".json")
    with publish(path) as partial:
        partial.write_text(json.dumps(description, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path
