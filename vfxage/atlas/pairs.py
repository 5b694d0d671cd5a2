"""A teacher's pairs: every portrait at other ages too, pixel on pixel, as ``vfxage train`` reads them."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from vfxage.errors import ShotError
from vfxage.model import Ager
from vfxage.portraits import Collection, Portrait, crop_portrait
from vfxage.progress import Progress
from vfxage.publish import publish
from vfxage.types import F32, U8, FaceCrop, Frame, FrameCrops, Window

SIDE = 512
"""Pixels of the square pictures that are written."""
APART = 4.0
"""Years that a made picture must differ from its photograph by, to be worth learning from."""
_KEPT = ("sex", "glasses", "yaw_deg")


def age_portrait(ager: Ager, crop: FaceCrop) -> F32:
    """The crop as the ager sees it at the wanted age, (S, S, 3) sRGB 0..1."""
    (answer,) = ager([FrameCrops(frame=_BLANK, crops=(crop,))])
    return np.clip(crop.rgb + answer.deltas[0].step, 0.0, 1.0)


_BLANK = Frame(number=0, rgb=np.zeros((1, 1, 3), np.float32), window=Window(0, 0, 1, 1))
"""An ager wants to know whose crops they are."""


def write_pairs(
    collection: Collection, ager: Ager, out: Path, ages: Sequence[float], progress: Progress
) -> tuple[int, int]:
    """Write every portrait, framed, and what ``ager`` makes of it at ``ages``, with index.csv and landmarks.npz.

    Returns how many photographs and how many made pictures were written. Raises ShotError for a folder that is not
    empty, WriteError where it cannot be written.
    """
    if out.exists() and any(out.iterdir()):
        raise ShotError("is not empty", path=out, fix="name a new folder, so that no picture of another teacher stays")
    rows: list[dict[str, str]] = []
    points: dict[str, F32] = {}
    with progress.stage("pairs", len(collection.portraits)) as advance:
        for count, portrait in enumerate(collection.portraits):
            for row, picture, crop in _versions(portrait, ager, ages):
                _write_png(out / row["file"], picture)
                rows.append(row)
                points[Path(row["file"]).stem] = crop.points
            advance(count)
    with publish(out / "landmarks.npz") as partial:
        np.savez(partial, **points)
    with publish(out / "index.csv") as partial, partial.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, ("file", "person", "age", "real", *_KEPT))
        table.writeheader()
        table.writerows(rows)
    real = sum(row["real"] == "1" for row in rows)
    return real, len(rows) - real


def _versions(portrait: Portrait, ager: Ager, ages: Sequence[float]) -> Iterator[tuple[dict[str, str], F32, FaceCrop]]:
    """The photograph, then each made picture, with its row of the index."""
    labels = {key: portrait.labels.get(key, "") for key in _KEPT}
    own = crop_portrait(portrait, ager.framing, SIDE)
    for age in (portrait.age, *(age for age in ages if abs(age - portrait.age) >= APART)):
        real = age == portrait.age
        crop = own if real else crop_portrait(portrait, ager.framing, SIDE, (portrait.age, age))
        name = f"{portrait.path.stem}_{age:g}.png"
        row = {"file": name, "person": portrait.person, "age": f"{age:g}", "real": str(int(real)), **labels}
        yield row, crop.rgb if real else age_portrait(ager, crop), crop


def _write_png(path: Path, picture: F32) -> None:
    stored: U8 = np.round(picture[..., ::-1] * 255).astype(np.uint8)
    with publish(path) as partial:
        if not cv2.imwrite(str(partial), stored, (cv2.IMWRITE_PNG_COMPRESSION, 1)):
            raise OSError(f"{path.name} could not be written")
