"""The commands for single pictures: stills."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from vfxage.cli.console import Console
from vfxage.cli.options import Device, Workers
from vfxage.errors import count_of

if TYPE_CHECKING:
    from vfxage.ager import Ager
    from vfxage.pictures import Listing, Problem, StillOptions
    from vfxage.shot import Shot

SourceAge = Annotated[
    str | None,
    typer.Option(
        "--source-age",
        metavar="YEARS|index.csv",
        help="Age of the people in the pictures, or a table with the columns file,age. Default: index.csv in a named "
        "folder, else the names: person/35.jpg, 35/person.jpg, or 35_0_1_2017.jpg as in UTKFace.",
    ),
]
Model = Annotated[
    str, typer.Option("--model", "-m", metavar="builtin|FILE", help="The model, as `model:` in a shot file.")
]
PictureSet = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="A setting of a shot file, such as intensity=0.5, matte.kind=face. Repeatable.",
    ),
]
ColorSpace = Annotated[
    str | None,
    typer.Option(
        "--colorspace",
        metavar="NAME",
        help="OpenColorIO name of the pictures' colour space. Default: from their headers, sRGB for integer pictures "
        "that name none.",
    ),
]


Pictures = Annotated[
    list[Path],
    typer.Argument(metavar="FOLDER|FILE...", help="Pictures, or folders of pictures.", show_default=False),
]
TargetAge = Annotated[
    str, typer.Option("--target-age", "-t", metavar="AGES", help="20,40,60 or 10-90x10.", show_default=False)
]
Out = Annotated[Path, typer.Option("--out", "-o", metavar="FOLDER", help="For the results.", show_default=False)]
Faces = Annotated[Literal["all", "largest"], typer.Option(help="The faces of each picture that are aged.")]
Delta = Annotated[
    bool, typer.Option("--delta", help="Also write picture, result and delta side by side, as NAME_AGE_delta.png.")
]
Format = Annotated[
    str | None,
    typer.Option("--format", metavar="png|tif|exr|jpg", help="Format of the results. Default: the picture's own."),
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Write finished results again, and replace files of other programs.")
]


def stills(
    pictures: Pictures,
    target_age: TargetAge,
    out: Out,
    source_age: SourceAge = None,
    faces: Faces = "all",
    delta: Delta = False,
    format_: Format = None,
    model: Model = "builtin",
    colorspace: ColorSpace = None,
    set_: PictureSet = None,
    device: Device = "auto",
    workers: Workers = None,
    overwrite: Overwrite = False,
    *,
    console: Console,
) -> int:
    """Age the faces of pictures: one result for each picture and age, NAME_AGE.jpg for NAME.jpg.

    JPEG, PNG, TIFF, DPX and OpenEXR. Bit depth, alpha, colour space and ICC profile stay, and outside the faces the
    pixels too (a JPEG is compressed again: --format png keeps them). OpenEXR results also hold delta and matte.
    A picture without a face, or that cannot be read, is reported, and the others go on; the exit code is then 4.
    Run the same command again to write only what is missing.
    Example: vfxage stills portraits/ --source-age 30 --target-age 10-90x10 --out aged
    """
    from vfxage.pictures import Form, StillOptions, known_suffix, list_pictures, parse_ages

    ages = parse_ages(target_age, "--target-age")
    form = Form(out=out, suffix=known_suffix(format_) if format_ else None, comparison=delta)
    request = StillRequest(model, faces, tuple(set_ or ()), colorspace, device)
    shot = request.shot()
    listing = list_pictures(pictures, source_age, out)
    for note in listing.notes:
        console.note(note)
    ager = request.ager(shot, console)
    count = workers or ager.workers_default
    options = StillOptions(shot=shot, ages=ages, form=form, workers=count, overwrite=overwrite)
    return _age_pictures(listing, options, ager, console)


@dataclass(frozen=True, slots=True)
class StillRequest:
    """How the faces of pictures are aged, as the command line says it."""

    model: str
    faces: Literal["all", "largest"]
    settings: tuple[str, ...]
    colorspace: str | None
    device: str

    def shot(self) -> Shot:
        """The shot that all pictures share. Raises ShotError for a wrong setting."""
        from vfxage.colour.space import Colour
        from vfxage.pictures import picture_shot

        shot = picture_shot(self.model, self.faces, self.settings, self.colorspace)
        if self.colorspace:
            Colour(self.colorspace, shot.ocio)
        return shot

    def ager(self, shot: Shot, console: Console) -> Ager:
        """The ager of that shot; its note is printed. Raises ModelError, ShotError."""
        from vfxage.ager import load_ager

        ager = load_ager(shot.model, self.device, shot.delta_from, shot.style)
        if ager.note:
            console.note(ager.note)
        return ager


def _age_pictures(listing: Listing, options: StillOptions, ager: Ager, console: Console) -> int:
    """Write the results, report each picture that fails, and count. Returns the exit code."""
    from vfxage.pictures import render_stills

    alone = len(listing.pictures) == 1

    def report(problem: Problem) -> None:
        if alone:
            raise problem.error
        console.error(str(problem.error), problem.error.exit_code)

    done = render_stills(listing.pictures, ager, options, console, report)
    console.result(str(options.form.out))
    skipped = f", {count_of(len(done.problems), 'picture')} skipped" if done.problems else ""
    console.result(f"{count_of(done.written, 'result')} written, {done.kept} complete already{skipped}")
    return 4 if done.problems else 0
