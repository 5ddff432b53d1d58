"""Reads very many dates: each day and each time of day is parsed once, by the same rules as a date by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from housing.data.date_guesses import ISO, Pattern, fits, likely_patterns
from housing.data.looks import is_date_like

if TYPE_CHECKING:
    import pyarrow as pa

_MOST_ODD = 1_000
_DAY_AND_CLOCK = r"^(?P<day>.*?)(?P<clock>(?:[Tt]|,? )\d{1,2}:.*)?$"
_FRACTIONS = ((r"\.\d{1,6}(\D.*)?$", r".0\1"), (r"\.\d{7,}(\D.*)?$", r".0000000\1"))
_ISO_DAY = "2000-01-01"
_ISO_HYPHEN = 4


def are_mostly_dates(texts: Sequence[str]) -> bool:
    """Whether nine tenths could be dates, in any format."""
    return 10 * sum(map(is_date_like, texts)) >= 9 * len(texts)


class Dates:
    """The patterns that fit all dates of a column, which come piece by piece; and the first one in order of texts."""

    def __init__(self, sample: Sequence[str]) -> None:
        """The patterns are chosen from those that fit the sample, a part of the column."""
        likely = likely_patterns(sample)
        self._iso = _Fits(ISO)
        self._is_iso = ISO in likely
        self._patterns = {pattern: _Fits(pattern) for pattern in likely if pattern is not ISO}
        self._odd: set[str] = set()
        self.least = ""

    @property
    def formats(self) -> tuple[str | None, ...]:
        """The formats that fit all dates, ISO 8601 first."""
        return ((None,) if self._is_iso else ()) + tuple(pattern.format for pattern in self._patterns)

    @property
    def has_many_odd(self) -> bool:
        """Whether too many different texts were odd."""
        return len(self._odd) > _MOST_ODD

    def odd(self, texts: pa.Array) -> NDArray[np.bool_]:
        """Which texts, none of them null, are no dates, or fit none of the patterns that fit all before."""
        import pyarrow as pa
        import pyarrow.compute as pc

        is_odd = np.zeros(len(texts), bool)
        unsure = np.flatnonzero(~self._iso.surely(*_parts(texts))) if self._is_iso else np.arange(len(texts))
        if len(unsure):
            different, codes = _encoded(texts.take(unsure))
            is_odd[unsure] = self._odd_among(different)[codes]
        least = pc.min(texts.filter(pa.array(~is_odd))).as_py()
        self.least = min(filter(None, (self.least, least)), default="")
        return is_odd

    def _odd_among(self, texts: pa.Array) -> NDArray[np.bool_]:
        """The same of texts that are not surely in ISO 8601; removes the patterns that do not fit all dates."""
        is_odd = np.fromiter(map(self._odd.__contains__, texts.to_pylist()), bool, len(texts))
        fresh = np.flatnonzero(~is_odd)
        texts = texts.take(fresh)
        days, clocks = _parts(texts)
        surely = {pattern: known.surely(days, clocks) for pattern, known in self._patterns.items()}
        none = np.zeros(len(texts), bool)
        counted = _either(texts, np.logical_or.reduce([none, *surely.values()]), is_date_like)
        if self.formats:
            dates = texts.filter(counted)
            iso = _either(dates, none[counted], _fit(None)) if self._is_iso else none[counted]
            fit = {pattern: _either(dates, mask[counted], _fit(pattern.format)) for pattern, mask in surely.items()}
            fit_any = np.logical_or.reduce([iso, *fit.values()])
            self._is_iso = self._is_iso and bool(iso[fit_any].all())
            self._patterns = {pattern: self._patterns[pattern] for pattern, mask in fit.items() if mask[fit_any].all()}
            counted[counted] = fit_any
        self._odd.update(texts.filter(~counted).to_pylist())
        is_odd[fresh] = ~counted
        return is_odd


_Coded = tuple[Sequence[str], NDArray[np.int32]]
"""Different texts, and for each row the place of its own among them."""


class _Known:
    """What is true of a text, found out once for each different one."""

    def __init__(self, is_so: Callable[[str], bool]) -> None:
        self._is_so = is_so
        self._known: dict[str, bool] = {}

    def mask(self, coded: _Coded) -> NDArray[np.bool_]:
        """(rows,) of whether it is so."""
        texts, codes = coded
        for text in set(texts).difference(self._known):
            self._known[text] = self._is_so(text)
        return np.fromiter(map(self._known.__getitem__, texts), bool, len(texts))[codes]


class _Fits:
    """Which dates fit a pattern for sure, because their days and clocks do, each of which is parsed once."""

    def __init__(self, pattern: Pattern) -> None:
        day = pattern.day
        example, example_format = (_ISO_DAY, None) if day is None else ("01.01.2000", f"%d.%m.%Y{pattern.clock}")
        self._days = _Known(lambda text: _is_apart(text, day) and is_date_like(text) and fits(text, day))
        self._clocks = _Known(lambda clock: is_date_like(_ISO_DAY + clock) and fits(example + clock, example_format))

    def surely(self, days: _Coded, clocks: _Coded) -> NDArray[np.bool_]:
        """(rows,) of texts that consist of these days and clocks."""
        return self._days.mask(days) & self._clocks.mask(clocks)


def _is_apart(day: str, pattern: str | None) -> bool:
    """Whether a day means the same with a clock behind it.

    Otherwise it ends in a blank, or is read by ISO 8601 whatever its pattern, as dates from Parquet are.
    """
    return day == day.strip() and (pattern is None or day[_ISO_HYPHEN : _ISO_HYPHEN + 1] != "-")


def _fit(pattern: str | None) -> Callable[[str], bool]:
    return lambda text: fits(text, pattern)


def _either(texts: pa.Array, known: NDArray[np.bool_], is_so: Callable[[str], bool]) -> NDArray[np.bool_]:
    """Which texts are known to be so, or are."""
    unsure = np.flatnonzero(~known)
    known[unsure] = np.fromiter(map(is_so, texts.take(unsure).to_pylist()), bool, len(unsure))
    return known


def _parts(texts: pa.Array) -> tuple[_Coded, _Coded]:
    """Days and clocks of texts; fractions of a second are those of an example."""
    import pyarrow.compute as pc

    parts = pc.extract_regex(texts, _DAY_AND_CLOCK)
    days, clocks = (pc.struct_field(parts, name).fill_null("") for name in ("day", "clock"))
    if pc.any(pc.match_substring(clocks, ".")).as_py():
        for pattern, example in _FRACTIONS:
            clocks = pc.replace_substring_regex(clocks, pattern, example)
    return _coded(days), _coded(clocks)


def _coded(texts: pa.Array) -> _Coded:
    different, codes = _encoded(texts)
    return different.to_pylist(), codes


def _encoded(texts: pa.Array) -> tuple[pa.Array, NDArray[np.int32]]:
    encoded = texts.dictionary_encode()
    return encoded.dictionary, encoded.indices.to_numpy(zero_copy_only=False)
