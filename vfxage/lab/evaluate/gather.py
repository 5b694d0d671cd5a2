"""The portraits of all folders that an evaluation is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from vfxage.errors import ShotError
from vfxage.lab.evaluate.faces import Subject
from vfxage.lab.portraits import mesh_portraits, scan_portraits
from vfxage.progress import Progress


def gather_subjects(folders: Sequence[Path], progress: Progress) -> tuple[list[Subject], list[str]]:
    """Every real portrait with a face, by folder, and the files that were left out, which are noted too."""
    names = [folder.resolve().name for folder in folders]
    subjects: list[Subject] = []
    problems: list[str] = []
    for folder, name in zip(folders, names, strict=True):
        photos = name if names.count(name) == 1 else f"{folder.resolve().parent.name}/{name}"
        collection = scan_portraits(folder, progress=progress)
        made = sum(not portrait.real for portrait in collection.portraits)
        collection = replace(collection, portraits=tuple(one for one in collection.portraits if one.real))
        if not collection.portraits:
            raise ShotError(
                "holds no real portraits",
                path=folder,
                fix="name a folder of photographs: the age reader learns from nothing else",
            )
        collection = mesh_portraits(collection, progress)
        if not collection.portraits:
            raise ShotError("shows no face in any portrait", path=folder, fix="name a folder of portraits")
        subjects += [Subject(portrait=one, photos=photos) for one in collection.portraits]
        problems += [f"{photos}/{one.path.name} {one.what}" for one in collection.problems]
        for note in filter(None, (collection.note, f"{photos}: made pictures left out: {made}" if made else "")):
            progress.note(note)
    if problems:
        progress.note(f"portraits left out: {len(problems)}, the first: {problems[0]}")
    return subjects, problems
