"""Regression against changes with age that were planted: their place, sign and size come out."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from vfxage.ager.relief.mean_face import FLOOR
from vfxage.ager.relief.mesh import CANON
from vfxage.lab.mean_face.canon import Canon
from vfxage.lab.mean_face.regress import Regression, covariates, unfold
from vfxage.lab.portraits import read_portrait, scan_portraits

AGES = np.linspace(15, 55, 9)
"""Below the second column's bend at 55: all change is in the first."""
SLOPE = -0.06
"""Of log luma, a decade."""
WIDE = 6.0
"""Sigma of the spots, canonical pixels."""
SPOTS = (50, 280)


@pytest.fixture(scope="module")
def base(people):
    return scan_portraits(people).portraits[2]


@pytest.fixture(scope="module")
def canon(people):
    return Canon([item.points for item in scan_portraits(people).portraits])


@pytest.fixture(scope="module")
def painted(base, canon, tmp_path_factory):
    """One face at nine ages that differ by spots on its cheeks alone."""
    folder = tmp_path_factory.mktemp("painted")
    rgb = read_portrait(base)
    y, x = np.mgrid[: rgb.shape[0], : rgb.shape[1]] + 0.5
    height = [np.hypot(*(at[10] - at[152])) for at in (base.points, canon.mean)]
    sigma = WIDE * height[0] / height[1]
    spots = sum(np.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * sigma**2)) for px, py in base.points[list(SPOTS)])
    made = []
    for age in AGES:
        change = np.exp(SLOPE * (age - 45) / 10 * spots)[..., None]
        picture = np.clip((rgb + FLOOR) * change - FLOOR, 0, 1)
        path = folder / f"{age:g}.png"
        cv2.imwrite(str(path), np.round(picture[..., ::-1] * 255).astype(np.uint8))
        made.append(replace(base, path=path, person=f"p{age:g}", age=float(age)))
    return made


def test_a_planted_change_comes_out_where_and_as_large_as_it_is(painted, canon):
    texture = canon.masks()["texture"]
    regression = Regression()
    for item in painted:
        regression.add(covariates(item), unfold(item, canon, texture))
    shade = regression.solve()
    assert shade.shape == (2, CANON // 2, CANON // 2)
    # A Gaussian of variance v, blurred by another of variance b, keeps v / (v + b) of its height; the map keeps what
    # lies between the second blur and the fifth, each on top of those before.
    narrow, broad = np.cumsum(np.square([0.7, 1.5, 3.0, 6.0, 12.0]))[[1, 4]]
    expected = SLOPE * (WIDE**2 / (WIDE**2 + narrow) - WIDE**2 / (WIDE**2 + broad))
    at = (canon.mean / 2).astype(int)
    for spot in SPOTS:
        found = shade[0][at[spot, 1], at[spot, 0]]
        assert 0.7 * expected > found > 1.05 * expected
    for other in (151, 9, 4, 152, 199):
        assert abs(shade[0][at[other, 1], at[other, 0]]) < 0.1 * abs(expected)
    assert np.abs(shade[1]).max() < 0.1 * abs(expected)


def test_portraits_without_points_are_refused(base, canon):
    bare = replace(base, points=None)
    with pytest.raises(ValueError, match="mesh_portraits"):
        covariates(bare)
    with pytest.raises(ValueError, match="mesh_portraits"):
        unfold(bare, canon, canon.masks()["texture"])
