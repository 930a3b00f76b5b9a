"""DeepSeek: the retirements that the entries of its change log announce in sentences.

Two dates for one retirement are Unreadable, and so is one ahead without a date.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce

from monitor.core.facts import Retirement, Stage, When
from monitor.reading import page
from sources.deepseek.words import MODEL

#: A day that no more digits follow: a time that cannot be read must not turn into its day.
DAY = (
    r"(?:\d{4}-\d\d-\d\d"
    r"|[A-Z][a-z]{2,8} \d{1,2}(?:st|nd|rd|th)?, \d{4}(?:, \d\d:\d\d \(UTC Time\))?)(?!,? ?\d)"
)
#: Where a sentence has a day.
PLACE = re.compile(r"\b(?:on|after|since|as of) [A-Z\d]|\(\d")
RETIRED = re.compile(
    r"(?P<over>(?:has|have) (?:now )?been |was |were )?(?:fully )?"
    r"(?P<term>discontinued|retired|deprecated|shut down)\b"
)
#: A model that is served at an address of its own for some weeks.
TEMPORARY = re.compile(
    r"(?P<model>[\w.]+(?:-[\w.]+)+) (?:is served|remains available) via a temporary "
    r"(?:endpoint|API)\b"
)
UNTIL = re.compile(rf"\buntil (?P<day>{DAY})")
INSTEAD = re.compile(
    r"(?:point(?:s|ing)? to|rout(?:es|ing) to|replaced by|in favou?r of) "
    rf".*?(?P<model>{MODEL.pattern})"
)


@dataclass(frozen=True)
class Entry:
    """An entry of the change log or of the news."""

    title: page.Inline
    link: str
    published: When
    texts: Sequence[page.Inline]


def retirements(entry: Entry) -> Iterator[Retirement]:
    """Yield the retirements of models and of temporary addresses that an entry announces."""
    for text in entry.texts:
        if match := TEMPORARY.search(text.line):
            until = UNTIL.search(text.line, match.end())
            if not until:
                raise text.error("no readable end of a temporary address")
            yield Retirement(
                model=match["model"],
                surface="endpoint",
                stage="deprecated",
                announced=entry.published,
                retires=page.when(until["day"]),
                quote=text.line,
            )
        for sentence in re.split(r"(?<=[.!?]) ", text.line):
            yield from _of_models(sentence, text, entry.published)


def _of_models(sentence: str, text: page.Inline, announced: When) -> Iterator[Retirement]:
    match = RETIRED.search(sentence)
    models = MODEL.findall(sentence[: match.start()]) if match else []
    if not match or not models:
        return
    days = re.findall(DAY, sentence[match.end() :])
    if len(days) > 1:
        raise text.error("more than one date for a retirement")
    if not days and (not match["over"] or PLACE.search(sentence, match.end())):
        raise text.error("no readable date of a retirement")
    instead = INSTEAD.search(text.line, text.line.index(sentence) + match.end())
    stage: Stage = "retired" if match["over"] else "deprecated"
    for model in dict.fromkeys(models):
        yield Retirement(
            model=model,
            term=match["term"],
            stage=stage,
            announced=announced,
            retires=page.when(days[0]) if days else None,
            replacements=(instead["model"],) if instead else (),
            quote=sentence,
        )


def together(same: Sequence[Retirement]) -> Retirement:
    """Return one retirement of several entries, newest first: the newest, with what only older ones
    say.
    """
    return reduce(_completed, same)


def _completed(newer: Retirement, older: Retirement) -> Retirement:
    moved = newer.retires and older.retires and newer.retires != older.retires
    return replace(
        newer,
        announced=newer.announced if moved else older.announced,
        retires=newer.retires or older.retires,
        replacements=newer.replacements or older.replacements,
        note=f"Announced before: {older.retires}." if moved else newer.note,
    )
