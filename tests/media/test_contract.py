"""One suite over every row of FORMATS: each reader and writer keeps the contract of the pipeline."""

import dataclasses
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from tests.media.exr_files import ramp, save
from tests.media.still_files import LOGC3, SRGB, noise, save_dpx
from tests.media.still_files import save as save_still
from vfxage.errors import ReadError, ShotError
from vfxage.media import FORMATS, PlateSettings, open_reader, open_writer
from vfxage.media.base import Destination
from vfxage.media.missing_frames import FilledReader
from vfxage.types import Frame, Render


@dataclass(frozen=True)
class Sample:
    """A plate of one kind."""

    plate: Path
    first: int
    last: int
    size: tuple[int, int]
    settings: dict[str, str]


KINDS = sorted({row.kind for row in FORMATS.values()})


@pytest.fixture(scope="module")
def real_frames(clips) -> list[np.ndarray]:
    """Six frames of a man at a webcam, uint8 sRGB, by PyAV."""
    with av.open(str(clips / "androidx_sample.mp4")) as container:
        return [frame.to_ndarray(format="rgb24")[::4, ::4] for frame in islice(container.decode(video=0), 6)]


@pytest.fixture(params=["movie", "exr", "dpx", "tiff", "png", "jpeg"])
def sample(request, clips, tmp_path) -> Sample:
    folder, kind = tmp_path / "plate", request.param
    if kind == "movie":
        return Sample(clips / "androidx_sample.mp4", 1, 30, (1080, 720), {})
    if kind == "exr":
        for number in range(1001, 1007):
            save(folder / f"p.{number}.exr", {"RGB": ramp(20, 30, number)})
        return Sample(folder / "p.####.exr", 1001, 1006, (30, 20), {"colorspace": "Linear Rec.709 (sRGB)"})
    if kind == "dpx":
        for number in range(1001, 1007):
            save_dpx(folder / f"p.{number}.dpx", np.roll(noise(20, 30, 3, 1023), number, axis=1), 10)
        return Sample(folder / "p.####.dpx", 1001, 1006, (30, 20), {"colorspace": LOGC3})
    suffix = {"tiff": "tif", "png": "png", "jpeg": "jpg"}[kind]
    frames = request.getfixturevalue("real_frames")
    height, width = frames[0].shape[:2]
    for number, rgb in enumerate(frames, 1001):
        path = folder / f"p.{number}.{suffix}"
        if kind == "tiff":  # 16 bits, by OpenImageIO
            save_still(path, rgb.astype(np.uint16) * 257, compression="zip")
        else:
            folder.mkdir(exist_ok=True)
            Image.fromarray(np.ascontiguousarray(rgb)).save(path, quality=95)
    return Sample(folder / f"p.####.{suffix}", 1001, 1006, (width, height), {"colorspace": SRGB})


def test_info_says_range_and_size_before_a_frame_is_read(sample):
    info = open_reader(sample.plate, PlateSettings(**sample.settings)).info
    assert (info.first, info.last, (info.width, info.height)) == (sample.first, sample.last, sample.size)
    assert info.path == str(sample.plate)
    assert info.holes == 0
    assert info.colorspace
    assert info.kind in KINDS


def test_exactly_the_frames_asked_for_come_in_order(sample):
    reader = open_reader(sample.plate, PlateSettings(**sample.settings))
    wanted = [sample.first + 1, sample.first + 2, sample.last]
    frames = list(reader.read(wanted))
    assert [frame.number for frame in frames] == wanted
    for frame in frames:
        assert frame.rgb.dtype == np.float32
        assert frame.rgb.flags.c_contiguous
        assert frame.rgb.shape == (sample.size[1], sample.size[0], 3)
    reader.close()


