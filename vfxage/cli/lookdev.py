"""The command that opens a shot as a page in the browser: lookdev."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from vfxage.cli.console import Console
from vfxage.cli.options import Device, ShotPath
from vfxage.cli.shots import print_notes
from vfxage.errors import InstallError
from vfxage.lookdev.guard import Address


def lookdev(
    shot: ShotPath,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Listen at this address. Everybody who reaches it can use the page.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Listen at this port; 0 takes a free one.")] = 8180,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the page in the browser, or only print its address.")
    ] = True,
    device: Device = "auto",
    *,
    console: Console,
) -> None:
    """Open a page to choose ages, regions, matte and filter on single frames, and write them to the shot file.

    It tracks the shot first, if it is not tracked. Nothing is written to the shot file before you have seen the diff.
    Stop it with Ctrl-C. It needs the extra `lookdev` of vfxage.
    Example: vfxage lookdev sh010.yaml
    """
    if find_spec("nicegui") is None:
        fix = "install it: pip install 'vfxage[lookdev]'"
        raise InstallError("the look-dev page needs NiceGUI, which is not installed", fix=fix)
    _open_page(shot, Address(host=host, port=port, browser=browser), device, console)


def _open_page(shot: Path, address: Address, device: str, console: Console) -> None:
    """Read the shot file, track the shot, and serve its page until a signal comes."""
    from vfxage.lookdev.session import Session
    from vfxage.lookdev.shot_file import ShotFile

    session = Session(ShotFile.read(shot))
    from vfxage.lookdev.desk import Desk
    from vfxage.lookdev.renderer import FrameRenderer
    from vfxage.lookdev.server import open_socket, serve
    from vfxage.render.job import open_job

    with open_socket(address) as listening, open_job(session.shot) as job:
        print_notes(job, console)
        if not address.loopback:
            console.note(f"everybody who reaches {address.host} can change {shot.name} on this page")
        desk = Desk(session, FrameRenderer(job, device, console))
        try:
            serve(desk, address, listening, console.result)
        finally:
            if session.changed:
                console.note(f"the changes that were not written to {shot.name} are gone")
