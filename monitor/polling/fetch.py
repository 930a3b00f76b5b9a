"""One polite, bounded, conditional GET.

``Fetcher.get`` returns a whole document, or "not modified", or raises FetchFailed. It never returns
a part of a document, a bot wall, or one page of several. What the next poll must wait for is
decided by ``next_due``."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp import hdrs
from yarl import URL

from monitor import __version__
from monitor.core.retry_after import retry_after_seconds
from monitor.errors import FetchFailed, LastcallError
from monitor.polling.http_rules import (
    ACCEPT,
    BELIEVED,
    DAY,
    WALL_HEADERS,
    Inflate,
    flavour,
    max_age_seconds,
    redirect_fault,
    wall,
)
from monitor.reading.source import Access, Source, joined

USER_AGENT = f"lastcall/{__version__} (deprecation monitor)"
# seconds for the whole document: time limits for each read let a server drip a byte a second for
# ever
DEADLINE = 30.0
MAX_HOPS = 5
MAX_PAGES = 50
BACKOFF = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Validators:
    """What a server gave to name a version of a document; sent back, it may answer "not
    modified".
    """

    etag: str | None = None
    last_modified: str | None = None


NO_VALIDATORS = Validators()


@dataclass(frozen=True, slots=True)
class Fetched:
    """A whole document, or the word that it is the one we have (``not_modified``, with no body).

    ``retry_after`` and ``max_age`` are the seconds for which the server asks us to wait, or to keep
    this. ``url`` is where the document was in the end, ``ms`` what it took. ``date`` and ``age``
    are those headers as they came: answer.told_at makes the server's clock of them."""

    status: int
    body: bytes = field(repr=False)
    content_type: str
    validators: Validators
    ms: float
    not_modified: bool
    retry_after: float | None
    max_age: float | None
    url: str
    date: str = ""
    age: str = ""


def next_due(
    now: datetime,
    every: timedelta,
    outcome: Fetched | LastcallError,
    failures: int,
    random: Callable[[], float],
) -> datetime:
    """When a source is to be polled again. ``failures`` counts those in a row, with this one;
    ``random`` is in [0, 1).

    After an answer: the cadence, 10 % more or less so that sources spread out, or later if the
    server asks so. After a failure: twice as long each time, up to six hours. A source is never
    given up."""
    delay = every * (0.9 + 0.2 * random())
    asked = 0.0
    if isinstance(outcome, Fetched | FetchFailed):
        asked = outcome.retry_after or 0.0
    if isinstance(outcome, Fetched):
        asked = max(asked, outcome.max_age or 0.0)
    else:
        delay = min(delay * 2 ** min(failures, 16), BACKOFF)
    return now + max(delay, timedelta(seconds=asked))


