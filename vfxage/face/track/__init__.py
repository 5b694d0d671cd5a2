"""Landmarks over time: faces followed, named and steadied through a whole shot."""

from vfxage.face.track.build import Finders, build_tracks, open_finders, search
from vfxage.face.track.canvas import Canvas
from vfxage.face.track.extend import extended, frames_to_search
from vfxage.face.track.filter import REACH
from vfxage.face.track.findings import Findings
from vfxage.face.track.lost import Lost, lost_faces
from vfxage.face.track.select import faces_not_found, measured_once, select_faces, select_words, taken_by
from vfxage.face.track.steadied import tracks_within
from vfxage.face.track.stills import find_faces
from vfxage.face.track.tracks import FRAMINGS, Measures, Tracks, to_json

load_tracks = Tracks.load

__all__ = [
    "FRAMINGS",
    "REACH",
    "Canvas",
    "Finders",
    "Findings",
    "Lost",
    "Measures",
    "Tracks",
    "build_tracks",
    "extended",
    "faces_not_found",
    "find_faces",
    "frames_to_search",
    "load_tracks",
    "lost_faces",
    "measured_once",
    "open_finders",
    "search",
    "select_faces",
    "select_words",
    "taken_by",
    "to_json",
    "tracks_within",
]
