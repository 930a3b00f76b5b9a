"""Declare an adapter: ``@source`` makes a Source of a function over bytes.

    @source("https://acme.example/docs/deprecations.md", every=timedelta(hours=6))
    def deprecations(body: bytes) -> Iterator[Fact]: ...

In ``sources/acme/deprecations.py`` the source above is ``acme.deprecations``."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TypedDict, Unpack

from monitor.core.facts import Fact
from monitor.core.origin import Kind
from monitor.errors import NotFound, Unreadable

Parse = Callable[[bytes], Iterable[Fact]]

#: How long after its last day an earlier layout is still read: pages alternate between two layouts
#: for some weeks.
OVERLAP = timedelta(days=90)


@dataclass(frozen=True)
class Access:
    """How to read a model-list API: where the key goes, and how its pages follow each other.

    ``key`` names the environment variable. ``header`` and ``prefix`` say how to send it.
    ``next_page`` gets the body of one page and returns the query parameters of the next, or None
    after the last."""

    key: str
    header: str = "Authorization"
    prefix: str = "Bearer "
    headers: tuple[tuple[str, str], ...] = ()
    next_page: Callable[[bytes], dict[str, str] | None] | None = None


@dataclass(frozen=True)
class Earlier:
    """A reader of a layout that a page no longer has, and the last day on which it was served.

    ``mark`` matches what only that layout prints."""

    parse: Parse
    mark: re.Pattern[bytes]
    until: date

    def reads(self, body: bytes, served: date | None) -> bool:
        """Return True if a document has this layout and, where its day is known, may have it."""
        if served and served > self.until + OVERLAP:
            return False
        return self.mark.search(body) is not None


@dataclass(frozen=True)
class Source:
    """One feed or page of one provider, and everything the core must know to poll it.

    ``every`` is the cadence. ``markers`` are byte strings without which a document is not this page
    at all (a bot wall, a soft 404). ``focus`` cuts a page down to the part the adapter reads:
    ``parse`` gets only that, so two documents with the same focus have the same facts and the
    second is not parsed. ``keeps_retired`` says that rows stay on the page after their date, so
    that a row which leaves was withdrawn. ``confirmations`` is how many polls any change needs, for
    a source whose values move by themselves (a market price). ``max_bytes`` caps the decoded body.
    ``also`` are further addresses, absolute or relative to ``url``, whose documents belong to this
    one: the body is then a JSON array of them all as strings, see ``documents``. ``layouts`` are
    the readers of layouts that are gone. ``replaces`` names the built-in source whose place a
    private adapter takes. ``broken`` says why a private adapter cannot be imported; nothing is
    fetched for it.
    """

    id: str
    url: str
    parse: Parse
    every: timedelta = timedelta(hours=6)
    kind: Kind = "official"
    facts: tuple[type[Fact], ...] = ()
    access: Access | None = None
    markers: tuple[bytes, ...] = ()
    focus: Callable[[bytes], bytes] | None = None
    keeps_retired: bool = False
    confirmations: int = 1
    max_bytes: int = 5_000_000
    also: tuple[str, ...] = ()
    replaces: str = ""
    broken: str = ""
    doc: str = field(default="", compare=False)
    layouts: list[Earlier] = field(default_factory=list, compare=False)

    @property
    def provider(self) -> str:
        return self.id.partition(".")[0]

    @property
    def stale_after(self) -> timedelta:
        """Return the age at which the operator hears that the facts are stale: three polls, and at
        least six hours.
        """
        return max(3 * self.every, timedelta(hours=6))

    def earlier(self, *, mark: str, until: str) -> Callable[[Parse], Parse]:
        """Declare the reader of an earlier layout: ``@pricing.earlier(mark="...", until="...")``.

        ``mark`` is a regular expression for what only that layout prints, with ``^`` and ``$`` for
        the ends of a line. ``until`` is the last day (ISO) on which the page had it. Readers stand
        in ``sources/<provider>/history.py``, which the package imports, and import the page."""
        pattern, last = re.compile(mark.encode(), re.MULTILINE), date.fromisoformat(until)

        def declare(parse: Parse) -> Parse:
            self.layouts.append(Earlier(parse, pattern, last))
            return parse

        return declare

    def focused(self, body: bytes) -> bytes:
        """Return the part of a document that this source reads. Raises Unreadable if it cannot be
        cut out.
        """
        if not self.focus:
            return body
        with self._blamed():
            return self.focus(body)

    def digest(self, body: bytes) -> str:
        """Return a hash of the part that this source reads: equal ones have the same facts. Raises
        Unreadable as ``focused`` does.
        """
        return hashlib.sha256(self.focused(body)).hexdigest()

    def read(self, body: bytes, served: date | None = None) -> list[Fact]:
        """Return all facts of one document, stamped with the provider, in the page's order.

        ``served`` is the day on which the document was served, if that is known: it decides which
        earlier layouts the document may have. Raises Unreadable if the document is not this page,
        was damaged on its way, states nothing, or states one thing twice.
        """
        if self.broken:
            raise Unreadable(f"{self.id}: {self.broken}")
        for marker in self.markers:
            if marker not in body:
                raise Unreadable(
                    f"{self.id}: the document lacks {marker.decode()!r}; it is not the page this "
                    "adapter reads"
                )
        # Imported late: compiling the patterns of pages is slow, and many commands read none.
        from monitor.reading.damage import damage

        if wrong := damage(body):
            raise Unreadable(f"{self.id}: {wrong}")
        facts: dict[str, Fact] = {}
        with self._blamed():
            parse = next(
                (layout.parse for layout in self.layouts if layout.reads(body, served)), self.parse
            )
            for fact in parse(self.focus(body) if self.focus else body):
                stamped = fact.stamped(self.provider)
                other = facts.setdefault(stamped.key, stamped)
                if other.value != stamped.value:
                    raise Unreadable(
                        f"stated twice, differently: {other.quote!r} and {stamped.quote!r}"
                    )
        if not facts:
            raise Unreadable(f"{self.id}: the document holds no facts")
        return list(facts.values())

    @contextmanager
    def _blamed(self) -> Iterator[None]:
        """Turn whatever a mangled page does to an adapter or a library into Unreadable, with this
        source's id.
        """
        try:
            yield
        except Unreadable as error:
            raise Unreadable(f"{self.id}: {error}") from error
        except Exception as error:
            raise Unreadable(f"{self.id}: {type(error).__name__}: {error}") from error


REGISTRY: dict[str, Source] = {}


class Options(TypedDict, total=False):
    """The options of ``@source``; the fields of Source explain them."""

    every: timedelta
    kind: Kind
    facts: tuple[type[Fact], ...]
    access: Access | None
    markers: tuple[bytes, ...]
    focus: Callable[[bytes], bytes] | None
    keeps_retired: bool
    confirmations: int
    max_bytes: int
    also: tuple[str, ...]
    replaces: str


def source(url: str, **options: Unpack[Options]) -> Callable[[Parse], Source]:
    """Declare an adapter. The decorated name becomes the Source itself."""

    def declare(parse: Parse) -> Source:
        source_id = _identify(parse.__module__, parse.__name__)
        declared = Source(source_id, url, parse, doc=parse.__doc__ or "", **options)
        current = REGISTRY.get(source_id)
        # A built-in page that is imported later does not displace the adapter that replaces it.
        if current is None or current.replaces != source_id:
            REGISTRY[source_id] = declared
        return declared

    return declare


def _identify(module: str, page: str) -> str:
    """Return ``acme.deprecations`` for the function ``deprecations`` of the module
    ``sources.acme.deprecations``, and for that of ``sources.acme``.
    """
    *packages, name = module.split(".")
    return f"{packages[-1] if packages and name == page else name}.{page}"


def officials(declared: Mapping[str, Source]) -> frozenset[str]:
    """Return the ids of the official sources: neither hints nor news."""
    return frozenset(
        source_id for source_id, source in declared.items() if source.kind == "official"
    )


def joined(bodies: Iterable[bytes]) -> bytes:
    """Return several documents as the one that is stored. Raises ValueError where one of them is
    not UTF-8.
    """
    return json.dumps([str(body, "utf-8-sig") for body in bodies], ensure_ascii=False).encode()


def documents(body: bytes) -> list[bytes]:
    """Return the documents in the body of a source with ``also``. A page that was archived alone is
    one document.
    """
    try:
        texts = json.loads(body)
    except ValueError:
        return [body]
    if isinstance(texts, list) and texts and all(isinstance(text, str) for text in texts):
        return [text.encode() for text in texts]
    return [body]


def find(source_id: str, declared: Mapping[str, Source]) -> Source:
    """Return the declared source of that id. Raises NotFound with the nearest names."""
    try:
        return declared[source_id]
    except KeyError:
        import difflib

        near = difflib.get_close_matches(source_id, declared, 3)
        hint = f"; did you mean {', '.join(near)}?" if near else "; `lastcall sources` lists them"
        raise NotFound(f"no source {source_id!r}{hint}") from None
