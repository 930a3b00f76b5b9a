"""Send one webhook: a signed POST that is over after 15 seconds, whatever the receiver does.

Retries are the business of the outbox (delivery/retry_schedule)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import aiohttp

from monitor.delivery.address_guard import Guard
from monitor.delivery.http_client import BROKEN, DEADLINE, broken_connection
from monitor.delivery.retry_schedule import requested_wait
from monitor.delivery.webhook import signature
from monitor.delivery.webhook.envelope import Envelope
from monitor.errors import DeliveryFailed

#: The name by which we introduce ourselves in a handshake (WebHook-Request-Origin of the
#: CloudEvents webhook specification).
ORIGIN = "lastcall"
#: The status says how it went; the rest of the answer is for people, who do not wait for it.
ANSWER_SECONDS = 1.0
ANSWER_BYTES = 16 * 1024
#: Only a proxy answers so (RFC 9110, 15.5.8). Plain http has no tunnel, so that its answer looks
#: like the receiver's.
PROXY_LOGIN = 407


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The address of a receiver, the keys that sign for it, and whether it wants our origin."""

    url: str = field(repr=False)
    keys: Sequence[str] = field(repr=False)
    handshake: bool = False


async def send(
    http: aiohttp.ClientSession,
    guard: Guard,
    endpoint: Endpoint,
    message: Envelope,
    now: datetime,
    deadline: float = DEADLINE,
) -> tuple[int, str]:
    """Return the status and the beginning of the answer of a message that arrived.

    It is signed by each key. Raise DeliveryFailed for any answer but 2xx, or none in time."""
    try:
        headers = signature.headers(endpoint.keys, message.id, int(now.timestamp()), message.body)
    except ValueError as error:
        raise DeliveryFailed(str(error), effect="stop_target") from None
    headers |= message.headers
    if endpoint.handshake:
        headers["WebHook-Request-Origin"] = ORIGIN
    response, answer = await _request(
        http, guard, "POST", endpoint.url, headers, message.body, deadline
    )
    if 200 <= response.status < 300:
        return response.status, answer
    if response.status == PROXY_LOGIN and guard.proxy:
        raise DeliveryFailed(f"the egress proxy answered HTTP {response.status}", effect="postpone")
    redirect = " (redirects are not followed)" if 300 <= response.status < 400 else ""
    raise DeliveryFailed(
        f"HTTP {response.status}{redirect}",
        effect="stop_target" if response.status == 410 else "retry",
        retry_after=requested_wait(response.status, response.headers.get("Retry-After"), now),
        status=response.status,
        answer=answer,
    )


async def handshake(
    http: aiohttp.ClientSession, guard: Guard, url: str, deadline: float = DEADLINE
) -> None:
    """Ask a receiver whether it wants messages from here, as the CloudEvents webhook specification
    has it.

    Consent is ``WebHook-Allowed-Origin``, with our origin or ``*``. No rate is asked for. Raise
    DeliveryFailed without consent."""
    response, answer = await _request(
        http, guard, "OPTIONS", url, {"WebHook-Request-Origin": ORIGIN}, None, deadline
    )
    allowed = [
        origin.strip().casefold()
        for origin in response.headers.get("WebHook-Allowed-Origin", "").split(",")
    ]
    if not (200 <= response.status < 300 and {"*", ORIGIN.casefold()} & set(allowed)):
        raise DeliveryFailed(
            f"the handshake was answered HTTP {response.status} and no WebHook-Allowed-Origin for "
            f"{ORIGIN}",
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
    except BROKEN as error:
        raise broken_connection(error, deadline) from None


async def _beginning(response: aiohttp.ClientResponse) -> str:
    """Return the first bytes of a body, as many as come within a second."""
    body = b""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            while len(body) < ANSWER_BYTES and (
                chunk := await response.content.read(ANSWER_BYTES - len(body))
            ):
                body += chunk
    except (aiohttp.ClientError, TimeoutError, OSError):
        pass  # the status has come, which is the answer
    return body.decode(errors="replace")
