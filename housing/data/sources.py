"""Refuses sources that cannot be read (addresses, folders, other formats) with a command that converts them."""

from __future__ import annotations

import json
import re
import shlex
import sqlite3
import tarfile
import zipfile
from collections.abc import Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path

from housing.errors import DataError

_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")

_FETCH = {
    "gs": "gcloud storage cp {} .",
    "http": "curl -LO {}",
    "https": "curl -LO {}",
}

_MAGIC = {
    b"PAR1": "a Parquet file; set format: parquet",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook; save the table as CSV",
    b"\x28\xb5\x2f\xfd": "compressed with zstd; unpack it (unzstd {file}), or use gzip",
    b"BZh": "compressed with bzip2; unpack it (bunzip2 {file}), or use gzip",
    b"\xfd7zX": "compressed with xz; unpack it (unxz {file}), or use gzip",
    b"7z\xbc\xaf": "a 7-Zip archive; unpack it (7z x {file})",
    b"\xff\xfe": "UTF-16; set encoding: utf-16, or save it as UTF-8",
    b"\xfe\xff": "UTF-16; set encoding: utf-16, or save it as UTF-8",
    b"ARROW1": "an Arrow (Feather) file; set format: arrow",
    b"ORC": "an ORC file; write it as Parquet: {orc}",
    b"Obj\x01": "an Avro file; save the table as CSV or Parquet",
    b"\x89HDF": "an HDF5 file; save the table as CSV or Parquet",
    b"%PDF": "a PDF; save the table as CSV",
}


_DATABASES = ("sqlite", "postgresql", "postgres", "duckdb", "mysql", "mariadb", "mssql", "oracle", "snowflake")


def refuse_address(source: str) -> None:
    """Raise DataError when a source is a URL (https:// ...) that is not supported, as s3:// is."""
    found = _ADDRESS.match(source)
    if not found or found[1].lower() == "s3":
        return
    scheme = found[1].lower()
    if scheme.partition("+")[0] in _DATABASES:
        raise DataError(
            f"{source}: is a database, not a file; set source: {{sql: {{url: {source}, table: ...}}}}, or query: "
            "select ..."
        )
    if scheme == "file":
        raise DataError(f"{source}: addresses are not read; give the path alone: {source[len('file://') :]}")
    if scheme in _FETCH:
        raise DataError(
            f"{source}: {scheme}:// is not read, only files of this machine and s3://; "
            f"fetch it first: {_FETCH[scheme].format(shlex.quote(source))}"
        )
    raise DataError(
        f"{source}: {scheme}:// is not read, only files of this machine and s3://; write the table to a CSV or Parquet "
        "file first"
    )


def refuse_folder(folder: Path) -> None:
    """Raise DataError for a folder without readable files."""
    raise DataError(f"{folder}: is a folder without CSV or Parquet files; give a file, or another folder")


def foreign(path: Path, start: bytes) -> str | None:
    """What a file that begins with these (decompressed) bytes is, and how to convert it; None where it may be CSV."""
    file = shlex.quote(str(path))
    if start.startswith(b"PK\x03\x04"):
        return _zipped(path)
    if start.startswith(b"SQLite format 3\0"):
        return _sqlite(path)
    if start[257:262] == b"ustar":
        names = _tar_names(path)
        return f"a tar archive{_of(names)}; unpack it: tar xf {file}"
    for magic, why in _MAGIC.items():
        if start.startswith(magic):
            return why.format(
                file=file,
                orc=_convert(path, "read_orc", "to_parquet", ".parquet"),
            )
    return _text_format(path, start)


def _text_format(path: Path, start: bytes) -> str | None:
    text = start.decode("utf-8-sig", errors="replace").lstrip()
    low = text[:20].lower()
    if low.startswith(("<!doctype html", "<html")):
        return "a web page; fetch the file that it shows"
    if low.startswith("<?xml"):
        return "XML; save the table as CSV"
    first, _, _ = text.partition("\n")
    if is_json_lines(start):
        return "JSON lines; set format: jsonl"
    if first.strip() == "{":
        return "JSON; save the table as CSV"
    if re.match(r"\[\s*[\[{]", text):
        return f"JSON; write it as CSV: {_convert(path, 'read_json', 'to_csv', '.csv')}"
    return None


def is_json_lines(start: bytes) -> bool:
    """Whether a file that begins with these bytes is JSON Lines."""
    first, _, rest = start.decode("utf-8-sig", errors="replace").lstrip().partition("\n")
    return _is_json_object(first) or (not rest and bool(re.match(r'\{\s*"[^"]*"\s*:', first)))


def _is_json_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _zipped(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, NotImplementedError):
        return "a ZIP archive or an Excel workbook; save the table as CSV"
    if any(name.startswith("xl/") for name in names):
        return "an Excel workbook; set format: excel, and sheet where it has several"
    return f"a ZIP archive{_of(names)}; unpack it: python -m zipfile -e {shlex.quote(str(path))} ."


def _sqlite(path: Path) -> str:
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
            found = database.execute("select name from sqlite_master where type in ('table', 'view') order by name")
            tables = [str(name) for (name,) in found if not str(name).startswith("sqlite_")]
    except sqlite3.Error:
        tables = []
    if not tables:
        return "a SQLite database without a table that can be read; save the table as CSV"
    url = json.dumps(f"sqlite:///{path}")
    return f"a SQLite database{_of(tables)}; set source: {{sql: {{url: {url}, table: {json.dumps(tables[0])}}}}}"


def _tar_names(path: Path) -> list[str]:
    try:
        with tarfile.open(path) as archive:
            return [member.name for member in islice(archive, 5)]
    except (tarfile.TarError, OSError, EOFError):
        return []


def _of(names: Sequence[str]) -> str:
    if not names:
        return ""
    return f" of {', '.join(map(repr, names[:3]))}{', ...' if len(names) > 3 else ''}"


def _convert(path: Path, read: str, write: str, suffix: str) -> str:
    return pandas_command(f"pd.{read}({code_text(str(path))}).{write}({code_text(_beside(path, suffix))}, index=False)")


def _beside(path: Path, suffix: str) -> str:
    return str(path.with_name(path.name.split(".")[0] + suffix))


def code_text(text: str) -> str:
    """A Python literal, without single quotes if possible, so that it stays readable within a shell's."""
    return json.dumps(text, ensure_ascii=False)


def pandas_command(code: str) -> str:
    """A shell command that runs this pandas code."""
    return "python -c " + shlex.quote(f"import pandas as pd; {code}")
