"""How numbers are written in a file's texts: with which decimal mark, with what between thousands, with what around."""

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
    """`strip` are texts that stand around a number and mean nothing: a currency, a unit, a percent sign.

    Thousands are in groups of three, the higher ones of two or three. White space around is passed over.
    """

    decimal: str = "."
    thousands: str | None = None
    strip: tuple[str, ...] = ()

    @property
    def is_plain(self) -> bool:
        """Whether numbers stand as Python and most files have them."""
        return self == PLAIN

    def faults(self) -> Iterator[str]:
        """What is wrong with it, each `<key>: <rule>`."""
        if self.decimal not in (".", ","):
            yield f"decimal: must be '.' or ',', got {self.decimal!r}"
        if self.thousands is not None and (self.thousands not in (*".,'’_", *SPACES) or self.thousands == self.decimal):
            yield f"thousands: must be one of . , ' _ or a space, and not the decimal mark, got {self.thousands!r}"
        if odd := [text for text in self.strip if not text.strip() or re.search(r"^\d|[.,+-]", text)]:
            yield f"strip: must be texts without signs, marks and a digit in front, such as '$', got {odd[0]!r}"

    def number(self, text: str) -> float:
        """The finite number of a text. Raises ValueError."""
        return number(text if self.is_plain else self.plain(text))

    def of_plain(self, text: str) -> str:
        """A number's plain text as it stands in such a file."""
        return text.replace(".", self.decimal)

    def plain_array(self, cells: pa.Array) -> pa.Array:
        """Texts as Arrow reads numbers; one that is none in this format stays none."""
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
        """Which texts are numbers in this format, of any size; null where there is none."""
        import pyarrow.compute as pc

        for text in self.strip:
            cells = pc.replace_substring(cells, pattern=text, replacement="")
        cells = pc.replace_substring(pc.utf8_trim_whitespace(cells), pattern="\u2212", replacement="-")
        return pc.match_substring_regex(cells, pattern=f"^(?:{_pattern(self)})$")

    def _swapped(self, cells: pa.Array) -> pa.Array | None:
        """The texts with a point for the decimal mark, where nothing else needs a look: none has other marks.

        What is not a number then is not one for Arrow either. In a fifth of the time that a pattern takes.
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
        """A number's text as Python reads it. Raises ValueError for a text that is no number in this format."""
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
    """Of a number; Python and RE2 read it alike."""
    point = re.escape(form.decimal)
    whole = "[0-9]+"
    if form.thousands:
        mark = f"[{re.escape(_ALIKE.get(form.thousands, form.thousands))}]"
        # In India, a group above the lowest three has two digits.
        group = "{2,3}" if form.thousands == "," else "{3}"
        whole = f"(?:[0-9]{{1,3}}(?:{mark}[0-9]{group})*{mark}[0-9]{{3}}|[0-9]+)"
    return f"[-+]?(?:{whole}(?:{point}[0-9]*)?|{point}[0-9]+)(?:[eE][-+]?[0-9]+)?"
