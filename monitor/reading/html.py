"""The blocks of a web page, read by Beautiful Soup with lxml; tables with their spans expanded."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

from bs4 import BeautifulSoup, Tag

from monitor.reading.blocks import Block, Heading, RawRow, Table, Text
from monitor.reading.inline import Inline, inline_html

#: Elements without text of the page itself.
_UNREAD = frozenset({"script", "style", "template", "svg", "nav", "footer", "head"})
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_LISTS = ("ul", "ol")
#: Blocks that a list item may hold.
_NESTED = (*_LISTS, "table", "p")


def html_blocks(text: str) -> list[Block]:
    """Return the blocks of a web page, in its order."""
    page: list[Block] = []
    _walk(BeautifulSoup(text, "lxml"), 0, page, itertools.count(1))
    return page


def _walk(node: Tag, depth: int, page: list[Block], numbers: Iterator[int]) -> None:
    """Add the blocks within an element to the page.

    ``depth`` counts the lists around it, and ``numbers`` the tables of the page.
    """
    for child in node.children:
        if not isinstance(child, Tag) or child.name in _UNREAD:
            continue
        if child.name == "table":
            page.append(_table(child, next(numbers)))
            for stray in _strays(child):
                _walk(stray, depth, page, numbers)
        elif child.name in _HEADINGS:
            if text := inline_html(child):
                page.append(Heading(_HEADINGS[child.name], text))
        elif child.name == "p":
            if text := inline_html(child):
                page.append(Text(text, depth))
        elif child.name in _LISTS:
            _walk(child, depth + 1, page, numbers)
        elif child.name == "li":
            _item(child, depth, page, numbers)
        else:
            _walk(child, depth, page, numbers)


def _item(item: Tag, depth: int, page: list[Block], numbers: Iterator[int]) -> None:
    """Add a list item to the page: its own text, then the blocks within it."""
    start = len(page)
    nested = item.find(_NESTED) is not None
    if text := inline_html(_without_blocks(item) if nested else item):
        page.append(Text(text, depth))
    if nested:
        _walk(item, depth, page, numbers)
    if len(page) > start and isinstance(first := page[start], Text) and first.depth == depth:
        page[start] = replace(first, starts=True)


def _without_blocks(item: Tag) -> Tag:
    """Return a copy of a list item without the blocks within it."""
    alone = copy.copy(item)
    for block in alone.find_all(_NESTED):
        block.extract()
    return alone


# --- tables
# -----------------------------------------------------------------------------------------------

_OF_TABLES = frozenset(
    {"caption", "colgroup", "col", "thead", "tbody", "tfoot", "tr", "td", "th"}
    | {"script", "style", "template"}
)


@dataclass
class _Line:
    """One ``<tr>`` with its spans expanded.

    ``own`` counts the cells of the row itself. ``alone`` marks a single cell that spans rows below.
    """

    cells: list[Inline]
    own: int
    head: bool
    alone: bool
    classes: tuple[str, ...]


def _table(table: Tag, number: int) -> Table:
    lines = _grid(table)
    if lines and not any(line.head for line in lines):
        lines[0].head = True  # a table without <thead> has its header in its first row
    heads = [line.cells for line in lines if line.head]
    width = max(map(len, heads), default=0)
    titles = (
        dict.fromkeys(cells[column].line for cells in heads if column < len(cells))
        for column in range(width)
    )
    rows = []
    for line in lines:
        if line.head or not line.own or not any(line.cells):
            continue
        if line.alone and len(line.cells) < width:
            continue  # the rows below carry the cell (Vertex prices: the model in its own <tr>)
        divider = line.own == 1 and width > 1 and len(line.cells) >= width
        rows.append(RawRow(tuple(line.cells), divider, line.classes))
    return Table(tuple(" ".join(title) for title in titles), tuple(rows), number)


def _grid(table: Tag) -> list[_Line]:
    """Return the rows of a table with rowspan and colspan expanded.

    The HTML standard, "forming a table", 4.9.12.1, says how.
    """
    lines: list[_Line] = []
    reaching: dict[int, tuple[int, Inline]] = {}  # column -> (rows it still fills, cell)
    for cell in table.find_all(("td", "th")):
        if cell.find_parent(("tr", "table")) is table:
            # A cell outside of any row begins one (HTML standard, 13.2.6.4.13).
            cell.wrap(Tag(name="tr"))
    for row in table.find_all("tr"):
        if row.find_parent("table") is not table:
            continue
        cells = row.find_all(("td", "th"), recursive=False)
        line: list[Inline] = []
        fresh: dict[int, tuple[int, Inline]] = {}
        for cell in cells:
            _carry(line, reaching, fresh)
            text, down = inline_html(cell), _span(cell, "rowspan")
            for _ in range(_span(cell, "colspan")):
                if down > 1:
                    fresh[len(line)] = (down - 1, text)
                line.append(text)
        _carry(line, reaching, fresh)
        reaching = {**reaching, **fresh}
        head = row.parent is not None and row.parent.name == "thead"
        alone = len(cells) == 1 and _span(cells[0], "rowspan") > 1
        lines.append(_Line(line, len(cells), head, alone, tuple(row.get("class") or ())))
    return lines


def _carry(
    line: list[Inline],
    reaching: dict[int, tuple[int, Inline]],
    fresh: dict[int, tuple[int, Inline]],
) -> None:
    """Put the cells that reach down from above into a row, as far as they come next."""
    while len(line) in reaching:
        left, above = reaching.pop(len(line))
        if left > 1:
            fresh[len(line)] = (left - 1, above)
        line.append(above)


def _span(cell: Tag, name: str) -> int:
    value = str(cell.get(name, "1"))
    return min(max(int(value), 1), 1000) if value.isdecimal() else 1


def _strays(table: Tag) -> Iterator[Tag]:
    """Yield what stands in a table that has no end, each wrapped in an element for a walk.

    The next table ends it (HTML standard, 13.2.6.4.9). A table within a cell belongs to the cell.
    """
    for part in (table, *table.find_all(("thead", "tbody", "tfoot", "tr"), recursive=False)):
        for child in list(part.children):
            if isinstance(child, Tag) and child.name not in _OF_TABLES:
                outside = Tag(name="div")
                outside.append(child)
                yield outside
