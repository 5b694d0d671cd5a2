"""From tracklets to people: false faces are dropped, and a person who returns keeps the identity."""

from __future__ import annotations

import numpy as np

from vfxage.face.track.tracklets import Tracklet, alike
from vfxage.types import F32

_FOR = 0.5
"""Vote of a picture that counts for a face."""
SURE, _UPPER = 0.65, 75
"""Evidence (``FaceFinder.evidence``) that a face must have, and in which percentile of its pictures, since faces turn
away. Measured: 0.68 and more for every face of the test clips, in profile too; at most 0.63 for cells under the
microscope and 0.55 for coins, gravel, cups and a space shuttle."""
PROOF = 6
"""Pictures of evidence a face needs, or most of its take where that is shorter."""
NO_LINK = 1e6
"""Cost of a link that cannot be."""
_RATIO = 1.6
_REACH = 2.5
"""A face that comes back after a long absence is taken for the same within this many faces of where it was."""
_ALIKE = 0.5


def is_face(chain: list[Tracklet], searched: int) -> bool:
    """Whether detectors confirm the mesh often and strongly enough, in the ``searched`` pictures, to call it a face.

    A print on a shirt has the mesh for it, but few votes or little evidence.
    """
    votes = sum(item.vote >= _FOR for tracklet in chain for item in tracklet.seen)
    evidence = [value for tracklet in chain for value in tracklet.evidence.values()]
    enough = votes >= min(PROOF, max(1, searched // 2))
    return enough and float(np.percentile(evidence or [0.0], _UPPER)) >= SURE


def link_identities(tracklets: list[Tracklet], max_gap: int) -> list[list[Tracklet]]:
    """Chain tracklets, ordered by appearance, that show one person of one take.

    Over a gap of up to ``max_gap`` frames they must be near each other. Over a longer gap they must also
    be alike in size and appearance.
    """
    from scipy.optimize import linear_sum_assignment

    if not tracklets:
        return []
    cost = np.array([[link_cost(one, other, max_gap) for other in tracklets] for one in tracklets])
    follower = {int(i): int(j) for i, j in zip(*linear_sum_assignment(cost), strict=True) if cost[i, j] < NO_LINK}
    chains = []
    for start in sorted(set(range(len(tracklets))) - set(follower.values())):
        chain = [start]
        while chain[-1] in follower:
            chain.append(follower[chain[-1]])
        chains.append([tracklets[index] for index in chain])
    return chains


def link_cost(one: Tracklet, other: Tracklet, max_gap: int) -> float:
    """Cost of taking a later tracklet for the same person; ``NO_LINK`` if it cannot be."""
    gap = other.numbers[0] - one.numbers[-1] - 1
    if one.take != other.take or gap < 0:
        return NO_LINK
    last, first = one.seen[-1].points, other.seen[0].points
    size = min(one.size, other.size)
    distance = float(np.linalg.norm(last.mean(0) - first.mean(0))) / size
    ratio = max(one.size, other.size) / size
    unlike = 1 - alike(look_of(one), look_of(other))
    near = distance < 1 + 0.1 * gap and ratio < _RATIO if gap <= max_gap else False
    same = distance < _REACH and ratio < _RATIO and unlike < 1 - _ALIKE
    return distance + np.log(ratio) + unlike + 0.01 * gap if near or same else NO_LINK


def look_of(tracklet: Tracklet) -> F32:
    """What the face of a tracklet looks like: the median of its looks, (16, 16, 3)."""
    return np.asarray(np.median([item.look for item in tracklet.seen], axis=0), np.float32)
