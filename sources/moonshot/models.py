"""Moonshot AI (Kimi): the models of its platform, and which are gone.

https://platform.kimi.ai/docs/models.md: tables of models by name and description. Under "Deprecated
Models" the dates stand in sentences, of a model ("`kimi-latest` was officially discontinued on
...") or of a series, whose members are the ids of the tables that start with its name and a hyphen:
``kimi-k2-thinking`` is of the kimi-k2 series, ``kimi-k2.5`` is not. A name that is no id of the
tables is read as a series as well, and stands for itself if it has no members.

A note above the tables gives a sunset by month and day. Its year is taken from the page: the first
such day that is not before the latest full date printed there. The fact's note says so.

Other columns, and a sentence about an end that is put in another way, are Unreadable."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from datetime import timedelta

from monitor.core.facts import Fact, Listing, Retirement, When
from monitor.reading import page
from monitor.reading.source import source

MODELS = page.layout(model="model name", description="description")
DAY = r"[A-Z][a-z]+ \d{1,2}"
END = re.compile(
    r"(?P<models>.+?)(?:(?P<how>(?:was|were|will be) (?:officially )?discontinued on)|\(full "
    rf"platform sunset on) (?P<date>{DAY}(?:, \d{{4}})?)\b"
)


@source(
    "https://platform.kimi.ai/docs/models.md",
    every=timedelta(hours=12),
    facts=(Listing, Retirement),
    markers=(b"Model Name", b"kimi-k"),
)
def models(body: bytes) -> Iterator[Fact]:
    """The models that are offered, and the ends of those that are not or will not be."""
    document = page.blocks(body)
    rows = {name: row for row in page.tables(document, MODELS) for name in page.codes(row["model"])}
    gone = {name for name, row in rows.items() if row.heading == "Deprecated Models"}
    ends = _ends([block.inline for block in document if isinstance(block, page.Text)], rows)
    for name in gone - ends.keys():
        ends[name] = Retirement(
            model=name, term="Deprecated", stage="retired", quote=rows[name].quote
        )
    for name, row in rows.items():
        if name not in gone:
            yield Listing(model=name, quote=row.quote)
    yield from (ends[name] for name in sorted(ends))


def _ends(texts: list[page.Inline], ids: Collection[str]) -> dict[str, Retirement]:
    """Return the ends that the page states, by model. A date with a year wins over one without."""
    dates = [date for text in texts for date in re.findall(rf"{DAY}, \d{{4}}", text.line)]
    days = (page.when(date) for date in dates)
    latest = max((day.text for day in days if day), default="")
    ends: dict[str, Retirement] = {}
    for text in texts:
        parts = page.sentences(text)
        for number, sentence in enumerate(parts):
            links = [name for after in parts[number:] for name, _ in after.links]
            for fact in _stated(sentence, tuple(dict.fromkeys(links)), ids, latest):
                if fact.model not in ends or ends[fact.model].note:
                    ends[fact.model] = fact
    return ends


def _stated(
    sentence: page.Inline, replacements: tuple[str, ...], ids: Collection[str], latest: str
) -> Iterator[Retirement]:
    """Yield the ends of one sentence. The links from there on are the replacements."""
    match = END.match(sentence.text)
    if not match:
        if sentence.codes and re.search(r"\b(?:discontinued|sunset)\b", sentence.text):
            raise sentence.error("an end put in an unknown way")
        return
    dated = "," in match["date"]
    retires = page.when(match["date"]) if dated else _next(match["date"], latest, sentence)
    for code in sentence.codes:
        if code not in match["models"]:
            continue
        series = code not in ids or f"{code} series" in match["models"]
        members = [name for name in ids if name == code or (series and name.startswith(f"{code}-"))]
        for model in members or [code]:
            yield Retirement(
                model=model,
                term="discontinued" if match["how"] else "sunset",
                stage="retired" if re.match(r"was|were", match["how"] or "") else "deprecated",
                retires=retires,
                replacements=replacements,
                note="" if dated else f"no year printed with {match['date']}",
                quote=sentence.text.lstrip("> "),
            )


def _next(printed: str, latest: str, sentence: page.Inline) -> When | None:
    """Return the first such day that is not before the latest date of the page."""
    if not latest:
        raise sentence.error("a date without a year, on a page without years")
    year, cell = int(latest[:4]), page.inline(printed, sentence.where)
    day = page.when(cell, year=year)
    return day if day and day.text >= latest else page.when(cell, year=year + 1)
