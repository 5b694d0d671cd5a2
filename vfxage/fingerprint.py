"""What a frame's pixels depend on, as digests: equal fingerprints mean equal pixels, so the frame need not be rendered.

A frame's fingerprint covers the plate frames and the faces (landmarks, ages, intensity) inside the temporal filter's
window around it, the ager, matte, filter and colour. It does not cover where things lie or when they were
written, so a change to one keyframe re-renders exactly the frames that it reaches.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from vfxage.errors import ReadError

_SAMPLE = 1 << 16
"""Bytes read at the head, the middle and the tail of a plate file: its size and these stand for its content."""


def digest(*parts: object) -> str:
    """Hash bytes, text and JSON-able values in order (SHA-256, 32 hex digits)."""
    state = hashlib.sha256()
    for part in parts:
        data = part if isinstance(part, bytes) else json.dumps(part, sort_keys=True, default=str).encode()
        state.update(len(data).to_bytes(8, "little"))
        state.update(data)
    return state.hexdigest()[:32]


def file_digest(path: Path, frame: int | None = None) -> str:
    """Digest of a plate file's size and samples of its content; raises ReadError where it cannot be read."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            samples = []
            for start in (0, size // 2, max(0, size - _SAMPLE)):
                file.seek(start)
                samples.append(file.read(_SAMPLE))
    except OSError as error:
        raise ReadError(f"cannot be read ({error.strerror})", path=path, frame=frame) from error
    return digest(size, *samples)


def window_digests(own: Mapping[int, str], numbers: Iterable[int], radius: int, constants: Any) -> dict[int, str]:
    """Fingerprint each of ``numbers`` from ``constants`` and the ``own`` digests of its window (+-radius frames)."""
    return {
        number: digest(constants, [own.get(k, "") for k in range(number - radius, number + radius + 1)])
        for number in numbers
    }
