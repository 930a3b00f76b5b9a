"""One try at one webhook: a signed POST that is over after 15 seconds, whatever the receiver
does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import aiohttp

from monitor import __version__
from monitor.delivery.address_guard import Guard
from monitor.delivery.webhook import signature
from monitor.delivery.webhook.envelope import Envelope
from monitor.errors import DeliveryFailed

USER_AGENT = f"lastcall/{__version__}"
#: In all, and of it to connect, in seconds; Standard Webhooks asks for 15 to 30.
DEADLINE = 15.0
CONNECT = 5.0
#: The status says how it went; the rest of the answer is for people, who do not wait for it.
ANSWER_SECONDS = 1.0
ANSWER_BYTES = 16 * 1024
#: Only a proxy answers so (RFC 9110, 15.5.8): of http, which has no tunnel, as if it were the
#: receiver.
PROXY_LOGIN = 407


def session(guard: Guard) -> aiohttp.ClientSession:
    """The session of all webhooks: no cookies, nothing decompressed, no proxy but the one of the
    guard.
    """
    return aiohttp.ClientSession(
        connector=guard.connector(),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        proxy=guard.proxy or None,
        trust_env=False,
        timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT, sock_connect=CONNECT),
        headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
    )


async def send(
    http: aiohttp.ClientSession,
    guard: Guard,
    url: str,
    keys: Sequence[str],
    message: Envelope,
    now: datetime,
    deadline: float = DEADLINE,
    origin: str = "",
) -> tuple[int, str]:
    """The status and the beginning of the answer of a delivery that arrived; else DeliveryFailed.

    It is signed by each of ``keys``. ``origin`` is told to a receiver that consented to it
    (handshake)."""
    try:
        headers = signature.headers(keys, message.id, int(now.timestamp()), message.body)
    except ValueError as error:
        raise DeliveryFailed(str(error), permanent=True) from None
    headers |= message.headers
    if origin:
        headers["WebHook-Request-Origin"] = origin
    response, answer = await _request(http, guard, "POST", url, headers, message.body, deadline)
    if 200 <= response.status < 300:
        return response.status, answer
    if response.status == PROXY_LOGIN and guard.proxy:
        raise DeliveryFailed(f"the egress proxy answered HTTP {response.status}", ours=True)
    raise DeliveryFailed(
        f"HTTP {response.status}"
        + (" (redirects are not followed)" if 300 <= response.status < 400 else ""),
        permanent=response.status == 410,
        retry_after=retry_after(response.headers.get("Retry-After"), now)
        if response.status in (429, 503)
        else None,
        status=response.status,
        answer=answer,
    )


async def handshake(
    http: aiohttp.ClientSession, guard: Guard, url: str, origin: str, deadline: float = DEADLINE
) -> None:
    """Ask a receiver whether it wants messages from here, as the CloudEvents webhook specification
    has it.

    Consent is ``WebHook-Allowed-Origin``, with our origin or ``*``. No rate is asked for. Raises
    DeliveryFailed."""
    response, answer = await _request(
        http, guard, "OPTIONS", url, {"WebHook-Request-Origin": origin}, None, deadline
    )
    allowed = [
        word.strip().casefold()
        for word in response.headers.get("WebHook-Allowed-Origin", "").split(",")
    ]
    if not (200 <= response.status < 300 and {"*", origin.casefold()} & set(allowed)):
        raise DeliveryFailed(
            f"the handshake was answered HTTP {response.status} and no WebHook-Allowed-Origin for "
            f"{origin}",
            status=response.status,
            answer=answer,
        )


async def _request(
    http: aiohttp.ClientSession,
    guard: Guard,
    method: str,
    url: str,
    headers: dict[str, str],
    body: bytes | None,
    deadline: float,
) -> tuple[aiohttp.ClientResponse, str]:
    target = guard.url(url)
    try:
        async with (
            asyncio.timeout(deadline),
            http.request(
                method, target, data=body, headers=headers, allow_redirects=False
            ) as response,
        ):
            return response, await _beginning(response)
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        raise DeliveryFailed(reason(error, deadline), ours=is_proxys(error)) from None


def is_proxys(error: Exception) -> bool:
    """Whether the egress proxy failed, and not what is behind it: it tells of that with 403, 502,
    503 and 504.
    """
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return error.status not in (403, 502, 503, 504)
    return isinstance(error, aiohttp.ClientProxyConnectionError)


def reason(error: Exception, deadline: float) -> str:
    """A failure before the answer, in words without the URL: aiohttp's own may hold it."""
    match error:
        case aiohttp.ClientHttpProxyError():
            return f"the egress proxy answered HTTP {error.status}"
        case aiohttp.ClientProxyConnectionError():
            return (
                f"the egress proxy cannot be reached: {error.os_error.strerror or error.os_error}"
            )
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientSSLError():
            return f"tls: {_cause(error)}"
        case aiohttp.ClientConnectorError(
            os_error=ConnectionError(errno=None)
        ):  # after the connection stood
            return "tls: the connection was closed in the handshake"
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
    return (
        getattr(cause, "verify_message", "") or getattr(cause, "reason", "") or type(cause).__name__
    )


async def _beginning(response: aiohttp.ClientResponse) -> str:
    read = b""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            while len(read) < ANSWER_BYTES and (
                chunk := await response.content.read(ANSWER_BYTES - len(read))
            ):
                read += chunk
    except (aiohttp.ClientError, TimeoutError, OSError):
        pass  # the status has come, which is the answer
    return read.decode(errors="replace")


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
