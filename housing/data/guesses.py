"""Guesses the description of a column, with the reason."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from housing.data.cells import is_number, number
from housing.data.date_guesses import date_pattern
from housing.data.faults import shown
from housing.data.file_texts import FileTexts
from housing.data.looks import Look, conversion, look
from housing.data.number_columns import NumberColumn
from housing.data.part_names import parts_named
from housing.data.text_columns import TextColumn
from housing.tasks.base import MOST_CLASSES

_IDENTIFIER_NAME = re.compile(r"(^|[^a-z])(id|uuid|guid|key|index)$|^(id|uuid)([^a-z]|$)|[a-z]Id$", re.IGNORECASE)
_MOST_LEVELS = 50
_LONGEST_LEVEL = 80


@dataclass(frozen=True)
class Guess:
    """A column's description; `why` is the comment after it, `remark` is an extra message for the console.

    `parts` are the column's texts where these say which part of the split a row belongs to.
    """

    kind: str
    why: str = ""
    low: float | None = None
    high: float | None = None
    levels: Sequence[str] = ()
    unique: bool = True
    missing: bool = False
    remark: str = ""
    format: str | None = None
    parts: Sequence[str] = ()


def guess_column(file: FileTexts, name: str, missing_texts: Sequence[str]) -> Guess:
    """The guess for a column that is not the label."""
    if name in file.numbers:
        return _guess_numbers(name, file.numbers[name])
    present = file.columns[name].without(missing_texts)
    missing = present.present < present.rows
    if not present.texts:
        return Guess("ignored", why=f"guess: {file.unread.get(name, 'it is empty')}")
    if len(present.texts) == 1 and not missing:
        return Guess("ignored", why=f"guess: it is {shown(present.texts[0])} in every row")
    return _guess_varied(file, name, present, missing=missing)


def _guess_numbers(name: str, column: NumberColumn) -> Guess:
    """The guess for a column of plain numbers."""
    missing = column.present < column.rows
    if column.whole and column.values is not None:
        distinct, unique = column.distinct, column.distinct == column.present
        is_called_so = _IDENTIFIER_NAME.search(name) is not None
        if is_called_so and not missing and _MOST_LEVELS < distinct <= column.present / 2:
            return Guess("identifier", why="guess: names what several rows belong to", unique=False)
        gapless = column.present > 10 and column.high - column.low == column.present - 1
        if unique and (gapless or is_called_so):
            return Guess("identifier", why="guess: no two rows share a value", missing=missing)
    return Guess("numeric", why="guess", low=column.low, high=column.high, missing=missing)


def _guess_varied(file: FileTexts, name: str, present: TextColumn, *, missing: bool) -> Guess:
    distinct, rows = present.texts, present.present
    unique = present.different == rows
    if present.different <= _MOST_LEVELS and parts_named(distinct):
        why = "guess: says which part of the split a row belongs to"
        return Guess("ignored", why=why, missing=missing, parts=distinct)
    if _names_groups(name, present) and not missing:
        return Guess("identifier", why="guess: names what several rows belong to", unique=False)
    if _numeric(distinct):
        values = [number(cell) for cell in distinct]
        if not unique or not _counts_rows(name, values):
            return Guess("numeric", why="guess", low=min(values), high=max(values), missing=missing)
    elif found := look(present, file.place):
        return _guess_odd(file, name, present, found, missing=missing)
    elif not unique or not (rows > 10 or _IDENTIFIER_NAME.search(name)):
        return _guess_text(present, missing=missing)
    return Guess("identifier", why="guess: no two rows share a value", missing=missing)


def _guess_odd(file: FileTexts, name: str, present: TextColumn, found: Look, *, missing: bool) -> Guess:
    """The guess for a column of dates, or of numbers that cannot be read as they are."""
    if found.kind == "moments":
        pattern = date_pattern(present.texts, present.others.formats if present.others.least else None)
        if pattern is None:
            return Guess("ignored", why=f"guess: {found.what}; {found.way_out}")
        also = f", but {' or '.join(pattern.also)} fits as well" if pattern.also else ""
        return Guess("date", why=f"guess: {found.what}{also}", format=pattern.format, missing=missing)
    unique = present.different == present.present
    if found.kind == "digits" and (unique or _IDENTIFIER_NAME.search(name)):
        return Guess("identifier", why=f"guess: {found.what}", missing=missing, unique=unique)
    way_out = found.way_out
    remark = f"{found.what}; {way_out}"
    if found.spelled:
        remark += f": {conversion(file.path, name, file.separator, found)}"
    levels = _guess_text(present, missing=missing)
    if levels.kind == "nominal" and present.different <= MOST_CLASSES and found.kind != "digits":
        return replace(levels, why=f"guess: LEVELS, not numbers: {found.what}", remark=f"taken as levels: {remark}")
    return Guess("ignored", why=f"guess: LEFT OUT: {found.what}; {way_out}", remark=f"left out: {remark}")


def _guess_text(present: TextColumn, *, missing: bool) -> Guess:
    different = present.different
    few = different <= 10 or 2 * different <= present.present
    if not few or present.longest > _LONGEST_LEVEL:
        return Guess("ignored", why=f"guess: {different:,} different texts are too many for levels")
    if different > _MOST_LEVELS:
        why = f"guess: {different:,} levels, those of training are learnt; features.high_cardinality encodes them"
        return Guess("nominal", why=why, missing=missing)
    levels = sorted(present.texts)
    return Guess("nominal", why="guess: ordinal when the levels have an order", levels=levels, missing=missing)


def _names_groups(name: str, present: TextColumn) -> bool:
    """Whether a column is named like an identifier, and has many values that repeat."""
    repeat = _MOST_LEVELS < present.different <= present.present / 2
    if not repeat or not _IDENTIFIER_NAME.search(name):
        return False
    return not _numeric(present.texts) or all(number(text).is_integer() for text in present.texts)


def _numeric(texts: Iterable[str]) -> bool:
    # 01234 is a postal code, not a number.
    return all(is_number(text) and not re.match(r"-?0\d", text) for text in texts)


def _counts_rows(name: str, values: Sequence[float]) -> bool:
    """Whether unique numbers identify rows: whole numbers with a name that says so, or without gaps."""
    if not all(value.is_integer() for value in values):
        return False
    gapless = len(values) > 10 and max(values) - min(values) == len(values) - 1
    return gapless or bool(_IDENTIFIER_NAME.search(name))
