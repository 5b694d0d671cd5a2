"""Costly work is done once per run: reading the plate, opening rotos, building stamps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import pytest

from tests.plates import write_exr
from tests.run_vfxage import run
from tests.small_shot import COUNT, EXR, FIRST, small_shot

NUMBERS = range(FIRST, FIRST + COUNT)


@pytest.fixture
def count(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Counter[Any]]:
    """Count calls of a function by its name; ``key`` turns the arguments into the key of the count."""

    def watch(name: str, key: Callable[..., Any] = lambda *_, **__: "calls") -> Counter[Any]:
        calls: Counter[Any] = Counter()
        module, _, attribute = name.rpartition(":")
        owner: Any = __import__(module, fromlist=["_"])
        *outer, attribute = attribute.split(".")
        for part in outer:
            owner = getattr(owner, part)
        original = getattr(owner, attribute)

        def counted(*words: Any, **named: Any) -> Any:
            calls[key(*words, **named)] += 1
            return original(*words, **named)

        monkeypatch.setattr(owner, attribute, counted)
        return calls

    return watch


def frames_read(monkeypatch: pytest.MonkeyPatch) -> Counter[int]:
    """How often each frame of an EXR plate is read from now on."""
    from vfxage.media.exr.read import ExrReader

    read, original = Counter[int](), ExrReader.read

    def counted(self: ExrReader, numbers: Any) -> Iterator[Any]:
        for frame in original(self, numbers):
            read[frame.number] += 1
            yield frame

    monkeypatch.setattr(ExrReader, "read", counted)
    return read


def test_each_plate_file_is_digested_once_while_tracking_and_never_again(
    count: Callable[..., Counter[Any]], plate: Path, tmp_path: Path
) -> None:
    path = small_shot(plate, tmp_path, outputs=[EXR])
    digested = count("vfxage.render.job:file_digest", lambda path, frame=None: frame)
    run("render", path).ok()
    assert digested == Counter(dict.fromkeys(NUMBERS, 1))
    digested.clear()
    run("render", path, "--frames", "1001-1003").ok()
    run("render", path, "--set", "target_age=61").ok()
    run("verify", path, "--set", "target_age=61").ok()
    assert not digested


def test_verify_reads_the_plate_once(monkeypatch: pytest.MonkeyPatch, plate: Path, tmp_path: Path) -> None:
    path = small_shot(plate, tmp_path, outputs=[EXR])
    run("render", path).ok()
    read = frames_read(monkeypatch)
    run("verify", path).ok()
    assert read == Counter(dict.fromkeys(NUMBERS, 1))


def test_a_render_of_tracked_frames_reads_the_plate_once(
    monkeypatch: pytest.MonkeyPatch, plate: Path, tmp_path: Path
) -> None:
    path = small_shot(plate, tmp_path, outputs=[EXR])
    run("track", path).ok()
    read = frames_read(monkeypatch)
    run("render", path).ok()
    assert read == Counter(dict.fromkeys(NUMBERS, 1))


@pytest.mark.parametrize("command", ["render", "verify", "preview"])
def test_a_roto_is_opened_once(count: Callable[..., Counter[Any]], plate: Path, tmp_path: Path, command: str) -> None:
    image = oiio.ImageInput.open(str(plate / f"man.{FIRST}.exr"))
    width, height = image.spec().width, image.spec().height
    image.close()
    roto = tmp_path / "roto.exr"
    write_exr(roto, np.ones((height, width, 3), np.float32))
    path = small_shot(plate, tmp_path, outputs=[EXR], matte={"file": str(roto)})
    run("render" if command == "verify" else "track", path).ok()
    opened = count("vfxage.comp.roto:open_reader", lambda path, given: Path(path).name)
    run(command, path, "--frames", "1001-1002").ok()
    assert opened == Counter({"roto.exr": 1})


def test_what_frames_are_made_of_is_worked_out_once_however_often_the_report_is_saved(
    count: Callable[..., Counter[Any]], monkeypatch: pytest.MonkeyPatch, plate: Path, tmp_path: Path
) -> None:
    monkeypatch.setattr("vfxage.render.report._SAVE_S", 0.0)
    path = small_shot(plate, tmp_path, outputs=[EXR])
    saves = count("vfxage.render.report:_add")
    scenes, stamps = count("vfxage.render.pipeline:stage_scene"), count("vfxage.render.pipeline:stamp_frames")
    loads = count("vfxage.render.tracking:load_tracks")
    described = count("vfxage.render.report:_frame", lambda scene, stamps, number: number)
    run("render", path).ok()
    assert saves["calls"] > COUNT  # a save after every frame
    assert (scenes["calls"], stamps["calls"], loads["calls"]) == (1, 1, 0)
    assert described == Counter(dict.fromkeys(NUMBERS, 1))


def test_a_plate_of_twenty_thousand_frames_is_stamped_without_reading_a_file(
    monkeypatch: pytest.MonkeyPatch, plate: Path, tmp_path: Path
) -> None:
    """More files than any cache of digests would hold: stamps take them from the tracks."""
    from vfxage.ager import load_ager
    from vfxage.face.track import load_tracks
    from vfxage.render.drawn import drawn_mattes, open_rotos
    from vfxage.render.job import open_job
    from vfxage.render.scene import stage_scene
    from vfxage.render.stamps import stamp_frames
    from vfxage.shot import load_shot

    path = small_shot(plate, tmp_path, outputs=[EXR])
    run("track", path).ok()
    numbers = tuple(range(FIRST, FIRST + 20_000))
    with open_job(load_shot(path)) as opened, open_rotos(opened) as rotos:
        job = replace(opened, numbers=numbers)
        digests = tuple(f"{number:032x}" for number in numbers)
        tracks = replace(load_tracks(job.tracks_path), numbers=numbers, plate=digests)
        monkeypatch.setattr(Path, "open", None)  # any read fails
        scene = stage_scene(job, tracks, load_ager("bands"))
        stamps = stamp_frames(job, tracks, scene, drawn_mattes(rotos, job, scene), numbers)
    assert len(set(stamps.frames.values())) == 20_000
