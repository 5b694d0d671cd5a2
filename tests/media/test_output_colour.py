"""An output's own colour space: against OpenImageIO's conversion, for OpenEXR, movies and stills."""

import dataclasses
import json
from typing import Any

import av
import numpy as np
import OpenImageIO as oiio
import pytest

from tests.colours import convert
from tests.media.still_files import LOGC3, SRGB, load, save
from tests.plates import read_exr, write_exr, write_shot
from tests.profiles import CAMERA, gamma, profile
from tests.run_vfxage import run
from vfxage.colour.icc import parse_profile
from vfxage.colour.space import Colour
from vfxage.media import PlateSettings, open_reader, open_writer
from vfxage.media.base import Destination
from vfxage.media.output_colour import output_space
from vfxage.shot import Output
from vfxage.types import Frame, Render, Window

REC709 = "Linear Rec.709 (sRGB)"
DISPLAY = "Rec.1886 Rec.709 - Display"
PRIMARIES = {
    "ACEScg": (0.713, 0.293, 0.165, 0.83, 0.128, 0.044, 0.32168, 0.33767),
    "ACES2065-1": (0.7347, 0.2653, 0.0, 1.0, 0.0001, -0.077, 0.32168, 0.33767),
    "Linear P3-D65": (0.68, 0.32, 0.265, 0.69, 0.15, 0.06, 0.3127, 0.329),
    "Linear ARRI Wide Gamut 4": (0.7347, 0.2653, 0.1424, 0.8576, 0.0991, -0.0308, 0.3127, 0.329),
}


def light(height: int = 24, width: int = 40) -> np.ndarray:
    """Linear Rec.709 as a picture has it: half floats, no colour purer than skin or foliage."""
    rng = np.random.default_rng(5)
    grey = 2.0 ** rng.uniform(-5, 2, (height, width, 1))
    return (grey * rng.uniform(0.7, 1.3, (height, width, 3))).astype(np.float16).astype(np.float32)


