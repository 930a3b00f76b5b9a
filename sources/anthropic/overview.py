"""Anthropic, models: https://platform.claude.com/docs/en/about-claude/models/overview.md

One column for each model, and since July 2026 footnote numbers glued to ids. An alias, and an id on
another platform (surface ``bedrock`` or ``vertex``), is a Listing of its own whose ``alias_of`` is
the id on the API. A table of another kind, and a platform id that is not built on the API id, are
Unreadable. The pages of early 2025 name their platforms in other tables: history.py."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from monitor.core.facts import Listing
from monitor.reading import page
from monitor.reading.source import source

#: The rows that are read, by how their titles have begun.
API = ("claude api id",)
ALIAS = ("claude api alias",)
PLATFORMS = {
    "bedrock": ("aws bedrock id", "amazon bedrock id"),
    "vertex": ("gcp vertex ai id", "vertex ai id", "google cloud id"),
}
CONTEXT, OUTPUT = ("context window",), ("max output",)

#: "200K tokens / 1M tokens (beta)" is 200000: what every request may use.
TOKENS = re.compile(r"(?:1m \(or )?(\d+)([km]?)\)?(?: tokens\d?)?(?: / .+ \(beta\))?")
#: K is a thousand, as the API has it.
UNITS = {"": 1, "k": 1_000, "m": 1_000_000}


@source(
    "https://platform.claude.com/docs/en/about-claude/models/overview.md",
    every=timedelta(hours=12),
    facts=(Listing,),
    markers=(b"Context window", b"Max output", b"claude-"),
)
def overview(body: bytes) -> Iterable[Listing]:
    """Ids on the API, Bedrock and Vertex, aliases, context window and longest output."""
    tables = [block for block in page.blocks(body) if isinstance(block, page.Table)]
    if other := next((table for table in tables if not transposed(table)), None):
        raise page.Unreadable(f"table {other.number}: no column for each model: {other.header}")
    return page.merged((fact for table in tables for fact in _listings(table)), first)


def first(same: Sequence[Listing]) -> Listing:
    """Return the first statement about an id. Raises Unreadable if it is an alias of two models."""
    targets = list(dict.fromkeys(listing.alias_of for listing in same))
    if len(targets) > 1:
        raise page.Unreadable(
            f"{same[0].model!r} is an alias of {targets[0]!r} and of {targets[1]!r}"
        )
    return same[0]


def transposed(table: page.Table) -> bool:
    """Return True if a table has a column for each model."""
    return table.header[:1] == ("Feature",)


@dataclass(frozen=True)
class Column:
    """A model's column: its title, and its cells by the case-folded titles of their rows."""

    title: str
    cells: Mapping[str, page.Inline]
    place: str

    def cell(self, titles: tuple[str, ...]) -> page.Inline:
        """Return the cell of the row with one of these titles, but for a footnote number glued to
        it.
        """
        for title, cell in self.cells.items():
            if title.rstrip("0123456789") in titles:
                return cell
        raise page.Unreadable(f"{self.place}: no row {titles[0]!r} among {list(self.cells)}")

    def listing(self, model: str, api: page.Inline) -> Listing:
        """Return the Listing of the model. "(deprecated)" after its name is the note."""
        name, _, label = self.title.removesuffix(")").partition(" (")
        return Listing(
            model=model,
            name=name,
            note=label,
            context_window=_tokens(self.cell(CONTEXT)),
            max_output=_tokens(self.cell(OUTPUT)),
            quote=f"{self.title} | {api.line}",
        )


def columns(table: page.Table) -> Iterator[Column]:
    """Yield the columns of a table, but for the first, which has the titles of the rows."""
    place = f"table {table.number}"
    for number, title in enumerate(table.header[1:], 1):
        cells: dict[str, page.Inline] = {}
        for row in table.rows:
            name = row.cells[0].line
            if len(row.cells) != len(table.header):
                raise row.cells[0].error(
                    f"{place}: {len(row.cells)} cells under {len(table.header)} columns"
                )
            where = f"{place}, {name!r} of {title!r}"
            cells[name.casefold()] = replace(row.cells[number], where=where)
        yield Column(title, cells, place)


def _listings(table: page.Table) -> Iterator[Listing]:
    for column in columns(table):
        api = column.cell(API)
        for model in page.codes(api):
            own = column.listing(model, api)
            yield own
            other = replace(own, context_window=None, max_output=None, alias_of=model)
            alias = column.cell(ALIAS)
            if alias.line.casefold() not in page.NOTHING and alias.line != model:
                quote = f"{column.title} | {alias.line}"
                yield replace(other, model=page.codes(alias)[0], quote=quote)
            for surface, titles in PLATFORMS.items():
                cell = column.cell(titles)
                if found := platform_id(cell, surface, model):
                    quote = f"{column.title} | {cell.line}"
                    yield replace(other, model=found, surface=surface, quote=quote)


def platform_id(cell: page.Inline, surface: str, model: str) -> str | None:
    """Return the id of an API model on another platform, without the footnote number glued to it.

    ``anthropic.claude-fable-53`` is ``anthropic.claude-fable-5`` with footnote 3. Only the API id
    can tell: Bedrock's is ``anthropic.`` and that, perhaps with a version; Vertex sets the date off
    with an ``@``."""
    if cell.line.casefold() in page.NOTHING:
        return None
    id_on_api = re.escape(model)
    dated = re.fullmatch(r"(.+)-(\d{8})", model)
    on_vertex = rf"{re.escape(dated[1])}(?:-v\d)?@{dated[2]}" if dated else id_on_api
    shapes = {"bedrock": rf"anthropic\.{id_on_api}(?:-v\d(?::\d)?)?", "vertex": on_vertex}
    match = re.fullmatch(rf"({shapes[surface]})\d{{0,2}}", cell.line)
    if not match:
        raise cell.error(f"not the {surface} id of {model}")
    return match[1]


def _tokens(cell: page.Inline) -> int | None:
    if not cell:
        return None
    match = TOKENS.fullmatch(cell.line.casefold())
    if not match:
        raise cell.error("no number of tokens")
    return int(match[1]) * UNITS[match[2]]
