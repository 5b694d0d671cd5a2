"""The mean face, built from a folder of portraits, and what is refused."""

import json

import numpy as np
import pytest
from PIL import Image

from vfxage.ager.relief.mean_face import load_mean_face, shipped
from vfxage.ager.relief.mesh import CANON
from vfxage.errors import ShotError
from vfxage.lab.mean_face.build import build_mean_face
from vfxage.lab.portraits import mesh_portraits, scan_portraits
from vfxage.progress import Silent


def build(folder, out):
    return build_mean_face(mesh_portraits(scan_portraits(folder)), out, Silent())


@pytest.fixture(scope="module")
def built(tmp_path_factory, people):
    out = tmp_path_factory.mktemp("built") / "face.npz"
    assert build(people, out) == out.with_suffix(".json")
    return out


def test_it_is_a_face_like_the_one_that_comes_with_vfxage(built):
    """Of 24 other portraits: within three pixels of 384, its masks at the same places, its folds of the same sign."""
    own, other = load_mean_face(built), load_mean_face()
    assert np.abs(own.mean - other.mean).mean() < 3
    assert np.ptp(own.mean[:468, 1]) / CANON == pytest.approx(0.6, abs=0.1)
    for name, mask in own.masks.items():
        assert np.abs(mask - other.masks[name]).mean() < 0.02, name
    skin = own.masks["soft"] > 0.5
    assert np.corrcoef(own.shade[0][skin], other.shade[0][skin])[0, 1] > 0.2
    assert np.corrcoef(own.young[skin].ravel(), other.young[skin].ravel())[0, 1] > 0.8


def test_the_list_names_every_source(built, rows):
    reported = json.loads(built.with_suffix(".json").read_text(encoding="utf-8"))
    assert {item["file"] for item in reported["portraits"]} == {row["file"] for row in rows}
    for item in reported["portraits"]:
        assert item["source"]
        assert "public domain" in item["licence"]


def test_the_shipped_file_is_of_public_domain_portraits():
    reported = json.loads(shipped().with_suffix(".json").read_text(encoding="utf-8"))
    assert reported["sha256"] == load_mean_face().fingerprint
    assert all("public domain" in item["licence"] for item in reported["portraits"])


def test_built_again_it_is_the_same_file(built, people, tmp_path):
    again = tmp_path / "again.npz"
    build(people, again)
    assert again.read_bytes() == built.read_bytes()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda rows: rows[:11], "11 people"),
        (lambda rows: [row | {"person": f"p{k % 5}"} for k, row in enumerate(rows)], "5 people"),
        (lambda rows: [row | {"real": "1" if k < 10 else "0"} for k, row in enumerate(rows)], "10 people"),
        (lambda rows: [row | {"age": str(40 + k % 10)} for k, row in enumerate(rows)], "mostly ages 4"),
    ],
    ids=["few", "many portraits of few people", "made pictures", "ages all alike"],
)
def test_too_few_people_or_ages(tmp_path, folder_of, rows, change, words):
    """A mean of one person's portraits would be that person."""
    with pytest.raises(ShotError, match=words):
        build(folder_of(tmp_path / "in", change(rows)), tmp_path / "out.npz")
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_a_folder_without_faces(tmp_path):
    (tmp_path / "in" / "wall").mkdir(parents=True)
    for age in (20, 70):
        Image.new("RGB", (256, 256), (90, 110, 120)).save(tmp_path / "in" / "wall" / f"{age}.png")
    with pytest.raises(ShotError, match="0 people"):
        build(tmp_path / "in", tmp_path / "out.npz")
