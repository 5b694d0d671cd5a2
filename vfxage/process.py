"""Settings of the whole process that vfxage has to change, each as a context manager that restores the old value.

vfxage may run inside another program. Each block changes no more than its docstring says, and may be entered by several
threads at once: the last block to end restores what was there before the first. Heavy libraries are imported inside the
functions.
"""

from __future__ import annotations

import errno
import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any, Generic, TextIO, TypeVar

T = TypeVar("T")


class _Setting(Generic[T]):
    """A setting that exists once in the process. Blocks may overlap in any order; the newest open block decides."""

    def __init__(self, read: Callable[[], T], write: Callable[[T], None]) -> None:
        self._read, self._write = read, write
        self._lock = threading.Lock()
        self._open: dict[object, T] = {}
        self._before: list[T] = []
        """The value before the first open block; empty while no block is open."""

    @contextmanager
    def at(self, value: T) -> Iterator[None]:
        """Set ``value`` for the block."""
        block = object()
        with self._lock:
            if not self._before:
                self._before.append(self._read())
            self._open[block] = value
            self._write(value)
        try:
            yield
        finally:
            with self._lock:
                del self._open[block]
                self._write(next(reversed(self._open.values()), self._before[0]))
                if not self._open:
                    self._before.clear()


def _read_opencv() -> int:
    import cv2

    return int(cv2.getNumThreads())


def _write_opencv(count: int) -> None:
    import cv2

    cv2.setNumThreads(count)


_OPENCV = _Setting(_read_opencv, _write_opencv)


def opencv_threads(count: int) -> AbstractContextManager[None]:
    """Let OpenCV use ``count`` threads for each call, in every thread of the process."""
    return _OPENCV.at(count)


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Run torch on one CPU core in the calling thread.

    Torch keeps this number for each thread, and copies the number that was set last into a thread that uses torch for
    the first time. Torch cannot tell the two apart: a thread that first uses torch while another one is in this block
    starts with one core, and keeps that after the block.
    """
    import torch

    before = torch.get_num_threads()
    if before == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@dataclass(frozen=True, slots=True, kw_only=True)
class _TorchFlags:
    """Flags of torch's GPU backends."""

    matmul_tf32: bool
    """Multiply float32 matrices with 10 bits of mantissa."""
    convolution_tf32: bool
    """The same for convolutions."""
    deterministic: bool
    """Use only kernels that give the same bits each time."""
    benchmark: bool
    """Choose the fastest kernel by trying, which may choose another one each time."""


def _read_flags() -> _TorchFlags:
    from torch import backends

    return _TorchFlags(
        matmul_tf32=backends.cuda.matmul.allow_tf32,
        convolution_tf32=backends.cudnn.allow_tf32,
        deterministic=backends.cudnn.deterministic,
        benchmark=backends.cudnn.benchmark,
    )


def _write_flags(flags: _TorchFlags) -> None:
    from torch import backends

    backends.cuda.matmul.allow_tf32 = flags.matmul_tf32
    backends.cudnn.allow_tf32 = flags.convolution_tf32
    backends.cudnn.deterministic = flags.deterministic
    backends.cudnn.benchmark = flags.benchmark


_TORCH = _Setting(_read_flags, _write_flags)


def exact_torch() -> AbstractContextManager[None]:
    """Make torch compute on a GPU in full float32, with kernels that give the same bits each time."""
    return _TORCH.at(_TorchFlags(matmul_tf32=False, convolution_tf32=False, deterministic=True, benchmark=False))


def repeatable_torch() -> AbstractContextManager[None]:
    """Make torch use GPU kernels that give the same bits each time, and leave the precision as the process has it."""
    return _TORCH.at(replace(_read_flags(), deterministic=True, benchmark=False))


def _copy_stderr() -> int:
    sys.stderr.flush()
    return os.dup(2)


