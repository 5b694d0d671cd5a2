"""Make shot files from a cut (OpenTimelineIO or CMX 3600 EDL): source timecode becomes frame numbers of the plates."""

from vfxage.editorial.cut import Cut, Event, Media, Refusal
from vfxage.editorial.read import read_cut
from vfxage.editorial.shots import Plan, ShotFile, plan_shots, write_shots
from vfxage.editorial.template import Template, read_template

__all__ = [
    "Cut",
    "Event",
    "Media",
    "Plan",
    "Refusal",
    "ShotFile",
    "Template",
    "plan_shots",
    "read_cut",
    "read_template",
    "write_shots",
]
