"""Conditions on rows in SQL, evaluated by DuckDB; they can compare columns, but not call functions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from housing.nearest import nearest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_CLASSES = {"COMPARISON", "CONJUNCTION", "CONSTANT", "COLUMN_REF", "BETWEEN", "CAST", "OPERATOR", "FUNCTION", "TYPE"}
_OPERATORS = {
    *("OPERATOR_NOT", "OPERATOR_IS_NULL", "OPERATOR_IS_NOT_NULL", "COMPARE_IN", "COMPARE_NOT_IN", "OPERATOR_TRY"),
}
_SIGNS = {"+", "-", "*", "/", "%", "//", "~~", "!~~", "~~*", "!~~*"}
_FORM = "compare columns with values: price > 0 and city != 'x'; also in, between, like, is null, not, or, + - * /"
# Nothing outside of the rows is accessible, not even by features of later DuckDB versions.
_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": "false",
    "autoload_known_extensions": "false",
    "autoinstall_known_extensions": "false",
    "python_enable_replacements": "false",
    "threads": "1",
}


class Where:
    """A checked condition. In it, columns described as numeric are numbers, others are text; missing is null.

    Raises ValueError for a text that is not a condition on these columns.
    """

    def __init__(self, text: str, *, numeric: Iterable[str], texts: Iterable[str]) -> None:
        import pyarrow as pa

        kinds = {**dict.fromkeys(texts, pa.string()), **dict.fromkeys(numeric, pa.float64())}
        self._statement = f"select ({text}\n) from rows"
        asked = dict.fromkeys(_columns(_condition(self._statement)))
        self._columns = {name: _known(name, kinds) for name in asked}
        self._kinds = kinds
        self.keeps({name: pa.array([None], kinds[name]) for name in self.columns})

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it reads."""
        return tuple(dict.fromkeys(self._columns.values()))

    def keeps(self, cells: Mapping[str, Any]) -> NDArray[np.bool_]:
        """(rows,) Whether each row is kept, given the columns as Arrow arrays; rows for which it is null are not."""
        import duckdb
        import pyarrow as pa

        if not self._columns:
            raise ValueError(f"compares no column; {_FORM}")
        rows = pa.table([cells[known] for known in self._columns.values()], names=list(self._columns))
        connection = _connection().cursor()
        try:
            connection.register("rows", rows)
            found = connection.sql(self._statement).to_arrow_table().column(0)
        except duckdb.Error as error:
            raise ValueError(_reason(error)) from None
        finally:
            connection.close()
        if not pa.types.is_boolean(found.type):
            raise ValueError(f"is not a condition: it gives {found.type} for each row; {_FORM}")
        kept: NDArray[np.bool_] = found.combine_chunks().fill_null(False).to_numpy(zero_copy_only=False)
        return kept


@cache
def _connection() -> Any:
    import duckdb

    connection = duckdb.connect(config=_CONFIG)
    connection.execute("set lock_configuration = true")
    return connection


def _condition(statement: str) -> Any:
    """The one expression that the statement selects, as DuckDB's parser sees it."""
    with _connection().cursor() as cursor:
        ((text,),) = cursor.execute("select json_serialize_sql(?)", [statement]).fetchall()
    found = json.loads(text)
    if found["error"]:
        raise ValueError(f"cannot be read: {found['error_message']}; {_FORM}")
    statements = found["statements"]
    node = statements[0]["node"]
    is_whole = (
        len(statements) == 1
        and node["type"] == "SELECT_NODE"
        and len(node["select_list"]) == 1
        and node["from_table"].get("table_name") == "rows"
        and not any(node.get(key) for key in ("where_clause", "group_expressions", "having", "qualify", "modifiers"))
    )
    if not is_whole:
        raise ValueError(f"must be one condition; {_FORM}")
    return node["select_list"][0]


def _columns(node: Any) -> Iterator[str]:
    """The names in an expression. Raises ValueError for anything in it but comparisons and arithmetic."""
    if isinstance(node, list):
        for one in node:
            yield from _columns(one)
    if not isinstance(node, dict):
        return
    kind = node.get("class")
    if kind is not None and kind not in _CLASSES:
        raise ValueError(f"has a {kind.lower().replace('_', ' ')}; {_FORM}")
    if kind == "OPERATOR" and node["type"] not in _OPERATORS:
        raise ValueError(f"has the operator {node['type'].lower()}; {_FORM}")
    if kind == "FUNCTION" and not (node.get("is_operator") and node["function_name"] in _SIGNS):
        raise ValueError(f"calls {node['function_name']}, and a condition calls nothing; {_FORM}")
    if kind == "COLUMN_REF":
        yield ".".join(node["column_names"])
        return
    for value in node.values():
        yield from _columns(value)


def _known(name: str, kinds: Mapping[str, Any]) -> str:
    """The column of that name; SQL ignores case."""
    if name in kinds:
        return name
    same = [known for known in kinds if known.lower() == name.lower()]
    if len(same) == 1:
        return same[0]
    near = nearest(name, kinds)
    way_out = f"did you mean {near!r}?" if near else "a text stands in single quotes, a name with blanks in double ones"
    raise ValueError(f"there is no column {name!r}; {way_out}")


def _reason(error: Exception) -> str:
    text = str(error).split("\n")[0].partition("Error: ")[2] or str(error).split("\n")[0]
    if "Cannot compare" in text or "Could not convert" in text:
        text += "; a column is a number where it is described as numeric, and text otherwise"
    return text
