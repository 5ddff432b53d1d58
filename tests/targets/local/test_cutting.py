"""Where a large request may be cut, and that its parts say together what it says whole."""

from __future__ import annotations

import json

import pytest

from housing.targets.local.cutting import parts_of
from housing.targets.local.frames import KINDS

PART_BYTES = 256 * 1024
ROW = "80.5,RL,Pave\n"
MANY = 2 * PART_BYTES // len(ROW) + 10


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_raw_rows_are_cut_between_lines_each_part_with_the_header(end: str) -> None:
    header = f"Area,Zone,Alley{end}".encode()
    rows = ROW.replace("\n", end).encode() * MANY
    parts = parts_of(KINDS["text/csv", "text/csv"], header + rows, part_bytes=PART_BYTES, tells_encoded=True)
    assert len(parts) == 3
    assert all(part.startswith(header) and len(part) < PART_BYTES + 100 for part in parts)
    assert b"".join(part.removeprefix(header) for part in parts) == rows


def test_encoded_rows_and_lines_of_json_are_cut_between_lines() -> None:
    encoded = b"80.5,1,,0\n" * MANY
    lines = (json.dumps({"Area": 80.5, "Zone": 'R"L'}) + "\n").encode() * MANY
    for body, form in ((encoded, "text/csv"), (lines, "application/jsonlines")):
        parts = parts_of(KINDS[form, "application/json"], body, part_bytes=PART_BYTES, tells_encoded=True)
        assert len(parts) >= 2
        assert b"".join(parts) == body
        assert all(part.endswith(b"\n") for part in parts)


@pytest.mark.parametrize(
    "body",
    [
        b'Area,Zone,Alley\n80.5,"R\nL",Pave\n' + ROW.encode() * MANY,
        b"\n" + ROW.encode() * MANY,
        b"80.5,1,,0\n" * MANY + b"Area,Zone,Alley,Pool\n" + b"80.5,1,,0\n" * MANY,
    ],
    ids=["quotes", "no first line", "a header among rows"],
)
def test_what_may_mean_something_else_in_parts_is_not_cut(body: bytes) -> None:
    found = parts_of(KINDS["text/csv", "text/csv"], body, part_bytes=PART_BYTES, tells_encoded=True)
    if body.startswith(b"80.5"):
        # Only a part that begins with it would be taken for raw rows.
        assert all(part.startswith(b"80.5") for part in found)
    else:
        assert not found


def test_numbers_are_not_cut_where_a_header_may_be_numbers() -> None:
    assert not parts_of(
        KINDS["text/csv", "text/csv"], b"1,2,3\n" * MANY * 3, part_bytes=PART_BYTES, tells_encoded=False
    )


def test_a_document_of_json_is_not_cut() -> None:
    body = json.dumps([{"Area": 80.5}] * MANY).encode()
    assert not parts_of(KINDS["application/json", "text/csv"], body, part_bytes=PART_BYTES, tells_encoded=True)
