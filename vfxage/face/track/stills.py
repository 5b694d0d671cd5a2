"""Find faces on single frames, for `vfxage info` before a shot is tracked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from vfxage.face.detect import Detection, FaceFinder
from vfxage.face.track.bracket import find_bracketed
from vfxage.face.track.canvas import Canvas, ToLight
from vfxage.face.track.findings import TrackingSettings
from vfxage.face.track.people import SURE
from vfxage.types import ClipInfo, Frame


def find_faces(
    frames: Iterable[Frame], colour: ToLight, settings: TrackingSettings, clip: ClipInfo
) -> Iterator[tuple[int, list[Detection]]]:
    """Find the faces of single frames: each frame's number with its faces, largest first.

    The search is that of ``build_tracks``, without the neighbouring frames. Points are display-window pixels. A face
    that only its neighbours in time would confirm (turned far away) is left out.
    """
    canvas = Canvas.of(clip)
    with FaceFinder(settings.min_face) as finder:
        for frame in frames:
            picture = canvas.picture(frame, colour)
            found = find_bracketed(finder, picture)
            sure = [s.face for s in found if finder.evidence(picture.at(s.stops), s.face.points) >= SURE]
            yield frame.number, [replace(face, points=canvas.to_display(face.points)) for face in sure]
