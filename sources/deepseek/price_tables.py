"""DeepSeek, tables of prices: a column for each model now, a row for each model in those announced.

They have no header row (in HTML not even <th>), and labels span rows and columns, so that in
Markdown the rows that follow have fewer cells: the prices are the last cells of a row, as many as
there are heads.

A price row with another label and a table without all three meters are Unreadable.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import product

from monitor.reading import page
from sources.deepseek.words import MODEL

METERS = {
    "1M INPUT TOKENS (CACHE HIT)": "cached_input",
    "1M INPUT TOKENS (CACHE MISS)": "input",
    "1M OUTPUT TOKENS": "output",
}
WINDOWS = {"PEAK": "peak", "OFF-PEAK": "off-peak"}
FOOTNOTE = re.compile(r"\s*\(\d\)")


@dataclass(frozen=True)
class PricedCell:
    """A cell of a price table, and what it is the price of."""

    model: str
    meter: str
    window: str
    text: page.Inline
    quote: str


def has_model_columns(table: page.Table) -> bool:
    """Return whether a table has a column for each model; else it has one for each meter."""
    heads = _heads(table)
    models, meters = all(map(MODEL.fullmatch, heads)), all(head in METERS for head in heads)
    if models == meters:  # neither, or nothing at all
        raise page.Unreadable(f"table {table.number}: neither models nor meters: {heads}")
    return models


def priced_cells(table: page.Table) -> list[PricedCell]:
    """Return every price of a table. Raises Unreadable if a model, a meter or a time of day lacks
    rows that another has.
    """
    heads, by_model = _heads(table), has_model_columns(table)
    result: list[PricedCell] = []
    subject = ""  # the meter of the rows, or their model
    for cells in _lines(table)[1:]:
        texts = [FOOTNOTE.sub("", cell.line) for cell in cells[: -len(heads)] if cell]
        values = cells[-len(heads) :]
        labels = [label for label in dict.fromkeys(texts) if label != "PRICING"]
        priced = texts[:1] == ["PRICING"] or any("$" in value.line for value in values)
        if labels and (labels[0] in METERS if by_model else MODEL.fullmatch(labels[0])):
            subject, priced = METERS.get(labels[0], labels[0]), True
            del labels[0]
        window = WINDOWS.get(labels[0], "") if labels else ""
        if by_model and not (priced or window):  # context, features and what else a model has
            subject = ""
            continue
        if not subject or (labels and (not window or labels[1:])):
            raise cells[0].error(f"no price row known: {texts}")
        if len(heads) != len(values):
            raise cells[0].error(f"{len(values)} prices under {len(heads)} columns")
        quote = " | ".join(cell.line for cell in cells)
        for head, cell in zip(heads, values, strict=True):
            model, meter = (head, subject) if by_model else (subject, METERS[head])
            result.append(PricedCell(model, meter, window, cell, quote))
    stated = sorted((cell.model, cell.meter, cell.window) for cell in result)
    models, windows = {cell.model for cell in result}, {cell.window for cell in result}
    if stated != sorted(product(models, METERS.values(), windows)):
        raise page.Unreadable(f"table {table.number}: a price row is missing or printed twice")
    return result


def _heads(table: page.Table) -> list[str]:
    """Return the first row after the word MODEL: models, or what is priced."""
    lines = _lines(table)
    if not lines or lines[0][0].line != "MODEL":
        raise page.Unreadable(f"table {table.number}: does not begin with its models")
    return [cell.line for cell in lines[0] if cell and cell.line != "MODEL"]


def _lines(table: page.Table) -> list[list[page.Inline]]:
    """Return the rows that are not empty, with the header as the first.

    Markdown has an empty header in the place of one."""
    header = tuple(map(page.Inline, table.header))
    return [
        [replace(cell, where=f"table {table.number}, row {number}") for cell in row]
        for number, row in enumerate((header, *(row.cells for row in table.rows)))
        if any(row)
    ]