class _MutedStderr:
    """File descriptor 2, which points to nowhere while a block is open."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._blocks = 0
        self._copy = -1

    def enter(self) -> None:
        with self._lock:
            if not self._blocks:
                self._copy = _copy_stderr()
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, 2)
                os.close(nowhere)
            self._blocks += 1

    def leave(self) -> None:
        with self._lock:
            self._blocks -= 1
            if not self._blocks:
                os.dup2(self._copy, 2)
                os.close(self._copy)


_STDERR = _MutedStderr()


@contextmanager
def muted_stderr() -> Iterator[None]:
    """Drop everything that is written to file descriptor 2, as C++ libraries do without asking.

    What other threads write to ``sys.stderr`` during the block is lost too, unless ``quiet_libraries`` is in force.
    """
    _STDERR.enter()
    try:
        yield
    finally:
        _STDERR.leave()


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Drop what libraries write to file descriptor 2 and Python's warnings. ``sys.stderr`` still goes where it went.

    Does nothing where ``sys.stderr`` is not file descriptor 2, as in a program that collects the output itself.
    Warnings stay as they are where the user has set them (``python -W``, ``PYTHONWARNINGS``).
    """
    if not _is_descriptor_2():
        yield
        return
    before = sys.stderr
    copy = os.fdopen(_copy_stderr(), "w", buffering=1, encoding=before.encoding, errors="backslashreplace")
    with copy, muted_stderr(), warnings.catch_warnings():
        if not sys.warnoptions:
            warnings.simplefilter("ignore")
        sys.stderr = copy
        try:
            yield
        finally:
            sys.stderr = before


def _is_descriptor_2() -> bool:
    try:
        return sys.stderr.fileno() == 2
    except OSError:  # a stream in memory
        return False


def discard_stdout() -> None:
    """Point file descriptor 1 to nowhere until the process ends. For a process whose stdout takes nothing any more.

    Nothing restores it: Python would write the rest of its buffer into the broken pipe or the full disk when it ends.
    """
    discard(sys.stdout)


def discard(stream: TextIO) -> None:
    """Point the file descriptor of a stream to nowhere until the process ends."""
    with suppress(OSError):  # a stream in memory has none
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _is_open(descriptor: int, mode: str) -> bool:
    """Whether a file descriptor is open: for writing if the mode is "w"."""
    try:
        os.fstat(descriptor)
        if mode == "w":
            os.write(descriptor, b"")
    except OSError as error:
        return error.errno != errno.EBADF  # a full disk is open
    return True


def open_closed_streams() -> None:
    """Point stdin, stdout and stderr to nowhere if they are closed, as in a daemon, until the process ends.

    Otherwise the next file that is opened would get the descriptor, and messages would be written into it. A shell
    script that starts vfxage is such a file: bash reads it through descriptor 2 if stderr is closed. So stdout and
    stderr that are open for reading only count as closed.
    """
    for descriptor, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if not _is_open(descriptor, mode):
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != descriptor:
                os.dup2(nowhere, descriptor)
                os.close(nowhere)
        if getattr(sys, name) is None:
            setattr(sys, name, open(descriptor, mode, encoding="utf-8", closefd=False))  # noqa: SIM115


def use_utf8() -> None:
    """Start the process again with UTF-8 if the locale has another encoding: shot files are UTF-8, so are their paths.

    In an ASCII locale Python could not open a file whose name has an accent.
    """
    if sys.getfilesystemencoding() != "utf-8":
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])


class _Stdout:
    """``sys.stdout`` for all threads but one, whose text is collected."""

    def __init__(self) -> None:
        self.collected: list[str] = []
        self._thread: int | None = threading.get_ident()
        with _STDOUT:
            self._before: Any = sys.stdout
            sys.stdout = self

    def write(self, text: str) -> int:
        if threading.get_ident() != self._thread:
            return int(self._before.write(text))
        self.collected.append(text)
        return len(text)

    def leave(self) -> None:
        """Put the old stdout back. Where somebody else has replaced it meanwhile, only pass everything on."""
        with _STDOUT:
            self._thread = None
            while isinstance(sys.stdout, _Stdout) and sys.stdout._thread is None:
                sys.stdout = sys.stdout._before

    def __getattr__(self, name: str) -> Any:
        return getattr(self._before, name)


_STDOUT = threading.Lock()


@contextmanager
def collected_stdout() -> Iterator[list[str]]:
    """Collect what the calling thread prints to ``sys.stdout``. What other threads print goes where it went.

    Threads may be in such blocks at once, and leave them in any order. Only Python's ``sys.stdout`` is caught, not file
    descriptor 1.
    """
    stdout = _Stdout()
    try:
        yield stdout.collected
    finally:
        stdout.leave()
