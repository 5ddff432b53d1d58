"""A first description of a file nobody has described yet: what can be seen is filled in, what is guessed says so."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from housing.data.cells import is_missing, is_number, number
from housing.data.faults import listed, shown
from housing.data.file_texts import FileTexts, read_texts
from housing.data.labels import MOST_CLASSES, regression_of_classes
from housing.data.looks import Look, conversion, look
from housing.errors import DataError
from housing.nearest import nearest

_MISSING_ANYWHERE = ("", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NULL", "null")
# These may be levels; beside numbers they can only mean missing.
_MISSING_BESIDE_NUMBERS = ("?", "-", "--", ".", "None", "none", "unknown", "missing")

_IDENTIFIER_NAME = re.compile(r"(^|[^a-z])(id|uuid|guid|key|index)$|^(id|uuid)([^a-z]|$)|[a-z]Id$", re.IGNORECASE)
_MOST_LEVELS = 50
_LONGEST_LEVEL = 80


@dataclass(frozen=True)
class _Guess:
    """A column as described; `why` is the comment behind it, `remark` what is said besides on the console."""

    kind: str
    why: str = ""
    low: float | None = None
    high: float | None = None
    levels: Sequence[str] = ()
    unique: bool = True
    missing: bool = False
    remark: str = ""


def describe(
    source: str | Path,
    label: str,
    *,
    separator: str | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> str:
    """YAML for conf/dataset/, of a CSV (also gzipped) or Parquet file. Raises DataError when none can be given.

    `tell` hears what should be seen even where nobody reads the YAML: a column left out although it may hold numbers.
    """
    file = read_texts(str(source), separator)
    path, separator, columns = file.path, file.separator, file.columns
    if label not in columns:
        near = nearest(label, columns)
        hint = f"did you mean {near!r}?" if near else f"it has {listed(columns, 12)}"
        raise DataError(f"{path}: there is no column {label!r} for the label; {hint}")
    missing_texts = _missing_texts(columns)
    guesses = {
        name: _label(file, name, missing_texts) if name == label else _guess(file, name, missing_texts)
        for name in columns
    }
    for name, guess in guesses.items():
        if guess.remark:
            tell(f"{path}: column {name!r}: {guess.remark}")
    if not any(guess.kind in ("numeric", "nominal") for name, guess in guesses.items() if name != label):
        remarks = "".join(f"\n  {name}: {guess.remark}" for name, guess in guesses.items() if guess.remark)
        raise DataError(f"{path}: no column besides {label!r} looks like a feature{remarks}")
    used = [text for text in missing_texts if text == "" or any(text in cells for cells in columns.values())]
    return "\n".join(
        [
            f"# Described from {path.name}. Lines with a guess want a look: kinds, what a missing value means, ranges.",
            f"name: {_scalar(_name(path))}",
            f"source: {_value(str(source))}",
            *(["format: parquet"] if separator is None else ["format: csv", f"separator: {_scalar(separator)}"]),
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


def _missing_texts(columns: Mapping[str, Sequence[str | None]]) -> tuple[str, ...]:
    beside_numbers = set()
    for cells in columns.values():
        distinct = set(cells).difference(_MISSING_ANYWHERE, {None})
        suspects = distinct.intersection(_MISSING_BESIDE_NUMBERS)
        others = distinct - suspects
        if suspects and others and all(is_number(text) for text in others if text is not None):
            beside_numbers |= suspects
    return (*_MISSING_ANYWHERE, *sorted(text for text in beside_numbers if text is not None))


def _label(file: FileTexts, name: str, missing_texts: Sequence[str]) -> _Guess:
    where = f"{file.path}: the label {name!r}"
    if name in file.unread:
        raise DataError(f"{where} {file.unread[name]}; housing fits regression, so a label is a number in each row")
    cells = file.columns[name]
    missing = sum(is_missing(cell, missing_texts) for cell in cells)
    if missing:
        raise DataError(f"{where} is missing in {missing} rows; leave these rows out")
    present = [(cell, row) for row, cell in enumerate(cells) if cell is not None]
    if not all(is_number(cell) for cell, _ in present):
        raise DataError(f"{where} {_why_no_label(file, name, present)}")
    values = [number(cell) for cell, _ in present]
    remark = regression_of_classes(values)
    why = f"the label; {remark}" if remark else "the label"
    return _Guess("numeric", why=why, low=min(values), high=max(values), remark=remark)


def _why_no_label(file: FileTexts, name: str, cells: Sequence[tuple[str, int]]) -> str:
    distinct = list(dict.fromkeys(text for text, _ in cells))
    found = look(cells, file.place)
    if found and found.spelled:
        command = conversion(file.path, name, file.separator, found)
        return f"must be plain numbers; these are {found.what}. To convert them: {command}"
    if found and found.kind == "numbers":
        return f"must be numeric; {found.what}; {found.way_out}"
    if found:
        return f"must be a plain number; it has {found.what}; {found.way_out}"
    if len(distinct) <= MOST_CLASSES and len(distinct) < len(cells):
        return (
            f"must be numeric; it has {len(distinct)} classes, {listed(sorted(distinct), MOST_CLASSES)}: housing fits "
            "regression and does not classify; choose a numeric label"
            + (", or write the classes as 0 and 1 to fit how often it is 1" if len(distinct) == 2 else "")
        )
    odd = [text for text in distinct if not is_number(text)]
    return f"must be numeric; it has {listed(odd, 3)}; housing fits regression: choose a numeric label"


def _guess(file: FileTexts, name: str, missing_texts: Sequence[str]) -> _Guess:
    cells = file.columns[name]
    present = [(cell, row) for row, cell in enumerate(cells) if cell is not None and cell not in missing_texts]
    distinct = {text for text, _ in present}
    missing = len(present) < len(cells)
    if not present:
        return _Guess("ignored", why=f"guess: {file.unread.get(name, 'it is empty')}")
    if len(distinct) == 1 and not missing:
        return _Guess("ignored", why=f"guess: it is {shown(present[0][0])} in every row")
    unique = len(distinct) == len(present)
    if _numeric(distinct):
        values = [number(cell) for cell in distinct]
        if not unique or not _counts_rows(name, values):
            return _Guess("numeric", why="guess", low=min(values), high=max(values), missing=missing)
    elif found := look(present, file.place):
        return _guess_odd(file, name, distinct, found, rows=len(present), missing=missing)
    elif not unique or not (len(present) > 10 or _IDENTIFIER_NAME.search(name)):
        return _guess_text(distinct, rows=len(present), missing=missing)
    return _Guess("identifier", why="guess: no two rows share a value", missing=missing)


def _guess_odd(file: FileTexts, name: str, distinct: set[str], found: Look, *, rows: int, missing: bool) -> _Guess:
    """A column of numbers that cannot be read as they are, or of dates."""
    if found.kind == "moments":
        return _Guess("ignored", why=f"guess: {found.what}; {found.way_out}")
    if found.kind == "digits" and (len(distinct) == rows or _IDENTIFIER_NAME.search(name)):
        unique = len(distinct) == rows
        return _Guess("identifier", why=f"guess: {found.what}", missing=missing, unique=unique)
    way_out = found.way_out
    remark = f"{found.what}; {way_out}"
    if found.spelled:
        remark += f": {conversion(file.path, name, file.separator, found)}"
    levels = _guess_text(distinct, rows=rows, missing=missing)
    if levels.kind == "nominal" and len(distinct) <= MOST_CLASSES and found.kind != "digits":
        return replace(levels, why=f"guess: LEVELS, not numbers: {found.what}", remark=f"taken as levels: {remark}")
    return _Guess("ignored", why=f"guess: LEFT OUT: {found.what}; {way_out}", remark=f"left out: {remark}")


def _guess_text(distinct: set[str], *, rows: int, missing: bool) -> _Guess:
    few = len(distinct) <= _MOST_LEVELS and (len(distinct) <= 10 or 2 * len(distinct) <= rows)
    if not few or max(map(len, distinct)) > _LONGEST_LEVEL:
        return _Guess("ignored", why=f"guess: {len(distinct)} different texts are too many for levels")
    return _Guess(
        "nominal", why="guess: ordinal when the levels have an order", levels=sorted(distinct), missing=missing
    )


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
    parts += [] if guess.unique else ["unique: false"]
    parts += ["missing: unknown"] if guess.missing else []
    asks = guess.missing and guess.kind not in ("identifier", "ignored")
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
