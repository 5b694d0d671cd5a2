"""The command for a camera: live."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vfxage.cli.console import Console
from vfxage.cli.options import Device
from vfxage.cli.pictures import Model, PictureSet
from vfxage.errors import OutputError

if TYPE_CHECKING:
    from vfxage.live import LiveOptions

Age = Annotated[
    str, typer.Option("--source-age", metavar="YEARS", help="Age of the person, 0 to 120.", show_default=False)
]
TargetAge = Annotated[
    str, typer.Option("--target-age", "-t", metavar="YEARS", help="Age to show, 0 to 120.", show_default=False)
]
CameraNumber = Annotated[int, typer.Option("--camera", min=0, max=99, help="Number of the camera.")]
Clip = Annotated[
    Path | None, typer.Option("--input", "-i", metavar="CLIP.mp4", help="A movie that plays once as the camera.")
]
Record = Annotated[
    Path | None, typer.Option("--record", metavar="OUT.mp4", help="Also write what goes out to an MP4 (H.264).")
]
Virtual = Annotated[
    bool,
    typer.Option("--virtual-camera", help="Also be a camera for other programs (needs pip install 'vfxage\\[live]')."),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the file at --record.")]


def live(
    source_age: Age,
    target_age: TargetAge,
    camera: CameraNumber = 0,
    clip: Clip = None,
    model: Model = "builtin",
    record: Record = None,
    virtual_camera: Virtual = False,
    set_: PictureSet = None,
    device: Device = "auto",
    overwrite: Overwrite = False,
    *,
    console: Console,
) -> None:
    """Age the face in front of a camera, in a window.

    Pictures that would be late are dropped. The strip shows ages, pictures a second, latency and dropped pictures.
    Keys: up and down change the target age, left and right the source age; b bypass, w wipe (move it with the mouse),
    h help, q quit. Without a display, --record and --virtual-camera work without a window.
    Example: vfxage live --source-age 30 --target-age 70 --model bands --record out.mp4
    """
    from vfxage.live import LiveOptions
    from vfxage.pictures import parse_age, picture_shot

    if record is not None:
        _check_record(record, clip, overwrite=overwrite)
    shot = picture_shot(model, "largest", set_ or (), None)
    ages = parse_age(source_age, "--source-age"), parse_age(target_age, "--target-age")
    _run(LiveOptions(shot, ages, camera, clip, record, virtual_camera), device, console)


def _run(options: LiveOptions, device: str, console: Console) -> None:
    """Run the session, and print what it showed."""
    from vfxage.ager import load_ager
    from vfxage.live import run_live

    ager = load_ager(options.shot.model, device, options.shot.delta_from, options.shot.style)
    if ager.note:
        console.note(ager.note)
    try:
        done = run_live(ager, options, console)
    finally:  # a recording is complete also when the session was stopped
        if options.record is not None and options.record.exists():
            console.result(str(options.record))
    speed = f"{done.fps:.1f} fps, latency {1000 * done.latency:.0f} ms (median)"
    console.result(f"{done.shown} shown, {done.dropped} dropped, {speed}")


def _check_record(path: Path, clip: Path | None, *, overwrite: bool) -> None:
    from vfxage.publish import check_writable

    if path.suffix.lower() != ".mp4":
        raise OutputError("a recording is an MP4", path=path, fix="end its name in .mp4")
    if clip is not None and path.resolve() == clip.resolve():
        raise OutputError("is the clip that plays as the camera", path=path, fix="choose another --record")
    if path.exists() and not overwrite:
        raise OutputError("exists already", path=path, fix="choose another --record, or use --overwrite")
    check_writable(path.parent)
