"""Reads every column of undescribed files: as numbers where all cells are numbers, as texts otherwise.

A long file is never held as texts: the number format is guessed from a sample of each column, then whole columns are
converted, and only cells that are not numbers in this format are kept as texts.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from housing.data.faults import Faults, listed
from housing.data.header import note_repeated_names
from housing.data.looks import MOMENTS_WAY_OUT
from housing.data.number_columns import MISSING_ANYWHERE, MISSING_BESIDE_NUMBERS, NumberCells, NumberColumn
from housing.data.number_format import NumberFormat
from housing.data.pieces import Gathered, RawFile
from housing.data.sampled_texts import SampledCells
from housing.data.selection import Places
from housing.data.text_columns import VERY_MANY, TextCells, TextColumn
from housing.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

LikelyForm = Callable[[Mapping[str, TextColumn]], NumberFormat]

_EVERY, _SAMPLED = 40, 500
# Columns with fewer different texts than this are kept whole.
_FEW_TEXTS = 300
_Files = Sequence[tuple[RawFile, Faults]]
_Teller = NumberCells | TextCells | SampledCells


class ColumnReading:
    """Reads the columns of several files, which must all have the same columns."""

    def __init__(
        self,
        label: str,
        *,
        as_numbers: bool,
        of_texts: Collection[str],
        once: bool,
        progress: Callable[[int], None],
    ) -> None:
        """`as_numbers`: look for columns of numbers, except among `of_texts`. `once`: the source can be read only
        once.
        """
        self._first = ""
        self._label = label
        self._progress = progress
        self._quick = as_numbers
        self._of_texts = of_texts
        self._once = once
        self._plain: dict[str, NumberCells] = {}
        self._kept: dict[str, list[pa.Array]] = {}
        self._samples: dict[str, list[pa.Array]] = {}
        self._texts: dict[str, TextColumn] = {}
        self._cells: dict[str, TextCells | SampledCells] = {}
        self.form: NumberFormat | None = None
        self.names: list[str] = []
        self.unread: dict[str, str] = {}
        self.numbers: dict[str, NumberColumn] = {}
        self.places = Places()

    def add(self, file: RawFile, faults: Faults) -> None:
        """Read all of a file. Raises DataError."""
        names = list(file.names)
        note_repeated_names(names, faults)
        if not file.is_csv:  # other formats cannot be read with duplicate names
            faults.raise_any()
        if not self.names:
            self._first = faults.source
            self.names = list(dict.fromkeys(names))
            if self._quick:
                self._plain = {
                    name: NumberCells(keeps_values=name == self._label) for name in names if name not in self._of_texts
                }
        elif set(names) != set(self.names):
            odd = sorted(set(names) ^ set(self.names))
            first = Path(self._first).name
            raise DataError(f"{faults.source}: its columns are not those of {first}: {listed(odd)} is in one of them")
        self._note_unread(file)
        gathered = Gathered(self._take)
        for piece in file.pieces([place for place, name in enumerate(names) if name not in self.unread]):
            self.places.add(piece.rows, None, piece.place)
            gathered.add({names[position]: cells for position, cells in piece.columns.items()}, piece.rows)
            self._progress(self.places.rows)
        gathered.hand_on()
        faults.raise_any()

    def tell_all(self, files: _Files, likely_form: LikelyForm) -> None:
        """Determine the columns that are not plain numbers; reads the files again. Raises DataError."""
        self.numbers = {name: column for name, cells in self._plain.items() if (column := cells.column())}
        # Two different numbers may be levels.
        if self._label in self.numbers and self.numbers[self._label].distinct <= 2:
            del self.numbers[self._label]
        others = [name for name in self.names if name not in self.numbers and name not in self.unread]
        if self.places.rows <= VERY_MANY:
            self._keep_texts(files, others)
            return
        samples = {name: _texts_of(cells).some(_SAMPLED) for name, cells in self._samples.items()}
        self.form = likely_form(samples)
        plain = dict(self.numbers)
        odd = self._tell(files, others, samples)
        if odd:
            wider = likely_form(
                {**samples, **{name: _without(samples[name], some).beside(some) for name, some in odd.items()}}
            )
            if wider != self.form:
                self.form, self.numbers = wider, plain
                self._tell(files, others, samples)

    def columns(self) -> dict[str, TextColumn]:
        """The texts of all columns that are not numbers."""
        texts = self._texts | {name: cells.column() for name, cells in self._cells.items()}
        none = TextColumn.empty(self.places.rows)
        return {name: texts.get(name, none) for name in self.names if name not in self.numbers}

    def _tell(self, files: _Files, others: Sequence[str], samples: Mapping[str, TextColumn]) -> dict[str, TextColumn]:
        """Read the other columns with the number format; returns the odd cells of columns that are mostly numbers."""
        assert self.form is not None
        pointed = [name for name, column in self.numbers.items() if column.pointed and self.form.decimal != "."]
        numbers = {
            name: NumberCells(keeps_values=name == self._label, form=self.form, keeps_odd=True)
            for name in (*others, *pointed)
            if name not in self._of_texts and name in samples and _has_many_numbers(samples[name], self.form)
        }
        texts: dict[str, TextCells | SampledCells] = {
            name: TextCells() if name == self._label else SampledCells()
            for name in (*others, *pointed)
            if name not in numbers
        }
        self._read(files, {**numbers, **texts})
        again = [name for name, cells in texts.items() if isinstance(cells, SampledCells) and cells.is_misjudged]
        self._texts, odd = {}, {}
        for name, cells in numbers.items():
            self.numbers.pop(name, None)
            column, some = cells.column(), cells.odd
            if column is None or cells.is_given_up:
                again.append(name)
            elif some.texts:
                odd[name] = some
                self._texts[name] = _without(samples[name], some).standing_for(column.present).beside(some)
            else:
                self.numbers[name] = column
        for name in pointed:
            if name in texts:
                del self.numbers[name]
        self._cells = texts
        self._keep_texts(files, again)
        return odd

    def _keep_texts(self, files: _Files, names: Sequence[str]) -> None:
        cells = {name: TextCells() for name in names}
        for name in names:
            self._cells.pop(name, None)
        self._read(files, cells)
        self._cells |= cells

    def _read(self, files: _Files, tellers: Mapping[str, _Teller]) -> None:
        """Read the files once more, passing each column's cells to its teller. Raises DataError."""
        if not tellers:
            return
        if self._once:
            for name, teller in tellers.items():
                for cells in self._kept.get(name, ()):
                    teller.take(cells)
            return
        gathered = Gathered(lambda name, cells: tellers[name].take(cells))
        rows = 0
        for file, faults in files:
            wanted = {place: name for place, name in enumerate(file.names) if name in tellers}
            for piece in file.pieces(list(wanted)):
                rows += piece.rows
                gathered.add({wanted[position]: cells for position, cells in piece.columns.items()}, piece.rows)
                self._progress(rows)
            if rows > self.places.rows:
                raise DataError(f"{faults.source}: has changed while it was read; describe it once it is whole")
        gathered.hand_on()

    def _take(self, name: str, cells: pa.Array) -> None:
        """Take a column's cells in the first reading."""
        import pyarrow as pa

        if not self._quick:
            self._cells.setdefault(name, TextCells()).take(cells)
            return
        if self._once:
            self._kept.setdefault(name, []).append(cells)
        if name in self._plain:
            self._plain[name].take(cells)
            if self._plain[name].is_given_up:
                del self._plain[name]
        if self.places.rows > VERY_MANY // 2:
            some = pa.array(range(0, len(cells), _EVERY))
            self._samples.setdefault(name, []).append(cells.take(some))

    def _note_unread(self, file: RawFile) -> None:
        for name in dict.fromkeys(file.names):
            if found := file.unread(name):
                kind, is_moment = found
                self.unread[name] = f"holds {kind}" + (f": dates or times; {MOMENTS_WAY_OUT}" if is_moment else "")


def _texts_of(pieces: Sequence[pa.Array]) -> TextColumn:
    cells = TextCells()
    gathered = Gathered(lambda _, some: cells.take(some))
    for piece in pieces:
        gathered.add({"": piece}, len(piece))
    gathered.hand_on()
    return cells.column()


def _has_many_numbers(sample: TextColumn, form: NumberFormat) -> bool:
    """Whether a column has many different texts, most of which are numbers in this format."""
    import pyarrow as pa

    there = sample.without((*MISSING_ANYWHERE, *MISSING_BESIDE_NUMBERS))
    if len(there.texts) < _FEW_TEXTS:
        return False
    trial = NumberCells(keeps_values=False, form=form, keeps_odd=True)
    trial.take(pa.array(there.texts, pa.string()))
    return not trial.is_given_up and 2 * trial.odd.present < len(there.texts)


def _without(sample: TextColumn, odd: TextColumn) -> TextColumn:
    return sample.without((*MISSING_ANYWHERE, *MISSING_BESIDE_NUMBERS, *odd.texts))
