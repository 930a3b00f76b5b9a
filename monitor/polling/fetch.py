"""Fetch one document: a polite, bounded, conditional GET.

``Fetcher.get`` returns a whole document, or "not modified", or raises FetchFailed. It never returns
a part of a document, a bot wall, or one page of several. When the next poll may come is decided in
schedule.py."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp import hdrs
from yarl import URL

from monitor import __version__
from monitor.clock import clock
from monitor.core.retry_after import retry_after_seconds
from monitor.errors import FetchFailed
from monitor.polling.http_rules import (
    ACCEPT,
    CONTENT_TYPES,
    DAY,
    WALL_HEADERS,
    Decompressor,
    expected_format,
    find_wall,
    max_age_seconds,
    redirect_fault,
)
from monitor.reading.source import Access, Source, joined

USER_AGENT = f"lastcall/{__version__} (deprecation monitor)"
#: Seconds for a whole document. A time limit for each read would let a server drip a byte a second
#: for ever.
DEADLINE = 30.0
MAX_HOPS = 5
MAX_PAGES = 50


@dataclass(frozen=True, slots=True)
class Validators:
    """Hold the names that a server gave to a version of a document.

    When they are sent back, the server may answer "not modified"."""

    etag: str | None = None
    last_modified: str | None = None


NO_VALIDATORS = Validators()


@dataclass(frozen=True, slots=True)
class Fetched:
    """Hold a whole document, or the answer that it is the one we have (``not_modified``, with no
    body).

    ``retry_after`` and ``max_age`` are the seconds for which the server asks us to wait, or to keep
    this. ``url`` is the last address after redirects, ``ms`` the time that the fetch took. ``date``
    and ``age`` are those headers as they came: http_rules.server_time makes the server's clock of
    them."""

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


async def read_body(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """Return the whole decoded body. Raises FetchFailed as soon as it is longer than ``limit``
    bytes.
    """
    too_long = f"the body is longer than {limit} bytes"
    if (response.content_length or 0) > limit:
        raise FetchFailed(too_long)
    decompressor = Decompressor(response.headers.getall(hdrs.CONTENT_ENCODING, []))
    pieces, size = [], 0
    async for raw in response.content.iter_any():
        piece = decompressor.feed(raw, limit + 1 - size)
        size += len(piece)
        if size > limit:
            raise FetchFailed(too_long)
        pieces.append(piece)
    decompressor.finish()
    return b"".join(pieces)


class Fetcher:
    """Fetch documents over one pool of connections, with few requests at a time to any host.

    The deadline starts when the request starts, not while it is queued."""

    def __init__(self, *, per_host: int = 2, overall: int = 64, deadline: float = DEADLINE):
        self._deadline = deadline
        self._host_slots: defaultdict[str, asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(per_host)
        )
        self._slots = asyncio.Semaphore(overall)

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=300),
            headers={hdrs.USER_AGENT: USER_AGENT, hdrs.ACCEPT_ENCODING: "gzip, deflate"},
            cookie_jar=aiohttp.DummyCookieJar(),
            # The deadline of get() covers every page of a document.
            timeout=aiohttp.ClientTimeout(total=None),
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
        """Return the document of a source, from ``url`` if it is not at the declared address.

        Raises FetchFailed, naming the source and never the key."""
        try:
            return await self._get(source, validators, key, url or source.url)
        except FetchFailed as error:
            message = f"{source.id}: {error}"
            if key:  # a server may repeat it
                message = message.replace(key, "***")
            raise FetchFailed(message, status=error.status, retry_after=error.retry_after) from None

    async def _get(
        self, source: Source, validators: Validators, key: str | None, url: str
    ) -> Fetched:
        """Return the document. Raises FetchFailed without the source's name."""
        try:
            start = URL(url)
            headers = key_headers(source.access, key) if source.access else {}
            keyed = source.access is not None
            headers[hdrs.ACCEPT] = ACCEPT[expected_format(source.url, source.kind, keyed)]
            async with (
                self._host_slots[start.host or ""],
                self._slots,
                asyncio.timeout(self._deadline),
            ):
                if source.access and source.access.next_page:
                    return await self._get_pages(source, source.access.next_page, start, headers)
                if source.also:
                    return await self._get_parts(source, start, headers)
                return await self._get_one(source, start, headers, validators, source.max_bytes)
        except TimeoutError:
            raise FetchFailed(f"not whole after {self._deadline:g} seconds") from None
        except aiohttp.ClientResponseError as error:
            # Its text repeats what the server sent, and its repr our headers.
            raise FetchFailed(f"the answer is not HTTP ({type(error).__name__})") from None
        except aiohttp.ClientPayloadError:
            raise FetchFailed("the body was cut short or badly framed") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # ValueError: the address is not a URL.
            raise FetchFailed(f"{type(error).__name__}: {error}") from None

    async def _get_pages(
        self,
        source: Source,
        next_page: Callable[[bytes], dict[str, str] | None],
        start: URL,
        headers: dict[str, str],
    ) -> Fetched:
        """Return every page of a paged API as one document: the page itself, or a JSON array of
        all.

        The requests are not conditional: an unchanged first page says nothing about the others."""
        page = await self._get_one(source, start, headers, NO_VALIDATORS, source.max_bytes)
        bodies, ms, visited = [page.body], page.ms, {start}
        while params := next_params(next_page, page.body, len(bodies)):
            address = start.update_query(params)
            if address in visited:
                raise FetchFailed(f"page {len(bodies)} leads back to one that was read")
            if len(bodies) == MAX_PAGES:
                raise FetchFailed(f"there are more than {MAX_PAGES} pages")
            visited.add(address)
            room = source.max_bytes - sum(map(len, bodies))
            page = await self._get_one(source, address, headers, NO_VALIDATORS, room)
            bodies.append(page.body)
            ms += page.ms
        body = bodies[0] if len(bodies) == 1 else b"[" + b",".join(bodies) + b"]"
        return replace(
            page,
            body=body,
            validators=NO_VALIDATORS,
            ms=ms,
            retry_after=None,
            url=str(start),
        )

    async def _get_parts(self, source: Source, start: URL, headers: dict[str, str]) -> Fetched:
        """Return a document that stands at several addresses, as a JSON array of its parts: all of
        them, or FetchFailed.
        """
        parts: list[Fetched] = []
        for address in (start, *(start.join(URL(other)) for other in source.also)):
            room = source.max_bytes - sum(len(part.body) for part in parts)
            parts.append(await self._get_one(source, address, headers, NO_VALIDATORS, room))
        return replace(
            parts[-1],
            body=joined(part.body for part in parts),
            content_type="application/json",
            validators=NO_VALIDATORS,
            ms=sum(part.ms for part in parts),
            retry_after=None,
            max_age=max(part.max_age or 0.0 for part in parts) or None,
            url=str(start),
        )

    async def _get_one(
        self, source: Source, start: URL, base: dict[str, str], validators: Validators, limit: int
    ) -> Fetched:
        """Send one GET and follow its redirects."""
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
                fetched = await read_response(source, response, validators, limit)
                return replace(fetched, ms=(time.perf_counter() - began) * 1000)
        raise FetchFailed(f"more than {MAX_HOPS} redirects")


