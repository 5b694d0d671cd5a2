"""People for a blind sheet: pairs of a real portrait and a portrait to be aged that look alike but for the ageing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.optimize import linear_sum_assignment

from vfxage.lab.evaluate.faces import Subject
from vfxage.lab.evaluate.skin_tone import typology_angle
from vfxage.lab.portraits import read_portrait
from vfxage.types import F32

OLD_FROM, YOUNG_TO = 40.0, 30.0
"""A person of at least, or at most, these years counts as old, or young, on a sheet."""
LEAST_CHANGE = 15.0
"""Least years by which a made picture is older or younger than its portrait. A smaller change is no test."""
_YOUNGEST, _OLDEST = 18.0, 90.0
_FACE, _BROW, _CHIN = (50, 101, 205, 280, 330, 425, 151), 10, 152
"""Landmarks on bare skin, the top of the forehead and the chin."""
_LIPS = (13, 14)
"""Inner edge of the upper and of the lower lip."""
_UNITS = {"skin": 15.0, "light": 0.5, "side": 0.4, "sharpness": 0.3, "size": 0.15, "mouth": 0.03, "yaw": 10.0}
"""Differences that a person sees about equally well: degrees of typology angle, stops, stops from left to right, log of
fine contrast, log of height, heights of the face, degrees."""
_OTHER_LABEL = 3.0
"""The same for another sex, or spectacles on one face only."""
_NEVER = 1e6


@dataclass(frozen=True, slots=True)
class BlindPair:
    """A real portrait, and the portrait of another person who is aged to the same age."""

    real: Subject
    source: Subject


def pair_people(subjects: Sequence[Subject], old: bool, count: int, random: np.random.Generator) -> list[BlindPair]:
    """Choose at most ``count`` pairs of one photo set; nobody is in two pairs.

    ``random`` chooses the real people. Their partners are the people who are most like them in sex, spectacles, skin,
    light, sharpness, size, mouth and pose, and who are ``LEAST_CHANGE`` years younger (for old) or older or more.
    """
    pool = [one for one in subjects if _is_real(one.portrait.age, old)]
    chosen = [pool[k] for k in sorted(random.permutation(len(pool))[:count])]
    taken = {one.portrait.person for one in chosen}
    others = [one for one in subjects if one.portrait.person not in taken]
    if not chosen or not others:
        return []
    traits = {one.key: _traits(one) for one in (*chosen, *others)}
    cost = np.array([[_cost(real, other, old, traits) for other in others] for real in chosen])
    rows, columns = linear_sum_assignment(cost)
    return [BlindPair(chosen[k], others[j]) for k, j in zip(rows, columns, strict=True) if cost[k, j] < _NEVER]


def _is_real(age: float, old: bool) -> bool:
    return OLD_FROM <= age <= _OLDEST if old else _YOUNGEST <= age <= YOUNG_TO


def _cost(real: Subject, other: Subject, old: bool, traits: dict[str, dict[str, float]]) -> float:
    years = real.portrait.age - other.portrait.age
    if (years if old else -years) < LEAST_CHANGE:
        return _NEVER
    mine, theirs = traits[real.key], traits[other.key]
    seen = sum(abs(mine[name] - theirs[name]) / unit for name, unit in _UNITS.items())
    labels = ((real.portrait.labels.get(name, ""), other.portrait.labels.get(name, "")) for name in ("sex", "glasses"))
    return seen + _OTHER_LABEL * sum(one != two for one, two in labels)


def _traits(subject: Subject) -> dict[str, float]:
    """What a person sees of a photograph apart from the age, in the units of ``_UNITS``."""
    portrait = subject.portrait
    points = portrait.points
    if points is None:
        raise ValueError(f"{portrait} has no points")
    rgb = read_portrait(portrait)
    height = float(np.hypot(*(points[_BROW] - points[_CHIN])))
    patches = [_patch(rgb, points[k], max(2, round(height / 16))) for k in _FACE]
    colours = np.array([patch.reshape(-1, 3).mean(axis=0) for patch in patches])
    luma = np.log2(colours.mean(axis=1) + 0.02) * 2.2
    return {
        "skin": typology_angle(np.median(colours, axis=0)),
        "light": float(luma.mean()),
        "side": float(luma[:3].mean() - luma[3:6].mean()),
        "sharpness": float(np.log(np.mean([_fine_contrast(patch) for patch in patches]) + 1e-4)),
        "size": float(np.log(height)),
        "mouth": float(np.hypot(*(points[_LIPS[0]] - points[_LIPS[1]]))) / height,
        "yaw": float(portrait.labels.get("yaw_deg") or 0.0),
    }


def _patch(rgb: F32, at: F32, reach: int) -> F32:
    """The square around a point, (n, n, 3), inside the picture."""
    height, width = rgb.shape[:2]
    x, y = (int(np.clip(value, reach, size - reach - 1)) for value, size in zip(at, (width, height), strict=True))
    return rgb[y - reach : y + reach + 1, x - reach : x + reach + 1]


def _fine_contrast(patch: F32) -> float:
    """Deviation of the detail that a blur of one pixel removes."""
    luma = np.asarray(cv2.cvtColor(np.ascontiguousarray(patch), cv2.COLOR_RGB2GRAY), np.float32)
    return float((luma - cv2.GaussianBlur(luma, (0, 0), 1.0)).std())