def render_of(rgb: np.ndarray) -> Render:
    matte = np.zeros(rgb.shape[:2], np.float32)
    matte[:, rgb.shape[1] // 2 :] = 1
    delta = (np.float32(-0.1) * rgb * matte[..., None]).astype(np.float32)
    window = Window(0, 0, rgb.shape[1], rgb.shape[0])
    frame = Frame(number=1001, window=window, rgb=rgb, native=rgb.astype(np.float16))
    return Render(frame=frame, beauty=rgb + delta, delta=delta, matte=matte)


def destination(tmp_path, name: str, space: str, **changes: Any) -> Destination:
    write_exr(tmp_path / "p.1001.exr", light())
    info = open_reader(tmp_path / "p.1001.exr").info
    assert info.colorspace == REC709
    plain = Destination(
        path=str(tmp_path / name), passes=("beauty",), codec=None, clip=info, colorspace=space, numbers=(1001,)
    )
    return dataclasses.replace(plain, **changes)


def write(target: Destination, render: Render) -> None:
    with open_writer(target) as writer:
        writer.write(render)


@pytest.mark.parametrize("space", PRIMARIES)
def test_exr_in_another_linear_space(tmp_path, space):
    render = render_of(light())
    write(destination(tmp_path, "o.exr", space, passes=("beauty", "delta", "matte")), render)
    image = oiio.ImageBuf(str(tmp_path / "o.exr"))
    assert image.spec().getattribute("chromaticities") == pytest.approx(PRIMARIES[space], abs=1e-5)
    planes = read_exr(tmp_path / "o.exr")
    beauty = np.stack([planes[c].view(np.float16) for c in "RGB"], -1).astype(np.float32)
    delta = np.stack([planes[f"delta.{c}"] for c in "RGB"], -1)
    reference = convert(render.beauty, REC709, space)
    np.testing.assert_allclose(beauty, reference, rtol=2e-3, atol=1e-4)  # half
    np.testing.assert_allclose(delta, convert(render.delta, REC709, space), rtol=1e-4, atol=1e-6)
    plate = convert(render.frame.rgb, REC709, space)
    np.testing.assert_allclose(plate + delta, reference, rtol=1e-5, atol=1e-6)
    assert not delta[:, :20].any()
    assert np.array_equal(planes["matte.A"].view(np.float16).astype(np.float32), render.matte)


def test_exr_in_the_plates_own_space_keeps_its_bits(tmp_path):
    render = render_of(light())
    write(destination(tmp_path, "o.exr", REC709), render)
    planes = read_exr(tmp_path / "o.exr")
    for index, name in enumerate("RGB"):
        assert np.array_equal(planes[name][:, :20], render.frame.native[:, :20, index].view(np.uint16))


@pytest.mark.parametrize(
    "space",
    [LOGC3, "ARRI LogC4", "S-Log3 S-Gamut3", "Log3G10 REDWideGamutRGB", DISPLAY, SRGB, "Rec.1886 Rec.2020 - Display"],
)
def test_stills_of_a_linear_plate(tmp_path, space):
    render = render_of(light() * np.float32(0.2))
    write(destination(tmp_path, "o.dpx", space, depth=16), render)
    reference = np.clip(convert(render.beauty, REC709, space), 0, 1) * 65535
    assert np.abs(load(tmp_path / "o.dpx", "uint16") - reference).max() <= 4


@pytest.mark.parametrize("space", [LOGC3, DISPLAY, SRGB, "S-Log3 S-Gamut3"])
def test_movies_hold_the_space_asked_for(tmp_path, space):
    rgb = np.broadcast_to(np.array([0.35, 0.22, 0.15], np.float32), (24, 40, 3)).copy()
    flat = dataclasses.replace(render_of(rgb), beauty=rgb, delta=np.zeros_like(rgb))
    write(destination(tmp_path, "o.mov", space, codec="prores_4444"), flat)
    with av.open(str(tmp_path / "o.mov")) as container:
        picture = next(container.decode(video=0))
    planes = [np.frombuffer(memoryview(p), "<u2").reshape(p.height, -1)[12, 20] / 4096 for p in picture.planes[:3]]
    y, cb, cr = (planes[0] - 1 / 16) * 256 / 219, *((p - 0.5) * 256 / 224 for p in planes[1:])
    decoded = y + 1.5748 * cr, y - 0.1873 * cb - 0.4681 * cr, y + 1.8556 * cb  # ITU-R BT.709
    np.testing.assert_allclose(decoded, convert(rgb[:1, :1], REC709, space)[0, 0], atol=2 / 876)


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ({"path": "o.####.exr", "colorspace": DISPLAY}, ("scene-linear", REC709)),
        ({"path": "o.mov", "colorspace": "ACEScg"}, ("linear light", DISPLAY)),
        ({"path": "o.####.png", "colorspace": "ACEScg", "depth": 8}, ("linear light", "16 bits")),
        ({"path": "o.####.exr", "colorspace": "ACESgc"}, ("unknown colour space", "ACEScg")),
    ],
)
def test_a_space_that_an_output_cannot_hold_is_reported_with_its_place(tmp_path, clips, output, words):
    outputs = [{"path": "a.####.exr"}, output]
    shot = write_shot(tmp_path, plate=str(clips / "no_face_scene_cuts.mp4"), frames=1, outputs=outputs)
    (line,) = (n for n, text in enumerate(shot.read_text().splitlines(), 1) if "colorspace" in text)
    for command in ("info", "render"):
        reported = run(command, shot).fails(2, f"shot.yaml:{line}: ", *words).err
        assert "track" not in reported
    assert not list(tmp_path.glob("*.npz"))


@pytest.mark.parametrize(
    ("path", "written"), [("o.dpx", SRGB), ("o.mov", SRGB), ("o.tif", None), ("o.exr", None), ("o.png", None)]
)
def test_an_output_without_icc_profiles_holds_srgb_of_a_plate_that_has_one(path, written):
    data = profile(CAMERA, gamma(2.0))
    plate = Colour(parse_profile(data).name, None, data)
    output = Output(path=path, codec="prores_422") if path == "o.mov" else Output(path=path)
    assert output_space(output, plate, like="p.png", ocio=None) == (written or plate.name)


def test_a_config_that_cannot_be_loaded_is_reported_with_its_own_line(tmp_path, clips):
    shot = write_shot(
        tmp_path, plate=str(clips / "no_face_scene_cuts.mp4"), colorspace=DISPLAY, ocio="gone.ocio", outputs=[]
    )
    (line,) = (n for n, text in enumerate(shot.read_text().splitlines(), 1) if "gone.ocio" in text)
    run("info", shot).fails(2, f"shot.yaml:{line}: ", "gone.ocio")
    run("info", shot, "--set", "ocio=other.ocio").fails(2, "shot.yaml: ", "other.ocio")


