"""The shot file under the page: what was read, the diff of what would be written, and the writing."""

from __future__ import annotations

import difflib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vfxage.errors import OutputError, ReadError, ShotError
from vfxage.fingerprint import digest
from vfxage.publish import in_turn, publish
from vfxage.shot import SHOT_FILE, Document, read_document, rewritten

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShotFile:
    """A shot file as it was read."""

    path: Path
    """Absolute, as the user named it."""
    text: str
    digest: str
    """Of its bytes, to notice a change by another program."""
    document: Document

    @classmethod
    def read(cls, path: Path) -> ShotFile:
        """Read it. Raises ShotError with file and line for a file that is not a mapping."""
        path = path.absolute()
        document = read_document(path, SHOT_FILE)
        found = _bytes(path)
        return cls(path=path, text=found.decode("utf-8-sig"), digest=digest(found), document=document)

    @property
    def is_json(self) -> bool:
        """Whether it is written as JSON."""
        return self.path.suffix.lower() == ".json"

    def text_with(self, data: Mapping[str, Any]) -> str:
        """Its text with the values of ``data``. Raises ShotError if that would change more than values."""
        try:
            return rewritten(self.text, data, as_json=self.is_json)
        except ShotError as error:
            raise ShotError(error.what, path=self.path, line=error.line, fix=error.fix) from error

    def diff(self, data: Mapping[str, Any]) -> str:
        """What ``write`` would change, as a unified diff; empty for no change."""
        name = self.path.name
        old, new = (text.splitlines() for text in (self.text, self.text_with(data)))
        return "\n".join(difflib.unified_diff(old, new, f"{name} (on disk)", f"{name} (to write)", lineterm=""))

    def write(self, data: Mapping[str, Any]) -> ShotFile:
        """Write its text with the values of ``data``, completely or not at all, and give the file as it is then.

        Permissions and a symbolic link stay. Raises OutputError if the file is not what it was when it was read, and
        WriteError if it cannot be written.
        """
        text = self.text_with(data)
        target = self.path.resolve()
        with in_turn(target):
            before = _bytes(target)
            if digest(before) != self.digest:
                fix = "reload the file, and make the changes again"
                raise OutputError("has changed since it was read, so it is not written", path=self.path, fix=fix)
            mark = _BYTE_ORDER_MARK if before.startswith(_BYTE_ORDER_MARK) else b""
            with publish(target) as partial:
                partial.write_bytes(mark + text.encode("utf-8"))
                shutil.copymode(target, partial)
        return ShotFile.read(self.path)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ReadError(f"cannot be read ({error.strerror})", path=path, fix="restore the file") from error
