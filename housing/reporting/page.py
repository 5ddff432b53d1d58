"""One self-contained HTML page: no script, no font, no image from elsewhere; light or dark as the reader has it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from housing.reporting.svg import Chart, page_style

_STYLE = """\
:root { --paper: #ffffff; --ink: #24292f; --quiet: #656d76; --line: #d8dee4; --accent: #e8730c; --good: #e6f4ea }
@media (prefers-color-scheme: dark) {
  :root { --paper: #16191d; --ink: #e6e8ea; --quiet: #9aa4ae; --line: #32383f; --accent: #ff9d4d; --good: #1d3b2a }
}
body { margin: 2rem auto; max-width: 75rem; padding: 0 1.5rem; background: var(--paper); color: var(--ink);
       font: 15px/1.5 system-ui, "Segoe UI", Helvetica, Arial, sans-serif }
h1 { font-size: 1.5rem; margin: 0 0 .3rem }
h2 { font-size: 1.1rem; margin: 2.2rem 0 .3rem }
p { margin: .2rem 0; max-width: 60rem }
p.quiet, caption { color: var(--quiet) }
p.warning { border-left: 4px solid var(--accent); padding-left: .8rem; margin: 1rem 0 }
.wide { overflow-x: auto }
svg { max-width: 100%; height: auto; display: block }
table { border-collapse: collapse; margin-top: .5rem; font-variant-numeric: tabular-nums }
th, td { padding: .3rem .8rem; text-align: left; border-bottom: 1px solid var(--line); vertical-align: top;
         min-width: 3.5rem }
td + td { overflow-wrap: anywhere }
th { font-weight: 600 }
thead th { border-bottom: 2px solid var(--quiet) }
td.number, th.number { text-align: right }
td.heading { color: var(--quiet); padding-top: 1rem }
td.best { background: var(--good); font-weight: 600 }
@media screen and (max-width: 45rem) { svg { min-width: calc(.75 * var(--width)) } }
@media print {
  body { margin: 0; padding: 0; max-width: none; print-color-adjust: exact; -webkit-print-color-adjust: exact }
  .wide { overflow: visible }
  h2, h2 + p { break-after: avoid }
  svg, tr { break-inside: avoid }
}
"""


@dataclass(frozen=True)
class Cell:
    """A cell as read; `best` marks it among its peers, `heading` opens a group of rows."""

    text: str
    number: bool = False
    best: bool = False
    heading: bool = False


@dataclass(frozen=True)
class Grid:
    """A table with a heading row."""

    title: str
    about: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True)
class Page:
    """`lead` are the sentences below the title, `warnings` those that a reader must not miss."""

    title: str
    lead: Sequence[str]
    parts: Sequence[Chart | Grid]
    warnings: Sequence[str] = ()

    def html(self) -> str:
        """The whole document."""
        lines = [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(self.title)}</title>",
            f"<style>{_STYLE}{page_style()}</style></head><body>",
            f"<h1>{escape(self.title)}</h1>",
        ]
        lines += [f"<p>{escape(sentence)}</p>" for sentence in self.lead]
        lines += [f'<p class="warning">{escape(sentence)}</p>' for sentence in self.warnings]
        for part in self.parts:
            lines.append(f"<h2>{escape(part.title)}</h2>")
            if part.about:
                lines.append(f'<p class="quiet">{escape(part.about)}</p>')
            lines.append(f'<div class="wide">{part.inline() if isinstance(part, Chart) else _table(part)}</div>')
        lines.append("</body></html>")
        return "\n".join(lines) + "\n"


def _table(grid: Grid) -> str:
    numeric = [any(row[i].number for row in grid.rows) for i in range(len(grid.columns))]
    headings = "".join(
        f'<th class="{"number" if is_number else ""}">{escape(name)}</th>'
        for name, is_number in zip(grid.columns, numeric, strict=True)
    )
    rows = "\n".join(f"<tr>{''.join(map(_td, row))}</tr>" for row in grid.rows)
    return f"<table><thead><tr>{headings}</tr></thead><tbody>\n{rows}\n</tbody></table>"


def _td(cell: Cell) -> str:
    styles = {"number": cell.number, "best": cell.best, "heading": cell.heading}
    style = " ".join(name for name, holds in styles.items() if holds)
    return f'<td class="{style}">{escape(cell.text)}</td>' if style else f"<td>{escape(cell.text)}</td>"
