"""A chart that answers to its reader: a Vega-Lite specification, drawn by the browser that shows the page.

Colours are CSS variables of the page, so that a chart follows its light or dark theme without being drawn again; those
that a scale interpolates are fixed, and readable on both.
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
# Okabe and Ito's, which colour-blind readers tell apart; the yellow that paper swallows is left out.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#a05a94", "#b07d00", "#3a96c8", "#8c6d46", "#6b7280")
BLUE, ORANGE = "var(--blue)", "var(--accent)"
_SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"


@dataclass(frozen=True)
class Plot:
    """`about` is one sentence that says what to read off it. Narrower than `least_width` (pixels) it is scrolled.

    `spec` is in Vega-Lite's own words, without size and theme.
    """

    name: str
    title: str
    about: str
    spec: Spec
    height: int = HEIGHT
    least_width: int = 0

    @property
    def whole(self) -> dict[str, Any]:
        """For any tool that draws Vega-Lite; it fills the width that it is given."""
        return {
            "$schema": _SCHEMA,
            "description": f"{self.title}. {self.about}",
            "width": "container",
            "height": self.height,
            **self.spec,
        }

    def file(self) -> str:
        """For a `.vl.json` file."""
        return json.dumps({**self.whole, "title": self.title, "width": 820}) + "\n"


@dataclass(frozen=True)
class Small:
    """Several small charts of one kind, as many beside each other as there is room for."""

    title: str
    about: str
    plots: Sequence[Plot] = field(default_factory=tuple)


def data(values: Iterable[Mapping[str, object]]) -> dict[str, Any]:
    """Rows as a chart takes them; what is no finite number is absent."""
    return {"values": [{name: _finite(value) for name, value in row.items()} for row in values]}


def number(name: str, title: str | None, **more: Any) -> dict[str, Any]:
    """A channel of numbers whose axis need not begin at zero; `title` None: no axis title."""
    scale = {"zero": False, "nice": True, **more.pop("scale", {})}
    return {"field": name, "type": "quantitative", "title": title, "scale": scale, **more}


def told(*fields: tuple[str, str]) -> list[dict[str, str]]:
    """What is shown under the pointer: (field, title); the texts are made for it."""
    return [{"field": name, "title": title, "type": "nominal"} for name, title in fields]


def within(values: Iterable[float]) -> list[float]:
    """A domain with a little air around the values."""
    finite = [value for value in values if math.isfinite(value)] or [0.0]
    low, high = min(finite), max(finite)
    air = (high - low) * 0.05 or abs(high) * 0.05 or 1.0
    return [low - air, high + air]


def _finite(value: object) -> object:
    return None if isinstance(value, float) and not math.isfinite(value) else value
