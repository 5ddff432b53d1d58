"""`housing describe`: a first description of a file; guesses are marked as such."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path

from housing.data.asked_label import describe_label
from housing.data.cells import is_number
from housing.data.csv_format import CsvFormat
from housing.data.faults import listed
from housing.data.file_texts import FileTexts, read_texts
from housing.data.guesses import Guess, guess_column
from housing.data.number_columns import MISSING_ANYWHERE, MISSING_BESIDE_NUMBERS
from housing.data.number_format import NumberFormat
from housing.data.number_guess import format_lines, likely_form, other_formats, reads_all, with_plain_numbers
from housing.data.source_spec import Elsewhere, Source, source_text
from housing.data.split_guess import split_lines
from housing.data.yaml_text import scalar_text, value_text
from housing.errors import ConfigError, DataError
from housing.nearest import nearest
from housing.tasks import base as tasks

_MOST_REASONS = 12


def describe(
    source: Source | Path,
    label: str,
    *,
    separator: str | None = None,
    sheet: str | None = None,
    task: str | None = None,
    tell: Callable[[str], None] = lambda _: None,
    progress: Callable[[int], None] = lambda _: None,
) -> str:
    """YAML for conf/dataset/, of files, or rows of a database. Raises DataError when none can be given.

    `task` is the question to ask of the label; left out, it is guessed from the label's values. `tell` is called with
    remarks that must not be overlooked, such as a column left out although it may hold numbers; `progress` repeatedly
    with the number of rows read.
    """
    if task is not None and task not in tasks.names():
        near = nearest(task, tasks.names())
        hint = f"did you mean {near}?" if near else f"available: {', '.join(tasks.names())}"
        raise ConfigError(f"--task {task}: no such task; {hint}")
    source = str(source) if isinstance(source, Path) else source
    read = partial(read_texts, source, separator, sheet=sheet, progress=progress)
    form_of = partial(likely_form, missing_texts=(*MISSING_ANYWHERE, *MISSING_BESIDE_NUMBERS), label=label)
    file = read(
        label=label,
        label_as_texts=task is not None and tasks.find(task).levels is not None,
        likely_form=form_of,
    )
    path = file.path
    if label not in file.names:
        near = nearest(label, file.names)
        hint = f"did you mean {near!r}?" if near else f"it has {listed(file.names, 12)}"
        raise DataError(f"{path}: there is no column {label!r} for the label; {hint}")
    form = file.number_form or form_of(file.columns)
    if file.number_form is None and file.numbers and not form.is_plain:
        file = read(as_numbers=False)
        form = form_of(file.columns)
    missing_texts = _missing_texts(file, form)
    as_written, file = file, with_plain_numbers(file, form, missing_texts)
    asked = describe_label(file, label, missing_texts, task)
    guesses = {name: asked.column if name == label else guess_column(file, name, missing_texts) for name in file.names}
    guesses |= other_formats(as_written, form, guesses, file.numbers)
    for name, guess in guesses.items():
        if guess.remark:
            tell(f"{path}: column {name!r}: {guess.remark}")
    if not any(guess.kind in ("numeric", "nominal", "date") for name, guess in guesses.items() if name != label):
        reasons = (f"\n  {name}: {_reason(guess)}" for name, guess in guesses.items() if name != label)
        raise DataError(
            f"{path}: no column besides {label!r} looks like a feature{''.join(islice(reasons, _MOST_REASONS))}"
        )
    used_texts = set().union(
        *(column.among(missing_texts) for column in file.columns.values()),
        *(column.missing_texts.intersection(missing_texts) for column in file.numbers.values()),
    )
    used = [text for text in missing_texts if text == "" or text in used_texts]
    return "\n".join(
        [
            f"# Described from {_what(source, path)}. Check the lines with a guess: kinds, what a missing value means, "
            "ranges.",
            f"name: {scalar_text(_name(source, path))}",
            *_source_lines(source),
            *_format_lines(file, sheet),
            f"missing_values: [{', '.join(map(scalar_text, used))}]" + ("  # guess" if len(used) > 1 else ""),
            *format_lines(form),
            f"label: {value_text(label)}",
            *asked.lines,
            "",
            *split_lines(guesses, asked.split),
            "",
            "columns:",
            *(_line(name, guess) for name, guess in guesses.items()),
            "",
        ]
    )


def _reason(guess: Guess) -> str:
    return guess.remark or f"{guess.kind}: {guess.why.removeprefix('guess: ')}"


def _source_lines(source: Source) -> Iterator[str]:
    if not isinstance(source, Elsewhere):
        listed_files = f"[{', '.join(map(value_text, source))}]" if isinstance(source, tuple) else value_text(source)
        yield f"source: {listed_files}"
        return
    assert source.sql is not None  # files of parts are described by their training part
    url = source.sql.url
    yield "source:"
    yield "  sql:"
    if source.sql.has_password:
        yield "    url: ${oc.env:DATABASE_URL}  # set it to the address with its password, which is never written here"
    else:
        yield f"    url: {value_text(url)}"
    key = "table" if source.sql.table else "query"
    yield f"    {key}: {value_text(source.sql.table or str(source.sql.query))}"


def _format_lines(file: FileTexts, sheet: str | None) -> Iterator[str]:
    form = file.form
    if file.format is not None:
        yield f"format: {file.format}"
    if sheet is not None:
        yield f"sheet: {value_text(sheet)}"
    if form is None:
        return
    yield f"separator: {scalar_text(form.separator)}"
    if form.encoding != CsvFormat.encoding:
        yield f"encoding: {scalar_text(form.encoding)}  # guess: it is not UTF-8"
    if form.comment is not None:
        yield f"comment: {scalar_text(form.comment)}  # guess: lines that begin like this are not rows"


def _missing_texts(file: FileTexts, form: NumberFormat) -> tuple[str, ...]:
    beside_numbers: set[str] = set()
    for column in file.numbers.values():
        beside_numbers |= column.missing_texts.intersection(MISSING_BESIDE_NUMBERS)
    for texts in file.columns.values():
        suspects = texts.among(MISSING_BESIDE_NUMBERS)
        others = texts.without((*MISSING_ANYWHERE, *suspects)).texts if suspects else ()
        if others and (reads_all(form, others) or all(map(is_number, others))):
            beside_numbers |= suspects
    return (*MISSING_ANYWHERE, *sorted(beside_numbers))


def _line(name: str, guess: Guess) -> str:
    parts = [f"kind: {guess.kind}"]
    parts += [
        f"{key}: {scalar_text(bound)}" for key, bound in (("low", guess.low), ("high", guess.high)) if bound is not None
    ]
    parts += [f"levels: [{', '.join(map(value_text, guess.levels))}]"] if guess.levels else []
    parts += [f"format: {scalar_text(guess.format)}"] if guess.format else []
    parts += [] if guess.unique else ["unique: false"]
    parts += ["missing: unknown"] if guess.missing and guess.kind != "ignored" else []
    asks = guess.missing and guess.kind not in ("identifier", "ignored")
    why = guess.why + ("; missing: none where it means that there is no such thing" if asks else "")
    return f"  {scalar_text(name)}: {{{', '.join(parts)}}}  # {why}"


def _what(source: Source, path: Path) -> str:
    if isinstance(source, tuple):
        return listed([Path(one).name for one in source], 3)
    return path.name if not isinstance(source, Elsewhere) else source_text(source)


def _name(source: Source, path: Path) -> str:
    """The dataset's name. The endpoint gets it, too, so it consists of letters, digits and hyphens."""
    of_table = isinstance(source, Elsewhere) and source.sql is not None and source.sql.table
    path = Path(source[0]) if isinstance(source, tuple) else path
    stem = (of_table or path.name).split(".")[-1 if of_table else 0].lower()
    return re.sub(r"[^a-z0-9]+", "-", stem)[:40].strip("-") or "mine"
