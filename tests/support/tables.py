"""Tables of a page as lists of texts."""

from __future__ import annotations

from monitor.reading.blocks import Table
from monitor.reading.document import blocks


def only_table(text: str) -> Table:
    [table] = [block for block in blocks(text) if isinstance(block, Table)]
    return table


def grid(text: str) -> list[list[str]]:
    table = only_table(text)
    return [list(table.header), *([cell.text for cell in row.cells] for row in table.rows)]
