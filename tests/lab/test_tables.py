"""CSV tables as spreadsheets write them."""

from __future__ import annotations

import pytest

from vfxage.errors import ReadError
from vfxage.lab.portraits import read_index


def rows(folder, text):
    path = folder / "index.csv"
    path.write_bytes(text)
    return [(str(row.name), row.age) for row in read_index(path, ("file", "age"))]


def test_a_table_of_a_spreadsheet_is_read(tmp_path):
    text = '\ufeffAge, File,\r\n35,"a, b.jpg",\r\n\r\n40,c.jpg,,\r\n'.encode()
    assert rows(tmp_path, text) == [("a, b.jpg", 35), ("c.jpg", 40)]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (b"file,age\na, b.jpg,35\n", ":2: has more cells than the first line has names; quote a cell"),
        (b"file,years\na.jpg,35\n", ":1: has no column age; give it the columns file,age"),
        (b"file,age\n\n", ": has no rows; write one picture a row, with its file and age"),
        (b"file,age\n\xff.jpg,35\n", ": is not text in UTF-8"),
    ],
)
def test_another_table_is_refused_with_its_line(tmp_path, text, line):
    with pytest.raises(ReadError) as caught:
        rows(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path / 'index.csv'}{line}")
