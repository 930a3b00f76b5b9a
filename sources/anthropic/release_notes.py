"""Anthropic, release notes: https://platform.claude.com/docs/en/release-notes/overview.md

Dated headings with paragraphs and bullets. Sections are edited and entries inserted long
afterwards, so a title is the start of the first sentence only. A heading that is no date is
Unreadable."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import count

from monitor.core.facts import Notice
from monitor.reading import page
from monitor.reading.source import source

PAGE = "https://platform.claude.com/docs/en/release-notes/overview"

DAY = re.compile(r"[A-Z][a-z]+ \d{1,2}(?:st|nd|rd|th)?, \d{4}")
MODEL = re.compile(r"\bclaude-[\w.-]*\d[\w.-]*|\bclaude-[\w-]+-(?:preview|latest)\b")


@source(f"{PAGE}.md", facts=(Notice,), markers=(b"Claude Apps",))
def release_notes(body: bytes) -> Iterator[Notice]:
    """A notice for each paragraph and bullet of a day; nested bullets belong to theirs."""
    for number, section in enumerate(page.sections(body)):
        if not DAY.fullmatch(section.heading.line):
            if number == 0 and section.level == 1:
                continue  # the title, which the pages since August 2026 do not have
            raise section.heading.error("a heading that is no date")
        used: set[str] = set()
        for parts in _entries(section.texts):
            title = next(title for title in _titles(parts[0].line) if title not in used)
            used.add(title)
            ids = (name for part in parts for code in part.codes for name in MODEL.findall(code))
            yield Notice(
                title=title,
                link=PAGE,
                published=page.when(section.heading),
                summary=" ".join(part.line for part in parts),
                models=tuple(dict.fromkeys(ids)),
                quote=parts[0].line,
            )


def _entries(texts: Sequence[page.Text]) -> list[list[page.Inline]]:
    entries: list[list[page.Inline]] = []
    for text in texts:
        if text.depth > 1 and entries:
            entries[-1].append(text.inline)
        else:
            entries.append([text.inline])
    return entries


def _titles(text: str) -> Iterator[str]:
    """Yield the start of an entry's first sentence, and longer starts for entries of a day that
    begin alike.
    """
    text = text.lstrip("\\*- ")  # list marks that the page escaped (August 2026)
    sentence = re.split(r"(?<=[.!?:])\s+(?=[A-Z])", text)[0]
    for start, length in ((sentence, 80), (sentence, 160), (text, len(text))):
        yield start if len(start) <= length else start[:length].rpartition(" ")[0]
    yield from (f"{text} ({number})" for number in count(2))
