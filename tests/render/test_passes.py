"""The passes for a compositor's own hands: plate, delta_raw, uv and crop, read back by OpenImageIO."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import OpenEXR
import OpenImageIO as oiio
import pytest

from tests.plates import decode, halves, read_exr, write_exr, write_shot
from tests.run_vfxage import run
from vfxage.face.track import load_tracks
from vfxage.geometry import crop_transform
from vfxage.types import Framing

FIRST = 1001


def layer(channels: dict[str, np.ndarray], name: str, letters: str = "RGB") -> np.ndarray:
    planes = [channels[f"{name}.{letter}" if name else letter] for letter in letters]
    return np.stack([halves(plane) if plane.dtype == np.uint16 else plane for plane in planes], -1)


def st_map(source: np.ndarray, uv: np.ndarray) -> np.ndarray:
    """Nuke's STMap with a bilinear filter: S to the right and T up, 0 and 1 the picture's edges."""
    height, width = source.shape[:2]
    x, y = uv[..., 0] * width - 0.5, (1 - uv[..., 1]) * height - 0.5
    return cv2.remap(
        source, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )


@pytest.fixture(scope="module")
def plate(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two frames of two men: one man at a webcam and his mirror picture, odd values on the left one's face."""
    folder = tmp_path_factory.mktemp("plate")
    for index, rgb in enumerate(decode(clips / "androidx_sample.mp4", range(1, 3))):
        man = rgb[::2, 60:960:2].copy()
        man[165, 205:209, 0] = [np.nan, np.inf, -0.25, 65504.0]
        write_exr(folder / f"men.{FIRST + index}.exr", np.hstack([man, rgb[::2, 60:960:2][:, ::-1]]))
    return folder


