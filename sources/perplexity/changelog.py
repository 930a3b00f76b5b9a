"""Perplexity: its changelog, with the models that it removes and the prices that it names there.

https://docs.perplexity.ai/docs/resources/changelog.md: ``<Update label="August 2026"
tags={["Models", "Pricing"]}>`` blocks, newest first. The label is a month, and several blocks can
have the same. A line in bold alone begins a story; each story is a notice, and one without such a
line is called by its first sentence. The tag "Deprecation" is missing from some removals, so all
stories are read.

Ends stand in sentences ("As of March 20, 2026, `x` has been deprecated and removed"), or in lists
after "The following model names will no longer be available". A date without a year is the one
nearest to its label. Tools, fields and parameters that go are no models and stay in the notices; so
does a retirement told without an id.

Prices stand in sentences too ("`x` at \\$0.25 per million input tokens"); the newest entry about a
meter is its price.

What would break it, as Unreadable: an empty block, a date of an end or a price in another form, a
price of an unknown meter or of no model."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import chain

from monitor.core.facts import Fact, Notice, Price, Retirement, When
from monitor.reading.page import (
    Inline,
    Table,
    Text,
    Unreadable,
    blocks,
    decode,
    elements,
    inline,
    newest,
    sentences,
    when,
)
from monitor.reading.source import source

PAGE = "https://docs.perplexity.ai/docs/resources/changelog"

_STORY = re.compile(r"^\*\*(?P<title>(?:(?!\*\*).)+[^:*])\*\*[ \t]*$", re.MULTILINE)
_FENCE = re.compile(r"^\s*```.*?^\s*```", re.MULTILINE | re.DOTALL)
_MODEL = re.compile(r"sonar|(?=.*[/-])[a-z][a-z0-9.:-]*(?:/[a-z0-9.:-]+)?")

_DAY = r"[A-Z][a-z]+ \d{1,2}(?:, \d{4})?|\d{1,2}/\d{1,2}/\d{4}"
_DATE = re.compile(rf"\b(?:[Aa]s of|[Ee]ffective|[Oo]n|[Ss]tarting) (?P<day>{_DAY})\b(?!, \d)")
#: Where a sentence has a date.
_PLACE = re.compile(
    r"\b(?:(?:[Aa]s of|[Ee]ffective|[Ss]tarting) (?=[A-Z\d])|[Oo]n (?=\d|[A-Z]\w+ \d))"
)
_GONE = re.compile(
    r"\b(?:(?P<past>(?:has been|have been|was|were) (?:deprecated|retired|removed)|followed on"
    r"|(?:is|are) no longer (?:available|supported))"
    r"|(?:will be|is being|are being) (?:deprecated|retired|removed)|will no longer be "
    r"(?:available|accessible))\b"
)
_LIST = re.compile(r"\bfollowing model names will no longer be available\b")
_NO_MODEL = re.compile(r"\b(?:parameter|field|header|tool|endpoint|preset)s?\b")
#: A model named without a code span, once in August 2025.
_BARE = re.compile(r", (?:the )?(?P<name>[A-Z][\w.]*-[\w.-]*\d[\w.-]*) will be removed\b")
_INSTEAD = re.compile(r"\b(?:use|(?:migrat|switch|upgrad)\w* to) (?P<names>.+)", re.IGNORECASE)

_PRICE = re.compile(
    r"\$(?P<amount>\d+(?:\.\d+)?) per million (?P<meters>[a-z-]+(?: or [a-z-]+)*) tokens"
)
_COSTS = re.compile(r"(?P<name>[A-Z][\w.-]*(?: [A-Z][\w.-]*)*) now costs\b")
_METERS = {"input": "input", "cached-input": "cached_input", "output": "output"}


@dataclass
class _Story:
    title: str
    published: When
    texts: Sequence[Text]

    @property
    def sentences(self) -> list[Inline]:
        return [part for text in self.texts for part in sentences(text.inline)]


@source(f"{PAGE}.md", facts=(Retirement, Price, Notice), markers=(b"<Update", b"sonar"))
def changelog(body: bytes) -> Iterator[Fact]:
    """A notice for each story; and the ends and prices that the stories tell."""
    stories = list(_stories(decode(body)))
    yield from reversed(list(_notices(stories)))
    yield from newest(chain.from_iterable(map(_ends, stories)))
    yield from newest(chain.from_iterable(map(_prices, stories)))


def _stories(page: str) -> Iterator[_Story]:
    for entry in elements(page, "Update"):
        published = when(entry["label"])
        head, *parts = re.split(_STORY, _FENCE.sub("", entry.text))
        if published is None or not (head.strip() or parts):
            raise Unreadable(f"nothing in an entry of {entry['label']!r}")
        if head.strip():
            first = next(part for part in blocks(head) if not isinstance(part, Table))
            parts[:0] = sentences(first.inline)[0].text, head
        for title, text in zip(parts[::2], parts[1::2], strict=True):
            yield _Story(
                inline(title).line,
                published,
                [part for part in blocks(text) if isinstance(part, Text)],
            )


def _notices(stories: Sequence[_Story]) -> Iterator[Notice]:
    """Oldest first, so that a title which comes again within its month is numbered and the first
    keeps its key.
    """
    count: Counter[tuple[str, str]] = Counter()
    for story in reversed(stories):
        count[story.title, story.published.text] += 1
        again = count[story.title, story.published.text]
        summary = " ".join(text.inline.line for text in story.texts)
        ids = [
            code
            for text in story.texts
            for code in text.inline.codes
            if "/" in code and _MODEL.fullmatch(code)
        ]
        yield Notice(
            title=story.title if again == 1 else f"{story.title} ({again})",
            link=PAGE,
            published=story.published,
            summary=summary,
            models=tuple(dict.fromkeys(ids)),
            quote=summary.partition(". ")[0] or story.title,
        )


# --- ends
# --------------------------------------------------------------------------------------------------


def _ends(story: _Story) -> Iterator[Retirement]:
    said = story.sentences
    instead = tuple(
        code
        for part in said
        if (match := _INSTEAD.search(part.text))
        for code in part.codes
        if code in match["names"]
    )
    dated: Inline | None = None
    for sentence, names, listed in _gone(story.texts):
        date = _date(sentence)
        if date:
            dated = sentence
        elif listed and dated:  # the list stands below the sentence with its date
            date, sentence = _date(dated), replace(sentence, text=f"{dated.text} {sentence.text}")
        past = _GONE.search(sentence.text)
        for name in names:
            yield Retirement(
                model=name,
                stage="retired" if past and past["past"] else "deprecated",
                announced=story.published,
                retires=_day(date["day"], story.published, sentence) if date else None,
                replacements=tuple(dict.fromkeys(code for code in instead if code not in names)),
                quote=sentence.text,
            )


def _gone(texts: Sequence[Text]) -> Iterator[tuple[Inline, list[str], bool]]:
    """Each sentence about an end, the models it names, if any, and whether it names them by a
    list.
    """
    listing: Inline | None = None
    for text in texts:
        if listing and text.inline.codes and not _besides(text.inline):
            yield listing, list(text.inline.codes), True
            continue
        listing = None
        for part in sentences(text.inline):
            if _LIST.search(part.text):
                listing = part
                yield part, list(part.codes), True
            elif _GONE.search(part.text) and not _NO_MODEL.search(part.text):
                bare = _BARE.search(part.text)
                names = [code for code in part.codes if _MODEL.fullmatch(code)]
                yield part, names or ([bare["name"]] if bare else []), False


def _besides(said: Inline) -> str:
    """What a paragraph says besides its code spans."""
    rest = said.line
    for code in said.codes:
        rest = rest.replace(code, "", 1)
    return rest.strip(" ,")


def _date(said: Inline) -> re.Match[str] | None:
    """The date of an end; None where the sentence has no place for one."""
    place = _PLACE.search(said.text)
    date = _DATE.match(said.text, place.start()) if place else None
    if place and not date:
        raise said.error("no readable date of an end")
    return date


def _day(printed: str, label: When, said: Inline) -> When | None:
    """A date; without a year, the one of the day that is nearest to the month of the entry."""
    if "/" in printed:
        return when(inline(printed, said.where), order="mdy")
    year = label.starts.year
    near = [when(inline(printed, said.where), year=each) for each in (year - 1, year, year + 1)]
    return min((date for date in near if date), key=lambda date: abs(date.starts - label.starts))


# --- prices
# ------------------------------------------------------------------------------------------------


def _prices(story: _Story) -> Iterator[Price]:
    for part in story.sentences:
        priced = list(_PRICE.finditer(part.text))
        if len(priced) != part.text.count(" per million "):
            raise part.error("a price in a form that is not known")
        for match in priced:
            ahead = part.text[: match.start()]
            named = [code for code in part.codes if code in ahead and _MODEL.fullmatch(code)]
            costs = _COSTS.search(ahead)
            if not named and not costs:
                raise part.error("a price of no model")
            model = max(named, key=ahead.rfind) if named else costs["name"] if costs else ""
            for meter in match["meters"].split(" or "):
                if meter not in _METERS:
                    raise part.error(f"unknown meter {meter!r}")
                yield Price(
                    model=model,
                    meter=_METERS[meter],
                    amount=Decimal(match["amount"]),
                    per="1M tokens",
                    note="launch pricing" if "launch pricing" in ahead else "",
                    quote=part.text,
                )
