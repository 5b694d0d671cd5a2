"""``vfxage evaluate --shot``: the finished frames of a rendered shot."""

import json
import shutil

import numpy as np
import pytest

from tests.plates import halves, read_exr
from tests.run_vfxage import run
from tests.small_shot import COUNT, EXR, FIRST, MOVIE, small_shot


@pytest.fixture
def copy(plate, whole, tmp_path):
    """A folder with the rendered frames and tracks, and a function that writes a shot file for them."""
    shutil.copytree(whole / "out", tmp_path / "out")
    return lambda **keys: small_shot(plate, tmp_path, **keys)


def measured(shot, *words):
    (face,) = json.loads(run("evaluate", "--shot", shot, "--json", *words).ok().out)["faces"]
    return face


def encoded(linear):
    """sRGB by its formula."""
    light = np.clip(linear, 0, 1)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def strength_of(plate, out):
    """Root mean square of the delta under the matte, in codes: from the files, by OpenImageIO and numpy."""
    power = weight = 0.0
    for number in range(FIRST, FIRST + COUNT):
        before, after = (read_exr(folder / f"man.{number}.exr") for folder in (plate, out))
        matte = halves(after["matte.A"])
        for channel in "RGB":
            change = encoded(halves(after[channel])) - encoded(halves(before[channel]))
            power += float((change**2 * matte).sum())
            weight += float(matte.sum())
    return 255 * np.sqrt(power / weight)


def test_the_frames_on_disk_are_measured(plate, copy, tmp_path):
    face = measured(copy(), "-o", tmp_path / "report")
    assert face["frames"] == [FIRST, FIRST + COUNT - 1]
    assert face["output"].endswith("man.%04d.exr")
    figures = face["temporal"]
    assert figures["strength"] == pytest.approx(strength_of(plate, tmp_path / "out"), rel=0.1)
    assert 0 < figures["warping"] == figures["delta_warping"] / figures["plate_warping"]
    assert figures["tof"] > 0
    assert figures["slip"] is None  # the shot is shorter
    assert face["age"]["beauty"] is None
    assert "--portraits" in face["age"]["why"]
    written = json.loads((tmp_path / "report" / "finished.json").read_text())
    assert written["faces"] == [face]


def test_delta_and_movie_say_the_same_as_the_beauty(copy):
    beauty = measured(copy())["temporal"]
    delta = measured(copy(outputs=[{**EXR, "passes": ["delta", "matte"]}, MOVIE]))
    assert delta["output"].endswith(".exr")
    assert delta["temporal"]["strength"] == pytest.approx(beauty["strength"], rel=0.02)
    movie = measured(copy(outputs=[MOVIE]))
    assert movie["output"].endswith(".mov")
    assert movie["temporal"]["strength"] == pytest.approx(beauty["strength"], rel=0.1)


def test_the_output_nearest_to_what_was_rendered_is_measured(copy):
    """An 8-bit JPEG and a lossy OpenEXR come first in the shot, and neither is on disk: only the chosen one is read."""
    jpeg = {"path": "out/man.%04d.jpg", "passes": ["beauty"]}
    lossy = {**EXR, "path": "out/lossy.%04d.exr", "compression": "dwaa"}
    ran = run("evaluate", "--shot", copy(outputs=[jpeg, lossy, EXR, MOVIE]), "--json").ok()
    (face,) = json.loads(ran.out)["faces"]
    assert face["output"].endswith("man.%04d.exr")
    assert "man.%04d.exr (beauty, scene-linear, lossless), not the other 3 outputs" in ran.err
    ran = run("evaluate", "--shot", copy(outputs=[jpeg, MOVIE, {**EXR, "passes": ["delta"]}]), "--json").ok()
    assert "man.%04d.exr (delta, scene-linear, lossless), not the other 2 outputs" in ran.err


def test_a_delta_in_another_linear_space_means_the_same_change(copy, tmp_path):
    """Its numbers are smaller, since its primaries are wider."""
    beauty = measured(copy())["temporal"]
    aces = {"path": "aces/man.%04d.exr", "passes": ["delta", "matte"], "colorspace": "ACEScg"}
    shot = copy(outputs=[aces], tracks="out/man.tracks.npz")
    run("render", shot).ok()
    delta = measured(shot)
    assert delta["output"].endswith("aces/man.%04d.exr")
    assert delta["temporal"]["strength"] == pytest.approx(beauty["strength"], rel=0.005)
    assert delta["temporal"]["tof"] == pytest.approx(beauty["tof"], rel=0.05)


def test_the_table_has_aims_and_a_reason_for_each_dash(copy):
    lines = run("evaluate", "--shot", copy(), "--frames", f"{FIRST}-{FIRST + 1}").ok().out.splitlines()
    assert f"frames {FIRST}-{FIRST + 1}" in lines[0]
    (slip,) = [line for line in lines if "neck" in line]
    assert "-   " in slip
    assert "0.5 px" in slip
    assert "never appears on 11 frames in a row" in slip
    assert all("-" not in line.split("   ") or len(line.split()) > 6 for line in lines)


def test_frames_that_are_not_there_and_shots_that_were_not_rendered(plate, copy, tmp_path):
    shot = copy()
    (tmp_path / "out" / f"man.{FIRST + 3}.exr").unlink()
    run("evaluate", "--shot", shot).fails(3, "man.", str(FIRST + 3))
    run("evaluate", "--shot", shot, "--frames", "1-2").fails(2, "--frames", "outside")
    run("evaluate", "--shot", copy(outputs=[{**EXR, "passes": ["matte"]}])).fails(2, "beauty", "delta")
    (tmp_path / "new").mkdir()
    run("evaluate", "--shot", small_shot(plate, tmp_path / "new")).fails(4, "vfxage render")
    run("evaluate", "--shot", tmp_path / "gone.yaml").fails(2, "gone.yaml")
    run("evaluate", "--shot", shot, "-m", "bands").fails(2, "--model", "--shot")
