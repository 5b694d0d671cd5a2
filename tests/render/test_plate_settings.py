"""Settings of a shot file for its plate: handles, missing frames, pixel aspect; and plates with overscan."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import OpenImageIO as oiio
import pytest

from tests.plates import decode, halves, read_exr, write_exr, write_shot
from tests.run_vfxage import run


@pytest.fixture(scope="module")
def pictures(clips: Path) -> list[np.ndarray]:
    return [rgb[::2, ::2] for rgb in decode(clips / "androidx_sample.mp4", range(1, 8))]


@pytest.fixture(scope="module")
def plate(pictures: list[np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plate")
    for number, rgb in enumerate(pictures, 1001):
        write_exr(folder / f"man.{number}.exr", rgb)
    return folder


def shot(plate: Path, folder: Path, **keys: object) -> Path:
    return write_shot(folder, plate=str(plate / "man.%04d.exr"), **{"outputs": [{"path": "out/man.%04d.exr"}], **keys})


def written(folder: Path) -> list[int]:
    return sorted(int(path.name.split(".")[1]) for path in (folder / "out").glob("man.*.exr"))


def test_handles_are_rendered_as_far_as_the_plate_has_them(plate: Path, tmp_path: Path) -> None:
    path = shot(plate, tmp_path, frames="1003-1004", handles=3, source_age=40, target_age=40)
    result = run("render", path, "--log", "text").ok()
    assert written(tmp_path) == [1001, 1002, 1003, 1004, 1005, 1006, 1007]
    assert "handles of 3 frames: the plate has 2 before the shot and 3 after it" in result.err
    for file in (tmp_path / "out").glob("man.*.exr"):
        file.unlink()
    run("render", path, "--frames", "1006").ok()
    assert written(tmp_path) == [1006]


def pixels(path: Path) -> dict[str, np.ndarray]:
    return read_exr(path)


def attribute(path: Path, name: str) -> object:
    return oiio.ImageInput.open(str(path)).spec().getattribute(name)


@pytest.fixture(scope="module")
def holed(pictures: list[np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Frames 1002 and 1006 are not there, 1003 is cut off in its middle."""
    folder = tmp_path_factory.mktemp("holed")
    for number, rgb in enumerate(pictures, 1001):
        if number not in (1002, 1006):
            write_exr(folder / f"man.{number}.exr", rgb)
    broken = folder / "man.1003.exr"
    broken.write_bytes(broken.read_bytes()[: broken.stat().st_size // 2])
    return folder


@pytest.fixture(scope="module")
def held(holed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("held")
    result = run("render", shot(holed, folder, missing_frames="hold"), "--log", "text").ok()
    assert "missing or unreadable, filled with a neighbouring frame: 1002-1003 1006" in result.err
    return folder


def test_a_missing_frame_is_an_error_by_default(holed: Path, tmp_path: Path) -> None:
    run("render", shot(holed, tmp_path)).fails(3, "1002", "missing_frames")


def test_held_frames_are_the_nearest_earlier_ones_and_say_so(holed: Path, held: Path) -> None:
    out = held / "out"
    assert written(held) == list(range(1001, 1008))
    for number, other in ((1002, 1001), (1003, 1001), (1006, 1005)):
        assert attribute(out / f"man.{number}.exr", "vfxage:missing") == f"hold {other}"
        got, plate = pixels(out / f"man.{number}.exr"), read_exr(holed / f"man.{other}.exr")
        matte = halves(got["matte.A"])
        assert matte.max() == 1  # the face is aged where it stands in the frame that is held
        assert np.array_equal(got["matte.A"], pixels(out / f"man.{other}.exr")["matte.A"])
        for letter in "RGB":
            assert np.array_equal(got[letter][matte == 0], plate[letter][matte == 0])
        assert np.abs(got["delta.G"]).max() > 0.01
    assert attribute(out / "man.1004.exr", "vfxage:missing") is None


def test_held_frames_are_the_same_however_the_shot_is_split(holed: Path, held: Path, tmp_path: Path) -> None:
    path = shot(holed, tmp_path, missing_frames="hold")
    for part in ("1006-1007", "1003", "1001-1002", "1004-1005"):
        run("render", path, "--frames", part, "--workers", "2").ok()
    for number in range(1001, 1008):
        name = f"out/man.{number}.exr"
        assert (tmp_path / name).read_bytes() == (held / name).read_bytes()
    assert "0 frames rendered, 7 complete already" in run("render", path).ok().out


def test_black_frames_have_no_face_and_tracks_bridge_them(holed: Path, tmp_path: Path) -> None:
    path = shot(holed, tmp_path, missing_frames="black")
    run("render", path).ok()
    for number in range(1001, 1008):
        got = pixels(tmp_path / f"out/man.{number}.exr")
        filled = number in (1002, 1003, 1006)
        assert attribute(tmp_path / f"out/man.{number}.exr", "vfxage:missing") == ("black" if filled else None)
        assert any(got[name].any() for name in got) is not filled
        assert got["matte.A"].any() is np.bool_(not filled)
    reported = run("track", path, "--json").ok().out
    assert '"cuts": []' in reported
    assert reported.count('"mean_height"') == 1  # one person, not one before and one after


def test_a_plate_of_which_nothing_can_be_read_is_an_error(holed: Path, tmp_path: Path) -> None:
    path = shot(holed, tmp_path, missing_frames="black", frames="1003")
    run("render", path).fails(3, "none of its frames can be read")


@pytest.mark.parametrize("suffix", ["exr", "dpx"])
def test_a_first_file_without_a_header_is_filled_like_any_other(plate: Path, tmp_path: Path, suffix: str) -> None:
    for number in (1001, 1002, 1003):
        picture = oiio.ImageBuf(str(plate / f"man.{number}.exr"))
        spec = picture.specmod()
        spec.attribute("smpte:TimeCode", oiio.TypeDesc("timecode"), (0x01000000 + number - 1001, 0))
        spec.attribute("FramesPerSecond", oiio.TypeDesc("rational"), (24, 1))
        kind = "half" if suffix == "exr" else "uint16"
        assert picture.write(str(tmp_path / f"man.{number}.{suffix}"), kind), picture.geterror()
    whole = tmp_path / f"man.1001.{suffix}"
    whole.write_bytes(whole.read_bytes()[:200])
    keys = {"plate": str(tmp_path / f"man.%04d.{suffix}"), "rate": 24, "colorspace": "Linear Rec.709 (sRGB)"}
    path = write_shot(tmp_path, **keys, missing_frames="hold", outputs=[{"path": "out/man.%04d.exr"}])
    assert '"timecode": "01:00:00:00"' in run("info", path, "--json").ok().out  # 01:00:00:01 less a frame
    run("render", path).ok()
    assert written(tmp_path) == [1001, 1002, 1003]
    assert attribute(tmp_path / "out/man.1001.exr", "vfxage:missing") == "hold 1002"
    run("render", path, "--set", "missing_frames=error").fails(3, f"man.1001.{suffix} frame 1001")


@pytest.fixture(scope="module")
def square(plate: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("square")
    run("render", shot(plate, folder, frames="1001-1002")).ok()
    return folder


def layer(channels: dict[str, np.ndarray], name: str) -> np.ndarray:
    return np.stack([channels[f"{name}.{letter}"] for letter in "RGB"], -1)


@pytest.mark.parametrize("tagged", [True, False])
def test_a_squeezed_plate_has_the_changes_of_the_unsqueezed_one(
    pictures: list[np.ndarray], square: Path, tmp_path: Path, tagged: bool
) -> None:
    for number, rgb in enumerate(pictures[:2], 1001):
        squeezed = cv2.resize(rgb, (270, 360), interpolation=cv2.INTER_AREA)
        extra = {"pixelaspectratio": 2.0} if tagged else {}
        write_exr(tmp_path / f"man.{number}.exr", squeezed, **extra)
    keys = {} if tagged else {"pixel_aspect": 2.0}
    run("render", shot(tmp_path, tmp_path, frames="1001-1002", **keys)).ok()
    got, whole = (pixels(folder / "out/man.1001.exr") for folder in (tmp_path, square))
    assert attribute(tmp_path / "out/man.1001.exr", "PixelAspectRatio") == 2.0
    assert got["matte.A"].shape == (360, 270)
    expected = cv2.resize(halves(whole["matte.A"]), (270, 360), interpolation=cv2.INTER_AREA)
    assert np.abs(halves(got["matte.A"]) - expected).mean() < 0.01
    change = cv2.resize(layer(whole, "delta"), (270, 360), interpolation=cv2.INTER_AREA)
    soft = [cv2.GaussianBlur(image, (0, 0), 2) for image in (layer(got, "delta"), change)]
    moved = np.abs(soft[1]).sum(2) > 0.003
    assert moved.sum() > 1000
    assert np.corrcoef(soft[0][moved].ravel(), soft[1][moved].ravel())[0, 1] > 0.8


def test_the_face_of_a_squeezed_plate_is_found_where_it_is(
    pictures: list[np.ndarray], square: Path, tmp_path: Path
) -> None:
    from vfxage.face.track import load_tracks

    for number, rgb in enumerate(pictures[:2], 1001):
        write_exr(tmp_path / f"man.{number}.exr", cv2.resize(rgb, (270, 360), interpolation=cv2.INTER_AREA))
    run("track", shot(tmp_path, tmp_path, frames="1001-1002", pixel_aspect=2.0)).ok()
    one, other = (load_tracks(next((f / "out").glob("*.tracks.npz"))).faces[0] for f in (tmp_path, square))
    gap = one.points[0] * [2, 1] - other.points[0]
    assert np.abs(gap).mean() < 1.5  # pixels of a face 156 high


def test_an_overscan_plate_is_rendered_over_its_whole_data_window(
    pictures: list[np.ndarray], square: Path, tmp_path: Path
) -> None:
    """The display window is the picture's middle; the face reaches beyond it to the left."""
    for number, rgb in enumerate(pictures[:2], 1001):
        height, width = rgb.shape[:2]
        spec = oiio.ImageSpec(width, height, 3, "half")
        spec.attribute("chromaticities", oiio.TypeDesc("float[8]"), (0.64, 0.33, 0.3, 0.6, 0.15, 0.06, 0.3127, 0.329))
        spec.x, spec.y, spec.full_width, spec.full_height = -270, -40, 270, 280
        out = oiio.ImageOutput.create(str(tmp_path / f"man.{number}.exr"))
        assert out.open(str(tmp_path / f"man.{number}.exr"), spec), out.geterror()
        assert out.write_image(np.ascontiguousarray(rgb.astype(np.float16)))
        out.close()
    run("render", shot(tmp_path, tmp_path, frames="1001-1002")).ok()
    got, whole = (pixels(folder / "out/man.1001.exr") for folder in (tmp_path, square))
    assert got["matte.A"].shape == (360, 540)
    assert (halves(got["matte.A"])[:, :270] > 0.5).sum() > 1000
    assert np.abs(halves(got["matte.A"]) - halves(whole["matte.A"])).mean() < 0.005
    assert np.abs(layer(got, "delta") - layer(whole, "delta")).mean() < 0.2 * np.abs(layer(whole, "delta")).mean()
