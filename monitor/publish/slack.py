"""One try at one Slack message, through the SDK with its own retries off: the outbox owns every retry.

The SDK's default handlers post twice when a connection is reset after the post, and stumble over a Retry-After that
is a date. A target is a channel (with a bot token) or the URL of an incoming webhook, which is a secret itself.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from monitor.errors import DeliveryFailed
from monitor.facts import Json, When
from monitor.publish.guard import Guard
from monitor.publish.webhook import ANSWER_KEPT, CONNECT, DEADLINE, reason, retry_after
from monitor.store.tables import EventRow

#: Never verbose: at debug level the SDK logs the URL of an incoming webhook.
_LOG = logging.getLogger("lastcall.slack")
_LOG.setLevel(logging.WARNING)

#: The target cannot be posted to until somebody does something: it is paused, never deleted.
#: From the error lists of chat.postMessage and of incoming webhooks.
PAUSE = frozenset({
    "channel_not_found", "is_archived", "channel_is_archived", "not_in_channel", "no_permission", "missing_scope",
    "restricted_action", "restricted_action_read_only_channel", "restricted_action_thread_only_channel",
    "restricted_action_non_threadable_channel", "restricted_action_thread_locked", "ekm_access_denied",
    "posting_to_general_channel_denied", "action_prohibited", "no_service", "no_service_id", "no_active_hooks",
    "invalid_token", "invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "no_team",
    "team_disabled", "team_not_found", "org_login_required", "user_not_found", "not_allowed_token_type",
})  # fmt: skip
#: Slack holds that the message is ill-formed; nothing was posted, and plain text is sent instead.
ILL_FORMED = frozenset({
    "msg_too_long", "msg_blocks_too_long", "invalid_blocks", "invalid_blocks_format", "no_text",
    "too_many_attachments", "invalid_payload",
})  # fmt: skip

#: Slack's limits, with some room: 50 blocks, 150 for a header, 3,000 for a text, about 13,000 in all.
HEADER, TEXT, TOTAL = 150, 2900, 10_000
LINK, LINE = 300, 500
_SIGNS = {"info": "ℹ️", "notice": "🔔", "action": "⚠️", "critical": "🚨"}


def session(guard: Guard) -> aiohttp.ClientSession:
    """The session of the SDK: behind the same guard as webhooks, and no redirect is followed."""

    async def no_redirects(request: aiohttp.ClientRequest, handler: Any) -> aiohttp.ClientResponse:
        response: aiohttp.ClientResponse = await handler(request)
        if 300 <= response.status < 400:
            response.close()
            raise DeliveryFailed(f"HTTP {response.status} (redirects are not followed)", status=response.status)
        return response

    return aiohttp.ClientSession(
        connector=guard.connector(),
        cookie_jar=aiohttp.DummyCookieJar(),
        proxy=guard.proxy or None,
        trust_env=False,
        timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT, sock_connect=CONNECT),
        middlewares=(no_redirects,),
    )


class Slack:
    """Posts messages. ``base_url`` is another Slack, for tests and the demo."""

    def __init__(
        self, http: aiohttp.ClientSession, guard: Guard, token: str = "", base_url: str = "", deadline: float = DEADLINE
    ):
        self.http = http
        self.guard = guard
        self.token = token
        self.base_url = base_url or AsyncWebClient.BASE_URL
        self.deadline = deadline

    async def send(self, address: str, token: str, events: Sequence[EventRow], now: datetime) -> tuple[int, str]:
        """Status and answer of one message about all the events; else DeliveryFailed."""
        text, blocks = message(events, now)
        try:
            async with asyncio.timeout(self.deadline):
                try:
                    return await self._post(address, token, text, blocks, now)
                except DeliveryFailed as error:
                    if str(error).removeprefix("slack: ") not in ILL_FORMED:
                        raise
                return await self._post(address, token, text, None, now)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise DeliveryFailed(reason(error, self.deadline)) from None

    async def _post(
        self, address: str, token: str, text: str, blocks: list[Json] | None, now: datetime
    ) -> tuple[int, str]:
        if "://" in address:
            hook = AsyncWebhookClient(
                str(self.guard.url(address)), session=self.http, retry_handlers=[], logger=_LOG
            )  # fmt: skip
            hook.proxy = None  # the SDK takes one from the environment
            said = await hook.send(text=text, blocks=blocks, unfurl_links=False, unfurl_media=False)
            if said.status_code == 200 and said.body.strip() == "ok":
                return said.status_code, "ok"
            raise _failure(said.status_code, said.body.strip(), said.body, said.headers, now)
        if not (token or self.token):
            raise DeliveryFailed("slack: there is no token; set LASTCALL_SLACK_TOKEN", permanent=True)
        client = AsyncWebClient(
            token or self.token, base_url=self.base_url, session=self.http, retry_handlers=[], logger=_LOG
        )
        client.proxy = None
        try:
            answer = await client.chat_postMessage(
                channel=address, text=text, blocks=blocks, unfurl_links=False, unfurl_media=False
            )
        except SlackApiError as error:
            response = error.response  # the SDK's, or aiohttp's own where the body was not the JSON it said it was
            data = getattr(response, "data", None)
            code = data.get("error", "") if isinstance(data, dict) else ""
            status = getattr(response, "status_code", None) or getattr(response, "status", 0) or 0
            raise _failure(status, code, json.dumps(data) if data else "", response.headers, now) from None
        except AttributeError:  # the SDK's, where the body is JSON but no object, or text
            raise DeliveryFailed("slack: not an answer of Slack") from None
        return answer.status_code, json.dumps({"ts": answer.get("ts"), "channel": answer.get("channel")})


def _failure(status: int, code: str, answer: str, headers: Any, now: datetime) -> DeliveryFailed:
    """The class of a failure (delivery reference 2.2): whatever is not known to need a person is tried again."""
    known = len(code) <= 60 and code.replace("_", "").isalnum()
    floor = headers.get("Retry-After") or headers.get("retry-after")
    return DeliveryFailed(
        f"slack: {code}" if known else f"slack: HTTP {status}, not an answer of Slack",
        permanent=code in PAUSE or status == 410,
        retry_after=retry_after(floor, now) if status in (429, 503) else None,
        status=status,
        answer=answer[:ANSWER_KEPT],
    )


def message(events: Sequence[EventRow], now: datetime) -> tuple[str, list[Json]]:
    """Fallback text and blocks: a card for one event, a list by page for what one poll brought."""
    if len(events) == 1:
        return _fit(_headline(events[0]), TEXT), _card(events[0], now)
    title = f"{len(events)} changes"
    share = min(LINE, TOTAL // len(events))
    lines: list[str] = []
    for url in dict.fromkeys(event.url for event in events):
        of_page = [event for event in events if event.url == url]
        link = _link(url, of_page[0].source_id)
        room = share - len(link) // len(of_page)
        for event in of_page:
            ahead = _ahead(event, now)
            summary = _fit(event.summary, room if room >= share // 2 else share)
            lines.append(f"• {_SIGNS[event.severity]} {summary}" + (f" _({ahead})_" if ahead else ""))
        if link and room >= share // 2:
            lines.append(link)
    fallback = "\n".join([title, *(f"• {_fit(event.summary, TEXT // len(events) - 3)}" for event in events)])
    return fallback, [_header(title), *map(_section, _packed(lines))]


def _packed(lines: Sequence[str]) -> list[str]:
    """Lines put together into as few texts as hold them."""
    texts = [lines[0]]
    for line in lines[1:]:
        if len(texts[-1]) + 1 + len(line) <= TEXT:
            texts[-1] += f"\n{line}"
        else:
            texts.append(line)
    return texts


def _card(event: EventRow, now: datetime) -> list[Json]:
    effective = When.from_json(event.effective)
    offering = f"{event.provider}/{event.model}" if event.model else event.source_id
    where = ", ".join(part for part in (event.version, event.region, event.surface) if part and part != "api")
    fields = [("Model" if event.model else "Source", offering + (f" ({where})" if where else ""))]
    if effective:
        ahead = _ahead(event, now)
        fields.append(("When", str(effective) + (f" ({ahead})" if ahead else "")))
    if replacements := (event.after or {}).get("replacements"):
        fields.append(("Replacement", ", ".join(replacements)))
    blocks = [
        _header(f"{_SIGNS[event.severity]} {event.kind.replace('.', ' ')}: {event.model or event.source_id}"),
        _section(_fit(event.summary, TEXT)),
        {"type": "section", "fields": [_markdown(f"*{name}*\n{_fit(value, 1500)}") for name, value in fields]},
    ]
    if event.quote:
        blocks.append(_section(f"> {_fit(event.quote, 1200)}"))
    seen = f"seen {event.detected_at:%Y-%m-%d %H:%M} UTC by {_fit(event.source_id, 200)}"
    link = _link(event.url, "the provider's page")
    blocks.append(_context(" · ".join(part for part in (link, seen, event.id) if part)))
    return blocks


def _headline(event: EventRow) -> str:
    return f"{_SIGNS[event.severity]} {event.summary}"


def _ahead(event: EventRow, now: datetime) -> str:
    """Days to a date that is one day and firm; a floor, a month or a deadline is not counted down."""
    when = When.from_json(event.effective)
    if not when or when.bound != "on" or len(when.text) < len("2026-01-01"):
        return ""
    days = (when.starts.date() - now.astimezone(UTC).date()).days
    return {0: "today", 1: "tomorrow"}.get(days, f"in {days} days") if days >= 0 else ""


def _fit(text: str, limit: int) -> str:
    """On one line, escaped as Slack asks (only & < >), and never cut inside an escape; Slack refuses empty texts."""
    shown = " ".join(text.split()) or "…"
    escaped = [{"&": "&amp;", "<": "&lt;", ">": "&gt;"}.get(char, char) for char in shown]
    if sum(map(len, escaped)) <= limit:
        return "".join(escaped)
    kept, size = [], 1
    for part in escaped:
        size += len(part)
        if size > limit:
            break
        kept.append(part)
    return "".join(kept) + "…"


def _link(url: str, label: str) -> str:
    """A link, or nothing where the URL is not one to click on or too long to show."""
    safe = quote(url, safe="%:/?#[]@!$'()*+,;=~")  # all but & < > | and what needs it anyway
    safe = safe.replace("%26", "&amp;")
    return f"<{safe}|{_fit(label, 100)}>" if url.startswith(("https://", "http://")) and len(safe) <= LINK else ""


def _header(text: str) -> Json:
    shown = text if len(text) <= HEADER else text[: HEADER - 1] + "…"
    return {"type": "header", "text": {"type": "plain_text", "text": shown, "emoji": True}}


def _section(text: str) -> Json:
    return {"type": "section", "text": _markdown(text)}


def _context(text: str) -> Json:
    return {"type": "context", "elements": [_markdown(text)]}


def _markdown(text: str) -> Json:
    return {"type": "mrkdwn", "text": text}
