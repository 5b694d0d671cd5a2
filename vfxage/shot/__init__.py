"""The shot file: its keys, limits and defaults, errors with file and line, and values with keyframes."""

from vfxage.shot.keyed import Keyed
from vfxage.shot.load import is_shot_file, load_shot
from vfxage.shot.models import Face, Matte, PointSelect, Roto, Shot, Temporal, Tracking
from vfxage.shot.outputs import Output
from vfxage.shot.regions import Region, Regions
from vfxage.shot.schema import schema

__all__ = [
    "Face",
    "Keyed",
    "Matte",
    "Output",
    "PointSelect",
    "Region",
    "Regions",
    "Roto",
    "Shot",
    "Temporal",
    "Tracking",
    "is_shot_file",
    "load_shot",
    "schema",
]
