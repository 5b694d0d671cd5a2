"""The only threads of the package: a stage runs ahead of its consumer by a bounded number of items, never more.

Memory: ``prefetch`` holds at most ``ahead`` items and the one in its maker's hand; ``ordered_map`` at most
``workers + ahead`` items or results. Both stop and join their threads when their ``with`` block is left, however it is
left; an error is raised to the consumer at the place in the order where the item would have been.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

_POLL_S = 0.1
"""How often a maker with a full queue looks whether its consumer has left."""


class _End:
    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


@contextmanager
def prefetch(items: Iterable[T], ahead: int = 2) -> Iterator[Iterator[T]]:
    """Run ``items`` in one thread of its own, up to ``ahead`` items before the consumer."""
    ready: queue.Queue[T | _End] = queue.Queue(maxsize=ahead)
    left = threading.Event()

    def put(item: T | _End) -> bool:
        while not left.is_set():
            try:
                ready.put(item, timeout=_POLL_S)
                return True
            except queue.Full:
                continue
        return False

    def make() -> None:
        source = iter(items)
        try:
            for item in source:
                if not put(item):
                    return
            put(_End())
        except BaseException as error:
            put(_End(error))
        finally:
            close = getattr(source, "close", None)
            if close is not None:
                close()

    def consume() -> Iterator[T]:
        while True:
            item = ready.get()
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item

    thread = threading.Thread(target=make, name="vfxage-prefetch", daemon=True)
    thread.start()
    try:
        yield consume()
    finally:
        left.set()
        thread.join()


@contextmanager
def ordered_map(
    function: Callable[[T], R], items: Iterable[T], *, workers: int = 1, ahead: int = 1
) -> Iterator[Iterator[R]]:
    """Apply ``function`` in ``workers`` threads; results come in the order of the items, whatever their speed.

    ``items`` is advanced in the consumer's thread, so it must itself be a stage (or cheap) to overlap.
    """
    pending: deque[Future[R]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="vfxage-map")

    def results() -> Iterator[R]:
        source, failure = iter(items), None
        while True:
            try:
                item = next(source)
            except StopIteration:
                break
            except Exception as error:  # what was begun before it comes first
                failure = error
                break
            pending.append(pool.submit(function, item))
            if len(pending) >= workers + ahead:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
        if failure is not None:
            raise failure

    try:
        yield results()
    finally:
        for future in pending:
            future.cancel()
        pool.shutdown(wait=True)
