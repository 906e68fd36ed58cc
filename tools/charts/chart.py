"""A chart: an SVG picture, what it shows in words, and its figures as a table.

The picture is drawn with classes and CSS variables only. `Chart.svg()` carries the style sheet with it, for a file of
its own; `Chart.figure()` is for a page that has `STYLE` once, which a strict page serves as a
file.
"""

import hashlib
from dataclasses import dataclass
from html import escape

from tools.charts.palette import STYLE
from tools.charts.text import clean


@dataclass(frozen=True, slots=True)
class Table:
    """The figures of a chart as they are read: the first column names, the others hold formatted values."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """A finished chart. width, height: of the view box, in SVG units (CSS pixels at scale 1). body: its elements.

    title: one line. description: what a reader who sees no picture should know, one to three sentences.
    """

    title: str
    description: str
    width: int
    height: int
    body: str
    table: Table

    def svg(self, *, standalone: bool = True) -> str:
        """The picture as an SVG document. standalone: with its style sheet and name space, as a file needs."""
        key = "c" + hashlib.sha256(f"{self.title}\0{self.description}\0{self.body}".encode()).hexdigest()[:10]
        alone = f'<style>{STYLE}</style><rect class="paper" width="100%" height="100%"/>' if standalone else ""
        size = f'width="{self.width}" height="{self.height}" ' if standalone else ""
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="consilia-chart" viewBox="0 0 {self.width} {self.height}" '
            f'{size}role="img" aria-labelledby="{key}t {key}d"><title id="{key}t">{text(self.title)}</title>'
            f'<desc id="{key}d">{text(self.description)}</desc>{alone}{self.body}</svg>'
        )

    def figure(self, summary: str = "Figures") -> str:
        """The picture in an HTML figure with its table folded away beneath. summary: what opens the table."""
        return (
            f'<figure class="consilia-figure">{self.svg(standalone=False)}'
            f"<details><summary>{text(summary)}</summary>{self.table_html()}</details></figure>"
        )

    def table_html(self) -> str:
        """The figures as an HTML table with its caption."""
        head = "".join(f'<th scope="col">{text(each)}</th>' for each in self.table.columns)
        rows = "".join(
            f'<tr><th scope="row">{text(row[0])}</th>{"".join(f"<td>{text(cell)}</td>" for cell in row[1:])}</tr>'
            for row in self.table.rows
        )
        return (
            f"<table><caption>{text(self.title)}</caption><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
        )

    def table_markdown(self) -> str:
        """The figures as a Markdown table."""
        lines = [self.table.columns, tuple("---" if i == 0 else "---:" for i in range(len(self.table.columns)))]
        return "\n".join(f"| {' | '.join(_cell(cell) for cell in row)} |" for row in (*lines, *self.table.rows))


def text(value: str) -> str:
    """Text for SVG and HTML: escaped, without control and direction-override characters."""
    return escape(clean(value), quote=True)


def _cell(value: str) -> str:
    return clean(value).replace("|", "\\|").replace("\n", " ")
