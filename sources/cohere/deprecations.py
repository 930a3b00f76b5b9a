"""Cohere, deprecations: https://docs.cohere.com/docs/deprecations

The ``.md`` twin is read; its MDX source on GitHub reads alike. Dated sections of prose and lists,
newest first, stay for ever; one of 2024 has a table, with a price. Code spans alone say nothing:
alternatives are listed like the models that leave, and endpoints, parameters, products and
fine-tuning leave in one section with models. So the paragraph above a list says what the list is
(lists.py), and a paragraph with code spans must be one of a few sentences (sentences.py). Any other
is Unreadable.

The date in a heading is the day of retirement in some sections and of the announcement in others.
Neither is read off it: the sentence "Effective ..." has the first, "On ..., we announced" the
second.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from monitor.core.facts import Fact, Price, Retirement
from monitor.reading import page
from monitor.reading.source import source
from sources.cohere.lists import listed
from sources.cohere.sentences import HEADING, sentences
from sources.cohere.words import day

HISTORY = "Deprecation History"
TABLE = page.layout(
    retires="shutdown date",
    model="deprecated model",
    price="deprecated model price",
    replacement="recommended replacement",
    under=HISTORY,
)
ANNOUNCED = re.compile(r"On (?P<day>.+?), we announced\b")


@source(
    "https://docs.cohere.com/docs/deprecations.md",
    facts=(Retirement, Price),
    markers=(HISTORY.encode(), b"rerank-english-v2.0"),
    keeps_retired=True,
)
def deprecations(body: bytes) -> Iterator[Fact]:
    """Yield models, endpoints, parameters, products and fine-tuning that ended since December 2024,
    or will.
    """
    blocks = page.blocks(body)
    rows = list(page.tables(blocks, TABLE))
    for section in page.sections(blocks):
        if HISTORY not in section.path:
            continue
        if not HEADING.fullmatch(section.heading.line):
            raise section.heading.error("no date in the heading of a deprecation")
        facts = [*listed(section), *sentences(section), *_tabled(rows, section)]
        if not facts:
            raise section.heading.error("a deprecation of nothing")
        yield from facts


def _tabled(rows: Iterable[page.Row], section: page.Section) -> Iterator[Fact]:
    matches = (ANNOUNCED.match(text.inline.line) for text in section.texts)
    announced = next((day(match["day"]) for match in matches if match), None)
    for row in rows:
        if row.heading != section.heading.line:
            continue
        if announced is None:
            raise section.heading.error("no sentence says when this was announced")
        for model in page.codes(row["model"]):
            yield Retirement(
                model=model,
                stage="deprecated",
                announced=announced,
                retires=page.when(row["retires"]),
                replacements=tuple(page.codes(row["replacement"])),
                quote=row.quote,
            )
            if price := page.price(row["price"], model, "search", quote=row.quote):
                yield price
