"""The regions of a face in a shot file: each has its own age and intensity, or a map is painted."""

from __future__ import annotations

from vfxage.shot.keyed import Age, Intensity
from vfxage.shot.look import LookKeys
from vfxage.shot.part import Part
from vfxage.shot.paths import FilePath

REGIONS = ("forehead", "eyes", "cheeks", "mouth", "jaw", "neck")
"""Names of the regions, from top to bottom."""


class Region(Part):
    """The settings of one region of the face."""

    intensity: Intensity | None = None
    """Multiplies the face's intensity here, 0 to 4: a number, or keyframes {frame: value}."""
    target_age: Age | None = None
    """Replaces the face's target age here, years 0 to 120: a number, or keyframes {frame: age}."""
    look: LookKeys | None = None
    """How much of each part of the change here. Parts that are left out come from the face."""


class Regions(Part):
    """Regions of the face with their own age, intensity or look; neighbours fade into each other."""

    forehead: Region | None = None
    """From the brows to the hairline and a little above."""
    eyes: Region | None = None
    """Both eyes with brows, eyelids, bags and crow's feet."""
    cheeks: Region | None = None
    """Both cheeks, from the eyes to the jaw and out to the ears."""
    mouth: Region | None = None
    """Lips, the skin around them and the folds at their sides."""
    jaw: Region | None = None
    """Chin and jaw."""
    neck: Region | None = None
    """Below the jaw; `matte: {kind: face}` does not reach it."""
    map: FilePath | None = None
    """A square picture or sequence, painted over the crop pass; its value multiplies the intensity."""

    def named(self) -> dict[str, Region]:
        """The regions that the shot sets, by name."""
        found = ((name, getattr(self, name)) for name in REGIONS)
        return {name: region for name, region in found if region is not None}
