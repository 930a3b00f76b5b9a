"""Read the tables of OpenAI's price list, row by row, with what stands above each table."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from monitor.core.facts import Price
from monitor.reading import page
from sources.openai.tools import tool_prices

#: The lines that are headings where the page prints its headings as plain lines.
TITLES = re.compile(
    r"(?:flagship|multimodal|realtime and audio generation|image generation|video generation"
    r"|transcription|specialized) models|tools|finetuning"
)
PANE = re.compile(r"(standard|batch|flex|priority)(?: pricing data)?")
UNIT = re.compile(r"prices per (.+?)(?: unless noted)?\.")
MODALITIES = frozenset({"text", "audio", "image"})
METERS = {
    "cached input": "cached_input",
    "cache write": "cache_write",
    "cache writes": "cache_write",
}

#: Known sets of columns, each with the titles under which alone it is known (none: everywhere).
Columns = Mapping[frozenset[str], frozenset[str]]


def columns(text: str) -> Columns:
    """Return the sets of columns in a text, one a line: ``model | cost`` is known everywhere,
    ``model | input | output, under legacy models`` only there.

    A set of columns that is not listed is refused, since that is how a lost column looks. Where a
    set is another one less a column, it is known under its titles and nowhere else."""
    result = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        names, _, titles = line.partition(", under ")
        result[frozenset(names.split(" | "))] = frozenset(filter(None, titles.split(", ")))
    return result


@dataclass(frozen=True)
class Line:
    """A row of a price table: its cells by case-folded header, and what stands above the table."""

    cells: Mapping[str, page.Inline]
    title: str
    tier: str
    per: str

    @property
    def model(self) -> tuple[str, str]:
        return model(self.cells["model"])

    @property
    def modality(self) -> str:
        if "modality" not in self.cells:
            return self.title.removesuffix(" tokens")
        modality = self.cells["modality"].line.casefold()
        if modality not in MODALITIES:
            raise self.cells["modality"].error("unknown modality")
        return modality

    def price(
        self, name: str, meter: str, *, per: str = "", tier: str = "", context: str = ""
    ) -> Price | None:
        """Return the price in the column ``name``; unit, tier and context are the line's if none
        are passed.
        """
        model, condition = self.model
        return page.price(
            self.cells[name],
            model,
            meter,
            per=per or self.per,
            currency="USD",
            surface="fine-tuning" if self.title in ("fine-tuning", "finetuning") else "api",
            tier=tier or self.tier,
            context=context or condition,
            quote=" | ".join(cell.line for cell in self.cells.values()),
        )


def model(cell: page.Inline) -> tuple[str, str]:
    """Return a model and the condition that some rows print behind its name."""
    if match := re.fullmatch(r"(\S+) \(([<>].+ context length)\)", cell.line):
        return match[1], page.context(replace(cell, text=match[2]))
    if match := re.fullmatch(r"(\S+) with data sharing", cell.line):
        return match[1], "data sharing"
    if not cell.line or re.search(r"[()$|]", cell.line):
        raise cell.error("not the name of a model")
    return cell.line, ""


def meter(name: str, modality: str) -> str:
    """Return the meter of a column: `cached input` of audio is `audio_cached_input`; training has
    no modality.
    """
    plain = METERS.get(name, name)
    split = modality in ("audio", "image") and plain != "training"
    return f"{modality}_{plain}" if split else plain


def prices(
    document: Iterable[page.Block], columns: Columns, read: Callable[[str, Line], Price | None]
) -> Iterator[Price]:
    """Yield the prices of all tables. ``read`` returns that of one column of a model's line."""
    for line in _lines(document, columns):
        if "model" in line.cells:
            for name in line.cells:
                if price := read(name, line):
                    yield price
        else:
            yield from _tool(line.cells)


def _tool(cells: Mapping[str, page.Inline]) -> Iterator[Price]:
    """Yield the price of `Tool | Cost`, `Tool | Details | Pricing` or `Usage meter | Free tier |
    Price beyond free tier`.
    """
    names = [cells[name].line for name in ("tool", "details", "usage meter") if name in cells]
    priced = ("cost", "pricing", "price beyond free tier")
    [cell] = (cells[name] for name in priced if name in cells)
    return tool_prices(" ".join(names), cell)


def _lines(document: Iterable[page.Block], columns: Columns) -> Iterator[Line]:
    """Yield the rows of all tables, with the section, the tier (a line or a heading) and the
    default unit above each.
    """
    title, tier, per = "", "standard", ""
    for block in document:
        if isinstance(block, page.Table):
            for cells in _rows(block, title, columns):
                yield Line(cells, title, tier, per)
            continue
        line = block.inline.line.casefold()
        heading = isinstance(block, page.Heading)
        if match := PANE.fullmatch(line):
            tier = match[1]
        elif TITLES.fullmatch(line) or (heading and not line.endswith(" data")):
            title, tier = line, "standard"
            # `#### Audio tokens` keeps the unit above it.
            if not isinstance(block, page.Heading) or block.level < 4:
                per = ""
        elif match := UNIT.search(line):
            named = page.unit(match[1])
            if named is None:
                raise block.inline.error("unknown unit of a price")
            per = named


def _rows(table: page.Table, title: str, columns: Columns) -> Iterator[dict[str, page.Inline]]:
    """Yield each row by the case-folded header above it.

    Conversions of the page lose rowspans and second header rows: a row that lacks its first cell
    goes on with the one above, and a row that starts with "Model" is a header."""
    place = f"table {table.number} under {title!r}"
    header = table.header
    first: page.Inline | None = None
    for row in table.rows:
        cells = row.cells
        if not any(cells):
            continue
        if cells[0].line == "Model":
            header = _header(header, cells, place)
            continue
        names = [name.casefold() for name in header]
        titles = columns.get(frozenset(names))
        if titles is None or len(set(names)) < len(names) or (titles and title not in titles):
            raise page.Unreadable(
                f"{place}: no known table there has these columns: {' | '.join(header)!r}"
            )
        if first and len(cells) == len(header) - 1:
            cells = (first, *cells)
        elif first and not cells[0]:
            cells = (first, *cells[1:])
        if len(cells) != len(header):
            text = " | ".join(cell.line for cell in cells)
            raise page.Unreadable(
                f"{place}: {len(cells)} cells under {len(header)} columns: {text!r}"
            )
        first = cells[0]
        yield {
            name: replace(cell, where=f"{place}, column {name!r}")
            for name, cell in zip(names, cells, strict=True)
        }


def _header(above: tuple[str, ...], cells: tuple[page.Inline, ...], place: str) -> tuple[str, ...]:
    """Return the header that a row starting with "Model" makes. "Short context" above it spans its
    share of the columns.
    """
    if above[0]:
        return tuple(cell.line for cell in cells)
    spans = [f"{name} " for name in above if name]
    share = (len(cells) - 1) // max(len(spans), 1)
    prefixes = ["", *(name for name in spans for _ in range(share))] if spans else [""] * len(cells)
    if len(prefixes) != len(cells):
        raise page.Unreadable(f"{place}: {len(cells)} columns do not share {' | '.join(spans)!r}")
    return tuple(prefix + cell.line for prefix, cell in zip(prefixes, cells, strict=True))