def test_a_frame_is_the_same_whatever_was_read_before(sample):
    reader = open_reader(sample.plate, PlateSettings(**sample.settings))
    whole = {frame.number: frame.rgb for frame in reader.read(range(sample.first, sample.first + 6))}
    for number in (sample.first + 4, sample.first, sample.first + 5):
        (frame,) = reader.read([number])
        np.testing.assert_array_equal(frame.rgb, whole[number])
    partly = reader.read(range(sample.first, sample.last + 1))
    next(partly)
    partly.close()
    (frame,) = reader.read([sample.first + 3])
    np.testing.assert_array_equal(frame.rgb, whole[sample.first + 3])
    reader.close()
    reader.close()


@pytest.mark.parametrize("filled", [False, True])
def test_a_read_that_is_closed_midway_ends_and_leaves_the_plate_readable(sample, filled):
    reader = open_reader(sample.plate, PlateSettings(**sample.settings))
    if filled:
        reader = FilledReader(reader, "black", range(sample.first, sample.last + 1))
    wanted = range(sample.first, sample.last + 1)
    with closing(reader.read(wanted)) as frames:
        assert next(frames).number == sample.first
    assert list(frames) == []
    assert [frame.number for frame in reader.read(wanted)] == list(wanted)
    reader.close()


@pytest.mark.parametrize("sample", ["tiff", "png", "jpeg"], indirect=True)
def test_real_stills_come_as_the_light_of_their_codes(sample, real_frames):
    """Of TIFF, PNG and JPEG: the sRGB curve of IEC 61966-2-1 over the picture that another program wrote."""
    reader = open_reader(sample.plate, PlateSettings(**sample.settings))
    lossy = 0.05 if sample.plate.suffix == ".jpg" else 1e-4
    for frame, codes in zip(reader.read(range(1001, 1007)), real_frames, strict=True):
        value = codes / 255
        light = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
        assert light.std() > 0.05
        assert np.percentile(np.abs(frame.rgb - light), 99) < lossy
    reader.close()


def test_neighbours_are_not_mistaken_for_each_other(sample):
    """Every frame of a sample differs from the next: else the tests of order could not fail."""
    frames = [
        frame.rgb
        for frame in open_reader(sample.plate, PlateSettings(**sample.settings)).read(
            range(sample.first, sample.first + 4)
        )
    ]
    assert all(not np.array_equal(one, other) for one, other in pairwise(frames))


def test_nothing_asked_nothing_read(sample):
    assert list(open_reader(sample.plate, PlateSettings(**sample.settings)).read([])) == []


@pytest.mark.parametrize("beyond", [-1, 1])
def test_a_frame_outside_the_plate_is_an_error_that_names_both(sample, beyond):
    reader = open_reader(sample.plate, PlateSettings(**sample.settings))
    number = sample.first - 1 if beyond < 0 else sample.last + 1
    with pytest.raises(ReadError) as caught:
        list(reader.read([number]))
    assert caught.value.frame == number
    assert Path(str(caught.value.path)).name.startswith(sample.plate.name[0])


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_missing_plate_is_reported_with_the_nearest_name(tmp_path, suffix):
    (tmp_path / f"plate_v2{suffix}").write_bytes(b"x")
    with pytest.raises(ReadError, match=f"no such file; is it plate_v2{suffix}") as caught:
        open_reader(tmp_path / f"plate_v1{suffix}")
    assert caught.value.exit_code == 3
    with pytest.raises(ReadError, match="its folder does not exist"):
        open_reader(tmp_path / "nowhere" / f"a{suffix}")


def read_first(path: Path) -> Frame:
    reader = open_reader(path)
    (frame,) = reader.read([reader.info.first])
    return frame


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("content", [b"", b"not a picture at all" * 50])
def test_a_file_that_is_something_else_is_one_line(tmp_path, suffix, content):
    path = tmp_path / f"plate.0001{suffix}"
    path.write_bytes(content)
    with pytest.raises(ReadError) as caught:
        read_first(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["a.tga", "a.EXE", "noname"])
