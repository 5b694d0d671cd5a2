"""Training pairs: every portrait, and the same portrait at other ages, aligned to the pixel, for ``vfxage train``."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from vfxage.ager import Ager
from vfxage.face.look import Look
from vfxage.lab.evaluate.skin_tone import DARK, skin_tone
from vfxage.lab.portraits import Collection, Portrait, crop_portrait
from vfxage.progress import Progress
from vfxage.publish import check_unused, publish
from vfxage.types import F32, U8, FaceCrop, Framing

SIDE = 512
"""Pixels of the square pictures that are written."""
_FRAMING = Framing(name="ffhq")
"""What the networks that learn from pairs see; the teacher takes any."""
APART = 4.0
"""Least years between a photograph and a made picture; a smaller difference teaches little."""
_NAME = "face0"
"""One face name for all pairs. An ager may choose a face's lines by its name. A network never sees the name, and would
learn a blurred average of all choices."""
_SKIN_ALONE = Look(shape=0.0, hair=0.0)
"""A network that answers a delta cannot move a contour: it draws a bright and a dark rim beside it. A network that
learns grey hair from few people turns dark eye sockets and brows blue. So the pairs show no change of shape or of
hair."""
_YOUNGER = Look(shape=0.0, hair=0.0, neck=0.0)
"""The look of a picture that is younger than its plate. The teacher also fills the shade of folds below the jaw. A
network learns from it to draw a bright band along every jaw."""
_WOMAN, _DARK_SKIN = 1.6, 3.0
"""Weights of women and of people with dark skin, whom most sets of portraits show less often. A woman with dark skin
has the product of both."""
_YOUNG = (20.0, 24.0, 28.0, 32.0)
"""Years of the portraits that are made young first, in turn. Young people are rare in sets of official portraits, and a
network learns what the teacher does to young skin only where it sees young skin."""
_KEPT = ("sex", "glasses", "yaw_deg")
"""Labels that are copied from the portraits."""


def age_portrait(ager: Ager, crop: FaceCrop) -> F32:
    """The crop as the ager sees it at the wanted age, (S, S, 3) sRGB 0..1."""
    (answer,) = ager([crop])
    return np.clip(crop.rgb + answer.step, 0.0, 1.0)


NEW_FOLDER = "name a new folder, so that pictures of another ager do not mix with these"
"""What to do about a folder of pairs that is not empty."""


@dataclass(frozen=True, slots=True)
class PairsPlan:
    """What is made of every portrait."""

    ager: Ager
    """The teacher."""
    ages: Sequence[float]
    """Years."""
    quality: int | None = None
    """Quality of WebP files, 1 to 100, for a set that must be small; None writes PNG, without loss."""
    young: float = 0.0
    """Share of the portraits, 0 to 1, that the teacher first makes young; the result takes the photograph's place."""


def write_pairs(collection: Collection, plan: PairsPlan, out: Path, progress: Progress) -> tuple[int, int]:
    """Write every photograph, framed, and its versions at the planned ages, with index.csv and landmarks.npz.

    The column ``weight`` of the index says how often training uses a portrait: women and dark skin more often. The
    column ``plate`` names the photograph on which a picture lies, as a person may have several.

    Every portrait must have points (``mesh_portraits``); made pictures are left out. Returns how many photographs and
    how many made pictures were written. Raises OutputError for a folder that is not new, ReadError where a portrait
    is gone, WriteError where something cannot be written. After an error or a stop, no file is left.
    """
    check_unused(out, NEW_FOLDER)
    portraits = [item for item in collection.portraits if item.real]
    rows: list[dict[str, str]] = []
    points: dict[str, F32] = {}
    with ExitStack() as undo, progress.stage("pairs", len(portraits), "portrait") as advance:
        undo.callback(_remove, out, rows)
        for count, (portrait, stem) in enumerate(zip(portraits, _stems(portraits, collection.folder), strict=True)):
            for row, picture, crop in _versions(_plate(portrait, plan, count), stem, plan):
                rows.append(row)
                _write(out / row["file"], picture, plan.quality)
                if row["real"] == "1":  # its copies are aligned to it
                    points[Path(row["file"]).stem] = crop.points
            advance(count)
        with publish(out / "landmarks.npz") as partial:
            np.savez(partial, **points)
        with publish(out / "index.csv") as partial, partial.open("w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, ("file", "person", "plate", "age", "real", "weight", *_KEPT))
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


def _plate(portrait: Portrait, plan: PairsPlan, place: int) -> tuple[Portrait, FaceCrop]:
    """The picture from which a portrait's pairs are made: the portrait, or a young picture that the teacher made of it.

    ``place`` is its number in the set.
    """
    own = crop_portrait(portrait, _FRAMING, SIDE)
    own = replace(own, ages=(portrait.age, portrait.age), name=_NAME, look=_SKIN_ALONE)
    before, until = math.floor(place * plan.young), math.floor((place + 1) * plan.young)
    age = _YOUNG[before % len(_YOUNG)]
    if until == before or portrait.age - age < APART:
        return portrait, own
    made = age_portrait(plan.ager, replace(own, ages=(portrait.age, age), study=plan.ager.study([own])))
    return replace(portrait, age=age), replace(own, rgb=made)


def _versions(
    plate: tuple[Portrait, FaceCrop], stem: str, plan: PairsPlan
) -> Iterator[tuple[dict[str, str], F32, FaceCrop]]:
    """The photograph, then each made picture: index row, picture and crop."""
    ager, suffix = plan.ager, "png" if plan.quality is None else "webp"
    portrait, own = plate
    labels = {key: portrait.labels.get(key, "") for key in _KEPT}
    labels |= {"plate": stem, "weight": f"{_weight(portrait, own):g}"}
    study = ager.study([own])
    for age in (portrait.age, *(age for age in plan.ages if abs(age - portrait.age) >= APART)):
        real = age == portrait.age
        crop = replace(own, ages=(portrait.age, age), study=study, look=_YOUNGER if age < portrait.age else own.look)
        name = f"{stem}_{age:g}.{suffix}"
        row = {"file": name, "person": portrait.person, "age": f"{age:g}", "real": str(int(real)), **labels}
        yield row, crop.rgb if real else age_portrait(ager, crop), crop


def _weight(portrait: Portrait, crop: FaceCrop) -> float:
    """How often training uses a portrait, compared with one of weight 1."""
    woman = portrait.labels.get("sex", "").strip().upper() == "F"
    return (_WOMAN if woman else 1.0) * (_DARK_SKIN if skin_tone(crop) < DARK else 1.0)


def _write(path: Path, picture: F32, quality: int | None) -> None:
    stored: U8 = np.round(picture[..., ::-1] * 255).astype(np.uint8)
    how = (cv2.IMWRITE_PNG_COMPRESSION, 1) if quality is None else (cv2.IMWRITE_WEBP_QUALITY, quality)
    with publish(path) as partial:
        if not cv2.imwrite(str(partial), stored, how):
            raise OSError(f"{path.name} could not be written")
