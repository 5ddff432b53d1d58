"""Guesses the number format of an undescribed file."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from housing.data.cells import is_number
from housing.data.faults import shown
from housing.data.file_texts import FileTexts
from housing.data.guesses import Guess
from housing.data.looks import Look, look, spelled_parts
from housing.data.number_format import PLAIN, SPACES, NumberFormat
from housing.data.text_columns import LOOKED_AT, VERY_MANY, TextColumn
from housing.data.yaml_text import scalar_text, value_text

_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{2,3})*,\d{3}(?:\.\d+)?")
_POINTS = re.compile(r"\d{1,3}(\.\d{3}){2,}")


def likely_form(columns: Mapping[str, TextColumn], missing_texts: Collection[str], label: str) -> NumberFormat:
    """The format of most numbers in these columns; the label's counts first."""
    looks, texts = {}, {}
    for name, column in columns.items():
        present = column.without(missing_texts)
        if not present.texts:
            continue
        # A sample decides the format; whether all cells are in it shows when they are read.
        present = present.some(LOOKED_AT) if len(present.texts) > VERY_MANY else present
        words = present.texts
        if not all(map(is_number, words)):
            found = look(present, _row)
            if found is None or not found.spelled:
                continue
            looks[name] = found
        texts[name] = words
    return _best(looks, texts, label)


def with_plain_numbers(file: FileTexts, form: NumberFormat, missing_texts: Collection[str]) -> FileTexts:
    """The file with plain numbers in every column that this format reads completely."""
    if form.is_plain:
        return file
    columns = dict(file.columns)
    for name, column in file.columns.items():
        present = column.without(missing_texts)
        if present.texts and not present.others.different and reads_all(form, present.texts):
            plain = {text: form.plain(text) for text in present.texts}
            columns[name] = column.written({text: words for text, words in plain.items() if words != text})
    return replace(file, columns=columns)


def _row(index: int) -> str:
    return f"row {index + 1}"


def other_formats(
    file: FileTexts, form: NumberFormat, guesses: Mapping[str, Guess], read: Collection[str]
) -> dict[str, Guess]:
    """Guesses for columns whose numbers are in another format than the file's; without those that were `read`."""
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
    """The format in which most columns are numbers; `texts` has the texts of each column."""
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
    try:
        for text in texts:
            form.number(text)
    except ValueError:
        return False
    return True


def format_lines(form: NumberFormat) -> Sequence[str]:
    """The YAML lines of a format, marked as guesses."""
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
    """The format of these texts, as far as they show it."""
    parts = [found for text in texts if (found := spelled_parts(text))]
    around = dict.fromkeys(part for before, _, behind in parts for part in (before, behind) if part)
    cores = [core for _, core, _ in parts]
    has_comma = any("," in core and not _THOUSANDS.fullmatch(core) for core in cores)
    has_comma |= any(_POINTS.fullmatch(core) for core in cores)
    marks = dict.fromkeys(mark for core in cores for mark in re.findall(rf"[.,'’{SPACES}]", core))
    between = [mark for mark in marks if mark != ("," if has_comma else ".")]
    return NumberFormat("," if has_comma else ".", between[0] if between else None, tuple(around))


def _joined(forms: Sequence[NumberFormat], decimal: str) -> NumberFormat:
    """A format that combines all those with this decimal mark."""
    some = [form for form in forms if form.decimal == decimal]
    around = dict.fromkeys(text for form in some for text in form.strip)
    marks = [form.thousands for form in some if form.thousands]
    return NumberFormat(decimal, marks[0] if marks else None, tuple(around))
