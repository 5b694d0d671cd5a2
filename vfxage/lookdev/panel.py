"""The panel of the page: a row for every control of the chosen face and of the shot."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import groupby
from pathlib import Path
from typing import Any

from nicegui import ui
from nicegui.events import GenericEventArguments

from vfxage.lookdev.buttons import flat_button
from vfxage.lookdev.controls import Control, face_controls, shot_controls
from vfxage.lookdev.desk import Desk
from vfxage.shot import MODELS

_PACE_S = 0.08
"""Seconds between two values of a slider that is dragged."""
_FEW = 4
"""A subsection with more controls can be closed."""
_OPEN = frozenset({"temporal", "matte"})
"""Sections that are open at first."""


class Panel:
    """The rows of all controls; ``refresh`` shows the values of the desk."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.rows: list[NumberRow | ChoiceRow] = []
        with ui.element("aside").classes("panel"):
            ui.label("faces").classes("panel-title")
            self.faces = ui.element("div").classes("face-list")
            self.separate = flat_button("", self._separate).classes("separate")
            self._sections(face_controls())
            ui.label("shot").classes("panel-title")
            self._model()
            self._sections(shot_controls())
        self._listed: object = None

    def refresh(self) -> None:
        """Show the values of the frame and the chosen face."""
        self._list_faces()
        for row in self.rows:
            row.refresh()
        self.model.set_value(_model_name(self.desk.session.shot.model))

    def _sections(self, controls: Iterable[Control]) -> None:
        for section, found in groupby(controls, key=lambda control: control.section):
            if section:
                with ui.expansion(section, value=section in _OPEN).props("dense dense-toggle").classes("section"):
                    self._grouped(list(found))
            else:
                self._grouped(list(found))

    def _grouped(self, controls: list[Control]) -> None:
        """The rows of a section; those of a subsection, such as a region, below its name."""
        for group, found in groupby(controls, key=lambda control: control.path[1] if len(control.path) > 2 else ""):
            inside = list(found)
            if len(inside) > _FEW and group:
                with ui.expansion(group.replace("_", " ")).props("dense dense-toggle").classes("section inner"):
                    self._rows(inside, inner=True)
                continue
            if group:
                ui.label(group.replace("_", " ")).classes("group")
            self._rows(inside, inner=bool(group))

    def _rows(self, controls: list[Control], *, inner: bool) -> None:
        for control in controls:
            row = (NumberRow if control.number else ChoiceRow)(self.desk, control)
            row.place.classes("inner" if inner else "")
            self.rows.append(row)

    def _model(self) -> None:
        names = dict.fromkeys((*MODELS, self.desk.session.shot.model))
        with ui.element("div").classes("control choice"):
            ui.label("model").classes("name")
            self.model = ui.select({_model_name(name): _model_name(name) for name in names}).props(
                "dense options-dense"
            )
        self.model.classes("model").on("update:model-value", self._choose_model)
        self._model_paths = {_model_name(name): name for name in names}

    async def _choose_model(self, _: GenericEventArguments) -> None:
        name = self._model_paths[self.model.value]
        if name != self.desk.session.shot.model and self.desk.attempt(lambda: self.desk.session.set_model(name)):
            await self.desk.update()

    async def _separate(self) -> None:
        if self.desk.attempt(self.desk.separate):
            await self.desk.update()

    def _list_faces(self) -> None:
        """The faces of the shot, then those on the frame that the shot does not name."""
        desk = self.desk
        shot, outline = desk.session.shot, desk.outline
        seen = desk.shown.faces if desk.shown else ()
        on_frame = {face.face for face in seen}
        entries = [(face.name or f"{_words(face.select)}", index in on_frame) for index, face in enumerate(shot.faces)]
        listed = entries, desk.face, desk.track, tuple((face.track, face.face) for face in seen)
        if listed == self._listed:
            return
        self._listed = listed
        self.faces.clear()
        with self.faces:
            for index, (name, visible) in enumerate(entries):
                chosen = index == desk.face and desk.free is None
                self._chip(name, f"{'chosen' if chosen else ''} {'' if visible else 'absent'}", self._chooser(index))
            for face in seen:
                if face.face is None:
                    chosen = outline is not None and outline.track == face.track
                    self._chip(face.name, f"free {'chosen' if chosen else ''}", self._picker(face.centre))
        every = desk.free is None and shot.faces[desk.face].select == "all" and outline is not None
        self.separate.set_visibility(bool(desk.free or every))
        self.separate.set_text("Add this face to the shot" if desk.free else "Give this face its own settings")

    def _chip(self, name: str, classes: str, on_click: Callable[[], Any]) -> None:
        ui.label(name).classes(f"chip {classes}").on("click", on_click)

    def _chooser(self, index: int) -> Callable[[], None]:
        def choose() -> None:
            self.desk.choose_face(index)
            self.desk.tell()

        return choose

    def _picker(self, centre: tuple[float, float]) -> Callable[[], None]:
        def pick() -> None:
            self.desk.pick(*centre)
            self.desk.tell()

        return pick


