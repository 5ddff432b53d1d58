"""Files whose lines are their rows are counted and cut as those are that need a look at each cell."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from housing.data import plain_lines
from housing.data.rows import raw_rows
from housing.errors import DataError

CELLS = st.sampled_from(["", "1", "-2.5", "RL", "Süd", "日本", "two words"])


@given(data=st.data(), after=st.integers(0, 14), rows_a_piece=st.integers(1, 7), block=st.integers(1, 40))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_pieces_have_all_rows_in_order_and_as_many_as_asked(
    tmp_path: Path, data: st.DataObject, after: int, rows_a_piece: int, block: int
) -> None:
    width = data.draw(st.integers(2, 4))
    rows = data.draw(st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=1, max_size=12))
    names = [f"c{place}" for place in range(width)]
    text = "\n".join(map(",".join, [names, *rows])) + data.draw(st.sampled_from(["", "\n"]))
    file = tmp_path / "rows.csv"
    file.write_text(text, encoding="utf-8")
    found = raw_rows(str(file))
    assert (found.rows, found.lines is not None) == (len(rows), True)
    parsed = [list(csv.reader(io.StringIO(piece))) for piece in found.pieces(rows_a_piece, after=after)]
    assert all(piece[0] == names for piece in parsed)
    assert [row for piece in parsed for row in piece[1:]] == rows[after:]
    assert all(len(piece) == rows_a_piece + 1 for piece in parsed[:-1])
    with file.open("rb") as opened:
        blocks = list(plain_lines.blocks(opened, block, header_lines=1, longest_line=1000))
    assert b"".join(filter(None, blocks)) == text.encode().partition(b"\n")[2].rstrip(b"\n") + b"\n"


@pytest.mark.parametrize(
    "rows",
    ['1,"2"\n', "1,2\r\n", "1,2\n\n3,4\n", "1,2\n3\n4,5,6\n", "1,2\n3,4,5\n6\n", "1,2,3\n", "1,2\n3\n"],
    ids=["quotes", "CR LF", "a blank line", "1 and 3 cells", "3 cells and 1", "3 cells", "a last one of 1"],
)
def test_a_line_that_is_no_row_as_it_stands_is_seen(tmp_path: Path, rows: str) -> None:
    file = tmp_path / "rows.csv"
    file.write_bytes(f"a,b\n{rows}".encode())
    with file.open("rb") as opened:
        assert plain_lines.count(opened, header_lines=1, width=2, longest_line=1000) is None


def test_a_row_of_another_length_is_named_by_its_line(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("a,b\n" + "1,2\n" * 5000 + "3\n4,5,6\n")
    with pytest.raises(DataError, match="line 5002 has 1"):
        raw_rows(str(file))


def test_other_bytes_than_utf_8_and_endless_lines_are_seen(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    for content in (b"a,b\n1,S\xfcd\n", b"a,b\n1," + b"2" * 5000):
        file.write_bytes(content)
        with file.open("rb") as opened:
            assert plain_lines.count(opened, header_lines=1, width=2, longest_line=1000) is None


def test_wide_rows_come_in_pieces_that_an_endpoint_takes(tmp_path: Path) -> None:
    cells = ["12345678" * 4] * 2000
    plain, quoted = tmp_path / "plain.csv", tmp_path / "quoted.csv"
    names = ",".join(f"c{place}" for place in range(len(cells)))
    plain.write_text(f"{names}\n" + (",".join(cells) + "\n") * 70)
    quoted.write_text(f"{names}\n" + (",".join(['"1"', *cells[1:]]) + "\n") * 70)
    for file in (plain, quoted):
        pieces = list(raw_rows(str(file)).pieces(2000))
        assert max(map(len, pieces)) < 2.5e6
        assert sum(piece.count("\n") - 1 for piece in pieces) == 70


def test_long_lines_are_found_wherever_they_stand() -> None:
    short, long = b"x" * 100 + b"\n", b"x" * 101 + b"\n"
    assert not plain_lines.has_one_beyond(short * 50, 100)
    for place in (0, 1, 49):
        assert plain_lines.has_one_beyond(short * place + long + short * 50, 100)
    assert plain_lines.has_one_beyond(short * 3 + b"x" * 101, 100)
