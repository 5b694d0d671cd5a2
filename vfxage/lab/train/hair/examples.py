"""Portraits with masks, made to look like plates of all kinds: other backdrops, grades, poses, hats and scarves."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.random import Generator

from vfxage.ager.relief.hair_network import SIDE, network_input
from vfxage.lab.train.hair.headwear import with_headwear
from vfxage.lab.train.hair.masks import Masked
from vfxage.types import F32, F64

_TURN, _ZOOM, _SHIFT = 6.0, 0.10, 0.03
"""Deviations of the movement: degrees, log of the scale, shares of the side."""
_NARROW, _SHEAR = 0.25, 0.12
"""Deviations of the log of the width and of the shear of some examples: most portraits look into the camera, and a
turned head is narrower."""
_HEADWEAR, _BACKDROP, _UNSEEN = 0.02, 0.6, 0.08
"""Shares of examples with a hat or scarf, with another backdrop, and whose person the people segmentation misses."""
_TURNED, _TURN_MOST, _HEAD_RADIUS = 0.35, 40.0, 1.35
"""Share of the examples whose head is turned about the vertical, by how many degrees at most, and the radius of the
head with its hair in halves of the face's width."""
_EDGE_ON = 80.0
"""Degrees from the camera's axis past which the head's side is too foreshortened to be stretched."""
_DIM, _DIM_STOPS = 0.25, 2.0
"""Share of the examples in too little light, and how far their log exposure falls at most: dark hair goes to black."""
_FINE, _FINE_SIDE = 2.0, 9
"""How much more the parts of a mask weigh that are narrower than so many pixels of the square: sideburns, locks and
tips."""
_SOFTEST = 2.8
"""Sigma of the softest focus, pixels of the square: soft hair is hair too."""
_FAR_COLOUR, _FAR_STOPS = (0.18, 0.09, 0.18), 0.25
"""Deviations of the log gains of red, green and blue, and of all three."""


def example(portraits: Sequence[Masked], which: int, rng: Generator) -> tuple[F32, F32, F32]:
    """The network's input (5, SIDE, SIDE), and the masks of hair and beard with the weights of both, (2, SIDE, SIDE).

    All are made from ``portraits[which]``; another portrait may be its backdrop.
    """
    one = portraits[which]
    move = _move(rng)
    rgb, person, hair, beard = (
        np.asarray(cv2.warpAffine(image, move, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE), np.float32)
        for image in (one.rgb, one.person, one.hair, one.beard)
    )
    points = np.asarray(one.points @ move[:, :2].T + move[:, 2], np.float32)
    if rng.random() < _TURNED:
        (rgb, person, hair, beard), points = _turned((rgb, person, hair, beard), points, rng)
    if rng.random() < _HEADWEAR:
        rgb, hair, person = with_headwear(rgb, np.maximum(person, hair), hair, points, rng)
    if rng.random() < _BACKDROP:
        rgb = _before_another(rgb, np.maximum(person, hair), portraits[rng.integers(len(portraits))].rgb, rng)
    seen = network_input(_graded(rgb, rng), _misjudged(person, rng), points)
    weights = np.ones((2, SIDE, SIDE), np.float32)
    weights[0] += np.float32(_FINE) * _fine(hair)
    weights[1] = one.beard_known
    return seen, np.ascontiguousarray([hair, beard], np.float32), weights


def _move(rng: Generator) -> F64:
    """(2, 3) a turn, a zoom, a shift, and for some examples a squeeze, a shear and a mirror."""
    angle, scale = np.deg2rad(rng.normal(0, _TURN)), np.exp(rng.normal(0, _ZOOM))
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    if rng.random() < 0.5:
        turn = turn @ np.diag([np.exp(-abs(rng.normal(0, _NARROW))), 1.0])
    if rng.random() < 0.3:
        turn = turn @ np.array([[1.0, 0.0], [rng.normal(0, _SHEAR), 1.0]])
    if rng.random() < 0.5:
        turn = turn @ np.diag([-1.0, 1.0])
    middle = np.full(2, SIDE / 2)
    return np.column_stack([turn, middle + rng.normal(0, _SHIFT, 2) * SIDE - turn @ middle])


