"""Gives files their final name only when they are complete, and lets one process at a time write to a folder."""

from __future__ import annotations

import os
import re
import secrets
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vfxage.errors import OutputError, WriteError

PARTIAL = ".partial"
"""Unfinished files end in this plus the final suffix. A killed run may leave them; readers ignore them."""

_LONGEST_NAME = 255
"""Bytes that a file name may have on all usual file systems."""

_HOST = re.sub(r"[^A-Za-z0-9-]", "-", socket.gethostname())[:64] or "host"
_PARTIAL_NAME = re.compile(rf"\..+\.{re.escape(_HOST)}_(\d+)_[0-9a-f]{{8}}{re.escape(PARTIAL)}(\.\w+)?")


def partial_path(path: Path) -> Path:
    """Name the unfinished file beside ``path``: hidden, with its host and process, and the same suffix for muxers.

    The name begins like that of ``path``, as far as file systems allow.
    """
    rest = f".{_HOST}_{os.getpid()}_{secrets.token_hex(4)}{PARTIAL}{path.suffix}"
    stem = os.fsencode(path.stem)[: _LONGEST_NAME - 1 - len(os.fsencode(rest))]
    return path.with_name(f".{stem.decode(errors='ignore')}{rest}")


def sweep(folder: Path) -> None:
    """Remove the unfinished files in ``folder`` that an ended process of this host left."""
    for entry in os.scandir(folder):
        found = _PARTIAL_NAME.fullmatch(entry.name)
        if found and not alive(int(found[1])):
            with suppress(OSError):
                os.unlink(entry.path)


def alive(process: int) -> bool:
    """Whether this process of this host is still running."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # the process of another user
        return True
    return True


@contextmanager
def publish(path: Path, *, frame: int | None = None) -> Iterator[Path]:
    """Yield a temporary path beside ``path``, and move the file to ``path`` when the block ends without an error.

    Makes the folder. If the block raises, the temporary file is removed and ``path`` is left as it was. An ``OSError``
    from the block (disk full, folder gone, no permission) becomes ``WriteError`` naming ``path`` and ``frame``.
    """
    partial = partial_path(path)
    begun = False
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        begun = True
        yield partial
        os.replace(partial, path)
    except BaseException as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        if isinstance(error, OSError):
            removed = begun and isinstance(error, FileNotFoundError)
            raise unwritten(path, f"cannot be written ({error.strerror or error})", frame, removed=removed) from error
        raise


def unwritten(path: Path, what: str, frame: int | None = None, *, removed: bool | None = None) -> WriteError:
    """The error for a file that could not be written: ``what``, or its folder was ``removed`` (None: check)."""
    if removed or (removed is None and not path.parent.exists()):
        what, fix = (
            "its folder was removed while it was written",
            "find out what removed it, then run the same command again",
        )
    else:
        fix = "check free space and permissions, then run the same command again"
    return WriteError(what, path=path, frame=frame, fix=fix)


def check_writable(folder: Path) -> None:
    """Make ``folder``, try to write in it, and remove what killed runs left there.

    Raises OutputError if that fails, so that a command stops before its work and not after it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".vfxage-"):
            pass
        sweep(folder)
    except OSError as error:
        raise _unwritable(folder, error, "choose another path or mend its permissions") from error


def check_unused(folder: Path, fix: str) -> None:
    """Raise OutputError for a folder that is not empty, or a file: what it holds must stay as it is."""
    try:
        used = folder.exists() and any(folder.iterdir())
    except OSError as error:
        raise OutputError(f"cannot be used ({error.strerror})", path=folder, fix="name a new folder") from error
    if used:
        raise OutputError("is not empty", path=folder, fix=fix)


def _unwritable(folder: Path, error: OSError, fix: str) -> OutputError:
    """The error for a folder in which nothing can be written."""
    file = next((path for path in (folder, *folder.parents) if path.exists() and not path.is_dir()), None)
    if file is not None:
        return OutputError("is a file where a folder is needed", path=file, fix="choose another path")
    return OutputError(f"cannot be written to ({error.strerror})", path=folder, fix=fix)


LOCK = ".writer.lock"


@contextmanager
def sole_writer(folder: Path, *, instead: str) -> Iterator[None]:
    """Make the folder and lock it while the block runs. The system removes the lock when this process ends.

    Raises OutputError if another process has locked the folder, or if it cannot be made or written to. ``instead`` is
    the remedy in that message.
    """
    import filelock

    lock = filelock.FileLock(folder / LOCK)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(blocking=False)
    except filelock.Timeout:
        fix = f"wait for it or stop it, or choose {instead}"
        raise OutputError("another vfxage process is writing to this folder", path=folder, fix=fix) from None
    except OSError as error:
        raise _unwritable(folder, error, f"choose {instead}") from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def in_turn(path: Path, *, wait_s: float = 60.0) -> Iterator[None]:
    """Lock ``path`` during the block, so that no other process or host changes and publishes it at the same time.

    If the file system has no locks, or the lock is not free within ``wait_s`` seconds, the block runs without it. The
    published file is complete in any case; only the change of another process may be lost. The lock file beside
    ``path`` is removed at the end; one that a killed process left is removed by the next.
    """
    import filelock

    name = path.with_name(f".{path.name}.lock")
    lock = filelock.FileLock(name, timeout=wait_s)
    mine = True
    try:
        name.touch()  # if no file can be created here, filelock would retry until its timeout
        lock.acquire()
    except filelock.Timeout:
        mine = False
    except (OSError, NotImplementedError):
        pass
    try:
        yield
    finally:
        if mine:
            with suppress(OSError):
                name.unlink()  # before the release: filelock notices in the process that waits, and makes a new file
        lock.release()
