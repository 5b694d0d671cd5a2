"""Movies and stills with bytes changed: a picture or one line; no crash, no hang, no memory past what headers justify.

OpenEXR has its own, in ``tests/media/test_exr_damaged.py``; so has the shot file, in ``tests/shot/test_fuzz.py``, and
the cut, in ``tests/editorial/test_hostile.py``.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from tests.fuzz.elsewhere import damaged, read_elsewhere
from tests.media.movies import numbered, write_movie
from tests.media.still_files import SRGB, noise, save, save_dpx

COUNT = int(os.environ.get("VFXAGE_FUZZ", "12"))
"""Damaged files per source; 500 takes some minutes."""


def test_damaged_movies_are_frames_or_one_line(tmp_path, prores):
    frames = numbered(6)
    full = [frame.reformat(format="yuvj420p") for frame in frames]
    sources = [
        write_movie(tmp_path / "a.mov", frames, "mpeg4"),
        write_movie(tmp_path / "b.mp4", frames, "libx264"),
        write_movie(tmp_path / "c.mkv", frames, "ffv1"),
        write_movie(tmp_path / "d.h264", frames, "libx264"),
        write_movie(tmp_path / "e.avi", full, "mjpeg"),
        tmp_path / "f.mov",
    ]
    sources[-1].write_bytes((prores / "natron_apco.mov").read_bytes())
    verdict = told_of(sources, tmp_path, 21, None)
    assert verdict < 500, "MiB for pictures of 64x48, and two of 512x512"


def test_damaged_stills_are_a_picture_or_one_line(tmp_path):
    sources = [
        save_dpx(tmp_path / "a.dpx", noise(24, 30, 3, 1023), 10),
        save(tmp_path / "b.tif", noise(24, 30, 4, 65535)),
        save(tmp_path / "c.tif", noise(24, 30).astype(np.float32), compression="none"),
        save(tmp_path / "d.png", noise(24, 30, 4, 65535)),
        save(tmp_path / "e.jpg", noise(24, 30, 3, 255)),
    ]
    assert told_of(sources, tmp_path, 23, SRGB) < 300, "MiB for pictures of 24x30"


def told_of(sources: list[Path], folder: Path, seed: int, space: str | None) -> int:
    """Damage each source, read all in a process that has 1.5 GiB of address space to grow; MiB that it took."""
    paths = [path for index, source in enumerate(sources) for path in damaged(source, folder, COUNT, seed + index)]
    verdict = read_elsewhere(sources, paths, room=1536, space=space)
    failed = [answer for answer in verdict.reported if answer is not None]
    strange = [answer for answer in failed if answer[0] not in ("ReadError", "ShotError")]
    assert not strange, strange[:3]
    assert all("\n" not in text and len(text) < 800 for _, text in failed)
    assert len(paths) / 10 < len(failed) < len(paths)
    return verdict.grown
