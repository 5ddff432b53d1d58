"""Of a column of very many dates, a sample is kept, and what is said of it is what all of them say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from housing.data import sampled_texts
from housing.data.file_texts import FileTexts
from housing.data.guesses import Guess, guess_column
from housing.data.sampled_texts import SampledCells
from housing.data.text_columns import TextCells

FEW = 100
SECONDS = np.datetime64("2020-01-01T00:00:00") + np.arange(12 * FEW) * np.timedelta64(7919, "s")


def as_texts(pattern: str, seconds: np.ndarray = SECONDS) -> list[str | None]:  # type: ignore[type-arg]
    return [one.strftime(pattern) for one in seconds.tolist()]


def with_some(texts: list[str | None], every: int, *some: str | None) -> list[str | None]:
    """Some cells replaced, the first ones after the column is known to be of dates."""
    return [some[row // every % len(some)] if row % every == every - 1 else text for row, text in enumerate(texts)]


@pytest.fixture
def few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampled_texts, "VERY_MANY", FEW)
    monkeypatch.setattr(sampled_texts, "LOOKED_AT", FEW)


def guessed(texts: list[str | None], name: str, *, whole: bool) -> tuple[Guess, int]:
    """What is guessed of a column, and how many texts were kept."""
    cells = TextCells() if whole else SampledCells()
    for start in range(0, len(texts), 70):
        cells.take(pa.array(texts[start : start + 70], pa.string()))
    assert whole or not cells.is_misjudged
    column = cells.column()
    file = FileTexts(Path("t.csv"), "csv", None, [name], {name: column}, lambda row: f"line {row + 2}")
    return guess_column(file, name, ("", "NA")), len(column.texts)


COLUMNS: dict[str, Callable[[], list[str | None]]] = {
    "ISO": lambda: as_texts("%Y-%m-%dT%H:%M:%S"),
    "ISO with a zone": lambda: as_texts("%Y-%m-%d %H:%M:%S+02:00"),
    "fractions": lambda: as_texts("%Y-%m-%d %H:%M:%S.%f"),
    "nanoseconds": lambda: as_texts("%Y-%m-%d %H:%M:%S.%f123"),
    "German": lambda: as_texts("%d.%m.%Y %H:%M:%S"),
    "German fractions": lambda: as_texts("%d.%m.%Y %H:%M:%S.%f"),
    "hyphens, read by ISO 8601 or not": lambda: [text and text.lstrip("0") for text in as_texts("%d-%m-%Y %H:%M")],
    "noon": lambda: as_texts("%b %d, %Y %I:%M %p"),
    "a day that may be a month": lambda: as_texts(
        "%d/%m/%Y %H:%M:%S", np.datetime64("2020-01-01") + np.arange(12 * FEW) * np.timedelta64(127, "s")
    ),
    "no pattern of ours": lambda: as_texts("%a, %d %b %Y %H:%M:%S GMT"),
    "missing": lambda: with_some(as_texts("%d.%m.%Y %H:%M:%S"), 9, None, "NA", ""),
    "a few odd": lambda: with_some(as_texts("%d.%m.%Y %H:%M:%S"), 177, "soon", "later", "no date"),
    "odd among ISO": lambda: with_some(as_texts("%Y-%m-%d %H:%M:%S"), 177, "soon", "20200101", "2020-1-1 5:00"),
    "without hyphens": lambda: with_some(as_texts("%Y-%m-%d %H:%M:%S"), 1_000, "20200101"),
    "no such day": lambda: with_some(as_texts("%Y-%m-%d %H:%M:%S"), 1_000, "2021-02-30"),
    "no such hour": lambda: with_some(as_texts("%d.%m.%Y %H:%M:%S"), 1_000, "01.02.2021 24:30:00"),
    "ISO among German": lambda: with_some(as_texts("%d.%m.%Y %H:%M:%S"), 300, "2021-02-03 04:05:06"),
    "German among ISO": lambda: with_some(as_texts("%Y-%m-%d %H:%M:%S"), 300, "03.02.2021 04:05:06"),
    "hours with one digit, as ISO 8601 has not": lambda: with_some(
        as_texts("%d.%m.%Y %H:%M"), 1_000, "2021-02-03 4:05"
    ),
    "blanks": lambda: with_some(
        as_texts("%d.%m.%Y %H:%M"), 50, " 03.02.2021 04:05", "03.02.2021  04:05", "03.02.2021 04:05 "
    ),
    "two lines": lambda: with_some(as_texts("%d.%m.%Y %H:%M"), 300, "03.02.2021\n04:05"),
    "digits of others": lambda: with_some(as_texts("%d.%m.%Y %H:%M"), 300, "٠٣.02.2021 04:05"),
    "years and months, which may be numbers": lambda: with_some(as_texts("%Y-%m-%d %H:%M"), 300, "2021.02"),
}


@pytest.mark.usefixtures("few_are_many")
@pytest.mark.parametrize("what", COLUMNS)
def test_a_guess_from_a_sample_is_that_from_all_dates(what: str) -> None:
    texts = COLUMNS[what]()
    for name in ("sold", "sale_id"):
        (sampled, kept), (whole, all_of_them) = (guessed(texts, name, whole=whole) for whole in (False, True))
        assert sampled == whole
        assert kept < 0.8 * all_of_them
    assert whole.kind in ("date", "ignored")


@pytest.mark.usefixtures("few_are_many")
def test_dates_that_become_words_are_read_again() -> None:
    cells = SampledCells()
    for texts in (as_texts("%d.%m.%Y %H:%M:%S"), [f"day {number}" for number in range(2000)]):
        cells.take(pa.array(texts, pa.string()))
    assert cells.is_misjudged
