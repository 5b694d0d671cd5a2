"""The shot file: its keys, limits and defaults, errors with file and line, and values with keyframes."""

from vfxage.shot.document import Document, Place
from vfxage.shot.include import with_included
from vfxage.shot.keyed import Keyed
from vfxage.shot.load import SHOT_FILE, check_shot, is_shot_file, load_shot
from vfxage.shot.models import FACE_DEFAULTS, MODELS, Face, Matte, PointSelect, Roto, Shot, Temporal, Tracking
from vfxage.shot.numbers import plain_number
from vfxage.shot.outputs import Output
from vfxage.shot.regions import Region, Regions
from vfxage.shot.rewrite import rewritten
from vfxage.shot.schema import schema
from vfxage.shot.strict import read_document

__all__ = [
    "FACE_DEFAULTS",
    "MODELS",
    "SHOT_FILE",
    "Document",
    "Face",
    "Keyed",
    "Matte",
    "Output",
    "Place",
    "PointSelect",
    "Region",
    "Regions",
    "Roto",
    "Shot",
    "Temporal",
    "Tracking",
    "check_shot",
    "is_shot_file",
    "load_shot",
    "plain_number",
    "read_document",
    "rewritten",
    "schema",
    "with_included",
]
