"""The page: its bar, the viewer, the timeline and the panel, and what the keys do."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from html import escape
from inspect import isawaitable
from pathlib import Path

from nicegui import context, ui
from nicegui.events import GenericEventArguments

from vfxage.errors import VfxageError
from vfxage.lookdev.buttons import flat_button, solid_button
from vfxage.lookdev.desk import Desk
from vfxage.lookdev.panel import Panel
from vfxage.lookdev.timeline import Timeline
from vfxage.lookdev.viewer import Viewer

STYLE = Path(__file__).with_name("page.css")
VIEWS = {"plate": "Plate", "beauty": "Beauty", "delta": "Delta", "matte": "Matte", "wipe": "Wipe"}
"""The views by the names that the viewer knows; each has its first letter as a key."""
ZOOMS: dict[str, float | str] = {"Fit": "fit", "100 %": 1.0, "200 %": 2.0}


class Page:
    """One open page."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._drawn: object = None
        ui.colors(primary="#565656", dark="#242424", dark_page="#1c1c1c")
        ui.add_css(STYLE.read_text(encoding="utf-8"))
        with ui.element("div").classes("desk"):
            self._bar()
            self.viewer = Viewer()
            self.panel = Panel(desk)
            self.timeline = Timeline(desk)
        self.viewer.on("pick", self._pick).on("shortcut", self._shortcut)
        self.dialog = WriteDialog(desk)
        desk.listeners.append(self.refresh)
        context.client.on_delete(lambda: desk.listeners.remove(self.refresh))
        self.refresh()

    def refresh(self) -> None:
        """Show the state of the desk."""
        desk = self.desk
        shown, outline = desk.shown, desk.outline
        chosen = outline.track if outline else None
        if shown is not None and (desk.serial, chosen) != self._drawn:
            self._drawn = (desk.serial, chosen)
            self.viewer.show(desk.serial, shown, desk.display, chosen)
        self.panel.refresh()
        self.timeline.refresh()
        status = desk.status
        text = status.problem or ("rendering" if status.busy else "settled" if status.settled else "")
        self.status.set_text(f"{text}  {status.seconds:.2f} s" if status.seconds and not status.problem else text)
        self.status.classes(replace=f"status {'problem' if status.problem else 'busy' if status.busy else 'settled'}")
        name = desk.session.file.path.name
        self.file.set_text(f"{name} *" if desk.session.changed else name)
        self.write.set_text(f"Write to {name}")
        self.write.set_enabled(desk.session.changed)

    def _bar(self) -> None:
        desk = self.desk
        with ui.element("header").classes("bar"):
            ui.label("vfxage").classes("brand")
            self.file = ui.label().classes("file").tooltip(str(desk.session.file.path))
            self.views = ui.toggle(VIEWS, value="beauty", on_change=lambda event: self.viewer.set_view(event.value))
            self.views.props("dense no-caps unelevated").classes("words views")
            with ui.element("div").classes("words zooms"):
                for text, zoom in ZOOMS.items():
                    button = solid_button(text, partial(self._zoom, zoom))
                    button.tooltip({"Fit": "Fit (F)", "100 %": "100 % (1)", "200 %": "200 % (2)"}[text])
            self.outlines = ui.switch("outlines", value=True, on_change=lambda e: self.viewer.set_outlines(e.value))
            self.outlines.props("dense").classes("outlines").tooltip("Outlines of the tracked faces (O)")
            self.status = ui.label().classes("status")
            flat_button("Undo", self._undo).tooltip("Ctrl+Z")
            self.reload = flat_button("Reload", self._reload)
            self.reload.tooltip("Read the shot file again and drop the changes")
            self.write = solid_button("Write", lambda: self.dialog.open()).classes("write")

    def _zoom(self, zoom: float | str) -> None:
        self.viewer.zoom_to(zoom)

    async def _undo(self) -> None:
        if self.desk.attempt(self.desk.session.undo):
            await self.desk.update()

    async def _reload(self) -> None:
        if self.desk.attempt(self.desk.session.reload):
            await self.desk.update()

    def _pick(self, event: GenericEventArguments) -> None:
        self.desk.pick(float(event.args["x"]), float(event.args["y"]))
        self.desk.tell()

    async def _shortcut(self, event: GenericEventArguments) -> None:
        act = self._keys().get(str(event.args))
        result = act() if act else None
        if isawaitable(result):
            await result
        elif str(event.args) in _MOVES:
            await self.desk.update()

    def _keys(self) -> dict[str, Callable[[], object]]:
        """What each key does."""
        desk = self.desk
        views = {word[0]: partial(self.views.set_value, word) for word in VIEWS}
        return {
            **views,
            "f": partial(self._zoom, "fit"),
            "1": partial(self._zoom, 1.0),
            "2": partial(self._zoom, 2.0),
            "o": lambda: self.outlines.set_value(not self.outlines.value),
            "k": self.timeline.toggle_key,
            "undo": self._undo,
            "ArrowLeft": partial(desk.step, -1),
            "ArrowRight": partial(desk.step, 1),
            "Shift+ArrowLeft": partial(desk.to_key, -1),
            "Shift+ArrowRight": partial(desk.to_key, 1),
            "Home": partial(desk.go_to, desk.numbers[0]),
            "End": partial(desk.go_to, desk.numbers[-1]),
        }


_MOVES = frozenset({"ArrowLeft", "ArrowRight", "Shift+ArrowLeft", "Shift+ArrowRight", "Home", "End"})
"""Keys that choose another frame."""


class WriteDialog:
    """Shows what would change in the shot file, and writes it."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        with ui.dialog().props("transition-duration=0") as self.dialog, ui.element("div").classes("diff-card"):
            self.title = ui.label().classes("diff-title")
            self.diff = ui.html("", sanitize=False).classes("diff")
            self.problem = ui.label().classes("problem")
            with ui.element("div").classes("diff-buttons"):
                flat_button("Cancel", self.dialog.close)
                self.confirm = solid_button("Write", self._write).classes("write")

    def open(self) -> None:
        """Show the diff."""
        self.title.set_text(str(self.desk.session.file.path))
        self.problem.set_text("")
        self.confirm.set_enabled(True)
        try:
            self.diff.set_content(_coloured(self.desk.session.diff()))
        except VfxageError as error:
            self._refuse(error)
        self.dialog.open()

    def _write(self) -> None:
        try:
            self.desk.session.write()
        except VfxageError as error:
            self._refuse(error)
            return
        self.dialog.close()
        self.desk.tell()
        ui.notify(f"Written to {self.desk.session.file.path.name}", position="top", color="grey-9")

    def _refuse(self, error: VfxageError) -> None:
        self.problem.set_text(str(error))
        self.confirm.set_enabled(False)


def _coloured(diff: str) -> str:
    """A unified diff as lines of HTML, each with the class of its kind."""
    kinds = {"+": "added", "-": "removed", "@": "place"}
    lines = (
        f'<div class="{kinds.get(line[:1], "same")}">{escape(line) or "&nbsp;"}</div>' for line in diff.splitlines()
    )
    return "".join(lines)
