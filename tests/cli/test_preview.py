"""``vfxage preview`` through a display and view, with its close-up and its strip."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import av
import cv2
import numpy as np
import OpenImageIO as oiio
import PyOpenColorIO as Ocio
import pytest

from tests.plates import decode, write_exr, write_shot
from tests.run_vfxage import run
from tests.small_shot import FIRST, small_shot
from vfxage.colour.config import BUILTIN
from vfxage.render.job import Job
from vfxage.render.preview_page import shot_and_version


@pytest.mark.parametrize(
    ("key", "value", "known"), [("view", "nope", "Un-tone-mapped"), ("display", "Monitor", "sRGB - Display")]
)
def test_an_unknown_view_or_display_is_named_with_its_line(
    key: str, value: str, known: str, plate: Path, tmp_path: Path
) -> None:
    path = small_shot(plate, tmp_path, preview={key: value})
    line = next(number for number, text in enumerate(path.read_text().splitlines(), 1) if value in text)
    for command in (("preview", path, "--frames", FIRST), ("info", path), ("track", path), ("render", path)):
        run(*command).fails(2, f"{path.name}:{line}:", f'no {key} "{value}"', known)
    assert not list(tmp_path.glob("out/*.mp4"))


@pytest.mark.parametrize("point", [(225, 250), (675, 250)])
def test_a_face_selected_by_a_point_is_the_one_in_a_small_preview(
    clips: Path, tmp_path: Path, point: tuple[int, int]
) -> None:
    """A man and his mirror picture, 900 pixels wide; the pictures of the preview are 320 wide."""
    (rgb,) = decode(clips / "androidx_sample.mp4", range(1, 2))
    man = rgb[::2, 60:960:2]
    write_exr(tmp_path / f"men.{FIRST}.exr", np.hstack([man, man[:, ::-1]]))
    shot = write_shot(
        tmp_path,
        plate=str(tmp_path / "men.%04d.exr"),
        faces=[{"name": "one", "select": {"frame": FIRST, "point": list(point)}}],
        preview={"width": 320},
        outputs=[{"path": "out/men.%04d.exr"}],
    )
    run("preview", shot).ok()
    with av.open(str(tmp_path / "out/men.preview.mp4")) as movie:
        page = next(movie.decode(video=0)).to_ndarray(format="rgb24").astype(int)
    matte = page[190:280, 320:640].sum(axis=2)  # the bottom right picture, without its label
    centre = (matte * np.arange(320)).sum() / matte.sum() / 320
    assert centre == pytest.approx(point[0] / 900, abs=0.1)


def test_the_plate_is_shown_through_the_chosen_view(plate: Path, tmp_path: Path) -> None:
    """The panel of the plate is what OpenColorIO makes of the plate's pixels."""
    path = small_shot(plate, tmp_path, preview={"view": "Un-tone-mapped", "width": 640})
    movie, _ = run("preview", path, "--frames", FIRST).ok().out.split()
    with av.open(movie) as container:
        page = next(container.decode(video=0)).to_ndarray(format="rgb24")
    light = oiio.ImageBuf(str(plate / f"man.{FIRST}.exr")).get_pixels(oiio.FLOAT)[..., :3]
    high = (page.shape[0] - 30) // 2
    wide = (page.shape[1] - high) // 2
    shown = np.ascontiguousarray(cv2.resize(light, (wide, high), interpolation=cv2.INTER_AREA))
    config = Ocio.Config.CreateFromBuiltinConfig(BUILTIN)
    transform = Ocio.DisplayViewTransform(
        src="Linear Rec.709 (sRGB)", display=config.getDefaultDisplay(), view="Un-tone-mapped"
    )
    config.getProcessor(transform).getDefaultCPUProcessor().applyRGB(shown)
    apart = np.abs(page[60 : 30 + high, 120:wide].astype(float) - 255 * np.clip(shown[30:, 120:], 0, 1))
    assert apart.mean() < 4  # h264's noise


@pytest.mark.parametrize(
    ("name", "folder", "shown"),
    [
        ("sh010_v002", "/show", ("sh010", "v002")),
        ("sh010_comp_V12_matte", "/show/v001", ("sh010_comp_matte", "V12")),
        ("sh010", "/show/v003/out", ("sh010", "v003")),
        ("v007", "/show", ("v007", "v007")),
        ("rev1_sh010", "/show", ("rev1_sh010", "")),
    ],
)
def test_the_version_is_read_from_the_name_or_a_folder(name: str, folder: str, shown: tuple[str, str]) -> None:
    job = cast("Job", SimpleNamespace(name=name, folder=Path(folder)))
    assert shot_and_version(job) == shown


def test_a_preview_replaces_nothing_but_a_preview(clips: Path, tmp_path: Path) -> None:
    movie = tmp_path / "plate.mp4"
    movie.write_bytes((clips / "androidx_sample.mp4").read_bytes())
    path = write_shot(tmp_path, plate="plate.mp4", frames="1-2")
    precious = tmp_path / "cut.png"
    precious.write_bytes(b"a picture")
    before = movie.read_bytes()
    run("preview", path, "--out", movie, "--overwrite").fails(2, "plate.mp4")
    run("preview", path, "--out", tmp_path / "cut.mp4").fails(2, "cut.png", "--overwrite")
    run("preview", path, "--out", tmp_path / "cut.mov").fails(2, "MP4")
    assert movie.read_bytes() == before
    assert precious.read_bytes() == b"a picture"
    run("preview", path).ok()
    run("preview", path).ok()