def test_info_names_each_outputs_space(tmp_path, clips):
    outputs = [{"path": "a.####.exr"}, {"path": "b.####.png"}, {"path": "c.####.dpx", "colorspace": "ACEScct"}]
    shot = write_shot(tmp_path, plate=str(clips / "no_face_scene_cuts.mp4"), frames=1, outputs=outputs)
    facts = json.loads(run("info", shot, "--json").ok().out)
    assert [output["colorspace"] for output in facts["outputs"]] == [REC709, SRGB, "ACEScct"]


def show_config(folder):
    """A show's own config: none of the built-in one's names but ACES."""
    config = folder / "show.ocio"
    config.write_text(
        "ocio_profile_version: 2\nroles: {default: aces, scene_linear: show_linear, aces_interchange: aces}\n"
        "displays:\n  d:\n    - !<View> {name: v, colorspace: show_linear}\n"
        "colorspaces:\n"
        "  - !<ColorSpace> {name: aces, encoding: scene-linear}\n"
        "  - !<ColorSpace>\n    name: show_linear\n    encoding: scene-linear\n"
        "    to_scene_reference: !<BuiltinTransform> {style: ACEScg_to_ACES2065-1}\n"
        "  - !<ColorSpace>\n    name: show_log\n    encoding: log\n"
        "    to_scene_reference: !<BuiltinTransform> {style: ACEScct_to_ACES2065-1}\n"
    )
    return config


def test_the_shots_own_config_names_the_output_space(tmp_path):
    config = show_config(tmp_path)
    render = render_of(light() * np.float32(0.2))
    target = destination(tmp_path, "o.dpx", "show_log", depth=16, ocio=str(config))
    write(dataclasses.replace(target, clip=dataclasses.replace(target.clip, colorspace="show_linear")), render)
    reference = convert(render.beauty, "ACEScg", "ACEScct") * 65535
    assert np.abs(load(tmp_path / "o.dpx", "uint16") - reference).max() <= 4


def test_png_of_another_plate_is_srgb_and_of_a_png_its_own(tmp_path):
    from vfxage.colour.space import Colour
    from vfxage.media.output_colour import output_space
    from vfxage.shot import Output

    def space(path: str, plate: str, like: str) -> str:
        return output_space(Output(path=path), Colour(plate), like=like, ocio=None)

    assert space("o.####.png", LOGC3, "p.####.dpx") == SRGB
    assert space("o.####.png", LOGC3, "p.####.png") == LOGC3
    assert space("o.####.dpx", LOGC3, "p.mov") == LOGC3
    assert space("o.####.tif", "ACEScg", "p.####.exr") == SRGB
    assert space("o.mov", LOGC3, "p.####.dpx") == LOGC3
    assert space("o.####.exr", LOGC3, "p.####.dpx") == LOGC3


def test_a_tiff_of_camera_log_floats_is_light_in_exr(tmp_path):
    codes = np.random.default_rng(2).uniform(0.2, 0.5, (8, 8, 3)).astype(np.float32)
    reader = open_reader(save(tmp_path / "p.tif", codes), PlateSettings(colorspace=LOGC3))
    (frame,) = reader.read([1])
    target = Destination(
        path=str(tmp_path / "o.exr"), passes=("beauty",), codec=None, clip=reader.info, colorspace=LOGC3, numbers=(1,)
    )
    nothing = np.zeros((8, 8), np.float32)
    write(target, Render(frame=frame, beauty=frame.rgb, delta=np.zeros_like(frame.rgb), matte=nothing))
    planes = read_exr(tmp_path / "o.exr")
    linear = convert(codes, LOGC3, "Linear ARRI Wide Gamut 3")
    np.testing.assert_allclose(np.stack([planes[c] for c in "RGB"], -1), linear, rtol=1e-4)


def test_a_config_without_srgb_still_has_pictures_to_look_at(tmp_path):
    config = str(show_config(tmp_path))
    render = render_of(light() * np.float32(0.2))
    target = destination(tmp_path, "o.png", SRGB, ocio=config)
    write(dataclasses.replace(target, clip=dataclasses.replace(target.clip, colorspace="show_linear")), render)
    reference = np.clip(convert(render.beauty, "ACEScg", SRGB), 0, 1) * 65535
    assert np.abs(load(tmp_path / "o.png", "uint16") - reference).max() <= 4


def test_a_movies_tags_mean_the_same_under_a_config_without_their_names(tmp_path, clips):
    shot = write_shot(tmp_path, plate=str(clips / "marcie-tv.mp4"), frames=1, ocio=str(show_config(tmp_path)))
    assert json.loads(run("info", shot, "--json").ok().out)["plate"]["colorspace"] == SRGB
