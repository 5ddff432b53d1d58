"""Rows of a database, from a table or a query."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from housing.data.arrays import array_of
from housing.data.faults import listed
from housing.data.parquet_file import plain, unread
from housing.data.pieces import Piece
from housing.data.source_spec import Elsewhere, Sql, source_text
from housing.errors import CloudError, ConfigError, DataError, HousingError
from housing.nearest import nearest
from housing.secrets import masked, remember

_ROWS_A_PIECE = 20_000
_EXTRAS = {"postgresql": "postgresql"}
_PACKAGES = {"MySQLdb": "mysqlclient"}
"""Where a module and its package have different names."""


def sql_rows(sql: Sql) -> SqlRows | DuckDbRows:
    """The rows, which are queried by `pieces`. Raises DataError, ConfigError, or CloudError when the database does not
    answer.
    """
    remember(sql.url, "url")
    return DuckDbRows(sql) if sql.engine == "duckdb" else SqlRows(sql)


def tables_of(url: str) -> list[str]:
    """The tables of a database, sorted by name. Raises as `sql_rows` does."""
    sql = Sql(url, query="select table_schema, table_name from information_schema.tables order by 2")
    remember(url, "url")
    where = source_text(Elsewhere(sql=sql)).removesuffix(", query")
    if sql.engine == "duckdb":
        rows = DuckDbRows(sql)
        return [name for piece in rows.pieces([0, 1]) for name in piece.columns[1].to_pylist()]
    from sqlalchemy import inspect

    with _connected(sql, where) as connection:
        looking = inspect(connection)
        return sorted(_asked(where, lambda: [*looking.get_table_names(), *looking.get_view_names()]))


class SqlRows:
    """Rows read through SQLAlchemy. Nothing is committed."""

    is_csv = False

    def __init__(self, sql: Sql) -> None:
        self._sql = sql
        self.where = source_text(Elsewhere(sql=sql))
        with self._result() as result:
            self.names: Sequence[str] = list(result.keys())

    def unread(self, _: str) -> None:
        """Never: types are known only when rows are read."""

    def pieces(self, wanted: Collection[int]) -> Iterator[Piece]:
        """All rows, of these columns. Raises DataError."""
        done = 0
        with self._result() as result:
            while some := _asked(self.where, partial(result.fetchmany, _ROWS_A_PIECE)):
                columns = {place: _checked(self, array_of([row[place] for row in some]), place) for place in wanted}
                yield Piece(len(some), columns, partial(_place, done))
                done += len(some)

    @contextmanager
    def _result(self) -> Iterator[Any]:
        from sqlalchemy import text

        with _connected(self._sql, self.where) as connection:
            statement = text(self._sql.query.replace(":", r"\:")) if self._sql.query else self._of_table(connection)
            run = partial(connection.execution_options(stream_results=True).execute, statement)
            result = _asked(self.where, run)
            if not result.returns_rows:
                raise DataError(f"{self.where}: the query returns no table; write a SELECT")
            try:
                yield result
            finally:
                result.close()

    def _of_table(self, connection: Any) -> Any:
        from sqlalchemy import column, inspect, select, table

        schema, _, name = str(self._sql.table).rpartition(".")
        looking = inspect(connection)
        tables = _asked(self.where, lambda: looking.get_table_names(schema or None))
        known = [*tables, *_asked(self.where, lambda: looking.get_view_names(schema or None))]
        if name not in known:
            near = nearest(name, known)
            hint = (
                f"did you mean {near!r}?" if near else f"it has {listed(sorted(known), 12)}" if known else "it has none"
            )
            raise DataError(f"{self.where}: there is no such table; {hint}")
        columns = _asked(self.where, lambda: looking.get_columns(name, schema or None))
        named: list[Any] = [column(one["name"]) for one in columns]
        # A database may return rows in a different order each time, and parts and digests depend on the order.
        key = _asked(self.where, lambda: looking.get_pk_constraint(name, schema or None)) if name in tables else None
        order: list[Any] = [column(one) for one in (key or {}).get("constrained_columns", ())]
        return select(*named).select_from(table(name, *named, schema=schema or None)).order_by(*order)


class DuckDbRows:
    """Rows read by DuckDB itself, as Arrow batches. The database is opened read-only."""

    is_csv = False

    def __init__(self, sql: Sql) -> None:
        self._sql = sql
        self.where = source_text(Elsewhere(sql=sql))
        with self._reader() as reader:
            self._schema = reader.schema
            self.names: Sequence[str] = list(reader.schema.names)

    def unread(self, name: str) -> tuple[str, bool] | None:
        """See `RawFile`."""
        return unread(self._schema.field(self.names.index(name)).type)

    def pieces(self, wanted: Collection[int]) -> Iterator[Piece]:
        """All rows, of these columns. Raises DataError."""
        done = 0
        with self._reader() as reader:
            while (batch := _asked(self.where, lambda: next(reader, None))) is not None:
                columns = {place: _checked(self, plain(batch.column(place)), place) for place in wanted}
                yield Piece(batch.num_rows, columns, partial(_place, done))
                done += batch.num_rows

    @contextmanager
    def _reader(self) -> Iterator[Any]:
        import duckdb

        path = _file_of(self._sql, self.where)
        query = self._sql.query or "select * from " + ".".join(
            '"' + name.replace('"', '""') + '"' for name in str(self._sql.table).split(".")
        )
        with _asked(self.where, lambda: duckdb.connect(str(path), read_only=True)) as connection:
            found = _asked(self.where, lambda: connection.sql(query))
            if found is None:
                raise DataError(f"{self.where}: the query returns no table; write a SELECT")
            yield _asked(self.where, lambda: found.to_arrow_reader(_ROWS_A_PIECE))


@contextmanager
def _connected(sql: Sql, where: str) -> Iterator[Any]:
    from sqlalchemy import create_engine
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
    from sqlalchemy.pool import NullPool

    url = sql.url
    if sql.engine == "sqlite":
        url = f"{sql.url.partition(':')[0]}:///file:{quote(str(_file_of(sql, where).absolute()))}?mode=ro&uri=true"
    try:
        engine = create_engine(url, poolclass=NullPool)
    except ModuleNotFoundError as error:
        extra = _EXTRAS.get(sql.engine)
        command = (
            f"pip install 'housing[{extra}]'" if extra else f"pip install {_PACKAGES.get(str(error.name), error.name)}"
        )
        raise ConfigError(f"{where}: to read {sql.engine}: {command}") from None
    except (NoSuchModuleError, ArgumentError, ValueError) as error:
        raise ConfigError(f"{where}: source.sql.url: SQLAlchemy does not know it: {_told(error)}") from None
    try:
        connection = engine.connect()
    except SQLAlchemyError as error:
        kind = DataError if sql.engine == "sqlite" else CloudError
        raise kind(f"{where}: cannot be connected to: {_told(error)}; see source.sql.url") from None
    with connection:
        yield connection


def _file_of(sql: Sql, where: str) -> Path:
    """The path of a database file; refuses a missing one, which the driver would create."""
    path = Path(sql.url.partition(":///")[2].partition("?")[0])
    if not path.is_file():
        raise DataError(f"{where}: there is no file {str(path)!r}, relative to the working folder {Path.cwd()}")
    return path


def _asked(where: str, act: Any) -> Any:
    """The result of `act`; translates the database's errors into ours."""
    import duckdb
    from sqlalchemy.exc import DBAPIError, SQLAlchemyError

    try:
        return act()
    except HousingError:
        raise
    except DBAPIError as error:
        if error.connection_invalidated:
            raise CloudError(f"{where}: the database went away: {_told(error)}; ask again") from None
        raise DataError(f"{where}: the database refuses: {_told(error)}") from None
    except (SQLAlchemyError, duckdb.Error, OSError, ValueError) as error:
        raise DataError(f"{where}: the database refuses: {_told(error)}") from None


def _told(error: Exception) -> str:
    text = str(getattr(error, "orig", None) or error).strip()
    return masked(text.splitlines()[0][:300] if text else type(error).__name__)


def _checked(rows: SqlRows | DuckDbRows, cells: Any, place: int) -> Any:
    if (found := unread(cells.type)) and not found[1]:
        raise DataError(f"{rows.where}: column {rows.names[place]!r} holds {found[0]}, not numbers or text")
    return cells


def _place(done: int, row: int) -> str:
    return f"row {done + row + 1}"
