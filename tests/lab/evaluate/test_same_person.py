"""Real pairs of one person against ours, with judges whose answers are known."""

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from PIL import Image

from tests.lab.evaluate.faces import MadeUp, mesh
from vfxage.lab.evaluate.faces import Subject
from vfxage.lab.evaluate.same_person import measure_same_person, pairs_of
from vfxage.lab.portraits import Portrait
from vfxage.progress import Silent


def subject(person, age, folder="a", path="x.png", points=None):
    portrait = Portrait(path=path, person=person, age=float(age), size=(256, 256), points=points)
    return Subject(portrait=portrait, photos=folder)


def test_pairs_are_the_ends_of_each_persons_years_over_all_folders(tmp_path):
    subjects = [
        *(subject("ann", age, folder) for age, folder in ((30, "a"), (34, "a"), (52, "b"))),
        *(subject("bob", age) for age in (40, 44.9)),
        *(subject("cid", age) for age in (20, 26)),
        *(subject("dan", age) for age in (12, 40)),
        subject("eve", 50),
    ]
    found = [(one.portrait.person, one.portrait.age, other.portrait.age) for one, other in pairs_of(subjects)]
    assert found == [("ann", 30, 52), ("cid", 20, 26)]


class Brightness:
    """Judges that see nothing but the mean of each colour, and read 100 years where it is white."""

    finder = SimpleNamespace(follow=lambda picture, points: None)

    def read(self, subject, rgb, points):
        return 100 * float(rgb.mean())

    def look(self, subject, rgb, points):
        return rgb.mean(axis=(0, 1)).astype(np.float64)

    def why_silent(self, subject, age, tone):
        return "it has seen too few people of that age" if age > 80 else ""

    def likeness_to(self, rgb, points):
        return lambda other, mesh: 1 - float(np.abs(other.mean() - rgb.mean()))


@pytest.fixture
def people(portraits, tmp_path):
    """Two people: one gets redder by 0.1 with age, the other bluer by 0.1."""
    points = mesh(portraits, 256)

    def one(person, age, colour):
        path = tmp_path / f"{person}_{age}.png"
        Image.fromarray(np.full((256, 256, 3), np.round(np.array(colour) * 255), np.uint8)).save(path)
        return subject(person, age, path=path, points=points)

    return (
        (one("ann", 30, (0.4, 0.4, 0.4)), one("ann", 50, (0.5, 0.4, 0.4))),
        (one("bob", 30, (0.4, 0.4, 0.4)), one("bob", 50, (0.4, 0.4, 0.5))),
    )


def redder(crop):
    """As Ann ages: to red when older, from red when younger."""
    step = np.zeros_like(crop.rgb)
    step[..., 0] = 0.1 * np.sign(crop.ages[1] - crop.ages[0])
    return step


def test_ours_is_compared_with_the_persons_own_change_and_with_others(people):
    found = measure_same_person(MadeUp(redder), people, cast(Any, Brightness()), Silent(), 1)
    ann_older, ann_younger, bob_older, bob_younger = found
    assert [one.older for one in found] == [True, False, True, False]
    assert (ann_older.start, ann_older.end) == (30, 50)
    assert ann_older.real_moved == pytest.approx(100 * 0.1 / 3, abs=0.2)
    assert 0 < ann_older.made_moved < ann_older.real_moved  # under the matte only
    assert ann_older.along == pytest.approx(1, abs=0.01)
    assert ann_older.along_others == pytest.approx(0, abs=0.05)
    assert ann_younger.along == pytest.approx(1, abs=0.01)
    assert ann_younger.real_moved == pytest.approx(-ann_older.real_moved)
    assert (bob_older.along, bob_younger.along) == pytest.approx((0, 0), abs=0.05)
    assert bob_older.along_others == pytest.approx(1, abs=0.01)
    assert ann_older.made_likeness > ann_older.real_likeness


def test_years_are_silent_where_the_reader_is(people):
    ((young, old), _) = people
    ancient = Subject(portrait=Portrait(path=old.portrait.path, person="ann", age=85.0, size=(256, 256),
                                        points=old.portrait.points), photos="a")  # fmt: skip
    one, _ = measure_same_person(MadeUp(redder), [(young, ancient)], cast(Any, Brightness()), Silent(), 1)
    assert (one.real_moved, one.made_moved) == (None, None)
    assert one.along == pytest.approx(1, abs=0.01)
    assert np.isnan(one.along_others)
