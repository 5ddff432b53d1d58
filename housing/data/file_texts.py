"""Every column of an undescribed file, as texts or numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from housing.data.column_reading import ColumnReading, LikelyForm
from housing.data.csv_format import CsvFormat
from housing.data.csv_guess import likeliest_format
from housing.data.faults import Faults
from housing.data.number_columns import NumberColumn
from housing.data.number_format import PLAIN, NumberFormat
from housing.data.raw_files import Format, format_of, found
from housing.data.source_spec import Source
from housing.data.text_columns import TextColumn
from housing.errors import DataError


@dataclass(frozen=True)
class FileTexts:
    """Columns as texts; `unread` maps those whose types cannot be features to the reason.

    `names` are those of all columns. `numbers` are columns without texts: all cells are numbers in the format
    `number_form`, plain ones where that is None. `place` names the row of an index; `form` is None unless the file is
    CSV, `format` is None for a database.
    """

    path: Path
    format: Format | None
    form: CsvFormat | None
    names: Sequence[str]
    columns: Mapping[str, TextColumn]
    place: Callable[[int], str]
    unread: Mapping[str, str] = field(default_factory=dict)
    numbers: Mapping[str, NumberColumn] = field(default_factory=dict)
    number_form: NumberFormat | None = None

    @property
    def separator(self) -> str | None:
        """The separator of a CSV file; None for other formats."""
        return self.form.separator if self.form else None


def read_texts(
    source: Source,
    separator: str | None,
    *,
    sheet: str | None = None,
    label: str = "",
    label_as_texts: bool = False,
    as_numbers: bool = True,
    likely_form: LikelyForm = lambda _: PLAIN,
    progress: Callable[[int], None] = lambda _: None,
) -> FileTexts:
    """Read all of a source; the separator of CSV is guessed unless it is given. Raises DataError.

    Files are read once to find columns of plain numbers, with `as_numbers`, and once more for the others; a database is
    queried once. For a long source, `likely_form` guesses the number format from some texts of each column. `progress`
    is called with the number of rows read.
    """
    where = found(source)
    kind = format_of(where.parts[0].path) if where.parts else None
    form = likeliest_format(where.parts[0].path, separator) if kind == "csv" else None
    once = where.sql is not None or kind == "excel"
    of_texts = (label,) if label_as_texts else ()
    reading = ColumnReading(label, as_numbers=as_numbers, of_texts=of_texts, once=once, progress=progress)
    files = list(where.files(kind, form or CsvFormat(), Faults(where.text), sheet=sheet))
    for file, faults in files:
        reading.add(file, faults)
    if not reading.places.rows:
        raise DataError(f"{where.text}: there are no rows{' below the header' if form else ''}")
    if as_numbers:
        reading.tell_all(files, likely_form)
    return FileTexts(
        Path(where.text),
        kind,
        form,
        reading.names,
        reading.columns(),
        reading.places,
        reading.unread,
        reading.numbers,
        reading.form,
    )
