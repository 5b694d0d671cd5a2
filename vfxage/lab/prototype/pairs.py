"""Training pairs: every portrait, and the same portrait at other ages, aligned to the pixel, for ``vfxage train``."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from vfxage.ager import Ager
from vfxage.errors import OutputError
from vfxage.lab.portraits import Collection, Portrait, crop_portrait
from vfxage.progress import Progress
from vfxage.publish import publish
from vfxage.types import F32, U8, FaceCrop

SIDE = 512
"""Pixels of the square pictures that are written."""
APART = 4.0
"""Least years between a photograph and a made picture; a smaller difference teaches little."""
_NAME = "face0"
"""One face name for all pairs, so every pair uses the same donor skin. The prototype picks the skin by the face's name;
the network never sees that name and would learn a blurred average."""
_KEPT = ("sex", "glasses", "yaw_deg")


def age_portrait(ager: Ager, crop: FaceCrop) -> F32:
    """The crop as the ager sees it at the wanted age, (S, S, 3) sRGB 0..1."""
    (answer,) = ager([crop])
    return np.clip(crop.rgb + answer.step, 0.0, 1.0)


def refuse_used(out: Path) -> None:
    """Raise OutputError for a folder that is not empty, or a file: pictures of another ager must not stay in it."""
    try:
        used = out.exists() and any(out.iterdir())
    except OSError as error:
        raise OutputError(f"cannot be used ({error.strerror})", path=out, fix="name a new folder") from error
    if used:
        raise OutputError(
            "is not empty", path=out, fix="name a new folder, so that pictures of another ager do not mix with these"
        )


def write_pairs(
    collection: Collection, ager: Ager, out: Path, ages: Sequence[float], progress: Progress
) -> tuple[int, int]:
    """Write every photograph, framed, and its versions at ``ages`` by ``ager``, with index.csv and landmarks.npz.

    Every portrait must have points (``mesh_portraits``); made pictures are left out. Returns how many photographs and
    how many made pictures were written. Raises OutputError for a folder that is not new, ReadError where a portrait
    is gone, WriteError where something cannot be written. After an error or a stop, no file is left.
    """
    refuse_used(out)
    portraits = [item for item in collection.portraits if item.real]
    rows: list[dict[str, str]] = []
    points: dict[str, F32] = {}
    with ExitStack() as undo, progress.stage("pairs", len(portraits), "portrait") as advance:
        undo.callback(_remove, out, rows)
        for count, (portrait, stem) in enumerate(zip(portraits, _stems(portraits, collection.folder), strict=True)):
            for row, picture, crop in _versions(portrait, stem, ager, ages):
                rows.append(row)
                _write_png(out / row["file"], picture)
                points[Path(row["file"]).stem] = crop.points
            advance(count)
        with publish(out / "landmarks.npz") as partial:
            np.savez(partial, **points)
        with publish(out / "index.csv") as partial, partial.open("w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, ("file", "person", "age", "real", *_KEPT))
            table.writeheader()
            table.writerows(rows)
        undo.pop_all()
    real = sum(row["real"] == "1" for row in rows)
    return real, len(rows) - real


def _remove(out: Path, rows: Sequence[Mapping[str, str]]) -> None:
    """Delete the files that were written, so that the same command can run again."""
    for name in (*(row["file"] for row in rows), "landmarks.npz"):
        with suppress(OSError):
            (out / name).unlink()
    with suppress(OSError):  # somebody else's files are in it
        out.rmdir()


def _stems(portraits: Sequence[Portrait], folder: Path) -> list[str]:
    """A name for each portrait, from its path in the folder: in some layouts the file name is only an age."""
    stems: dict[str, None] = {}
    for portrait in portraits:
        stem = "_".join(portrait.path.relative_to(folder).with_suffix("").parts)
        while stem in stems:
            stem += "x"
        stems[stem] = None
    return list(stems)


def _versions(
    portrait: Portrait, stem: str, ager: Ager, ages: Sequence[float]
) -> Iterator[tuple[dict[str, str], F32, FaceCrop]]:
    """The photograph, then each made picture: index row, picture and crop."""
    labels = {key: portrait.labels.get(key, "") for key in _KEPT}
    own = crop_portrait(portrait, ager.framing, SIDE)
    study = ager.study([own])
    for age in (portrait.age, *(age for age in ages if abs(age - portrait.age) >= APART)):
        real = age == portrait.age
        crop = own if real else crop_portrait(portrait, ager.framing, SIDE, (portrait.age, age))
        crop = replace(crop, name=_NAME, study=study)
        name = f"{stem}_{age:g}.png"
        row = {"file": name, "person": portrait.person, "age": f"{age:g}", "real": str(int(real)), **labels}
        yield row, crop.rgb if real else age_portrait(ager, crop), crop


def _write_png(path: Path, picture: F32) -> None:
    stored: U8 = np.round(picture[..., ::-1] * 255).astype(np.uint8)
    with publish(path) as partial:
        if not cv2.imwrite(str(partial), stored, (cv2.IMWRITE_PNG_COMPRESSION, 1)):
            raise OSError(f"{path.name} could not be written")
