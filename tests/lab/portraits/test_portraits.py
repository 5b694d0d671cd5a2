"""Folders of labelled portraits: four layouts, every kind of bad file, faces found and cut."""

import csv
import io
import json
import os
import struct
import subprocess
import sys
import zipfile
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.run_vfxage import run
from vfxage.errors import ReadError, ShotError
from vfxage.lab.portraits import ScanCache, crop_portrait, mesh_portraits, read_portrait, scan_portraits
from vfxage.lab.portraits.scan import decode, read_bytes
from vfxage.types import Framing


def picture(path, size=(160, 140), seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse = np.random.default_rng(seed).integers(0, 255, (14, 16, 3), dtype=np.uint8)
    Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).save(path, quality=95)
    return path


def index(folder, rows, columns=("file", "person", "age", "real")):
    with (folder / "index.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)


def labels_of(found):
    return [(item.path.name, item.person, item.age) for item in found.portraits]


def test_index_layout(tmp_path):
    picture(tmp_path / "a.jpg")
    picture(tmp_path / "deep" / "b.png")
    index(tmp_path, [["deep/b.png", "ann", "31.5", "0"], ["a.jpg", "ann", 60, 1]])
    found = scan_portraits(tmp_path)
    assert found.layout == "index"
    assert labels_of(found) == [("a.jpg", "ann", 60.0), ("b.png", "ann", 31.5)]
    assert [item.real for item in found.portraits] == [True, False]
    assert found.portraits[0].size == (160, 140)
    assert not found.problems


def test_person_age_layout(tmp_path):
    for name in ("ann/20.jpg", "ann/20_second.jpg", "ann/65.5.png", "0012/40.jpg"):
        picture(tmp_path / name)
    found = scan_portraits(tmp_path)
    assert found.layout == "person/age"
    assert {(item.person, item.age) for item in found.portraits} == {("ann", 20), ("ann", 65.5), ("0012", 40)}
    assert [item.age for item in found.people()["ann"]] == [20, 20, 65.5]
    assert found.portraits[0].real


def test_age_name_layout_with_numbered_people(tmp_path):
    for name in ("20/0003.png", "50/0003.png", "20/0017.png", "50/0017.png"):
        picture(tmp_path / name)
    found = scan_portraits(tmp_path)
    assert found.layout == "age/name"
    assert {(item.person, item.age) for item in found.portraits} == {
        ("0003", 20),
        ("0003", 50),
        ("0017", 20),
        ("0017", 50),
    }


def test_numbers_that_only_count_are_names_wherever_they_stand(tmp_path):
    for age in (20, 45, 70):
        for person in (1, 2, 3):
            picture(tmp_path / "visage" / str(age) / f"{person}.png")
            picture(tmp_path / "reaging" / str(person) / f"{age}.png")
            picture(tmp_path / "padded" / f"{person:03d}" / f"{age}.png")
    wanted = {(str(person), float(age)) for person in (1, 2, 3) for age in (20, 45, 70)}
    for name, layout in (("visage", "age/name"), ("reaging", "person/age"), ("padded", "person/age")):
        found = scan_portraits(tmp_path / name)
        assert found.layout == layout
        assert {(str(int(one.person)), one.age) for one in found.portraits} == wanted


def test_utkface_layout(tmp_path):
    for name in ("25_1_2_20170116174525125.jpg", "61_0_20170109150557335.jpg.chip.jpg", "1_0_0_20161219140623097.jpg"):
        picture(tmp_path / "part1" / name)
    found = scan_portraits(tmp_path)
    assert found.layout == "utkface"
    assert sorted(item.age for item in found.portraits) == [1, 25, 61]
    assert len(found.people()) == 3
    woman = next(item for item in found.portraits if item.age == 25)
    assert (woman.labels["sex"], woman.labels["race"]) == ("F", "asian")
    assert "race" not in next(item for item in found.portraits if item.age == 61).labels


def test_folder_that_fits_two_layouts_says_which_was_taken_and_can_be_overruled(tmp_path):
    for name in ("20/30.png", "40/30.png", "40/50.png"):
        picture(tmp_path / name)
    found = scan_portraits(tmp_path)
    assert found.layout == "person/age"
    assert "age/name" in found.note
    assert "layout:" in found.note
    other = scan_portraits(tmp_path, layout="age/name")
    assert (other.note, other.people()["30"][1].age) == ("", 40)


def test_every_bad_file_is_named_with_its_kind(tmp_path):
    good = picture(tmp_path / "good.jpg", size=(400, 400))
    data = good.read_bytes()
    (tmp_path / "torn.jpg").write_bytes(data[: len(data) // 2])
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "text.jpg").write_text("no picture")
    picture(tmp_path / "small.png", size=(300, 90))
    rows = [["good.jpg", "ann", 30]]
    rows += [["torn.jpg", "ann", 30], ["empty.jpg", "ann", 30], ["text.jpg", "ann", 30], ["small.png", "ann", 30]]
    rows += [["gone.jpg", "ann", 30], ["good.jpg", "bob", 30]]
    rows += [["old.jpg", "ann", 121], ["young.jpg", "ann", -1], ["nan.jpg", "ann", "nan"], ["word.jpg", "ann", "old"]]
    rows += [["plus.jpg", "ann", "+5"]]
    rows += [["../x.jpg", "ann", 30], ["nobody.jpg", "", 30], ["", "ann", 30]]
    index(tmp_path, rows, columns=("file", "person", "age"))
    found = scan_portraits(tmp_path)
    assert [item.path.name for item in found.portraits] == ["good.jpg"]
    kinds = {item.path.name: item.what for item in found.problems}
    assert len(found.problems) == len(rows) - 1
    assert "truncated" in kinds["torn.jpg"]
    assert "no picture of a known kind" in kinds["text.jpg"]
    for name in ("empty.jpg", "text.jpg"):
        assert kinds[name].startswith("cannot be read")
    assert "300x90" in kinds["small.png"]
    assert kinds["gone.jpg"] == "is missing"
    for name in ("old.jpg", "young.jpg"):
        assert "0 to 120" in kinds[name]
    for name in ("word.jpg", "nan.jpg", "plus.jpg"):
        assert "no number" in kinds[name]
    assert "listed twice" in kinds["good.jpg"]
    assert "below the index's folder" in kinds["x.jpg"]
    assert "no person" in kinds["nobody.jpg"]


def test_file_of_another_layout_is_named(tmp_path):
    for name in ("ann/20.jpg", "ann/30.jpg", "ann/me.jpg", "loose.jpg", "ann/180.jpg"):
        picture(tmp_path / name)
    found = scan_portraits(tmp_path)
    assert len(found.portraits) == 2
    assert {item.path.name for item in found.problems} == {"me.jpg", "loose.jpg", "180.jpg"}


@pytest.mark.parametrize(
    ("make", "kind", "word"),
    [
        (lambda folder: None, ShotError, "no pictures"),
        (lambda folder: picture(folder / "holiday.jpg"), ShotError, "fits no layout"),
        (lambda folder: (folder / "index.csv").write_text(""), ReadError, "no column"),
        (lambda folder: (folder / "index.csv").write_text("file,age\na.jpg,3\n"), ReadError, "person"),
        (lambda folder: (folder / "index.csv").write_text("file,person,age\n"), ReadError, "no rows"),
        (lambda folder: (folder / "index.csv").write_bytes(b"\xff\xfe\x00a"), ReadError, "CSV"),
        (lambda folder: (folder / "index.csv").write_text("file,person,age\na.jpg,b,20\n"), ShotError, "a.jpg"),
    ],
)
def test_folder_without_a_usable_portrait_is_refused(tmp_path, make, kind, word):
    make(tmp_path)
    with pytest.raises(kind, match=word):
        scan_portraits(tmp_path)


def test_no_folder(tmp_path):
    with pytest.raises(ReadError, match="no such folder"):
        scan_portraits(tmp_path / "gone")
    with pytest.raises(ReadError, match="not a folder"):
        scan_portraits(picture(tmp_path / "a.jpg"))


def test_turned_and_grey_and_transparent_pictures_are_read_upright_as_rgb(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # stored on its side
    Image.new("L", (200, 150), 255).save(tmp_path / "20_0_0_20170101000000000.jpg", exif=exif)
    Image.new("RGBA", (200, 150), (255, 0, 0, 10)).save(tmp_path / "30_0_0_20170101000000001.png")
    found = scan_portraits(tmp_path)
    assert [item.size for item in found.portraits] == [(150, 200), (200, 150)]
    grey, red = (read_portrait(item) for item in found.portraits)
    assert (grey.shape, str(grey.dtype), float(grey.min())) == ((200, 150, 3), "float32", 1.0)
    assert red[0, 0].tolist() == [1.0, 0.0, 0.0]


@pytest.mark.parametrize("entry", ["shape", "nan", "object", "torn"])
def test_landmarks_that_cannot_be_are_refused(tmp_path, entry):
    picture(tmp_path / "20_0_0_20170101000000000.jpg")
    array = {"shape": np.zeros((5, 2), np.float32), "nan": np.full((478, 2), np.nan, np.float32)}
    path = tmp_path / "landmarks.npz"
    np.savez(path, a=array.get(entry, np.array([{}], dtype=object)))
    if entry == "torn":
        path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ReadError, match=r"landmarks\.npz"):
        scan_portraits(tmp_path)


def test_real_portraits_have_points_labels_and_a_crop_that_holds_the_face(portraits):
    found = scan_portraits(portraits / "eval")
    assert (len(found.portraits), found.problems, found.layout) == (76, (), "index")
    portrait = found.portraits[0]
    assert portrait.points is not None
    assert portrait.labels["sex"] in ("F", "M")
    crop = crop_portrait(portrait, Framing(name="ffhq"), 256, ages=(30, 60))
    assert (crop.rgb.shape, crop.ages, crop.intensity) == ((256, 256, 3), (30, 60), 1.0)
    middle = crop.points.mean(0) / 256
    assert np.abs(middle - 0.5).max() < 0.15
    assert 0.4 < np.ptp(crop.points[:, 1]) / 256 < 0.85
    assert crop.matte[tuple(crop.points[4].astype(int)[::-1])] == 1.0


def test_faces_are_found_if_points_are_missing_and_agree_with_the_folders_own(portraits, tmp_path):
    source = scan_portraits(portraits / "eval").portraits[0]
    face = tmp_path / "ann" / "24.png"
    face.parent.mkdir()
    Image.open(source.path).save(face)
    picture(tmp_path / "ann" / "50.jpg", size=(512, 512))
    found = mesh_portraits(scan_portraits(tmp_path))
    assert [item.path.name for item in found.problems] == ["50.jpg"]
    assert "no face" in found.problems[0].what
    (portrait,) = found.portraits
    assert np.linalg.norm(portrait.points - source.points, axis=1).mean() < 4


def test_crop_needs_points(tmp_path):
    picture(tmp_path / "ann" / "50.jpg")
    (portrait,) = scan_portraits(tmp_path).portraits
    with pytest.raises(ValueError, match="no points"):
        crop_portrait(portrait, Framing(name="ffhq"), 256)


def scanned(folder, memory):
    """Which files a scan decodes that has ``memory`` to go by, and what it finds."""
    decoded, scan_cache = [], ScanCache(memory)

    def noting(path):
        decoded.append(path.name)
        return decode(path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vfxage.lab.portraits.scan.decode", noting)
        found = scan_portraits(folder, scan_cache=scan_cache)
    scan_cache.save()
    reported = [(item.path.name, item.size) for item in found.portraits], [item.path.name for item in found.problems]
    return sorted(decoded), reported


def test_a_second_scan_decodes_what_has_changed_alone(tmp_path):
    folder, memory = tmp_path / "people", tmp_path / "run" / "scanned.json"
    for age in (20, 30, 40):
        picture(folder / "ann" / f"{age}.png", seed=age)
    data = picture(folder / "ann" / "50.jpg").read_bytes()
    (folder / "ann" / "50.jpg").write_bytes(data[: len(data) // 2])
    names = ["20.png", "30.png", "40.png", "50.jpg"]
    first = scanned(folder, memory)
    assert first == (names, ([(name, (160, 140)) for name in names[:3]], ["50.jpg"]))
    assert scanned(folder, memory) == (["50.jpg"], first[1])
    torn = (folder / "ann" / "20.png").read_bytes()
    (folder / "ann" / "20.png").write_bytes(torn[: len(torn) // 2])
    picture(folder / "ann" / "30.png", size=(200, 210))
    (folder / "ann" / "40.png").unlink()
    decoded, (good, bad) = scanned(folder, memory)
    assert decoded == ["20.png", "30.png", "50.jpg"]
    assert (good, bad) == ([("30.png", (200, 210))], ["20.png", "50.jpg"])
    assert "40.png" not in memory.read_text()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\x00", b'{"a": [1, 2]}', b"[" * 100_000])
def test_a_damaged_memory_of_scans_is_forgotten(tmp_path, content):
    picture(tmp_path / "people" / "ann" / "20.png")
    (tmp_path / "scanned.json").write_bytes(content)
    assert scanned(tmp_path / "people", tmp_path / "scanned.json")[0] == ["20.png"]
    assert scanned(tmp_path / "people", tmp_path / "scanned.json")[0] == []


def meshed(folder, memory):
    """Which pictures a face is looked for in by one who has ``memory`` to go by, and what is found."""
    asked, scan_cache = [], ScanCache(memory)

    def noting(one):
        asked.append(one.path.name)
        return read_bytes(one)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vfxage.lab.portraits.cut.read_bytes", noting)
        found = mesh_portraits(scan_portraits(folder, scan_cache=scan_cache), scan_cache=scan_cache)
    scan_cache.save()
    return asked, {item.path.name: item.points for item in found.portraits}, [item.path.name for item in found.problems]


def test_faces_are_looked_for_again_where_the_file_has_changed_alone(portraits, tmp_path):
    folder, memory = tmp_path / "people", tmp_path / "run" / "scanned.json"
    source = scan_portraits(portraits / "eval").portraits[0]
    face = folder / "ann" / "24.png"
    face.parent.mkdir(parents=True)
    Image.open(source.path).save(face)
    picture(folder / "ann" / "50.png", size=(512, 512))
    asked, first, lost = meshed(folder, memory)
    assert (asked, list(first), lost) == (["24.png", "50.png"], ["24.png"], ["50.png"])
    with np.load(memory.with_suffix(".npz")) as kept:
        assert (kept["points"].dtype, kept["points"].shape) == (np.float32, (1, 478, 2))
    asked, again, lost = meshed(folder, memory)
    assert (asked, lost) == ([], ["50.png"])
    assert np.array_equal(again["24.png"], first["24.png"])
    os.utime(face, ns=(1, 1))
    asked, again, lost = meshed(folder, memory)
    assert (asked, lost) == (["24.png"], ["50.png"])
    assert np.array_equal(again["24.png"], first["24.png"])
    for damaged in (b"", b"PK", memory.with_suffix(".npz").read_bytes()[:-400]):
        memory.with_suffix(".npz").write_bytes(damaged)
        assert meshed(folder, memory)[0] == ["24.png", "50.png"]


def test_a_memory_of_faces_that_claims_more_than_it_holds_is_forgotten(tmp_path):
    memory = tmp_path / "scanned.json"
    path = picture(tmp_path / "people" / "ann" / "20.png")
    stat = path.stat()
    arrays: dict[str, Any] = {
        "paths": np.frombuffer(json.dumps([str(path)]).encode(), np.uint8),
        "stamps": np.array([[stat.st_size, stat.st_mtime_ns]], np.int64),
        "found": np.ones(1, np.uint8),
        "points": np.ones((1, 478, 2), np.float32),
    }
    np.savez(memory.with_suffix(".npz"), **arrays)
    assert ScanCache(memory).faces(path)[0].shape == (478, 2)
    for name, wrong in (
        ("points", np.ones((1, 477, 2), np.float32)),
        ("points", np.full((1, 478, 2), np.nan, np.float32)),
        ("found", np.full(1, 2, np.uint8)),
        ("stamps", np.ones((2, 2), np.int64)),
        ("paths", np.frombuffer(b"[", np.uint8)),
    ):
        np.savez(memory.with_suffix(".npz"), **(arrays | {name: wrong}))
        assert ScanCache(memory).faces(path) is None
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": (10**9, 478, 2)})
    with zipfile.ZipFile(memory.with_suffix(".npz"), "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w") as entry:
                if name == "points":
                    entry.write(header.getvalue() + array.tobytes())
                else:
                    np.save(entry, array)
    assert ScanCache(memory).faces(path) is None


def test_a_rewritten_file_of_the_same_length_is_looked_into_again(tmp_path):
    path, memory = picture(tmp_path / "people" / "ann" / "20.png"), tmp_path / "scanned.json"
    assert scanned(tmp_path / "people", memory)[0] == ["20.png"]
    length = path.stat().st_size
    path.write_bytes(bytes(length))
    os.utime(path, ns=(1, 1))
    with pytest.raises(ShotError, match=r"20\.png"):
        scanned(tmp_path / "people", memory)


def claiming(path, width, height):
    """A PNG whose header claims so many pixels and whose body holds none."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b""))


def test_pictures_that_claim_too_much_are_one_line(tmp_path):
    """Pillow's own warning about them is for programmers: the command says nothing but its one line."""
    large, larger = tmp_path / "ann" / "30.png", tmp_path / "ann" / "40.png"
    claiming(large, 11_000, 11_000)
    claiming(larger, 60_000, 60_000)
    words = ("models", "check", "builtin", "--picture")
    done = subprocess.run([sys.executable, "-m", "vfxage", *words, str(large)], capture_output=True, text=True)
    assert done.returncode == 3
    (line,) = done.stderr.splitlines()
    assert "30.png" in line
    assert "it claims" in line
    run(*words, larger).fails(3, "40.png", "it claims")
