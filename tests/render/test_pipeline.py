"""The whole job on real footage: the laws that a compositor and a farm wrangler test first."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from tests.plates import decode, halves, read_exr, write_exr, write_shot
from tests.run_vfxage import run

FIRST = 1001
COUNT = 6


@pytest.fixture(scope="module")
def plate(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six frames of a man at a webcam with NaN, Inf, negatives and highlights planted on and off his face."""
    folder = tmp_path_factory.mktemp("plate")
    odd = np.array([np.nan, np.inf, -np.inf, -0.25, -0.0, 4000.0, 65504.0, 6e-8], np.float32)
    for index, rgb in enumerate(decode(clips / "androidx_sample.mp4", range(1, COUNT + 1))):
        rgb = rgb.copy()
        rgb[5, 10 : 10 + len(odd)] = odd[:, None]
        rgb[330, 480 : 480 + len(odd), 0] = odd
        write_exr(folder / f"man.{FIRST + index}.exr", rgb, Show="test show")
    return folder


def shot(plate: Path, folder: Path, /, **keys: object) -> Path:
    output = {"path": "out/man.%04d.exr", "passes": ["beauty", "delta", "matte"]}
    return write_shot(
        folder, plate=str(plate / "man.%04d.exr"), colorspace="Linear Rec.709 (sRGB)", **{"outputs": [output], **keys}
    )


def files(folder: Path) -> dict[str, bytes]:
    """All files except the report, which contains times, and its lock."""
    found = sorted(path for path in (folder / "out").iterdir() if ".render.json" not in path.name)
    return {path.name: path.read_bytes() for path in found}


@pytest.fixture(scope="module")
def rendered(plate: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    run("render", shot(plate, folder), "--workers", "1").ok()
    return folder


@pytest.mark.parametrize("number", range(FIRST, FIRST + COUNT))
def test_outside_the_matte_the_beauty_is_the_plate_to_the_bit(plate: Path, rendered: Path, number: int) -> None:
    before = read_exr(plate / f"man.{number}.exr")
    after = read_exr(rendered / "out" / f"man.{number}.exr")
    matte = halves(after["matte.A"])
    assert 0.01 < (matte > 0).mean() < 0.5
    assert matte.max() == 1
    for channel in "RGB":
        assert np.array_equal(before[channel][matte == 0], after[channel][matte == 0])
        assert np.all(after[f"delta.{channel}"][matte == 0] == 0)


@pytest.mark.parametrize("number", range(FIRST, FIRST + COUNT))
def test_plate_plus_delta_is_the_beauty(plate: Path, rendered: Path, number: int) -> None:
    before = read_exr(plate / f"man.{number}.exr")
    after = read_exr(rendered / "out" / f"man.{number}.exr")
    moved = 0
    for channel in "RGB":
        with np.errstate(invalid="ignore"):
            total = (halves(before[channel]) + after[f"delta.{channel}"]).astype(np.float16)
        assert np.array_equal(total, after[channel].view(np.float16), equal_nan=True)
        moved += (before[channel] != after[channel]).sum()
    assert moved > 10_000  # a face of 313 px that ages by thirty years


def test_every_frame_has_the_same_channels_and_keeps_what_the_plate_says(rendered: Path) -> None:
    import OpenImageIO as oiio

    for path in sorted((rendered / "out").glob("*.exr")):
        spec = oiio.ImageInput.open(str(path)).spec()
        assert sorted(spec.channelnames) == ["B", "G", "R", "delta.B", "delta.G", "delta.R", "matte.A"]
        assert spec.getattribute("Show") == "test show"
        assert spec.getattribute("compression") == "zips"


def test_any_workers_and_any_split_give_the_same_bytes(plate: Path, rendered: Path, tmp_path: Path) -> None:
    path = shot(plate, tmp_path)
    run("render", path, "--workers", "3", "--frames", "1004-1006").ok()
    run("render", path, "--workers", "2", "--frames", "1001,1003").ok()
    run("render", path, "--frames", "1002").ok()
    assert files(tmp_path) == files(rendered)


def test_a_second_run_keeps_everything(plate: Path, rendered: Path) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in (rendered / "out").glob("man.[!r]*")}
    result = run("render", shot(plate, rendered)).ok()
    assert "0 frames rendered, 6 complete already" in result.out
    assert before == {path.name: path.stat().st_mtime_ns for path in (rendered / "out").glob("man.[!r]*")}


def test_one_keyframe_moved_renders_only_the_frames_it_reaches(plate: Path, tmp_path: Path) -> None:
    ages = {1001: 40, 1003: 60, 1006: 60}
    run("render", shot(plate, tmp_path, target_age=ages, temporal={"radius": 1, "strength": 1.0})).ok()
    ages[1001] = 45
    result = run("render", shot(plate, tmp_path, target_age=ages, temporal={"radius": 1, "strength": 1.0})).ok()
    # 1001 and 1002 change, and the filter carries them to 1003
    assert "3 frames rendered, 3 complete already" in result.out


def test_a_repainted_frame_of_the_same_size_is_rendered_again(clips: Path, tmp_path: Path) -> None:
    for index, rgb in enumerate(decode(clips / "androidx_sample.mp4", range(1, 4))):
        write_exr(tmp_path / f"man.{FIRST + index}.exr", rgb[::2, ::2], compression="none")
    path = shot(tmp_path, tmp_path, temporal={"radius": 0, "strength": 1.0})
    run("render", path).ok()
    frame = tmp_path / "man.1002.exr"
    bits, before = read_exr(frame), frame.stat().st_size
    rgb = np.stack([halves(bits[c]) for c in "RGB"], -1)
    rgb[40:60, 100:140] = 0.5  # beside the face, away from head, middle and tail of the file
    write_exr(frame, rgb, compression="none")
    assert frame.stat().st_size == before
    assert "1 frame rendered, 2 complete already" in run("render", path).ok().out


