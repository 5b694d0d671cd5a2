"""The files that a picture becomes: where they lie, what they hold, and the stamp that says what they are made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from vfxage import __version__
from vfxage.ager import Ager
from vfxage.colour.cicp import LINEAR_709, SRGB
from vfxage.colour.space import Colour
from vfxage.errors import OutputError
from vfxage.fingerprint import digest, file_digest
from vfxage.frames import literal
from vfxage.media import FORMATS, open_writer, written_by_vfxage
from vfxage.media.base import Destination, Writer
from vfxage.media.output_colour import output_space
from vfxage.pictures.ages import age_text
from vfxage.pictures.listing import Picture
from vfxage.render.job import Job
from vfxage.render.preview_page import displayed_delta
from vfxage.shot import Output
from vfxage.types import ClipInfo, Frame, Render, SourceTags, Window

COMPARISON = "_delta.png"
"""The end of the name of picture, result and delta side by side."""
_SETTINGS = {"exposure", "pixel_aspect", "part", "layer", "view", "crop_size", "faces", "matte", "tracking"}
"""Keys of the shot that the pixels of a picture depend on, beside its colour space, its model and its ages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What every picture of a run becomes."""

    out: Path
    suffix: str | None
    """Suffix of the results, with its dot; None keeps the picture's own."""
    comparison: bool
    """Whether picture, result and delta are also written side by side."""


@dataclass(frozen=True, slots=True)
class Result:
    """One file of a picture at one age."""

    age: float
    path: Path
    writer: Writer
    comparison: bool

    def write(self, render: Render, job: Job) -> None:
        """Write the file, complete or not at all. Raises WriteError."""
        with self.writer:
            self.writer.write(side_by_side(render, job) if self.comparison else render)


def result_paths(picture: Picture, ages: tuple[float, ...], form: Form) -> Iterator[tuple[float, Path, bool]]:
    """Age and path of every file of a picture, and whether it is a comparison.

    If two pictures differ in the suffix only, files of another format keep the picture's suffix in their names.
    """
    home, own = form.out / picture.place.parent, picture.place.suffix
    suffix = form.suffix or own
    apart = picture.place.name if picture.twin else picture.place.stem
    for age in ages:
        yield age, home / f"{picture.place.stem if suffix == own else apart}_{age_text(age)}{suffix}", False
        if form.comparison:
            yield age, home / f"{apart}_{age_text(age)}{COMPARISON}", True


def results_of(picture: Picture, job: Job, ager: Ager, ages: tuple[float, ...], form: Form) -> list[Result]:
    """Every file that a picture becomes, with its writer. Raises ReadError if the picture's file cannot be read."""
    settings = job.shot.model_dump(mode="json", include=_SETTINGS)
    made_from = [__version__, ager.fingerprint, file_digest(picture.path), job.colour.fingerprint, settings]
    results = []
    for age, path, comparison in result_paths(picture, ages, form):
        destination = _comparison(job, path) if comparison else _destination(job, path)
        shape = [destination.passes, destination.depth, destination.colorspace, comparison]
        stamp = digest(made_from, age, shape) + ("" if ager.device == "cpu" else f"-{ager.device}")
        destination = replace(destination, device=ager.device, stamps={job.numbers[0]: stamp})
        results.append(Result(age, path, open_writer(destination), comparison))
    return results


def refuse_foreign(path: Path) -> None:
    """Raise OutputError if a file that vfxage did not write is in the place of a result."""
    if path.exists() and not written_by_vfxage(path):
        fix = "choose another --out, or use --overwrite to replace it"
        raise OutputError("exists already and was not written by vfxage", path=path, fix=fix)


def _destination(job: Job, path: Path) -> Destination:
    """The result in the picture's own colour space, bit depth and alpha, as far as its format holds them."""
    suffix = path.suffix.lower()
    output = Output(path=f"result{suffix}", colorspace=_own_space(job, suffix))
    return Destination(
        path=literal(path),
        passes=output.passes,
        codec=None,
        clip=job.clip,
        colorspace=output_space(output, job.colour, like=job.clip.path, ocio=job.shot.ocio),
        compression=output.compression or "zips",
        ocio=job.shot.ocio,
        numbers=job.numbers,
        alpha=job.clip.alpha,
    )


def _own_space(job: Job, suffix: str) -> str | None:
    """The picture's colour space for a PNG or JPEG of the same kind, which a shot would write as sRGB."""
    kinds = {".jpeg": ".jpg"}
    own = Path(job.clip.path).suffix.lower()
    same = kinds.get(own, own) == kinds.get(suffix, suffix) and suffix in (".png", ".jpg", ".jpeg")
    held = not job.colour.linear or job.clip.tags.depth == 16
    return job.colour.name if same and held else None


def _comparison(job: Job, path: Path) -> Destination:
    """An 8-bit sRGB picture three times as wide."""
    clip = ClipInfo(
        path=job.clip.path,
        kind="sequence",
        width=3 * job.clip.width,
        height=job.clip.height,
        first=job.numbers[0],
        last=job.numbers[0],
        present=job.numbers,
        colorspace=LINEAR_709,
        depth="8-bit",
    )
    return Destination(
        path=literal(path), passes=("beauty",), codec=None, clip=clip, colorspace=SRGB, depth=8, numbers=job.numbers
    )


def side_by_side(render: Render, job: Job) -> Render:
    """Picture, result and delta beside each other, over the display window; grey in the delta is no change."""
    plate, beauty = job.colour.to_sdr8(render.frame.rgb), job.colour.to_sdr8(render.beauty)
    window, display = render.frame.window, Window(0, 0, job.clip.width, job.clip.height)
    seen = window.intersect(display)
    page = np.zeros((display.height, 3 * display.width, 3), np.uint8)
    for place, panel in enumerate((plate, beauty, displayed_delta(plate, beauty))):
        across = slice(place * display.width + seen.x, place * display.width + seen.x + seen.width)
        page[seen.y : seen.y + seen.height, across] = panel[seen.slices(window)]
    light = Colour(SRGB).to_linear((np.arange(256) / 255).astype(np.float32)).take(page).astype(np.float32)
    wide = Window(0, 0, 3 * display.width, display.height)
    nothing = np.zeros(wide.shape, np.float32)
    frame = Frame(number=render.number, window=wide, rgb=light, tags=SourceTags())
    return Render(frame=frame, beauty=light, delta=np.zeros_like(light), matte=nothing)


def known_suffix(text: str) -> str:
    """The suffix of a format as ``--format`` names it, with its dot: png for .png. Raises OutputError."""
    suffix = f".{text.lower().lstrip('.')}"
    if suffix not in FORMATS or FORMATS[suffix].kind != "sequence":
        choices = " ".join(sorted(name[1:] for name, row in FORMATS.items() if row.kind == "sequence"))
        raise OutputError(f"--format {text} is not a format of pictures", fix=f"use one of {choices}")
    return suffix
