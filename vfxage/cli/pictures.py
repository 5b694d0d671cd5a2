"""The commands for single pictures: stills."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from vfxage.cli.console import Console
from vfxage.cli.options import Device, Workers
from vfxage.errors import count_of

if TYPE_CHECKING:
    from vfxage.pictures import Problem

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


def stills(
    pictures: Annotated[
        list[Path],
        typer.Argument(metavar="FOLDER|FILE...", help="Pictures, or folders of pictures.", show_default=False),
    ],
    target_age: Annotated[
        str,
        typer.Option("--target-age", "-t", metavar="AGES", help="20,40,60 or 10-90x10.", show_default=False),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FOLDER", help="For the results.", show_default=False)],
    source_age: SourceAge = None,
    faces: Annotated[Literal["all", "largest"], typer.Option(help="The faces of each picture that are aged.")] = "all",
    delta: Annotated[
        bool, typer.Option("--delta", help="Also write picture, result and delta side by side, as NAME_AGE_delta.png.")
    ] = False,
    format_: Annotated[
        str | None,
        typer.Option("--format", metavar="png|tif|exr|jpg", help="Format of the results. Default: the picture's own."),
    ] = None,
    model: Model = "builtin",
    colorspace: ColorSpace = None,
    set_: PictureSet = None,
    device: Device = "auto",
    workers: Workers = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Write finished results again, and replace files of other programs.")
    ] = False,
    *,
    console: Console,
) -> int:
    """Age the faces of pictures: one result for each picture and age, NAME_AGE.jpg for NAME.jpg.

    JPEG, PNG, TIFF, DPX and OpenEXR, of any size. Bit depth, alpha, colour space and ICC profile stay, and outside the
    faces the pixels do too (JPEG is compressed again: --format png keeps them). An OpenEXR result also holds delta and
    matte. A picture that cannot be read, or shows no face, is reported, and the others go on; the exit code is then 4.
    Run the same command again to write only what is missing.

    Example: vfxage stills portraits/ --source-age 30 --target-age 10-90x10 --out aged
    """
    from vfxage.ager import load_ager
    from vfxage.colour.space import Colour
    from vfxage.pictures import StillOptions, list_pictures, parse_ages, picture_shot, render_stills
    from vfxage.pictures.results import Form, known_suffix

    ages = parse_ages(target_age, "--target-age")
    form = Form(out=out, suffix=known_suffix(format_) if format_ else None, comparison=delta)
    shot = picture_shot(model, faces, set_ or (), colorspace)
    if colorspace:
        Colour(colorspace, shot.ocio)
    listing = list_pictures(pictures, source_age, out)
    ager = load_ager(shot.model, device, shot.delta_from)
    for note in (*listing.notes, *([ager.note] if ager.note else [])):
        console.note(note)
    options = StillOptions(
        shot=shot, ages=ages, form=form, workers=workers or ager.workers_default, overwrite=overwrite
    )
    alone = len(listing.pictures) == 1

    def report(problem: Problem) -> None:
        if alone:
            raise problem.error
        console.error(str(problem.error), problem.error.exit_code)

    done = render_stills(listing.pictures, ager, options, console, report)
    console.result(str(out))
    skipped = f", {count_of(len(done.problems), 'picture')} skipped" if done.problems else ""
    console.result(f"{count_of(done.written, 'result')} written, {done.kept} complete already{skipped}")
    return 4 if done.problems else 0