class NumberRow:
    """A slider with its number, a key button where keyframes are allowed, and a reset button."""

    def __init__(self, desk: Desk, control: Control) -> None:
        self.desk, self.control = desk, control
        self._dragged = False
        low, high, step = control.low, control.high, control.step
        with ui.element("div").classes("control") as self.place:
            self.name = ui.label(_label(control)).classes("name").on("click", self._show_curve)
            self.name.tooltip(control.meaning)
            self.slider = ui.slider(min=low, max=high, step=step).props("dense")
            self.slider.style("visibility: hidden" if control.wide else "")
            self.slider.on("update:model-value", self._drag, throttle=_PACE_S).on("change", self._release)
            self.number = ui.number(min=low, max=high, step=step).props("dense borderless hide-bottom-space")
            self.number.on("change", self._type)
            self.key = flat_button("", self._toggle_key) if control.keyed else ui.element()
            self.clear = flat_button("×", self._reset).classes("reset")
            self.clear.tooltip("Remove it from the shot file: its default holds")
        self.place.props["data-control"] = control.name

    def refresh(self) -> None:
        """Show the value, whether it is on a keyframe, and whether it can be reset."""
        desk, control = self.desk, self.control
        value = desk.session.value(control, desk.face, desk.number)
        self.number.props["placeholder"] = value if isinstance(value, str) else ""
        shown = float(f"{value:.3f}") if isinstance(value, int | float) else None
        if not self._dragged:
            self.slider.set_value(control.low if shown is None else shown)
        self.number.set_value(int(shown) if shown is not None and shown.is_integer() else shown)
        if isinstance(self.key, ui.button):
            keys = desk.session.keyframes(control, desk.face)
            state = "here" if desk.number in keys else "some" if keys else "none"
            self.key.set_text("◆" if state == "here" else "◇")
            self.key.classes(replace=f"key key-{state}")
        written = desk.session.is_written(control, desk.face)
        self.place.classes(
            add=" ".join(["written"] * written + ["active"] * (control == desk.active)),
            remove=" ".join(["written"] * (not written) + ["active"] * (control != desk.active)),
        )

    async def _drag(self, event: GenericEventArguments) -> None:
        self._dragged = True
        await self._set(event.args)

    async def _release(self, event: GenericEventArguments) -> None:
        self._dragged = False
        await self._set(event.args)
        self.desk.session.end_step()

    async def _type(self, _: GenericEventArguments) -> None:
        if self.number.value is not None:
            await self._set(self.number.value)
            self.desk.session.end_step()
        self.refresh()

    async def _set(self, value: Any) -> None:
        desk = self.desk
        self._activate()
        if value == desk.session.value(self.control, desk.face, desk.number):
            return
        if self.control.whole:
            value = round(value)
        if desk.attempt(lambda: desk.session.change(self.control, desk.face, desk.number, value)):
            await desk.update()

    async def _toggle_key(self) -> None:
        desk = self.desk
        self._activate()
        here = desk.number in desk.session.keyframes(self.control, desk.face)
        change = desk.session.delete_key if here else desk.session.set_key
        if desk.attempt(lambda: change(self.control, desk.face, desk.number)):
            await desk.update()

    async def _reset(self) -> None:
        desk = self.desk
        written = desk.session.is_written(self.control, desk.face)
        if written and desk.attempt(lambda: desk.session.reset(self.control, desk.face)):
            await desk.update()

    def _show_curve(self) -> None:
        self._activate()
        self.desk.tell()

    def _activate(self) -> None:
        if self.control.keyed:
            self.desk.active = self.control


class ChoiceRow:
    """A few words to choose from."""

    def __init__(self, desk: Desk, control: Control) -> None:
        self.desk, self.control = desk, control
        options = {word: word.replace("_", " ") for word in control.choices}
        with ui.element("div").classes("control choice") as self.place:
            ui.label(_label(control)).classes("name").tooltip(control.meaning)
            self.choice = ui.toggle(options).props("dense no-caps unelevated").classes("words")
        self.choice.on("update:model-value", self._set)
        self.place.props["data-control"] = control.name

    def refresh(self) -> None:
        """Show the word that holds."""
        self.choice.set_value(self.desk.session.value(self.control, self.desk.face, self.desk.number))

    async def _set(self, _: GenericEventArguments) -> None:
        desk, word = self.desk, self.choice.value
        if word != desk.session.value(self.control, desk.face, desk.number) and desk.attempt(
            lambda: desk.session.change(self.control, desk.face, desk.number, word)
        ):
            await desk.update()


def _label(control: Control) -> str:
    return control.path[-1].replace("_", " ")


def _model_name(model: str) -> str:
    return model if model in MODELS else Path(model).name


def _words(select: Any) -> str:
    """What an unnamed face's ``select:`` says, in words."""
    return "every face" if select == "all" else select if isinstance(select, str) else f"face at frame {select.frame}"
