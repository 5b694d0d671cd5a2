"""The server of the page: one address, one session, and nothing from the disk but the pictures of the shot."""

from __future__ import annotations

import socket
import webbrowser
from collections.abc import Callable

import cv2
import uvicorn
from fastapi import FastAPI, HTTPException, Response
from nicegui import app as pages
from nicegui import background_tasks, ui

from vfxage.errors import ShotError
from vfxage.lookdev.desk import Desk
from vfxage.lookdev.guard import Address, Guard
from vfxage.lookdev.page import Page
from vfxage.lookdev.renderer import VIEWS

_SHUTDOWN_S = 2
"""How long a server that ends waits for its open pages."""


def open_socket(address: Address) -> socket.socket:
    """Listen at the address. Raises ShotError if it is taken or not one of this machine."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((address.host, address.port))
        found.listen()
    except (OSError, OverflowError) as error:
        found.close()
        what = f"the page cannot be served at {address.host} port {address.port} ({error})"
        raise ShotError(what, fix="choose another --port or --host") from error
    return found


def url_of(found: socket.socket) -> str:
    """The address of the page, for the browser."""
    host, port = found.getsockname()[:2]
    host = {"0.0.0.0": socket.gethostname(), "::": socket.gethostname()}.get(host, host)
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def serve(desk: Desk, address: Address, listening: socket.socket, started: Callable[[str], None]) -> None:
    """Serve the page until the process gets SIGINT or SIGTERM, which is raised again at the end.

    ``started`` gets the page's address as soon as it answers.
    """
    own = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    _add_pictures(own, desk)
    ui.page("/")(lambda: Page(desk))
    ui.run_with(
        own,
        title=f"{desk.session.file.path.name} - vfxage look-dev",
        dark=True,
        tailwind=False,
        show_welcome_message=False,
    )

    def begin() -> None:
        background_tasks.create(desk.update())
        started(url_of(listening))
        if address.browser:
            webbrowser.open(url_of(listening))

    pages.on_startup(begin)
    config = uvicorn.Config(
        Guard(own, address),
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_SHUTDOWN_S,
    )
    uvicorn.Server(config).run(sockets=[listening])


def _add_pictures(own: FastAPI, desk: Desk) -> None:
    @own.get("/picture/{serial}/{view}.bmp")
    def picture(serial: int, view: str) -> Response:
        """The pixels of one view, uncompressed: a PNG takes longer than the rest of the answer."""
        shown = desk.pictures.get(serial)
        if shown is None or view not in VIEWS:
            raise HTTPException(404)
        _, bitmap = cv2.imencode(".bmp", shown.picture(view)[..., ::-1])  # OpenCV has blue first
        return Response(bitmap.tobytes(), media_type="image/bmp", headers={"cache-control": "no-store"})
