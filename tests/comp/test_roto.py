"""Rotos, hold-outs and painted maps: their effect on the mattes, and the frames that they render again."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import OpenImageIO as oiio
import pytest

from tests.plates import halves, man_at_webcam, read_exr, write_exr, write_shot
from tests.run_vfxage import run

SIZE = (540, 360)


@pytest.fixture(scope="module")
def plate(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return man_at_webcam(clips, tmp_path_factory.mktemp("plate"), 3)


def write_roto(path: Path, values: np.ndarray, at: tuple[int, int] = (0, 0), channels: str = "A") -> None:
    """A matte as roto nodes write it: float, its data window only where it has something."""
    path.parent.mkdir(parents=True, exist_ok=True)
    spec = oiio.ImageSpec(values.shape[1], values.shape[0], len(channels), "float")
    spec.x, spec.y = at
    spec.full_width, spec.full_height = SIZE
    spec.channelnames = tuple(channels)
    out = oiio.ImageOutput.create(str(path))
    assert out.open(str(path), spec), out.geterror()
    assert out.write_image(np.repeat(values[..., None].astype(np.float32), len(channels), axis=2)), out.geterror()
    out.close()


def shot(plate: Path, folder: Path, **keys: object) -> Path:
    still = {"temporal": {"radius": 0, "strength": 0.0}, "outputs": [{"path": "out/man.%04d.exr"}]}
    return write_shot(folder, plate=str(plate / "man.%04d.exr"), **{**still, **keys})


def passes(folder: Path, number: int = 1001) -> tuple[np.ndarray, np.ndarray]:
    got = read_exr(folder / "out" / f"man.{number}.exr")
    return halves(got["matte.A"]), np.stack([got[f"delta.{letter}"] for letter in "RGB"], -1)


@pytest.fixture(scope="module")
def bare(plate: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bare")
    run("render", shot(plate, folder)).ok()
    return folder


def tracks_of(folder: Path) -> str:
    """The tracks of the whole plate: a part of it, tracked alone, is anchored a little differently."""
    return str(next((folder / "out").glob("*.tracks.npz")))


RAMP = np.linspace(-0.5, 1.5, 200)[None, :] * np.ones((150, 1))
INSIDE = (slice(100, 250), slice(180, 380))


@pytest.mark.parametrize("key", ["file", "hold_out"])
def test_a_roto_multiplies_the_matte_clamped_and_nothing_is_outside_its_window(
    plate: Path, bare: Path, tmp_path: Path, key: str
) -> None:
    drawn = RAMP.copy()
    drawn[:20] = np.nan
    for number in (1001, 1002, 1003):
        write_roto(tmp_path / f"roto/a.{number}.exr", drawn, (180, 100))
    run("render", shot(plate, tmp_path, matte={key: "roto/a.%04d.exr"}), "--frames", "1001").ok()
    factor = np.zeros((360, 540))
    factor[INSIDE] = np.clip(np.nan_to_num(drawn), 0, 1)
    factor = factor if key == "file" else 1 - factor
    (matte, delta), (plain, change) = passes(tmp_path), passes(bare)
    assert np.allclose(matte, plain * factor, atol=6e-4)
    assert np.allclose(delta, change * factor[..., None], atol=2e-6, rtol=2e-3)
    assert np.all(delta[matte == 0] == 0)
    assert 0.02 < np.abs(delta).sum() / np.abs(change).sum() < 0.98


def test_a_changed_roto_frame_renders_that_frame_again_and_no_other(plate: Path, tmp_path: Path) -> None:
    for number in (1001, 1002, 1003):
        write_roto(tmp_path / f"roto/a.{number}.exr", np.ones((360, 540)))
    path = shot(plate, tmp_path, matte={"file": "roto/a.%04d.exr"}, temporal={"radius": 2, "strength": 1.0})
    run("render", path).ok()
    write_roto(tmp_path / "roto/a.1002.exr", np.full((360, 540), 0.25))
    assert "1 frame rendered, 2 complete already" in run("render", path).ok().out
    (tmp_path / "roto").rename(tmp_path / "elsewhere")
    moved = run("render", path, "--set", "matte.file=elsewhere/a.%04d.exr").ok()
    assert "0 frames rendered, 3 complete already" in moved.out  # content counts, not where it lies


def test_a_missing_roto_frame_is_an_error_that_names_it(plate: Path, tmp_path: Path) -> None:
    for number in (1001, 1003):
        write_roto(tmp_path / f"roto/a.{number}.exr", np.ones((360, 540)))
    path = shot(plate, tmp_path, matte={"file": "roto/a.%04d.exr"})
    for use in ("matte.file", "matte.hold_out", "regions.map"):
        for command in ("render", "preview"):
            said = run(command, path, "--set", f"{use}=roto/none.%04d.exr").fails(3, "none.%04d.exr", "the ").err
            assert "track " not in said
    said = run("render", path).fails(3, "a.1002.exr", "1002", "roto").err
    assert "track " not in said
    write_exr(tmp_path / "small.exr", np.ones((90, 160, 3), np.float32))
    run("render", path, "--set", "matte.file=small.exr").fails(2, "160x90", "540x360")


@pytest.mark.parametrize(
    "keys",
    [
        {"matte": {"file": "out/man.%04d.exr"}},
        {"matte": {"hold_out": "out/man.1002.exr"}},
        {"faces": [{"select": "largest", "matte": {"file": "out/../out/man.####.exr"}}]},
        {"regions": {"map": "linked/man.$F4.exr"}},
    ],
)
def test_an_output_never_overwrites_what_an_artist_drew(plate: Path, tmp_path: Path, keys: dict) -> None:
    theirs = tmp_path / "out/man.1002.exr"
    write_roto(theirs, np.ones((360, 540)))
    (tmp_path / "linked").symlink_to("out")
    drawn = theirs.read_bytes()
    run("render", shot(plate, tmp_path, **keys), "--overwrite").fails(2, "would overwrite a roto", "shot.yaml")
    assert theirs.read_bytes() == drawn


def test_stills_of_eight_and_sixteen_bits_are_rotos_by_the_numbers_in_them(
    plate: Path, bare: Path, tmp_path: Path
) -> None:
    drawn = np.full((360, 540, 3), 0.5)
    for name, form, level in (("a.%04d.png", "uint8", 128 / 255), ("b.%04d.tif", "uint16", 0.5)):
        spec = oiio.ImageSpec(540, 360, 3, form)
        for number in (1001, 1002):
            out = oiio.ImageOutput.create(str(tmp_path / (name % number)))
            assert out.open(str(tmp_path / (name % number)), spec), out.geterror()
            assert out.write_image(np.ascontiguousarray(drawn, np.float32))
            out.close()
        matte = {"file": name, "hold_out": "a.%04d.png"}
        run("render", shot(plate, tmp_path, matte=matte, frames="1001", tracks=tracks_of(bare))).ok()
        found, plain = passes(tmp_path)[0], passes(bare)[0]
        assert np.allclose(found, plain * level * (1 - 128 / 255), atol=6e-4)
    run("render", shot(plate, tmp_path, matte=matte)).fails(3, "1003", "no such frame")


def test_one_picture_stands_for_all_frames_and_a_face_has_rotos_of_its_own(
    plate: Path, bare: Path, tmp_path: Path
) -> None:
    left = np.zeros((360, 540))
    left[:, :270] = 1
    write_roto(tmp_path / "left.exr", left, channels="RGB")  # no alpha: its luminance
    face = {"name": "lead", "select": "largest", "matte": {"hold_out": "left.exr"}}
    run("render", shot(plate, tmp_path, faces=[face], frames="1001-1002", tracks=tracks_of(bare))).ok()
    for number in (1001, 1002):
        (matte, _), (plain, _) = passes(tmp_path, number), passes(bare, number)
        assert np.array_equal(matte[:, 270:], plain[:, 270:])
        assert not matte[:, :270].any()
        assert plain[:, :270].any()


def test_a_movie_is_a_roto_too(plate: Path, bare: Path, tmp_path: Path) -> None:
    with av.open(str(tmp_path / "roto.mov"), "w") as container:
        stream = container.add_stream("qtrle", rate=24)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "rgb24"
        for level in (255, 0, 102):
            for packet in stream.encode(av.VideoFrame.from_ndarray(np.full((360, 540, 3), level, np.uint8), "rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    run("render", shot(plate, tmp_path, matte={"file": "roto.mov"})).ok()
    for number, share in ((1001, 1.0), (1002, 0.0), (1003, 0.4)):
        (matte, _), (plain, _) = passes(tmp_path, number), passes(bare, number)
        assert np.allclose(matte, plain * share, atol=2e-3)


def test_a_preview_honours_rotos(plate: Path, tmp_path: Path) -> None:
    right = np.zeros((360, 540))
    right[:, 270:] = 1
    write_roto(tmp_path / "right.exr", right)
    run("preview", shot(plate, tmp_path, frames="1001", matte={"file": "right.exr"})).ok()
    with av.open(str(next((tmp_path / "out").glob("*.mp4")))) as container:
        page = next(container.decode(video=0)).to_ndarray(format="rgb24")
    height = (page.shape[0] - 30) // 2
    width = (page.shape[1] - height) // 2  # the last column holds the close-ups
    matte = page[30 + height + 40 : -4, width : 2 * width].astype(float)
    assert matte[:, width // 2 + 4 :].max() > 200
    assert matte[:, : width // 2 - 4].max() < 20


def test_a_map_painted_over_the_crop_multiplies_the_change_there(plate: Path, bare: Path, tmp_path: Path) -> None:
    painted = np.zeros((64, 64, 3), np.float32)
    painted[32:] = 1  # the lower half of the face
    write_exr(tmp_path / "map.exr", painted)
    outputs = [{"path": "out/man.%04d.exr", "passes": ["beauty", "delta", "matte", "uv"]}]
    keys = {"regions": {"map": "map.exr"}, "outputs": outputs, "tracks": tracks_of(bare)}
    run("render", shot(plate, tmp_path, frames="1001", **keys)).ok()
    (matte, delta), (plain, change) = passes(tmp_path), passes(bare)
    assert np.array_equal(matte, plain)
    up = read_exr(tmp_path / "out/man.1001.exr")["uv.G"]
    moved = np.abs(change).sum(2) > 1e-3
    upper, lower = moved & (up > 0.56), moved & (up < 0.44)
    assert min(upper.sum(), lower.sum()) > 500
    assert np.abs(delta[upper]).max() < 1e-5
    assert np.allclose(delta[lower], change[lower], atol=1e-6)
    write_exr(tmp_path / "oblong.exr", np.zeros((20, 40, 3), np.float32))
    run("render", tmp_path / "shot.yaml", "--set", "regions.map=oblong.exr").fails(2, "40x20", "square")
