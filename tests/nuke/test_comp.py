"""The script that `vfxage nuke` writes, wired and evaluated on what `vfxage render` wrote."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest

from tests.nuke.interpreter import Script
from tests.plates import decode, halves, read_exr, write_exr, write_shot
from tests.run_vfxage import run
from vfxage.shot.paths import escaped

FIRST = 1001
ODD = 'pl [exec] $x {a "b'
"""A folder's name as hostile to Tcl as a file system allows."""


def script(folder: Path, *words: object) -> Script:
    out = folder / "comp" / "sh010.nk"
    run("nuke", folder / "shot.yaml", "-o", out, "--overwrite", *words).ok()
    return Script(out)


def control(nuke: Script) -> str:
    return next(node.name for node in nuke.nodes.values() if node.kind == "NoOp")


def halved(picture: np.ndarray) -> np.ndarray:
    height, width, _ = picture.shape
    return picture.reshape(height // 2, 2, width // 2, 2, 3).mean(axis=(1, 3))


def less(picture: np.ndarray, other: np.ndarray) -> np.ndarray:
    """What one has more than the other, below the planted values."""
    return picture[20:] - other[20:]


def half(rgb: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        return rgb.astype(np.float16)


def rgb(channels: dict[str, np.ndarray], layer: str = "") -> np.ndarray:
    planes = [channels[f"{layer}{c}"] for c in "RGB"]
    return np.stack([halves(p) if p.dtype == np.uint16 else p for p in planes], axis=-1)


@pytest.fixture(scope="module")
def man(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two small frames of a man with NaN, Inf, negatives and highlights, rendered; paths that Tcl would run."""
    folder = tmp_path_factory.mktemp("man") / ODD
    odd = np.array([np.nan, np.inf, -np.inf, -0.25, -0.0, 4000.0, 65504.0, 6e-8], np.float32)
    for index, picture in enumerate(decode(clips / "androidx_sample.mp4", range(1, 3))):
        picture = halved(picture)[50:350, 140:440].copy()
        picture[5, 10 : 10 + len(odd)] = odd[:, None]
        write_exr(folder / "plate" / f"man.{FIRST + index}.exr", picture)
    write_shot(
        folder,
        plate="plate/man.%04d.exr",
        rate=23.976,
        target_age={1001: 50, 1002: 65},
        matte={"kind": "face"},
        outputs=[{"path": "out/man.%04d.exr"}, {"path": "out/man.mov"}],
    )
    run("render", folder / "shot.yaml").ok()
    return folder


@pytest.mark.parametrize("number", [FIRST, FIRST + 1])
def test_with_the_knobs_as_they_come_the_comp_is_the_beauty_to_the_bit(man: Path, number: int) -> None:
    after = read_exr(man / "out" / f"man.{number}.exr")
    nuke = script(man)
    comp = nuke.render("aged", number)
    assert np.array_equal(half(comp.rgb()), half(rgb(after)), equal_nan=True)
    nuke.set(f"{control(nuke)}.rendered", 1)
    assert np.array_equal(nuke.render("aged", number).rgb(), rgb(after), equal_nan=True)


def test_gain_takes_the_change_away_and_doubles_it(man: Path) -> None:
    before, after = (read_exr(man / place / f"man.{FIRST}.exr") for place in ("plate", "out"))
    nuke = script(man)
    nuke.set(f"{control(nuke)}.gain", 0)
    assert np.array_equal(nuke.render("aged", FIRST).rgb(), rgb(before), equal_nan=True)
    nuke.set(f"{control(nuke)}.gain", 2)
    with np.errstate(invalid="ignore"):
        twice = rgb(before) + 2 * rgb(after, "delta.")
    assert np.array_equal(nuke.render("aged", FIRST).rgb(), twice, equal_nan=True)


def test_saturation_zero_leaves_the_luma_of_the_change(man: Path) -> None:
    before, after = (read_exr(man / place / f"man.{FIRST}.exr") for place in ("plate", "out"))
    nuke = script(man)
    nuke.set(f"{control(nuke)}.saturation", 0)
    luma = rgb(after, "delta.") @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    found = less(nuke.render("aged", FIRST).rgb(), rgb(before))
    assert np.abs(found - luma[20:, :, None]).max() < 1e-5
    assert np.abs(luma).max() > 1e-3


def test_edge_knobs_pull_the_change_in_and_leave_its_middle_alone(man: Path) -> None:
    before, after = (read_exr(man / place / f"man.{FIRST}.exr") for place in ("plate", "out"))
    delta, matte = rgb(after, "delta.")[20:], halves(after["matte.A"])[20:]
    nuke = script(man)
    nuke.set(f"{control(nuke)}.shrink", 4)
    found = less(nuke.render("aged", FIRST).rgb(), rgb(before))
    assert np.all(np.abs(found) <= np.abs(delta) + 1e-5)
    edge = (matte > 0) & (matte < 0.05)
    assert np.abs(found[edge]).sum() < 0.2 * np.abs(delta[edge]).sum()
    nuke.set(f"{control(nuke)}.shrink", 0)
    nuke.set(f"{control(nuke)}.soften", 3)
    found = less(nuke.render("aged", FIRST).rgb(), rgb(before))
    assert np.isfinite(found).all()
    assert np.all(found[matte == 0] == 0)
    assert np.abs(found - delta)[(matte > 0.02) & (matte < 0.98)].max() > 1e-4


def test_script_opens_with_the_shots_range_rate_format_and_ages(man: Path) -> None:
    nuke = script(man)
    root = nuke.root
    assert (root["first_frame"], root["last_frame"], root["fps"]) == ("1001", "1002", "23.976")
    assert root["format"].startswith("300 300 0 0 300 300 1 ")
    assert root["colorManagement"] == "OCIO"
    plate = nuke.nodes["Read_plate"].knobs
    assert (plate["origfirst"], plate["origlast"], plate["origset"]) == ("1001", "1002", "true")
    assert plate["colorspace"] == "Linear Rec.709 (sRGB)"
    assert {node.knobs["on_error"] for node in nuke.nodes.values() if node.kind == "Read"} == {"error"}
    backdrop = next(node for node in nuke.nodes.values() if node.kind == "BackdropNode").knobs
    assert "35 to (50 at 1001, 65 at 1002) years" in backdrop["label"]
    assert "bands" in backdrop["label"]


def test_outside_the_shot_nothing_is_added(man: Path) -> None:
    nuke = script(man, "--set", "frames=1001")
    before = read_exr(man / "plate" / f"man.{FIRST + 1}.exr")
    assert np.array_equal(nuke.render("aged", FIRST + 1).rgb(), rgb(before), equal_nan=True)


def test_viewer_sees_the_working_space(man: Path) -> None:
    nuke = script(man)
    (viewer,) = (node for node in nuke.nodes.values() if node.kind == "Viewer")
    seen, comp = nuke.render(viewer.name, FIRST).rgb(), nuke.render("aged", FIRST).rgb()
    grey = oiio.ImageBuf(np.ascontiguousarray(comp[150:160]))
    acescg = oiio.ImageBufAlgo.colorconvert(grey, "Linear Rec.709 (sRGB)", "ACEScg", colorconfig="ocio://default")
    assert np.abs(seen[150:160] - acescg.get_pixels(oiio.FLOAT)).max() < 1e-4


def wide(picture: np.ndarray, path: Path) -> None:
    """Half the picture squeezed to half its width, 40 pixels of overscan around a display window, pixel aspect 2."""
    small = halved(picture)
    squeezed = small.reshape(small.shape[0], -1, 2, 3).mean(axis=2)
    spec = oiio.ImageSpec(squeezed.shape[1], squeezed.shape[0], 3, "half")
    spec.x, spec.y = 100 - 40, 50 - 40
    spec.full_x, spec.full_y = 100, 50
    spec.full_width, spec.full_height = squeezed.shape[1] - 80, squeezed.shape[0] - 80
    spec.attribute("PixelAspectRatio", 2.0)
    path.parent.mkdir(parents=True, exist_ok=True)
    out = oiio.ImageOutput.create(str(path))
    assert out.open(str(path), spec), out.geterror()
    assert out.write_image(np.ascontiguousarray(squeezed.astype(np.float16)))
    out.close()


@pytest.fixture(scope="module")
def anamorphic(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("anamorphic")
    for number, picture in enumerate(decode(clips / "androidx_sample.mp4", range(1, 3)), FIRST):
        wide(picture, folder / "plate" / f"man.{number}.exr")
    outputs = [{"path": "out/beauty.%04d.exr", "passes": ["beauty"]}]
    outputs += [{"path": f"out/{name}.%04d.exr", "passes": [name]} for name in ("delta", "matte")]
    write_shot(folder, plate="plate/man.####.exr", colorspace="ACEScg", outputs=outputs)
    run("render", folder / "shot.yaml").ok()
    return folder


def test_overscan_pixel_aspect_and_passes_in_files_of_their_own(anamorphic: Path) -> None:
    nuke = script(anamorphic)
    assert nuke.root["format"].startswith("190 280 0 0 190 280 2 ")
    comp = nuke.render("aged", FIRST)
    assert comp.box == (-40, -40, 230, 320)
    beauty = rgb(read_exr(anamorphic / "out" / f"beauty.{FIRST}.exr"))
    assert np.array_equal(half(comp.rgb()), half(beauty))
    nuke.set(f"{control(nuke)}.gain", 0)
    assert np.abs(half(nuke.render("aged", FIRST).rgb()) - half(beauty)).max() > 1e-3


@pytest.fixture(scope="module")
def three(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three people side by side at half their size, two of them named."""
    folder = tmp_path_factory.mktemp("three")
    names = ("androidx_sample", "marcie-tv", "signer_hand_over_face")
    people = np.concatenate([decode(clips / f"{name}.mp4", range(1, 2))[0] for name in names], axis=1)
    write_exr(folder / "plate.1001.exr", halved(people))
    faces = [
        {"name": "lead", "select": "left"},
        {"name": "others", "select": "right", "target_age": 80, "intensity": 0.5},
        {"select": {"frame": FIRST, "point": [540 + 320, 150]}},
    ]
    write_shot(folder, plate="plate.%04d.exr", faces=faces, outputs=[{"path": "out/three.%04d.exr"}])
    run("render", folder / "shot.yaml").ok()
    return folder


def test_each_named_face_has_its_own_knobs_and_the_rest_are_not_lost(three: Path) -> None:
    after = read_exr(three / "out" / f"three.{FIRST}.exr")
    before = rgb(read_exr(three / f"plate.{FIRST}.exr"))
    beauty, matte = rgb(after), halves(after["matte.A"])
    nuke = script(three)
    comp = nuke.render("aged", FIRST).rgb()
    assert np.array_equal(comp[matte == 0], before[matte == 0])
    # Shares added one by one may round to the neighbouring half: at most one unit in its last place.
    steps = np.abs(half(comp).view(np.int16).astype(int) - half(beauty).view(np.int16).astype(int))
    assert steps.max() <= 1
    assert (steps > 0).mean() < 1e-4
    for face, prefix in (("lead", "lead_"), ("others", "others_")):
        nuke = script(three)
        nuke.set(f"{control(nuke)}.{prefix}gain", 0)
        without = beauty - rgb(after, f"delta_{face}.")
        assert np.abs(nuke.render("aged", FIRST).rgb() - without).max() < 1e-3 * max(1, np.abs(beauty).max())
        assert np.abs(rgb(after, f"delta_{face}.")).max() > 1e-2
    nuke = script(three)
    nuke.set(f"{control(nuke)}._others_gain", 0)
    named = before + rgb(after, "delta_lead.") + rgb(after, "delta_others.")
    assert np.abs(nuke.render("aged", FIRST).rgb() - named).max() < 1e-5
    assert np.abs(named - beauty).max() > 1e-2


def test_plate_with_a_curve_is_linearised_as_the_passes_are(clips: Path, tmp_path: Path) -> None:
    (picture,) = decode(clips / "androidx_sample.mp4", range(1, 2))
    write_exr(tmp_path / "plate.1001.exr", np.log2(1 + 31 * halved(picture)) / 5 * 0.8 + 0.1)
    outputs = [{"path": "out/log.%04d.exr"}]
    write_shot(tmp_path, plate="plate.%04d.exr", colorspace="ARRI LogC4", outputs=outputs)
    run("render", tmp_path / "shot.yaml").ok()
    beauty = rgb(read_exr(tmp_path / "out" / f"log.{FIRST}.exr"))
    nuke = script(tmp_path)
    assert nuke.nodes["plate_linear"].knobs["out_colorspace"] == "Linear ARRI Wide Gamut 4"
    comp = nuke.render("aged", FIRST).rgb()
    # A curve by table on one side and by formula on the other, then the half's own rounding.
    assert np.all(np.abs(comp - beauty) <= 2**-11 * np.abs(beauty) + 1e-4)


def test_movie_plate_keeps_its_numbers(clips: Path, tmp_path: Path) -> None:
    outputs = [{"path": "out/movie.%04d.exr"}]
    plate = str(clips / "androidx_sample.mp4")
    write_shot(tmp_path, plate=plate, first_frame=1001, frames="1003", outputs=outputs)
    run("render", tmp_path / "shot.yaml").ok()
    result = run("nuke", tmp_path / "shot.yaml").ok()
    assert "note: Nuke's decoding of the plate's movie differs" in result.err
    nuke = Script(Path(result.out.strip()))
    beauty = rgb(read_exr(tmp_path / "out" / "movie.1003.exr"))
    comp = nuke.render("aged", 1003).rgb()
    assert np.abs(np.clip(comp, 0, 1) ** (1 / 2.4) - np.clip(beauty, 0, 1) ** (1 / 2.4)).mean() < 2 / 255
    assert nuke.nodes["Read_plate"].knobs["origlast"] == "30"


def test_a_pass_that_no_output_writes(man: Path, tmp_path: Path) -> None:
    plate = escaped(str(man / "plate" / "man.%04d.exr"))
    path = write_shot(tmp_path, plate=plate, outputs=[{"path": "out/a.%04d.exr", "passes": ["beauty", "matte"]}])
    run("nuke", path).fails(2, "no output writes the delta pass as EXR", "shot.yaml:5")
    path = write_shot(tmp_path, plate=plate, outputs=[{"path": "out/a.%04d.exr", "passes": ["delta"]}])
    result = run("nuke", path).ok()
    assert "no switch to it" in result.err
    assert "no knobs for the matte's edge" in result.err
    nuke = Script(tmp_path / "out" / "a.nk")
    assert {"shrink", "soften", "rendered"}.isdisjoint(nuke.nodes[control(nuke)].knobs)


def test_an_artists_script_is_not_replaced(man: Path, tmp_path: Path) -> None:
    theirs = tmp_path / "comp.nk"
    theirs.write_text("mine")
    run("nuke", man / "shot.yaml", "-o", theirs).fails(2, "exists already", "--overwrite")
    assert theirs.read_text() == "mine"
    run("nuke", man / "shot.yaml", "-o", tmp_path / "shot.yaml").fails(2, "comp.nk")
    run("nuke", man / "shot.yaml", "-o", theirs, "--overwrite").ok()
    assert Script(theirs).nodes["aged"]


def test_delta_raw_lets_the_matte_grow_and_a_plate_pass_takes_the_movies_place(clips: Path, tmp_path: Path) -> None:
    passes = ["beauty", "delta", "matte", "plate", "delta_raw"]
    outputs = [{"path": "out/raw.%04d.exr", "passes": passes, "colorspace": "ACEScg"}]
    plate = str(clips / "androidx_sample.mp4")
    write_shot(tmp_path, plate=plate, frames="3", matte={"kind": "face"}, outputs=outputs)
    run("render", tmp_path / "shot.yaml").ok()
    after = read_exr(tmp_path / "out" / "raw.0003.exr")
    before, delta, matte = rgb(after, "plate."), rgb(after, "delta."), after["matte.A"]
    nuke = script(tmp_path)
    assert "Read_plate" not in nuke.nodes
    comp = nuke.render("aged", 3).rgb()
    assert np.array_equal(comp, before + delta)
    # The pass is the movie's light rounded to half, and so is the beauty.
    assert np.all(np.abs(comp - rgb(after)) <= 2**-10 * np.abs(before) + 2**-24)
    assert nuke.nodes["to_working"].knobs["in_colorspace"] == "ACEScg"
    nuke.set(f"{control(nuke)}.shrink", -6)
    grown = nuke.render("aged", 3).rgb() - before
    outside = matte == 0
    assert np.abs(grown[outside]).max() > 1e-3
    nuke.set(f"{control(nuke)}.shrink", 6)
    shrunk = nuke.render("aged", 3).rgb() - before
    assert np.abs(shrunk[outside]).max() < 1e-6
    assert np.abs(shrunk).sum() < np.abs(delta).sum() < np.abs(grown).sum()


def test_the_hair_comes_as_alpha_for_the_mask_of_a_grade(man: Path, tmp_path: Path) -> None:
    """One node for each face, whatever the rest of the comp does."""
    outputs = [{"path": "out/a.%04d.exr", "passes": ["beauty", "delta", "matte"]}]
    outputs += [{"path": "out/hair.%04d.exr", "passes": ["matte_hair"]}]
    plate = escaped(str(man / "plate" / "man.%04d.exr"))
    faces = [{"name": "lead", "select": "left"}, {"name": "extra", "select": "right"}]
    keys = {"plate": plate, "model": "relief", "outputs": outputs}
    run("nuke", write_shot(tmp_path / "two", faces=faces, **keys)).ok()
    nuke = Script(tmp_path / "two" / "out" / "a.nk")
    assert {"hair_lead", "hair_extra"} <= nuke.nodes.keys()
    assert nuke.nodes["hair_lead"].knobs["from0"] == "matte_hair_lead.alpha"
    path = write_shot(tmp_path / "one", frames=str(FIRST), **keys)
    run("render", path).ok()
    one = script(tmp_path / "one")
    written = halves(read_exr(tmp_path / "one" / "out" / f"hair.{FIRST}.exr")["matte_hair.A"])
    shown = one.render("hair", FIRST)
    assert written.max() > 0.9
    assert np.array_equal(shown.channels["rgba.alpha"], written)


@pytest.mark.parametrize(("wanted", "expected"), [("black", "black"), ("hold", "nearest frame")])
def test_frames_that_the_plate_lacks_are_filled_in_nuke_too(man: Path, wanted: str, expected: str) -> None:
    nuke = script(man, "--set", f"missing_frames={wanted}")
    assert nuke.nodes["Read_plate"].knobs["on_error"] == expected


def test_beauty_in_another_light_is_no_source(man: Path, tmp_path: Path) -> None:
    outputs = [{"path": "out/a.%04d.exr", "passes": ["beauty"], "colorspace": "ACEScg"}]
    outputs += [{"path": "out/b.%04d.exr", "passes": ["delta", "matte"]}]
    path = write_shot(tmp_path, plate=escaped(str(man / "plate" / "man.%04d.exr")), outputs=outputs)
    assert "no EXR output has the beauty in the delta's colour space" in run("nuke", path).ok().err
    assert Script(tmp_path / "out" / "a.nk").nodes["aged"].kind == "Dot"


def test_hlg_asks_for_the_plate_as_a_pass(clips: Path, tmp_path: Path) -> None:
    path = write_shot(
        tmp_path, plate=str(clips / "androidx_hlg10-color-test.mp4"), outputs=[{"path": "out/a.%04d.exr"}]
    )
    run("nuke", path).fails(2, "HLG", "add the pass `plate` to a.%04d.exr")
