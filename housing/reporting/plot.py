"""An interactive chart: a Vega-Lite specification, drawn by the browser.

Colours are CSS variables of the page, so that a chart follows the light or dark theme without being redrawn; those that
a scale interpolates are fixed, and readable in both.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Spec = Mapping[str, Any]
Values = Sequence[Mapping[str, object]]

HEIGHT = 320
# Okabe and Ito's palette for colour-blind readers, without yellow, which is hard to see on white.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#a05a94", "#b07d00", "#3a96c8", "#8c6d46", "#6b7280")
BLUE, ORANGE = "var(--blue)", "var(--accent)"
_SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"


@dataclass(frozen=True)
class Plot:
    """`about` says in one sentence what to read off the chart. Where there is less room than `least_width` (pixels), it
    scrolls.

    `spec` is the Vega-Lite specification without size and theme.
    """

    name: str
    title: str
    about: str
    spec: Spec
    height: int = HEIGHT
    least_width: int = 0

    @property
    def whole(self) -> dict[str, Any]:
        """The complete specification for any Vega-Lite renderer; it fills the available width."""
        return {
            "$schema": _SCHEMA,
            "description": f"{self.title}. {self.about}",
            "width": "container",
            "height": self.height,
            **self.spec,
        }

    def file(self) -> str:
        """The content of a `.vl.json` file."""
        return json.dumps({**self.whole, "title": self.title, "width": 820}) + "\n"


@dataclass(frozen=True)
class Small:
    """Several small charts of one kind, side by side as far as there is room."""

    title: str
    about: str
    plots: Sequence[Plot] = field(default_factory=tuple)


def data(values: Iterable[Mapping[str, object]]) -> dict[str, Any]:
    """Rows as Vega-Lite data; non-finite numbers are left out."""
    return {"values": [{name: _finite(value) for name, value in row.items()} for row in values]}


def number(name: str, title: str | None, **more: Any) -> dict[str, Any]:
    """A channel of numbers whose axis need not begin at zero; `title` None: no axis title."""
    scale = {"zero": False, "nice": True, **more.pop("scale", {})}
    return {"field": name, "type": "quantitative", "title": title, "scale": scale, **more}


def told(*fields: tuple[str, str]) -> list[dict[str, str]]:
    """A tooltip's entries, from (field, title); the fields hold finished texts."""
    return [{"field": name, "title": title, "type": "nominal"} for name, title in fields]


def within(values: Iterable[float]) -> list[float]:
    """A domain with a little space around the values."""
    finite = [value for value in values if math.isfinite(value)] or [0.0]
    low, high = min(finite), max(finite)
    air = (high - low) * 0.05 or abs(high) * 0.05 or 1.0
    return [low - air, high + air]


def _finite(value: object) -> object:
    return None if isinstance(value, float) and not math.isfinite(value) else value
