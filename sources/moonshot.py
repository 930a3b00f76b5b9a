"""Moonshot AI (Kimi): the models of its platform, and which are gone.

https://platform.kimi.ai/docs/models.md: tables of models by name and description. Under "Deprecated
Models" the dates stand in sentences, of a model ("`kimi-latest` was officially discontinued on
...") or of a series, whose members are the ids of the tables that start with its name and a hyphen:
``kimi-k2-thinking`` is of the kimi-k2 series, ``kimi-k2.5`` is not. A name that is no id of the
tables is taken for a series as well, and told under itself if it has no members.

A note above the tables tells a sunset by month and day. Its year is taken from the page: the first
such day that is not before the latest full date printed there. The fact's note says so.

What would break it, as Unreadable: other columns, or a sentence about an end that is put in another
way."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

from monitor.core.facts import Fact, Listing, Retirement, When
from monitor.reading.page import (
    Inline,
    Text,
    blocks,
    codes,
    inline,
    layout,
    sentences,
    tables,
    when,
)
from monitor.reading.source import source

_MODELS = layout(model="model name", description="description")
_DAY = r"[A-Z][a-z]+ \d{1,2}"
_END = re.compile(
    r"(?P<models>.+?)(?:(?P<how>(?:was|were|will be) (?:officially )?discontinued on)|\(full "
    r"platform sunset on)"
    rf" (?P<date>{_DAY}(?:, \d{{4}})?)\b"
)


@source(
    "https://platform.kimi.ai/docs/models.md",
    every=timedelta(hours=12),
    facts=(Listing, Retirement),
    markers=(b"Model Name", b"kimi-k"),
)
def models(body: bytes) -> Iterator[Fact]:
    """The models that are offered, and the ends of those that are not or will not be."""
    page = blocks(body)
    rows = {name: row for row in tables(page, _MODELS) for name in codes(row["model"])}
    gone = {name for name, row in rows.items() if row.heading == "Deprecated Models"}
    ends: dict[str, Retirement] = {}
    dates = [
        date for block in page if isinstance(block, Text) for date in _full_dates(block.inline)
    ]
    for block in page:
        if isinstance(block, Text):
            for fact in _ends(block.inline, list(rows), max(dates, default="")):
                if fact.model not in ends or ends[fact.model].note:  # a full date counts for more
                    ends[fact.model] = fact
    for name in gone - ends.keys():
        ends[name] = Retirement(
            model=name, term="Deprecated", stage="retired", quote=rows[name].quote
        )
    for name, row in rows.items():
        if name not in gone:
            yield Listing(model=name, quote=row.quote)
    yield from (ends[name] for name in sorted(ends))


def _ends(said: Inline, known: list[str], latest: str) -> Iterator[Retirement]:
    parts = sentences(said)
    for number, sentence in enumerate(parts):
        match = _END.match(sentence.text)
        if not match:
            if sentence.codes and re.search(r"\b(?:discontinued|sunset)\b", sentence.text):
                raise sentence.error("an end put in an unknown way")
            continue
        dated = "," in match["date"]
        retires = when(match["date"]) if dated else _next(match["date"], latest, sentence)
        links = [name for after in parts[number:] for name, _ in after.links]
        for code in sentence.codes:
            if code not in match["models"]:
                continue
            series = code not in known or f"{code} series" in match["models"]
            members = [
                name for name in known if name == code or (series and name.startswith(f"{code}-"))
            ]
            for model in members or [code]:
                yield Retirement(
                    model=model,
                    term="discontinued" if match["how"] else "sunset",
                    stage="retired" if re.match(r"was|were", match["how"] or "") else "deprecated",
                    retires=retires,
                    replacements=tuple(dict.fromkeys(links)),
                    note="" if dated else f"no year printed with {match['date']}",
                    quote=sentence.text.lstrip("> "),
                )


def _full_dates(said: Inline) -> Iterator[str]:
    for printed in re.findall(rf"{_DAY}, \d{{4}}", said.line):
        date = when(inline(printed, said.where))
        if date:
            yield date.text


def _next(printed: str, latest: str, said: Inline) -> When | None:
    """The first such day that is not before the latest date of the page."""
    if not latest:
        raise said.error("a date without a year, on a page without years")
    year = int(latest[:4])
    date = when(inline(printed, said.where), year=year)
    return (
        date if date and date.text >= latest else when(inline(printed, said.where), year=year + 1)
    )
