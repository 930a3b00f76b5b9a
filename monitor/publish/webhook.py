"""One try at one webhook: a signed POST that is over after 15 seconds, whatever the receiver does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import aiohttp

from monitor import __version__
from monitor.errors import DeliveryFailed
from monitor.facts import Json
from monitor.publish import signature
from monitor.publish.guard import Guard
from monitor.store.tables import EventRow

USER_AGENT = f"lastcall/{__version__}"
#: In all, and of it to connect, in seconds; Standard Webhooks asks for 15 to 30.
DEADLINE = 15.0
CONNECT = 5.0
#: The status says how it went; the rest of the answer is for people, who do not wait for it.
ANSWER_SECONDS = 1.0
ANSWER_BYTES = 16 * 1024
ANSWER_KEPT = 500


def body(event: EventRow) -> bytes:
    """The body: the same bytes on every attempt, whatever database the event came from."""
    data = event.to_json()
    message = {"type": event.kind, "timestamp": data["detected_at"], "data": data}
    return _compact(message)


def digest(events: Sequence[EventRow]) -> bytes:
    """The body of several events as one message, in the order of the log; its time is that of the last of them."""
    data = [event.to_json() for event in events]
    last = max(one["detected_at"] for one in data)
    return _compact({"type": "digest", "timestamp": last, "data": {"events": data}})


def _compact(message: Json) -> bytes:
    return json.dumps(message, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def session(guard: Guard) -> aiohttp.ClientSession:
    """The session of all webhooks: no proxy from the environment, no cookies, nothing decompressed."""
    return aiohttp.ClientSession(
        connector=guard.connector(),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
        timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT, sock_connect=CONNECT),
        headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
    )


async def send(
    http: aiohttp.ClientSession,
    guard: Guard,
    url: str,
    secret: str,
    events: Sequence[EventRow],
    now: datetime,
    deadline: float = DEADLINE,
    message: str = "",
) -> tuple[int, str]:
    """The status and the beginning of the answer of a delivery that arrived; else DeliveryFailed.

    One event, or with the id of a ``message`` a digest of several.
    """
    content = digest(events) if message else body(events[0])
    try:
        headers = signature.headers(secret, message or events[0].id, int(now.timestamp()), content)
    except ValueError as error:
        raise DeliveryFailed(str(error), permanent=True) from None
    headers["Content-Type"] = "application/json"
    target = guard.url(url)
    try:
        async with (
            asyncio.timeout(deadline),
            http.post(target, data=content, headers=headers, allow_redirects=False) as response,
        ):
            answer = await _beginning(response)
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        raise DeliveryFailed(reason(error, deadline)) from None
    if 200 <= response.status < 300:
        return response.status, answer
    raise DeliveryFailed(
        f"HTTP {response.status}" + (" (redirects are not followed)" if 300 <= response.status < 400 else ""),
        permanent=response.status == 410,
        retry_after=retry_after(response.headers.get("Retry-After"), now) if response.status in (429, 503) else None,
        status=response.status,
        answer=answer,
    )


def reason(error: Exception, deadline: float) -> str:
    """A failure before the answer, in words without the URL: aiohttp's own may hold it."""
    match error:
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientSSLError():
            return f"tls: {_cause(error)}"
        case aiohttp.ClientConnectorError():
            return f"cannot connect: {error.os_error.strerror or error.os_error}"
        case TimeoutError():
            return f"no answer within {deadline:g} s"
        case aiohttp.ServerDisconnectedError() | ConnectionError() | aiohttp.ClientOSError():
            return "the connection was closed before an answer"
        case _:
            return f"the answer cannot be read: {type(error).__name__}"


def _cause(error: BaseException) -> str:
    cause = error.__cause__ or error
    return getattr(cause, "verify_message", "") or getattr(cause, "reason", "") or type(cause).__name__


async def _beginning(response: aiohttp.ClientResponse) -> str:
    read = b""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            while len(read) < ANSWER_BYTES and (chunk := await response.content.read(ANSWER_BYTES - len(read))):
                read += chunk
    except (aiohttp.ClientError, TimeoutError, OSError):
        pass  # the status has come, which is the answer
    return read.decode(errors="replace")[:ANSWER_KEPT]


def retry_after(text: str | None, now: datetime) -> float | None:
    """Seconds from a Retry-After, which is seconds or an HTTP date; None for anything else."""
    if not text:
        return None
    text = text.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        when = parsedate_to_datetime(text)
    except (ValueError, IndexError, TypeError, OverflowError):
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max((when - now).total_seconds(), 0)
