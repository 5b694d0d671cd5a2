"""The small shot's file, and what its render left."""

from __future__ import annotations

from pathlib import Path

from tests.plates import write_shot

FIRST, COUNT = 1001, 6
EXR = {"path": "out/man.%04d.exr"}
MOVIE = {"path": "out/man.mov", "passes": ["beauty", "matte"]}


def small_shot(plate: Path, folder: Path, /, **keys: object) -> Path:
    """A shot file in ``folder`` with an OpenEXR sequence and a movie."""
    defaults: dict[str, object] = {"plate": str(plate / "man.%04d.exr"), "colorspace": "Linear Rec.709 (sRGB)"}
    return write_shot(folder, **{**defaults, "outputs": [EXR, MOVIE], **keys})


def long_shot(plate: Path, folder: Path, count: int, /, **keys: object) -> Path:
    """A shot of ``count`` frames, so that there is time to interfere: the small plate again and again."""
    frames = sorted(plate.glob("man.*.exr"))
    for index in range(count):
        (folder / f"man.{FIRST + index}.exr").symlink_to(frames[index % len(frames)])
    return small_shot(folder, folder, **{"outputs": [EXR], **keys})


def pictures(folder: Path) -> dict[str, bytes]:
    """Every picture and movie that a render left, by name; no tracks, reports or hidden files."""
    files = (path for path in sorted((folder / "out").iterdir()) if not path.name.startswith("."))
    return {path.name: path.read_bytes() for path in files if path.suffix in (".exr", ".mov", ".png")}
