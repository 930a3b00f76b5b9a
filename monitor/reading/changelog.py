"""Make notices of changelogs and feeds. Their titles stay as they are when entries are added."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace

from monitor.core.facts import Notice
from monitor.reading.feeds import entries
from monitor.reading.inline import Inline


def first_sentence(text: str, ends: str = ".!?") -> str:
    """Return a text up to the first of these marks that a blank follows."""
    return re.split(rf"(?<=[{ends}])\s", text, maxsplit=1)[0]


def numbered(notices: Iterable[Notice]) -> Iterator[Notice]:
    """Yield the notices with every title once a day: the second "Bug fixes" is "Bug fixes (2)".

    Title and day are the key of a notice. Pass them in the order in which they were added, so that
    one that is added later takes the next number and no other changes."""
    count: Counter[tuple[str, str]] = Counter()
    for notice in notices:
        key = notice.title, notice.published.text if notice.published else ""
        count[key] += 1
        number = count[key]
        yield notice if number == 1 else replace(notice, title=f"{notice.title} ({number})")


def model_ids(texts: Iterable[Inline], pattern: re.Pattern[str]) -> tuple[str, ...]:
    """Return the code spans that are ids by a pattern. The others are endpoints, flags, regions."""
    spans = (code for text in texts for code in text.codes)
    return tuple(dict.fromkeys(code for code in spans if pattern.fullmatch(code)))


def feed_notices(
    body: bytes, ids: re.Pattern[str] | None = None, *, dated: bool = True
) -> Iterator[Notice]:
    """Yield a notice for each item of a feed. ``ids`` finds the model ids in its summary."""
    for entry in entries(body, dated=dated):
        models = ids.findall(entry.summary) if ids else ()
        yield Notice(
            title=entry.title,
            link=entry.link,
            published=entry.published,
            summary=entry.summary,
            models=tuple(dict.fromkeys(models)),
            quote=f"{entry.title}. {entry.summary}",
        )
