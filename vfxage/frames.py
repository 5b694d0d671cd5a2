"""Frame ranges in the syntax of Nuke and OpenJD, and file patterns with a frame number."""

from __future__ import annotations

import errno
import os
import re
import stat
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from vfxage.errors import ReadError, ShotError

MOST_FRAMES = 1_000_000
"""The largest range (eleven hours of film), so that a typing error cannot use up all memory."""

LARGEST_NUMBER = 2**31 - 1
"""Frame numbers are int32, positive or negative."""

_PIECE = re.compile(r"(-?[0-9]{1,18})(?:-(-?[0-9]{1,18})(?:[x:]([0-9]{1,18}))?)?")
_TOKEN = re.compile(r"(?<!\[(?=#\]))#+|@{2,}|%d|%0[0-9]{1,2}d|\$F[0-9]?")
_LITERAL = re.compile(r"\[([#@%$])\]")
"""A sign of a frame number that stands for itself; see ``literal``."""
_FOLDER_TOKEN = re.compile(r"#{2,}|@{2,}|%0[0-9]{1,2}d|\$F[0-9]")
_DIGITS = re.compile(r"-?[0-9]{1,99}")


@dataclass(frozen=True, slots=True)
class FrameRange:
    """At least one frame number, strictly ascending."""

    numbers: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.numbers:
            raise ValueError("a frame range holds at least one frame")
        if any(b <= a for a, b in zip(self.numbers, self.numbers[1:], strict=False)):
            raise ValueError("the numbers of a frame range must be strictly ascending")

    @classmethod
    def of(cls, numbers: Iterable[int]) -> Self:
        """Make a range of any numbers: sorted, each once. Raises ValueError if ``numbers`` is empty."""
        return cls(tuple(sorted(set(numbers))))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read "1001-1050x2 1060" (Nuke) or "1001-1050:2,1060" (OpenJD), or a mix of both.

        Pieces are separated by spaces or commas, may overlap and come in any order; numbers may be negative
        ("-3--1"). Raises ShotError naming the wrong piece, or if there are more than MOST_FRAMES.
        """
        pieces = re.split(r"[\s,]+", text.strip(" \t\r\n,"))
        if pieces == [""]:
            raise ShotError("empty frame range", fix='write one such as "1001-1050" or "1001-1050x2 1060"')
        numbers: set[int] = set()
        for piece in pieces:
            numbers.update(_piece(piece, text))
            if len(numbers) > MOST_FRAMES:
                raise ShotError(f"frame range {_quoted(text)} holds more than {MOST_FRAMES:,} frames", fix="shorten it")
        return cls.of(numbers)

    @property
    def first(self) -> int:
        """The smallest number."""
        return self.numbers[0]

    @property
    def last(self) -> int:
        """The largest number."""
        return self.numbers[-1]

    def __len__(self) -> int:
        return len(self.numbers)

    def __iter__(self) -> Iterator[int]:
        return iter(self.numbers)

    def __contains__(self, number: object) -> bool:
        if not isinstance(number, int):
            return False
        place = bisect_left(self.numbers, number)
        return place < len(self.numbers) and self.numbers[place] == number

    def __str__(self) -> str:
        return " ".join(_runs(self.numbers))


def _quoted(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")


def _piece(piece: str, text: str) -> range:
    """The numbers of one piece; its length is checked before any list is made."""
    what = f"{_quoted(piece)} in {_quoted(text)}" if piece != text else _quoted(piece)
    match = _PIECE.fullmatch(piece)
    if match is None:
        raise ShotError(f"{what} is not a frame range", fix='write pieces such as "1001", "1-10" or "1-10x2"')
    first = int(match[1])
    last = first if match[2] is None else int(match[2])
    step = 1 if match[3] is None else int(match[3])
    if step < 1:
        raise ShotError(f"{what} has the step 0", fix="make it 1 or more")
    if last < first:
        raise ShotError(
            f"{what} ends before it starts",
            fix=f'write "{min(first, -last)}-{max(first, -last)}"' if last < 0 <= first else f'write "{last}-{first}"',
        )
    if max(-first, last) > LARGEST_NUMBER:
        raise ShotError(f"{what} has a number that is too large", fix=f"stay within {LARGEST_NUMBER}")
    numbers = range(first, last + 1, step)
    if len(numbers) > MOST_FRAMES:
        raise ShotError(f"{what} holds more than {MOST_FRAMES:,} frames ({len(numbers):,})", fix="shorten it")
    return numbers


def _runs(numbers: tuple[int, ...]) -> Iterator[str]:
    """Pieces of Nuke syntax; each is the longest run from its first number."""
    start = 0
    while start < len(numbers):
        end = start + 1
        step = numbers[end] - numbers[start] if end < len(numbers) else 1
        while end < len(numbers) and numbers[end] - numbers[end - 1] == step:
            end += 1
        if end - start < 3 and step != 1:
            end = start + 1
        piece = str(numbers[start])
        if end - start > 1:
            piece += f"-{numbers[end - 1]}" + (f"x{step}" if step != 1 else "")
        yield piece
        start = end


@dataclass(frozen=True, slots=True)
class Listing:
    """The names of a sequence in its folder, by what is behind them."""

    files: tuple[int, ...]
    """Frame numbers that have a file, ascending."""
    dead: tuple[int, ...]
    """Frame numbers whose name is no file: a link that leads nowhere, a folder. ``no_file`` says what it is."""
    strays: Mapping[str, int]
    """Names whose number has more or fewer digits than the pattern writes, and that number, ascending."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """The file name of a sequence with a place for the frame number, or one plain file."""

    folder: Path
    prefix: str
    """The file name before the number; the whole name of a plain file."""
    digits: int | None
    """Minimum width of the number in characters (including the sign, as in printf); None for a plain file."""
    suffix: str
    """The file name after the number."""

    @classmethod
    def parse(cls, text: str | Path) -> Self:
        """Read ``####``, ``@@@@``, ``%04d``, ``$F4`` (or ``#``, ``%d``, ``$F``: no padding) in the file name.

        Nothing else is special: ``%s``, ``{}``, ``$HOME`` and ``~`` are kept, and what ``literal`` writes is taken
        back. Raises ShotError for no file name, more than one frame number, or a frame number in the name of a folder.
        """
        path = Path(text)
        if not path.name or "\0" in str(path):
            raise ShotError(
                f"{_quoted(str(text))} is not a file name", fix="name a file or a sequence such as a.####.exr"
            )
        tokens = list(_TOKEN.finditer(path.name))
        if len(tokens) > 1:
            names = " and ".join(token[0] for token in tokens)
            raise ShotError(f"{_quoted(str(text))} has more than one frame number ({names})", fix="keep one of them")
        if not tokens and (found := _FOLDER_TOKEN.search(str(path.parent))):
            raise ShotError(
                f"{_quoted(str(text))} has the frame number {found[0]} in a folder's name",
                fix="put it in the file's name",
            )
        folder = Path(_LITERAL.sub(r"\1", str(path.parent)))
        if not tokens:
            return cls(folder, _LITERAL.sub(r"\1", path.name), None, "")
        token = tokens[0]
        before, after = (_LITERAL.sub(r"\1", part) for part in (path.name[: token.start()], path.name[token.end() :]))
        return cls(folder, before, _width(token[0]), after)

    @staticmethod
    def is_sequence(text: str | Path) -> bool:
        """Whether the file name has a place for a frame number."""
        return _TOKEN.search(Path(text).name) is not None

    def path(self, number: int) -> Path:
        """The file of one frame; a number wider than the padding is written in full."""
        if self.digits is None:
            return self.folder / self.prefix
        return self.folder / (self.prefix + f"{number:0{self.digits}d}" + self.suffix)

    def numbers(self) -> tuple[int, ...]:
        """Frame numbers of the names on disk, ascending; see ``listed``."""
        found = self.listed()
        return tuple(sorted((*found.files, *found.dead)))

    def listed(self) -> Listing:
        """Sort the names in the folder; a plain file is frame 1, as in Nuke.

        Only names that ``path`` returns are frames: ``a.7.exr`` is none of ``a.%04d.exr``. Raises ReadError if the
        folder cannot be listed.
        """
        files: list[int] = []
        dead: list[int] = []
        strays: dict[str, int] = {}
        try:
            with os.scandir(self.folder) as entries:
                for entry in entries:
                    number = self._number(entry.name)
                    if number is None:
                        continue
                    if self.path(number).name != entry.name:
                        strays[entry.name] = number
                    else:
                        (files if _is_file(entry) else dead).append(number)
        except OSError as error:
            raise ReadError(
                f"cannot list the folder ({error.strerror or error})",
                path=self.folder,
                fix="check path and permissions",
            ) from error
        names = sorted(strays, key=lambda name: (strays[name], name))
        return Listing(tuple(sorted(files)), tuple(sorted(dead)), {name: strays[name] for name in names})

    def overlaps(self, other: Pattern) -> bool:
        """Whether both patterns can name the same file; follows symbolic links of folders and ignores case."""
        if os.path.realpath(self.folder).casefold() != os.path.realpath(other.folder).casefold():
            return False
        if self.digits is not None and other.digits is not None:
            ends = ((p.prefix.casefold(), p.suffix.casefold()) for p in (self, other))
            return next(ends) == next(ends)
        if self.digits is None and other.digits is None:
            return self.prefix.casefold() == other.prefix.casefold()
        return self._can_name(other) or other._can_name(self)

    def _can_name(self, plain: Pattern) -> bool:
        if self.digits is None or plain.digits is not None:
            return False
        lowered = Pattern(self.folder, self.prefix.casefold(), self.digits, self.suffix.casefold())
        number = lowered._number(plain.prefix.casefold())
        return number is not None and lowered.path(number).name == plain.prefix.casefold()

    def _number(self, name: str) -> int | None:
        """The number in a name of this sequence, with any number of digits."""
        if self.digits is None:
            return 1 if name == self.prefix else None
        if not (name.startswith(self.prefix) and name.endswith(self.suffix)):
            return None
        middle = name[len(self.prefix) : len(name) - len(self.suffix)]
        if not _DIGITS.fullmatch(middle):
            return None
        number = int(middle)
        return number if abs(number) <= LARGEST_NUMBER else None

    def __str__(self) -> str:
        token = "" if self.digits is None else f"%0{self.digits}d" if self.digits > 1 else "%d"
        return str(Path(literal(self.folder)) / (literal(self.prefix) + token + literal(self.suffix)))


def literal(path: str | Path) -> str:
    """Write a path as a pattern that means exactly this file, whatever its name: ``a[#]1.png`` for ``a#1.png``."""

    def escaped(sign: re.Match[str]) -> str:
        return re.sub(r"[#@%$]", r"[\g<0>]", sign[0])

    return re.sub(f"{_LITERAL.pattern}|{_TOKEN.pattern}", escaped, str(path))


def _width(token: str) -> int:
    if token[0] in "#@":
        return len(token)
    return int(re.sub(r"\D", "", token) or 1) or 1


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:
        return False


def check_utf8(path: str | Path) -> None:
    """Raise ShotError for a path whose bytes are not UTF-8: libraries for pictures and weights do not take it."""
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        fix = "rename the file or the folder"
        raise ShotError("is a path that is not UTF-8, which libraries need", path=path, fix=fix) from error


def no_file(path: Path) -> str:
    """Say why there is no file at this path, as a clause: "does not exist", "is a link to b.exr, which ..."."""
    if not path.is_symlink():
        return "is a folder" if path.is_dir() else "is not a file" if path.exists() else "does not exist"
    target = os.readlink(path)
    try:
        return f"is a link to {target}, which is {'a folder' if stat.S_ISDIR(path.stat().st_mode) else 'not a file'}"
    except FileNotFoundError:
        return f"is a link to {target}, which does not exist"
    except OSError as error:
        if error.errno == errno.ELOOP:
            return f"is a link to {target}, which leads back to it"
        return f"is a link to {target}, which cannot be reached ({error.strerror})"
