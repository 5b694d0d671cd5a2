"""Figures over many faces, from rows whose movements are known; sheets; who is chosen."""

import numpy as np
import pytest
from PIL import Image

from tests.lab.evaluate.faces import crop, mesh, some_portraits
from vfxage.errors import ShotError
from vfxage.lab.evaluate.faces import Aged, Subject, spread, targets_of
from vfxage.lab.evaluate.lines import monotone, moved_half
from vfxage.lab.evaluate.rows import STEPS, Row
from vfxage.lab.evaluate.sheets import TILE, choose_people, draw_sheet, make_tiles, own_tile
from vfxage.lab.evaluate.spatial import Spatial
from vfxage.lab.evaluate.years import OTHER, OWN, GroupError, years_by_group, years_table
from vfxage.lab.portraits import scan_portraits

NOTHING = Spatial(places={}, changed_outside=0, largest_outside=0, low_bands=1)
STEMS = ["lon_001_neutral", "lon_005_neutral", "lon_011_neutral", "lon_043_neutral", "con_B000490"]


def row(face, asked, read_aged, read=40.0, **other):
    known = {
        "age": 40.0,
        "sex": "F",
        "tone": 40.0,
        "why_silent": "",
        "estimated": None,
        "estimated_aged": None,
        **other,
    }
    return Row(
        face=face, photos="set", asked=asked, read=read, read_aged=read_aged, spatial=NOTHING, likeness=None, **known
    )


def test_monotone_counts_faces_that_rise_at_every_rung_through_the_face_as_it_is():
    rising = [row("a", -15, 38), row("a", 20, 42), row("a", 40, 43)]
    falls_late = [row("b", -15, 38), row("b", 20, 44), row("b", 40, 43)]
    younger_is_older = [row("c", -15, 41), row("c", 20, 45)]
    flat = [row("d", 20, 40)]
    assert monotone(rising) == 1
    assert monotone([*rising, *falls_late, *younger_is_older, *flat]) == pytest.approx(1 / 4)
    assert monotone([*rising, row("e", 20, None, why_silent="too few")]) == 1


YOUNG_WOMEN = [row(f"w{k}", 20, 40 + years, age=30.0) for k, years in enumerate((6, 7, 8, 9, 10))]
DARK_MEN = [row(f"m{k}", 20, 44.0, age=60.0, sex="M", tone=0.0) for k in range(5)]
KNOWN = [GroupError(group=name, portraits=20, error=5.0) for name in
         ("everybody", "women", "men", "under 35", "over 50", "dark skin")]  # fmt: skip


def years(rows, errors=KNOWN):
    """Mean years of each group for +20, with a slope of 0.5."""
    return {one.group: one for one in years_by_group(rows, 0.5, errors) if one.asked == 20}


def test_years_are_means_by_group_over_the_slope_and_marked_below_half():
    found = years([*YOUNG_WOMEN, *DARK_MEN])
    assert {name: one.moved for name, one in found.items()} == pytest.approx(
        {"everybody": 12.0, "women": 16.0, "men": 8.0, "dark skin": 8.0, "under 35": 16.0, "over 50": 8.0}
    )
    assert {name for name, one in found.items() if one.enough} == {"everybody", "women", "under 35"}
    shown = {one["group"]: one for one in years_table(list(found.values()), KNOWN, OWN)}
    assert shown["women"]["+20 (half +10.0)"] == "+16.0"
    assert shown["men"]["+20 (half +10.0)"] == "+8.0 below half"
    assert shown["men"]["reader's error"] == "5.0"


def test_groups_with_few_faces_or_few_portraits_get_a_dash_and_a_reason():
    silent = [row(f"s{k}", 20, None, why_silent="it has seen too few people of that age", sex="M") for k in range(6)]
    found = years([*YOUNG_WOMEN, *silent])
    assert found["men"].moved is None
    assert "0 of 6 faces can be read" in found["men"].why
    assert "of that age" in found["men"].why
    assert years(YOUNG_WOMEN[:4])["women"].moved is None
    ignorant = [GroupError(group=one.group, portraits=2, error=None) for one in KNOWN]
    assert "too few portraits of the group" in years(YOUNG_WOMEN, ignorant)["women"].why


