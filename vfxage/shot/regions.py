"""Regions of a face, as a shot file names them: ages and amounts of change of their own, or a painted map."""

from __future__ import annotations

from vfxage.shot.keyed import Age, Intensity
from vfxage.shot.part import FilePath, Part

REGIONS = ("forehead", "eyes", "cheeks", "mouth", "jaw", "neck")


class Region(Part):
    """What differs in one region of the face."""

    intensity: Intensity | None = None
    """Multiplies the face's intensity here, 0 to 4: a number, or keyframes {frame: value}."""
    target_age: Age | None = None
    """Replaces the face's target age here, years 0 to 120: a number, or keyframes {frame: age}."""


class Regions(Part):
    """Parts of the face that change by another measure than the rest; they fade into one another."""

    forehead: Region | None = None
    """From the brows to the hairline and a little above."""
    eyes: Region | None = None
    """Both eyes with brows, lids, bags and crow's feet."""
    cheeks: Region | None = None
    """Both cheeks, from the eyes to the jaw and out to the ears."""
    mouth: Region | None = None
    """Lips, the skin around them and the folds beside them."""
    jaw: Region | None = None
    """Chin and jaw."""
    neck: Region | None = None
    """Below the jaw; `matte: {kind: face}` does not reach it."""
    map: FilePath | None = None
    """A square picture (or a sequence) painted over the crop pass: its value multiplies the intensity."""

    def named(self) -> dict[str, Region]:
        """The regions of which the shot says something, by name."""
        found = ((name, getattr(self, name)) for name in REGIONS)
        return {name: region for name, region in found if region is not None}
