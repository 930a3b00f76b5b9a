"""OpenAI, the changelog of its API: https://developers.openai.com/api/docs/changelog

A month (`### June, 2026`), a line `Jun 24`, a kind, lines of models and endpoints, paragraphs. A
month that does not begin with a day and an entry without a kind or text are Unreadable."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import timedelta

from monitor.core.facts import Notice
from monitor.reading import page
from monitor.reading.source import source

PAGE = "https://developers.openai.com/api/docs/changelog"

MONTH = re.compile(r"(?P<month>[A-Z][a-z]+),? (?P<year>\d{4})")
DAY = re.compile(r"[A-Z][a-z]{2,8} \d{1,2}")
KIND = re.compile(r"[A-Z][a-z]+")
#: Kinds until June 2026; list items are one word too.
KINDS = frozenset({"Feature", "Update", "Fix", "Announcement"})
#: Ids among the code spans, which are mostly endpoints and parameters.
MODEL = re.compile(
    r"(?:gpt|chatgpt|o\d|sora|dall-e|whisper|tts|text-embedding|text-moderation|omni-moderation"
    r"|codex-mini|computer-use|davinci|babbage)(?:-[\w.]+)+|chat-latest|o\d"
)


@source(PAGE, every=timedelta(hours=2), facts=(Notice,), markers=(b"hangelog",))
def changelog(body: bytes) -> Iterator[Notice]:
    """The entries. The title is the first sentence; entries of one day that begin alike are one
    notice.
    """
    for section in page.sections(body):
        texts = [text.inline for text in section.texts]
        if month := MONTH.fullmatch(section.heading.line):
            days = [number for number, text in enumerate(texts) if DAY.fullmatch(text.line)]
            if not days or days[0] != 0:
                raise section.heading.error("a month that does not begin with a day")
            for first, after in zip(days, [*days[1:], len(texts)], strict=True):
                yield _entry(texts[first:after], int(month["year"]))
        elif texts and DAY.fullmatch(texts[0].line):
            raise section.heading.error("days under a heading that is no month")


def _entry(texts: Sequence[page.Inline], year: int) -> Notice:
    day, *rest = texts
    if not rest or not KIND.fullmatch(rest[0].line):
        raise day.error("an entry without a kind")
    if any(text.line in KINDS for text in rest[1:]):
        raise day.error("an entry with two kinds: the day of the second was not understood")
    # Lines of one word are tags: the models and endpoints that the paragraphs below are about.
    start = next((at for at, text in enumerate(rest) if at and " " in text.line), len(rest))
    tags, paragraphs = rest[1:start], rest[start:]
    if not paragraphs:
        raise day.error("an entry without text")
    summary = " ".join(text.line for text in paragraphs)
    spans = [tag.line for tag in tags] + [code for text in paragraphs for code in text.codes]
    return Notice(
        title=page.first_sentence(paragraphs[0].line, ends=".:;!?"),
        link=PAGE,
        published=page.when(day, year=year),
        summary=summary,
        models=tuple(dict.fromkeys(name for name in spans if MODEL.fullmatch(name))),
        quote=summary,
    )
