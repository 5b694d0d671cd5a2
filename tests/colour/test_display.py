"""Pictures through a display and view, against OpenColorIO's own processors."""

from __future__ import annotations

import numpy as np
import PyOpenColorIO as Ocio
import pytest

from vfxage.colour.config import BUILTIN
from vfxage.colour.display import DisplayChoice, ViewError, viewing
from vfxage.colour.space import Colour

MUTE = """ocio_profile_version: 2
roles: {default: lin, scene_linear: lin, aces_interchange: lin}
displays: {}
colorspaces:
  - !<ColorSpace> {name: lin}
"""
"""A config that can place its spaces and has no display."""


def ramp():
    light = np.repeat(np.geomspace(0.001, 16, 500, dtype=np.float32)[None, :, None], 3, 2)
    light[..., 0] *= 1.3
    return light


def by_ocio(config, source, display, view):
    shown = ramp()
    transform = Ocio.DisplayViewTransform(src=source, display=display, view=view)
    config.getProcessor(transform).getDefaultCPUProcessor().applyRGB(shown)
    return np.rint(np.clip(shown, 0, 1) * 255)


@pytest.mark.parametrize(
    ("name", "linear"), [("ACEScg", "ACEScg"), ("ACEScct", "ACEScg"), ("Linear P3-D65", "Linear P3-D65")]
)
@pytest.mark.parametrize("view", [None, "Un-tone-mapped"])
def test_a_ramp_looks_as_opencolorio_shows_it(name, linear, view):
    config = Ocio.Config.CreateFromBuiltinConfig(BUILTIN)
    display = config.getDefaultDisplay()
    found = viewing(Colour(name, BUILTIN), BUILTIN, DisplayChoice(view=view)).show(ramp())
    wanted = by_ocio(config, linear, display, view or config.getDefaultView(display))
    assert np.abs(found - wanted).max() <= 1


@pytest.mark.parametrize(
    ("name", "display", "view"),
    [
        ("studio-config-v4.0.0_aces-v2.0_ocio-v2.5", "sRGB - Display", "ACES 2.0 - SDR 100 nits (Rec.709)"),
        ("studio-config-v4.0.0_aces-v2.0_ocio-v2.5", "Rec.2100-PQ - Display", "ACES 2.0 - HDR 1000 nits (Rec.2020)"),
        (
            "cg-config-v1.0.0_aces-v1.3_ocio-v2.1",
            "ST2084-P3-D65 - Display",
            "ACES 1.1 - HDR Video (1000 nits & P3 lim)",
        ),
    ],
)
def test_displays_of_other_configs_and_of_hdr_look_as_opencolorio_shows_them(name, display, view):
    config = Ocio.Config.CreateFromBuiltinConfig(name)
    seen = viewing(Colour("ACEScg", f"ocio://{name}"), f"ocio://{name}", DisplayChoice(display, view))
    assert np.abs(seen.show(ramp()) - by_ocio(config, "ACEScg", display, view)).max() <= 1
    assert seen.space == display


def test_the_default_view_keeps_detail_in_highlights():
    show = viewing(Colour("ACEScg", BUILTIN), BUILTIN, DisplayChoice()).show
    four, eight = (int(show(np.full((1, 1, 3), value, np.float32)).max()) for value in (4, 8))
    assert four < eight < 255


def test_a_video_plate_is_shown_as_it_is_unless_a_view_is_chosen():
    plate = Colour("sRGB - Texture", BUILTIN)
    codes = np.repeat(np.arange(256, dtype=np.float32)[None, :, None] / 255, 3, 2)
    light = np.where(codes <= 0.04045, codes / 12.92, ((codes + 0.055) / 1.055) ** 2.4).astype(np.float32)
    shown = viewing(plate, BUILTIN, DisplayChoice()).show(light)
    np.testing.assert_allclose(shown, np.rint(codes * 255), atol=1)
    toned = viewing(plate, BUILTIN, DisplayChoice(view="ACES 1.0 - SDR Video")).show(light)
    assert np.abs(toned.astype(int) - shown).max() > 10


def test_samples_that_are_no_numbers_are_shown():
    light = np.full((1, 4, 3), (np.nan), np.float32)
    light[0, 1:] = np.array([np.inf, -np.inf, 1e30])[:, None]
    shown = viewing(Colour("ACEScg", BUILTIN), BUILTIN, DisplayChoice()).show(light)[0, :, 0]
    assert shown.tolist() == [0, 255, 0, 255]


@pytest.mark.parametrize(
    ("choice", "key", "names"),
    [
        (DisplayChoice(display="sRGB - Dispaly"), "display", "sRGB - Display"),
        (DisplayChoice(view="nope"), "view", "Un-tone-mapped"),
    ],
)
def test_an_unknown_name_is_answered_with_those_there_are(choice, key, names):
    with pytest.raises(ViewError, match=f"no {key}") as caught:
        viewing(Colour("ACEScg", BUILTIN), BUILTIN, choice)
    assert caught.value.key == key
    assert names in str(caught.value.fix)


def test_a_config_without_displays_shows_srgb(tmp_path):
    path = tmp_path / "config.ocio"
    path.write_text(MUTE)
    plate = Colour("lin", path)
    shown = viewing(plate, path, DisplayChoice()).show(np.full((1, 1, 3), 0.18, np.float32))
    np.testing.assert_allclose(shown, 118, atol=2)  # grey in ACES2065-1 is grey in sRGB
    with pytest.raises(ViewError):
        viewing(plate, path, DisplayChoice(view="film"))
