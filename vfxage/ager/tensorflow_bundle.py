"""Weights out of a TensorFlow checkpoint (``variables.index`` and its data files), read without TensorFlow.

The index is a LevelDB table whose values are protocol buffers; the data files hold the raw little-endian numbers. Both
are untrusted input: every offset and size is compared with the file's before memory is taken.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vfxage.errors import ModelError

INDEX = "variables.index"
_MAGIC = 0xDB4775248B80FB57
_FOOTER = 48
_TRAILER = 5
"""Bytes behind a block: how it is compressed, and a checksum."""
_LARGEST_INDEX = 1 << 26
"""Bytes; an index holds about 70 for each tensor."""
_FLOAT32, _STRING = 1, 7
_VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"
_AGAIN = "copy the folder again"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """Where one tensor is."""

    dtype: int
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int


def find_index(path: Path) -> Path | None:
    """The index that a folder of a SavedModel holds, or the path itself where it is one; None for other paths."""
    if not path.is_dir():
        return path if path.suffix == ".index" else None
    places = (path / "variables" / INDEX, path / INDEX)
    return next((place for place in places if place.is_file()), None)


def read_bundle(index: Path) -> dict[str, Tensor]:
    """The tensors by TensorFlow's key, kernels with their axes as PyTorch has them.

    Kernels of convolutions become (out, in, height, width), those of dense layers (out, in). Raises ModelError for an
    index that is damaged, tensors that are not float32, and data files that are missing or too short.
    """
    try:
        entries = dict(_entries(index.read_bytes() if index.stat().st_size <= _LARGEST_INDEX else b""))
        shards = next((value for number, value in _fields(entries.pop(b"")) if number == 1), 0)
        tensors = {_name(key): _entry(value) for key, value in entries.items()}
    except OSError as error:
        what = f"cannot be read ({error.strerror})"
        raise ModelError(what, path=index, fix="check the path and its permissions") from error
    except (ValueError, KeyError, IndexError, TypeError, struct.error, UnicodeDecodeError) as error:
        raise ModelError("is a damaged index, or no TensorFlow index", path=index, fix=_AGAIN) from error
    if not isinstance(shards, int) or not 1 <= shards <= len(entries) + 1:
        raise ModelError("is a damaged index, or no TensorFlow index", path=index, fix=_AGAIN)
    found = {name: entry for name, entry in tensors.items() if entry.dtype != _STRING}
    files = {shard: index.with_name(f"{index.stem}.data-{shard:05}-of-{shards:05}") for shard in range(shards)}
    return {name: _tensor(name, entry, files, index) for name, entry in found.items()}


def data_files(index: Path) -> list[Path]:
    """The data files beside an index, in order."""
    return sorted(index.parent.glob(f"{index.stem}.data-?????-of-?????"))


def _tensor(name: str, entry: _Entry, files: dict[int, Path], index: Path) -> Tensor:
    if entry.dtype != _FLOAT32 or entry.size != 4 * math.prod(entry.shape):
        raise ModelError(f"tensor {name} is not float32, or not as long as its shape says", path=index, fix=_AGAIN)
    file = files.get(entry.shard)
    if file is None or not file.is_file():
        what = f"has no data file {file.name if file else entry.shard} beside it"
        raise ModelError(what, path=index, fix="copy the whole folder `variables`")
    if entry.offset + entry.size > file.stat().st_size:
        raise ModelError(f"ends before tensor {name} does", path=file, fix=_AGAIN)
    count = math.prod(entry.shape)
    values = np.fromfile(file, "<f4", count, offset=entry.offset).reshape(entry.shape)
    if len(entry.shape) == 4:
        values = values.transpose(3, 2, 0, 1)
    elif len(entry.shape) == 2:
        values = values.T
    return torch.from_numpy(np.ascontiguousarray(values, np.float32))


def _name(key: bytes) -> str:
    return key.decode("utf-8").removesuffix(_VALUE)


# ---- the table -----------------------------------------------------------------------------------------------------


def _entries(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of the table; ValueError where it is none."""
    footer = data[-_FOOTER:]
    if len(footer) < _FOOTER or struct.unpack("<Q", footer[-8:])[0] != _MAGIC:
        raise ValueError("no table")
    place = 0
    for _ in range(2):  # the index of metadata, which nothing needs, then that of the data
        offset, place = _varint(footer, place)
        size, place = _varint(footer, place)
    for _, handle in _block(data, offset, size):
        start, place = _varint(handle, 0)
        length, _ = _varint(handle, place)
        yield from _block(data, start, length)


def _block(data: bytes, offset: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    whole = data[offset : offset + size + _TRAILER]
    if len(whole) != size + _TRAILER or size < 4 or whole[size] != 0:
        raise ValueError("a block is torn or compressed")
    if _masked(_crc32c(whole[: size + 1])) != struct.unpack("<I", whole[size + 1 :])[0]:
        raise ValueError("a block's checksum is wrong")
    end = size - 4 - 4 * struct.unpack("<I", whole[size - 4 : size])[0]
    place, key = 0, b""
    while place < end:
        shared, place = _varint(whole, place)
        more, place = _varint(whole, place)
        length, place = _varint(whole, place)
        if place + more + length > end or shared > len(key):
            raise ValueError("an entry is torn")
        key = key[:shared] + whole[place : place + more]
        place += more
        yield key, whole[place : place + length]
        place += length


def _varint(data: bytes, place: int) -> tuple[int, int]:
    """A number in groups of seven bits, and the place behind it."""
    value = 0
    for shift in range(0, 64, 7):
        byte = data[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place
    raise ValueError("a number is too long")


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Number and value of each field of a protocol buffer."""
    place = 0
    while place < len(data):
        tag, place = _varint(data, place)
        value: int | bytes
        if tag & 7 == 0:
            value, place = _varint(data, place)
        elif tag & 7 in (2, 5):
            length, place = _varint(data, place) if tag & 7 == 2 else (4, place)
            value = data[place : place + length]
            place += length
            if len(value) != length:
                raise ValueError("a field is torn")
        else:
            raise ValueError("a field of an unknown kind")
        yield tag >> 3, value


def _entry(data: bytes) -> _Entry:
    found: dict[int, int | bytes] = {1: 0, 2: b"", 3: 0, 4: 0, 5: 0, **dict(_fields(data))}
    return _Entry(
        dtype=_whole(found[1]),
        shape=tuple(_side(side) for number, side in _fields(_raw(found[2])) if number == 2),
        shard=_whole(found[3]),
        offset=_whole(found[4]),
        size=_whole(found[5]),
    )


def _side(data: int | bytes) -> int:
    return _whole(next((value for number, value in _fields(_raw(data)) if number == 1), 0))


def _whole(value: int | bytes) -> int:
    if not isinstance(value, int):
        raise TypeError("a field of the wrong kind")
    return value


def _raw(value: int | bytes) -> bytes:
    if not isinstance(value, bytes):
        raise TypeError("a field of the wrong kind")
    return value


@cache
def _table() -> tuple[int, ...]:
    """CRC-32C of each byte."""
    found = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        found.append(byte)
    return tuple(found)


def _crc32c(data: bytes) -> int:
    table, value = _table(), 0xFFFFFFFF
    for byte in data:
        value = value >> 8 ^ table[(value ^ byte) & 255]
    return value ^ 0xFFFFFFFF


def _masked(crc: int) -> int:
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
