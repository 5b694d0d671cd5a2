"""The picture of a frame on the page: a canvas in the browser, whose program is ``viewer.js``."""

from __future__ import annotations

from typing import Any

from nicegui.element import Element

from vfxage.lookdev.renderer import Outline, Shown


class Viewer(Element, component="viewer.js"):
    """Shows one frame. Emits ``pick`` (x, y of a click on the plate), ``drawn`` (a serial), ``shortcut`` (a key)."""

    def __init__(self) -> None:
        super().__init__()
        self.classes("viewer-place")
        self.props["view"] = "beauty"
        self.props["outlines"] = True

    def show(self, serial: int, shown: Shown, display: tuple[int, int, float], chosen: int | None) -> None:
        """Show a frame: its serial number, the size of the display window with the pixel aspect, the chosen track."""
        width, height, aspect = display
        self.props["picture"] = {
            "serial": serial,
            "size": [width, height],
            "origin": [shown.window.x, shown.window.y],
            "aspect": aspect,
            "settled": shown.settled,
            "faces": [_drawn(face, chosen) for face in shown.faces],
        }
        self.update()

    def set_view(self, view: str) -> None:
        """Show plate, beauty, delta, matte, or a wipe."""
        self.props["view"] = view
        self.update()

    def set_outlines(self, on: bool) -> None:
        """Draw the outlines of the faces or leave them out."""
        self.props["outlines"] = on
        self.update()

    def zoom_to(self, zoom: float | str) -> None:
        """Zoom to so many screen pixels per plate pixel, on the chosen face, or to "fit"."""
        self.run_method("zoomTo", zoom)


def _drawn(face: Outline, chosen: int | None) -> dict[str, Any]:
    return {
        "points": [[round(float(x), 1), round(float(y), 1)] for x, y in face.points],
        "text": face.name,
        "chosen": face.track == chosen,
        "free": face.face is None,
    }
