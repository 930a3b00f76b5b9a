"""Faults between the documents of an archive: what networks, caches and sites do to a page for a
poll or two.

    archive --Faults(seed).between--> document, fault, the document again, the next document ...

A replay of that must tell what the replay of the archive alone tells. The same seed gives the same
faults."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from monitor.errors import FetchFailed
from monitor.polling.poll import Polled
from monitor.replaying.replay import MOST_LOOKS, Archived, Step

Damage = Callable[[str, random.Random], str | None]

#: A fault comes after so many looks at a document: while it settles, or when it has settled.
LOOKS_BEFORE = (1, 2, MOST_LOOKS)
#: Outcomes of documents that are no good looks.
NOT_GOOD = ("unreadable", "suspect")
TICK = timedelta(microseconds=1)


@dataclass(frozen=True)
class Fault:
    """One poll that goes wrong: a failure of the fetch, or a body that is not the page as it
    stands.
    """

    source_id: str
    at: datetime
    fault: str
    served: bytes | FetchFailed
    looks: int = 1

    def read(self) -> bytes:
        if isinstance(self.served, FetchFailed):
            raise self.served
        return self.served


class Faults:
    """Faults between the documents of an archive, as the chances of a seed have them.

    ``heard`` is told how each poll ended. A document that is refused or held itself is left alone:
    a fault is one between good looks, and what two looks say with no good one between them may be
    believed."""

    def __init__(self, seed: int):
        self._chance = random.Random(seed)  # noqa: S311  nothing here is a secret
        self._outcome = ""

    def heard(self, polled: Polled) -> None:
        self._outcome = polled.outcome

    def between(self, documents: Iterable[Archived]) -> Iterator[Step]:
        """Every document, cut into by a fault of one or two polls, and then served again until it
        has settled.
        """
        served: dict[str, list[Archived]] = {}
        for document in documents:
            earlier = served.setdefault(document.source_id, [])
            yield (
                replace(document, looks=self._chance.choice(LOOKS_BEFORE)) if earlier else document
            )
            faults = _faults(document, earlier, self._chance)
            if self._outcome in NOT_GOOD:
                faults = []
            yield from faults
            yield replace(document, at=document.at + TICK * (len(faults) + 1))
            earlier.append(document)


def _faults(document: Archived, earlier: Sequence[Archived], chance: random.Random) -> list[Fault]:
    """One fault of one or two polls at this document. A kind that cannot happen to it gives way to
    another.
    """
    body = document.read()
    for kind in chance.sample(KINDS, len(KINDS)):
        made = (
            _served(kind, document, earlier, chance)
            if kind in ARCHIVED
            else _made(kind, body, chance)
        )
        if made is None or made == body:
            continue
        polls = (
            1
            if kind in BELIEVABLE or (kind == "cut" and _has_no_end(body))
            else chance.choice((1, 2))
        )
        return [
            Fault(document.source_id, document.at + TICK * number, kind, made)
            for number in range(1, polls + 1)
        ]
    raise AssertionError("an outage can happen to any document")


def _has_no_end(body: bytes) -> bool:
    """Whether a document that was cut may be read as a whole one: Markdown."""
    return not body.lstrip(b"\xef\xbb\xbf \r\n").startswith(
        (b"<!", b"<html", b"<?xml", b"<rss", b"<feed", b"{", b"[")
    )


def _served(
    kind: str, document: Archived, earlier: Sequence[Archived], chance: random.Random
) -> bytes | None:
    """An older document of the source: any (a stale cache), or one of another make (the page's
    other layout).
    """
    if kind == "layout":
        earlier = [other for other in earlier if other.make != document.make]
    return chance.choice(earlier).read() if earlier else None


def _made(kind: str, body: bytes, chance: random.Random) -> bytes | FetchFailed | None:
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
        if encoding == "twice":  # UTF-8 that somebody took for cp1252 and encoded once more
            return text.encode().decode("cp1252", "replace").encode()
        return text.encode(encoding, "replace")
    damaged = DAMAGES[kind](text, chance)
    return damaged.encode() if damaged is not None else None


# --- pages that are not the page
# ---------------------------------------------------------------------------

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
# ----------------------------------------------------------------------------

#: What repeats in a document: the items of a feed, rows of HTML and of Markdown, the entries of a
#: changelog.
_RECORDS = (
    re.compile(r"<(item|entry)\b.*?</\1>", re.DOTALL),
    re.compile(r"<tr\b(?:(?!<th\b).)*?</tr>", re.DOTALL | re.IGNORECASE),
    re.compile(r"(?<=\n)[ ]*\|(?![ :|-]*\n).*(?=\n)(?!\n[ ]*\|[ :|-]*\n)"),
    re.compile(r"(?<=\n)<Update\b.*?</Update>", re.DOTALL),
    re.compile(r"(?<=\n)##+ .*?(?=\n##|\Z)", re.DOTALL),
)
#: What names a part of a document: a header of Markdown or HTML, a key of JSON, an element of a
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
    """The lists of a JSON document that hold more than one thing."""
    if isinstance(document, list):
        if len(document) > 1:
            yield document
        return
    for value in document.values() if isinstance(document, dict) else ():
        yield from _lists(value)


def _spans(text: str) -> list[tuple[int, int]]:
    found = ([match.span() for match in pattern.finditer(text)] for pattern in _RECORDS)
    return next((spans for spans in found if len(spans) > 1), [])


def _with(text: str, spans: Sequence[tuple[int, int]], records: Sequence[str]) -> str:
    """The text with other records at these places."""
    parts, at = [], 0
    for (start, end), record in zip(spans, records, strict=True):
        parts += [text[at:start], record]
        at = end
    return "".join(parts) + text[at:]


def _half(text: str, chance: random.Random) -> str | None:
    """About every other record is gone."""
    if (document := _json(text)) is not None:
        for records in _lists(document):
            records[:] = [record for record in records if chance.random() < 0.5]
        return json.dumps(document)
    spans = _spans(text)
    return _with(
        text, spans, [text[start:end] if chance.random() < 0.5 else "" for start, end in spans]
    )


def _reordered(text: str, chance: random.Random) -> str | None:
    """Records that follow each other directly, in another order."""
    if (document := _json(text)) is not None:
        for records in _lists(document):
            chance.shuffle(records)
        return json.dumps(document)
    spans = _spans(text)
    put: list[str] = []
    run: list[str] = []
    for number, (start, end) in enumerate(spans):
        run.append(text[start:end])
        if number + 1 == len(spans) or text[end : spans[number + 1][0]].strip():
            chance.shuffle(run)
            put += run
            run = []
    return _with(text, spans, put)


def _renamed(text: str, chance: random.Random) -> str | None:
    """One header, key or element has another name, wherever it stands."""
    for pattern in _NAMES:
        if names := sorted({match["name"] for match in pattern.finditer(text)}):
            return _without(text, pattern, chance.choice(names))
    return None


def _without(text: str, pattern: re.Pattern[str], name: str) -> str:
    return pattern.sub(lambda match: "Quux" if match["name"] == name else match["name"], text)


DAMAGES: dict[str, Damage] = {"half": _half, "reordered": _reordered, "renamed": _renamed}
ARCHIVED = ("stale", "layout")
KINDS = ("outage", "cut", "charset", *PAGES, *DAMAGES, *ARCHIVED)
#: Faults that leave a page which says something else and reads well. A second look is what tells
#: them from the truth, so a site that serves one for two looks has said so.
BELIEVABLE = ("half", "reordered", *ARCHIVED)
