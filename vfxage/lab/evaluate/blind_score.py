"""The answers to a blind sheet, counted against its key: hit rates with confidence intervals, by group."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from vfxage.errors import ReadError
from vfxage.lab.evaluate.blind import KeyEntry

_WORDS = {"real": False, "r": False, "made": True, "m": True}
_LINE = re.compile(r"(\d{1,6})[\s:,;=.]*(\S*)\s*")
_Z = 1.959964
"""Standard deviations of a two-sided interval of 95 %."""
_LARGEST = 16 << 20
"""Bytes. No answers and no key are larger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Hits of one group of crops."""

    group: str
    answered: int
    hits: int
    low: float
    """Ends of the 95 % interval of the hit rate (Wilson 1927)."""
    high: float
    made_as_real: int
    """Made crops that were taken for real ones."""
    made: int
    """Made crops with an answer."""

    @property
    def rate(self) -> float:
        """Hits over answers; guessing gives 0.5."""
        return self.hits / self.answered

    @property
    def verdict(self) -> str:
        """What the interval says."""
        if self.low > 0.5:
            return "told apart"
        return "taken for the other kind" if self.high < 0.5 else "not told apart"


def score_answers(answers: Path, key: Path) -> list[Score]:
    """Score the answers: all, then by group, sex and photo set. Groups without an answer are left out.

    Raises ReadError with file and line for an answer that cannot be read, or if nothing is answered.
    """
    entries = _read_key(key)
    given = _read_answers(answers, entries)
    marked = [(entries[number], made) for number, made in given.items()]
    if not marked:
        raise ReadError("has no answers", path=answers, fix="write real or made after each number")
    names: dict[str, Callable[[KeyEntry], bool]] = {"all": lambda entry: True}
    for group in sorted({entry.group for entry, _ in marked}):
        names[group] = lambda entry, group=group: entry.group == group  # type: ignore[misc]
    for sex, name in (("F", "women"), ("M", "men")):
        names[name] = lambda entry, sex=sex: entry.sex.upper() == sex  # type: ignore[misc]
    sets = sorted({entry.photos for entry, _ in marked})
    for photos in sets if len(sets) > 1 else []:
        names[f"set {photos}"] = lambda entry, photos=photos: entry.photos == photos  # type: ignore[misc]
    found = ((name, [one for one in marked if inside(one[0])]) for name, inside in names.items())
    return [_score(name, chosen) for name, chosen in found if chosen]


def _score(group: str, marked: list[tuple[KeyEntry, bool]]) -> Score:
    hits = sum(entry.made == made for entry, made in marked)
    low, high = wilson(hits, len(marked))
    return Score(
        group=group,
        answered=len(marked),
        hits=hits,
        low=low,
        high=high,
        made_as_real=sum(entry.made and not made for entry, made in marked),
        made=sum(entry.made for entry, _ in marked),
    )


def wilson(hits: int, count: int) -> tuple[float, float]:
    """The 95 % score interval of a share (Wilson 1927, JASA 22), which holds for small counts too."""
    share, spread = hits / count, _Z**2 / count
    middle = (share + spread / 2) / (1 + spread)
    reach = _Z * math.sqrt(share * (1 - share) / count + spread / (4 * count)) / (1 + spread)
    return max(0.0, middle - reach), min(1.0, middle + reach)


def _read_answers(path: Path, entries: Mapping[int, KeyEntry]) -> dict[int, bool]:
    """Whether each crop was called made; crops without an answer are left out."""
    fix = "write a number and real or made, as in `7 made`"
    found: dict[int, bool] = {}
    for line, text in enumerate(_text(path, "answers").splitlines(), 1):
        words = text.partition("#")[0].strip().lower()
        if not words:
            continue
        parts = _LINE.fullmatch(words)
        if not parts or (parts[2] and parts[2] not in _WORDS):
            raise ReadError(f"{text.strip()[:30]!r} is not an answer", path=path, line=line, fix=fix)
        number = int(parts[1])
        if number not in entries:
            raise ReadError(f"the sheet has no crop {number}", path=path, line=line, fix="check the number and --key")
        if number in found and parts[2]:
            raise ReadError(f"crop {number} is answered twice", path=path, line=line, fix="remove one of the answers")
        if parts[2]:
            found[number] = _WORDS[parts[2]]
    return found


def _read_key(path: Path) -> dict[int, KeyEntry]:
    fix = "name the .key.json that `vfxage evaluate --blind` wrote beside the sheet"
    try:
        entries = list(_entries(json.loads(_text(path, "key"))))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ReadError("is not the key of a blind sheet", path=path, fix=fix) from error
    if not entries or len({entry.number for entry in entries}) != len(entries):
        raise ReadError("is not the key of a blind sheet", path=path, fix=fix)
    return {entry.number: entry for entry in entries}


def _entries(data: dict[str, list[dict[str, object]]]) -> Iterator[KeyEntry]:
    for row in data["crops"]:
        entry = KeyEntry(**row)  # type: ignore[arg-type]
        if type(entry.number) is not int or type(entry.made) is not bool:
            raise ValueError("a number or a mark is of another type")
        if not all(isinstance(text, str) for text in (entry.group, entry.photos, entry.sex)):
            raise ValueError("a label is not text")
        yield entry


def _text(path: Path, kind: str) -> str:
    try:
        if path.stat().st_size > _LARGEST:
            raise ReadError(f"is larger than 16 MiB, which no {kind} is", path=path, fix="check the path")
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ReadError(f"cannot be read ({error.strerror})", path=path, fix="check the path") from error
    except UnicodeDecodeError as error:
        raise ReadError("is not text in UTF-8", path=path, fix="save it again as text") from error
