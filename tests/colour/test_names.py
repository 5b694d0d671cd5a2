"""How colour spaces are named: by video tags, chromaticities, aliases, and configs of a house."""

from __future__ import annotations

import re

import numpy as np
import OpenImageIO as oiio
import pytest

from tests.colours import convert, ramp
from vfxage.colour.cicp import from_cicp
from vfxage.colour.config import BUILTIN, described_spaces, known_spaces
from vfxage.colour.primaries import PRIMARIES, from_chromaticities
from vfxage.colour.space import Colour
from vfxage.errors import ShotError

CODES = np.arange(65536) / 65535


@pytest.fixture(scope="module")
def colours() -> dict[str, Colour]:
    return {name: Colour(name) for name in known_spaces() if not name.startswith("ADX")}


@pytest.mark.parametrize(
    ("primaries", "transfer", "name"),
    [
        (1, 1, "Rec.1886 Rec.709 - Display"),
        (2, 2, "Rec.1886 Rec.709 - Display"),
        (6, 6, "Rec.1886 Rec.709 - Display"),
        (5, 6, "Rec.1886 Rec.709 - Display"),
        (5, 5, "Rec.1886 Rec.709 - Display"),
        (9, 14, "Rec.1886 Rec.2020 - Display"),
        (1, 13, "sRGB Encoded Rec.709 (sRGB)"),
        (12, 13, "sRGB Encoded P3-D65"),
        (1, 8, "Linear Rec.709 (sRGB)"),
        (9, 16, "Rec.2100-PQ - Display"),
        (9, 18, "Rec.2100-HLG - Display"),
        (12, 16, "ST2084-P3-D65 - Display"),
        (11, 17, "P3-DCI - Display"),
        (1, 4, "Gamma 2.2 Encoded Rec.709"),
    ],
)
def test_a_videos_tags_name_its_space(colours, primaries, transfer, name):
    assert from_cicp(primaries, transfer) == name
    assert name in colours


@pytest.mark.parametrize("tags", [(1, 5), (12, 1), (4, 4), (22, 1), (9, 13), (0, 0), (1, 99)])
def test_tags_with_no_equal_ask_for_a_name(tags):
    with pytest.raises(ShotError, match="colorspace:"):
        from_cicp(*tags)


@pytest.mark.parametrize("name", PRIMARIES)
def test_published_chromaticities_are_those_of_the_space(colours, name):
    """By OpenImageIO: white is neutral in ACES2065-1 and each primary has the published x, y once unadapted."""
    assert colours[name].chromaticities == PRIMARIES[name]
    assert from_chromaticities(np.array(PRIMARIES[name], np.float32).tolist()) == name
    white = convert(np.ones((1, 3), np.float32), name, "ACES2065-1")
    np.testing.assert_allclose(white, 1, atol=2e-4)
    if PRIMARIES[name][6:] == (0.3127, 0.329):
        xyz = convert(np.eye(3, dtype=np.float32), name, "CIE XYZ-D65 - Scene-referred")
        np.testing.assert_allclose(
            (xyz[:, :2] / xyz.sum(axis=1, keepdims=True)).ravel(), PRIMARIES[name][:6], atol=6e-3
        )


def test_chromaticities_of_real_files(exrs):
    names = {}
    for file in ("chromaticities_ap0_Carrots.exr", "Rec709_YC.exr"):
        found = oiio.ImageBuf(str(exrs / file)).spec().get("chromaticities")
        names[file] = found and from_chromaticities(found)
    assert names["chromaticities_ap0_Carrots.exr"] == "ACES2065-1"
    assert names["Rec709_YC.exr"] in (None, "Linear Rec.709 (sRGB)")


@pytest.mark.parametrize(
    "values", [(0.5,) * 8, (0.64, 0.33), (float("nan"),) * 8, (0.64, 0.33, 0.3, 0.6, 0.15, 0.06, 0.35, 0.36)]
)
def test_other_chromaticities_are_nobodys(values):
    assert from_chromaticities(values) is None


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("lin_ap1", "ACEScg"),
        ("scene_linear", "ACEScg"),
        ("acescg", "ACEScg"),
        ("Utility - Linear - sRGB", "Linear Rec.709 (sRGB)"),
    ],
)
def test_aliases_roles_and_case(given, name):
    assert Colour(given).name == name


@pytest.mark.parametrize(
    ("name", "reported"),
    [
        ("Linear Rec.790 (sRGB)", "Linear Rec.709 (sRGB)"),
        ("ARRI LogC3", "ARRI LogC3 (EI800)"),
        ("aces_cg", "ACEScg"),
        ("", "did you mean"),
        ("Raw", "for data"),
        ("ADX10", "mixes its channels"),
    ],
)
def test_a_wrong_space_names_the_nearest(name, reported):
    with pytest.raises(ShotError, match=re.escape(reported)):
        Colour(name)


CUSTOM = """
ocio_profile_version: 2.1
roles: {aces_interchange: AP0, scene_linear: AP0, default: AP0}
file_rules: [!<Rule> {name: Default, colorspace: default}]
displays:
  screen: [!<View> {name: Raw, colorspace: AP0}]
colorspaces:
  - !<ColorSpace> {name: AP0, encoding: scene-linear}
  - !<ColorSpace>
    name: House Log
    to_scene_reference: !<GroupTransform>
      children:
        - !<ExponentTransform> {value: [3, 3, 3, 1]}
        - !<MatrixTransform> {matrix: [0.7, 0.2, 0.1, 0, 0.1, 0.8, 0.1, 0, 0, 0.1, 0.9, 0, 0, 0, 0, 1]}
"""


@pytest.fixture
def house(tmp_path):
    (tmp_path / "house.ocio").write_text(CUSTOM)
    return tmp_path / "house.ocio"


def test_a_config_of_the_house_counts(house, monkeypatch):
    assert known_spaces(house) == ["AP0", "House Log"]
    assert [row[0] for row in described_spaces(house)] == known_spaces(house)
    monkeypatch.setenv("OCIO", str(house))
    assert known_spaces() == ["AP0", "House Log"]
    with pytest.raises(ShotError, match="House Log"):
        Colour("House Lag")
    assert Colour("ACEScg", f"ocio://{BUILTIN}").name == "ACEScg"


def test_a_space_without_a_linear_one_of_its_own_still_has_its_own_primaries(house):
    colour = Colour("House Log", house)
    assert colour.linear_name is None
    np.testing.assert_allclose(colour.table(), CODES**3, rtol=1e-5, atol=1e-7)
    linear = ramp(0, 2)
    matrix = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0, 0.1, 0.9]])
    expected = convert((linear @ matrix.T).astype(np.float32), "ACES2065-1", "sRGB Encoded Rec.709 (sRGB)")
    np.testing.assert_allclose(colour.encode(linear), expected, rtol=1e-4, atol=3e-4)


@pytest.mark.parametrize("text", [None, "", "not: a config", "ocio_profile_version: 2\ncolorspaces: 3"])
def test_a_bad_config_is_one_line(tmp_path, monkeypatch, text):
    path = tmp_path / "bad.ocio"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ShotError, match=r"bad\.ocio") as caught:
        Colour("ACEScg", path)
    assert "\n" not in str(caught.value)
    monkeypatch.setenv("OCIO", str(path))
    with pytest.raises(ShotError, match=r"\$OCIO"):
        known_spaces()
