"""How a long job reports its progress, without knowing who shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol, TypeVar

T = TypeVar("T")

Advance = Callable[[int], None]
"""Called with the number of the frame (or whatever is counted) just finished."""


class Progress(Protocol):
    """Shows progress: a terminal, a log, or nothing."""

    def stage(self, name: str, total: int, unit: str = "frame") -> AbstractContextManager[Advance]:
        """Begin a stage of ``total`` frames ("track", "render"); call what it gives once per frame, in order.

        ``unit`` is what is counted, where it is not frames.
        """
        ...

    def note(self, text: str) -> None:
        """Say something the user should know, once, as a sentence."""
        ...


class Silent:
    """Shows nothing."""

    def stage(self, name: str, total: int, unit: str = "frame") -> AbstractContextManager[Advance]:
        """Count nothing."""
        return nullcontext(lambda frame: None)

    def note(self, text: str) -> None:
        """Say nothing."""


def counted(items: Iterable[T], advance: Advance, number: Callable[[T], int]) -> Iterator[T]:
    """Pass ``items`` on, calling ``advance`` with the number of each after its consumer is done with it."""
    for item in items:
        yield item
        advance(number(item))
