"""Anchors the mesh to the skin: landmarks say where a node is on the face, the flow how it moves.

Landmarks tremble, and slide over the skin while the head turns. Flow is exact from frame to frame, and drifts. So the
anchored node is the landmark and an offset that changes slowly: over a take it is the least-squares answer to two
wishes. From frame to frame, and over some frames at once, the node moves as the flow does. In the long run it is where
the landmarks are, so nothing drifts. Where the flow is not trusted (a cut, a flash, blur, a hand), the offset is free
to change, and each side finds its own.

Offsets are part of the findings: frames that have some keep them, and new frames continue them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vfxage.face.track.canvas import Canvas
from vfxage.face.track.findings import FoundHand, Person
from vfxage.face.track.mean_face import EXPRESSIVE, IRISES
from vfxage.face.track.skin import HOPS, NODES, SkinMotion
from vfxage.face.track.smooth import contradicted
from vfxage.geometry import NECK_POINTS, neck_points
from vfxage.types import F64, POINTS

Links = Mapping[tuple[int, int], SkinMotion]
"""Motions of one face's skin by the numbers of the two frames, the earlier one first."""

_SLOW, _QUICK = 400.0, 12.0
"""Frames over which the landmarks draw the offset to 0: of the face and the neck; of lids, lips and irises, which the
landmarks follow well. A longer time slides less in a slow turn, and drifts more: the square of it, in a long take."""
_FAR, _FAR_NECK = 0.08, 0.3
"""Offset, in faces, from which it is drawn harder: further, a node is on other skin."""
_AGREE = 0.003
"""A link that all others contradict by this much, in faces, counts half."""
_LEAST = 1e-6
"""Weight of a link without trust, so that an offset between two others is their mean."""
_KNOWN = 1e9
"""Weight of an offset that is known."""
_ROUNDS = 4
"""Times that the weights are found anew."""
_FLESH = (0.2, 0.5)
"""In palms: a node this near to a hand's outline is hidden; from the second on it is seen in full."""