async def read_body(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """The whole decoded body. Stops reading, and raises, as soon as it is longer than ``limit``."""
    too_long = f"the body is longer than {limit} bytes"
    if (response.content_length or 0) > limit:
        raise FetchFailed(too_long)
    inflate = Inflate(response.headers.getall(hdrs.CONTENT_ENCODING, []))
    pieces, size = [], 0
    async for raw in response.content.iter_any():
        piece = inflate.feed(raw, limit + 1 - size)
        size += len(piece)
        if size > limit:
            raise FetchFailed(too_long)
        pieces.append(piece)
    inflate.finish()
    return b"".join(pieces)


class Fetcher:
    """Fetches documents over one pool of connections, with few requests at a time to any host.

    Waiting for one's turn is not part of a document's deadline.
    """

    def __init__(self, *, per_host: int = 2, overall: int = 64, deadline: float = DEADLINE):
        self._deadline = deadline
        self._turns: defaultdict[str, asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(per_host)
        )
        self._overall = asyncio.Semaphore(overall)

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=300),
            headers={hdrs.USER_AGENT: USER_AGENT, hdrs.ACCEPT_ENCODING: "gzip, deflate"},
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(
                total=None
            ),  # the deadline below covers every page of a document
            auto_decompress=False,
            trust_env=False,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._session.close()

    async def get(
        self, source: Source, validators: Validators, key: str | None, url: str | None = None
    ) -> Fetched:
        """The document of a source, from ``url`` if it is not at the declared address. Raises
        FetchFailed.
        """
        try:
            return await self._get(source, validators, key, url or source.url)
        except FetchFailed as error:
            message = f"{source.id}: {error}"
            if key:  # a server may say it back to us
                message = message.replace(key, "***")
            raise FetchFailed(message, status=error.status, retry_after=error.retry_after) from None

    async def _get(
        self, source: Source, validators: Validators, key: str | None, url: str
    ) -> Fetched:
        """The same, failing without the source's name."""
        try:
            start = URL(url)
            headers = key_headers(source.access, key) if source.access else {}
            headers[hdrs.ACCEPT] = ACCEPT[
                flavour(source.url, source.kind, source.access is not None)
            ]
            async with (
                self._turns[start.host or ""],
                self._overall,
                asyncio.timeout(self._deadline),
            ):
                if source.access and source.access.next_page:
                    return await self._pages(source, source.access.next_page, start, headers)
                if source.also:
                    return await self._several(source, start, headers)
                return await self._one(source, start, headers, validators, source.max_bytes)
        except TimeoutError:
            raise FetchFailed(f"not whole after {self._deadline:g} seconds") from None
        except (
            aiohttp.ClientResponseError
        ) as error:  # its text repeats what the server sent, its repr our headers
            raise FetchFailed(f"the answer is not HTTP ({type(error).__name__})") from None
        except aiohttp.ClientPayloadError:
            raise FetchFailed("the body was cut short or badly framed") from None
        except (
            aiohttp.ClientError,
            OSError,
            ValueError,
        ) as error:  # ValueError: an address that is none
            raise FetchFailed(f"{type(error).__name__}: {error}") from None

    async def _pages(
        self,
        source: Source,
        next_page: Callable[[bytes], dict[str, str] | None],
        start: URL,
        headers: dict[str, str],
    ) -> Fetched:
        """Every page of a paged API as one document: the page itself, or a JSON array of them.

        Nothing is asked conditionally: that the first page is as it was says nothing of the others.
        """
        page = await self._one(source, start, headers, NO_VALIDATORS, source.max_bytes)
        bodies, ms, seen = [page.body], page.ms, {start}
        while params := following(next_page, page.body, len(bodies)):
            address = start.update_query(params)
            if address in seen:
                raise FetchFailed(f"page {len(bodies)} leads back to one that was read")
            if len(bodies) == MAX_PAGES:
                raise FetchFailed(f"there are more than {MAX_PAGES} pages")
            seen.add(address)
            room = source.max_bytes - sum(map(len, bodies))
            page = await self._one(source, address, headers, NO_VALIDATORS, room)
            bodies.append(page.body)
            ms += page.ms
        body = bodies[0] if len(bodies) == 1 else b"[" + b",".join(bodies) + b"]"
        return Fetched(
            200,
            body,
            page.content_type,
            NO_VALIDATORS,
            ms,
            False,
            None,
            page.max_age,
            str(start),
            page.date,
            page.age,
        )

    async def _several(self, source: Source, start: URL, headers: dict[str, str]) -> Fetched:
        """A document that stands at several addresses, as a JSON array of its parts. As with pages,
        all or nothing.
        """
        bodies: list[bytes] = []
        ms, max_age, date, age = 0.0, 0.0, "", ""
        for address in (start, *(start.join(URL(other)) for other in source.also)):
            part = await self._one(
                source, address, headers, NO_VALIDATORS, source.max_bytes - sum(map(len, bodies))
            )
            bodies.append(part.body)
            ms, max_age = ms + part.ms, max(max_age, part.max_age or 0.0)
            date, age = part.date, part.age
        return Fetched(
            200,
            joined(bodies),
            "application/json",
            NO_VALIDATORS,
            ms,
            False,
            None,
            max_age or None,
            str(start),
            date,
            age,
        )

    async def _one(
        self, source: Source, start: URL, base: dict[str, str], validators: Validators, limit: int
    ) -> Fetched:
        """One GET, with its redirects."""
        headers = dict(base)
        if validators.etag:
            headers[hdrs.IF_NONE_MATCH] = validators.etag
        if validators.last_modified:
            headers[hdrs.IF_MODIFIED_SINCE] = validators.last_modified
        began, here = time.perf_counter(), start
        for _ in range(MAX_HOPS + 1):
            async with self._session.get(here, headers=headers, allow_redirects=False) as response:
                if response.status in (301, 302, 303, 307, 308):
                    here = follow(start, here, response, keyed=source.access is not None)
                    continue
                return await self._answer(source, response, validators, limit, began)
        raise FetchFailed(f"more than {MAX_HOPS} redirects")

    async def _answer(
        self,
        source: Source,
        response: aiohttp.ClientResponse,
        validators: Validators,
        limit: int,
        began: float,
    ) -> Fetched:
        """What a response that is no redirect means."""
        status, headers, body = response.status, response.headers, b""
        expected = flavour(source.url, source.kind, source.access is not None)
        content_type = headers.get(hdrs.CONTENT_TYPE, "").partition(";")[0].strip().lower()
        retry_after = None
        if hdrs.RETRY_AFTER in headers:
            retry_after = retry_after_seconds(headers[hdrs.RETRY_AFTER], datetime.now(UTC), DAY)
        etag = headers.get(hdrs.ETAG)
        sign = next((name for name in WALL_HEADERS if name in headers), None)
        same = status == 304 or (status == 200 and bool(etag) and etag == validators.etag)
        if sign is None and not same and status in (200, 403):
            try:
                body = await read_body(response, limit)
            except FetchFailed as error:
                raise FetchFailed(
                    f"answered {status}: {error}", status=status, retry_after=retry_after
                ) from None
            sign = wall(expected, content_type, body)
        if sign:
            raise FetchFailed(
                f"a bot wall or error page answered {status}: {sign}",
                status=status,
                retry_after=retry_after,
            )
        if status == 304 and not (validators.etag or validators.last_modified):
            raise FetchFailed("answered 304 to an unconditional request", status=status)
        if not same:
            if status != 200:
                raise FetchFailed(f"answered {status}", status=status, retry_after=retry_after)
            if not body or body.isspace():
                raise FetchFailed("the body is empty", status=status)
            if content_type and not BELIEVED[expected].fullmatch(content_type):
                raise FetchFailed(
                    f"came as {content_type[:60]!r}, not as {expected}", status=status
                )
        modified = headers.get(hdrs.LAST_MODIFIED)
        if same:  # a 304 need not repeat them
            etag, modified = etag or validators.etag, modified or validators.last_modified
        return Fetched(
            status=status,
            body=body,
            content_type=content_type,
            validators=Validators(etag, modified),
            ms=(time.perf_counter() - began) * 1000,
            not_modified=same,
            retry_after=retry_after,
            max_age=max_age_seconds(headers.get(hdrs.CACHE_CONTROL)),
            url=str(response.url),
            date=headers.get(hdrs.DATE, ""),
            age=headers.get(hdrs.AGE, ""),
        )


