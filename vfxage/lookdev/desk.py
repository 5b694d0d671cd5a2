"""The state that all open pages of a session share: the shot, the frame, the chosen face, and the picture of them."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Any

from nicegui import run

from vfxage.errors import ShotError, VfxageError
from vfxage.geometry import OVAL
from vfxage.lookdev.controls import Control, face_controls
from vfxage.lookdev.renderer import FrameRenderer, Outline, Shown
from vfxage.lookdev.session import Session
from vfxage.types import F32, FaceTrack

_PICTURES = 4
"""Frames whose pictures the browser may still ask for: the newest, and some that pages may be loading."""
_NEAR = 12.0
"""A click this near to an outline, in plate pixels, chooses its face."""


@dataclass(frozen=True, slots=True)
class Status:
    """What the page says about its picture."""

    busy: bool = True
    settled: bool = False
    seconds: float = 0.0
    """From the change to the picture without the temporal filter."""
    problem: str = ""
    """One line, if the last change or the render failed."""


class Desk:
    """One session of look-dev. All its methods run in the server's event loop; only renders run in a thread."""

    def __init__(self, session: Session, renderer: FrameRenderer) -> None:
        self.session, self.renderer = session, renderer
        self.numbers = renderer.job.numbers
        self.number = self.numbers[0]
        self.face = 0
        """Index of the chosen face of the shot."""
        self.track: int | None = None
        """The track that was clicked."""
        self.active: Control = next(control for control in face_controls() if control.path == ("target_age",))
        """The value on the curve."""
        self.status = Status()
        self.serial = 0
        self.pictures: dict[int, Shown] = {}
        """The newest frames by their serial numbers."""
        self.listeners: list[Callable[[], None]] = []
        self._asked = self._done = 0
        self._running = False

    @property
    def shown(self) -> Shown | None:
        """The newest picture."""
        return self.pictures.get(self.serial)

    @property
    def display(self) -> tuple[int, int, float]:
        """Width and height of the plate, and its pixel aspect."""
        clip = self.renderer.job.clip
        return clip.width, clip.height, clip.pixel_aspect

    @property
    def outline(self) -> Outline | None:
        """The chosen face on the frame that is shown: the track that was clicked, else the first of the chosen face."""
        faces = self.shown.faces if self.shown else ()
        clicked = [face for face in faces if face.track == self.track]
        return next(iter(clicked or [face for face in faces if face.face == self.face]), None)

    @property
    def free(self) -> Outline | None:
        """The chosen face, if no face of the shot takes it."""
        return self.outline if self.outline and self.outline.face is None else None

    def tell(self) -> None:
        """Let every page show the state."""
        for listener in tuple(self.listeners):
            listener()

    def attempt(self, change: Callable[[], object]) -> bool:
        """Make a change of the shot. One that is refused changes nothing, and its problem is shown."""
        try:
            change()
        except VfxageError as error:
            self.status = Status(busy=False, problem=str(error))
            self.tell()
            return False
        self.face = min(self.face, len(self.session.shot.faces) - 1)
        return True

    def go_to(self, number: int) -> None:
        """Show the frame of the shot that is nearest to a number."""
        self.number = min(self.numbers, key=lambda known: (abs(known - number), known))

    def step(self, count: int) -> None:
        """Go so many frames forwards, or back; stop at the ends."""
        index = self.numbers.index(self.number) + count
        self.number = self.numbers[min(max(index, 0), len(self.numbers) - 1)]

    def to_key(self, direction: int) -> None:
        """Go to the next keyframe of the active value, or with -1 to the one before."""
        keys = self.session.keyframes(self.active, self.face)
        ahead = [key for key in keys if (key - self.number) * direction > 0]
        if ahead:
            self.go_to(min(ahead, key=lambda key: abs(key - self.number)))

    def pick(self, x: float, y: float) -> None:
        """Choose the face at a point of the plate."""
        faces = self.shown.faces if self.shown else ()
        nearest = min(faces, key=lambda face: face.distance(x, y), default=None)
        if nearest is not None and nearest.distance(x, y) <= _NEAR:
            self.choose(nearest)

    def choose(self, outline: Outline) -> None:
        """Choose a face on the frame."""
        self.track = outline.track
        if outline.face is not None:
            self.face = min(outline.face, len(self.session.shot.faces) - 1)

    def choose_face(self, index: int) -> None:
        """Choose a face of the shot."""
        self.face, self.track = index, None

    def separate(self) -> None:
        """Give the chosen face settings of its own. Raises ShotError.

        A face that the shot does not have is added. An entry that is for every face becomes one for each face.
        """
        outline = self.outline
        if outline is None:
            raise ShotError("no face is chosen on this frame", fix="click a face first")
        if outline.face is None:
            self.face = self.session.add_face(_select(self.number, outline.points))
            return
        here = {outline.track: _select(self.number, outline.points)}
        tracks = self.renderer.tracks.faces
        selects = {f"face{track.face}": here.get(track.face) or _middle_of(track) for track in tracks}
        self.session.name_faces(selects)
        self.face = [track.face for track in tracks].index(outline.track)

    async def update(self) -> None:
        """Render the frame as the shot is now. A newer call takes over between two short steps of an older one."""
        self._asked += 1
        self.tell()
        if self._running:
            return
        self._running = True
        try:
            while self._done < self._asked:
                self._done = self._asked
                await self._render()
        finally:
            self._running = False

    async def _render(self) -> None:
        begin, rough = monotonic(), True
        steps = self.renderer.steps(self.session.shot, self.number)
        self.status = Status(busy=True, seconds=self.status.seconds)
        self.tell()
        try:
            while True:
                shown = await run.io_bound(next, steps, None)  # None too if the server ends
                if shown is None or (self._done < self._asked and not rough):
                    return
                if isinstance(shown, Shown):
                    seconds = monotonic() - begin if rough else self.status.seconds
                    self._show(shown, Status(busy=not shown.settled, settled=shown.settled, seconds=seconds))
                    rough = False
        except VfxageError as error:
            self.status = Status(busy=False, problem=str(error))
        except Exception as error:
            traceback.print_exc()
            self.status = Status(busy=False, problem=f"bug in vfxage: {type(error).__name__}: {error}")
        self.tell()

    def _show(self, shown: Shown, status: Status) -> None:
        self.serial += 1
        self.pictures[self.serial] = shown
        self.pictures.pop(self.serial - _PICTURES, None)
        self.status = status
        self.tell()


def _select(number: int, points: F32) -> dict[str, Any]:
    """The face in the middle of these points, as a shot file selects it."""
    x, y = (round(float(value)) for value in points.mean(axis=0))
    return {"frame": number, "point": [x, y]}


def _middle_of(track: FaceTrack) -> dict[str, Any]:
    """The face on the middle frame of its track."""
    row = len(track.numbers) // 2
    return _select(int(track.numbers[row]), track.points[row][OVAL])
