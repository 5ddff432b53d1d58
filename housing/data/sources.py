"""Sources that are not read: an address, a folder, a file of another format. Each is named, with a command out."""

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
    "s3": "aws s3 cp {} .",
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
    b"ARROW1": "an Arrow (Feather) file; write it as Parquet: {arrow}",
    b"ORC": "an ORC file; write it as Parquet: {orc}",
    b"Obj\x01": "an Avro file; save the table as CSV or Parquet",
    b"\x89HDF": "an HDF5 file; save the table as CSV or Parquet",
    b"%PDF": "a PDF; save the table as CSV",
}


def refuse_address(source: str) -> None:
    """Raise DataError when a source is an address (s3://, https:// ...): only files of this machine are read."""
    found = _ADDRESS.match(source)
    if not found:
        return
    scheme = found[1].lower()
    if scheme == "file":
        raise DataError(f"{source}: addresses are not read; give the path alone: {source[len('file://') :]}")
    if scheme in _FETCH:
        raise DataError(
            f"{source}: {scheme}:// is not read, only files of this machine; "
            f"fetch it first: {_FETCH[scheme].format(shlex.quote(source))}"
        )
    raise DataError(
        f"{source}: {scheme}:// is not read, only files of this machine; write the table to a CSV or Parquet file first"
    )


def refuse_folder(folder: Path) -> None:
    """Raise DataError for a folder in which there is nothing to read."""
    raise DataError(f"{folder}: is a folder without CSV or Parquet files; give a file, or another folder")


def foreign(path: Path, start: bytes) -> str | None:
    """What a file is that begins with these bytes (unpacked if it is gzipped) and is no CSV, and how to convert it."""
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
                arrow=_convert(path, "read_feather", "to_parquet", ".parquet"),
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
    first, _, rest = text.partition("\n")
    if _is_json_object(first) or (not rest and re.match(r'\{\s*"[^"]*"\s*:', first)):
        return f"JSON lines; write it as CSV: {_convert(path, 'read_json', 'to_csv', '.csv', 'lines=True')}"
    if first.strip() == "{":
        return "JSON; save the table as CSV"
    if re.match(r"\[\s*[\[{]", text):
        return f"JSON; write it as CSV: {_convert(path, 'read_json', 'to_csv', '.csv')}"
    return None


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
        command = _convert(path, "read_excel", "to_csv", ".csv")
        return f"an Excel workbook; save its sheet as CSV: {command} (needs: pip install openpyxl)"
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
    quoted = "[" + tables[0] + "]"
    query = f"select * from {quoted}"
    rows = f"pd.read_sql({code_text(query)}, sqlite3.connect({code_text(str(path))}))"
    command = pandas_command(f"{rows}.to_csv({code_text(_beside(path, '.csv'))}, index=False)", imports="sqlite3, ")
    return f"a SQLite database{_of(tables)}; write a table as CSV: {command}"


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


def _convert(path: Path, read: str, write: str, suffix: str, *arguments: str) -> str:
    given = ", ".join([code_text(str(path)), *arguments])
    return pandas_command(f"pd.{read}({given}).{write}({code_text(_beside(path, suffix))}, index=False)")


def _beside(path: Path, suffix: str) -> str:
    return str(path.with_name(path.name.split(".")[0] + suffix))


def code_text(text: str) -> str:
    """A Python literal without single quotes wherever possible, so that it stays readable between a shell's."""
    return json.dumps(text, ensure_ascii=False)


def pandas_command(code: str, imports: str = "") -> str:
    """A line for a shell."""
    return "python -c " + shlex.quote(f"import {imports}pandas as pd; {code}")
