"""Many cells read as numbers at once, where each is surely one: in a fiftieth of the time that each by itself takes.

What is out of the ordinary is left to `cells.number` and `Number.read`, which know what to say about it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

try:
    import orjson
except ModuleNotFoundError:  # where MLflow has brought what predicting needs, and no more
    orjson = None  # type: ignore[assignment]

_OF_NUMBERS = b"0123456789+-.eE,"
# From there on whole numbers lose digits.
_EXACT = 2.0**53
_VALUES = {float, int, type(None)}


def from_line(text: str) -> NDArray[np.float64] | None:
    """Cells separated by commas, an empty one as NaN; None unless each is surely a number as `cells.number` has it."""
    if orjson is None or not text.isascii() or text.encode().translate(None, _OF_NUMBERS):
        return None
    # JSON has no -0 that is whole.
    if "-0," in text or text.endswith("-0"):
        return None
    if ",," in text or text[:1] in ("", ",") or text[-1] == ",":
        text = f",{text},".replace(",,", ",null,").replace(",,", ",null,")[1:-1]
    try:
        values = np.array(orjson.loads(f"[{text}]"), np.float64)
    except ValueError:
        return None
    return None if (np.abs(values) >= _EXACT).any() else values


def from_cells(cells: Sequence[object], missing_texts: Collection[str]) -> NDArray[np.float64] | None:
    """Cells that are all texts, or all numbers and None; NaN for what is missing. None as `from_line` does."""
    kinds = set(map(type, cells))
    if kinds == {str}:
        texts = ["" if cell in missing_texts else cell for cell in cells]
        line = ",".join(texts)  # type: ignore[arg-type]  # they are texts
        values = from_line(line)
        return values if values is not None and len(values) == len(cells) else None
    if not kinds <= _VALUES:
        return None
    try:
        values = np.array(cells, np.float64)
    except OverflowError:
        return None
    return None if (np.abs(values) >= _EXACT).any() else values
