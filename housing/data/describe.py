"""A first description of a file nobody has described yet: what can be seen is filled in, what is guessed says so."""

from __future__ import annotations

import csv
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from housing.data.cells import is_missing, is_number, number, text_of
from housing.data.csv_file import SEPARATORS, header_and_chunks, opened
from housing.data.description import nearest
from housing.data.faults import Faults, listed, shown
from housing.data.table import located
from housing.errors import DataError

_MISSING_ANYWHERE = ("", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NULL", "null")
# These may be levels; beside numbers they can only mean missing.
_MISSING_BESIDE_NUMBERS = ("?", "-", "--", ".", "None", "none", "unknown", "missing")

_IDENTIFIER_NAME = re.compile(r"(^|[^a-z])(id|uuid|guid|key|index)$|^(id|uuid)([^a-z]|$)|[a-z]Id$", re.IGNORECASE)
_DATE = re.compile(r"\d{4}-\d\d?-\d\d?([T ].*)?|\d\d?[./]\d\d?[./]\d{2,4}")
_MOST_LEVELS = 50
_LONGEST_LEVEL = 80


@dataclass(frozen=True)
class _Guess:
    """A column as described; `why` is the comment behind it."""

    kind: str
    why: str = ""
    low: float | None = None
    high: float | None = None
    levels: Sequence[str] = ()
    missing: bool = False


def describe(source: str | Path, label: str, *, separator: str | None = None) -> str:
    """YAML for conf/dataset/, of a CSV (also gzipped) or Parquet file. Raises DataError when none can be given."""
    path = located(str(source))
    with path.open("rb") as file:
        is_parquet = file.read(4) == b"PAR1"
    if not is_parquet and separator is None:
        separator = _separator(path)
    columns = _parquet_columns(path) if is_parquet else _csv_columns(path, separator or ",")
    if label not in columns:
        near = nearest(label, columns)
        hint = f"did you mean {near!r}?" if near else f"it has {listed(columns, 12)}"
        raise DataError(f"{path}: there is no column {label!r} for the label; {hint}")
    missing_texts = _missing_texts(columns)
    guesses = {
        name: _label(path, name, cells, missing_texts) if name == label else _guess(name, cells, missing_texts)
        for name, cells in columns.items()
    }
    if not any(guess.kind in ("numeric", "nominal") for name, guess in guesses.items() if name != label):
        raise DataError(f"{path}: no column besides {label!r} looks like a feature")
    used = [text for text in missing_texts if text == "" or any(text in cells for cells in columns.values())]
    return "\n".join(
        [
            f"# Described from {path.name}. Lines with a guess want a look: kinds, what a missing value means, ranges.",
            f"name: {_scalar(_name(path))}",
            f"source: {_value(str(source))}",
            *(["format: parquet"] if is_parquet else ["format: csv", f"separator: {_scalar(separator)}"]),
            f"missing_values: [{', '.join(map(_scalar, used))}]" + ("  # guess" if len(used) > 1 else ""),
            f"label: {_value(label)}",
            'label_unit: ""  # such as USD',
            "",
            "split:  # guess: rows at random; by_column claims rows by a value instead",
            "  fractions: {train: 0.6, validation: 0.2, test: 0.2}",
            "  seed: 0",
            "",
            "columns:",
            *(_line(name, guess) for name, guess in guesses.items()),
            "",
        ]
    )


def _separator(path: Path) -> str:
    """The one that cuts the first lines into equally many columns, at least two."""
    with opened(path) as file:
        start = b"".join(islice(file, 20)).decode("utf-8-sig", errors="replace").replace("\0", "").splitlines()

    def fit(separator: str) -> tuple[bool, float, int]:
        try:
            widths = Counter(len(row) for row in csv.reader(start, delimiter=separator) if row)
        except csv.Error:  # what the file really is, is told when its rows are read
            return False, 0, 0
        width, lines = max(widths.items(), key=lambda item: item[1], default=(0, 0))
        return width > 1, lines / max(1, widths.total()), width

    return max(SEPARATORS, key=fit)


def _csv_columns(path: Path, separator: str) -> dict[str, list[str | None]]:
    faults = Faults(str(path))
    with opened(path) as file:
        header, chunks = header_and_chunks(path, file, separator=separator, faults=faults)
        columns: list[list[str | None]] = [[] for _ in header]
        for _, pieces in chunks:
            for column, piece in zip(columns, pieces, strict=True):
                column.extend(piece)
    for name in dict.fromkeys(name for name in header if header.count(name) > 1):
        faults.add("column names used more than once", example=shown(name), way_out="rename one")
    if not columns[0]:
        faults.add("there are no rows below the header")
    faults.raise_any()
    return dict(zip(header, columns, strict=True))


def _parquet_columns(path: Path) -> dict[str, list[str | None]]:
    from housing.data.parquet_file import ParquetColumns

    file = ParquetColumns(path)
    if not file.rows:
        raise DataError(f"{path}: there are no rows")
    return {name: [None if is_missing(value) else text_of(value) for value in file.cells(name)] for name in file.names}


def _missing_texts(columns: Mapping[str, Sequence[str | None]]) -> tuple[str, ...]:
    beside_numbers = set()
    for cells in columns.values():
        distinct = set(cells).difference(_MISSING_ANYWHERE, {None})
        suspects = distinct.intersection(_MISSING_BESIDE_NUMBERS)
        others = distinct - suspects
        if suspects and others and all(is_number(text) for text in others if text is not None):
            beside_numbers |= suspects
    return (*_MISSING_ANYWHERE, *sorted(text for text in beside_numbers if text is not None))


def _label(path: Path, name: str, cells: Sequence[str | None], missing_texts: Sequence[str]) -> _Guess:
    missing = sum(is_missing(cell, missing_texts) for cell in cells)
    if missing:
        raise DataError(f"{path}: the label {name!r} is missing in {missing} rows; leave these rows out")
    odd = [cell for cell in cells if cell is None or not is_number(cell)]
    if odd:
        raise DataError(f"{path}: the label {name!r} must be numeric; it has {listed(dict.fromkeys(odd), 3)}")
    values = [number(cell) for cell in cells if cell is not None]
    return _Guess("numeric", why="the label", low=min(values), high=max(values))


def _guess(name: str, cells: Sequence[str | None], missing_texts: Sequence[str]) -> _Guess:
    present = [cell for cell in cells if cell is not None and cell not in missing_texts]
    distinct = set(present)
    missing = len(present) < len(cells)
    if not present:
        return _Guess("ignored", why="guess: it is empty")
    if len(distinct) == 1 and not missing:
        return _Guess("ignored", why=f"guess: it is {shown(present[0])} in every row")
    unique = len(distinct) == len(present)
    if _numeric(distinct):
        values = [number(cell) for cell in distinct]
        if not unique or not _counts_rows(name, values):
            return _Guess("numeric", why="guess", low=min(values), high=max(values), missing=missing)
    elif not unique or not (len(present) > 10 or _IDENTIFIER_NAME.search(name)) or _dates(distinct):
        return _guess_text(distinct, rows=len(present), missing=missing)
    return _Guess("identifier", why="guess: no two rows share a value", missing=missing)


def _guess_text(distinct: set[str], *, rows: int, missing: bool) -> _Guess:
    if _dates(distinct):
        return _Guess("ignored", why="guess: dates; give parts of them as numeric columns to use them")
    few = len(distinct) <= _MOST_LEVELS and (len(distinct) <= 10 or 2 * len(distinct) <= rows)
    if not few or max(map(len, distinct)) > _LONGEST_LEVEL:
        return _Guess("ignored", why=f"guess: {len(distinct)} different texts are too many for levels")
    return _Guess(
        "nominal", why="guess: ordinal when the levels have an order", levels=sorted(distinct), missing=missing
    )


def _dates(texts: Iterable[str]) -> bool:
    return all(map(_DATE.fullmatch, texts))


def _numeric(texts: Iterable[str]) -> bool:
    # 01234 is a postal code, not a number.
    return all(is_number(text) and not re.match(r"-?0\d", text) for text in texts)


def _counts_rows(name: str, values: Sequence[float]) -> bool:
    """Whether unique numbers name rows: whole numbers, called so or without a gap."""
    if not all(value.is_integer() for value in values):
        return False
    gapless = len(values) > 10 and max(values) - min(values) == len(values) - 1
    return gapless or bool(_IDENTIFIER_NAME.search(name))


def _line(name: str, guess: _Guess) -> str:
    parts = [f"kind: {guess.kind}"]
    parts += [
        f"{key}: {_scalar(bound)}" for key, bound in (("low", guess.low), ("high", guess.high)) if bound is not None
    ]
    parts += [f"levels: [{', '.join(map(_value, guess.levels))}]"] if guess.levels else []
    parts += ["missing: unknown"] if guess.missing else []
    asks = guess.missing and guess.kind != "identifier"
    why = guess.why + ("; missing: none where it means that there is no such thing" if asks else "")
    return f"  {_scalar(name)}: {{{', '.join(parts)}}}  # {why}"


def _value(text: str) -> str:
    """A scalar that stands for itself, although the configuration takes `${...}` in a value for a reference."""
    return _scalar(text.replace("${", "\\${"))


def _scalar(value: str | float | None) -> str:
    """A YAML scalar that reads back as this value, inside a flow collection too."""
    import yaml  # type: ignore[import-untyped]

    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    # YAML's dialects disagree on what else is a number, a date or a boolean: quote all but plain words.
    style = '"' if isinstance(value, str) and not re.fullmatch(r"[A-Za-z]\w*", value, re.ASCII) else None
    text = yaml.safe_dump([value], default_flow_style=True, default_style=style, allow_unicode=True, width=math.inf)
    return str(text).strip().removeprefix("[").removesuffix("]")


def _name(path: Path) -> str:
    """What `dataset=` will be given; it names the endpoint too, so letters, digits and hyphens."""
    stem = path.name.split(".")[0].lower()
    return re.sub(r"[^a-z0-9]+", "-", stem)[:40].strip("-") or "mine"
