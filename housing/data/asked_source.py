"""The source that `housing describe` is given: files, or rows of a database."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from housing.data.faults import listed
from housing.data.source_spec import Elsewhere, Source, Sql
from housing.errors import ConfigError, DataError

_DATABASE = re.compile(r"(sqlite|duckdb|postgres|mysql|mariadb|mssql|oracle)[a-z0-9_+]*://")
_SQLITE, _DUCKDB = b"SQLite format 3\0", b"DUCK"


def asked_sources(arguments: Sequence[str], *, table: str | None = None, query: str | None = None) -> Source:
    """As `asked_source`; several arguments are files to be concatenated."""
    if len(arguments) == 1:
        return asked_source(arguments[0], table=table, query=query)
    found = [asked_source(argument, table=table, query=query) for argument in arguments]
    for argument, source in zip(arguments, found, strict=True):
        if not isinstance(source, str):
            raise ConfigError(f"{argument}: is a database, which is described alone; leave out the other files")
    return tuple(arguments)


def asked_source(argument: str, *, table: str | None = None, query: str | None = None) -> Source:
    """A path, an S3 address, or a database with a `table` or `query`; without these, the database's only table.

    Raises ConfigError and DataError.
    """
    url = argument if _DATABASE.match(argument) else _url_of(Path(argument))
    if url is None:
        for flag, value in (("--table", table), ("--query", query)):
            if value is not None:
                raise ConfigError(f"{flag} {value}: belongs to a database, and {argument} is not one")
        return argument
    if table is not None and query is not None:
        raise ConfigError(f"--query: replaces --table {table}; give one of them")
    if table is None and query is None:
        from housing.data.sql_rows import tables_of

        known = tables_of(url)
        if len(known) != 1:
            there = f"it has {listed(known, 12)}" if known else "it has no table"
            raise DataError(f"{argument}: say which rows, by --table or --query; {there}")
        table = known[0]
    try:
        return Elsewhere(sql=Sql(url, query, table))
    except ValueError as error:
        raise ConfigError(str(error)) from None


def _url_of(path: Path) -> str | None:
    """The URL of a database file; None for any other file."""
    try:
        if not path.is_file():  # a pipe would be waited for, and is refused when it is to be read
            return None
        with path.open("rb") as file:
            start = file.read(16)
    except (OSError, ValueError):  # reported when it is read
        return None
    if start == _SQLITE:
        return f"sqlite:///{path}"
    return f"duckdb:///{path}" if start[8:12] == _DUCKDB else None