def test_an_unknown_format_names_the_known_ones(tmp_path, name):
    with pytest.raises(ShotError, match=r"\.exr .*\.mov"):
        open_reader(tmp_path / name)


def test_arguments_of_the_other_kind_are_refused(sample):
    kind = open_reader(sample.plate, PlateSettings(**sample.settings)).info.kind
    wrong = {"rate": Fraction(24)} if kind == "movie" else {"first_frame": 1001}
    with pytest.raises(ShotError, match="remove"):
        open_reader(sample.plate, PlateSettings(**sample.settings, **wrong))


def test_a_suffix_counts_in_any_case(tmp_path):
    path = save(tmp_path / "p.1.exr", {"RGB": ramp()}).rename(tmp_path / "P.1.EXR")
    assert open_reader(path, PlateSettings(colorspace="ACEScg")).info.first == 1


def test_no_library_is_imported_before_a_file_asks_for_it():
    code = "import sys, vfxage.media; print([m for m in ('av', 'OpenEXR', 'PyOpenColorIO', 'cv2') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.fixture(
    params=[
        ("exr", "o.####.exr", None),
        ("dpx", "o.####.dpx", None),
        ("png", "o.####.png", None),
        ("movie", "o.mov", "prores_4444"),
    ],
    ids=lambda p: p[0],
)
def output(request, sample, tmp_path) -> tuple[Destination, list[Render]]:
    _, name, codec = request.param
    reader = open_reader(sample.plate, PlateSettings(**sample.settings))
    numbers = tuple(range(sample.first, sample.first + 3))
    target = Destination(
        path=str(tmp_path / "new" / "folder" / name),
        passes=("beauty", "matte"),
        codec=codec,
        clip=dataclasses.replace(reader.info, rate=reader.info.rate or Fraction(24), audio=False),
        colorspace=str(reader.info.colorspace),
        numbers=numbers,
        stamps={number: f"stamp {number}" for number in numbers},
    )
    return target, [untouched(frame) for frame in reader.read(numbers)]


def untouched(frame: Frame) -> Render:
    matte = np.zeros(frame.window.shape, np.float32)
    return Render(frame=frame, beauty=frame.rgb, delta=np.zeros_like(frame.rgb), matte=matte)


def test_a_writer_finishes_what_it_wrote_and_nothing_else(output):
    target, renders = output
    with open_writer(target) as writer:
        assert not any(writer.finished(number) for number in target.numbers)
        assert all(writer.foreign(number) is None for number in target.numbers)
        for render in renders:
            writer.write(render)
    again = open_writer(target)
    assert all(again.finished(number) for number in target.numbers)
    assert all(again.foreign(number) is None for number in target.numbers)
    other = open_writer(dataclasses.replace(target, stamps=dict.fromkeys(target.numbers, "other")))
    assert not any(other.finished(number) for number in target.numbers)
    back = open_reader(target.path, PlateSettings(colorspace=None if target.codec else target.colorspace))
    assert back.info.last - back.info.first + 1 == len(target.numbers)
    assert (back.info.width, back.info.height) == (target.clip.width, target.clip.height)
    assert back.info.rate == target.clip.rate


def stop_after(target: Destination, render: Render) -> None:
    with open_writer(target) as writer:
        writer.write(render)
        raise KeyboardInterrupt


def test_an_abandoned_writer_leaves_no_torn_file(output):
    target, renders = output
    with pytest.raises(KeyboardInterrupt):
        stop_after(target, renders[0])
    left = [path.name for path in target.folder.iterdir()] if target.folder.exists() else []
    assert not any("partial" in name for name in left)
    assert len(left) <= (1 if target.codec is None else 0)


def test_a_file_in_the_way_is_somebody_elses(output):
    target, _ = output
    for number in target.numbers:
        path = Path(target.path.replace("####", f"{number:04d}"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"precious")
    writer = open_writer(target)
    for number in target.numbers:
        assert not writer.finished(number)
        assert writer.foreign(number) is not None
