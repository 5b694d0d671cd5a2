"""What the portraits taught, as one data file: the mean face, how it changes with age, and old skin by region.

Everything lies on the canonical square of ``mesh.CANON`` pixels, or on a whole share of it. Values of change are in
natural logarithms of display-referred sRGB (``FLOOR`` added), per unit of the two columns of ``age_columns``.
"""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vfxage.ager.prototype.mesh import CANON, NODES, Mesh
from vfxage.arrays import ArrayData, shaped
from vfxage.errors import ModelError
from vfxage.types import F32, POINTS

FLOOR = 0.03
"""Added to sRGB before the logarithm: below it, detail is grain."""
REGIONS = ("forehead", "eye_left", "eye_right", "cheek_left", "cheek_right", "mouth", "nose")
"""Where old skin is chosen separately; left is the picture's. Their masks sum to 1."""
MASKS = ("texture", "soft", "around", "lips", "brows", "eyes", *REGIONS)
"""Skin that may take detail, or shading; ears, neck and hairline, less with distance; lips, brows,
eyes."""
BANDS = (0.7, 1.5, 3.0, 6.0, 12.0)
"""Sigmas, canonical pixels, of the blurs that part a face into bands; the finest band is what the first takes away."""
_GROUPS = (
    ("texture", "soft", "around"),
    ("lips", "brows", "eyes"),
    ("eye_left", "eye_right", "mouth"),
    ("cheek_left", "cheek_right"),
)
_HALF, _QUARTER = CANON // 2, CANON // 4
_SHAPES: dict[str, tuple[int | None, ...]] = {
    "mean": (POINTS, 2),
    "triangles": (None, 3),
    "fine": (None, CANON, CANON),
    "middle": (None, CANON, CANON),
    "chroma": (None, _HALF, _HALF, 2),
    "shade": (2, _HALF, _HALF),
    "tone": (2, _QUARTER, _QUARTER, 3),
    "gain": (2, _QUARTER, _QUARTER),
    "shape": (2, _QUARTER, _QUARTER, 2),
    "young": (3, _HALF, _HALF),
    "masks": (len(MASKS), _HALF, _HALF),
}
_FIX = "make it anew with `vfxage prototype build`"
_LARGEST = 64 << 20
"""Bytes that a data file may unpack to."""


def age_columns(age: float) -> F32:
    """The two columns that change is linear in: decades from 45, and decades past 55 (skin and shape bend there)."""
    return np.array([(age - 45) / 10, max(0.0, age - 55) / 10], np.float32)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Prototype(ArrayData):
    """The arrays of a data file, ready for use."""

    mesh: Mesh
    mean: F32 = field(metadata=shaped(POINTS, 2))
    """(478, 2) the mean face's landmarks, canonical pixels."""
    fine: F32 = field(metadata=shaped("K", CANON, CANON))
    """(K, CANON, CANON) what old skin adds to log luma in the two finest bands, 35 to 70 years; K assemblies."""
    middle: F32 = field(metadata=shaped("K", CANON, CANON))
    """(K, CANON, CANON) the same in the three broader bands: folds, bags, creases."""
    chroma: F32 = field(metadata=shaped("K", _HALF, _HALF, 2))
    """(K, CANON / 2, CANON / 2, 2) what it adds to log R and log B beyond luma."""
    shade: F32 = field(metadata=shaped(2, _HALF, _HALF))
    """(2, CANON / 2, CANON / 2) mean change of log luma, narrow enough to be folds."""
    tone: F32 = field(metadata=shaped(2, _QUARTER, _QUARTER, 3))
    """(2, CANON / 4, CANON / 4, 3) mean change of log RGB beyond the broadest band."""
    gain: F32 = field(metadata=shaped(2, _QUARTER, _QUARTER))
    """(2, CANON / 4, CANON / 4) mean change of the log energy of the third band, where lines are."""
    shape: F32 = field(metadata=shaped(2, _QUARTER, _QUARTER, 2))
    """(2, CANON / 4, CANON / 4, 2) mean movement of the face, canonical pixels; 0 at the outer ring."""
    young: F32 = field(metadata=shaped(_HALF, _HALF, 3))
    """(CANON / 2, CANON / 2, 3) the three broadest bands of the mean young face: features, which are no age."""
    masks: dict[str, F32] = field(metadata=shaped(_HALF, _HALF))
    """Each (CANON / 2, CANON / 2), 0..1, by the names of ``MASKS``."""
    grouped: tuple[tuple[tuple[str, ...], F32], ...] = field(metadata=shaped(_HALF, _HALF, None))
    """The masks that every crop needs, by threes as (CANON / 2, CANON / 2, 3), with their names."""
    fingerprint: str
    """SHA-256 of the file."""


