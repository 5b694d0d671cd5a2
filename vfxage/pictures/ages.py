"""Ages as people type them: ``20,40,60``, ``10-90x10``, ``10,20,...,90``."""

from __future__ import annotations

import re

from vfxage.errors import ShotError
from vfxage.shot import plain_number

OLDEST = 120.0
"""Ages of a shot file end here too, years."""
MOST = 1000
"""The most ages of one list, so that a typing error cannot fill a disk."""

_NUMBER = r"[0-9]{1,3}(?:\.[0-9]{1,3})?"
_PIECE = re.compile(rf"({_NUMBER})(?:-({_NUMBER})(?:[x:]({_NUMBER}))?)?")
_AND_SO_ON = re.compile(r"\.{3}|…")


def parse_ages(text: str, option: str, step: float = 1.0) -> tuple[float, ...]:
    """Read ages in years, each once, in the order in which they were written.

    Pieces are separated by commas or spaces: an age (``35``, ``35.5``), a range (``10-90``, every ``step`` years;
    ``10-90x10`` or ``10-90:10`` has a step of its own), or ``...`` between two ages, which goes on with the step of the
    two before it. Raises ShotError that names ``option`` and the wrong piece.
    """
    fix = "write the ages themselves, like 20,40,60 or 10-90x10"
    pieces = re.split(r"[\s,]+", text.strip(" \t\r\n,"))
    ages: list[float] = []
    for place, piece in enumerate(pieces):
        if _AND_SO_ON.fullmatch(piece):
            ages += _continued(ages, pieces[place + 1 :], f"{option} {text}")
            continue
        found = _PIECE.fullmatch(piece)
        if not found:
            raise ShotError(f"{option} {text}: {piece!r} is not an age in years", fix=fix)
        first, last = float(found[1]), float(found[2] or found[1])
        ages += _range(first, last, float(found[3] or step), f"{option} {text}")
    if max(ages) > OLDEST:
        raise ShotError(f"{option} {text}: {max(ages):g} is not within 0 to {OLDEST:g} years", fix="correct it")
    return tuple(dict.fromkeys(ages))


def parse_age(text: str, option: str) -> float:
    """Read one age in years. Raises ShotError that names ``option``."""
    age = plain_number(text.strip())
    if age is None:
        raise ShotError(f"{option} {text} is not an age in years", fix="write the age itself, such as 35")
    if not 0 <= age <= OLDEST:
        raise ShotError(f"{option} {text} is not within 0 to {OLDEST:g} years", fix="correct it")
    return float(age)


def _range(first: float, last: float, step: float, what: str) -> list[float]:
    """Every ``step`` years from ``first``, and always ``last``."""
    if step <= 0:
        raise ShotError(f"{what}: a step of 0", fix="make it 1 or more")
    if last < first:
        raise ShotError(f"{what}: {first:g}-{last:g} ends before it starts", fix=f"write {last:g}-{first:g}")
    count = int((last - first) / step + 1e-6)
    if count > MOST:
        raise ShotError(f"{what}: more than {MOST} ages", fix="choose a larger step")
    ages = [round(first + k * step, 3) for k in range(count + 1)]
    return ages if ages[-1] == last else [*ages, last]


def _continued(ages: list[float], after: list[str], what: str) -> list[float]:
    """The ages that ``...`` stands for: up to the age that follows it."""
    end = after[0] if after else ""
    if len(ages) < 2 or not re.fullmatch(_NUMBER, end):
        raise ShotError(f"{what}: `...` needs two ages before it and one after it", fix="write 10,20,...,90")
    if not ages[-2] < ages[-1] <= float(end):
        raise ShotError(f"{what}: `...` goes on upwards only", fix="write the smallest age first")
    return _range(ages[-1], float(end), ages[-1] - ages[-2], what)


def age_text(age: float) -> str:
    """An age for names of files and for labels: 35, 35.5."""
    return f"{age:g}"
