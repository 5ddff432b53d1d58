"""`housing describe` for the label: its task, and its lines of YAML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from housing.data.cells import is_number, number
from housing.data.faults import listed, shown
from housing.data.file_texts import FileTexts
from housing.data.guesses import Guess
from housing.data.looks import conversion, look
from housing.data.text_columns import TextColumn
from housing.data.yaml_text import value_text
from housing.errors import DataError
from housing.tasks import base as tasks
from housing.tasks.base import MOST_CLASSES

_FEWEST_ROWS_A_LEVEL = 2.0
_TWO = 2
_MANY_ROWS_A_LEVEL = 10


@dataclass(frozen=True)
class AskedLabel:
    """The label's column, its lines of YAML, and the comment on the split."""

    column: Guess
    lines: tuple[str, ...]
    split: str = ""


def describe_label(file: FileTexts, name: str, missing_texts: Sequence[str], task: str | None) -> AskedLabel:
    """Without `task`, it is guessed. Raises DataError for a label that suits no task, or not this one."""
    where = f"{file.path}: the label {name!r}"
    if name in file.unread:
        raise DataError(f"{where} {file.unread[name]}; a label is a number or a level in each row")
    if name in file.numbers:
        column = file.numbers[name]
        assert column.values is not None  # the label's values are always kept
        question = task or tasks.DEFAULT
        lines = _dropped(sorted(column.missing_texts), column.rows - column.present) if column.missing_texts else ()
        return _with_dropped(_number(column.values, question, is_guess=task is None), lines)
    cells = file.columns[name]
    present = cells.without(missing_texts)
    if not present.texts:
        raise DataError(f"{where} is missing in every row; choose another column")
    left_out = cells.rows - present.present
    lines = _dropped(sorted(set(cells.texts).difference(present.texts)), left_out) if left_out else ()
    numeric = all(map(is_number, present.texts))
    question = task or _guessed(where, file, name, present, numeric=numeric)
    if tasks.find(question).levels is not None:
        found = _levels(where, present, question, is_guess=task is None)
    elif numeric:
        found = _number(
            np.repeat([number(text) for text in present.texts], present.counts), question, is_guess=task is None
        )
    else:
        raise DataError(f"{where} {_why_no_number(file, name, present)}")
    return _with_dropped(found, lines)


def _with_dropped(found: AskedLabel, lines: tuple[str, ...]) -> AskedLabel:
    """The same, preceded by the line about rows without a label."""
    if not lines:
        return found
    said = lines[0].partition("guess: ")[2]
    remark = "; ".join(filter(None, (found.column.remark, said)))
    return replace(found, lines=(*lines, *found.lines), column=replace(found.column, remark=remark))


def _dropped(texts: Sequence[str], rows: int) -> tuple[str]:
    """The line that leaves out rows without a label; `texts` are the cells that mean missing."""
    words = [text for text in texts if text]
    or_else = f"; {listed(words)} means missing, a level needs another name" if words else ""
    times = f"{rows:,} row{'' if rows == 1 else 's'} without a label {'is' if rows == 1 else 'are'} left out"
    return (f"label_missing: dropped  # guess: {times}{or_else}",)


def _guessed(where: str, file: FileTexts, name: str, cells: TextColumn, *, numeric: bool) -> str:
    distinct, rows = cells.texts, cells.present
    if len(distinct) == 1:
        raise DataError(f"{where} is {shown(distinct[0])} in every row, so there is nothing to learn")
    if numeric:
        values = {number(text) for text in distinct}
        repeated = rows >= _FEWEST_ROWS_A_LEVEL * len(distinct)
        is_of_two = len(values) == len(distinct) == _TWO and repeated
        return tasks.for_levels(_TWO) if is_of_two else tasks.DEFAULT
    found = look(cells, file.place)
    if found and (found.spelled or found.kind in ("numbers", "digits", "moments")) and len(distinct) > MOST_CLASSES:
        raise DataError(f"{where} {_why_no_number(file, name, cells)}")
    if len(distinct) == _TWO and any(map(is_number, distinct)):
        raise DataError(f"{where} {_why_no_number(file, name, cells)}")
    question = tasks.for_levels(len(distinct))
    _, most = tasks.find(question).levels or (0, 0)
    few = len(distinct) > _TWO and rows < _FEWEST_ROWS_A_LEVEL * len(distinct)
    if len(distinct) > most or few:
        raise DataError(
            f"{where} has {len(distinct):,} different texts in {rows:,} rows, too many to tell apart: "
            f"{listed(sorted(distinct), 3)}; choose a label that is a number, or one with fewer levels"
        )
    return question


def _levels(where: str, cells: TextColumn, question: str, *, is_guess: bool) -> AskedLabel:
    counts = dict(zip(cells.texts, cells.counts.tolist(), strict=True))
    levels = sorted(counts, key=lambda text: (number(text) if is_number(text) else 0.0, text))
    least, most = tasks.find(question).levels or (0, 0)
    if not least <= len(levels) <= most:
        wanted = f"{least}" if least == most else f"{least} to {most}"
        raise DataError(f"{where} has {len(levels):,} levels, and task {question} takes {wanted}")
    guess = "  # guess" if is_guess else ""
    lines = [f"task: {question}{guess}"]
    if tasks.find(question).has_positive_level:
        rarer = min(reversed(levels), key=counts.__getitem__)
        lines.append(
            f"positive: {value_text(rarer)}  # guess: the rarer level, in {counts[rarer]:,} of {cells.present:,} rows"
        )
    column = Guess("nominal", why="the label", levels=levels)
    return AskedLabel(column, tuple(lines), ", with the same share of each level in every part")


def _number(values: Sequence[float] | NDArray[np.float64], question: str, *, is_guess: bool) -> AskedLabel:
    remark = tasks.find(question).label_remark(np.array(values)) if is_guess else ""
    why = f"the label; {remark}" if remark else "the label"
    column = Guess("numeric", why=why, low=float(np.min(values)), high=float(np.max(values)), remark=remark)
    guess = "  # guess" if is_guess else ""
    keys = (
        f"{key}: ???  # name the column, such as {one.example}" if one.is_column else f"{key}: {one.example}  # guess"
        for key, one in tasks.find(question).keys.items()
    )
    return AskedLabel(column, (f"task: {question}{guess}", *keys, 'label_unit: ""  # such as USD'))


def _why_no_number(file: FileTexts, name: str, cells: TextColumn) -> str:
    found = look(cells, file.place)
    if found and found.spelled:
        command = conversion(file.path, name, file.separator, found)
        return f"must be plain numbers; these are {found.what}. To convert them: {command}"
    if found and found.kind == "numbers":
        return f"must be numeric; {found.what}; {found.way_out}{_or_levels(cells)}"
    if found:
        way_out = "round it in the file, or choose another label" if found.kind == "digits" else found.way_out
        return f"must be a plain number; it has {found.what}; {way_out}{_or_levels(cells)}"
    odd = [text for text in cells.texts if not is_number(text)]
    return f"must be numeric; it has {listed(odd, 3)}; choose a numeric label, or another task{_or_levels(cells)}"


def _or_levels(cells: TextColumn) -> str:
    """An additional way out where the texts may be levels: two of them, or many rows of each."""
    different = len(cells.texts)
    question = tasks.for_levels(different)
    _, most = tasks.find(question).levels or (0, 0)
    if not _TWO <= different <= most or (different > _TWO and cells.present < _MANY_ROWS_A_LEVEL * different):
        return ""
    return f"; if its {different:,} different values are levels: --task {question}"
