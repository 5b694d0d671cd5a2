"""Build a prototype from a folder of portraits: the data file, its recipe and its sources."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from vfxage import __version__
from vfxage.ager.prototype.data import MASKS, REGIONS, save_prototype
from vfxage.ager.prototype.mesh import CANON
from vfxage.ager.prototype.sight import blur, luma
from vfxage.errors import ShotError, count_of
from vfxage.lab.portraits import Collection, Portrait
from vfxage.lab.prototype.canon import Canon
from vfxage.lab.prototype.donor_skin import Donor, Offer, assemble, choose, donor_of, kind_of, offers_of
from vfxage.lab.prototype.regress import Regression, Unfolded, covariates, head_turn, regress_shape, unfold
from vfxage.progress import Progress
from vfxage.publish import publish
from vfxage.types import F32

FEWEST = 12
"""Least number of people: a mean of fewer people looks like one of them."""
LEAST_SPAN = 15.0
"""Years between the youngest and oldest fifth."""
_YOUNG, _OLD = 46.0, 56.0
"""Skin below the first age is young; from the second on it is old. If too few people are left, the youngest
or oldest third is used."""
_ENOUGH = 8
_TURNED = 0.21
"""A donor's nose must lie this near the middle of its cheeks, in distances of the eye corners: about 12 degrees."""


def build_prototype(collection: Collection, out: Path, progress: Progress) -> Path:
    """Make ``out`` (.npz) and, beside it, the recipe with the list of sources (.json), whose path is returned.

    Every portrait must have points (``mesh_portraits``); made pictures are left out. Raises ShotError for too few
    people, too short a span of ages or too little old skin, ReadError where a portrait has gone, WriteError.
    """
    portraits = tuple(item for item in collection.portraits if item.real)
    _check(portraits, collection.folder)
    builder = _Builder(portraits, progress)
    regression, young = builder.regress()
    donors, offers = builder.find_donors(young)
    chosen = choose(offers)
    _check_donors(chosen, offers, len(donors), collection.folder)
    skins = [assemble(assembly, donors, builder.masks) for assembly in chosen]
    fine, middle, chroma = (np.array(part) for part in zip(*skins, strict=True))
    arrays: dict[str, NDArray[np.generic]] = {
        **_maps(regression, young, builder.masks),
        "mean": builder.canon.mean,
        "triangles": builder.canon.triangles.astype(np.uint16),
        "shape": regress_shape(portraits, builder.rows, builder.canon),
        "fine": fine,
        "middle": middle,
        "chroma": chroma,
    }
    save_prototype(out, arrays)
    return _write_recipe(out, collection, chosen, portraits)


class _Builder:
    """The portraits on the canonical face: what changes with age, and who has old skin to give."""

    def __init__(self, portraits: tuple[Portrait, ...], progress: Progress) -> None:
        self._portraits, self._progress = portraits, progress
        self.canon = Canon([item.points for item in portraits if item.points is not None])
        self.masks = self.canon.masks()
        self.rows = np.array([covariates(item) for item in portraits])
        """(portraits, covariates) of the regression."""
        self._ages = np.array([item.age for item in portraits])

    def regress(self) -> tuple[Regression, tuple[F32, ...]]:
        """Regress every portrait on age; also the mean bands of the young faces without glasses."""
        young = _enough(self._ages, self._ages < _YOUNG, youngest=True)
        plain = {k for k in young if self._portraits[k].labels.get("glasses", "0") != "1"} or set(young)
        regression, mean = Regression(), _Mean()
        with self._progress.stage("regress", len(self._portraits), "portrait") as advance:
            for k, portrait in enumerate(self._portraits):
                unfolded = unfold(portrait, self.canon, self.masks["texture"])
                regression.add(self.rows[k], unfolded)
                if k in plain:
                    mean.add(unfolded)
                advance(k)
        return regression, mean.bands()

    def find_donors(self, young: tuple[F32, ...]) -> tuple[dict[int, Donor], dict[str, list[Offer]]]:
        """Old faces that look at the lens, by portrait, and the regions that they offer, by kind of region."""
        old = _enough(self._ages, self._ages >= _OLD, youngest=False)
        facing = [k for k in old if head_turn(self._portraits[k]) < _TURNED]
        donors: dict[int, Donor] = {}
        offers: dict[str, list[Offer]] = {}
        with self._progress.stage("old skin", len(facing), "portrait") as advance:
            for k in facing:
                portrait, texture = self._portraits[k], self.masks["texture"]
                donors[k] = donor_of(portrait, unfold(portrait, self.canon, texture), young, texture)
                for region, found in offers_of(donors[k], k, portrait, self.masks).items():
                    offers.setdefault(region, []).extend(found)
                advance(k)
        return donors, offers


