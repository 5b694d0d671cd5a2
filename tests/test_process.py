"""Settings of the whole process: what a block changes, and that everything is as before after it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager

import cv2
import pytest
import torch

from vfxage import process


def flags() -> tuple[bool, ...]:
    return (
        torch.backends.cuda.matmul.allow_tf32,
        torch.backends.cudnn.allow_tf32,
        torch.backends.cudnn.deterministic,
        torch.backends.cudnn.benchmark,
    )


@pytest.fixture
def four_opencv_threads():
    before = cv2.getNumThreads()
    cv2.setNumThreads(4)
    yield
    cv2.setNumThreads(before)


@pytest.mark.usefixtures("four_opencv_threads")
def test_opencv_has_its_threads_back_whichever_block_ends_first() -> None:
    outer, inner = process.opencv_threads(1), process.opencv_threads(2)
    outer.__enter__()
    assert cv2.getNumThreads() == 1
    inner.__enter__()
    assert cv2.getNumThreads() == 2
    outer.__exit__(None, None, None)
    assert cv2.getNumThreads() == 2
    inner.__exit__(None, None, None)
    assert cv2.getNumThreads() == 4


@pytest.mark.usefixtures("four_opencv_threads")
def test_opencv_has_its_threads_back_after_an_error() -> None:
    with pytest.raises(ZeroDivisionError), process.opencv_threads(1):
        raise ZeroDivisionError
    assert cv2.getNumThreads() == 4


def test_torch_has_its_threads_back() -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        with process.one_torch_thread():
            assert torch.get_num_threads() == 1
            with process.one_torch_thread():
                assert torch.get_num_threads() == 1
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_torch_is_exact_until_the_last_block_ends() -> None:
    before = flags()
    try:
        torch.backends.cudnn.benchmark = True
        torch.backends.cuda.matmul.allow_tf32 = True
        first, second = process.exact_torch(), process.exact_torch()
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert flags() == (False, False, True, False)
        second.__exit__(None, None, None)
        assert flags() == (True, before[1], before[2], True)
        with process.repeatable_torch():
            assert flags() == (True, before[1], True, False)
        assert flags() == (True, before[1], before[2], True)
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before[:2]
        torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = before[2:]


def written(program: str, *options: str) -> str:
    """Output on stderr of a separate program."""
    done = subprocess.run([sys.executable, *options, "-c", program], capture_output=True, text=True, check=True)
    return done.stderr


def test_libraries_are_muted_until_the_last_block_ends() -> None:
    reported = written(
        "import os; from vfxage.process import muted_stderr as muted\n"
        "one, two = muted(), muted()\n"
        "os.write(2, b'before ')\n"
        "one.__enter__(); two.__enter__(); os.write(2, b'NOISE '); one.__exit__(None, None, None)\n"
        "os.write(2, b'NOISE '); two.__exit__(None, None, None); os.write(2, b'after')"
    )
    assert reported == "before after"


def test_our_own_words_pass_where_libraries_are_muted() -> None:
    program = (
        "import os, sys, warnings; from vfxage.process import quiet_libraries, muted_stderr\n"
        "host = sys.stderr\n"
        "with quiet_libraries():\n"
        "    os.write(2, b'NOISE'); warnings.warn('WARNED'); sys.stderr.write('ours ')\n"
        "    with muted_stderr():\n"
        "        sys.stderr.write('still ')\n"
        "    os.write(2, b'NOISE')\n"
        "assert sys.stderr is host\n"
        "os.write(2, b'after')"
    )
    assert written(program) == "ours still after"
    assert "WARNED" in written(program, "-W", "always")


def test_no_descriptor_is_left_open() -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        with process.muted_stderr(), process.muted_stderr():
            pass
    assert len(os.listdir("/proc/self/fd")) == before


def test_stdout_of_one_thread_is_collected_and_others_pass(capsys: pytest.CaptureFixture[str]) -> None:
    host = sys.stdout
    first, second = threading.Event(), threading.Event()
    texts: dict[str, list[str]] = {}

    def work(name: str, mine: threading.Event, others: threading.Event) -> None:
        with process.collected_stdout() as texts[name]:
            mine.set()
            assert others.wait(60)
            sys.stdout.write(f"from {name}")

    threads = [threading.Thread(target=work, args=args) for args in (("a", first, second), ("b", second, first))]
    for thread in threads:
        thread.start()
    assert first.wait(60)
    assert second.wait(60)
    sys.stdout.write("from the host")
    for thread in threads:
        thread.join()
    assert sys.stdout is host
    assert texts == {"a": ["from a"], "b": ["from b"]}
    assert capsys.readouterr().out == "from the host"


@pytest.mark.parametrize("block", [process.muted_stderr, process.collected_stdout, process.quiet_libraries])
def test_streams_come_back_after_an_error(block: Callable[[], AbstractContextManager[object]]) -> None:
    streams = sys.stdout, sys.stderr
    with pytest.raises(ZeroDivisionError), block():
        raise ZeroDivisionError
    assert (sys.stdout, sys.stderr) == streams