def key_headers(access: Access, key: str | None) -> dict[str, str]:
    """The headers that open an API."""
    if not key:
        raise FetchFailed(f"{access.key} is not set")
    if not (key.isascii() and key.isprintable()):
        raise FetchFailed(f"{access.key} holds a character that no header can carry")
    return {access.header: access.prefix + key, **dict(access.headers)}


def follow(start: URL, here: URL, response: aiohttp.ClientResponse, *, keyed: bool) -> URL:
    """The address a redirect leads to. A key is only ever sent to the host it was meant for."""
    try:
        hop = here.join(URL(response.headers[hdrs.LOCATION]))
        place = str(hop.origin())
    except (KeyError, ValueError):
        raise FetchFailed(
            f"answered {response.status} without a usable Location", status=response.status
        ) from None
    fault = redirect_fault(start, hop) or (
        "another host, and this one has a key" if keyed and hop.origin() != start.origin() else None
    )
    if fault:
        raise FetchFailed(f"redirected to {place}: {fault}", status=response.status)
    return hop


def following(
    next_page: Callable[[bytes], dict[str, str] | None], body: bytes, number: int
) -> dict[str, str] | None:
    """What the adapter says of the page after this one."""
    try:
        return next_page(body)
    except (
        Exception
    ) as error:  # whatever a mangled page does to an adapter, a part of a list is never the list
        raise FetchFailed(
            f"page {number} does not say what follows it: {type(error).__name__}"
        ) from None
