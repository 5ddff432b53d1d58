"""Whether a CSV file is in its declared encoding."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import IO

from housing.errors import DataError

_LOOKED_AT_BYTES = 1 << 20


def refuse_utf8(path: Path, file: IO[bytes], encoding: str) -> None:
    """Raises DataError for UTF-8 where another encoding is declared, in which most of it would decode, but wrongly.

    Non-ASCII bytes that are valid UTF-8 by chance hardly occur in natural texts.
    """
    if codecs.lookup(encoding).name.startswith("utf"):
        return
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(file.read(_LOOKED_AT_BYTES))
    except UnicodeDecodeError:
        return
    if odd := next((character for character in text if not character.isascii()), ""):
        raise DataError(
            f"{path}: is UTF-8 (its first letter beyond ASCII is {odd!r}), the dataset says {encoding}; save it as "
            f"{encoding}, or set encoding: utf-8"
        )


def wrong_encoding(path: Path, file: IO[bytes], encoding: str) -> str:
    """A message: where the text is not in the declared encoding, and the way out."""
    name = "UTF-8" if encoding.lower() in ("utf-8", "utf8") else encoding
    way_out = "save the file as UTF-8, or set encoding (latin-1, cp1252, ...)"
    for number, line in enumerate(file, 1):
        try:
            line.decode(encoding)
        except UnicodeDecodeError as error:
            byte = line[error.start]
            return f"{path}, line {number}: byte 0x{byte:02x} is not {name}; {way_out}"
    return f"{path}: is not {name}; {way_out}"
