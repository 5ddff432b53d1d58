"""How the text of a CSV file is split into rows and cells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class CsvFormat:
    """`comment` begins lines that are not rows; `skip_lines` precede the header, `footer_lines` follow the rows."""

    separator: str = ","
    encoding: str = "utf-8"
    comment: str | None = None
    skip_lines: int = 0
    footer_lines: int = 0

    @property
    def has_other_lines(self) -> bool:
        """Whether the file may contain lines that are not rows."""
        return bool(self.comment or self.skip_lines or self.footer_lines)

    def faults(self) -> Iterator[str]:
        """Its faults, each `<key> <rule>`."""
        if len(self.separator) != 1 or self.separator in '\r\n"':
            yield f"separator must be one character, not a quote or a line end, got {self.separator!r}"
        try:
            "".encode(self.encoding)
        except LookupError:  # also raised for codecs that are not text encodings, such as hex
            yield f"encoding: must be one that Python knows, such as utf-8, latin-1 or cp1252, got {self.encoding!r}"
        if self.comment is not None and (not self.comment or self.comment == self.separator or '"' in self.comment):
            yield f"comment: must be what begins a line of comment, such as '#', got {self.comment!r}"
        for key in ("skip_lines", "footer_lines"):
            if getattr(self, key) < 0:
                yield f"{key}: must be 0 or more, got {getattr(self, key)}"
