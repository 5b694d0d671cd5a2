"""Faces of one picture: found, meshed, judged."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field

import numpy as np

from vfxage.arrays import ArrayData, shaped
from vfxage.face.detect.graphs import FULL_RANGE, MESH_SIDE, SHORT_RANGE, BoxNetwork, MeshNetwork, OpenNetworks
from vfxage.face.detect.search import search, search_turned
from vfxage.face.detect.views import LEFT_EYE, RIGHT_EYE, ROOM, Square, square_of_box, square_of_points, view
from vfxage.geometry import map_points
from vfxage.types import F32, POINTS, U8

_SEARCH_SCORE = 0.35
FOUND = 0.45
"""Vote that a new face needs: the mesh alone takes fists and printed patterns for faces."""
_VOTE_SCORE = 0.1
_MESH_SCORE = 0.5
_UPRIGHT = 0.75
"""Evidence above which a mesh is right, so that no other rotation is tried. FaceMesh's score and the vote are not
enough: on portraits both are sometimes high for a mesh that lies across the face."""
_SURE = 0.5
"""A first judge this sure is not checked by a second."""
_EYES_OFF = 0.15
"""Distance between a detector's eyes and the mesh's, in heights of the face, from which the mesh lies wrongly: it is
0.01 to 0.04 on right meshes, and 0.2 to 0.4 on meshes that lie across a face with high scores."""
_VIEW = 1.25
"""A detector is asked about a square this much larger than the mesh crop."""
LOOK_SIDE = 16
_CHEEKS = 234, 454


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Detection(ArrayData):
    """One detected face in one picture."""

    points: F32 = field(metadata=shaped(POINTS, 2))
    """(478, 2) pixels of the picture, centres at +0.5."""
    confidence: float
    """0..1, FaceMesh's own opinion that its crop shows a face."""
    vote: float
    """0..1, the best score a face detector gives the same place: independent of FaceMesh."""
    yaw: float
    """Degrees, positive when the face looks towards the picture's right."""
    look: F32 = field(metadata=shaped(LOOK_SIDE, LOOK_SIDE, 3))
    """(16, 16, 3) 0..255, a small upright picture of the head, for knowing it again."""


