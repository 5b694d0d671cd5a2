"""The commands for agers and their files: models list, show, convert, check."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vfxage.cli.console import Console
from vfxage.cli.options import AsJson, Device, with_console
from vfxage.cli.tables import print_data
from vfxage.errors import OutputError, ReadError, ShotError
from vfxage.shot import MODELS, plain_number

if TYPE_CHECKING:
    from vfxage.ager import Ager
    from vfxage.types import F32, FaceCrop

app = typer.Typer(help="List, inspect, convert and try agers.", no_args_is_help=True)

Model = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help="As in a shot: builtin, relief, small, bands, or a .safetensors, .pth, .pt or .onnx, or "
        "the folder of a SavedModel.",
        show_default=False,
    ),
]

Face = Annotated[Path | None, typer.Option(metavar="FACE.jpg", help="A face. Default: soft noise, for networks only.")]
Answers = Annotated[
    Path | None,
    typer.Option(
        "--out",
        "-o",
        metavar="OUT.png|OUT.npz",
        help="Save before, after, and four times the change; with --arrays, the network's answers.",
    ),
]
Arrays = Annotated[
    Path | None,
    typer.Option(metavar="IN.npz", help="Run the bare network on these arrays (docs/agers.md) instead of a face."),
]


@app.command("list")
@with_console
def list_(as_json: AsJson = False, *, console: Console) -> None:
    """List the agers that come with vfxage, and the networks whose weights `model:` accepts."""
    from vfxage.ager.catalogue import list_models

    print_data(console, list_models(), as_json=as_json)


@app.command()
@with_console
def show(model: Model, as_json: AsJson = False, *, console: Console) -> None:
    """Describe an ager or a file: network, tensors, hash, header, licence; for ONNX its inputs and outputs.

    Example: vfxage models show best_unet_model.pth
    """
    from vfxage.ager.catalogue import show_model

    print_data(console, {"model": show_model(model)}, as_json=as_json)


@app.command()
@with_console
def convert(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="A .safetensors, .pth, .pt or .onnx, or the folder of a SavedModel.",
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT.safetensors", help="The file to write.", show_default=False)],
    half: Annotated[bool, typer.Option("--half", help="Store the weights as float16: half the size.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUT if it exists.")] = False,
    as_json: AsJson = False,
    *,
    console: Console,
) -> None:
    """Write published weights, or the weights in an ONNX file, as a checkpoint of vfxage.

    Weights from ONNX are checked: the network must give the same result as the file.
    Example: vfxage models convert fran.onnx fran.safetensors --half
    """
    if out.suffix != ".safetensors":
        raise OutputError(
            f"must end in .safetensors, not {out.suffix or 'without a suffix'}", path=out, fix="name it .safetensors"
        )
    if out.exists() and not overwrite:
        raise OutputError("exists already", path=out, fix="add --overwrite, or name another file")
    from vfxage.ager.catalogue import convert_file
    from vfxage.publish import check_writable

    check_writable(out.parent)

    print_data(console, {"model": convert_file(file, out, half=half)}, as_json=as_json)


@app.command()
@with_console
def check(
    model: Model,
    picture: Face = None,
    ages: Annotated[str, typer.Option(metavar="FROM,TO", help="Ages in years.")] = "30,70",
    size: Annotated[
        int | None,
        typer.Option(help="Crop size in pixels. Default: 512, or the nearest that the ager supports."),
    ] = None,
    out: Answers = None,
    arrays: Arrays = None,
    device: Device = "auto",
    as_json: AsJson = False,
    *,
    console: Console,
) -> None:
    """Run one face through an ager and print the range of the change, the change at equal ages, and the time.

    Example: vfxage models check fran.onnx --picture me.jpg --ages 35,70 --out look.png
    """
    if arrays is not None:
        if picture is not None or size is not None:
            raise ShotError("--arrays runs without a face", fix="leave out --picture and --size")
        print_data(console, {"check": _on_arrays(model, arrays, out, device)}, as_json=as_json)
        return
    years = _years(ages)
    if out is not None:
        _refuse_picture(out, picture)
    from vfxage.ager import load_ager
    from vfxage.ager.catalogue import try_ager

    ager = load_ager(model, device)
    side = _crop_size(model, ager, size)
    crop = _face(picture, years, ager, side) if picture else _noise(model, years, side)
    trial = try_ager(ager, crop)
    description = trial.facts(ager, crop)
    if out is not None:
        _write(out, crop.rgb, trial.step)
        description["picture"] = str(out)
    print_data(console, {"check": description}, as_json=as_json)


def _refuse_picture(out: Path, picture: Path | None) -> None:
    """Raise OutputError, before any work, for an --out that is no PNG, is the --picture, or cannot be written."""
    from vfxage.publish import check_writable

    if out.suffix != ".png":
        raise OutputError("is not named .png", path=out, fix="name it .png")
    if picture is not None and out.resolve() == picture.resolve():
        raise OutputError("is the file of --picture", path=out, fix="choose another --out")
    check_writable(out.parent)


def _on_arrays(model: str, arrays: Path, out: Path | None, device: str) -> dict[str, str]:
    """Run the bare network on arrays and describe what was written. Raises OutputError without an --out for them."""
    if out is None or out.suffix != ".npz":
        what = "--arrays needs --out" if out is None else "is not named .npz"
        raise OutputError(what, path=out, fix="name a file to write: --out answers.npz")
    if out.resolve() == arrays.resolve():
        raise OutputError("is the file of --arrays", path=out, fix="choose another --out")
    from vfxage.ager import device_kind, model_file, shipped_file
    from vfxage.ager.bare import run_bare
    from vfxage.ager.network import find_device
    from vfxage.publish import check_writable

    check_writable(out.parent)
    device_kind(device)
    if model in MODELS and shipped_file(model) is None:
        raise ShotError(f"--arrays is for the weights of a network, and {model} has none", fix="give the file of one")
    shapes = run_bare(shipped_file(model) or model_file(model), arrays, out, find_device(device))
    return {"answers": str(out)} | {name: "x".join(map(str, shape)) for name, shape in shapes.items()}


def _years(text: str) -> tuple[float, float]:
    ages = [plain_number(part) for part in text.split(",")]
    source, target = ages if len(ages) == 2 else (None, None)
    if source is None or target is None or not (0 <= source <= 120 and 0 <= target <= 120):
        raise ShotError(f"--ages {text} is not two ages", fix="write them like 30,70")
    return source, target


def _crop_size(model: str, ager: Ager, size: int | None) -> int:
    """The size as given, or the supported one nearest to 512 px. Raises ShotError if the ager does not support it."""
    if size is not None and size not in ager.sizes:
        raise ShotError(f"{model} does not support --size {size}", fix=f"use one of {', '.join(map(str, ager.sizes))}")
    return size or min(ager.sizes, key=lambda one: abs(one - 512))


def _face(picture: Path, ages: tuple[float, float], ager: Ager, size: int) -> FaceCrop:
    """The largest face of a picture, framed for the ager."""
    from vfxage.lab.portraits import Collection, crop_portrait, lone_portrait, mesh_portraits

    lone = lone_portrait(picture, ages[0])
    found = mesh_portraits(Collection(folder=picture.parent, layout="index", portraits=(lone,)))
    if not found.portraits:
        raise ReadError("shows no face", path=picture, fix="give a picture of a face, large and upright")
    return crop_portrait(found.portraits[0], ager.framing, size, ages)


def _noise(model: str, ages: tuple[float, float], size: int) -> FaceCrop:
    """A crop of soft noise for a network. Raises ShotError for agers that need the mesh of a face."""
    if model in ("builtin", "relief", "bands"):
        raise ShotError(f"{model} needs the mesh of a face", fix="give a picture with --picture face.jpg")
    import numpy as np

    from vfxage.ager.catalogue import synthetic_picture
    from vfxage.types import POINTS, FaceCrop

    return FaceCrop(
        face=0,
        name="noise",
        rgb=synthetic_picture(size),
        points=np.zeros((POINTS, 2), np.float32),
        matte=np.ones((size, size), np.float32),
        to_frame=np.eye(2, 3),
        ages=ages,
        intensity=1.0,
    )


def _write(path: Path, rgb: F32, step: F32) -> None:
    """Save before, after, and four times the change around grey, side by side."""
    import numpy as np
    from PIL import Image

    from vfxage.publish import publish

    row = np.clip(np.concatenate([rgb, rgb + step, 0.5 + 4 * step], axis=1), 0, 1)
    with publish(path) as partial:
        Image.fromarray(np.round(row * 255).astype(np.uint8)).save(partial)