def test_a_reader_that_has_learned_little_says_nothing():
    (found,) = [one for one in years_by_group(YOUNG_WOMEN, 0.3, KNOWN) if (one.group, one.asked) == ("women", 20)]
    assert found.moved is None
    assert "a true year reads as 0.30" in found.why


def test_another_estimator_has_a_table_of_its_own_without_a_slope():
    rows = [row(f"w{k}", 20, 48.0, estimated=41.0, estimated_aged=53.0) for k in range(5)]
    found = {one.reader: one.moved for one in years_by_group(rows, 0.5, KNOWN) if one.group == "women" and one.faces}
    assert found == {OWN: 16.0, OTHER: 12.0}


def test_half_is_counted_in_the_direction_asked():
    assert moved_half([row("a", 20, 50)]) == [1]
    assert moved_half([row("a", 20, 49.9)]) == [0]
    assert moved_half([row("a", -30, 25)]) == [1]
    assert moved_half([row("a", -30, 26)]) == [0]
    assert moved_half([row("a", -30, 60)]) == [0]
    assert moved_half([row("a", 20, 46)], 0.6) == [1]  # six years where ten true ones read as six


def test_only_ages_within_the_limits_are_asked():
    assert targets_of(24, STEPS, 18, 90) == [44, 64]
    assert targets_of(60, STEPS, 18, 90) == [30, 45, 80]


@pytest.fixture(scope="module")
def subjects(portraits, tmp_path_factory):
    folder = some_portraits(portraits, tmp_path_factory.mktemp("few") / "set", STEMS)
    return [Subject(portrait=one, photos="set") for one in scan_portraits(folder).portraits]


def test_people_are_spread_over_the_ages(subjects):
    ages = sorted(one.portrait.age for one in subjects)
    assert [one.portrait.age for one in spread(subjects, 2)] == [ages[0], ages[-1]]
    assert len(spread(subjects, 99)) == len(subjects)
    assert spread(subjects, None) == subjects
    with pytest.raises(ShotError, match="--people"):
        spread(subjects, 0)


def test_the_sheets_people_are_unlike_each_other(subjects):
    chosen = choose_people(subjects, 4)
    assert {one.portrait.labels["sex"] for one in chosen} == {"M", "F"}
    assert max(one.portrait.age for one in chosen) > 60
    assert [one.portrait.age for one in chosen] == sorted(one.portrait.age for one in chosen)
    assert len({one.portrait.person for one in choose_people([*subjects, *subjects], 10)}) == len(subjects)


def test_a_sheet_has_a_row_a_person_and_a_column_an_age(portraits, subjects, tmp_path):
    points = mesh(portraits, 256)
    made = crop(points, 256)
    older = Aged(crop=made, step=np.full((256, 256, 3), 0.1, np.float32))
    tiles = {0: own_tile(made, 31.0), 20: make_tiles(older, 45.0)}
    assert np.ptp(own_tile(made, 31.0).delta) <= 1
    middle = TILE // 2
    change = int(tiles[20].delta[middle, middle, 0]) - int(tiles[0].delta[middle, middle, 0])
    assert change == pytest.approx(2 * 0.1 * 255, abs=1.5)
    path = tmp_path / "sheet.png"
    draw_sheet(path, "title", {one.key: (one, tiles) for one in subjects[:2]}, deltas=False)
    with Image.open(path) as page:
        assert page.width == (1 + len(STEPS)) * TILE
        assert 2 * TILE < page.height < 2.5 * TILE
        seen = np.asarray(page)
    assert np.abs(seen[-middle, middle].astype(int) - tiles[0].picture[middle, middle].astype(int)).max() <= 1
