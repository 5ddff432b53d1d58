"""Faults of a configuration, collected first and reported together."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from housing.errors import ConfigError, FaultDetail
from housing.secrets import masked, masked_values

Path = tuple[str, ...]
"""Keys from the top of the configuration down to a value, as typed with dots on the command line."""

ABSENT: Final = object()
_MOST_FAULTS = 20
_WIDEST_VALUE = 80
_WIDEST_RULE = 400


@dataclass(frozen=True)
class Fault:
    """One fault. `rule` says what must hold, `way_out` what to write instead; `where` is None until it is looked up."""

    path: Path
    rule: str
    value: Any = ABSENT
    way_out: str = ""
    where: str | None = None


def did_you_mean(name: str | None) -> str:
    """The way out that suggests a name; empty for None."""
    return f"did you mean {name}?" if name else ""


def some_of(names: Iterable[str], most: int = 12) -> str:
    """Names as a short text, at most `most` of them."""
    ordered = sorted(names)
    more = f" and {len(ordered) - most} more" if len(ordered) > most else ""
    return ", ".join(ordered[:most]) + more


def error(faults: Sequence[Fault], where: Callable[[Path], str]) -> ConfigError:
    """One error for all faults; only the first one at each path is shown."""
    of_place: dict[tuple[Path, str], Fault] = {}
    for fault in faults:
        of_place.setdefault((fault.path, "" if fault.path else fault.rule), fault)
    shown = list(of_place.values())
    count = f"{len(shown):,} faults" if len(shown) > 1 else "1 fault"
    blocks = [f"{count} in the configuration"]
    blocks += [_block(f, f.where or where(f.path)) for f in shown[:_MOST_FAULTS]]
    if len(shown) > _MOST_FAULTS:
        blocks.append(f"and {len(shown) - _MOST_FAULTS} more")
    found = ConfigError("\n\n".join(blocks))
    found.faults = tuple(
        FaultDetail(".".join(f.path), f.where or where(f.path), masked(f.rule), masked(f.way_out)) for f in shown
    )
    return found


def _block(fault: Fault, where: str) -> str:
    key = ".".join(fault.path)
    value = "" if fault.value is ABSENT else f" = {_short(fault.value, key)}"
    title = f"{key}{value}  ({where})" if key else where
    text = masked(fault.rule + (f"; {fault.way_out}" if fault.way_out else ""))
    if len(text) > _WIDEST_RULE:
        text = text[: _WIDEST_RULE - 3] + "..."
    return "\n    ".join([title, *text.splitlines()])


def _short(value: Any, name: str) -> str:
    # Masked before it is cut: the beginning of a secret would not be recognised.
    text = json.dumps(masked_values(value, name), ensure_ascii=False, default=str)
    return text if len(text) <= _WIDEST_VALUE else text[: _WIDEST_VALUE - 3] + "..."
