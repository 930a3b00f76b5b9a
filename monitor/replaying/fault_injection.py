"""Inject faults between the documents of an archive: what networks, caches and sites do to a page
for a poll or two.

    archive --FaultInjector(seed).between--> document, fault, document again, next document ...

A replay with faults must report the same events as a replay of the archive alone. The same seed
gives the same faults."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from monitor.errors import FetchFailed
from monitor.polling.outcomes import PollResult
from monitor.replaying.replay import MAX_POLLS, ArchivedDocument, ReplayStep

Damage = Callable[[str, random.Random], str | None]

#: A fault comes after this many polls of a document: while its changes wait, or afterwards.
POLLS_BEFORE = (1, 2, MAX_POLLS)
#: Outcomes of documents that are not accepted.
REFUSED = ("unreadable", "suspect")
TICK = timedelta(microseconds=1)


@dataclass(frozen=True)
class InjectedFault:
    """Make one poll go wrong: by a failure of the fetch, or by a body that is not the page as it
    is.
    """

    source_id: str
    at: datetime
    fault: str
    served: bytes | FetchFailed
    polls: int = 1

    def read(self) -> bytes:
        if isinstance(self.served, FetchFailed):
            raise self.served
        return self.served


class FaultInjector:
    """Put faults between the documents of an archive, chosen by a seed.

    ``observe`` gets the result of each poll. A document that is refused or held itself gets no
    fault: a fault comes between good polls, and what two polls agree on with no good poll between
    them may be believed."""

    def __init__(self, seed: int):
        self._chance = random.Random(seed)  # noqa: S311  nothing here is a secret
        self._outcome = ""

    def observe(self, result: PollResult) -> None:
        self._outcome = result.outcome

    def between(self, documents: Iterable[ArchivedDocument]) -> Iterator[ReplayStep]:
        """Yield every document, interrupted by a fault of one or two polls, and then again until
        its changes are confirmed.
        """
        served: dict[str, list[ArchivedDocument]] = {}
        for document in documents:
            earlier = served.setdefault(document.source_id, [])
            yield (
                replace(document, polls=self._chance.choice(POLLS_BEFORE)) if earlier else document
            )
            faults = _faults(document, earlier, self._chance)
            if self._outcome in REFUSED:
                faults = []
            yield from faults
            yield replace(document, at=document.at + TICK * (len(faults) + 1))
            earlier.append(document)


def _faults(
    document: ArchivedDocument, earlier: Sequence[ArchivedDocument], chance: random.Random
) -> list[InjectedFault]:
    """Return one fault of one or two polls at this document, of a kind that can happen to it."""
    body = document.read()
    for kind in chance.sample(KINDS, len(KINDS)):
        fault = (
            _older(kind, document, earlier, chance)
            if kind in ARCHIVED
            else _damage(kind, body, chance)
        )
        if fault is None or fault == body:
            continue
        # Two polls that agree on a readable page are believed, so such a fault lasts one poll.
        is_believable = kind in BELIEVABLE or (kind == "cut" and _has_no_end(body))
        polls = 1 if is_believable else chance.choice((1, 2))
        return [
            InjectedFault(document.source_id, document.at + TICK * number, kind, fault)
            for number in range(1, polls + 1)
        ]
    raise AssertionError("an outage can happen to any document")


def _has_no_end(body: bytes) -> bool:
    """Return whether a document that was cut may be read as a whole one: Markdown."""
    return not body.lstrip(b"\xef\xbb\xbf \r\n").startswith(
        (b"<!", b"<html", b"<?xml", b"<rss", b"<feed", b"{", b"[")
    )


def _older(
    kind: str,
    document: ArchivedDocument,
    earlier: Sequence[ArchivedDocument],
    chance: random.Random,
) -> bytes | None:
    """Return an older document of the source: any (a stale cache), or one of another make (the
    page's other layout).
    """
    if kind == "layout":
        earlier = [other for other in earlier if other.make != document.make]
    return chance.choice(earlier).read() if earlier else None


def _damage(kind: str, body: bytes, chance: random.Random) -> bytes | FetchFailed | None:
    """Return the document after a fault, or the failure to fetch it; None where the fault cannot
    happen to it.
    """
    if kind == "outage":
        status = chance.choice((429, 503, None))
        return FetchFailed(
            f"answered {status}" if status else "not whole after 30 seconds", status=status
        )
    if kind == "cut":
        return body[: chance.randrange(len(body) // 4, max(1, len(body) * 3 // 4))]
    if kind in PAGES:
        return PAGES[kind]
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return None
    if kind == "charset":
        encoding = chance.choice(("utf-16", "utf-16-le", "latin-1", "twice"))
        if encoding == "twice":  # UTF-8, taken for cp1252 and encoded once more
            return text.encode().decode("cp1252", "replace").encode()
        return text.encode(encoding, "replace")
    damaged = DAMAGES[kind](text, chance)
    return damaged.encode() if damaged is not None else None


# --- pages that are not the page

PAGES = {
    "empty": b"",
    "challenge": b"<!DOCTYPE html><html><head><title>Just a moment...</title></head><body>"
    b"<h1>Checking your browser</h1><p>Enable JavaScript and cookies to continue</p></body></html>",
    "soft 404": b"<!DOCTYPE html><html><head><title>Page not found</title></head><body>"
    b"<main><h1>Page not found</h1><p>What you are looking for has moved.</p></main></body></html>",
    "error "
    "object": b'{"error": {"type": "server_error", "message": "Something went wrong. Try again '
    b'later."}}',
}

# --- pages with something wrong

#: The parts that repeat in a document: the items of a feed, rows of HTML and of Markdown, the
#: entries of a changelog.
_RECORDS = (
    re.compile(r"<(item|entry)\b.*?</\1>", re.DOTALL),
    re.compile(r"<tr\b(?:(?!<th\b).)*?</tr>", re.DOTALL | re.IGNORECASE),
    re.compile(r"(?<=\n)[ ]*\|(?![ :|-]*\n).*(?=\n)(?!\n[ ]*\|[ :|-]*\n)"),
    re.compile(r"(?<=\n)<Update\b.*?</Update>", re.DOTALL),
    re.compile(r"(?<=\n)##+ .*?(?=\n##|\Z)", re.DOTALL),
)
#: The names of parts of a document: a header of Markdown or HTML, a key of JSON, an element of a
#: feed.
_NAMES = (
    re.compile(r"(?<=<)(?P<name>pubDate|published|title)(?=>)"),
    re.compile(r"(?<=<th>)(?P<name>[^<>]+)(?=</th>)"),
    re.compile(r"(?<=\|)(?P<name>[^|\n]*[A-Za-z][^|\n]*)(?=\|(?:[^\n]*)\n[ ]*\|[ :|-]*\n)"),
    re.compile(r"(?<=\")(?P<name>\w+)(?=\":)"),
)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _lists(document: Any) -> Iterator[list[Any]]:
    """Yield the lists of a JSON document that hold more than one item."""
    if isinstance(document, list):
        if len(document) > 1:
            yield document
        return
    for value in document.values() if isinstance(document, dict) else ():
        yield from _lists(value)


def _spans(text: str) -> list[tuple[int, int]]:
    """Return the places of the records of a document, by the first pattern that fits."""
    matches = ([match.span() for match in pattern.finditer(text)] for pattern in _RECORDS)
    return next((spans for spans in matches if len(spans) > 1), [])


def _replace(text: str, spans: Sequence[tuple[int, int]], records: Sequence[str]) -> str:
    """Return the text with other records at these places."""
    parts, at = [], 0
    for (start, end), record in zip(spans, records, strict=True):
        parts += [text[at:start], record]
        at = end
    return "".join(parts) + text[at:]


def _half(text: str, chance: random.Random) -> str | None:
    """Remove about every other record."""
    if (document := _json(text)) is not None:
        for items in _lists(document):
            items[:] = [item for item in items if chance.random() < 0.5]
        return json.dumps(document)
    spans = _spans(text)
    return _replace(
        text, spans, [text[start:end] if chance.random() < 0.5 else "" for start, end in spans]
    )


def _reordered(text: str, chance: random.Random) -> str | None:
    """Shuffle records that follow each other directly."""
    if (document := _json(text)) is not None:
        for items in _lists(document):
            chance.shuffle(items)
        return json.dumps(document)
    spans = _spans(text)
    records: list[str] = []
    run: list[str] = []
    for number, (start, end) in enumerate(spans):
        run.append(text[start:end])
        if number + 1 == len(spans) or text[end : spans[number + 1][0]].strip():
            chance.shuffle(run)
            records += run
            run = []
    return _replace(text, spans, records)


def _renamed(text: str, chance: random.Random) -> str | None:
    """Rename one header, key or element, wherever it stands."""
    for pattern in _NAMES:
        if names := sorted({match["name"] for match in pattern.finditer(text)}):
            return _rename(text, pattern, chance.choice(names))
    return None


def _rename(text: str, pattern: re.Pattern[str], name: str) -> str:
    return pattern.sub(lambda match: "Quux" if match["name"] == name else match["name"], text)


DAMAGES: dict[str, Damage] = {"half": _half, "reordered": _reordered, "renamed": _renamed}
ARCHIVED = ("stale", "layout")
KINDS = ("outage", "cut", "charset", *PAGES, *DAMAGES, *ARCHIVED)
#: Faults that leave a page which reads well and says something else. Only a second poll tells them
#: from the truth, so a page that a site serves for two polls is believed.
BELIEVABLE = ("half", "reordered", *ARCHIVED)
