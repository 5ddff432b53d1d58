"""One self-contained HTML page: nothing is loaded from elsewhere; light or dark as the reader prefers.

Charts are drawn by Vega-Lite, which the page embeds compressed (370 kB); a short script sorts and filters tables.
Without scripts, the tables remain.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from html import escape
from importlib.resources import files

from housing.reporting.plot import Plot, Small
from housing.reporting.svg import Chart, page_style

_FILTERED = 10
"""A sortable table with at least this many rows has a filter."""


@dataclass(frozen=True)
class Cell:
    """A cell's text; `best` highlights it, `heading` starts a group of rows, and `value` is its sort key."""

    text: str
    number: bool = False
    best: bool = False
    heading: bool = False
    value: float | None = None


@dataclass(frozen=True)
class Grid:
    """A table with a heading row. `folded`: it opens on a click."""

    title: str
    about: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    sortable: bool = False
    folded: bool = False


@dataclass(frozen=True)
class Gallery:
    """Small charts of one kind side by side, each with its title and sentence. `folded`: it opens on a click."""

    title: str
    about: str
    charts: Sequence[Chart]
    folded: bool = True


_LONG = 30

Part = Chart | Gallery | Grid | Plot | Small


@dataclass(frozen=True)
class Page:
    """`lead` are the sentences below the title, `warnings` those that a reader must not miss.

    `link` is the address of the run or its experiment in MLflow, where a browser can reach it.
    """

    title: str
    lead: Sequence[str]
    parts: Sequence[Part]
    warnings: Sequence[str] = field(default=())
    link: str = ""

    def html(self) -> str:
        """The whole document."""
        lines = [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(self.title)}</title>",
            f"<style>{_asset('page.css')}{page_style()}</style></head><body><main>",
            f"<h1>{escape(self.title)}</h1>",
        ]
        lines += [f"<p>{escape(sentence)}</p>" for sentence in self.lead]
        lines += [f'<p class="warning">{escape(sentence)}</p>' for sentence in self.warnings]
        if self.link:
            lines.append(f'<p><a href="{escape(self.link)}">In MLflow</a></p>')
        for number, part in enumerate(self.parts):
            lines += _section(part, f"table-{number}")
        lines.append("</main>")
        lines += self._scripts()
        lines.append("</body></html>")
        return "\n".join(lines) + "\n"

    def _scripts(self) -> Iterator[str]:
        plots = list(plots_of(self.parts))
        if plots:
            specs = json.dumps({plot.name: plot.whole for plot in plots}, separators=(",", ":"))
            yield f'<script type="application/json" id="specs">{_inert(specs)}</script>'
            yield f'<script type="text/plain" id="vega">{_packed_vega()}</script>'
        if plots or any(isinstance(part, Grid) and part.sortable for part in self.parts):
            yield f"<script>{_asset('page.js')}</script>"


def plots_of(parts: Sequence[Part]) -> Iterator[Plot]:
    """Every Vega-Lite chart of a page, in its order."""
    for part in parts:
        if isinstance(part, Plot):
            yield part
        elif isinstance(part, Small):
            yield from part.plots


def _section(part: Part, identity: str) -> Iterator[str]:
    folded = isinstance(part, Gallery | Grid) and part.folded
    if folded:
        yield f"<details><summary>{escape(part.title)}</summary>"
    yield f"<h2>{escape(part.title)}</h2>"
    if part.about:
        yield f'<p class="quiet">{escape(part.about)}</p>'
    match part:
        case Plot():
            yield _wide(_place(part), part.title)
        case Small():
            small = "".join(f"<div><h3>{escape(plot.title)}</h3>{_place(plot)}</div>" for plot in part.plots)
            yield f'<div class="small">{small}</div>'
        case Chart():
            yield _wide(part.inline(), part.title)
        case Gallery():
            small = "".join(
                f'<div><h3>{escape(chart.title)}</h3><p class="quiet">{escape(chart.about)}</p>{chart.inline()}</div>'
                for chart in part.charts
            )
            yield f'<div class="small fixed">{small}</div>'
        case Grid():
            if part.sortable and len(part.rows) >= _FILTERED:
                words = f'<input type="search" data-table="{identity}">'
                yield f'<label class="filter" hidden>rows with {words}</label>'
            yield _wide(_table(part, identity), part.title)
    if folded:
        yield "</details>"


def _wide(content: str, title: str) -> str:
    """Wrap content so that what is wider than the screen can be scrolled, also by keyboard."""
    return f'<div class="wide" tabindex="0" role="group" aria-label="{escape(title)}">{content}</div>'


def _place(plot: Plot) -> str:
    size = f"height: {plot.height}px" + (f"; min-width: {plot.least_width}px" if plot.least_width else "")
    return f'<div class="plot" data-plot="{escape(plot.name)}" style="min-{size}"></div>'


def _table(grid: Grid, identity: str) -> str:
    numeric = [any(row[i].number for row in grid.rows) for i in range(len(grid.columns))]
    headings = "".join(_heading(name, number=is_number) for name, is_number in zip(grid.columns, numeric, strict=True))
    rows = "\n".join(f"<tr>{''.join(map(_td, row))}</tr>" for row in grid.rows)
    style = _class("sortable" if grid.sortable else "")
    return f'<table{style} id="{identity}"><thead><tr>{headings}</tr></thead><tbody>\n{rows}\n</tbody></table>'


def _heading(name: str, *, number: bool) -> str:
    """A heading cell; without a name an ordinary cell, so that screen readers announce no empty heading."""
    style = _class("number" if number else "")
    return f'<th{style} scope="col">{_breakable(name)}</th>' if name else f"<td{style}></td>"


def _td(cell: Cell) -> str:
    styles = {"number": cell.number, "best": cell.best, "heading": cell.heading, "long": len(cell.text) > _LONG}
    style = _class(" ".join(name for name, holds in styles.items() if holds))
    value = f' data-value="{cell.value!r}"' if cell.value is not None else ""
    return f"<td{style}{value}>{escape(cell.text)}</td>"


def _class(names: str) -> str:
    return f' class="{names}"' if names else ""


def _breakable(name: str) -> str:
    """A heading that may only be broken after an underscore or a dot."""
    return escape(name).replace("_", "_<wbr>").replace(".", ".<wbr>")


def _inert(text: str) -> str:
    """JSON made safe within a script element, which `</script>` or `<!--` would end."""
    return text.replace("<", "\\u003c")


@cache
def _asset(name: str) -> str:
    return files(__package__).joinpath("assets", name).read_text(encoding="utf-8")


@cache
def _packed_vega() -> str:
    return base64.b64encode(files(__package__).joinpath("assets", "vega.js.gz").read_bytes()).decode()
