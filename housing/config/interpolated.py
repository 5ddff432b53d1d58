"""Numbers that interpolations bring as text: an environment variable is never anything else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from omegaconf import DictConfig, ListConfig

from housing.config import keys
from housing.config.faults import Path


def with_numbers(cfg: DictConfig, plain: Any) -> dict[str, Any]:
    """`plain`, the values of `cfg`, with what `${oc.env:ETA}` has brought as a number wherever no text is wanted."""
    raw = {str(key): value for key, value in plain.items()}
    for path, written in _interpolated(cfg, ()):
        *above, last = path
        holder: Any = raw
        for name in above:
            holder = holder[int(name) if isinstance(holder, list) else name]
        key: Any = int(last) if isinstance(holder, list) else last
        # An unresolved one is told as it was written.
        if isinstance(holder[key], str) and holder[key] != written and not keys.is_text(path, raw):
            holder[key] = _number(holder[key])
    return raw


def _interpolated(node: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """The places of values that are interpolations, each as it is written."""
    if node._is_none() or node._is_missing():
        return
    if node._is_interpolation():
        yield path, str(node._value())
    elif isinstance(node, DictConfig | ListConfig):
        names: list[Any] = list(range(len(node))) if isinstance(node, ListConfig) else list(node)
        for name in names:
            yield from _interpolated(node._get_node(name), (*path, str(name)))


def _number(text: str) -> str | int | float | bool:
    if re.fullmatch(r"[+-]?\d+", text, re.ASCII):
        return int(text)
    if re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text, re.ASCII):
        return float(text)
    return {"true": True, "false": False}.get(text.casefold(), text)
