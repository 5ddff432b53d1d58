"""The format of numbers in texts: decimal mark, thousands separator, and surrounding texts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from housing.data.cells import number

if TYPE_CHECKING:
    import pyarrow as pa

SPACES = " \u00a0\u2009\u202f"
_PLAIN_BYTES = b"0123456789+-eE"
_ALIKE = {**dict.fromkeys(SPACES, SPACES), **dict.fromkeys("'’", "'’")}
_NO_NUMBER = "?"


@dataclass(frozen=True)
class NumberFormat:
    """`strip` are texts around a number to be ignored: a currency, a unit, a percent sign.

    Thousands are in groups of three, the higher ones of two or three digits. Surrounding white space is ignored.
    """

    decimal: str = "."
    thousands: str | None = None
    strip: tuple[str, ...] = ()

    @property
    def is_plain(self) -> bool:
        """Whether numbers are written as in Python and most files."""
        return self == PLAIN

    def faults(self) -> Iterator[str]:
        """Its faults, each `<key>: <rule>`."""
        if self.decimal not in (".", ","):
            yield f"decimal: must be '.' or ',', got {self.decimal!r}"
        if self.thousands is not None and (self.thousands not in (*".,'’_", *SPACES) or self.thousands == self.decimal):
            yield f"thousands: must be one of . , ' _ or a space, and not the decimal mark, got {self.thousands!r}"
        if odd := [text for text in self.strip if not text.strip() or re.search(r"^\d|[.,+-]", text)]:
            yield f"strip: must be texts without signs, marks and a digit in front, such as '$', got {odd[0]!r}"

    def number(self, text: str) -> float:
        """The finite number in a text. Raises ValueError."""
        return number(text if self.is_plain else self.plain(text))

    def of_plain(self, text: str) -> str:
        """A number's plain text, rewritten in this format."""
        return text.replace(".", self.decimal)

    def plain_array(self, cells: pa.Array) -> pa.Array:
        """Texts rewritten so that Arrow can parse them; those that are not numbers in this format still are not."""
        import pyarrow.compute as pc

        if self.is_plain:
            return cells
        for text in self.strip:
            cells = pc.replace_substring(cells, pattern=text, replacement="")
        if (swapped := self._swapped(cells)) is not None:
            return swapped
        cells = pc.replace_substring(pc.utf8_trim_whitespace(cells), pattern="\u2212", replacement="-")
        is_one = pc.match_substring_regex(cells, pattern=f"^(?:{_pattern(self)})$")
        for mark in self._marks:
            cells = pc.replace_substring(cells, pattern=mark, replacement="")
        if self.decimal != ".":
            cells = pc.replace_substring(cells, pattern=self.decimal, replacement=".")
        return pc.if_else(is_one, cells, _NO_NUMBER)

    def matches(self, cells: pa.Array) -> pa.Array:
        """Which texts are numbers in this format, of any size; null for null."""
        import pyarrow.compute as pc

        for text in self.strip:
            cells = pc.replace_substring(cells, pattern=text, replacement="")
        cells = pc.replace_substring(pc.utf8_trim_whitespace(cells), pattern="\u2212", replacement="-")
        return pc.match_substring_regex(cells, pattern=f"^(?:{_pattern(self)})$")

    def _swapped(self, cells: pa.Array) -> pa.Array | None:
        """The texts with a point for the decimal mark, or None where they contain other marks that need a pattern.

        Texts that are not numbers then are not for Arrow either. Takes a fifth of the time of a pattern.
        """
        from housing.data.text_bytes import array_of_bytes, text_bytes

        offsets, data = text_bytes(cells)
        if data.translate(None, _PLAIN_BYTES + self.decimal.encode()) or (self.decimal != "." and b"." in data):
            return None
        swapped = data if self.decimal == "." else data.replace(self.decimal.encode(), b".")
        return array_of_bytes(cells, offsets, swapped)

    @property
    def _marks(self) -> str:
        return _ALIKE.get(self.thousands, self.thousands) if self.thousands else ""

    def plain(self, text: str) -> str:
        """A number's text as Python reads it. Raises ValueError for a text that is not a number in this format."""
        bare = text
        for around in self.strip:
            bare = bare.replace(around, "")
        bare = bare.strip().replace("\u2212", "-")
        if not re.fullmatch(_pattern(self), bare):
            raise ValueError(text)
        return bare.translate(dict.fromkeys(map(ord, self._marks))).replace(self.decimal, ".")


PLAIN = NumberFormat()


@cache
def _pattern(form: NumberFormat) -> str:
    """The regular expression of a number, for both Python and RE2."""
    point = re.escape(form.decimal)
    whole = "[0-9]+"
    if form.thousands:
        mark = f"[{re.escape(_ALIKE.get(form.thousands, form.thousands))}]"
        # In India, groups above the lowest three digits have two.
        group = "{2,3}" if form.thousands == "," else "{3}"
        whole = f"(?:[0-9]{{1,3}}(?:{mark}[0-9]{group})*{mark}[0-9]{{3}}|[0-9]+)"
    return f"[-+]?(?:{whole}(?:{point}[0-9]*)?|{point}[0-9]+)(?:[eE][-+]?[0-9]+)?"
