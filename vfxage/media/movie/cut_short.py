"""Finds out whether a movie file ends before its own structure says: a copy that stopped, a disk that was full.

Every container is a row of pieces with their sizes in front. A file is cut short if its last piece ends behind the end
of the file. Only the sizes are read. Sources: ISO/IEC 14496-12 (boxes), RFC 9559 (Matroska), the AVI RIFF reference,
SMPTE ST 336 (the pieces of MXF) and ISO/IEC 13818-1 (transport streams).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import BinaryIO

_SEGMENT, _CLUSTER, _EBML = 0x18538067, 0x1F43B675, 0x1A45DFA3
_MXF_KEY = bytes.fromhex("060e2b34")
_RUN_IN = 1 << 16
"""Bytes that may stand before the first piece of an MXF file."""
_SYNC = 0x47
"""First byte of each packet of a transport stream."""
_TS_PACKETS = ((188, 0), (192, 4), (204, 0))
"""Size of a packet, and the place of its first byte: broadcast, Blu-ray and cameras, with error correction."""


def is_cut_short(path: str, container: str) -> bool:
    """Whether the file ends inside a piece; ``container`` is FFmpeg's name of its format.

    False for a container without sizes, and for a file whose sizes make no sense.
    """
    check = next((_CHECKS[name] for name in container.split(",") if name in _CHECKS), None)
    if check is None:
        return False
    with open(path, "rb") as file:
        return check(file, os.path.getsize(path))


def _boxes_are_cut(file: BinaryIO, size: int) -> bool:
    """MP4 and MOV: boxes of a size (32 bits, or 64 if it is 1) and a name."""
    at = 0
    while at + 8 <= size:
        head = _read(file, at, 16)
        length = int.from_bytes(head[:4], "big")
        length = int.from_bytes(head[8:16], "big") if length == 1 else length
        if length < 8:  # 0 is a box up to the end of the file
            return False
        at += length
    return at > size


def _riff_is_cut(file: BinaryIO, size: int) -> bool:
    """AVI: one RIFF chunk, or several in a large file."""
    at = 0
    while at + 8 <= size:
        head = _read(file, at, 8)
        length = int.from_bytes(head[4:], "little")
        if head[:4] != b"RIFF" or length == 0:
            return False
        at += 8 + length + length % 2
    return at > size + 1  # the last chunk may lack its padding byte


def _mxf_is_cut(file: BinaryIO, size: int) -> bool:
    """MXF: pieces of a key of 16 bytes, a length and a value."""
    at = max(0, _read(file, 0, _RUN_IN).find(_MXF_KEY))
    while at < size:
        head = _read(file, at, 25)
        if not _MXF_KEY.startswith(head[:4]):
            return False
        if len(head) < 17:
            return True
        more = head[16] & 0x7F if head[16] & 0x80 else 0
        length = int.from_bytes(head[17 : 17 + more], "big") if more else head[16]
        at += 17 + more + length
    return at > size


def _matroska_is_cut(file: BinaryIO, size: int) -> bool:
    """Matroska and WebM: elements of an identifier, a size and data. A live recording has groups without a size."""
    at = 0
    while at < size:
        head = _read(file, at, 12)
        name = _marked(head)
        length = _marked(head[name:])
        if not name or not length or len(head) < name + length:
            return head[0] != 0  # zeros may fill a file
        identifier = int.from_bytes(head[:name], "big")
        unknown = (1 << 7 * length) - 1
        data = int.from_bytes(head[name : name + length], "big") & unknown
        at += name + length
        if data != unknown and identifier != _CLUSTER:
            if identifier == _SEGMENT:
                return at + data > size
            at += data
        elif identifier not in (_SEGMENT, _CLUSTER, _EBML):
            return False
    return at > size


def _marked(head: bytes) -> int:
    """Bytes of a Matroska number, which its first bits give; 0 if there is none."""
    return 9 - head[0].bit_length() if head and head[0] else 0


def _transport_is_cut(file: BinaryIO, size: int) -> bool:
    """MPEG-TS: packets of one size."""
    for length, first in _TS_PACKETS:
        head = _read(file, 0, 3 * length)
        if len(head) == 3 * length and all(head[n * length + first] == _SYNC for n in range(3)):
            return size % length != 0
    return False


def _read(file: BinaryIO, at: int, count: int) -> bytes:
    file.seek(at)
    return file.read(count)


_CHECKS: dict[str, Callable[[BinaryIO, int], bool]] = {
    "mov": _boxes_are_cut,
    "matroska": _matroska_is_cut,
    "avi": _riff_is_cut,
    "mxf": _mxf_is_cut,
    "mpegts": _transport_is_cut,
}