def test_an_edited_colour_config_renders_again_and_a_moved_one_does_not(plate: Path, tmp_path: Path) -> None:
    import PyOpenColorIO as Ocio

    config = Ocio.Config.CreateFromBuiltinConfig("studio-config-v2.2.0_aces-v1.3_ocio-v2.4")
    edited = config.serialize().replace("name: studio-config", "name: house-config")
    for name, text in (("a", config.serialize()), ("b", config.serialize()), ("c", edited)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.ocio").write_text(text)
    path = shot(plate, tmp_path, frames="1001-1002", ocio="a/config.ocio")
    run("render", path).ok()
    assert "2 complete already" in run("render", path, "--set", "ocio=b/config.ocio").ok().out
    assert "2 frames rendered" in run("render", path, "--set", "ocio=c/config.ocio").ok().out


def peak_memory(shot_file: Path) -> int:
    code = (
        "import resource, sys; from tests.run_vfxage import run;"
        f"run('render', {str(shot_file)!r}).ok(); print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return int(done.stdout.splitlines()[-1])


def test_four_times_the_frames_take_the_same_memory(clips: Path, tmp_path: Path) -> None:
    """A man leans in and out; a picture sequence and a movie come out.

    One crop of each frame, if it stayed in memory, would take 150 MB more (512x512, RGB, float), one frame 70 MB.
    """
    outputs = [
        {"path": "out/man.%04d.exr", "passes": ["beauty", "delta", "matte"]},
        {"path": "out/man.mov", "passes": ["beauty", "matte"]},
    ]
    peaks = {}
    for count in (16, 64):
        folder = tmp_path / str(count)
        plate = str(clips / "webcam_leans_in_out.mp4")
        path = write_shot(folder, plate=plate, frames=f"1-{count}", crop_size=512, outputs=outputs)
        peaks[count] = peak_memory(path)
        reported = json.loads((folder / "out" / "man.render.json").read_text())
        with_faces = [number for number, frame in reported["frames"].items() if frame["faces"]]
        assert (len(reported["frames"]), len(with_faces)) == (count, count)
        assert len(list((folder / "out").glob("man.*.exr"))) == count
    assert peaks[64] < peaks[16] + 50_000, peaks  # KiB


def by_the_book(clip: Path, number: int) -> tuple[np.ndarray, np.ndarray]:
    """A video-range BT.709 frame as linear light by H.273 and BT.1886 in double precision, and where that is certain.

    Certain is where the chroma does not vary around a pixel, so that no choice of its interpolation matters.
    """
    with av.open(str(clip)) as container:
        frame = next(f for n, f in enumerate(container.decode(video=0), start=1) if n == number)
    y, u, v = (
        np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: plane.height, : plane.width].astype(float)
        for plane in frame.planes
    )
    flat = np.ones(y.shape, bool)
    full = []
    for chroma in (u, v):
        block = np.ones((y.shape[0] // chroma.shape[0], y.shape[1] // chroma.shape[1]))
        around = np.lib.stride_tricks.sliding_window_view(np.pad(chroma, 3, mode="edge"), (7, 7))
        flat &= np.kron(np.ptp(around, axis=(2, 3)) == 0, block) > 0
        full.append((np.kron(chroma, block) - 128) / 224)
    luma, (blue, red) = (y - 16) / 219, full
    r, b = luma + 1.5748 * red, luma + 1.8556 * blue
    g = (luma - 0.2126 * r - 0.0722 * b) / 0.7152
    return np.maximum(np.stack([r, g, b], -1), 0) ** 2.4, flat


def test_a_movie_frame_without_a_face_is_its_plain_conversion(clips: Path, tmp_path: Path) -> None:
    clip = clips / "no_face_scene_cuts.mp4"
    output = {"path": "out/street.%04d.exr", "passes": ["beauty", "delta", "matte"]}
    run("render", write_shot(tmp_path, plate=str(clip), frames="8-10", outputs=[output])).ok()
    for number in (8, 10):
        got = read_exr(tmp_path / "out" / f"street.{number:04d}.exr")
        rgb = np.stack([halves(got[c]) for c in "RGB"], -1)
        truth, certain = by_the_book(clip, number)
        inside = certain & (truth > 0).all(axis=2)
        assert inside.mean() > 0.05
        assert np.abs(rgb - truth)[inside].max() < 1e-3  # half's own rounding below 1
        assert np.abs(rgb - truth).mean() < 2e-3
        assert not any(got[name].any() for name in got if "." in name)


def test_any_split_of_a_movie_gives_the_same_bytes(clips: Path, tmp_path: Path) -> None:
    keys = {"plate": str(clips / "pexels_occlusion_720p.mp4"), "frames": "14-17"}
    output = {"path": "out/man.%04d.exr"}
    whole, split = (write_shot(tmp_path / name, outputs=[output], **keys) for name in ("whole", "split"))
    run("render", whole, "--workers", "1").ok()
    run("render", split, "--frames", "16-17", "--workers", "2").ok()
    run("render", split, "--frames", "14-15", "--workers", "3").ok()
    assert files(tmp_path / "split") == files(tmp_path / "whole")
