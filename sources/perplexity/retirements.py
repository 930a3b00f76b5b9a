"""Perplexity: retirements in the stories of its changelog.

They stand in sentences ("As of March 20, 2026, `x` has been deprecated and removed"), or in lists
after "The following model names will no longer be available". A date without a year is the one
nearest to its label. Tools, fields and parameters that go are no models and stay in the notices; so
does a retirement without an id.

A date of a retirement in another form is Unreadable.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from monitor.core.facts import Retirement, When
from monitor.reading import page
from sources.perplexity.stories import MODEL, Story

DAY = r"[A-Z][a-z]+ \d{1,2}(?:, \d{4})?|\d{1,2}/\d{1,2}/\d{4}"
DATE = re.compile(rf"\b(?:[Aa]s of|[Ee]ffective|[Oo]n|[Ss]tarting) (?P<day>{DAY})\b(?!, \d)")
#: Where a sentence has a date.
PLACE = re.compile(
    r"\b(?:(?:[Aa]s of|[Ee]ffective|[Ss]tarting) (?=[A-Z\d])|[Oo]n (?=\d|[A-Z]\w+ \d))"
)
RETIRED = re.compile(
    r"\b(?:(?P<past>(?:has been|have been|was|were) (?:deprecated|retired|removed)|followed on"
    r"|(?:is|are) no longer (?:available|supported))"
    r"|(?:will be|is being|are being) (?:deprecated|retired|removed)"
    r"|will no longer be (?:available|accessible))\b"
)
LIST = re.compile(r"\bfollowing model names will no longer be available\b")
NO_MODEL = re.compile(r"\b(?:parameter|field|header|tool|endpoint|preset)s?\b")
#: A model named without a code span, once in August 2025.
BARE = re.compile(r", (?:the )?(?P<name>[A-Z][\w.]*-[\w.-]*\d[\w.-]*) will be removed\b")
INSTEAD = re.compile(r"\b(?:use|(?:migrat|switch|upgrad)\w* to) (?P<names>.+)", re.IGNORECASE)


def retirements(story: Story) -> Iterator[Retirement]:
    """Yield the retirements of models in a story."""
    instead = [
        code
        for sentence in story.sentences
        if (match := INSTEAD.search(sentence.text))
        for code in sentence.codes
        if code in match["names"]
    ]
    dated: page.Inline | None = None
    for sentence, names, is_list in _announcements(story.texts):
        date = _date(sentence)
        if date:
            dated = sentence
        elif is_list and dated:  # the list stands below the sentence with its date
            date, sentence = _date(dated), replace(sentence, text=f"{dated.text} {sentence.text}")
        match = RETIRED.search(sentence.text)
        for name in names:
            yield Retirement(
                model=name,
                stage="retired" if match and match["past"] else "deprecated",
                announced=story.published,
                retires=_day(date["day"], story.published, sentence) if date else None,
                replacements=tuple(dict.fromkeys(code for code in instead if code not in names)),
                quote=sentence.text,
            )


def _announcements(texts: Sequence[page.Text]) -> Iterator[tuple[page.Inline, list[str], bool]]:
    """Yield each sentence about a retirement, the models it names, if any, and whether a list
    names them.
    """
    above: page.Inline | None = None  # the sentence above a list of names
    for text in texts:
        if above and text.inline.codes and not _besides_codes(text.inline):
            yield above, list(text.inline.codes), True
            continue
        above = None
        for sentence in page.sentences(text.inline):
            if LIST.search(sentence.text):
                above = sentence
                yield sentence, list(sentence.codes), True
            elif RETIRED.search(sentence.text) and not NO_MODEL.search(sentence.text):
                bare = BARE.search(sentence.text)
                names = [code for code in sentence.codes if MODEL.fullmatch(code)]
                yield sentence, names or ([bare["name"]] if bare else []), False


def _besides_codes(cell: page.Inline) -> str:
    """Return what a paragraph says besides its code spans."""
    rest = cell.line
    for code in cell.codes:
        rest = rest.replace(code, "", 1)
    return rest.strip(" ,")


def _date(sentence: page.Inline) -> re.Match[str] | None:
    """Return the date of a retirement; None where the sentence has no place for one."""
    place = PLACE.search(sentence.text)
    date = DATE.match(sentence.text, place.start()) if place else None
    if place and not date:
        raise sentence.error("no readable date of a retirement")
    return date


def _day(printed: str, label: When, sentence: page.Inline) -> When | None:
    """Return a date. Without a year, it is the one of the day nearest to the month of the story."""
    cell = page.inline(printed, sentence.where)
    if "/" in printed:
        return page.when(cell, order="mdy")
    year = label.starts.year
    near = [page.when(cell, year=candidate) for candidate in (year - 1, year, year + 1)]
    return min((date for date in near if date), key=lambda date: abs(date.starts - label.starts))
