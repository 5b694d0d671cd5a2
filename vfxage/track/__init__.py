"""Landmarks over time: faces followed, named and steadied through a whole shot."""

from vfxage.track.build import build_tracks
from vfxage.track.look import look
from vfxage.track.select import select_faces, select_words, unfound
from vfxage.track.tracks import Tracks, to_json

load_tracks = Tracks.load

__all__ = [
    "Tracks",
    "build_tracks",
    "load_tracks",
    "look",
    "select_faces",
    "select_words",
    "to_json",
    "unfound",
]
