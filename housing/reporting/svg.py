"""Charts as SVG text: crisp at any size, and made without importing a plotting library.

Colours are CSS variables with fallbacks: a chart in a page follows the page's light or dark theme, a chart in its own
file is light.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from housing.reporting.scales import Scale, readable

SERIES_COLOURS = ("var(--blue, #0072b2)", "var(--accent, #c2410c)", "var(--green, #00805c)")
_TITLE_HEIGHT = 28
ACCENT = "var(--accent, #c2410c)"
_STYLE = """\
svg text { font: 12px system-ui, "Segoe UI", Helvetica, Arial, sans-serif; fill: var(--ink, #24292f) }
svg .quiet { fill: var(--quiet, #57606a) }
svg .title { font-size: 14px; font-weight: 600 }
svg .grid { stroke: var(--line, #d8dee4); stroke-width: 1 }
svg .axis { stroke: var(--quiet, #8c959f); stroke-width: 1 }
svg .series:hover path { stroke-width: 4 }
svg circle:hover { stroke: var(--ink, #24292f); stroke-width: 2 }
"""

Position = tuple[float, float]


@dataclass(frozen=True)
class Chart:
    """`about` says in one sentence what to read off the chart; sizes are in pixels."""

    name: str
    title: str
    about: str
    width: int
    height: int
    elements: Sequence[str]

    def inline(self) -> str:
        """The SVG for an HTML page, which has the style and shows the title itself."""
        return self._svg(f'class="drawn" role="img" style="--width: {self.width}px"', self.elements, top=_TITLE_HEIGHT)

    def file(self) -> str:
        """The content of an `.svg` file."""
        paper = f'<rect width="{self.width}" height="{self.height}" fill="#ffffff"/>'
        heading = text((16, 24), self.title, style="title")
        return self._svg(
            'xmlns="http://www.w3.org/2000/svg"', [f"<style>{_STYLE}</style>", paper, heading, *self.elements]
        )

    def _svg(self, attributes: str, elements: Iterable[str], *, top: int = 0) -> str:
        height = self.height - top
        size = f'viewBox="0 {top} {self.width} {height}" width="{self.width}" height="{height}"'
        return "\n".join([f'<svg {attributes} {size} aria-label="{escape(self.title)}">', *elements, "</svg>"])


def page_style() -> str:
    """The CSS that inline charts need."""
    return _STYLE


def text(at: Position, words: str, *, anchor: str = "start", style: str = "") -> str:
    """A text; `anchor` is start, middle or end."""
    return f'<text x="{at[0]:.1f}" y="{at[1]:.1f}" text-anchor="{anchor}" class="{style}">{escape(words)}</text>'


def rule(one: Position, other: Position, *, style: str = "grid") -> str:
    """A straight line."""
    return f'<line x1="{one[0]:.1f}" y1="{one[1]:.1f}" x2="{other[0]:.1f}" y2="{other[1]:.1f}" class="{style}"/>'


def path(
    points: Sequence[Position],
    *,
    colour: str,
    title: str = "",
    width: float = 2,
    opacity: float = 1,
    dashed: bool = False,
) -> str:
    """A line through the points; `title` is its tooltip."""
    drawn = "M" + "L".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dashes = ' stroke-dasharray="5 4"' if dashed else ""
    return (
        f'<g class="series"><title>{escape(title)}</title><path d="{drawn}" fill="none" stroke="{colour}" '
        f'stroke-width="{width}" stroke-opacity="{opacity}" stroke-linejoin="round"{dashes}/></g>'
    )


def dot(at: Position, *, colour: str, title: str, radius: float = 4, hollow: bool = False) -> str:
    """A dot; `title` is its tooltip."""
    fill = f'fill="transparent" stroke="{colour}"' if hollow else f'fill="{colour}"'
    return f'<circle cx="{at[0]:.1f}" cy="{at[1]:.1f}" r="{radius}" {fill}><title>{escape(title)}</title></circle>'


def box(at: Position, *, width: float, height: float, colour: str, title: str, opacity: float = 1) -> str:
    """A filled rectangle from its upper left corner."""
    shade = f' fill-opacity="{opacity:.3f}"' if opacity < 1 else ""
    return (
        f'<rect x="{at[0]:.1f}" y="{at[1]:.1f}" width="{width:.1f}" height="{height:.1f}" rx="2" '
        f'fill="{colour}"{shade}><title>{escape(title)}</title></rect>'
    )


def area(upper: Sequence[Position], lower: Sequence[Position], *, colour: str, title: str) -> str:
    """The area between two lines, both from left to right."""
    drawn = "M" + "L".join(f"{x:.1f},{y:.1f}" for x, y in (*upper, *reversed(lower))) + "Z"
    return f'<path d="{drawn}" fill="{colour}" fill-opacity="0.16"><title>{escape(title)}</title></path>'


def axes(x: Scale, y: Scale, *, x_name: str, y_name: str, whole_x: bool = False) -> list[str]:
    """Grid, ticks and names; `whole_x` omits ticks between whole numbers. `y.start` is the bottom."""
    elements = []
    for tick in y.ticks():
        elements.append(rule((x.start, y(tick)), (x.end, y(tick))))
        elements.append(text((x.start - 8, y(tick) + 4), readable(tick), anchor="end", style="quiet"))
    elements += [
        text((x(tick), y.start + 18), readable(tick), anchor="middle", style="quiet")
        for tick in x.ticks(8)
        if not whole_x or tick == int(tick)
    ]
    elements.append(rule((x.start, y.start), (x.end, y.start), style="axis"))
    elements.append(text((x.end, y.start + 36), x_name, anchor="end"))
    elements.append(text((x.start - 48, y.end - 14), y_name))
    return elements
