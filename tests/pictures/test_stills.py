"""``vfxage stills``: results against the pictures' own pixels, read by OpenImageIO and Pillow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import OpenImageIO as Oiio
import pytest
from PIL import Image, ImageCms

from tests import profiles
from tests.run_vfxage import run

AGES = ("--source-age", "30", "--target-age", "70", "--model", "bands")
REC709 = (0.64, 0.33, 0.3, 0.6, 0.15, 0.06, 0.3127, 0.329)


def write(path: Path, samples, form: str, **attributes: object) -> None:
    """Write a picture with OpenImageIO; ``__`` in the name of an attribute is a colon."""
    spec = Oiio.ImageSpec(samples.shape[1], samples.shape[0], samples.shape[2], form)
    for name, value in attributes.items():
        kind = [Oiio.TypeDesc("float[8]")] if isinstance(value, tuple) else []
        if isinstance(value, bytes):
            kind, value = [Oiio.TypeDesc(f"uint8[{len(value)}]")], np.frombuffer(value, np.uint8)
        spec.attribute(name.replace("__", ":"), *kind, value)
    path.parent.mkdir(parents=True, exist_ok=True)
    output = Oiio.ImageOutput.create(str(path))
    assert output.open(str(path), spec), output.geterror()
    assert output.write_image(np.ascontiguousarray(samples))
    output.close()


def read(path: Path):
    """Spec and stored samples."""
    hints = Oiio.ImageSpec()
    hints.attribute("oiio:UnassociatedAlpha", 1)
    source = Oiio.ImageInput.open(str(path), hints)
    assert source is not None, path
    spec = source.spec()
    return spec, source.read_image(0, 0, 0, spec.nchannels, str(spec.format))


@pytest.fixture(scope="module")
def face(portraits) -> np.ndarray:
    return np.asarray(Image.open(portraits / "eval" / "lon_002_neutral.jpg").convert("RGB").resize((256, 256)))


@pytest.fixture(scope="module")
def deep(face) -> np.ndarray:
    """The face in 16 bits, with values that 8 bits do not have, and an alpha."""
    noise = np.random.default_rng(1).integers(-120, 120, face.shape)
    rgb = np.clip(face.astype(int) * 257 + noise, 0, 65535)
    alpha = np.broadcast_to(np.linspace(0, 65535, 256).astype(int)[:, None, None], (256, 256, 1))
    return np.concatenate([rgb, alpha], axis=2).astype(np.uint16)


def light(face):
    code = face / 255
    return np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4).astype(np.float32)


@pytest.fixture(scope="module")
def folder(face, deep, tmp_path_factory) -> Path:
    """A folder of pictures of many kinds, and ``out`` with their results."""
    home = tmp_path_factory.mktemp("stills")
    pictures = home / "in"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    camera = profiles.profile(profiles.CAMERA, profiles.gamma(2.0))
    write(pictures / "deep.png", deep, "uint16", oiio__UnassociatedAlpha=1)
    write(pictures / "deep.tif", deep, "uint16", oiio__UnassociatedAlpha=1)
    write(pictures / "profile.tif", face, "uint8", ICCProfile=profile)
    write(pictures / "camera.png", face, "uint8", ICCProfile=camera)
    write(pictures / "table.tif", face, "uint8", ICCProfile=profiles.new_table())
    write(pictures / "linear.exr", light(face), "half", chromaticities=REC709)
    write(pictures / "nameless.exr", light(face), "half")
    small = Image.fromarray(face)
    two = Image.new("RGB", (512, 256))
    two.paste(small, (0, 0))
    two.paste(small.resize((200, 200)), (290, 40))
    two.save(pictures / "two.png")
    turned = Image.Exif()
    turned[274] = 6
    small.rotate(90, expand=True).save(pictures / "turned.jpg", exif=turned, quality=97, icc_profile=profile)
    small.convert("L").save(pictures / "grey.jpg", quality=97)
    small.convert("CMYK").save(pictures / "inks.jpg")
    inks = (pictures / "inks.jpg").read_bytes()
    adobe = inks.index(b"Adobe") + 11  # the transform: 0 CMYK, 2 YCCK
    (pictures / "ycck.jpg").write_bytes(inks[:adobe] + b"\2" + inks[adobe + 1 :])
    small.crop((70, 0, 256, 256)).save(pictures / "at the border.png")
    Image.new("RGB", (300, 200), (90, 120, 60)).save(pictures / "meadow.png")
    Image.new("RGB", (1, 1)).save(pictures / "point.png")
    (pictures / "cut.jpg").write_bytes((pictures / "grey.jpg").read_bytes()[:5000])
    for name in ("a#1.png", "x%04d.png", "$HOME.png", "~t.png", "-dash é.png", "a.1001.png"):
        small.resize((128, 128)).save(pictures / name)
    for name in ("one", "other"):
        (pictures / name).mkdir()
        small.resize((128, 128)).save(pictures / name / "same.png")
    done = run("stills", pictures, *AGES, "--delta", "--out", home / "out")
    (home / "err.txt").write_text(done.err)
    (home / "out.txt").write_text(done.out)
    assert done.code == 4, done.err
    return home


def change(folder: Path, name: str):
    """Where the result of a picture differs from it: (H, W), and both."""
    stem, _, suffix = name.rpartition(".")
    before, after = read(folder / "in" / name), read(folder / "out" / f"{stem}_70.{suffix}")
    assert str(before[0].format) == str(after[0].format if suffix != "exr" else after[0].channelformat(0))
    assert before[1].shape[:2] == after[1].shape[:2]
    return np.any(before[1][..., :3] != after[1][..., :3], axis=2), before, after


@pytest.mark.parametrize(
    "name",
    ["deep.png", "deep.tif", "profile.tif", "camera.png", "table.tif", "linear.exr", "two.png", "at the border.png"],
)
def test_only_the_face_changes_bit_for_bit(folder, name):
    changed, _, _ = change(folder, name)
    rows = np.flatnonzero(changed.any(axis=1))
    assert changed.mean() > 0.03
    assert not changed[:10].any()
    assert not changed[:, :4].any() or name == "at the border.png"
    assert 20 < rows[0] < rows[-1] < 250


@pytest.mark.parametrize("name", ["deep.png", "deep.tif"])
def test_bits_and_alpha_stay(folder, name):
    _, before, after = change(folder, name)
    assert str(after[0].format) == "uint16"
    np.testing.assert_array_equal(after[1][..., 3], before[1][..., 3])


def test_the_icc_profile_stays(folder):
    for name in ("profile.tif", "turned.jpg", "camera.png", "table.tif"):
        _, before, after = change(folder, name) if name != "turned.jpg" else (
            None, read(folder / "in" / name), read(folder / "out" / "turned_70.jpg"))  # fmt: skip
        np.testing.assert_array_equal(before[0].getattribute("ICCProfile"), after[0].getattribute("ICCProfile"))


def test_a_turned_picture_is_upright(folder, face):
    with Image.open(folder / "out" / "turned_70.jpg") as picture:
        assert picture.getexif().get(274, 1) == 1
        shown = np.asarray(picture).astype(int)
    assert np.abs(shown[:20] - face[:20]).mean() < 3  # the upright picture's top, compressed twice


def test_a_linear_picture_has_the_passes_of_a_shot(folder):
    spec, samples = read(folder / "out" / "linear_70.exr")
    names = list(spec.channelnames)
    assert {"R", "G", "B", "delta.R", "delta.G", "delta.B", "matte.A"} <= set(names)
    planes = dict(zip(names, np.moveaxis(samples, 2, 0), strict=True))
    plate = read(folder / "in" / "linear.exr")[1].astype(np.float32)
    for index, channel in enumerate("RGB"):
        total = plate[..., index] + planes[f"delta.{channel}"].astype(np.float32)
        np.testing.assert_allclose(planes[channel].astype(np.float32), total, rtol=1e-3, atol=1e-4)
        assert (planes[channel] == plate[..., index])[planes["matte.A"] == 0].all()


def test_every_face_changes_and_on_request_the_largest_alone(folder, tmp_path):
    both, _, _ = change(folder, "two.png")
    assert both[:, :256].any()
    assert both[:, 256:].any()
    run("stills", folder / "in" / "two.png", *AGES, "--faces", "largest", "--out", tmp_path).ok()
    one = np.asarray(Image.open(tmp_path / "two_70.png")) != np.asarray(Image.open(folder / "in" / "two.png"))
    assert one[:, :256].any()
    assert not one[:, 256:].any()


def test_a_comparison_shows_picture_result_and_delta(folder):
    page = np.asarray(Image.open(folder / "out" / "two_70_delta.png")).astype(int)
    picture = np.asarray(Image.open(folder / "in" / "two.png")).astype(int)
    result = np.asarray(Image.open(folder / "out" / "two_70.png")).astype(int)
    assert np.abs(page[:, :512] - picture).max() <= 1
    assert np.abs(page[:, 512:1024] - result).max() <= 1
    expected = np.clip(128 + 2 * (page[:, 512:1024] - page[:, :512]), 0, 255)
    np.testing.assert_array_equal(page[:, 1024:], expected)


def test_a_black_and_white_picture_stays_so(folder):
    with Image.open(folder / "out" / "grey_70.jpg") as picture, Image.open(folder / "in" / "grey.jpg") as before:
        shown = np.asarray(picture.convert("RGB")).astype(int)
        changed = np.abs(shown[..., 1] - np.asarray(before.convert("L")).astype(int))
    assert np.ptp(shown, axis=2).max() <= 1
    assert changed.max() > 10


@pytest.mark.parametrize(
    "name",
    ["a#1_70.png", "x%04d_70.png", "$HOME_70.png", "~t_70.png", "-dash é_70.png", "a.1001_70.png", "grey_70.jpg"],
)
def test_odd_names_and_grey_pictures_have_results(folder, name):
    assert read(folder / "out" / name)[1].shape[2] == 3


def test_pictures_of_one_name_do_not_share_a_result(folder):
    names = ("one/same_70.png", "other/same_70.png", "deep.png_70_delta.png", "deep.tif_70_delta.png", "deep_70.tif")
    assert all((folder / "out" / name).is_file() for name in names)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("meadow.png", "shows no face"),
        ("point.png", "shows no face"),
        ("cut.jpg", "ends too early"),
        ("inks.jpg", "CMYK"),
        ("ycck.jpg", "CMYK"),
        ("nameless.exr", "--colorspace"),
    ],
)
def test_a_picture_that_fails_is_one_line_and_has_no_result(folder, name, words):
    lines = [line for line in (folder / "err.txt").read_text().splitlines() if name in line]
    assert len(lines) == 1
    assert lines[0].startswith("error:")
    assert words in lines[0]
    assert not list((folder / "out").glob(f"{Path(name).stem}*"))
    assert "6 pictures skipped" in (folder / "out.txt").read_text()


def test_a_second_run_writes_only_what_is_missing(folder, tmp_path):
    names = [folder / "in" / name for name in ("deep.png", "linear.exr", "turned.jpg")]
    run("stills", *names, *AGES, "--delta", "--out", tmp_path).ok()
    results = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert len(results) == 6
    gone = tmp_path / "linear_70.exr"
    gone.unlink()
    cut = tmp_path / "deep_70.png"
    cut.write_bytes(cut.read_bytes()[:-500])  # as a copy that was stopped leaves it
    done = run("stills", *names, *AGES, "--delta", "--out", tmp_path).ok()
    assert "2 results written, 4 complete already" in done.out
    same = {path for path, time in results.items() if path.stat().st_mtime_ns == time}
    assert set(results) - same == {gone, cut}
    done = run("stills", *names, *AGES[:3], "60", *AGES[4:], "--delta", "--out", tmp_path).ok()
    assert "6 results written, 0 complete already" in done.out


def test_a_file_of_another_program_is_kept(folder, tmp_path):
    other = tmp_path / "two_70.png"
    other.write_bytes((folder / "in" / "two.png").read_bytes())
    before = folder / "in" / "grey.jpg", folder / "in" / "two.png"
    run("stills", *before, *AGES, "--out", tmp_path).fails(2, "two_70.png", "--overwrite")
    assert [path.name for path in tmp_path.iterdir()] == ["two_70.png"], "found before the first picture is aged"
    words = ("stills", folder / "in" / "two.png", *AGES, "--out", tmp_path)
    run(*words).fails(2, "two_70.png", "--overwrite")
    assert other.read_bytes() == (folder / "in" / "two.png").read_bytes()
    run(*words, "--overwrite").ok()
    assert other.read_bytes() != (folder / "in" / "two.png").read_bytes()


def test_a_result_never_replaces_a_picture(folder, tmp_path):
    for name in ("p.png", "p_70.png"):
        (tmp_path / name).write_bytes((folder / "in" / "two.png").read_bytes())
    words = ("stills", tmp_path / "p.png", tmp_path / "p_70.png", *AGES, "--out", tmp_path, "--overwrite")
    run(*words).fails(2, "would replace a picture")


def test_a_format_keeps_the_pixels_of_a_jpeg(folder, tmp_path):
    run("stills", folder / "in" / "grey.jpg", *AGES, "--format", "png", "--out", tmp_path).ok()
    before = np.asarray(Image.open(folder / "in" / "grey.jpg").convert("RGB"))
    after = read(tmp_path / "grey_70.png")[1]
    codes = np.asarray(np.rint(after / (257 if after.dtype == np.uint16 else 1)), np.uint8)
    np.testing.assert_array_equal(codes[:10], before[:10])


@pytest.mark.parametrize(
    ("name", "code"), [("meadow.png", 4), ("cut.jpg", 3), ("inks.jpg", 3), ("nameless.exr", 3), ("gone.png", 3)]
)
def test_one_picture_that_fails_gives_its_own_exit_code(folder, tmp_path, name, code):
    run("stills", folder / "in" / name, *AGES, "--out", tmp_path / "out").fails(code, name)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--set", "matte.kin=face"), "kind"),
        (("--set", "faces.0.name=a"), "--faces"),
        (("--colorspace", "Linear Rec709"), "Linear Rec.709"),
        (("--format", "webp"), "png"),
        (("--target-age", "70,old"), "--target-age"),
        (("--model", "nothing"), "builtin"),
    ],
)
def test_a_wrong_option_is_one_line_and_writes_nothing(folder, tmp_path, more, words):
    done = run("stills", folder / "in" / "two.png", *AGES, *more, "--out", tmp_path / "out")
    done.fails(2, words)
    assert not (tmp_path / "out").exists()


def test_a_setting_of_a_shot_holds_for_pictures(folder, tmp_path):
    run("stills", folder / "in" / "two.png", *AGES, "--set", "intensity=0", "--out", tmp_path).ok()
    after, before = (np.asarray(Image.open(path)) for path in (tmp_path / "two_70.png", folder / "in" / "two.png"))
    np.testing.assert_array_equal(after, before)