def _check_donors(chosen: list[dict[str, Offer]], offers: dict[str, list[Offer]], portraits: int, folder: Path) -> None:
    """Raise ShotError if too few people give old skin: then the data file could show one person's whole face."""
    donors = {offer.person for assembly in chosen for offer in assembly.values()}
    needed = max(1, sum(kind_of(name) in offers for name in REGIONS))
    if len(donors) < needed:
        raise ShotError(
            f"has usable old skin of only {_people(len(donors))} (in {count_of(portraits, 'portrait')}); "
            f"at least {needed} are needed",
            path=folder,
            fix="add portraits of people past 60 without glasses, beard or fringe, lit evenly",
        )


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


def _enough(ages: NDArray[np.float64], wanted: NDArray[np.bool_], *, youngest: bool) -> list[int]:
    """Indices of the wanted portraits, or of the youngest (oldest) third where those are too few."""
    if wanted.sum() >= _ENOUGH:
        return [int(k) for k in np.flatnonzero(wanted)]
    order = np.argsort(ages, kind="stable")
    third = max(len(order) // 3, 1)
    return sorted(int(k) for k in (order[:third] if youngest else order[-third:]))


def _maps(regression: Regression, bands: tuple[F32, ...], masks: dict[str, F32]) -> dict[str, NDArray[np.float32]]:
    """The regressed maps and masks in the sizes and smoothness the data file has."""
    solved = {name: np.asarray(maps, np.float32) for name, maps in regression.solve().items()}
    levels = [luma(band) for band in bands[2:]]
    shades = np.array([blur(image, 0.8) for image in solved["shade"]])
    weight = _half(masks["soft"])  # folds only: as a whole, the face gets neither darker nor lighter
    shades -= (shades * weight).sum(axis=(1, 2), keepdims=True) / weight.sum()
    shades *= _half(masks["inner"])  # near its outline a face is next to hair, whose age is another matter
    return {
        "shade": (shades + shades[:, :, ::-1]) / 2,
        "tone": _columns([solved[f"tone{c}"] for c in range(3)], 4.0),
        "gain": _columns([solved["energy"]], 4.0),
        "young": np.array([_half((level + level[:, ::-1]) / 2) for level in levels]),
        "masks": np.array([_half(masks[name]) for name in MASKS]),
    }


def _columns(maps: Sequence[F32], sigma: float) -> F32:
    """(2, CANON / 4, CANON / 4, c) from c maps of (2, CANON / 2, CANON / 2), smoothed; no last axis where c is 1."""
    both = [np.dstack([blur(image[column], sigma) for image in maps]) for column in range(2)]
    side = (CANON // 4,) * 2
    return np.array([cv2.resize(image, side, interpolation=cv2.INTER_AREA) for image in both], np.float32)


def _half(image: F32) -> F32:
    return np.asarray(cv2.resize(image, (CANON // 2,) * 2, interpolation=cv2.INTER_AREA), np.float32)


def _write_recipe(
    out: Path, collection: Collection, chosen: list[dict[str, Offer]], portraits: Sequence[Portrait]
) -> Path:
    """Write which portrait was used for what: anybody can build the file again and see whose skin is in it."""
    given = Counter(offer.person for one in chosen for offer in one.values())
    description = {
        "made_by": f"vfxage {__version__}: vfxage prototype build",
        "sha256": hashlib.sha256(out.read_bytes()).hexdigest(),
        "method": f"{len(chosen)} assemblies of old skin, no person twice in one nor in more than "
        f"{max(given.values())} regions of all; means and regressions over all portraits",
        "old_skin": [
            {name: {"person": portraits[offer.donor].person, "mirrored": offer.mirrored} for name, offer in one.items()}
            for one in chosen
        ],
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