def nodes_of(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """The nodes (N, 512, 2) as the landmarks (N, 478, 2) alone give them."""
    return np.ascontiguousarray(np.concatenate([points, neck_points(points)], axis=1), np.float32)


def anchored(
    person: Person, links: Links, new: NDArray[np.bool_], hands: Sequence[FoundHand], canvas: Canvas
) -> Person:
    """The person with ``skin`` and ``hold`` on the rows that are ``new`` (N,); the other rows stay.

    ``hands`` are in pixels of the ``canvas``, as the motions are. Links to frames that the person is not on do nothing.
    """
    if not new.any():
        return person
    # Rows further away have no link to a new one, in one step or in two.
    low, high = np.flatnonzero(new)[[0, -1]]
    rows = np.arange(max(0, low - max(HOPS)), min(len(new), high + max(HOPS) + 1))
    near = person.on(np.isin(np.arange(len(new)), rows))
    plain = canvas.to_picture(nodes_of(near.points)).astype(np.float64)
    offsets = canvas.to_picture(near.skin).astype(np.float64) - plain
    bad = contradicted(near.points)
    linked = _linked(near, links, _hidden(near, plain, hands))
    solved = _Offsets(plain, offsets, new[rows], bad, linked).solved()
    skin, hold = person.skin.copy(), person.hold.copy()
    skin[new] = canvas.to_display((plain + solved.offsets)[new[rows]].astype(np.float32))
    hold[new] = solved.hold[new[rows]].astype(np.float32)
    return replace(person, skin=skin, hold=hold)


@dataclass(frozen=True, slots=True)
class _Link:
    """The motions of one face over as many rows."""

    start: NDArray[np.int64]
    """(L,) row of the earlier frame."""
    end: NDArray[np.int64]
    motion: F64
    """(L, K, 2)."""
    gradient: F64
    """(L, K, 2, 2)."""
    trust: F64
    """(L, K)."""
    far: bool
    """Whether they lead from a picture that was kept: the rows may be at any distance."""


def _linked(person: Person, links: Links, hidden: F64) -> list[_Link]:
    """The links between the person's frames, in one group for each distance in rows, and one for all far ones."""
    place = {number: row for row, number in enumerate(person.numbers.tolist())}
    groups: dict[int, list[tuple[int, int, SkinMotion]]] = {}
    for (start, end), motion in sorted(links.items()):
        if start in place and end in place:
            rows = place[start], place[end]
            groups.setdefault(min(rows[1] - rows[0], max(HOPS) + 1), []).append((*rows, motion))
    joined = []
    for apart, group in sorted(groups.items()):
        firsts, lasts = (np.array([one[column] for one in group], np.int64) for column in (0, 1))
        seen = (1 - hidden[firsts]) * (1 - hidden[lasts])
        motions, gradients, trusts = (
            np.stack([getattr(one, name) for *_, one in group]).astype(np.float64)
            for name in ("motion", "gradient", "trust")
        )
        trusts[:, IRISES] = 0  # they are no skin, and follow their landmarks
        joined.append(_Link(firsts, lasts, motions, gradients, trusts * seen, apart > max(HOPS)))
    return joined


def _hidden(person: Person, plain: F64, hands: Sequence[FoundHand]) -> F64:
    """(N, K) 0..1: how far a hand hides each node."""
    hidden = np.zeros(plain.shape[:2])
    for hand in hands:
        _, rows, places = np.intersect1d(person.numbers, hand.numbers, return_indices=True)
        for row, place in zip(rows.tolist(), places.tolist(), strict=True):
            palms = _outside(plain[row], hand.points[place].astype(np.float64)) / float(hand.size[place])
            near = np.clip((_FLESH[1] - palms) / (_FLESH[1] - _FLESH[0]), 0, 1)
            hidden[row] = np.maximum(hidden[row], near)
    return hidden


def _outside(points: F64, hand: F64) -> F64:
    """(K,) distance of points from the convex outline of a hand's points; below 0 inside."""
    import cv2

    hull = np.asarray(cv2.convexHull(hand.astype(np.float32)), np.float64).reshape(-1, 2)
    along = np.roll(hull, -1, 0) - hull
    length = np.maximum(np.linalg.norm(along, axis=1), 1e-6)
    away = points[:, None] - hull
    cross = (along[:, 0] * away[..., 1] - along[:, 1] * away[..., 0]) / length
    inside = (cross >= 0).all(1) | (cross <= 0).all(1) if len(hull) > 2 else np.zeros(len(points), bool)
    share = np.clip((away * along).sum(2) / length**2, 0, 1)
    edge = np.linalg.norm(away - share[..., None] * along, axis=2).min(1)
    return np.where(inside, -edge, edge)


@dataclass(frozen=True, slots=True)
class _Solved:
    offsets: F64
    """(N, K, 2)."""
    hold: F64
    """(N, K) 0..1: how well the flow holds each node."""


@dataclass(frozen=True, slots=True)
class _Offsets:
    """The least-squares problem of the offsets."""

    plain: F64
    """(N, K, 2) nodes from the landmarks."""
    known: F64
    """(N, K, 2) offsets of the rows that are not new."""
    new: NDArray[np.bool_]
    bad: NDArray[np.bool_]
    """(N,) rows whose landmarks their neighbours contradict: only the flow says where their nodes are."""
    links: list[_Link]

    def solved(self) -> _Solved:
        """Solve it, weighing links that contradict the others less, and far offsets more."""
        size = self._size
        offsets = np.where(self.new[:, None, None], 0.0, self.known)
        pull = self._pull()
        doubt = [np.ones_like(link.trust) for link in self.links]
        for turn in range(_ROUNDS):
            far = np.linalg.norm(offsets, axis=2) / (size[:, None] * _far())
            weights = [link.trust**2 * sure + _LEAST for link, sure in zip(self.links, doubt, strict=True)]
            moves = [self._moves(link, offsets) for link in self.links]
            wish = np.where(self.bad[:, None], _LEAST, pull * (1 + far**4))
            wanted = np.zeros_like(offsets)
            for link, move, weight in zip(self.links, moves, weights, strict=True):
                if turn and link.far:
                    np.add.at(wish, link.end, weight)
                    np.add.at(wanted, link.end, weight[..., None] * (offsets[link.start] + move))
            offsets = self._least_squares(moves, weights, wish, wanted)
            for place, (link, move) in enumerate(zip(self.links, moves, strict=True)):
                miss = np.linalg.norm(offsets[link.end] - offsets[link.start] - move, axis=2)
                doubt[place] = 1 / (1 + (miss / (_AGREE * size[link.start, None])) ** 2)
        return _Solved(offsets, self._hold())

    @property
    def _size(self) -> F64:
        """(N,) longer side of the face, pixels."""
        return np.asarray(np.ptp(self.plain[:, :POINTS], axis=1).max(1), np.float64)

    def _pull(self) -> F64:
        """(K,) weight of the wish for no offset."""
        frames = np.full(NODES, _SLOW)
        frames[EXPRESSIVE] = _QUICK
        return np.asarray(sum(hop**2 for hop in HOPS) / frames**2, np.float64)

    def _moves(self, link: _Link, offsets: F64) -> F64:
        """(L, K, 2) change of the offsets with which the nodes move as the flow does."""
        start = offsets[link.start]
        turned = link.gradient[..., 0] * start[..., :1] + link.gradient[..., 1] * start[..., 1:]
        # A steep gradient says nothing of a place further away, and would throw the node out of the picture.
        most = self._size[link.start, None] * _far() / np.maximum(np.linalg.norm(turned, axis=2), 1e-9)
        turned = turned * np.minimum(1, most)[..., None]
        return np.asarray(self.plain[link.start] + link.motion + turned - self.plain[link.end], np.float64)

    def _least_squares(self, moves: list[F64], weights: list[F64], pull: F64, wanted: F64) -> F64:
        from scipy.linalg import solveh_banded

        count = len(self.plain)
        band = 1 + max((int(link.end[0] - link.start[0]) for link in self.links if not link.far), default=0)
        system = np.zeros((band, count, NODES))
        known = np.where(self.new, 0.0, _KNOWN)[:, None]
        system[0] = pull + known
        wanted += known[..., None] * self.known
        for link, move, weight in zip(self.links, moves, weights, strict=True):
            if link.far:
                continue
            system[0, link.start] += weight
            system[0, link.end] += weight
            system[link.end[0] - link.start[0], link.start] -= weight
            wanted[link.start] -= weight[..., None] * move
            wanted[link.end] += weight[..., None] * move
        columns = [solveh_banded(system[:, :, k], wanted[:, k], lower=True) for k in range(NODES)]
        return np.stack(columns, axis=1)

    def _hold(self) -> F64:
        """The trust in the links of each row with its neighbours, the lesser of both; 0 where there is none."""
        hold = np.full(self.plain.shape[:2], np.inf)
        for link in self.links:
            if not link.far and link.end[0] - link.start[0] == 1:
                np.minimum.at(hold, link.start, link.trust)
                np.minimum.at(hold, link.end, link.trust)
        return np.asarray(np.where(np.isfinite(hold), hold, 0.0), np.float64)


def _far() -> F64:
    """(K,) offset in faces from which it is drawn harder."""
    return np.asarray(np.r_[np.full(POINTS, _FAR), np.full(NECK_POINTS, _FAR_NECK)], np.float64)