def shipped() -> Path:
    """The data file that comes with vfxage."""
    return Path(str(resources.files("vfxage.ager") / "data" / "prototype.npz"))


def load_prototype(path: Path) -> Prototype:
    """Read a data file made by ``vfxage prototype build``. Raises ModelError naming what is wrong with it."""
    try:
        content = path.read_bytes()
        with zipfile.ZipFile(path) as archive:
            if sum(item.file_size for item in archive.infolist()) > _LARGEST:
                raise ModelError("unpacks to more than a prototype can", path=path, fix=_FIX)
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: _array(archive, name, path) for name in _SHAPES}
    except FileNotFoundError as error:
        raise ModelError("no such file", path=path, fix=_FIX) from error
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise ModelError(f"is not a prototype's data file ({error})", path=path, fix=_FIX) from error
    counts = {arrays[name].shape[0] for name in ("fine", "middle", "chroma")}
    triangles = arrays.pop("triangles").astype(np.int64)
    if len(counts) != 1 or 0 in counts or triangles.size == 0 or triangles.min() < 0 or triangles.max() >= NODES:
        raise ModelError("holds arrays that do not fit together", path=path, fix=_FIX)
    masks = {name: np.ascontiguousarray(mask) for name, mask in zip(MASKS, arrays.pop("masks"), strict=True)}
    arrays["young"] = np.ascontiguousarray(np.moveaxis(arrays["young"], 0, -1))
    return Prototype(
        mesh=Mesh(arrays["mean"], triangles),
        masks=masks,
        grouped=tuple((names, np.dstack([masks[name] for name in names])) for names in _GROUPS),
        fingerprint=hashlib.sha256(content).hexdigest(),
        **arrays,
    )


def _array(archive: np.lib.npyio.NpzFile, name: str, path: Path) -> F32:
    """One array as float32, scaled; its shape is checked, None standing for any number."""
    stored: NDArray[np.generic] = archive[name]
    wanted = _SHAPES[name]
    fits = stored.ndim == len(wanted) and all(b in (None, a) for a, b in zip(stored.shape, wanted, strict=True))
    if not fits or stored.dtype.kind not in "fiu":
        raise ModelError(f"array {name} is {stored.dtype} {stored.shape}, not {wanted}", path=path, fix=_FIX)
    values = stored.astype(np.float32) * np.float32(archive.get(f"{name}_scale", 1.0))
    if not np.isfinite(values).all():
        raise ModelError(f"array {name} holds NaN or Inf", path=path, fix=_FIX)
    return values


def save_prototype(path: Path, arrays: dict[str, NDArray[np.generic]]) -> None:
    """Write the arrays of a data file: maps as 8-bit integers with one scale each, so that it stays at a few MB."""
    from vfxage.publish import publish

    stored: dict[str, NDArray[np.generic]] = {}
    for name in _SHAPES:
        values = arrays[name]
        if name in ("fine", "middle", "chroma", "shade", "young", "tone", "gain", "masks"):
            scale = float(np.abs(values).max()) / 127 or 1.0
            stored[name] = np.round(np.asarray(values, np.float64) / scale).astype(np.int8)
            stored[f"{name}_scale"] = np.float32(scale)  # type: ignore[assignment]
        else:
            stored[name] = values
    with publish(path) as partial:
        np.savez_compressed(partial, **stored)
