"""Gemini API, prices: a model for each H2, a table for each tier, and the rows of a table.

The ids stand in code spans below the heading; the heading's name is used where no id is printed.
Cells are read in price_cells.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from monitor.core.facts import Price
from monitor.reading import page
from sources.gemini.price_cells import amounts, grounding, terms

PRICES = page.layout(kind="", paid="paid tier, per *")
#: The tables under these say how tools and agents are billed, in sentences; their prices stand in
#: the models' tables.
NOT_MODELS = re.compile(r"pricing for (?:tools|agents)|notes", re.IGNORECASE)
TIERS = ("standard", "batch", "flex", "priority")


PREVIEW = " (preview)"


class Part(NamedTuple):
    """A row of a table, or one of two things that it prices. All text is in lower case."""

    kind: str
    paid: str
    ids: Sequence[str]
    context: str = ""
    note: str = ""


#: How to read one row as several.
Split = Callable[[Part], Iterable[Part]]


def page_prices(
    blocks: Sequence[page.Block], split: Split = lambda part: [part]
) -> Iterator[Price]:
    """Yield the prices of the paid tier of every model."""
    for name, section in _models(blocks):
        ids, tiers = _ids(section) or (_display_name(name),), _tiers(section)
        stage = "preview" if name.endswith(PREVIEW) else ""
        for row in page.tables(section, PRICES):
            heading = row.heading.casefold() if len(row.path) > 1 else ""
            tier = heading or "".join(tiers[row.nth - 1 : row.nth])
            if tier not in TIERS:
                raise row["kind"].error(f"no known tier for table {row.nth} under {row.heading!r}")
            yield from _row_prices(row, tier, ids, stage, split)


def _models(blocks: Sequence[page.Block]) -> Iterator[tuple[str, list[page.Block]]]:
    """Yield the heading of each model, and its blocks with the heading.

    Raises Unreadable for a table before the first H2, which is of no known model."""
    parts: list[tuple[str, list[page.Block]]] = []
    for block in blocks:
        if isinstance(block, page.Heading) and block.level == 2:
            parts.append((block.inline.line, [block]))
        elif parts:
            parts[-1][1].append(block)
        elif isinstance(block, page.Table):
            raise page.Unreadable(f"table {block.number} stands under no model's heading")
    return (part for part in parts if not NOT_MODELS.fullmatch(part[0]))


def _ids(section: Sequence[page.Block]) -> tuple[str, ...]:
    """Return the ids of the line under the heading, with nothing but "," and "and" between them."""
    for block in section:
        if isinstance(block, page.Text) and (spans := block.inline.codes):
            rest = block.inline.line
            for span in spans:
                rest = rest.replace(span, "", 1)
            if not re.sub(r",|\band\b|\s", "", rest):
                return spans
    return ()


def _display_name(heading: str) -> str:
    """Return a heading without its labels: "Gemini 3 Pro Image (Nano Banana Pro) 🍌" is Gemini 3
    Pro Image.
    """
    return re.sub(r"\s*(?:\([^)]*\)|[^\w\s.()-])\s*", " ", heading).strip()


def _tiers(section: Sequence[page.Block]) -> tuple[str, ...]:
    """Return the tiers of a model's tables where no heading names them: the tabs above, or else
    their usual order.

    The page's script shows tables as tabs. In text only a line of links is left of them, or nothing
    at all."""
    for block in section:
        if isinstance(block, page.Text):
            tabs = tuple(name.casefold() for name, _ in block.inline.links)
            if tabs and set(tabs) <= set(TIERS):
                if len(tabs) != sum(isinstance(other, page.Table) for other in section):
                    raise block.inline.error("tabs and tables differ in number")
                return tabs
    return TIERS


#: What a row prices, with the groups variant, modality, meter and label.
KINDS = tuple(
    map(
        re.compile,
        (
            r"(?P<modality>text|image|audio|video)? ?(?P<meter>input|output) price"
            r"(?: \((?P<label>[^)]*)\))?",
            r"(?P<meter>context caching)(?: price)?(?: \((?P<label>storage)\))?",
            r"(?P<meter>tuning) price",
            r"(?P<modality>image) generation pricing",
            r"(?:(?P<variant>.+) )?(?P<modality>image|video)(?: with audio)? price"
            r"(?: \(default\))?",
            r"(?P<variant>lyria .+?)(?: \((?:\d+s|full song)\))?",
        ),
    )
)
METERS = {"context caching": "cached_input", "tuning": "training"}
#: "Web and Image Search" is how the image models' search was called for some months of 2026.
GROUNDING = re.compile(r"grounding with google (?P<service>search|maps|web and image search)")


def _row_prices(
    row: page.Row, tier: str, ids: Sequence[str], stage: str, split: Split
) -> Iterator[Price]:
    kind = row["kind"].line.casefold().rstrip("* ")
    paid = row["paid"].line.casefold().replace("*", "").strip()
    no_price = re.sub(r" \([^)]*\)$", "", paid) in page.NO_PRICE
    if kind == "used to improve our products" or no_price:
        return
    if match := GROUNDING.fullmatch(kind):
        meter = "google_maps" if match["service"] == "maps" else "google_search"
        yield from _grounding(row, paid, ids, meter=meter, tier=tier, stage=stage)
    else:
        for part in split(Part(kind, paid, ids)):
            yield from _part_prices(row, part, tier, stage)


def _grounding(
    row: page.Row, paid: str, ids: Sequence[str], *, meter: str, tier: str, stage: str
) -> Iterator[Price]:
    amount = grounding(row["paid"], paid)
    for model in ids:
        yield Price(
            model=model,
            meter=meter,
            amount=amount.usd,
            per=amount.per,
            tier=tier,
            note=_note(amount.label, stage),
            quote=row.quote,
        )


def _part_prices(row: page.Row, part: Part, tier: str, stage: str) -> Iterator[Price]:
    matches = (match for pattern in KINDS if (match := pattern.fullmatch(part.kind)))
    if not (match := next(matches, None)):
        raise row["kind"].error("unknown kind of price")
    kind = {"variant": "", "meter": "", "modality": "", "label": ""} | match.groupdict("")
    header = re.fullmatch(r"Paid Tier, per (.+) in USD", row.headers["paid"], re.IGNORECASE)
    column_unit = page.unit(header[1]) if header else None
    if not column_unit:
        raise row["paid"].error(f"unknown unit in the header {row.headers['paid']!r}")
    ids = _of_variant(row["kind"], kind["variant"], part.ids) if kind["variant"] else part.ids
    modality = kind["modality"] or ("audio" if kind["variant"] else "")
    label = modality or kind["label"].replace("including thinking tokens", "")
    printed = kind["meter"] or "output"
    for amount in amounts(row["paid"], part.paid):
        for meter, context, per in terms(
            row["paid"], amount, METERS.get(printed, printed), label, column_unit
        ):
            for model in ids:
                yield Price(
                    model=model,
                    meter=meter,
                    amount=amount.usd,
                    per=per,
                    tier=tier,
                    context=f"{part.context} {context}".strip(),
                    starts=amount.starts,
                    ends=amount.ends,
                    note=_note(amount.label, part.note, stage),
                    quote=row.quote,
                )


VARIANTS = {"fast", "ultra", "lite", "clip", "pro"}


def _of_variant(cell: page.Inline, name: str, ids: Sequence[str]) -> list[str]:
    """Return the one id that a row such as "Veo 3.1 Fast" prices: the one with "fast" in it.

    "Standard" has no such word."""
    words = VARIANTS & set(name.split())
    fitting = [model for model in ids if VARIANTS & set(model.split("-")) == words]
    if len(fitting) != 1:
        raise cell.error(f"not one of the ids {', '.join(ids)}")
    return fitting


def _note(*words: str | None) -> str:
    return "; ".join(word for word in words if word)
