"""A file appears under its final name only when it is complete."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vfxage.errors import WriteError

PARTIAL = ".partial"
"""Files being written end in this plus the final suffix; a killed run may leave them, a reader never matches them."""


def partial_path(path: Path) -> Path:
    """Name the unfinished file beside ``path``: hidden, unique, with the same suffix (muxers look at it)."""
    return path.with_name(f".{path.stem}.{secrets.token_hex(4)}{PARTIAL}{path.suffix}")


@contextmanager
def publish(path: Path, *, frame: int | None = None) -> Iterator[Path]:
    """Give a temporary path beside ``path`` and move it into place when the block ends well.

    Makes the folder. If the block raises, the temporary file is removed and ``path`` is left as it was. An ``OSError``
    from the block (disk full, folder gone, no permission) becomes ``WriteError`` naming ``path`` and ``frame``.
    """
    partial = partial_path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        os.replace(partial, path)
    except BaseException as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise WriteError(
                f"cannot be written ({error.strerror or error})",
                path=path,
                frame=frame,
                fix="check free space and permissions, then run the same command again",
            ) from error
        raise
