"""How the numbers of a file are written that nobody has described yet."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from housing.data.cells import HIGHEST_EXACT, is_number
from housing.data.faults import shown
from housing.data.file_texts import FileTexts
from housing.data.guesses import Guess
from housing.data.looks import Look, look, spelled_parts
from housing.data.number_columns import NumberColumn
from housing.data.number_format import PLAIN, SPACES, NumberFormat
from housing.data.text_columns import LOOKED_AT, VERY_MANY, TextColumn
from housing.data.yaml_text import scalar_text, value_text

_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{2,3})*,\d{3}(?:\.\d+)?")
_LEADING_ZEROS = tuple(f"0{digit}" for digit in range(10))
_POINTS = re.compile(r"\d{1,3}(\.\d{3}){2,}")


def format_of(file: FileTexts, missing_texts: Collection[str], label: str) -> NumberFormat | None:
    """How most numbers of a file are written, those of the label above all; None where texts of all must be known."""
    looks, texts = {}, {}
    for name, column in file.columns.items():
        present = column.without(missing_texts)
        if not present.texts:
            continue
        # Which format it is, some tell; whether all are in it, `with_plain_numbers` does.
        present = present.some(LOOKED_AT) if len(present.texts) > VERY_MANY else present
        words = present.texts
        if not all(map(is_number, words)):
            found = look(present, file.place)
            if found is None or not found.spelled:
                continue
            looks[name] = found
        texts[name] = words
    if file.numbers and any(found.spelled for found in looks.values()):
        return None
    return _best(looks, texts, label)


def with_plain_numbers(file: FileTexts, form: NumberFormat, missing_texts: Collection[str], label: str) -> FileTexts:
    """The file as if its numbers were written plainly, wherever this format reads all of a column."""
    if form.is_plain:
        return file
    columns, numbers = dict(file.columns), dict(file.numbers)
    for name, column in file.columns.items():
        present = column.without(missing_texts)
        if not present.texts:
            continue
        if many := _numbers_of_many(form, present, keeps_values=name == label):
            missing = frozenset(missing_texts).intersection(column.texts)
            numbers[name] = replace(many, missing_texts=missing)
            del columns[name]
        elif reads_all(form, present.texts):
            columns[name] = column.written({text: form.plain(text) for text in present.texts})
    return replace(file, columns=columns, numbers=numbers)


def _numbers_of_many(form: NumberFormat, present: TextColumn, *, keeps_values: bool) -> NumberColumn | None:
    """Very many numbers as a column of plain ones; None for few, and where all texts must be looked at."""
    if len(present.texts) <= VERY_MANY or (values := _read_at_once(form, present.texts)) is None:
        return None
    if any(text.lstrip("+-").startswith(_LEADING_ZEROS) for text in present.texts):
        return None
    whole = bool((values == np.floor(values)).all())
    kept = np.repeat(values, present.counts) if whole or keeps_values else None
    low, high = float(values.min()), float(values.max())
    return NumberColumn(present.rows, present.present, low, high, whole, frozenset(), kept)


def _read_at_once(form: NumberFormat, texts: Sequence[str]) -> NDArray[np.float64] | None:
    """The numbers; None unless each is surely one."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        values: NDArray[np.float64] = pc.cast(form.plain_array(pa.array(texts, pa.string())), pa.float64()).to_numpy()
    except pa.ArrowInvalid:
        return None
    return values if (np.abs(values) < HIGHEST_EXACT).all() else None


def other_formats(
    file: FileTexts, form: NumberFormat, guesses: Mapping[str, Guess], read: Collection[str]
) -> dict[str, Guess]:
    """Columns that would be numbers, but not as those of the other columns are written; not those that were `read`."""
    found = {}
    for name, guess in guesses.items():
        if guess.kind != "numeric" or form.is_plain or name in read:
            continue
        odd = next(
            (text for text in file.columns[name].texts if text and is_number(text) and not reads_all(form, [text])), ""
        )
        if odd:
            what = f"{shown(odd)} is not a number where decimal is {form.decimal!r}, as in other columns"
            found[name] = Guess("ignored", why=f"guess: LEFT OUT: {what}", remark=f"left out: {what}")
    return found


def _best(looks: Mapping[str, Look], texts: Mapping[str, Sequence[str]], first: str) -> NumberFormat:
    """The format in which most columns are numbers; `texts` are those that occur."""
    spelled = {name: found.spelled for name, found in looks.items() if found.spelled}
    if not spelled:
        return PLAIN
    forms = [PLAIN, *dict.fromkeys(_of(words) for words in spelled.values())]
    candidates = [form for form in (*forms, *(_joined(forms, mark) for mark in ".,")) if not list(form.faults())]

    def fit(form: NumberFormat) -> tuple[bool, int, int]:
        able = {name for name, words in texts.items() if reads_all(form, words)}
        return first in able, len(able), -candidates.index(form)

    return max(candidates, key=fit)


def reads_all(form: NumberFormat, texts: Sequence[str]) -> bool:
    """Whether each text is a number in this format."""
    if len(texts) > VERY_MANY and _read_at_once(form, texts) is not None:
        return True
    try:
        for text in texts:
            form.number(text)
    except ValueError:
        return False
    return True


def format_lines(form: NumberFormat) -> Sequence[str]:
    """Lines of YAML, marked as guesses."""
    lines = []
    if form.decimal != ".":
        lines.append(f"decimal: {scalar_text(form.decimal)}  # guess")
    if form.thousands:
        lines.append(f"thousands: {scalar_text(form.thousands)}  # guess")
    if form.strip:
        texts = ", ".join(map(value_text, form.strip))
        lines.append(f"strip: [{texts}]  # guess: what stands around numbers")
    return lines


def _of(texts: Sequence[str]) -> NumberFormat:
    """In which these texts are numbers, for all that they show."""
    parts = [found for text in texts if (found := spelled_parts(text))]
    around = dict.fromkeys(part for before, _, behind in parts for part in (before, behind) if part)
    cores = [core for _, core, _ in parts]
    has_comma = any("," in core and not _THOUSANDS.fullmatch(core) for core in cores)
    has_comma |= any(_POINTS.fullmatch(core) for core in cores)
    marks = dict.fromkeys(mark for core in cores for mark in re.findall(rf"[.,'’{SPACES}]", core))
    between = [mark for mark in marks if mark != ("," if has_comma else ".")]
    return NumberFormat("," if has_comma else ".", between[0] if between else None, tuple(around))


def _joined(forms: Sequence[NumberFormat], decimal: str) -> NumberFormat:
    """All that forms with one decimal mark have."""
    some = [form for form in forms if form.decimal == decimal]
    around = dict.fromkeys(text for form in some for text in form.strip)
    marks = [form.thousands for form in some if form.thousands]
    return NumberFormat(decimal, marks[0] if marks else None, tuple(around))
