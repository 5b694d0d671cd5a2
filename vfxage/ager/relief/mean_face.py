"""The mean face that comes with vfxage: its landmarks, its triangles, its masks, and how its light changes with age.

Everything lies on the canonical square of ``mesh.CANON`` pixels, or on half of it. ``python -m tools.mean_face`` makes
the file from portraits.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vfxage.ager.relief.mesh import CANON, Mesh
from vfxage.arrays import ArrayData, shaped
from vfxage.publish import publish
from vfxage.types import F32, POINTS

FLOOR = 0.03
"""Added to sRGB before the logarithm: below it, detail is grain."""
MASKS = ("texture", "soft", "around", "lips", "brows", "eyes", "forehead", "cheek_left", "cheek_right", "mouth")
"""Skin that may take detail, or shading; ears, neck and hairline, less with distance; lips, brows, eyes; parts of the
skin. Left is the picture's."""
BANDS = (0.7, 1.5, 3.0, 6.0, 12.0)
"""Sigmas, canonical pixels, of the blurs that part a face into bands; the finest band is what the first takes away."""
_GROUPS = (MASKS[:3], MASKS[3:6], MASKS[7:])
"""Masks that every crop needs, in groups that are sampled together."""
_HALF = CANON // 2
_MAPS = ("shade", "young", "masks")
"""Arrays that are stored as 8-bit integers, each with a scale."""


def age_columns(age: float) -> F32:
    """The two columns that change is linear in: decades from 45, and decades past 55 (skin bends there)."""
    return np.array([(age - 45) / 10, max(0.0, age - 55) / 10], np.float32)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class MeanFace(ArrayData):
    """The arrays of the data file, ready for use. Change is in logarithms of sRGB, with ``FLOOR`` added."""

    mesh: Mesh
    mean: F32 = field(metadata=shaped(POINTS, 2))
    """(478, 2) the landmarks, canonical pixels."""
    shade: F32 = field(metadata=shaped(2, _HALF, _HALF))
    """(2, CANON / 2, CANON / 2) mean change of log luma per unit of ``age_columns``, narrow enough to be folds."""
    young: F32 = field(metadata=shaped(_HALF, _HALF, 3))
    """(CANON / 2, CANON / 2, 3) the three broadest bands of the mean young face: features, which do not depend on
    age."""
    masks: dict[str, F32] = field(metadata=shaped(_HALF, _HALF))
    """Each (CANON / 2, CANON / 2), 0..1, by the names of ``MASKS``."""
    grouped: tuple[tuple[tuple[str, ...], F32], ...] = field(metadata=shaped(_HALF, _HALF, None))
    """The masks that every crop needs, by threes as (CANON / 2, CANON / 2, 3), with their names."""
    fingerprint: str
    """SHA-256 of the file."""


def shipped() -> Path:
    """The data file that comes with vfxage."""
    return Path(str(resources.files("vfxage.ager") / "data" / "mean_face.npz"))


def load_mean_face(path: Path | None = None) -> MeanFace:
    """Read a data file of ``save_mean_face``, by default the one that comes with vfxage."""
    path = path or shipped()
    with np.load(path, allow_pickle=False) as archive:
        stored = {name: archive[name] for name in archive.files}
    maps = {name: stored[name].astype(np.float32) * np.float32(stored[f"{name}_scale"]) for name in _MAPS}
    masks = {name: np.ascontiguousarray(mask) for name, mask in zip(MASKS, maps["masks"], strict=True)}
    return MeanFace(
        mesh=Mesh(stored["mean"], stored["triangles"].astype(np.int64)),
        mean=stored["mean"],
        shade=maps["shade"],
        young=np.ascontiguousarray(np.moveaxis(maps["young"], 0, -1)),
        masks=masks,
        grouped=tuple((names, np.dstack([masks[name] for name in names])) for names in _GROUPS),
        fingerprint=hashlib.sha256(path.read_bytes()).hexdigest(),
    )


def save_mean_face(path: Path, arrays: dict[str, NDArray[np.generic]]) -> None:
    """Write mean, triangles, shade, young (3, CANON / 2, CANON / 2) and masks as a data file.

    Raises WriteError.
    """
    stored: dict[str, NDArray[np.generic]] = {"mean": arrays["mean"], "triangles": arrays["triangles"]}
    for name in _MAPS:
        values = np.asarray(arrays[name], np.float64)
        scale = float(np.abs(values).max()) / 127 or 1.0
        stored |= {name: np.round(values / scale).astype(np.int8), f"{name}_scale": np.array(scale, np.float32)}
    with publish(path) as partial:
        np.savez_compressed(partial, **stored)
