"""The interface through which a long job reports its progress."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol, TypeVar

T = TypeVar("T")

Advance = Callable[[int], None]
"""Called with the number of the frame (or whatever is counted) just finished."""


class Progress(Protocol):
    """A receiver of progress: a terminal, a log, or ``Silent``."""

    def stage(self, name: str, total: int, unit: str = "frame") -> AbstractContextManager[Advance]:
        """Begin a stage of ``total`` frames ("track", "render"); call the result once per frame, in order.

        ``unit`` is the noun for the items if they are not frames.
        """
        ...

    def note(self, text: str) -> None:
        """Print one message for the user."""
        ...


class Silent:
    """A receiver that prints nothing."""

    def stage(self, name: str, total: int, unit: str = "frame") -> AbstractContextManager[Advance]:
        """Report nothing."""
        return nullcontext(lambda frame: None)

    def note(self, text: str) -> None:
        """Print nothing."""


def counted(items: Iterable[T], advance: Advance, number: Callable[[T], int]) -> Iterator[T]:
    """Pass ``items`` on, calling ``advance`` with the number of each when the consumer asks for the next one."""
    for item in items:
        yield item
        advance(number(item))
