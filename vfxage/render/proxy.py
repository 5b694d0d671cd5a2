"""A plate made small: its frames, mattes and tracks, for previews and contact sheets."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from vfxage.comp.stencils import ArtistMattes, Stencil
from vfxage.face.track import Tracks
from vfxage.shot import Face, PointSelect, Shot
from vfxage.types import Frame, Window


@dataclass(frozen=True, slots=True)
class Proxy:
    """How plate pixels become preview pixels: square, within the largest panel."""

    width: int
    height: int
    scale: tuple[float, float]
    """Preview pixels per plate pixel, x and y."""

    @classmethod
    def of(cls, width: int, height: int, pixel_aspect: float, panel: tuple[int, int]) -> Proxy:
        """Fit a plate of this size into a panel (width, height), unsqueezed, with even sides (4:2:0 needs them)."""
        size = width * pixel_aspect, height
        scale = min(1.0, panel[0] / size[0], panel[1] / size[1])
        w, h = (max(2, round(side * scale / 2) * 2) for side in size)
        return cls(w, h, (w / width, h / height))

    def frame(self, frame: Frame, display: Window) -> Frame:
        """Shrink a frame's display window to the panel (area filter, linear light; no data is black)."""
        shown = frame.window.intersect(display)
        if frame.window == display:
            rgb = frame.rgb
        else:
            rgb = np.zeros((*display.shape, 3), np.float32)
            rgb[shown.slices(display)] = frame.rgb[shown.slices(frame.window)]
        finite = np.nan_to_num(rgb, nan=0.0, posinf=65504.0, neginf=0.0)
        small = cv2.resize(finite, (self.width, self.height), interpolation=cv2.INTER_AREA)
        return Frame(number=frame.number, window=Window(0, 0, self.width, self.height), rgb=small.astype(np.float32))

    def mattes(self, painted: ArtistMattes, display: Window) -> ArtistMattes:
        """Shrink rotos and hold-outs; maps are of crops, whose size is the preview's own already."""
        faces = {face: tuple(self._stencil(s, display) for s in own) for face, own in painted.faces.items()}
        return replace(painted, whole=tuple(self._stencil(s, display) for s in painted.whole), faces=faces)

    def _stencil(self, stencil: Stencil, display: Window) -> Stencil:
        small = cv2.resize(stencil.over(display), (self.width, self.height), interpolation=cv2.INTER_AREA)
        window = Window(0, 0, self.width, self.height)
        return Stencil(window=window, values=np.asarray(small, np.float32), outside=stencil.outside)

    def shot(self, shot: Shot) -> Shot:
        """Scale the points that select faces to the panel."""
        return shot.model_copy(update={"faces": tuple(self._face(face) for face in shot.faces)})

    def _face(self, face: Face) -> Face:
        if not isinstance(face.select, PointSelect):
            return face
        x, y = face.select.point
        point = PointSelect(frame=face.select.frame, point=(x * self.scale[0], y * self.scale[1]))
        return face.model_copy(update={"select": point})

    def tracks(self, tracks: Tracks) -> Tracks:
        """Scale every face's and hand's landmarks to the panel."""
        scale = np.array(self.scale, np.float32)
        faces = tuple(replace(face, points=face.points * scale, neck=face.neck * scale) for face in tracks.faces)
        hands = tuple(
            replace(hand, points=hand.points * scale, motion=hand.motion * scale, size=hand.size * scale[1])
            for hand in tracks.hands
        )
        measures = {
            face: replace(one, extents={name: side * min(self.scale) for name, side in one.extents.items()})
            for face, one in tracks.measures.items()
        }
        found = tracks.found
        if found:
            people = (replace(one, points=one.points * scale, skin=one.skin * scale) for one in found.people)
            found = replace(found, people=tuple(people))
        return replace(tracks, faces=faces, hands=hands, measures=measures, found=found)
