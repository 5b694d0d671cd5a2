"""The buttons of the page: small, in the colours of ``page.css`` and not in those of the library."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nicegui import ui


def flat_button(text: str, act: Callable[[], Any]) -> ui.button:
    """A button without a frame."""
    return ui.button(text, on_click=act, color=None).props("dense flat no-caps")


def solid_button(text: str, act: Callable[[], Any]) -> ui.button:
    """A button with a background."""
    return ui.button(text, on_click=act, color=None).props("dense unelevated no-caps")
