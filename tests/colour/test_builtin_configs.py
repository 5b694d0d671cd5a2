"""Every config that the installed OpenColorIO has built in: known by its name, with the same numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import PyOpenColorIO as Ocio
import pytest

from vfxage.colour.config import BUILTIN
from vfxage.colour.primaries import PRIMARIES
from vfxage.colour.space import Colour
from vfxage.errors import ShotError
from vfxage.shot import load_shot

NAMES = [name for name, *_ in Ocio.BuiltinConfigRegistry().getBuiltinConfigs()]
CODES = np.linspace(0.1, 0.9, 24, dtype=np.float32).reshape(8, 3)
SHOT = "plate: p.%04d.exr\nsource_age: 30\ntarget_age: 60\nocio: "


def logc3(code: np.ndarray) -> np.ndarray:
    """ARRI LogC3 at EI 800 to linear (ARRI, ALEXA Log C Curve, 2017)."""
    log = (10 ** ((code - 0.385537) / 0.247190) - 0.052272) / 5.555556
    return np.where(code > 0.149658, log, (code - 0.092809) / 5.367655)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("written", ["{}", "ocio://{}"])
def test_a_shot_names_a_built_in_config_and_gets_its_numbers(tmp_path: Path, name: str, written: str) -> None:
    (tmp_path / "s.yaml").write_text(SHOT + written.format(name))
    config = load_shot(tmp_path / "s.yaml").ocio
    assert config == f"ocio://{name}"
    video = Colour("Rec.1886 Rec.709 - Display", config)
    np.testing.assert_allclose(video.to_linear(CODES), CODES.astype(np.float64) ** 2.4, atol=2e-5)
    assert video.linear_name == "Linear Rec.709 (sRGB)"
    if name.startswith("studio"):
        camera = Colour("ARRI LogC3 (EI800)", config)
        np.testing.assert_allclose(camera.to_linear(CODES), logc3(CODES.astype(np.float64)), rtol=2e-3)
        assert camera.linear_name == "Linear ARRI Wide Gamut 3"


@pytest.mark.parametrize("name", NAMES)
def test_what_an_exr_names_by_chromaticities_works_with_every_config(name: str) -> None:
    for space, chromaticities in PRIMARIES.items():
        colour = Colour(space, f"ocio://{name}")
        assert colour.linear
        np.testing.assert_allclose(colour.chromaticities, chromaticities, atol=2e-3)


def test_the_default_is_aces_1_3_whatever_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OCIO", raising=False)
    assert BUILTIN == "studio-config-v2.2.0_aces-v1.3_ocio-v2.4"
    assert Colour("ARRI LogC3 (EI800)").fingerprint == Colour("ARRI LogC3 (EI800)", f"ocio://{BUILTIN}").fingerprint


def test_a_wrong_name_of_a_built_in_config_lists_the_near_ones() -> None:
    with pytest.raises(ShotError, match="studio-config-v9") as caught:
        Colour("ACEScg", "ocio://studio-config-v9")
    assert "ocio://studio-config-v2.2.0_aces-v1.3_ocio-v2.4" in caught.value.fix


def test_a_file_of_a_similar_name_is_still_a_file(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(SHOT + "studio-config-v4.0.0_aces-v2.0_ocio-v2.5.ocio")
    expected = str(tmp_path / "studio-config-v4.0.0_aces-v2.0_ocio-v2.5.ocio")
    assert load_shot(tmp_path / "s.yaml").ocio == expected
