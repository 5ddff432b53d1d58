"""Classifies columns whose cells are not all plain numbers: numbers in another format, numbers with a few texts, dates,
times.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain, compress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from housing.data.cells import has_too_many_digits, is_number
from housing.data.faults import shown
from housing.data.sources import code_text, pandas_command
from housing.data.text_columns import LOOKED_AT, VERY_MANY, Others, TextColumn

MOMENTS_WAY_OUT = "give parts of them as numeric columns to use them (year, month, hour, age)"

_NAMED = 3

_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?)\.?"
)
_DAY = r"(?:(?:mon|tues?|wed(?:nes)?|thur?s?|fri|sat(?:ur)?|sun)(?:day)?\.?,? )?"
_CLOCK = r"\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?: ?[ap]\.?m\.?)?"
_ZONE = r"(?: ?(?:z|utc|gmt|[+-]\d{2}:?\d{2}|[+-]\d{2}))?"
_DATES = re.compile(
    rf"(?:\d{{4}}[-/.]\d{{1,2}}(?:[-/.]\d{{1,2}})?|\d{{1,2}}[-/.]\d{{1,2}}[-/.](?:\d{{4}}|\d{{2}})"
    rf"|{_DAY}\d{{1,2}}(?:st|nd|rd|th|\.)?[ -]{_MONTH},?[ -](?:\d{{4}}|\d{{2}})"
    rf"|{_DAY}{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?,? \d{{4}}|{_MONTH}[ -]\d{{4}})"
    rf"(?:(?:t|,? ){_CLOCK}{_ZONE})?",
    re.IGNORECASE,
)
_CLOCKS = re.compile(rf"{_CLOCK}{_ZONE}|\d{{1,2}} ?[ap]\.?m\.?", re.IGNORECASE)

_CURRENCY = r"(?:USD|EUR|GBP|CHF|JPY|CNY|INR|CAD|AUD|NZD|SEK|NOK|DKK|PLN|CZK|BRL|R\$|US\$|Fr|kr|zł)"
_SPACES = " \u00a0\u2009\u202f"
_SPELLED = re.compile(
    rf"(?P<before>['’]?)(?P<open>\(?)(?P<sign1>[-+\u2212]?)(?P<prefix>(?:\W|_|{_CURRENCY})*?)(?P<sign2>[-+\u2212]?)"
    rf"(?P<core>\d[\d.,'’{_SPACES}]*\d|\d|[.,]\d+)(?P<exponent>[eE][-+\u2212]?\d+)?"
    rf"(?P<suffix>[{_SPACES}]*(?:[%‰\u00b0€$£¥]|[^\W\d_]+[²³0-9]?(?:/[^\W\d_]+[²³0-9]?)*)?)(?P<close>\)?)[{_SPACES}]*"
)
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{2,3})*,\d{3}(?:\.\d+)?")
_DECIMAL_COMMA = re.compile(rf"\d*,\d+|\d{{1,3}}(?:[.'’{_SPACES}]\d{{3}})+(?:,\d+)?")
_AMBIGUOUS = re.compile(r"[-+]?\d{1,3}\.\d{3}")
_NOT_FINITE = re.compile(r"[-+]?(?:inf|infinity|nan)|[-+]?\d*\.?\d+e\+?\d+", re.IGNORECASE)


@dataclass(frozen=True)
class Look:
    """What cells look like: `what` in words, `kind` as a category; `way_out` says what to do.

    `spelled` are the texts that can be converted to plain numbers; may be empty.
    """

    kind: str
    what: str
    way_out: str
    decimal_comma: bool = False
    spelled: Sequence[str] = ()


def look(column: TextColumn, place: Callable[[int], str]) -> Look | None:
    """What a column's present cells look like; None when they are plain text or plain numbers.

    Of very many different texts, a sample is examined first: where it is clearly plain text, so is the column.
    """
    texts = column.texts
    if column.different > VERY_MANY and not are_mostly_something(column.some(LOOKED_AT).texts):
        return None
    digits = next((cell for cell in zip(texts, column.first, strict=True) if has_too_many_digits(cell[0])), None)
    if digits and 2 * sum(is_number(text) or has_too_many_digits(text) for text in texts) > len(texts):
        what = f"{shown(digits[0])} ({place(int(digits[1]))}) has more digits than a number here can hold (2^53)"
        return Look("digits", what, "round it in the file, or keep it as kind: identifier")
    return _moments(column, place) or _numbers(column, place)


def conversion(path: Path, column: str, separator: str | None, found: Look) -> str:
    """A command that rewrites the file with the column as plain numbers. `separator` is None for Parquet."""
    stem, ours = path.name.split(".")[0], f"d[{code_text(column)}]"
    if separator is None:
        read = f"pd.read_parquet({code_text(str(path))})"
        write = f"d.to_parquet({code_text(str(path.with_name(f'{stem}-numbers.parquet')))}, index=False)"
    else:
        as_text = f'sep={code_text(separator)}, dtype=str, keep_default_na=False, encoding="utf-8-sig"'
        read = f"pd.read_csv({code_text(str(path))}, {as_text})"
        new = code_text(str(path.with_name(f"{stem}-numbers.csv")))
        write = f"d.to_csv({new}, sep={code_text(separator)}, index=False)"
    return pandas_command(f"d = {read}; {ours} = {ours}{_steps(found)}; {write}")


def _steps(found: Look) -> str:
    """Pandas calls that convert such texts to plain numbers."""
    texts = "\n".join(found.spelled)
    exponent = "eE" if re.search(r"\d[eE][-+\u2212]?\d", texts) else ""
    kept = f"-+0-9{',' if found.decimal_comma else '.'}{exponent}"
    steps = [r'.replace("\u2212", "-")'] if "\u2212" in texts else []
    if "(" in texts:
        steps.append(r'.replace(r"^\((.*)\)$", r"-\1", regex=True)')
    if re.search(r"[^\W\d_][\w/]*\s*$", texts, re.MULTILINE) and not exponent:
        steps.append(r'.replace(r"[^\W\d_][\w/]*\s*$", "", regex=True)')
    steps.append(f'.replace("[^{kept}]", "", regex=True)')
    if found.decimal_comma:
        steps.append('.replace(",", ".")')
    return "".join(f".str{step}" for step in steps)


def is_date_like(text: str) -> bool:
    """Whether a text could be a date, with or without a time, in any format."""
    return _DATES.fullmatch(text.strip()) is not None and not is_number(text)


def _is_clock_like(text: str) -> bool:
    return _CLOCKS.fullmatch(text.strip()) is not None and not is_number(text)


def _moments(column: TextColumn, place: Callable[[int], str]) -> Look | None:
    texts, rows, others = column.texts, column.present, column.others
    for kind, is_one in (("dates", is_date_like), ("clock times", _is_clock_like)):
        known = _mask(texts, is_one)
        are_dates = kind == "dates" and others.least != ""
        odd = (replace(column, others=Others()) if are_dates else column).where(~known)
        if 2 * (rows - odd.present) <= rows:
            continue
        example = min(chain(compress(texts, known), [others.least] if are_dates else []))
        what = f"{kind} (e.g. {shown(example)})"
        if odd.present:
            what = f"{rows - odd.present:,} of {rows:,} cells are {what}; {_are_not(odd, place)}"
        return Look("moments", what, MOMENTS_WAY_OUT)
    return None


def _numbers(column: TextColumn, place: Callable[[int], str]) -> Look | None:
    is_plain = _mask(column.texts, is_number)
    others = column.where(~is_plain)
    spelled = _spelled(others.texts)
    odd = others.without(spelled)
    rows = column.present
    if (not spelled and not odd.present) or 2 * (rows - odd.present) <= rows:
        return None
    infinite = odd.present and not spelled and all(_NOT_FINITE.fullmatch(text.strip()) for text in odd.texts)
    if infinite:
        more = f" (and {odd.present - 1:,} more)" if odd.present > 1 else ""
        what = f"{shown(odd.texts[0])} ({place(int(odd.first[0]))}) is not a finite number{more}"
        return Look("numbers", what, "mend it, or list it under missing_values")
    comma = any(comma for _, comma in spelled.values())
    how = _how(spelled)
    plain = column.where(is_plain).texts
    pointed = min((text for text in plain if "." in text and not _AMBIGUOUS.fullmatch(text)), default=None)
    if comma and pointed is not None:
        how += f", some with decimal points (e.g. {shown(pointed)})"
        spelled = {}
    if not odd.present:
        return Look("numbers", f"numbers{how}", "write them as plain numbers", comma, tuple(spelled))
    what = f"{rows - odd.present:,} of {rows:,} cells are numbers{how}; {_are_not(odd, place)}"
    way_out = "mend these rows, leave them out (where, footer_lines), or list them under missing_values"
    return Look("numbers", what, way_out, comma, tuple(spelled))


def _mask(texts: Sequence[str], is_so: Callable[[str], bool]) -> NDArray[np.bool_]:
    return np.fromiter(map(is_so, texts), bool, len(texts))


def _are_not(odd: TextColumn, place: Callable[[int], str]) -> str:
    first = odd.where(np.arange(len(odd.texts)) < _NAMED)
    named = ", ".join(f"{shown(text)} ({place(row)})" for text, row, _ in first.cells())
    return f"{named}{', ...' if odd.present > first.present else ''} {'is' if odd.present == 1 else 'are'} not"


def are_mostly_something(texts: Sequence[str]) -> bool:
    """Whether at least a third could be dates, times or numbers, in any format."""
    found = [
        is_number(text) or any(kind.fullmatch(text.strip()) for kind in (_DATES, _CLOCKS, _SPELLED, _NOT_FINITE))
        for text in texts
    ]
    return 3 * sum(found) >= len(found)


def _spelled(texts: Iterable[str]) -> dict[str, tuple[str, bool]]:
    """Text -> what surrounds its number, and whether it has a decimal comma; only for the most common format."""
    finite = [text for text in texts if not _NOT_FINITE.fullmatch(text)]
    parsed = {text: found for text in finite if (found := _SPELLED.fullmatch(text)) and _is_one(found)}
    # A unit is the same everywhere: 12a, 12b and 14c are house numbers. "1 of 3" and "r001" are not numbers.
    units = {found["suffix"].strip() for found in parsed.values() if re.search(r"[^\W\d_]", found["suffix"])}
    if len(units) > 1:
        return {}
    cores = [found["core"] for found in parsed.values() if "," in found["core"]]
    dotted = [found["core"] for found in parsed.values() if re.fullmatch(r"\d{1,3}(\.\d{3}){2,}", found["core"])]
    comma = bool(dotted) or any(not _THOUSANDS.fullmatch(core) for core in cores)
    kept = {}
    for text, found in parsed.items():
        core = found["core"]
        bare = re.sub(rf"(?<=\d)['’{_SPACES}](?=\d{{3}}(?!\d))", "", core)
        if re.match(r"0\d", bare):
            continue
        if comma and _DECIMAL_COMMA.fullmatch(bare):
            kept[text] = (_around(text, found, core), True)
        elif not comma and (_THOUSANDS.fullmatch(bare) or re.fullmatch(r"\d*\.?\d+|\d+\.", bare)):
            kept[text] = (_around(text, found, core), False)
        elif comma and re.fullmatch(r"\d+", bare):
            kept[text] = (_around(text, found, core), True)
    return kept


def spelled_parts(text: str) -> tuple[str, str, str] | None:
    """The text before a number, the number without its sign, and the text after it; None with parentheses."""
    found = _SPELLED.fullmatch(text)
    if not found or found["open"]:
        return None
    before = (found["before"] + found["prefix"]).strip(_SPACES)
    return before, found["core"], found["suffix"].strip(_SPACES)


def _is_one(found: re.Match[str]) -> bool:
    prefix = found["prefix"]
    symbols = re.sub(_CURRENCY, "", prefix)
    return all(c in _SPACES + "~≈" or unicodedata.category(c) == "Sc" for c in symbols) and (
        bool(found["open"]) == bool(found["close"])
    )


def _around(text: str, found: re.Match[str], core: str) -> str:
    start, end = found.span("core")
    around = text[:start] + text[end:] if found["exponent"] is None else text[:start] + found["suffix"]
    inner = "".join(c for c in core if not c.isdigit() and c != ".")
    return around.replace("-", "").replace("+", "") + inner


def _how(spelled: dict[str, tuple[str, bool]]) -> str:
    if not spelled:
        return ""
    example = next(iter(spelled))
    if all(comma and set(around) <= {","} for around, comma in spelled.values()):
        return f" with decimal commas (e.g. {shown(example)})"
    marks: dict[str, None] = {}
    for around, _ in spelled.values():
        words = re.findall(r"[^\W\d_]+[/²³0-9]*[^\W\d_]*", around)
        marks.update(dict.fromkeys(word for word in words))
        marks.update(dict.fromkeys(c for c in re.sub(r"[^\W\d_]+[/²³0-9]*", "", around)))
    named = [_SPELLED_OUT.get(mark, mark) for mark in marks]
    if len(named) > 1:
        named = [name for name in named if name != "blanks"] or named
    return f" but for {' and '.join(dict.fromkeys(named))} (e.g. {shown(example)})"


_SPELLED_OUT = {
    " ": "blanks",
    "\u00a0": "no-break spaces",
    "\u2009": "thin spaces",
    "\u202f": "narrow no-break spaces",
    "\u2212": "the minus sign U+2212",
    "'": "apostrophes",
    "’": "apostrophes",
}
