"""Landmarks over time: faces followed, named and steadied through a whole shot."""

from vfxage.face.track.build import build_tracks
from vfxage.face.track.lost import Lost, lost_faces
from vfxage.face.track.select import faces_not_found, select_faces, select_words, taken_by
from vfxage.face.track.stills import find_faces
from vfxage.face.track.tracks import Tracks, to_json

load_tracks = Tracks.load

__all__ = [
    "Lost",
    "Tracks",
    "build_tracks",
    "faces_not_found",
    "find_faces",
    "load_tracks",
    "lost_faces",
    "select_faces",
    "select_words",
    "taken_by",
    "to_json",
]
