"""DeepSeek: https://api-docs.deepseek.com, its price page and its change log. There is no
deprecation page.

Prices: one table with a column for each model. It has no header row (in HTML not even <th>), and
labels span rows and columns, so that in Markdown the rows that follow have fewer cells: the prices
are the last cells of a row, as many as there are models. A rise comes in three stages: a footnote,
then a second table (with a row for each model) and the moment from which it holds, then the first
table with peak and off-peak rows. The hours of the peak stand in a footnote alone, and were
narrowed there without any number changing: footnotes about prices are notices.

The CDN has answered 200 with another page, or an empty one, for the address without its slash.

Change log: entries under "Date: 2026-04-24". An end is told in a sentence, by day there and by
minute in the news.

What would break it: a price row with another label, a price table without all three meters, two
dates for one end, an end ahead without a date."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import product

from monitor.core.facts import Notice, Price, Retirement, Stage, When
from monitor.reading.page import (
    Heading,
    Inline,
    Section,
    Table,
    Text,
    Unreadable,
    blocks,
    decode,
    inline,
    money,
    sections,
    when,
)
from monitor.reading.source import source

DOCS = "https://api-docs.deepseek.com"

# --- prices
# ------------------------------------------------------------------------------------------------

_METERS = {
    "1M INPUT TOKENS (CACHE HIT)": "cached_input",
    "1M INPUT TOKENS (CACHE MISS)": "input",
    "1M OUTPUT TOKENS": "output",
}
_WINDOWS = {"PEAK": "peak", "OFF-PEAK": "off-peak"}
_MODEL = re.compile(r"deepseek-[a-z0-9]+(?:[.-][a-z0-9]+)*")
_FOOTNOTE = re.compile(r"\s*\(\d\)")

_STARTS = re.compile(r"take effect (?:at|on|from) (?P<moment>.+?), as follows:?$")
_HOURS = re.compile(r"[Pp]eak hours(?: are|:) (?P<hours>.+?)(?= \(all other|\]|\.(?: |$))")


@source(
    f"{DOCS}/quick_start/pricing/",
    facts=(Price, Notice),
    markers=(b"MODEL", b"1M INPUT TOKENS", b"deepseek-v"),
)
def pricing(body: bytes) -> Iterator[Price | Notice]:
    """Prices now, those that are announced, and what the footnotes say of prices."""
    now: list[_Said] = []
    later: list[tuple[_Said, When]] = []
    notes: list[str] = []
    before = inline("")
    footnotes = False
    for block in blocks(body):
        if isinstance(block, Heading):
            footnotes = False
        elif isinstance(block, Text):
            before = block.inline
            if footnotes and re.search(r"\b(?:pric|peak)", before.line, re.IGNORECASE):
                notes.append(_FOOTNOTE.sub("", before.line, count=1).strip())
        elif _across(block):
            footnotes = True
            now += _prices(block)
        else:
            starts = _starts(block, before)
            later += [(said, starts) for said in _prices(block)]
    hours = next((match["hours"] for note in notes if (match := _HOURS.search(note))), "")
    ends = {said.model: starts for said, starts in later}
    for said in now:
        yield from said.price(hours, None, ends.get(said.model))
    for said, starts in later:
        yield from said.price(hours, starts, None)
    for note in notes:
        match = _HOURS.search(note)
        title = f"Peak hours: {match['hours']}" if match else _first(note)
        yield Notice(title=title, link=f"{DOCS}/quick_start/pricing", summary=note, quote=note)


def _first(text: str) -> str:
    """The first sentence, as the title of what has no heading."""
    return re.split(r"(?<=[.:;!?]) ", text)[0]


@dataclass(frozen=True)
class _Said:
    """One cell of a price table, and what it is the price of."""

    model: str
    meter: str
    window: str
    cell: Inline
    quote: str

    def price(self, hours: str, starts: When | None, ends: When | None) -> Iterator[Price]:
        if amount := money(self.cell, per="1M tokens"):
            yield Price(
                model=self.model,
                meter=self.meter,
                amount=amount.amount,
                currency=amount.currency,
                per=amount.per,
                window=self.window,
                starts=starts,
                ends=ends,
                note=f"peak hours: {hours}" if self.window and hours else "",
                quote=self.quote,
            )


def _lines(table: Table) -> list[list[Inline]]:
    """The rows that are not empty, with the header as the first; Markdown has an empty header
    instead.
    """
    rows = [tuple(Inline(title) for title in table.header), *(row.cells for row in table.rows)]
    places = (f"table {table.number}, row {number}" for number in range(len(rows)))
    return [
        [replace(cell, where=where) for cell in row]
        for row, where in zip(rows, places, strict=True)
        if any(row)
    ]


def _heads(table: Table) -> list[str]:
    """The first row after the word MODEL: models, or what is priced."""
    lines = _lines(table)
    if not lines or lines[0][0].line != "MODEL":
        raise Unreadable(f"table {table.number}: does not begin with its models")
    return [cell.line for cell in lines[0] if cell and cell.line != "MODEL"]


def _across(table: Table) -> bool:
    """Whether a table has a column for each model, rather than one for each meter."""
    heads = _heads(table)
    models, meters = all(map(_MODEL.fullmatch, heads)), all(head in _METERS for head in heads)
    if models == meters:  # neither, or nothing at all
        raise Unreadable(f"table {table.number}: neither models nor meters: {heads}")
    return models


def _prices(table: Table) -> list[_Said]:
    """Every price of a table. Raises Unreadable if a model, a meter or a time of day lacks
    another's rows.
    """
    heads, across = _heads(table), _across(table)
    found: list[_Said] = []
    model = meter = ""
    for cells in _lines(table)[1:]:
        labels = list(
            dict.fromkeys(_FOOTNOTE.sub("", cell.line) for cell in cells[: -len(heads)] if cell)
        )
        values = cells[-len(heads) :]
        priced = labels[:1] == ["PRICING"] or any("$" in value.line for value in values)
        rest = labels[1:] if labels[:1] == ["PRICING"] else labels
        if across and rest and rest[0] in _METERS:
            meter, priced, rest = _METERS[rest[0]], True, rest[1:]
        elif not across and rest and _MODEL.fullmatch(rest[0]):
            model, priced, rest = rest[0], True, rest[1:]
        window = _WINDOWS.get(rest[0], "") if rest else ""
        if across and not (priced or window):  # context, features and what else a model has
            meter = ""
            continue
        if rest != [word for word, name in _WINDOWS.items() if name == window] or not (
            meter if across else model
        ):
            raise cells[0].error(f"no price row known: {labels}")
        if len(heads) != len(values):
            raise cells[0].error(f"{len(values)} prices under {len(heads)} columns")
        for head, cell in zip(heads, values, strict=True):
            about = (head, meter) if across else (model, _METERS[head])
            found.append(_Said(*about, window, cell, " | ".join(cell.line for cell in cells)))
    told = [(said.model, said.meter, said.window) for said in found]
    names, windows = ({said.model for said in found}, {said.window for said in found})
    if sorted(told) != sorted(product(names, _METERS.values(), windows)):
        raise Unreadable(f"table {table.number}: a price row is missing or printed twice")
    return found


def _starts(table: Table, before: Inline) -> When:
    match = _STARTS.search(before.line)
    starts = when(inline(match["moment"], f"before table {table.number}")) if match else None
    if starts is None:
        raise Unreadable(
            f"table {table.number}: future prices without the time they start: {before.line!r}"
        )
    return starts


# --- change log
# --------------------------------------------------------------------------------------------

_DATE = re.compile(r"Date: (\d{4}-\d\d-\d\d)")
#: Where a page says that it is one of the news; links to them stand in the menu of every page.
_NEWS = re.compile(
    r"(?:^source: |rel=\"canonical\" href=\")(https://api-docs\.deepseek\.com/news/news(\d{6}))",
    re.MULTILINE,
)

#: A day that no more digits follow: a time that cannot be read must not turn into its day.
_DAY = (
    r"(?:\d{4}-\d\d-\d\d"
    r"|[A-Z][a-z]{2,8} \d{1,2}(?:st|nd|rd|th)?, \d{4}(?:, \d\d:\d\d \(UTC Time\))?)(?!,? ?\d)"
)
#: Where a sentence has a day.
_PLACE = re.compile(r"\b(?:on|after|since|as of) [A-Z\d]|\(\d")
_END = re.compile(
    r"(?P<over>(?:has|have) (?:now )?been |was |were )?(?:fully "
    r")?(?P<term>discontinued|retired|deprecated|shut down)\b"
)
#: A model that is served at an address of its own for some weeks.
_TEMPORARY = re.compile(
    r"(?P<model>[\w.]+(?:-[\w.]+)+) (?:is served|remains available) via a temporary "
    r"(?:endpoint|API)\b"
)
_UNTIL = re.compile(rf"\buntil (?P<day>{_DAY})")
_INSTEAD = re.compile(
    r"(?:point(?:s|ing)? to|rout(?:es|ing) to|replaced by|in favou?r of) "
    rf".*?(?P<model>{_MODEL.pattern})"
)


@source(
    f"{DOCS}/updates/",
    every=timedelta(hours=2),
    facts=(Notice, Retirement),
    markers=(b"DeepSeek-V",),
    keeps_retired=True,
)
def updates(body: bytes) -> Iterator[Notice | Retirement]:
    """The entries of the change log, or one page of the news, and the ends they tell of."""
    ends: dict[str, Retirement] = {}
    for entry in _news(body) or _entries(body):
        yield entry.notice
        for end in entry.ends():
            ends[end.key] = _together(ends[end.key], end) if end.key in ends else end
    yield from ends.values()


@dataclass(frozen=True)
class _Entry:
    title: Inline
    link: str
    published: When
    texts: Sequence[Inline]

    @property
    def notice(self) -> Notice:
        spans = [code for text in (self.title, *self.texts) for code in text.codes] + [
            self.title.line
        ]
        return Notice(
            title=self.title.line,
            link=self.link,
            published=self.published,
            summary=" ".join(text.line for text in self.texts),
            models=tuple(dict.fromkeys(span for span in spans if _MODEL.fullmatch(span))),
            quote=self.title.line,
        )

    def ends(self) -> Iterator[Retirement]:
        for text in self.texts:
            if match := _TEMPORARY.search(text.line):
                until = _UNTIL.search(text.line, match.end())
                if not until:
                    raise text.error("no readable end of a temporary address")
                yield Retirement(
                    model=match["model"],
                    surface="endpoint",
                    stage="deprecated",
                    announced=self.published,
                    retires=when(inline(until["day"])),
                    quote=text.line,
                )
            yield from _ends(text, self.published)


def _ends(text: Inline, announced: When) -> Iterator[Retirement]:
    for sentence in re.split(r"(?<=[.!?]) ", text.line):
        match = _END.search(sentence)
        models = _MODEL.findall(sentence[: match.start()]) if match else []
        if not match or not models:
            continue
        days = re.findall(_DAY, sentence[match.end() :])
        if len(days) > 1:
            raise text.error("more than one date for an end")
        if not days and (not match["over"] or _PLACE.search(sentence, match.end())):
            raise text.error("no readable date of an end")
        instead = _INSTEAD.search(text.line, text.line.index(sentence) + match.end())
        stage: Stage = "retired" if match["over"] else "deprecated"
        for model in dict.fromkeys(models):
            yield Retirement(
                model=model,
                term=match["term"],
                stage=stage,
                announced=announced,
                retires=when(inline(days[0])) if days else None,
                replacements=(instead["model"],) if instead else (),
                quote=sentence,
            )


def _together(newer: Retirement, older: Retirement) -> Retirement:
    """Two entries about one end: the newer one, with what only the older one told."""
    moved = newer.retires and older.retires and newer.retires != older.retires
    return replace(
        newer,
        announced=newer.announced if moved else older.announced,
        retires=newer.retires or older.retires,
        replacements=newer.replacements or older.replacements,
        note=f"Announced before: {older.retires}." if moved else newer.note,
    )


def _entries(body: bytes) -> Iterator[_Entry]:
    """The change log: a day, and under it a heading for each entry; text right under the day is an
    entry, too.
    """
    day: When | None = None
    entry: _Entry | None = None
    for section in sections(body):
        texts = [text.inline for text in section.texts]
        if match := _DATE.fullmatch(section.heading.line):
            if entry:
                yield entry
            day = when(match[1])
            entry = (
                _Entry(inline(_first(texts[0].line)), f"{DOCS}/updates", day, texts)
                if texts and day
                else None
            )
        elif day is None:
            if section.level > 1:
                raise section.heading.error("an entry before any day")
        elif section.level > 3 and entry:
            entry = replace(entry, texts=[*entry.texts, section.heading, *texts])
        elif section.level == 3:
            if entry:
                yield entry
            entry = _Entry(section.heading, f"{DOCS}/updates", day, texts)
        else:
            raise section.heading.error("neither a day nor an entry")
    if entry:
        yield entry


def _news(body: bytes) -> list[_Entry]:
    """A page of the news as one entry; its address has the day. Empty for any other page."""
    match = _NEWS.search(decode(body))
    if not match:
        return []
    found: list[Section] = list(sections(body))
    day = when(f"20{match[2][:2]}-{match[2][2:4]}-{match[2][4:]}")
    if not found or not day:
        raise Unreadable("news without a title")
    return [
        _Entry(
            found[0].heading,
            match[1],
            day,
            [text.inline for section in found for text in section.texts],
        )
    ]
