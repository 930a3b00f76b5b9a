"""What an adapter declares. ``@source`` turns a function over bytes into a Source that the core can
poll.

    @source("https://acme.example/docs/deprecations.md", every=timedelta(hours=6))
    def deprecations(body: bytes) -> Iterator[Fact]: ...

In ``sources/acme/deprecations.py``, or in ``sources/acme.py``, the source above is
``acme.deprecations``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from monitor.core.facts import Fact
from monitor.errors import NotFound, Unreadable

Kind = Literal["official", "hint", "news"]
Parse = Callable[[bytes], Iterable[Fact]]


@dataclass(frozen=True)
class Access:
    """How a model-list API is read: where the key goes, and how its pages follow each other.

    ``key`` names the environment variable. ``header`` and ``prefix`` say how it is sent.
    ``next_page`` gets the body of one page and returns the query parameters of the next, or None
    after the last."""

    key: str
    header: str = "Authorization"
    prefix: str = "Bearer "
    headers: tuple[tuple[str, str], ...] = ()
    next_page: Callable[[bytes], dict[str, str] | None] | None = None


@dataclass(frozen=True)
class Source:
    """One feed or page of one provider, and everything the core must know to poll it.

    ``every`` is the cadence. ``markers`` are byte strings without which a document is not this page
    at all (a bot wall, a soft 404). ``focus`` cuts a page down to the part the adapter reads:
    ``parse`` is given only that, so two documents with the same focus have the same facts and the
    second is not parsed. ``keeps_past`` says that rows stay on the page after their date, so that a
    row which leaves was withdrawn. ``patience`` is how many looks any change needs, for a source
    whose values move by themselves (a market price). ``max_bytes`` caps the decoded body. ``also``
    are further addresses, absolute or relative to ``url``, whose documents belong to this one: the
    body is then a JSON array of them all as strings, see ``documents``."""

    id: str
    url: str
    parse: Parse
    every: timedelta = timedelta(hours=6)
    kind: Kind = "official"
    facts: tuple[type[Fact], ...] = ()
    access: Access | None = None
    markers: tuple[bytes, ...] = ()
    focus: Callable[[bytes], bytes] | None = None
    keeps_past: bool = False
    patience: int = 1
    max_bytes: int = 5_000_000
    also: tuple[str, ...] = ()
    doc: str = field(default="", compare=False)

    @property
    def provider(self) -> str:
        return self.id.partition(".")[0]

    @property
    def stale_after(self) -> timedelta:
        """How old what is known may become before its operator is told: three polls, and never less
        than a morning.
        """
        return max(3 * self.every, timedelta(hours=6))

    def look(self, body: bytes) -> bytes:
        """The part of a document that can matter to this source. Raises Unreadable if it cannot be
        cut out.
        """
        if not self.focus:
            return body
        with self._blamed():
            return self.focus(body)

    def digest(self, body: bytes) -> str:
        """What tells one document from another: a hash of the part that matters. Raises Unreadable
        as ``look`` does.
        """
        return hashlib.sha256(self.look(body)).hexdigest()

    def read(self, body: bytes) -> list[Fact]:
        """All facts of one document, stamped with the provider, in the page's order.

        Raises Unreadable if the document is not this page, was damaged on its way, states nothing,
        or states one thing twice."""
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
        seen: dict[str, Fact] = {}
        with self._blamed():
            for fact in self.parse(self.focus(body) if self.focus else body):
                stamped = fact.stamped(self.provider)
                other = seen.setdefault(stamped.key, stamped)
                if other.value != stamped.value:
                    raise Unreadable(
                        f"stated twice, differently: {other.quote!r} and {stamped.quote!r}"
                    )
        if not seen:
            raise Unreadable(f"{self.id}: the document holds no facts")
        return list(seen.values())

    @contextmanager
    def _blamed(self) -> Iterator[None]:
        """Whatever a mangled page does to an adapter or a library is this page's fault, and no
        other's.
        """
        try:
            yield
        except Unreadable as error:
            raise Unreadable(f"{self.id}: {error}") from error
        except Exception as error:
            raise Unreadable(f"{self.id}: {type(error).__name__}: {error}") from error


REGISTRY: dict[str, Source] = {}


def source(
    url: str,
    *,
    every: timedelta = timedelta(hours=6),
    kind: Kind = "official",
    facts: tuple[type[Fact], ...] = (),
    access: Access | None = None,
    markers: tuple[bytes, ...] = (),
    focus: Callable[[bytes], bytes] | None = None,
    keeps_past: bool = False,
    patience: int = 1,
    max_bytes: int = 5_000_000,
    also: tuple[str, ...] = (),
) -> Callable[[Parse], Source]:
    """Declare an adapter. The decorated name becomes the Source itself."""

    def declare(parse: Parse) -> Source:
        declared = Source(
            id=_identify(parse.__module__, parse.__name__),
            url=url,
            parse=parse,
            every=every,
            kind=kind,
            facts=facts,
            access=access,
            markers=markers,
            focus=focus,
            keeps_past=keeps_past,
            patience=patience,
            max_bytes=max_bytes,
            also=also,
            doc=parse.__doc__ or "",
        )
        REGISTRY[declared.id] = declared
        return declared

    return declare


def _identify(module: str, page: str) -> str:
    """Return ``acme.deprecations`` for the function ``deprecations`` of the module
    ``sources.acme.deprecations``, and for that of ``sources.acme``.
    """
    *packages, name = module.split(".")
    return f"{packages[-1] if packages and name == page else name}.{page}"


def officials(declared: Mapping[str, Source]) -> frozenset[str]:
    """The ids of the sources whose word counts: neither hints nor news."""
    return frozenset(source_id for source_id, found in declared.items() if found.kind == "official")


def joined(bodies: Iterable[bytes]) -> bytes:
    """Several documents as the one that is stored. Raises ValueError where one of them is not
    UTF-8.
    """
    return json.dumps([str(body, "utf-8-sig") for body in bodies], ensure_ascii=False).encode()


def documents(body: bytes) -> list[bytes]:
    """The documents in the body of a source with ``also``; an archived page alone is its own."""
    try:
        texts = json.loads(body)
    except ValueError:
        return [body]
    if isinstance(texts, list) and texts and all(isinstance(text, str) for text in texts):
        return [text.encode() for text in texts]
    return [body]


def find(source_id: str, declared: Mapping[str, Source]) -> Source:
    """The declared source of that id. Raises NotFound with the nearest names."""
    try:
        return declared[source_id]
    except KeyError:
        import difflib

        near = difflib.get_close_matches(source_id, declared, 3)
        hint = f"; did you mean {', '.join(near)}?" if near else "; `lastcall sources` lists them"
        raise NotFound(f"no source {source_id!r}{hint}") from None
