"""The lower part of the page: the frame slider, and the curve of the active value with its keyframes."""

from __future__ import annotations

from nicegui import ui
from nicegui.events import GenericEventArguments

from vfxage.lookdev.buttons import flat_button
from vfxage.lookdev.curve import LEFT, RIGHT, Curve, chart, frame_at
from vfxage.lookdev.desk import Desk

_PACE_S = 0.05
"""Seconds between two frames while the slider is dragged."""
_PLACE = f"(e) => emit(e.offsetX - {LEFT}, e.target.clientWidth - {LEFT + RIGHT})"
"""What a click on the chart reports: its place along the curve, and the curve's length, pixels."""


class Timeline:
    """Chooses the frame, and shows, sets and deletes keyframes."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._dragged = False
        last = len(desk.numbers) - 1
        with ui.element("footer").classes("timeline"):
            with ui.element("div").classes("frames"):
                self._button("|◀", "First frame (Home)", lambda: desk.go_to(desk.numbers[0]))
                self._button("◀", "One frame back (left arrow)", lambda: desk.step(-1))
                self.number = ui.number(step=1).props("dense borderless hide-bottom-space").classes("frame-number")
                self.number.on("change", self._type)
                self._button("▶", "One frame forward (right arrow)", lambda: desk.step(1))
                self._button("▶|", "Last frame (End)", lambda: desk.go_to(desk.numbers[-1]))
                ui.label(str(desk.numbers[0])).classes("end")
                self.slider = ui.slider(min=0, max=max(last, 1), step=1).props("dense").classes("frame-slider")
                self.slider.on("update:model-value", self._drag, throttle=_PACE_S).on("change", self._release)
                ui.label(str(desk.numbers[-1])).classes("end")
            with ui.element("div").classes("curve-bar"):
                self.name = ui.label().classes("curve-name")
                self._button("◀◆", "Keyframe before (Shift and left arrow)", lambda: desk.to_key(-1))
                self.key = flat_button("", self.toggle_key).classes("step set-key")
                self.key.tooltip("Set or delete a keyframe on this frame (K)")
                self._button("◆▶", "Next keyframe (Shift and right arrow)", lambda: desk.to_key(1))
                self.keys = ui.label().classes("end")
            self.chart = ui.echart({"series": []}).classes("curve")
            self.chart.on("click", self._click, js_handler=_PLACE)
            self._drawn: object = None

    def refresh(self) -> None:
        """Show the frame and the curve."""
        desk = self.desk
        if not self._dragged:
            self.slider.set_value(desk.numbers.index(desk.number))
        self.number.set_value(desk.number)
        curve = self._curve()
        here = desk.number in curve.keys
        self.name.set_text(f"{self._face_name()}  {desk.active.name}")
        self.key.set_text("Delete keyframe" if here else "Set keyframe")
        self.keys.set_text(" ".join(map(str, curve.keys)) if len(curve.keys) <= 8 else f"{len(curve.keys)} keyframes")
        drawn = curve.points, tuple(curve.keys.items()), desk.number, curve.name
        if drawn != self._drawn:
            self._drawn = drawn
            self.chart.options.clear()
            self.chart.options.update(chart(curve, desk.number))
            self.chart.update()

    async def toggle_key(self) -> None:
        """Set a keyframe of the active value on this frame, or delete the one that is there."""
        desk = self.desk
        here = desk.number in desk.session.keyframes(desk.active, desk.face)
        change = desk.session.delete_key if here else desk.session.set_key
        if desk.attempt(lambda: change(desk.active, desk.face, desk.number)):
            await desk.update()

    def _face_name(self) -> str:
        return self.desk.session.shot.faces[self.desk.face].name or "every face"

    def _curve(self) -> Curve:
        desk, control = self.desk, self.desk.active
        first, last = desk.numbers[0], desk.numbers[-1]
        keys = desk.session.keyframes(control, desk.face)
        corners = sorted({first, last, *(key for key in keys if first <= key <= last)})
        return Curve(
            name=f"{desk.face}/{control.name}",
            points=tuple((number, desk.session.value(control, desk.face, number)) for number in corners),
            keys=keys,
            limits=(control.low, control.high),
            ends=(first, last),
        )

    def _button(self, text: str, tip: str, act: object) -> None:
        async def go() -> None:
            act()  # type: ignore[operator]
            await self.desk.update()

        flat_button(text, go).classes("step").tooltip(tip)

    async def _drag(self, event: GenericEventArguments) -> None:
        self._dragged = True
        await self._go(int(event.args))

    async def _release(self, event: GenericEventArguments) -> None:
        self._dragged = False
        await self._go(int(event.args))

    async def _go(self, index: int) -> None:
        number = self.desk.numbers[min(index, len(self.desk.numbers) - 1)]
        if number != self.desk.number:
            self.desk.go_to(number)
            await self.desk.update()

    async def _type(self, _: GenericEventArguments) -> None:
        if self.number.value is not None:
            self.desk.go_to(int(self.number.value))
        await self.desk.update()

    async def _click(self, event: GenericEventArguments) -> None:
        """Go to the frame below the pointer, or to a keyframe near it."""
        place, length = (float(value) for value in event.args)
        if length > 0:
            self.desk.go_to(frame_at(self._curve(), place, length))
            await self.desk.update()
