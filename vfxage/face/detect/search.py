"""Search a picture: overlapping detector tiles on several scales, and one answer per face."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from vfxage.types import F32, U8

_SEEN = 18
"""A face this tall in a tile, pixels, is found reliably."""
_STEP = 0.7
"""Tiles advance by this part of their side; the overlap holds every face that the next coarser scale may miss."""
_COARSER = 2.0
_BLANK = 16
"""A tile whose values all lie this close (8-bit) shows nothing: letterbox, black, sky."""
_LYING = 3.0
"""Smallest face on its side, as a multiple of the smallest upright face."""


def levels(width: int, height: int, side: int, min_face: float) -> list[float]:
    """Scales of the picture, finest first: from the one that shows ``min_face`` to the whole picture in one tile."""
    coarsest = side / max(width, height)
    scale = max(min(_SEEN / min_face, 2.0), coarsest)
    scales = []
    while scale > coarsest * 1.1:
        scales.append(scale)
        scale /= _COARSER
    return [*scales, coarsest]


def tiles(picture: U8, side: int) -> Iterator[tuple[int, int, U8]]:
    """Yield x, y and (side, side, 3) of overlapping tiles that cover ``picture``; black fills the last ones."""
    height, width = picture.shape[:2]
    for y in starts(height, side):
        for x in starts(width, side):
            part = picture[y : y + side, x : x + side]
            if part.shape[:2] != (side, side):
                part = np.pad(part, ((0, side - part.shape[0]), (0, side - part.shape[1]), (0, 0)))
            yield x, y, np.ascontiguousarray(part)


def starts(length: int, side: int) -> list[int]:
    """First pixels of tiles that cover ``length``, evenly spread, the last one flush with the end."""
    if length <= side:
        return [0]
    count = int(np.ceil((length - side) / (side * _STEP))) + 1
    return [round(i * (length - side) / (count - 1)) for i in range(count)]


def search(picture: U8, detect: Callable[[U8], F32], side: int, min_face: float) -> F32:
    """Boxes (N, 9) in picture pixels, best first, one per face; see ``BoxNetwork`` for the columns."""
    height, width = picture.shape[:2]
    found = [np.empty((0, 9), np.float32)]
    small = picture
    for scale in levels(width, height, side, min_face):
        small = resized(small, max(1, round(width * scale)), max(1, round(height * scale)))
        across, down = width / small.shape[1], height / small.shape[0]
        for x, y, tile in tiles(small, side):
            if np.ptp(tile[::4, ::4]) < _BLANK:
                continue
            rows = detect(tile)
            rows[:, 0:8:2] = (rows[:, 0:8:2] + x) * across
            rows[:, 1:8:2] = (rows[:, 1:8:2] + y) * down
            found.append(rows)
    return best_boxes(np.concatenate(found))


def resized(picture: U8, width: int, height: int) -> U8:
    """The picture in another size: averaged where it shrinks, interpolated where it grows."""
    import cv2

    how = cv2.INTER_AREA if width < picture.shape[1] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, (width, height), interpolation=how), np.uint8)


def search_turned(picture: U8, detect: Callable[[U8], F32], side: int, min_face: float) -> list[F32]:
    """Search for upright faces (``search``) and for faces that lie on their side.

    Lying faces are searched only if they are large, which is cheap. The result has one (N, 9) for every place, best
    place first. In it the box of the first search that found the place comes first, then the boxes that overlap it,
    best first: a detector may be surer of an upright face when the picture is turned, and then misplace the eyes.
    """
    factor = min(1.0, max(2 * _SEEN / (min_face * _LYING), side / max(picture.shape[:2])))
    small = resized(picture, max(1, round(picture.shape[1] * factor)), max(1, round(picture.shape[0] * factor)))
    height, width = small.shape[:2]
    found = [search(picture, detect, side, min_face)]
    for turns in (1, 3):
        rows = search(np.ascontiguousarray(np.rot90(small, turns)), detect, side, min_face * _LYING * factor)
        points = rows[:, :8].reshape(-1, 4, 2)
        # np.rot90 turns anticlockwise: its x axis is our y axis, downwards for one turn, upwards for three.
        x, y = points[..., 1], points[..., 0]
        back = np.stack([width - x, y], -1) if turns == 1 else np.stack([x, height - y], -1)
        back[:, :2] = np.stack([back[:, :2].min(1), back[:, :2].max(1)], 1)
        back *= np.array([picture.shape[1] / width, picture.shape[0] / height], np.float32)
        found.append(np.concatenate([back.reshape(-1, 8), rows[:, 8:]], 1))
    return places(np.concatenate(found))


def overlap(box: F32, boxes: F32) -> F32:
    """Intersection over the smaller area, of (4,) with (N, 4): a box of a part of a face counts as the same face."""
    low, high = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:4], boxes[:, 2:4])
    shared = np.prod(np.clip(high - low, 0, None), axis=1)
    areas = np.prod(boxes[:, 2:4] - boxes[:, :2], axis=1)
    return np.asarray(shared / np.maximum(np.minimum(areas, np.prod(box[2:4] - box[:2])), 1e-6), np.float32)


def best_boxes(boxes: F32) -> F32:
    """Greedy non-maximum suppression by score; a box cut by a tile's edge loses to the whole one beside it."""
    return np.array([place[0] for place in places(boxes)], np.float32).reshape(-1, 9)


def places(boxes: F32, limit: float = 0.5) -> list[F32]:
    """Group boxes (N, 9): each box that ``best_boxes`` keeps, best first, is followed by those that it suppresses."""
    parts = []
    rest = boxes[np.argsort(-boxes[:, 8], kind="stable")]
    while len(rest):
        here = overlap(rest[0], rest) > limit
        here[0] = True
        parts.append(rest[here])
        rest = rest[~here]
    return parts