def _turned(images: Sequence[F32], points: F32, rng: Generator) -> tuple[list[F32], F32]:
    """The images and landmarks of a head that is turned to a side, as if the head were a cylinder.

    One side of the hair grows wide, the other narrow, as on plates where a head turns.
    """
    yaw, edge = np.deg2rad(rng.uniform(-_TURN_MOST, _TURN_MOST)), np.deg2rad(_EDGE_ON)
    left, right = points[:, 0].min(), points[:, 0].max()
    middle, radius = (left + right) / 2, _HEAD_RADIUS * (right - left) / 2
    across = (np.arange(SIDE) + 0.5 - middle) / radius
    ends = np.sin(np.clip(np.array([-edge, edge]) - yaw, -edge, edge))
    seen = np.sin(np.clip(np.arcsin(np.clip(across, -1, 1)) - yaw, -edge, edge))
    beyond = np.where(across < 0, ends[0] + across + 1, ends[1] + across - 1)
    source = middle + radius * np.where(np.abs(across) < 1, seen, beyond) - 0.5
    x = np.ascontiguousarray(np.broadcast_to(source.astype(np.float32), (SIDE, SIDE)))
    y = np.ascontiguousarray(np.broadcast_to(np.arange(SIDE, dtype=np.float32)[:, None], (SIDE, SIDE)))
    moved = [
        np.asarray(cv2.remap(one, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32)
        for one in images
    ]
    angles = np.arcsin(np.clip((points[:, 0] - middle) / radius, -1, 1)) + yaw
    turned = middle + radius * np.sin(np.clip(angles, -edge, edge))
    return moved, np.asarray(np.column_stack([turned, points[:, 1]]), np.float32)


def _fine(hair: F32) -> F32:
    """(SIDE, SIDE) 0..1: the narrow parts of a mask."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_FINE_SIDE, _FINE_SIDE))
    narrow = np.asarray(hair - cv2.morphologyEx(hair, cv2.MORPH_OPEN, disc), np.float32)
    return np.asarray(cv2.dilate(narrow, np.ones((3, 3), np.uint8)), np.float32)


def _before_another(rgb: F32, person: F32, other: F32, rng: Generator) -> F32:
    """The person before a plain colour, or before a part of another portrait, sharp or not: heads there count not."""
    kind = rng.integers(0, 4)
    backdrop: F32 = np.ones_like(rgb) * rng.random(3).astype(np.float32)
    if kind:
        side = int(rng.integers(SIDE // 8, SIDE + 1))
        left, top = rng.integers(0, SIDE - side + 1, 2)
        backdrop = np.asarray(cv2.resize(other[top : top + side, left : left + side], (SIDE, SIDE)), np.float32)
    if kind == 1:
        backdrop = np.asarray(cv2.GaussianBlur(backdrop, (0, 0), rng.uniform(1, 8)), np.float32)
    alpha = cv2.GaussianBlur(np.clip((person - 0.25) / 0.5, 0, 1), (0, 0), 0.6)[..., None]
    return np.asarray(rgb * alpha + backdrop * (1 - alpha), np.float32)


def _misjudged(person: F32, rng: Generator) -> F32:
    """The matte of the person as wrong as it may be: too narrow, too wide, soft, or empty."""
    kind = rng.random()
    if kind < _UNSEEN:
        return np.zeros_like(person)
    if kind < 0.35:
        kernel = np.ones((2 * int(rng.integers(1, 4)) + 1,) * 2, np.uint8)
        person = np.asarray((cv2.erode if rng.random() < 0.6 else cv2.dilate)(person, kernel), np.float32)
    if rng.random() < 0.3:
        person = np.asarray(cv2.GaussianBlur(person, (0, 0), rng.uniform(0.5, 3)), np.float32)
    return person


def _graded(rgb: F32, rng: Generator) -> F32:
    """Another exposure, white balance, gamma, saturation, contrast and light; then focus, grain and JPEG."""
    dimmed = rng.uniform(0, _DIM_STOPS) if rng.random() < _DIM else 0.0
    gains = np.exp(rng.normal(0, 1, 3) * _FAR_COLOUR + rng.normal(0, _FAR_STOPS) - dimmed)
    rgb = np.clip(rgb, 0, 1) * gains.astype(np.float32)
    if rng.random() < 0.5:
        rgb = rgb ** np.float32(np.exp(rng.normal(0, 0.3)))
    if rng.random() < 0.4:
        grey = rgb.mean(axis=2, keepdims=True)
        rgb = grey + (rgb - grey) * np.float32(rng.uniform(0, 1.6))
    if rng.random() < 0.5:
        rgb = (rgb - 0.45) * np.float32(np.exp(rng.normal(0, 0.25))) + np.float32(0.45 + rng.normal(0, 0.05))
    if rng.random() < 0.35:
        y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32) / SIDE - 0.5
        right, down = rng.normal(0, 0.8, 2).astype(np.float32)
        rgb = rgb * np.exp(right * x + down * y)[..., None]
    rgb = np.ascontiguousarray(np.clip(rgb, 0, 1), np.float32)
    if rng.random() < 0.35:
        rgb = np.asarray(cv2.GaussianBlur(rgb, (0, 0), _SOFTEST * rng.uniform(0.15, 1) ** 2), np.float32)
    if rng.random() < 0.5:
        rgb = rgb + rng.normal(0, rng.uniform(0.003, 0.04), rgb.shape).astype(np.float32)
    rgb = np.clip(rgb, 0, 1)
    if rng.random() < 0.3:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 80))]
        stored = cv2.imencode(".jpg", np.round(rgb * 255).astype(np.uint8), quality)[1]
        rgb = cv2.imdecode(stored, cv2.IMREAD_COLOR).astype(np.float32) / 255
    return np.ascontiguousarray(rgb, np.float32)
