"""The commands as a stranger meets them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import OpenImageIO as oiio
import PyOpenColorIO as Ocio
import pytest
import yaml
from PIL import Image

from tests.plates import decode, halves, read_exr, write_exr, write_shot
from tests.run_vfxage import run
from vfxage import __version__


@pytest.fixture(scope="module")
def plate(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten frames of two people side by side: the man at the webcam, and himself mirrored and smaller."""
    folder = tmp_path_factory.mktemp("two")
    for index, rgb in enumerate(decode(clips / "androidx_sample.mp4", range(1, 11))):
        small = rgb[::2, ::2]
        pair = np.hstack([small, small[:, ::-1] * 0.8])
        write_exr(folder / f"two.{101 + index}.exr", pair)
    return folder


@pytest.fixture(scope="module")
def tracks(plate: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``vfxage track`` saves for the plate; for copies only."""
    folder = tmp_path_factory.mktemp("tracked")
    run("track", shot(plate, folder)).ok()
    return folder / "out" / "two.tracks.npz"


def tracked(tracks: Path, folder: Path) -> Path:
    """Put a copy of the saved tracks where a shot in ``folder`` looks for them; the copy."""
    (folder / "out").mkdir()
    return Path(shutil.copy(tracks, folder / "out"))


def shot(plate: Path, folder: Path, /, **keys: object) -> Path:
    output = {"path": "out/two.####.exr", "passes": ["beauty", "delta", "matte"]}
    defaults = {"plate": str(plate / "two.###.exr"), "colorspace": "lin_rec709", "rate": 25, "outputs": [output]}
    return write_shot(folder, **{**defaults, **keys})


def test_version_prints_the_version() -> None:
    assert run("--version").ok().out == f"vfxage {__version__}\n"


def test_a_wrong_command_or_option_is_one_line() -> None:
    run("rendre").fails(2, "rendre")
    run("render").fails(2, "SHOT")
    run("render", "shot.yaml", "--wrokers", "2").fails(2, "--wrokers")
    run("render", "shot.yaml", "--workers", "0").fails(2, "--workers", "equal to 1. See `vfxage render --help`.")
    run("render", "shot.yaml", "--log", "xml").fails(2, "xml")
    assert "render" in run().ok().out
    assert "convert" in run("models").ok().out
    wrong = run("evaluate", "-p", "x", "-o", "y", "--age-pixels", "0..2")
    assert "Value error" not in wrong.fails(2, "0..2", "vfxage evaluate --help").err


def test_a_plate_in_the_place_of_a_shot_is_recognised(plate: Path, clips: Path) -> None:
    run("render", plate / "two.101.exr").fails(2, "vfxage info")
    run("render", clips / "pexels_occlusion_720p.mp4").fails(2, "vfxage info")


def test_errors_found_after_loading_name_the_line_too(plate: Path, tracks: Path, tmp_path: Path) -> None:
    path = shot(plate, tmp_path, colorspace="Linear Rec709")
    line = next(i for i, text in enumerate(path.read_text().splitlines(), 1) if "Linear Rec709" in text)
    run("render", path).fails(2, f"shot.yaml:{line}:", 'did you mean "Linear Rec.709 (sRGB)"')
    path = shot(plate, tmp_path, faces=[{"name": "ghost", "select": {"frame": 102, "point": [3, 3]}}])
    line = next(i for i, text in enumerate(path.read_text().splitlines(), 1) if "faces:" in text)
    tracked(tracks, tmp_path)
    run("render", path).fails(2, f"shot.yaml:{line}:", "ghost")


def test_the_schema_printed_is_the_one_published() -> None:
    published = Path(__file__).parents[2] / "configs" / "shot.schema.json"
    assert json.loads(run("schema").ok().out) == json.loads(published.read_text())


def test_two_named_faces_get_layers_of_their_own_that_sum_to_the_whole(
    plate: Path, tracks: Path, tmp_path: Path
) -> None:
    tracked(tracks, tmp_path)
    faces = [
        {"name": "lead", "select": "left", "target_age": 75},
        {"name": "twin", "select": {"frame": 103, "point": [770, 170]}, "target_age": 15},
    ]
    run("render", shot(plate, tmp_path, faces=faces), "--frames", "101-103").ok()
    for number in (101, 102, 103):
        got = read_exr(tmp_path / "out" / f"two.{number:04d}.exr")
        lead, twin = halves(got["matte_lead.A"]), halves(got["matte_twin.A"])
        width = lead.shape[1] // 2
        assert lead[:, :width].max() == 1
        assert twin[:, width:].max() == 1
        assert lead[:, width:].max() == twin[:, :width].max() == 0
        assert np.array_equal(lead + twin, halves(got["matte.A"]))
        for colour in "RGB":
            total = got[f"delta_lead.{colour}"] + got[f"delta_twin.{colour}"]
            assert np.array_equal(total, got[f"delta.{colour}"])
            assert np.abs(got[f"delta_twin.{colour}"]).max() > 0.001


def test_ages_that_are_equal_leave_the_plate_alone(plate: Path, tracks: Path, tmp_path: Path) -> None:
    tracked(tracks, tmp_path)
    path = shot(plate, tmp_path, source_age=40, target_age=40)
    run("render", path, "--frames", "104").ok()
    before, after = read_exr(plate / "two.104.exr"), read_exr(tmp_path / "out" / "two.0104.exr")
    assert all(np.array_equal(before[c], after[c]) for c in "RGB")
    assert not any(after[f"delta.{c}"].any() for c in "RGB")
    assert halves(after["matte.A"]).max() == 1


def test_set_overrides_the_shot_file(plate: Path, tmp_path: Path) -> None:
    path = shot(plate, tmp_path, faces=[{"name": "lead", "select": "left"}])
    run("render", path, "--frames", "101", "--set", "faces.lead.target_age=35", "--set", "outputs.0.path=else.####.exr")
    after = read_exr(tmp_path / "else.0101.exr")
    assert not after["delta.R"].any()
    run("render", path, "--set", "faces.leda.target_age=35").fails(2, "--set", "lead")
    run("render", path, "--set", "matte.feather=wide").fails(2, "--set", "matte.feather")


def test_track_saves_once_and_prints_json(plate: Path, tmp_path: Path) -> None:
    path = shot(plate, tmp_path)
    reported = json.loads(run("track", path, "--json").ok().out)
    assert [face["spans"] for face in reported["faces"]] == [[[101, 110]]] * 2
    assert reported["cuts"] == []
    some = json.loads(run("track", path, "--json", "--frames", "103-104").ok().out)
    assert [row["frame"] for face in some["faces"] for row in face["frames"]] == [103, 104, 103, 104]
    for face in reported["faces"]:
        assert len(face["frames"]) == 10
        assert 120 < face["mean_height"] < 200  # half of the 313 px the clip's index names
    saved = tmp_path / "out" / "two.tracks.npz"
    before = saved.stat().st_mtime_ns
    assert "track 1/" not in run("track", path).ok().err
    assert saved.stat().st_mtime_ns == before
    again = run("track", path, "--overwrite").ok()
    assert "track 10/10" in again.err


def test_damaged_tracks_are_made_again(plate: Path, tracks: Path, tmp_path: Path) -> None:
    path = shot(plate, tmp_path)
    saved = tracked(tracks, tmp_path)
    whole = saved.read_bytes()
    saved.write_bytes(whole[: len(whole) // 2])
    assert "damaged" in run("track", path).ok().err
    assert saved.read_bytes() == whole


def test_info_lists_plate_faces_and_outputs(plate: Path, tmp_path: Path) -> None:
    path = shot(plate, tmp_path)
    facts = json.loads(run("info", path, "--json").ok().out)
    assert (facts["plate"]["width"], facts["plate"]["height"]) == (1080, 360)
    assert facts["plate"]["frames"] == "101-110"
    assert len({face["centre"][0] > 540 for face in facts["faces"]}) == 2
    assert facts["outputs"][0]["path"] == str(tmp_path / "out" / "two.####.exr")
    text = run("info", path).ok().out
    assert str(tmp_path / "out" / "two.####.exr") in text
    assert not (tmp_path / "out").exists()


def test_info_names_faces_of_the_shot_that_are_not_found(plate: Path, tracks: Path, tmp_path: Path) -> None:
    far, near = ({"frame": 104, "point": point} for point in ([1079, 1], [270, 180]))
    faces = [{"name": "nobody", "select": far}, {"name": "man", "select": near}, {"name": "twin", "select": "right"}]
    path = shot(plate, tmp_path, faces=[*faces, {"name": "third", "select": "largest"}])
    for lost_names in (["nobody"], ["nobody", "third"]):  # only tracks tell that all faces are taken
        facts = json.loads(run("info", path, "--json").ok().out)
        assert [lost["face"] for lost in facts["not_found"]] == lost_names
        assert facts["not_found"][0]["select"] == {"frame": 104, "point": [1079, 1]}
        reported = run("info", path).ok().out
        assert (
            reported.index("faces\n")
            < reported.index("not found\n")
            < reported.rindex("nobody")
            < reported.index("outputs\n")
        )
        if not (tmp_path / "out").exists():
            tracked(tracks, tmp_path)
    assert "not found" not in run("info", shot(plate, tmp_path)).ok().out


def test_info_says_why_it_sought_no_faces(tmp_path: Path) -> None:
    spec = oiio.ImageSpec(64, 48, 3, "half")
    image = oiio.ImageOutput.create(str(tmp_path / "p.exr"))
    assert image.open(str(tmp_path / "p.exr"), spec)
    assert image.write_image(np.full((48, 64, 3), 0.2, np.float32))
    image.close()
    reported = run("info", tmp_path / "p.exr").ok().out
    assert "faces" in reported
    assert "not searched: the colour space is not named" in reported


def test_info_describes_a_plate_on_its_own(clips: Path) -> None:
    reported = run("info", clips / "marcie-full.mp4").ok().out
    with av.open(str(clips / "marcie-full.mp4")) as container:
        stream = container.streams.video[0]
        assert f"{stream.width}x{stream.height}" in reported
        assert f"1-{sum(1 for _ in container.decode(video=0))}" in reported
    assert "full range" in reported
    faces = json.loads(run("info", clips / "marcie-full.mp4", "--json").ok().out)["faces"]
    assert all(250 < face["height"] < 450 for face in faces)  # about 350 px, says the clip's index
    assert faces


def test_info_gives_numbers_and_booleans_of_a_movie(clips: Path) -> None:
    path = clips / "androidx_sample.mp4"
    plate = json.loads(run("info", path, "--json").ok().out)["plate"]
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        rate, count = stream.average_rate, sum(1 for _ in container.decode(video=0))
        assert rate is not None
        assert plate["rate"] == {"fps": float(rate), "numerator": rate.numerator, "denominator": rate.denominator}
        assert (plate["width"], plate["height"]) == (stream.width, stream.height)
        assert plate["audio"] is bool(container.streams.audio)
    assert (plate["first"], plate["last"], plate["count"], plate["missing"]) == (1, count, count, 0)
    assert (plate["alpha"], plate["variable_rate"], plate["pixel_aspect"]) == (False, False, 1.0)
    assert plate["data_window"] is plate["timecode"] is None
    assert [note.partition(":")[0] for note in plate["notes"]] == ["no tag for matrix, primaries, transfer, range"]


def test_info_gives_null_for_what_a_plate_does_not_say(exrs: Path) -> None:
    path = exrs / "display_window_t05.exr"
    facts = json.loads(run("info", path, "--json").ok().out)
    image = oiio.ImageInput.open(str(path))
    spec = image.spec()
    image.close()
    assert facts["plate"]["data_window"] == {
        "x": spec.x - spec.full_x,
        "y": spec.y - spec.full_y,
        "width": spec.width,
        "height": spec.height,
    }
    assert (facts["plate"]["width"], facts["plate"]["height"]) == (spec.full_width, spec.full_height)
    assert facts["plate"]["rate"] is facts["plate"]["colorspace"] is facts["faces"] is None


def test_info_gives_the_ages_and_outputs_of_a_shot_as_numbers(plate: Path, tmp_path: Path) -> None:
    faces = [{"name": "lead", "select": {"frame": 103, "point": [270.5, 180]}, "target_age": {101: 35, 110: 80}}]
    outputs = [{"path": "a.####.png", "depth": 8}, {"path": "b.mov", "passes": ["beauty", "matte"]}]
    facts = json.loads(run("info", shot(plate, tmp_path, faces=faces, outputs=outputs), "--json").ok().out)
    assert facts["shot"]["faces"] == [
        {
            "name": "lead",
            "select": {"frame": 103, "point": [270.5, 180]},
            "ages": [{"frame": 101, "source": 35, "target": 35}, {"frame": 110, "source": 35, "target": 80}],
        }
    ]
    assert [(one["format"], one["codec"], one["depth"]) for one in facts["outputs"]] == [
        ("png", None, 8),
        ("mov", "prores_4444", None),
    ]
    assert facts["not_found"] == []


def test_json_log_is_one_object_a_line(plate: Path, tracks: Path, tmp_path: Path) -> None:
    tracked(tracks, tmp_path)
    result = run("render", shot(plate, tmp_path), "--frames", "101-103", "--log", "json").ok()
    events = [json.loads(line) for line in result.err.splitlines()]
    rendered = [event["frame"] for event in events if event["event"] == "frame" and event["stage"] == "render"]
    assert rendered == [101, 102, 103]
    failed = run("render", tmp_path / "none.yaml", "--log", "json")
    (end,) = [json.loads(line) for line in failed.err.splitlines()]
    assert (end["event"], end["code"]) == ("end", 2)


def test_preview_without_tracks_looks_only_around_its_range(plate: Path, tmp_path: Path) -> None:
    path = shot(plate, tmp_path, tracking={"margin": 2})
    result = run("preview", path, "--frames", "104-106").ok()
    assert "track 7/7" in result.err
    assert not (tmp_path / "out" / "two.tracks.npz").exists()
    movie, sheet = map(Path, result.out.split())
    with av.open(str(movie)) as container:
        stream = container.streams.video[0]
        pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
        assert stream.codec_context.name == "h264"
        assert stream.average_rate == 25
    assert len(pictures) == 3
    height = pictures[0].shape[0] - 30
    width = pictures[0].shape[1] - height // 2  # the last column holds the close-ups
    panels = pictures[1][30:, :width].reshape(2, height // 2, 2, width // 2, 3).swapaxes(1, 2).astype(int)
    (shown, beauty), (delta, matte) = panels
    still = delta[-40:, 200:280]  # the desk: mid-grey is no change
    assert abs(still - 128).max() <= 4
    assert abs(delta - 128).max() > 12
    assert np.abs(shown - beauty)[-40:, 200:280].max() <= 24  # h264's noise
    assert matte.max() > 240
    with Image.open(sheet) as page:
        assert page.size == (4 * 360, 30 + 2 * 3 * 360)


def test_info_lists_colour_spaces() -> None:
    reported = run("info", "--colorspaces").ok().out
    assert "ACEScg" in reported
    assert "ARRI LogC4" in reported
    (default,) = [line for line in reported.splitlines() if line.endswith("default") and "ocio://" in line]
    assert "ocio://studio-config-v2.2.0_aces-v1.3_ocio-v2.4" in default
    for name, *_ in Ocio.BuiltinConfigRegistry().getBuiltinConfigs():
        assert f"ocio://{name}" in reported
    run("info").fails(2, "plate")


def test_channels_and_parts_that_are_left_behind_are_named(exrs: Path, tmp_path: Path) -> None:
    parts = run("info", exrs / "multipart_stereo_Beachball.exr").ok().out
    assert "not carried into the outputs: part " in parts
    assert "part rgba_left" in parts
    import OpenImageIO as oiio

    spec = oiio.ImageSpec(8, 8, 4, "half")
    spec.channelnames = ("R", "G", "B", "Z")
    out = oiio.ImageOutput.create(str(tmp_path / "p.1001.exr"))
    assert out.open(str(tmp_path / "p.1001.exr"), spec), out.geterror()
    assert out.write_image(np.zeros((8, 8, 4), np.float16)), out.geterror()
    out.close()
    assert "not carried into the outputs: Z" in run("info", tmp_path / "p.%04d.exr").ok().out


def test_a_missing_system_library_is_one_line(plate: Path, tracks: Path, tmp_path: Path) -> None:
    path = shot(plate, tmp_path)
    tracked(tracks, tmp_path)
    (tmp_path / "fake").mkdir()
    (tmp_path / "fake" / "cv2.py").write_text("raise ImportError('libGL.so.1: cannot open shared object file')")
    done = subprocess.run(
        [sys.executable, "-m", "vfxage", "render", str(path)],
        env={**os.environ, "PYTHONPATH": str(tmp_path / "fake")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2, done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert "libGL.so.1" in line
    assert "apt install" in line


def test_a_plate_without_a_face_renders_with_a_note(clips: Path, tmp_path: Path) -> None:
    output = {"path": "out/street.%04d.exr", "passes": ["beauty", "delta", "matte"]}
    faces = [{"name": "man"}]
    path = write_shot(
        tmp_path, plate=str(clips / "no_face_scene_cuts.mp4"), frames="3-5", faces=faces, outputs=[output]
    )
    said = run("render", path).ok().err
    assert "`man`: not found, no face in frames 3-5" in said
    assert "check 3/3" in said
    got = read_exr(tmp_path / "out" / "street.0004.exr")
    assert sorted(got) == ["B", "G", "R", "delta.B", "delta.G", "delta.R", "matte.A"]
    assert not any(got[name].any() for name in got if "." in name)


def test_movies_of_every_pass(plate: Path, tracks: Path, tmp_path: Path) -> None:
    tracked(tracks, tmp_path)
    outputs = [
        {"path": "out/two.mov", "codec": "prores_4444", "passes": ["beauty", "matte"]},
        {"path": "out/delta.mov", "codec": "prores_hq", "passes": ["delta"]},
        {"path": "out/two.mp4", "passes": ["beauty"]},
    ]
    path = shot(plate, tmp_path, outputs=outputs)
    run("render", path, "--frames", "102-105").ok()
    for name in ("two.mov", "delta.mov", "two.mp4"):
        with av.open(str(tmp_path / "out" / name)) as container:
            assert container.streams.video[0].average_rate == 25
            assert sum(1 for _ in container.decode(video=0)) == 4
    assert "4 complete already" in run("render", path, "--frames", "102-105").ok().out
    assert "5 frames rendered" in run("render", path, "--frames", "102-106").ok().out
    run("render", path, "--frames", "107-108").fails(2, "two.mov", "holds frames 102-106")
    with av.open(str(tmp_path / "out" / "two.mov")) as container:
        assert sum(1 for _ in container.decode(video=0)) == 5
    assert "2 frames rendered" in run("render", path, "--frames", "107-108", "--overwrite").ok().out


def test_the_demo_shot_is_what_its_schema_says() -> None:
    import jsonschema

    demo = Path(__file__).parents[2] / "shots" / "demo" / "shot.yaml"
    jsonschema.validate(yaml.safe_load(demo.read_text()), json.loads(run("schema").ok().out))