class FaceFinder(OpenNetworks):
    """Finds faces and meshes them; a context manager, for one thread at a time.

    Pictures are (H, W, 3) uint8 display-referred sRGB. Nothing is remembered between calls. Raises InstallError when
    MediaPipe or a system library it needs is missing or fails.
    """

    def __init__(self, min_face: float = 48) -> None:
        self.min_face = min_face

    def _open(self, stack: ExitStack) -> None:
        self._mesh = stack.enter_context(closing(MeshNetwork()))
        self._detector = stack.enter_context(closing(BoxNetwork(FULL_RANGE, _SEARCH_SCORE)))
        judges = SHORT_RANGE, FULL_RANGE
        self._judges = [stack.enter_context(closing(BoxNetwork(judge, _VOTE_SCORE))) for judge in judges]

    def find(self, picture: U8, known: Sequence[F32] = ()) -> list[Detection]:
        """Every face at least about ``min_face`` pixels tall, anywhere in the picture, largest first.

        Those whose points (478, 2) are ``known`` already in this picture are left out.
        """
        found: list[Detection] = []
        for rows in search_turned(picture, self._detector, self._detector.side, self.min_face):
            old = [any(_is_box_of(row, points) for points in known) for row in rows]
            if old[0]:
                continue
            seen = self._best_of(picture, rows[~np.array(old)])
            if seen is not None and not any(same_place(seen.points, other.points) for other in found):
                found.append(seen)
        return sorted(found, key=lambda item: -float(np.ptp(item.points[:, 1])))

    def near(self, picture: U8, points: F32) -> list[Detection]:
        """Every face of about the same size within two faces of ``points`` (478, 2), where one was lost."""
        low, high = points.min(0), points.max(0)
        size = float((high - low).max())
        x0, y0 = (max(0, int(value)) for value in low - 2 * size)
        x1, y1 = (int(value) for value in high + 2 * size)
        region = picture[y0:y1, x0:x1]
        if min(region.shape[:2]) < 2:
            return []
        found: list[Detection] = []
        for row in search(region, self._detector, self._detector.side, max(size / 2, self.min_face)):
            row[0:8:2] += x0
            row[1:8:2] += y0
            seen = self._best_of(picture, row[None])
            if seen is not None:
                found.append(seen)
        return found

    def follow(self, picture: U8, points: F32) -> Detection | None:
        """Find the face again that was at ``points`` (478, 2) in the frame before; None if it is gone."""
        return self._mesh_of(picture, square_of_points(points), passes=2)

    def evidence(self, picture: U8, points: F32) -> float:
        """0..1, how well both detectors, on the view and on its mirror image, agree that a face is at ``points``.

        Any one of the four is fooled by blotches and by machines now and then; all of them together hardly ever.
        """
        square = square_of_points(points)
        wide = Square(square.x, square.y, square.side * _VIEW, square.roll)
        total = 0.0
        for judge in self._judges:
            shown = view(picture, wide, judge.side)
            for image in (shown, np.ascontiguousarray(shown[:, ::-1])):
                total += _agreement(judge(image), judge.side)
        return total / (2 * len(self._judges))

    def _best_of(self, picture: U8, rows: F32) -> Detection | None:
        """The best face at one place: of all meshes that its boxes (N, 9) lead to, the one with the most evidence."""
        best, most = None, -1.0
        for row in rows:
            seen = self._mesh_of(picture, square_of_box(row), passes=3)
            if seen is None or seen.vote < FOUND:
                continue
            seen = self._with_eyes_in_place(picture, seen)
            if len(rows) == 1:
                return seen
            evidence = self.evidence(picture, seen.points)
            if evidence > most:
                best, most = seen, evidence
            if most >= _UPRIGHT:
                break
        return best

    def _with_eyes_in_place(self, picture: U8, seen: Detection) -> Detection:
        """The face meshed again from the box of a detector that sees its eyes elsewhere, if they then agree better."""
        off, box = self._eyes_off(picture, seen.points)
        if off < _EYES_OFF or box is None:
            return seen
        again = self._mesh_of(picture, square_of_box(box), passes=3)
        if again is None or again.vote < FOUND or self._eyes_off(picture, again.points)[0] >= off:
            return seen
        return again

    def _eyes_off(self, picture: U8, points: F32) -> tuple[float, F32 | None]:
        """How far a mesh's eyes are from a detector's, in heights of the face, and the detector's box (9,).

        0 and None where the detector sees no face.
        """
        judge = self._judges[0]
        square = square_of_points(points)
        wide = Square(square.x, square.y, square.side * _VIEW, square.roll)
        rows = judge(view(picture, wide, judge.side))
        if not len(rows):
            return 0.0, None
        box = rows[rows[:, 8].argmax()]
        to_picture = wide.to_picture(judge.side)
        marks = map_points(box[:8].reshape(4, 2), to_picture)
        meshed = np.array([points[list(eye)].mean(0) for eye in (RIGHT_EYE, LEFT_EYE)])
        off = float(np.hypot(*(marks[2:] - meshed).T).max()) / (square.side / ROOM)
        half = (box[2:4] - box[:2]) / 2 * np.float32(wide.side / judge.side)
        middle = marks[:2].mean(0)
        return off, np.concatenate([middle - half, middle + half, *marks[2:], box[8:]]).astype(np.float32)

    def _mesh_of(self, picture: U8, square: Square, passes: int) -> Detection | None:
        """Mesh a face; each pass takes the crop that the last pass asks for, so that the first guess hardly matters."""
        for _ in range(passes):
            marks, score = self._mesh(view(picture, square, MESH_SIDE))
            if score < _MESH_SCORE:
                return None
            points = map_points(marks[:, :2], square.to_picture(MESH_SIDE)).astype(np.float32)
            square = square_of_points(points)
        wide = Square(square.x, square.y, square.side * _VIEW, square.roll)
        vote = 0.0
        for judge in self._judges:
            shown = view(picture, wide, judge.side)
            vote = max(vote, _agreement(judge(shown), judge.side))
            if vote >= _SURE:
                break
        return Detection(
            points=points,
            confidence=score,
            vote=vote,
            yaw=yaw_of(marks),
            look=_look(shown),
        )


def _is_box_of(row: F32, points: F32) -> bool:
    """Whether a detector's box and the points (478, 2) are of one face: about the same size and place."""
    low, high = points.min(0), points.max(0)
    size, side = float((high - low).max()), float(max(row[2] - row[0], row[3] - row[1]))
    off = float(np.hypot(*((row[:2] + row[2:4]) / 2 - (low + high) / 2)))
    return off < 0.25 * size and 0.6 < side / size < 1.6


def _agreement(rows: F32, side: int) -> float:
    """The best score among a detector's boxes that lie where the mesh does, in its view of the head."""
    face = side / _VIEW / ROOM
    off = np.hypot(rows[:, 0] + rows[:, 2] - side, rows[:, 1] + rows[:, 3] - side) / 2
    tall = np.maximum(rows[:, 2] - rows[:, 0], rows[:, 3] - rows[:, 1])
    fits = (off < 0.35 * face) & (tall > 0.5 * face) & (tall < 1.6 * face)
    return float(rows[fits, 8].max(initial=0.0))


def _look(shown: U8) -> F32:
    block = shown.shape[0] // LOOK_SIDE
    return np.asarray(shown.reshape(LOOK_SIDE, block, LOOK_SIDE, block, 3).mean((1, 3)), np.float32)


def yaw_of(marks: F32) -> float:
    """Degrees from the depth between the cheeks of an upright mesh (478, 3)."""
    right, left = marks[list(_CHEEKS)]
    return float(np.degrees(np.arctan2(left[2] - right[2], left[0] - right[0])))


def same_place(one: F32, other: F32) -> bool:
    """Whether two meshes lie on the same face: mean landmark distance under a quarter of the smaller face."""
    size = min(np.ptp(one, axis=0).max(), np.ptp(other, axis=0).max())
    return bool(np.linalg.norm(one - other, axis=1).mean() < 0.25 * size)
