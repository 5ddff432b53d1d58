"""The source of a table as declared: files, a database, or files of each part."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from housing.secrets import masked

Files = str | tuple[str, ...]
"""A file, a folder, a pattern or an S3 address; or several of them, whose rows are concatenated."""

PART = "(part)"
"""The column for each row's part, in a table whose parts are separate files."""


@dataclass(frozen=True)
class Sql:
    """Rows of a database: all of a `table`, also `schema.table`, or what a `query` returns.

    `url` is SQLAlchemy's: sqlite:///shop.db, duckdb:///shop.duckdb, postgresql://user@host/shop. A password comes from
    the environment: url: ${oc.env:SHOP_URL}. Nothing is changed in the database.
    """

    url: str
    query: str | None = None
    table: str | None = None

    def __post_init__(self) -> None:
        if (self.query is None) == (self.table is None):
            raise ValueError("give query or table, one of them")
        if not re.match(r"[a-z][a-z0-9_+]*://", self.url):
            raise ValueError("url: must be as SQLAlchemy takes it, such as sqlite:///shop.db, got " + masked(self.url))

    @property
    def engine(self) -> str:
        """The database engine, such as postgresql."""
        return self.url.partition(":")[0].partition("+")[0]

    @property
    def has_password(self) -> bool:
        """Whether the URL contains a password."""
        return re.match(r"[^:]*://[^/@]*:[^/@]+@", self.url) is not None


@dataclass(frozen=True)
class GivenParts:
    """Files of each part. Without `validation`, the split's rule takes its rows out of `train`."""

    train: Files
    validation: Files | None = None
    test: Files | None = None

    @property
    def named(self) -> Mapping[str, Files]:
        """The given parts, by name."""
        every = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: files for name, files in every.items() if files is not None}


@dataclass(frozen=True)
class Elsewhere:
    """A source that is not one list of files: rows of a database (`sql`), or files of each part (`parts`)."""

    sql: Sql | None = None
    parts: GivenParts | None = None

    def __post_init__(self) -> None:
        if (self.sql is None) == (self.parts is None):
            raise ValueError("give sql or parts, one of them")


Source = Files | Elsewhere


def source_text(source: Source) -> str:
    """A source as one line of text, without its secrets."""
    if isinstance(source, str):
        return masked(source)
    if isinstance(source, tuple):
        return masked(", ".join(source))
    if source.sql is not None:
        what = f"table {source.sql.table}" if source.sql.table else "query"
        return f"{_address(source.sql.url)}, {what}"
    assert source.parts is not None  # Elsewhere refuses to have neither
    return "; ".join(f"{name}: {source_text(files)}" for name, files in source.parts.named.items())


def source_faults(source: Source) -> Iterator[str]:
    """Faults of a list of files."""
    if source == ():
        yield "source: the list is empty; name the files"


def _address(url: str) -> str:
    try:
        found = urlsplit(url)
    except ValueError:
        return masked(url)
    host = found.netloc.rpartition("@")[2]
    return masked(f"{found.scheme}://{host}{found.path}")
