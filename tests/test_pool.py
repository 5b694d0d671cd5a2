import itertools
import random
import threading
import time
from collections.abc import Iterator

import pytest

from vfxage.pool import fed, newest, ordered_map, prefetch, watched


def vfxage_threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("vfxage")]


def counted(n: int, made: list[int]) -> Iterator[int]:
    for i in range(n):
        made.append(i)
        yield i


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_results_come_in_order_whatever_their_speed(workers: int) -> None:
    wait = random.Random(0)
    pauses = [wait.random() / 500 for _ in range(60)]

    def slow(i: int) -> int:
        time.sleep(pauses[i])
        return i * i

    with ordered_map(slow, range(60), workers=workers) as squares:
        assert list(squares) == [i * i for i in range(60)]
    assert vfxage_threads() == []


def test_prefetch_never_runs_further_ahead_than_it_may() -> None:
    made: list[int] = []
    with prefetch(counted(100, made), ahead=3) as items:
        for i in items:
            assert len(made) <= i + 1 + 3 + 2  # queue, the maker's hand, and the one just taken
            if i == 50:
                break
    assert len(made) < 60
    assert vfxage_threads() == []


def test_map_never_holds_more_than_workers_and_ahead() -> None:
    made: list[int] = []
    with ordered_map(lambda i: i, counted(100, made), workers=2, ahead=1) as items:
        for i in items:
            assert len(made) <= i + 1 + 3
    assert len(made) == 100


def test_an_error_is_raised_in_its_place_and_leaves_no_thread() -> None:
    def fail_on_seven(i: int) -> int:
        if i == 7:
            raise ValueError("seven")
        return i

    got: list[int] = []

    def consume() -> None:
        with prefetch(range(100)) as items, ordered_map(fail_on_seven, items, workers=3) as results:
            got.extend(results)  # extend keeps what came before the error

    with pytest.raises(ValueError, match="seven"):
        consume()
    assert got == list(range(7))
    assert vfxage_threads() == []


def test_an_error_of_the_source_reaches_the_consumer_after_what_came_before() -> None:
    def source() -> Iterator[int]:
        yield 1
        yield 2
        raise OSError("gone")

    got = []

    def consume() -> None:
        with prefetch(source()) as items:
            for item in items:
                got.append(item)

    with pytest.raises(OSError, match="gone"):
        consume()
    assert got == [1, 2]
    assert vfxage_threads() == []


def test_what_was_begun_before_an_error_of_the_source_comes_first() -> None:
    def source() -> Iterator[int]:
        yield from range(5)
        raise OSError("gone")

    got = []

    def consume() -> None:
        with (
            ordered_map(lambda i: i, source(), workers=2, ahead=2) as near,
            ordered_map(lambda i: i, near, workers=2, ahead=2) as far,
        ):
            for item in far:
                got.append(item)

    with pytest.raises(OSError, match="gone"):
        consume()
    assert got == [0, 1, 2, 3, 4]


def test_leaving_early_closes_the_source() -> None:
    closed = threading.Event()

    def source() -> Iterator[int]:
        try:
            yield from range(1000)
        finally:
            closed.set()

    with prefetch(source(), ahead=1) as items:
        next(items)
    assert closed.is_set()
    assert vfxage_threads() == []


def test_watched_gives_nothing_while_it_waits_and_then_the_newest_item():
    go = threading.Event()

    def source():
        yield 1
        go.wait(10)
        yield from range(2, 50)
        raise ValueError("broken camera")

    seen = []

    def follow(items):
        for item in items:
            seen.append(item)
            if seen.count(None) == 3:
                go.set()

    with watched(source(), 0.01) as items, pytest.raises(ValueError, match="broken camera"):
        follow(items)
    given = [item for item in seen if item is not None]
    assert given == sorted(set(given))
    assert given[-1] == 49
    assert seen.count(None) >= 3
    assert vfxage_threads() == []


def test_newest_drops_old_items_and_never_the_last():
    go = threading.Event()

    def source():
        yield 0
        go.wait(10)
        yield from range(1, 50)

    with newest(source()) as items:
        assert next(items) == 0
        go.set()
        seen = list(items)
    assert seen == sorted(set(seen))
    assert seen[-1] == 49


def test_newest_passes_the_error_of_its_source_on():
    def source():
        yield 1
        raise ValueError("broken camera")

    with newest(source()) as items, pytest.raises(ValueError, match="broken camera"):
        assert list(items) in ([], [1])


def test_newest_ends_its_thread_when_the_consumer_leaves():
    with newest(itertools.count()) as items:
        next(items)
    assert not [thread for thread in threading.enumerate() if thread.name == "vfxage-newest"]


def test_fed_runs_the_consumer_on_every_item_and_waits_for_it():
    got = []
    with fed(lambda items: got.append(list(items)), ahead=2) as put:
        for value in range(20):
            put(value)
    assert got == [list(range(20))]


def test_fed_lets_the_consumer_finish_when_the_block_fails():
    got = []

    def feed():
        with fed(lambda items: got.append(list(items)), ahead=4) as put:
            put(1)
            raise KeyError

    with pytest.raises(KeyError):
        feed()
    assert got == [[1]]


def test_fed_passes_the_error_of_the_consumer_on():
    def consume(items):
        next(items)
        raise OSError("disk full")

    def feed():
        with fed(consume, ahead=1) as put:
            for value in range(100):
                put(value)

    with pytest.raises(OSError, match="disk full"):
        feed()
