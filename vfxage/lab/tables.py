"""Read CSV tables with named columns. Every error names the file and, where it is known, the line."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from vfxage.errors import ReadError

_LARGEST = 256 << 20
"""Bytes. No table of pictures is larger."""
_REST = "more"
"""The key of the cells for which the first line has no name."""


def read_table(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Give each row by column name, with the line on which it ends; blank lines are left out.

    The first line names the columns, in any order and in small or capital letters; ``columns`` must be among them. A
    cell that is left out is empty. Raises ReadError for a file that is no such table, or has no row.
    """
    fix = f"give it the columns {','.join(columns)}"
    empty = True
    try:
        if path.stat().st_size > _LARGEST:
            raise ReadError("is larger than 256 MiB, which no table of pictures is", path=path, fix=fix)
        with path.open(encoding="utf-8-sig", newline="") as file:
            table = csv.DictReader(file, restkey=_REST, restval="")
            table.fieldnames = [name.strip().lower() for name in table.fieldnames or ()]
            absent = [name for name in columns if name not in table.fieldnames]
            if absent:
                raise ReadError(f"has no column {' and '.join(absent)}", path=path, line=1, fix=fix)
            for row in table:
                if any(row.pop(_REST, ())):
                    what = "has more cells than the first line has names"
                    raise ReadError(what, path=path, line=table.line_num, fix="quote a cell that holds a comma")
                empty = False
                yield table.line_num, row
    except OSError as error:
        raise ReadError(f"cannot be read ({error.strerror})", path=path, fix="check the path") from error
    except UnicodeDecodeError as error:
        raise ReadError("is not text in UTF-8", path=path, fix="save it again as CSV in UTF-8") from error
    except csv.Error as error:
        raise ReadError(f"is not a CSV table ({error})", path=path, fix="save it again as CSV") from error
    if empty:
        raise ReadError("has no rows", path=path, fix=f"write one picture a row, with its {' and '.join(columns)}")
