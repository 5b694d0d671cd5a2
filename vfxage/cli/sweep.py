"""The command that shows one face at many ages: sweep."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vfxage.cli.console import Console
from vfxage.cli.options import Device
from vfxage.cli.pictures import ColorSpace, PictureSet
from vfxage.errors import OutputError, ShotError
from vfxage.shot import is_shot_file, load_shot

if TYPE_CHECKING:
    from vfxage.ager import Ager
    from vfxage.pictures.sweep import Subject
    from vfxage.shot import Shot

Source = Annotated[
    Path, typer.Argument(metavar="PICTURE|SHOT.yaml", help="A picture of a face, or a shot.", show_default=False)
]
SourceAge = Annotated[
    str | None,
    typer.Option(
        "--source-age",
        metavar="YEARS",
        help="Age of the person. Default: the shot's, or from the picture's name (person/35.jpg).",
    ),
]
Ages = Annotated[str, typer.Option("--ages", metavar="AGES", help="10-95, or a list such as 20,35,50.")]
Step = Annotated[float, typer.Option("--step", min=0.1, max=120, help="Years from age to age in a range.")]
Models = Annotated[
    list[str] | None,
    typer.Option(
        "--model", "-m", metavar="builtin|FILE", help="As `model:` in a shot. Repeatable: models side by side."
    ),
]
FrameNumber = Annotated[int | None, typer.Option("--frame", help="Frame of the shot. Default: its first.")]
FaceName = Annotated[
    str | None, typer.Option("--face", metavar="NAME", help="Face of the shot. Default: the largest on that frame.")
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        "-o",
        metavar="LOOP.mp4|.webp|.gif",
        help="The loop; the contact sheet is the .png beside it. Default: NAME.sweep.mp4 in the working folder.",
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the files at --out.")]


def sweep(
    source: Source,
    source_age: SourceAge = None,
    ages: Ages = "10-90",
    step: Step = 5,
    model: Models = None,
    frame: FrameNumber = None,
    face: FaceName = None,
    out: Out = None,
    colorspace: ColorSpace = None,
    set_: PictureSet = None,
    device: Device = "auto",
    overwrite: Overwrite = False,
    *,
    console: Console,
) -> None:
    """Show one face at many ages: a contact sheet (PNG) and a loop (MP4, WebP or GIF) that runs through the ages.

    Takes a picture (its largest face), or one frame of a shot, to choose an age for it. Ages between the rendered ones
    are mixed in the loop; a smaller --step renders more of them.
    Example: vfxage sweep ann.jpg --source-age 35 --ages 10-95 --step 5
    Example: vfxage sweep shot.yaml --frame 1012 --model builtin --model fran.onnx --out ages.gif
    """
    from vfxage.pictures.ages import parse_ages

    request = SweepRequest(
        source, source_age, parse_ages(ages, "--ages", step), tuple(model or ()), frame, face, colorspace,
        tuple(set_ or ()), device,
    )  # fmt: skip
    loop = _loop_path(source, out, overwrite=overwrite)
    _sweep(request, loop, console)


@dataclass(frozen=True, slots=True)
class SweepRequest:
    """What the command line asks for."""

    source: Path
    source_age: str | None
    ages: tuple[float, ...]
    models: tuple[str, ...]
    frame: int | None
    face: str | None
    colorspace: str | None
    settings: tuple[str, ...]
    device: str

    def shot(self) -> Shot:
        """The shot, or the settings that a picture shares with shots. Raises ShotError."""
        if is_shot_file(self.source):
            if self.colorspace:
                raise ShotError("a shot names its colour space itself", fix="use --set colorspace=NAME")
            shot = load_shot(self.source, self.settings)
            names = [face.name for face in shot.faces if face.name]
            if self.face is not None and names and self.face not in names:
                what = f"the shot has no face `{self.face}`"
                raise ShotError(what, path=self.source, fix=f"name one of {', '.join(names)}")
            return shot
        for option, value in (("--frame", self.frame), ("--face", self.face)):
            if value is not None:
                raise ShotError(f"{option} is for shots, and {self.source.name} is a picture", fix="leave it out")
        from vfxage.pictures import picture_shot

        return picture_shot((self.models or ("builtin",))[0], "largest", self.settings, self.colorspace)

    def agers(self, shot: Shot, console: Console) -> list[tuple[str, Ager]]:
        """Each model with the name that it is shown by. Raises ModelError, ShotError."""
        from vfxage.ager import load_ager

        agers = []
        for name in self.models or (shot.model,):
            ager = load_ager(name, self.device, shot.delta_from, shot.style)
            if ager.note:
                console.note(ager.note)
            agers.append((Path(name).name, ager))
        return agers


def _sweep(request: SweepRequest, loop: Path, console: Console) -> None:
    from vfxage.pictures.loop import save_loop
    from vfxage.pictures.sweep import sweep_ages
    from vfxage.pictures.sweep_sheet import save_sweep_sheet

    shot = request.shot()
    agers = request.agers(shot, console)
    with _subject(request, shot, agers[0][1], console) as subject:
        swept = sweep_ages(subject, agers, request.ages, console)
        title = request.source.stem
        if is_shot_file(request.source):
            title = f"{subject.job.name}   frame {subject.frame.number}"
    sheet = loop.with_suffix(".png")
    save_sweep_sheet(sheet, title, swept)
    save_loop(loop, swept)
    for path in (sheet, loop):
        console.result(str(path))


@contextmanager
def _subject(request: SweepRequest, shot: Shot, ager: Ager, console: Console) -> Iterator[Subject]:
    """The face of the picture or of the shot's frame."""
    from dataclasses import replace

    from vfxage.pictures import list_pictures
    from vfxage.pictures.sweep import picture_subject, shot_subject

    if is_shot_file(request.source):
        with shot_subject(shot, request.frame, ager, console) as subject:
            yield replace(subject, face=request.face, source_age=_years(request.source_age))
        return
    if request.source.is_dir():
        raise ShotError("is a folder", path=request.source, fix="name one picture: vfxage stills takes folders")
    listing = list_pictures([request.source], request.source_age, Path(request.source.parent, "out"))
    for note in listing.notes:
        console.note(note)
    yield picture_subject(listing.pictures[0], shot)


def _years(text: str | None) -> float | None:
    from vfxage.pictures import parse_age

    return None if text is None else parse_age(text, "--source-age")


def _loop_path(source: Path, asked: Path | None, *, overwrite: bool) -> Path:
    """Path of the loop. Raises OutputError for another kind of file, and if a file is in the way."""
    from vfxage.pictures.loop import FORMS
    from vfxage.publish import check_writable

    loop = asked or Path(f"{source.stem}.sweep.mp4")
    if loop.suffix.lower() not in FORMS:
        raise OutputError("is not a name for a loop", path=loop, fix=f"end it in {' or '.join(FORMS)}")
    for path in (loop, loop.with_suffix(".png")):
        if path.resolve() == source.resolve():
            raise OutputError("is the picture itself", path=path, fix="choose another --out")
        if path.exists() and not (overwrite or path.stem.endswith(".sweep")):
            raise OutputError("exists already", path=path, fix="choose another --out, or use --overwrite")
    check_writable(loop.parent)
    return loop
