"""Runs stages in threads, ahead of their consumer by a bounded number of items. No other module starts threads.

Memory: ``prefetch`` keeps at most ``ahead`` items and the one being made; ``ordered_map`` keeps at most
``workers + ahead`` items or results; ``newest`` and ``watched`` keep one item, and ``fed`` at most ``ahead``. All stop
and join their threads when their ``with`` block ends, also after an error. The consumer gets the error in place of the
failed item, after all earlier items.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")

_POLL_S = 0.1
"""Seconds after which a maker with a full queue checks again whether its consumer has left."""


class _End:
    """The last thing in a queue: no more items, or the maker's error."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


def _until_end(take: Callable[[], T | _End]) -> Iterator[T]:
    """Yield the items that ``take`` gives, in order; raises the maker's error in place of the failed item."""
    while not isinstance(item := take(), _End):
        yield item
    if item.error is not None:
        raise item.error


class _Ahead(Generic[T]):
    """Makes items in a thread, up to ``ahead`` items before the consumer needs them."""

    def __init__(self, items: Iterable[T], ahead: int) -> None:
        self._items = items
        self._ready: queue.Queue[T | _End] = queue.Queue(maxsize=ahead)
        self._left = threading.Event()
        """Set when the consumer needs no more items."""
        self._thread = threading.Thread(target=self._make, name="vfxage-prefetch", daemon=True)
        self._thread.start()

    def _make(self) -> None:
        """Run in the thread: put every item, then the end or the error; close the source in any case."""
        source = iter(self._items)
        try:
            for item in source:
                if not self._put(item):
                    return
            self._put(_End())
        except BaseException as error:
            self._put(_End(error))
        finally:
            close = getattr(source, "close", None)
            if close is not None:
                close()

    def _put(self, item: T | _End) -> bool:
        """Wait for room and put the item; False when the consumer has left."""
        while not self._left.is_set():
            try:
                self._ready.put(item, timeout=_POLL_S)
                return True
            except queue.Full:
                continue
        return False

    def consume(self) -> Iterator[T]:
        """Yield the items in order; raises the maker's error in place of the failed item."""
        return _until_end(self._ready.get)

    def stop(self) -> None:
        """Make no more items, and wait for the thread to end."""
        self._left.set()
        self._thread.join()


@contextmanager
def prefetch(items: Iterable[T], ahead: int = 2) -> Iterator[Iterator[T]]:
    """Make ``items`` in a separate thread, up to ``ahead`` items before the consumer needs them."""
    stage = _Ahead(items, ahead)
    try:
        yield stage.consume()
    finally:
        stage.stop()


@contextmanager
def ordered_map(
    function: Callable[[T], R], items: Iterable[T], *, workers: int = 1, ahead: int = 1
) -> Iterator[Iterator[R]]:
    """Apply ``function`` in ``workers`` threads; results come in the order of the items.

    ``items`` is advanced in the consumer's thread. To overlap with the work, it must be cheap or a separate stage.
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
            except Exception as error:  # results of earlier items come first
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


class _Newest(Generic[T]):
    """Makes items in a thread, and holds the newest one that nobody has taken."""

    def __init__(self, items: Iterable[T]) -> None:
        self._items = items
        self._held: deque[T | _End] = deque()
        self._ready, self._left = threading.Condition(), threading.Event()
        self._thread = threading.Thread(target=self._make, name="vfxage-newest", daemon=True)
        self._thread.start()

    def _make(self) -> None:
        end = _End()
        try:
            for item in self._items:
                self._hold(item, drop=True)
                if self._left.is_set():
                    return
        except BaseException as error:
            end = _End(error)
        finally:
            self._hold(end, drop=False)

    def _hold(self, item: T | _End, *, drop: bool) -> None:
        with self._ready:
            if drop:
                self._held.clear()
            self._held.append(item)
            self._ready.notify()

    def _take(self) -> T | _End:
        with self._ready:
            self._ready.wait_for(lambda: self._held)
            return self._held.popleft()

    def consume(self) -> Iterator[T]:
        """Yield the newest item, again and again, and the last one."""
        return _until_end(self._take)

    def watch(self, every: float) -> Iterator[T | None]:
        """Yield the items as ``consume`` does, and None after each ``every`` seconds without one."""
        while True:
            with self._ready:
                item = self._held.popleft() if self._ready.wait_for(lambda: self._held, every) else None
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item

    def stop(self) -> None:
        """Make no more items, and wait for the thread to end."""
        self._left.set()
        self._thread.join()


@contextmanager
def newest(items: Iterable[T]) -> Iterator[Iterator[T]]:
    """Make ``items`` in a thread as fast as they come, and give the consumer the newest one: older ones are dropped.

    The last item is never dropped. An error of the maker comes after the item before it.
    """
    stage = _Newest(items)
    try:
        yield stage.consume()
    finally:
        stage.stop()


@contextmanager
def watched(items: Iterable[T], every: float) -> Iterator[Iterator[T | None]]:
    """As ``newest``, but the consumer gets None after each ``every`` seconds in which it waits for an item.

    So it can look after other things every few moments.
    """
    stage = _Newest(items)
    try:
        yield stage.watch(every)
    finally:
        stage.stop()


@contextmanager
def fed(consume: Callable[[Iterator[T]], None], ahead: int) -> Iterator[Callable[[T], None]]:
    """Run ``consume`` in a thread on the items that the block puts, and wait for its end when the block ends.

    The block gets the function that puts an item; it waits while ``ahead`` items are waiting. ``consume`` gets the end
    of its items however the block ends, so that it can finish what it has. The block gets its error at the next item,
    or at the end.
    """
    waiting: queue.Queue[T | _End] = queue.Queue(maxsize=ahead)
    failures: list[BaseException] = []

    def run() -> None:
        try:
            consume(_until_end(waiting.get))
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=run, name="vfxage-fed", daemon=True)
    thread.start()

    def put(item: T | _End) -> None:
        while thread.is_alive():
            try:
                waiting.put(item, timeout=_POLL_S)
                return
            except queue.Full:
                continue
        if failures:
            raise failures.pop()

    try:
        yield put
    finally:
        put(_End())
        thread.join()
    if failures:
        raise failures.pop()
