"""An ager's study, once per shot: its crops, its time, and equal chunks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import OpenEXR
import pytest
from PIL import Image

from tests.small_shot import COUNT, EXR, FIRST, small_shot
from vfxage.ager.contract import Answer, MeasuresNothing
from vfxage.errors import ReadError, ShotError
from vfxage.face.look import UNKNOWN, Traits
from vfxage.face.track import load_tracks
from vfxage.progress import Silent
from vfxage.render.job import open_job
from vfxage.render.pipeline import RenderSettings, render_shot
from vfxage.shot import load_shot
from vfxage.types import FaceCrop, Framing, Study

NUMBERS = tuple(range(FIRST, FIRST + COUNT))


class Tinter(MeasuresNothing):
    """An ager whose step is a tenth of the mean colour of the face over the shot: no single crop knows it."""

    name, note = "tinter", ""
    device = "cpu"
    framing = Framing(name="ffhq")
    sizes: tuple[int, ...] = (256,)
    frames_per_call = workers_default = 1

    def __init__(self, study_method: str = "mean 1") -> None:
        self.study_method = study_method
        self.references: list[list[float]] = []
        self.donors: list[list[tuple[str, int, Traits]]] = []
        self.fingerprint = f"tinter {study_method}"
        self.samples: list[int] = []
        """How many crops each study had."""

    def fingerprint_on(self, device: str) -> str:
        return self.fingerprint

    def study(
        self, samples: Sequence[FaceCrop], references: Sequence[FaceCrop] = (), donors: Sequence[FaceCrop] = ()
    ) -> Study:
        self.samples.append(len(samples))
        self.references.append([crop.ages[0] for crop in references])
        self.donors.append([(Path(crop.name).name, len(crop.rgb), crop.traits) for crop in donors])
        return {"mean": np.mean([crop.rgb.mean((0, 1)) for crop in samples], axis=0, dtype=np.float32)}

    def __call__(self, crops: Sequence[FaceCrop]) -> list[Answer]:
        tints = ((crop, np.float32(0.1) * crop.study["mean"]) for crop in crops)
        return [Answer(step=np.broadcast_to(tint, crop.rgb.shape).copy()) for crop, tint in tints]


def render(path: Path, ager: Tinter, *chunks: tuple[int, ...]) -> None:
    for chunk in chunks:
        with open_job(load_shot(path)) as job:
            render_shot(job, ager, chunk, Silent(), RenderSettings(workers=1, overwrite=False))


def frames(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((folder / "out").glob("*.exr"))}


def test_a_face_is_studied_once_and_chunks_give_the_bits_of_the_whole(plate: Path, tmp_path: Path) -> None:
    whole, chunked = (small_shot(plate, tmp_path / name, outputs=[EXR], crop_size=256) for name in ("one", "two"))
    first, second = Tinter(), Tinter()
    render(whole, first, NUMBERS)
    render(chunked, second, NUMBERS[:2], NUMBERS[2:5], NUMBERS[5:])
    assert first.samples == second.samples == [COUNT]
    assert frames(whole.parent) == frames(chunked.parent)


def test_the_study_is_of_the_shots_own_crops_and_reaches_every_frame(plate: Path, tmp_path: Path) -> None:
    path = small_shot(plate, tmp_path, outputs=[EXR], crop_size=256)
    render(path, Tinter(), NUMBERS)
    (tracks,) = (tmp_path / "out").glob("*.tracks.npz")
    (study,) = load_tracks(tracks).studies.values()
    assert 0.05 < study["mean"].min() < study["mean"].max() < 0.95  # skin, in display-referred sRGB
    for number in NUMBERS:
        delta = OpenEXR.File(str(tmp_path / "out" / f"man.{number}.exr"), separate_channels=True).channels()["delta.G"]
        assert np.asarray(delta.pixels).max() > 0


def test_another_way_to_measure_studies_anew_and_renders_again(plate: Path, tmp_path: Path) -> None:
    path = small_shot(plate, tmp_path, outputs=[EXR], crop_size=256)
    render(path, Tinter(), NUMBERS)
    before = frames(tmp_path)
    other = Tinter("mean 2")
    render(path, other, NUMBERS)
    assert other.samples == [COUNT]
    after = frames(tmp_path)
    assert all(before[name] != after[name] for name in before)  # at least their stamps differ


def test_photographs_are_compared_once_and_again_when_they_change(plate: Path, portraits: Path, tmp_path: Path) -> None:
    """The study depends on what is in the photographs, not on their names, and frames follow the study."""
    photograph = tmp_path / "at_60.jpg"
    photograph.write_bytes((portraits / "eval" / "lon_001_neutral.jpg").read_bytes())
    faces = [{"select": "largest", "references": {60: ["at_60.jpg"], 70: ["at_60.jpg", "at_60.jpg"]}}]
    path = small_shot(plate, tmp_path, outputs=[EXR], crop_size=256, faces=faces, model="relief")
    ager = Tinter()
    render(path, ager, NUMBERS)
    render(path, ager, NUMBERS)
    assert ager.references == [[60, 70, 70]]
    before = frames(tmp_path)
    photograph.write_bytes((portraits / "eval" / "lon_003_neutral.jpg").read_bytes())
    render(path, ager, NUMBERS)
    assert ager.references == [[60, 70, 70]] * 2
    assert len(before) == len(frames(tmp_path))
    photograph.unlink()
    with pytest.raises(ReadError, match=r"at_60\.jpg"):
        render(path, ager, NUMBERS)


def test_photographs_that_cannot_be_used_are_named_before_the_shot_is_tracked(plate: Path, tmp_path: Path) -> None:
    """A long shot takes minutes to track; a wrong path must not be found after them."""
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "a text.jpg").write_text("no picture")
    Image.fromarray(np.full((200, 200, 3), 90, np.uint8)).save(tmp_path / "untagged.png")
    (tmp_path / "folder").mkdir()
    for key, value, words in (
        ("references", {60: ["none.jpg"]}, r"none\.jpg: no such file .*; check the path"),
        ("references", {60: ["empty.jpg"]}, r"empty\.jpg.*is empty"),
        ("references", {60: ["untagged.png"]}, r"untagged\.png.*names no colour space"),
        ("references", {60: ["notes.txt"]}, r"notes\.txt.*not the suffix of a picture.*\.jpg"),
        ("references", {60: ["folder"]}, r"folder.*is a folder, and `references` takes photographs"),
        ("references", {60: ["old.%04d.exr"]}, r"is a sequence, and `references` takes photographs"),
        ("references", {60: ["a text.jpg"]}, r"a text\.jpg: not a JPEG file"),
        ("donor", "none", r"none.*no such folder"),
        ("donor", "folder", r"folder.*holds no pictures"),
    ):
        faces = [{"select": "largest", key: value}]
        path = small_shot(plate, tmp_path, outputs=[EXR], crop_size=256, faces=faces, model="relief")
        with pytest.raises((ReadError, ShotError), match=words):
            render(path, Tinter(), NUMBERS[:1])
        assert not list(tmp_path.rglob("*.tracks.npz")), "nothing was tracked"


def test_a_photograph_without_a_face_is_named(plate: Path, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "wall.jpg"), np.full((200, 200, 3), 90, np.uint8))
    faces = [{"select": "largest", "references": {60: ["wall.jpg"]}}]
    path = small_shot(plate, tmp_path, outputs=[EXR], crop_size=256, faces=faces, model="relief")
    with pytest.raises(ReadError, match=r"wall\.jpg.*no face"):
        render(path, Tinter(), NUMBERS[:1])


def test_skin_of_donors_is_asked_for_once_and_again_when_a_photograph_changes(
    plate: Path, portraits: Path, tmp_path: Path
) -> None:
    """Photographs below the folder count, other files and hidden ones do not; the plate's traits are not theirs."""
    folder = tmp_path / "skin"
    for name in ("b.jpg", "more/a.jpg", ".c.jpg", "more/.d/e.jpg"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes((portraits / "eval" / "lon_001_neutral.jpg").read_bytes())
    (folder / "rights.txt").write_text("signed")
    faces = [{"select": "largest", "donor": "skin/", "glasses": "yes"}]
    path = small_shot(plate, tmp_path, outputs=[EXR], crop_size=256, faces=faces, model="relief")
    ager = Tinter()
    render(path, ager, NUMBERS[:1])
    render(path, ager, NUMBERS[:1])
    expected = [("b.jpg", 512, UNKNOWN), ("a.jpg", 512, UNKNOWN)]
    assert ager.donors == [expected]
    (folder / "b.jpg").write_bytes((portraits / "eval" / "lon_003_neutral.jpg").read_bytes())
    render(path, ager, NUMBERS[:1])
    assert ager.donors == [expected] * 2


def test_a_folder_of_donors_of_no_use_is_named(plate: Path, tmp_path: Path) -> None:
    for name in ("wall", "empty", "crowd"):
        (tmp_path / name).mkdir()
    cv2.imwrite(str(tmp_path / "wall" / "wall.jpg"), np.full((200, 200, 3), 90, np.uint8))
    for number in range(25):
        (tmp_path / "crowd" / f"{number}.jpg").write_bytes((tmp_path / "wall" / "wall.jpg").read_bytes())
    for donor, words in {
        "wall": r"wall\.jpg.*no face is found",
        "nowhere": r"nowhere.*no such folder",
        "empty": r"empty.*holds no pictures",
        "wall/wall.jpg": r"wall\.jpg.*is a file",
        "crowd": r"crowd.*25 photographs, too many",
    }.items():
        faces = [{"select": "largest", "donor": donor}]
        path = small_shot(plate, tmp_path, outputs=[EXR], crop_size=256, faces=faces, model="relief")
        with pytest.raises(ReadError, match=words):
            render(path, Tinter(), NUMBERS[:1])