@pytest.fixture(scope="module")
def rendered(plate: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("passes")
    shot = write_shot(
        folder,
        plate=str(plate / "men.%04d.exr"),
        faces=[{"name": "one", "select": "left"}, {"name": "two", "select": "right"}],
        matte={"kind": "face", "feather": 0.2},
        outputs=[
            {
                "path": "out/men.%04d.exr",
                "passes": ["beauty", "delta", "matte", "plate", "delta_raw", "uv"],
                "face": "two",
            },
            {"path": "regions/men.%04d.exr", "passes": ["delta", "matte", "regions", "delta_raw"]},
            {"path": "lossy/men.%04d.exr", "compression": "dwaa"},
            {"path": "crop/one.%04d.exr", "passes": ["crop"]},
            {"path": "crop/two.%04d.exr", "passes": ["crop"], "face": "two"},
        ],
    )
    run("render", shot).ok()
    return folder


def test_the_plate_pass_is_the_plate_to_the_bit(plate: Path, rendered: Path) -> None:
    before, after = (read_exr(path) for path in (plate / f"men.{FIRST}.exr", rendered / f"out/men.{FIRST}.exr"))
    for letter in "RGB":
        assert np.array_equal(before[letter], after[f"plate.{letter}"])


REGIONS = ("forehead", "eyes", "cheeks", "mouth", "jaw", "neck")


def test_every_face_has_a_matte_of_each_region_and_all_faces_share_one(rendered: Path) -> None:
    channels = read_exr(rendered / f"regions/men.{FIRST}.exr")
    for region in REGIONS:
        one, two, both = (channels[f"region_{region}{suffix}.A"] for suffix in ("_one", "_two", ""))
        assert np.allclose(both, np.minimum(one + two, 1), atol=1e-6)
        if region != "neck":  # the matte of this shot ends at the outline of the face
            assert one.max() > 0.5
            assert two.max() > 0.5
    for suffix in ("_one", "_two"):
        whole = sum(channels[f"region_{region}{suffix}.A"] for region in REGIONS)
        assert (whole <= channels[f"matte{suffix}.A"] + 1e-5).all()


def test_a_region_is_where_its_landmarks_are(rendered: Path) -> None:
    """The middle of the forehead, a lip, a cheek, the chin and an eyelid, as MediaPipe numbers them."""
    channels = read_exr(rendered / f"regions/men.{FIRST}.exr")
    for track in load_tracks(rendered / "out" / "men.tracks.npz").faces:
        points = track.points[list(track.numbers).index(FIRST)]
        name = "one" if points[:, 0].mean() < channels["matte.A"].shape[1] / 2 else "two"
        for landmark, region in ((151, "forehead"), (0, "mouth"), (50, "cheeks"), (152, "jaw"), (159, "eyes")):
            x, y = points[landmark].astype(int)
            here = {other: channels[f"region_{other}_{name}.A"][y - (region == "jaw") * 6, x] for other in REGIONS}
            assert max(here, key=lambda other: here[other]) == region


def test_a_region_times_delta_raw_is_its_share_of_the_delta(rendered: Path) -> None:
    channels = read_exr(rendered / f"regions/men.{FIRST}.exr")
    raw, delta, matte = layer(channels, "delta_raw"), layer(channels, "delta"), channels["matte.A"]
    inside = np.sum([channels[f"region_{region}.A"] for region in REGIONS], axis=0)
    assert 0.5 < inside.sum() / matte.sum() < 1
    for region in ("eyes", "mouth"):
        own = channels[f"region_{region}.A"]
        alone = (own >= 0.999 * matte) & (matte > 0.5)
        assert alone.sum() > 100
        assert np.allclose((own[..., None] * raw)[alone], delta[alone], rtol=2e-3, atol=1e-6)


def test_a_lossy_output_is_near_and_says_so(plate: Path, rendered: Path) -> None:
    lossy, exact = (read_exr(rendered / f"{folder}/men.{FIRST}.exr") for folder in ("lossy", "out"))
    header = oiio.ImageInput.open(str(rendered / f"lossy/men.{FIRST}.exr")).spec()
    assert header.getattribute("compression").startswith("dwaa")
    beauty, truth = layer(lossy, ""), layer(exact, "")
    whole = np.isfinite(truth)
    assert not np.array_equal(beauty, truth)
    assert np.abs(beauty[whole] - truth[whole]).mean() < 0.01 * np.abs(truth[whole]).mean()
    assert np.array_equal(lossy["matte.A"].view(np.float16), exact["matte.A"].astype(np.float16))
    again = run("render", rendered / "shot.yaml").ok().err
    assert "dwaa rounds the delta" in again
    assert "0 frames rendered" in run("render", rendered / "shot.yaml").ok().out


def test_verify_takes_a_lossy_output_for_right_and_another_picture_for_wrong(rendered: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(rendered, folder)
    assert run("verify", folder / "shot.yaml").ok()
    path = folder / f"lossy/men.{FIRST}.exr"
    file = OpenEXR.File(str(path), separate_channels=True)
    channels = {name: channel.pixels[::-1].copy() for name, channel in file.channels().items()}
    OpenEXR.File(dict(file.header()), channels).write(str(path))
    found = run("verify", folder / "shot.yaml")
    assert found.code == 4
    assert "is not near plate plus delta" in found.out + found.err


@pytest.mark.parametrize("suffix", ["", "_one", "_two"])
def test_the_matte_times_delta_raw_is_the_delta(rendered: Path, suffix: str) -> None:
    channels = read_exr(rendered / f"out/men.{FIRST}.exr")
    raw, delta = layer(channels, f"delta_raw{suffix}"), layer(channels, f"delta{suffix}")
    matte = channels[f"matte{suffix}.A"][..., None]
    with np.errstate(invalid="ignore"):
        assert np.allclose(matte * raw, delta, rtol=1e-5, atol=1e-7)
    soft = (matte[..., 0] > 0.01) & (matte[..., 0] < 0.9)
    assert np.abs(raw[soft]).mean() > 1.2 * np.abs(delta[soft]).mean() > 0  # the matte is not in it
    assert np.isfinite(raw).all()


def test_plate_plus_matte_times_delta_raw_is_the_beauty(rendered: Path) -> None:
    channels = read_exr(rendered / f"out/men.{FIRST}.exr")
    with np.errstate(invalid="ignore", over="ignore"):
        total = layer(channels, "plate") + channels["matte.A"][..., None] * layer(channels, "delta_raw")
        beauty = layer(channels, "")
        far = np.abs(total - beauty) > np.abs(beauty) * 2.0**-11 + 1e-7  # half an ulp of half
    assert not far[np.isfinite(beauty)].any()


@pytest.mark.parametrize(("suffix", "name"), [("_one", "one"), ("_two", "two"), ("", "two")])
def test_uv_is_where_the_crop_lies_to_a_thousandth_of_a_pixel(rendered: Path, suffix: str, name: str) -> None:
    channels = read_exr(rendered / f"out/men.{FIRST}.exr")
    uv = layer(channels, f"uv{suffix}", "RG")
    size = read_exr(rendered / f"crop/{name}.{FIRST}.exr")["R"].shape[0]
    tracks = load_tracks(next((rendered / "out").glob("*.tracks.npz")))
    track = sorted(tracks.faces, key=lambda face: face.points[0, :, 0].mean())[name == "two"]
    to_frame = crop_transform(track.points[0], Framing(name="ffhq"), size)
    rows, columns = np.nonzero(uv.any(axis=2))
    assert len(rows) > 10_000
    crop = np.stack([uv[rows, columns, 0] * size, (1 - uv[rows, columns, 1]) * size, np.ones(len(rows))])
    at = to_frame @ crop
    assert np.abs(at - np.stack([columns + 0.5, rows + 0.5])).max() < 1e-3
    square = to_frame @ np.array([[0, size, size, 0], [0, 0, size, size], [1, 1, 1, 1]])
    assert np.array_equal(uv[0, 0], [0, 0])
    drawn = cv2.contourArea(square.T.astype(np.float32))
    assert len(rows) <= drawn + 4 * size


@pytest.mark.parametrize("name", ["one", "two"])
def test_the_crop_pushed_back_through_uv_lands_on_the_plate(rendered: Path, name: str) -> None:
    channels, crop = (read_exr(rendered / path) for path in (f"out/men.{FIRST}.exr", f"crop/{name}.{FIRST}.exr"))
    uv, plate = layer(channels, f"uv_{name}", "RG"), layer(channels, "plate")
    # the odd values and what the resampling spreads of them aside
    sound = cv2.erode((np.isfinite(plate).all(2) & (np.abs(plate) < 4).all(2)).astype(np.uint8), np.ones((25, 25))) > 0
    where = sound & (channels[f"matte_{name}.A"] > 0.5)
    assert where.sum() > 5_000
    back = st_map(layer(crop, ""), uv)
    assert np.abs(back - plate)[where].mean() < 0.006
    shifted = np.abs(np.roll(back, 1, axis=1) - plate)[where].mean()
    assert shifted > 2 * np.abs(back - plate)[where].mean()  # not even a pixel off
    delta = layer(channels, f"delta_{name}")
    pushed = st_map(layer(crop, "delta"), uv)
    assert np.abs(pushed - delta)[where].mean() < 0.25 * np.abs(delta)[where].mean()
    matte = st_map(halves(crop["matte.A"]), uv)
    assert np.abs(matte - channels[f"matte_{name}.A"])[sound].max() < 0.02


def test_every_frame_of_a_crop_is_the_same_square_with_the_same_channels(rendered: Path) -> None:
    import OpenImageIO as oiio

    seen = set()
    for path in sorted((rendered / "crop").glob("one.*.exr")):
        spec = oiio.ImageInput.open(str(path)).spec()
        seen.add((spec.width, spec.height, spec.full_width, spec.x, spec.full_x, tuple(sorted(spec.channelnames))))
    ((width, height, full, *corner, names),) = seen
    assert width == height == full
    assert width in (256, 512, 768, 1024)
    assert corner == [0, 0]
    assert set(names) == {"R", "G", "B", "delta.R", "delta.G", "delta.B", "matte.A"}


def test_without_a_face_the_channels_are_the_same_and_empty(clips: Path, tmp_path: Path) -> None:
    outputs = [
        {"path": "out/street.%04d.exr", "passes": ["plate", "delta_raw", "uv", "matte"]},
        {"path": "crop/street.%04d.exr", "passes": ["crop"]},
    ]
    run("render", write_shot(tmp_path, plate=str(clips / "no_face_scene_cuts.mp4"), frames="8", outputs=outputs)).ok()
    got = read_exr(tmp_path / "out/street.0008.exr")
    assert {"delta_raw.R", "uv.R", "uv.G", "matte.A", "plate.B"} <= got.keys()
    assert not any(plane.any() for name, plane in got.items() if not name.startswith("plate"))
    assert got["plate.G"].any()
    assert not any(plane.any() for plane in read_exr(tmp_path / "crop/street.0008.exr").values())


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ({"path": "a.%04d.exr", "passes": ["crop", "matte"]}, ["crop", "output of its own"]),
        ({"path": "a.%04d.exr", "passes": ["uv"], "face": "tow"}, ["no face `tow`", "one"]),
        ({"path": "a.%04d.exr", "face": "one"}, ["`face`", "uv and crop"]),
        ({"path": "a.mov", "passes": ["uv"]}, ["`uv`", ".exr"]),
    ],
)
def test_a_pass_where_it_does_not_fit_is_refused(plate: Path, tmp_path: Path, output: dict, words: list[str]) -> None:
    faces = [{"name": "one", "select": "left"}]
    shot = write_shot(tmp_path, plate=str(plate / "men.%04d.exr"), faces=faces, outputs=[output])
    run("render", shot).fails(2, *words)