async def read_response(
    source: Source, response: aiohttp.ClientResponse, validators: Validators, limit: int
) -> Fetched:
    """Return the document of a response that is no redirect, without the time it took.

    Raises FetchFailed unless it is whole, or a 304 to a request with ``validators``. A 200 is read
    whatever its ETag: some servers name every version the same."""
    status, headers, body = response.status, response.headers, b""
    expected = expected_format(source.url, source.kind, source.access is not None)
    content_type = headers.get(hdrs.CONTENT_TYPE, "").partition(";")[0].strip().lower()
    retry_after = retry_after_seconds(headers.get(hdrs.RETRY_AFTER), clock(), DAY)
    sign = next((name for name in WALL_HEADERS if name in headers), None)
    if sign is None and status in (200, 403):
        try:
            body = await read_body(response, limit)
        except FetchFailed as error:
            raise FetchFailed(
                f"answered {status}: {error}", status=status, retry_after=retry_after
            ) from None
        sign = find_wall(expected, content_type, body)
    if sign:
        raise FetchFailed(
            f"a bot wall or error page answered {status}: {sign}",
            status=status,
            retry_after=retry_after,
        )
    if status == 304:
        if not (validators.etag or validators.last_modified):
            raise FetchFailed("answered 304 to an unconditional request", status=status)
    elif status != 200:
        raise FetchFailed(f"answered {status}", status=status, retry_after=retry_after)
    elif not body or body.isspace():
        raise FetchFailed("the body is empty", status=status)
    elif content_type and not CONTENT_TYPES[expected].fullmatch(content_type):
        raise FetchFailed(f"came as {content_type[:60]!r}, not as {expected}", status=status)
    sent = validators if status == 304 else NO_VALIDATORS  # a 304 need not repeat them
    return Fetched(
        status=status,
        body=body,
        content_type=content_type,
        validators=Validators(
            headers.get(hdrs.ETAG) or sent.etag,
            headers.get(hdrs.LAST_MODIFIED) or sent.last_modified,
        ),
        ms=0.0,
        not_modified=status == 304,
        retry_after=retry_after,
        max_age=max_age_seconds(headers.get(hdrs.CACHE_CONTROL)),
        url=str(response.url),
        date=headers.get(hdrs.DATE, ""),
        age=headers.get(hdrs.AGE, ""),
    )


def key_headers(access: Access, key: str | None) -> dict[str, str]:
    """Return the headers with the key of an API. Raises FetchFailed for a key that no header can
    carry.
    """
    if not key:
        raise FetchFailed(f"{access.key} is not set")
    if not (key.isascii() and key.isprintable()):
        raise FetchFailed(f"{access.key} holds a character that no header can carry")
    return {access.header: access.prefix + key, **dict(access.headers)}


def follow(start: URL, here: URL, response: aiohttp.ClientResponse, *, keyed: bool) -> URL:
    """Return the address that a redirect leads to. Raises FetchFailed if it may not be followed.

    A key is sent only to the host that it was meant for."""
    try:
        hop = here.join(URL(response.headers[hdrs.LOCATION]))
        origin = str(hop.origin())
    except (KeyError, ValueError):
        raise FetchFailed(
            f"answered {response.status} without a usable Location", status=response.status
        ) from None
    fault = redirect_fault(start, hop) or (
        "another host, and this one has a key" if keyed and hop.origin() != start.origin() else None
    )
    if fault:
        raise FetchFailed(f"redirected to {origin}: {fault}", status=response.status)
    return hop


def next_params(
    next_page: Callable[[bytes], dict[str, str] | None], body: bytes, number: int
) -> dict[str, str] | None:
    """Return the adapter's query of the page after this one, None after the last.

    Raises FetchFailed whatever a mangled page does to the adapter: a part of a list is not the
    list."""
    try:
        return next_page(body)
    except Exception as error:
        raise FetchFailed(
            f"page {number} does not say what follows it: {type(error).__name__}"
        ) from None
