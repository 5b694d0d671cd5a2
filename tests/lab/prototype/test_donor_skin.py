"""Who gives which region of old skin, and where it is laid."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vfxage.ager.prototype.data import REGIONS
from vfxage.ager.prototype.mesh import CANON
from vfxage.lab.prototype.donor_skin import ASSEMBLIES, MOST_REGIONS, Donor, Offer, assemble, choose

KINDS = ("forehead", "eye", "cheek", "mouth", "nose")


def offers(people, portraits_each, scores):
    """Every portrait offers every kind."""
    found: dict[str, list[Any]] = {kind: [] for kind in KINDS}
    for donor in range(people * portraits_each):
        for kind in KINDS:
            found[kind].append(
                Offer(score=scores(donor, kind), donor=donor, person=f"p{donor // portraits_each}", mirrored=False)
            )
    return found


@settings(max_examples=40, deadline=None)
@given(people=st.integers(20, 40), each=st.integers(1, 4), seed=st.integers(0, 99))
def test_nobody_gives_much(people, each, seed):
    """Whatever the scores, and however many portraits of one person there are."""
    rng = np.random.default_rng(seed)
    chosen = choose(offers(people, each, lambda donor, kind: float(rng.random())))
    given_by: Counter[str] = Counter()
    assert len(chosen) == ASSEMBLIES
    for assembly in chosen:
        assert set(assembly) == set(REGIONS)
        names = [offer.person for offer in assembly.values()]
        assert len(set(names)) == len(names)
        given_by.update(names)
    assert max(given_by.values()) <= MOST_REGIONS


def test_a_region_that_nobody_offers_stays_out():
    found = offers(20, 1, lambda donor, kind: 1.0)
    found["forehead"] = []
    assert all(set(assembly) == set(REGIONS) - {"forehead"} for assembly in choose(found))
    assert choose({}) == [{}] * ASSEMBLIES


def test_too_few_people_are_never_twice_in_one_assembly():
    for assembly in choose(offers(3, 2, lambda donor, kind: 1.0)):
        names = [offer.person for offer in assembly.values()]
        assert len(names) == len(set(names)) == 3


@pytest.mark.parametrize(
    ("name", "mirrored", "at"), [("cheek_left", False, 100), ("cheek_left", True, 283), ("cheek_right", False, 283),
                                 ("cheek_right", True, 100)]
)  # fmt: skip
def test_detail_is_laid_on_its_side(name, mirrored, at):
    """Regions are offered as the left one lies: a crease at column 100, laid as it is or mirrored."""
    level = np.zeros((CANON, CANON), np.float32)
    level[180:220, 100] = -0.2
    blank = np.zeros((CANON, CANON, 3), np.float32)
    donor = Donor(
        person="p", levels=(level, *[np.zeros_like(level)] * 4), colours=(blank,) * 5, bare=np.ones_like(level)
    )
    masks = {"texture": np.ones_like(level), name: np.ones_like(level)}
    fine, middle, chroma = assemble({name: Offer(score=1, donor=0, person="p", mirrored=mirrored)}, {0: donor}, masks)
    assert fine[200].argmin() == at
    assert fine[200, at] < -0.05
    assert not middle.any()
    assert not chroma.any()
