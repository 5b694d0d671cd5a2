"""Writes the tracks of a shot as Nuke nodes: a Tracker4 and corner pins for each face.

Nuke counts y from the bottom: our point (x, y) is (x, height - y) in Nuke. Both put pixel centres at +0.5.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np

from vfxage.face.crop import FacePlan
from vfxage.face.track.tracks import spans
from vfxage.geometry import crop_transform, map_points
from vfxage.nuke.script import Node, curve, identifier, picture_format
from vfxage.render.job import Job
from vfxage.render.scene import Scene
from vfxage.types import F64

LANDMARKS = {
    "right eye, outer corner": 33,
    "right eye, inner corner": 133,
    "left eye, inner corner": 362,
    "left eye, outer corner": 263,
    "nose bridge": 168,
    "nose tip": 4,
    "mouth, right corner": 61,
    "mouth, left corner": 291,
    "chin": 152,
    "forehead": 10,
}
"""Names of the track points and their landmark numbers; right and left are the actor's."""

_COLUMNS = (
    ("5 1 20", "enable", "e"),
    ("3 1 75", "name", "name"),
    *(("2 1 58", name, name) for name in ("track_x", "track_y")),
    *(("2 1 63", name, name) for name in ("offset_x", "offset_y")),
    *(("4 1 27", name, name) for name in ("T", "R", "S")),
    ("2 0 45", "error", "error"),
    *(("1 1 0", name, name) for name in ("error_min", "error_max")),
    *(("1 1 0", f"{box}_{side}", f"{box}_{side}") for box in ("pattern", "search") for side in "xyrt"),
    ("2 1 0", "key_track", "key_track"),
    *(("2 1 0", f"key_{box}_{side}", f"key_{box}_{side}") for box in ("search", "track") for side in "xyrt"),
    *(("2 1 0", f"key_centre_offset_{axis}", f"key_centre_offset_{axis}") for axis in "xy"),
)
"""The columns of a Tracker4's table, in the form that Nuke writes."""

_BOXES = "-15 -15 15 15 -10 -10 10 10"
"""Search and pattern boxes around a point, pixels; the values do not matter, as the points are already tracked."""


def track_nodes(job: Job, scene: Scene, plate: Node, whole: str, at: tuple[int, int]) -> Iterator[Node]:
    """For each face: a Tracker4 and a pin from crop to plate, both not connected, and the plate pinned to the crop.

    ``whole`` is the plate's format, as written in the script.
    """
    names = Counter(face.name for face in scene.plan.faces)
    seen: Counter[str] = Counter()
    for place, face in enumerate(scene.plan.faces):
        seen[face.name] += 1
        name = identifier(face.name) + (f"_{seen[face.name]}" if names[face.name] > 1 else "")
        x, y = at[0] + 220 * place, at[1]
        yield _tracker(job, face, name, (x, y))
        side = scene.plan.crop_pass_faces(face.name)[1]
        knobs = _pin(face, side, _corners(job, scene, face))
        laid = Node(kind="CornerPin2D", name=f"crop_to_plate_{name}", knobs=knobs, at=(x, y + 90))
        yield laid
        yield _reformat(f"on_plate_{name}", whole, laid, (x, y + 130))
        pin = Node(
            kind="CornerPin2D",
            name=f"plate_to_crop_{name}",
            knobs=(*knobs, ("invert", "true")),
            inputs=(plate,),
            at=(x, y + 220),
        )
        yield pin
        yield _reformat(f"stabilised_{name}", picture_format(side, side, 1, "crop"), pin, (x, y + 270))


def _tracker(job: Job, face: FacePlan, name: str, at: tuple[int, int]) -> Node:
    numbers = face.track.numbers
    enabled = [key for first, last in spans(numbers) for key in ((first, 1.0), (last + 1, 0.0))]
    rows = []
    for title, landmark in LANDMARKS.items():
        points = face.track.points[:, landmark].astype(np.float64)
        x = curve(zip(numbers.tolist(), points[:, 0].tolist(), strict=True))
        y = curve(zip(numbers.tolist(), (job.clip.height - points[:, 1]).tolist(), strict=True))
        first = int(numbers[0])
        still = curve([(first, 0.0)], constant=True)
        error = curve([(first, 0.0)])
        start = f'{curve(enabled, constant=True)} "{title}"'
        rows.append(f"{{ {start} {x} {y} {still} {still} 1 1 1 {error} 0 0 {_BOXES} " + "{} " * 11 + "}")
    columns = "\n".join(f" {{ {kind} {column} {label} 1 }}" for kind, column, label in _COLUMNS)
    tracks = f"{{ {{ 1 {len(_COLUMNS)} {len(rows)} }}\n{{\n{columns}\n}}\n{{\n" + "\n".join(rows) + "\n}\n}"
    knobs = (("tracks", tracks), ("reference_frame", str(int(numbers[0]))))
    return Node(kind="Tracker4", name=f"track_{name}", knobs=knobs, at=at)


def _corners(job: Job, scene: Scene, face: FacePlan) -> F64:
    """(T, 4, 2) the crop's corners on the plate in Nuke's pixels: bottom left, bottom right, top right, top left."""
    side = float(face.size)
    square = np.array([(0.0, side), (side, side), (side, 0.0), (0.0, 0.0)])
    aspect = scene.plan.pixel_aspect
    corners = np.stack(
        [
            map_points(square, crop_transform(points, scene.plan.framing, face.size, aspect))
            for points in face.track.points
        ]
    )
    corners[..., 1] = job.clip.height - corners[..., 1]
    return corners


def _pin(face: FacePlan, side: int, corners: F64) -> tuple[tuple[str, str], ...]:
    """The knobs of a pin. ``side``, pixels, is the crop pass's: one size for a face, even if its takes have several."""
    numbers = face.track.numbers.tolist()
    keyed = []
    for corner in range(4):
        x, y = (curve(zip(numbers, corners[:, corner, axis].tolist(), strict=True)) for axis in (0, 1))
        keyed.append((f"to{corner + 1}", f"{{{x} {y}}}"))
    crop = ("{0 0}", f"{{{side} 0}}", f"{{{side} {side}}}", f"{{0 {side}}}")
    return (*keyed, *((f"from{k}", value) for k, value in enumerate(crop, 1)))


def _reformat(name: str, form: str, pin: Node, at: tuple[int, int]) -> Node:
    """Reformat a pinned picture to its target's format, so that later nodes get one format and pixel aspect."""
    knobs = (("format", form), ("resize", "none"), ("center", "false"), ("black_outside", "true"))
    return Node(kind="Reformat", name=name, knobs=knobs, inputs=(pin,), at=at)
