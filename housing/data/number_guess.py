"""How the numbers of a file are written that nobody has described yet."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from housing.data.cells import is_number
from housing.data.faults import shown
from housing.data.file_texts import FileTexts
from housing.data.guesses import Guess
from housing.data.looks import Look, look, spelled_parts
from housing.data.number_format import PLAIN, SPACES, NumberFormat
from housing.data.yaml_text import scalar_text, value_text

_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{2,3})*,\d{3}(?:\.\d+)?")
_POINTS = re.compile(r"\d{1,3}(\.\d{3}){2,}")


def format_of(file: FileTexts, missing_texts: Collection[str], label: str) -> NumberFormat | None:
    """How most numbers of a file are written, those of the label above all; None where texts of all must be known."""
    looks, texts = {}, {}
    for name, cells in file.columns.items():
        present = [(cell, row) for row, cell in enumerate(cells) if cell is not None and cell not in missing_texts]
        if not present:
            continue
        words = {text for text, _ in present}
        if not all(map(is_number, words)):
            found = look(present, file.place)
            if found is None or not found.spelled:
                continue
            looks[name] = found
        texts[name] = words
    if file.numbers and any(found.spelled for found in looks.values()):
        return None
    return _best(looks, texts, label)


def with_plain_numbers(file: FileTexts, form: NumberFormat, missing_texts: Collection[str]) -> FileTexts:
    """The file as if its numbers were written plainly, wherever this format reads all of a column."""
    if form.is_plain:
        return file
    columns = {}
    for name, cells in file.columns.items():
        words = {cell for cell in cells if cell is not None and cell not in missing_texts}
        plain = {word: form.plain(word) for word in words} if words and reads_all(form, words) else {}
        columns[name] = [None if cell is None else plain.get(cell, cell) for cell in cells]
    return replace(file, columns=columns)


def other_formats(file: FileTexts, form: NumberFormat, guesses: Mapping[str, Guess]) -> dict[str, Guess]:
    """Columns that would be numbers, but not as those of the other columns are written."""
    found = {}
    for name, guess in guesses.items():
        if guess.kind != "numeric" or form.is_plain:
            continue
        odd = next(
            (text for text in file.columns[name] if text and is_number(text) and not reads_all(form, [text])), ""
        )
        if odd:
            what = f"{shown(odd)} is not a number where decimal is {form.decimal!r}, as in other columns"
            found[name] = Guess("ignored", why=f"guess: LEFT OUT: {what}", remark=f"left out: {what}")
    return found


def _best(looks: Mapping[str, Look], texts: Mapping[str, Iterable[str]], first: str) -> NumberFormat:
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


def reads_all(form: NumberFormat, texts: Iterable[str]) -> bool:
    """Whether each text is a number in this format."""
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
