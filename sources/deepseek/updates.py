"""DeepSeek, change log: https://api-docs.deepseek.com/updates/

Entries stand under "Date: 2026-04-24". A retirement is announced in a sentence, by day there and by
minute in the news. Two dates for one retirement are Unreadable, and so is one ahead without a date.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from monitor.core.facts import Notice, Retirement, Stage, When
from monitor.reading.page import (
    Inline,
    Section,
    Unreadable,
    decode,
    inline,
    sections,
    when,
)
from monitor.reading.source import source
from sources.deepseek import DOCS
from sources.deepseek.pricing import MODEL, first_sentence

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
    rf".*?(?P<model>{MODEL.pattern})"
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
            models=tuple(dict.fromkeys(span for span in spans if MODEL.fullmatch(span))),
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
        models = MODEL.findall(sentence[: match.start()]) if match else []
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
                _Entry(inline(first_sentence(texts[0].line)), f"{DOCS}/updates", day, texts)
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
