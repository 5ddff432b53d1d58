"""One small table, and how it comes to lie in files and databases of every kind."""

from __future__ import annotations

import gzip
import json
import sqlite3
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pandas as pd
import pyarrow as pa
from pyarrow import feather, ipc, parquet

ROWS = 60
HOMES = pd.DataFrame(
    {
        "area": [50.5 + i * 37 % 101 for i in range(ROWS)],
        "rooms": [None if i % 11 == 0 else i % 6 for i in range(ROWS)],
        "city": [("Ulm", "Bad Ems", "Köln")[i % 3] for i in range(ROWS)],
        "pool": [i % 4 == 0 for i in range(ROWS)],
        "sold": [f"2020-0{1 + i % 9}-{10 + i % 20}" for i in range(ROWS)],
        "price": [1000 + 17 * i for i in range(ROWS)],
    }
).convert_dtypes()
TABLE = pa.Table.from_pandas(HOMES, preserve_index=False)

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"


def _csv(file: Path) -> None:
    HOMES.to_csv(file, index=False)


def _jsonl() -> str:
    return "".join(
        json.dumps({name: value for name, value in row.items() if value is not None}) + "\n"
        for row in TABLE.to_pylist()
    )


def _sqlite(file: Path) -> None:
    with closing(sqlite3.connect(file)) as database:
        HOMES.to_sql("homes", database, index=False)


def _duckdb(file: Path) -> None:
    import duckdb

    with duckdb.connect(str(file)) as database:
        database.register("given", TABLE)
        database.execute("create table homes as select * from given")


def _stream(file: Path) -> None:
    with ipc.new_stream(str(file), TABLE.schema) as writer:
        writer.write_table(TABLE, max_chunksize=7)


def _cell(value: Any) -> str:
    if value is None:
        return "<c/>"
    if isinstance(value, str):
        return f'<c t="inlineStr"><is><t>{escape(value)}</t></is></c>'
    return f'<c t="b"><v>{int(value)}</v></c>' if isinstance(value, bool) else f"<c><v>{value}</v></c>"


def write_excel(file: Path, table: pa.Table) -> None:
    """The least that is a workbook: an empty sheet, and `Homes` with its texts within the cells."""
    rows = [table.column_names, *(list(row.values()) for row in table.to_pylist())]
    body = "".join(f"<row>{''.join(map(_cell, row))}</row>" for row in rows)
    sheets = "".join(
        f'<Relationship Id="r{n}" Type="{_OFFICE}/worksheet" Target="worksheets/sheet{n}.xml"/>' for n in (1, 2)
    )
    contents = {
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="r1" '
        f'Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>'
        '<sheet name="Notes" sheetId="2" r:id="r2"/><sheet name="Homes" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">{sheets}</Relationships>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{_MAIN}"><sheetData>{body}</sheetData></worksheet>',
        "xl/worksheets/sheet2.xml": f'<worksheet xmlns="{_MAIN}"><sheetData/></worksheet>',
    }
    with zipfile.ZipFile(file, "w") as book:
        for name, content in contents.items():
            book.writestr(name, content)


def _written(name: str, write: Callable[[Path], object]) -> Callable[[Path], str]:
    def into(folder: Path) -> str:
        write(folder / name)
        return str(folder / name)

    return into


WRITTEN: dict[str, Callable[[Path], str]] = {
    "csv": _written("homes.csv", _csv),
    "parquet": _written("homes.parquet", lambda file: parquet.write_table(TABLE, file)),
    "jsonl": _written("homes.jsonl", lambda file: file.write_text(_jsonl())),
    "jsonl.gz": _written("homes.jsonl.gz", lambda file: file.write_bytes(gzip.compress(_jsonl().encode()))),
    "feather": _written("homes.feather", lambda file: feather.write_feather(TABLE, str(file))),
    "stream": _written("homes.arrows", _stream),
    "sqlite": _written("homes.db", _sqlite),
    "duckdb": _written("homes.duckdb", _duckdb),
    "excel": _written("homes.xlsx", lambda file: write_excel(file, TABLE)),
}
"""Each writes the table into a folder and returns where it lies."""
