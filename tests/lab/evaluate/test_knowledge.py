"""Where an age reader must be silent."""

import pytest

from vfxage.lab.evaluate.knowledge import Knowledge, Person
from vfxage.lab.evaluate.skin_tone import typology_angle

PALE_OLD = [Person(f"old{k}", 60.0 + k, 50.0) for k in range(6)]
DARK_YOUNG = [Person(f"young{k}", 25.0 + k, -10.0) for k in range(6)]
KNOWLEDGE = Knowledge([*PALE_OLD, *DARK_YOUNG])


@pytest.mark.parametrize(
    ("age", "tone", "words"),
    [
        (62, 45, ""),
        (27, 0, ""),
        (45, 50, "of that age"),
        (90, 50, "of that age"),
        (62, 20, "with such skin"),
        (62, -10, "of that age with such skin"),
        (27, 50, "of that age with such skin"),
    ],
)
def test_a_doubt_names_what_was_not_seen(age, tone, words):
    assert KNOWLEDGE.why_silent(age, tone).endswith(words)
    assert bool(KNOWLEDGE.why_silent(age, tone)) == bool(words)


def test_one_persons_portraits_count_once_and_the_own_ones_not_at_all():
    twins = Knowledge([Person("one", 60.0, 50.0)] * 9)
    assert twins.why_silent(60, 50)
    five = Knowledge(PALE_OLD[:5])
    assert not five.why_silent(62, 50)
    assert five.why_silent(62, 50, without="old2")


def test_the_typology_angle_is_that_of_its_definition():
    """arctan((L - 50) / b): L* and b* of two colours by scikit-image, which OpenCV has no part in."""
    import numpy as np
    from skimage.color import rgb2lab

    for colour in ((0.85, 0.68, 0.58), (0.55, 0.38, 0.28), (0.35, 0.22, 0.15)):
        lab = rgb2lab(np.array(colour).reshape(1, 1, 3))[0, 0]
        wanted = np.degrees(np.arctan2(lab[0] - 50, lab[2]))
        assert typology_angle(np.array(colour, np.float32)) == pytest.approx(max(wanted, -30), abs=0.5)
