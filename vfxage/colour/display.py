"""Scene-linear pictures as a monitor shows them: the displays and views of an OpenColorIO config."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vfxage.colour.cicp import SRGB
from vfxage.colour.config import BUILTIN, loaded_config
from vfxage.colour.space import Colour
from vfxage.errors import ShotError
from vfxage.types import F32, U8

_INTERCHANGE = "aces_interchange"
"""The role that every config gives to ACES2065-1."""

_BRIGHTEST = 65504.0
"""The largest half float. Brighter light, as infinity, is shown as this: views show black for some of it."""


@dataclass(frozen=True, slots=True)
class DisplayChoice:
    """A display and a view of a config, by name; None is the config's default."""

    display: str | None = None
    view: str | None = None


class Viewing:
    """How the light of a plate becomes 8-bit pictures."""

    def __init__(self, show: Callable[[F32], U8], space: str) -> None:
        self.show = show
        """Linear (H, W, 3) in the plate's primaries to display codes. Pure and thread-safe."""
        self.space = space
        """OpenColorIO name of the colour space of these codes."""


class ViewError(ShotError):
    """A display or view that the config does not have; ``key`` says which of the two."""

    def __init__(self, key: str, what: str, fix: str) -> None:
        super().__init__(what, fix=fix)
        self.key = key


def viewing(plate: Colour, config: str | Path | None, choice: DisplayChoice) -> Viewing:
    """The viewing of a plate through a display and view of the config (see ``Colour`` for which config counts).

    Without a choice, a video plate is shown as sRGB, without a view, because its look is in its codes already; so is
    every plate that the config cannot show.
    Raises ViewError for an unknown display or view, ShotError for a chosen one that OpenColorIO cannot use.
    """
    plain = Viewing(plate.to_sdr8, SRGB)
    if choice != DisplayChoice():
        return _through_view(plate, loaded_config(config), choice)
    if plate.video:
        return plain
    try:
        return _through_view(plate, loaded_config(config), choice)
    except ShotError:
        return plain


def check_names(config: str | Path | None, choice: DisplayChoice) -> None:
    """Raise ViewError for a chosen display or view that the config does not have; opens no config without a choice."""
    if choice != DisplayChoice():
        _named(loaded_config(config), choice)


def _named(loaded: Any, choice: DisplayChoice) -> tuple[str, str]:
    """The names of a display and a view of it, as the config spells them. Raises ViewError."""
    display = _known("display", choice.display, list(loaded.getDisplays()), "the colour config")
    if display is None:
        display = loaded.getDefaultDisplay()
    view = _known("view", choice.view, list(loaded.getViews(display)), f'display "{display}"')
    return display, loaded.getDefaultView(display) if view is None else view


def _through_view(plate: Colour, loaded: Any, choice: DisplayChoice) -> Viewing:
    display, view = _named(loaded, choice)
    space = loaded.getDisplayViewColorSpaceName(display, view)
    source, matrix = _source(plate, loaded)
    processor = _processor(loaded, source, (display, view))

    def show(rgb: F32) -> U8:
        light = np.clip(np.nan_to_num(rgb, nan=0.0), -_BRIGHTEST, _BRIGHTEST)
        codes = np.array(light if matrix is None else light @ matrix.T, np.float32, order="C")
        processor.applyRGB(codes)
        return np.asarray(np.rint(np.clip(np.nan_to_num(codes), 0.0, 1.0) * 255), np.uint8)

    return Viewing(show, display if space == "<USE_DISPLAY_NAME>" else space)


def _known(key: str, asked: str | None, names: Sequence[str], owner: str) -> str | None:
    """The name as the config spells it. Raises ViewError, with the names that there are."""
    if asked is None:
        return None
    spelled = {name.casefold(): name for name in names}
    if asked.casefold() in spelled:
        return spelled[asked.casefold()]
    near = difflib.get_close_matches(asked.casefold(), spelled, n=len(spelled) or 1, cutoff=0.0)
    choices = " or ".join(f'"{spelled[name]}"' for name in near)
    what = f'{owner} has no {key} "{asked}"'
    raise ViewError(key, what, f"choose {choices}" if choices else "use another OpenColorIO config")


def _source(plate: Colour, loaded: Any) -> tuple[str, F32 | None]:
    """A linear space that the config has, and the matrix (3, 3) from the plate's own linear space to it, if needed."""
    if plate.linear_name is not None and loaded.getColorSpace(plate.linear_name) is not None:
        return plate.linear_name, None
    if loaded.getColorSpace(_INTERCHANGE) is None:
        raise ShotError(
            f'the colour config cannot show "{plate.name}", which it does not have',
            fix=f"give the colour config the role `{_INTERCHANGE}`",
        )
    aces = Colour("ACES2065-1", BUILTIN)
    return _INTERCHANGE, np.linalg.solve(aces.to_xyz, plate.to_xyz).astype(np.float32)


def _processor(loaded: Any, source: str, display_view: tuple[str, str]) -> Any:
    import PyOpenColorIO as Ocio

    try:
        return loaded.getProcessor(source, *display_view, Ocio.TRANSFORM_DIR_FORWARD).getDefaultCPUProcessor()
    except (Ocio.Exception, Ocio.ExceptionMissingFile) as error:
        display, view = display_view
        raise ShotError(
            f'view "{view}" of display "{display}" cannot be used ({error})',
            fix="choose another view, or restore the files of the colour config",
        ) from error
