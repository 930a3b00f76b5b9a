"""Find what an earlier attempt posted before it broke off, by the metadata of its messages."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from monitor.core.facts import Json
from monitor.delivery.queue import PendingDelivery
from monitor.delivery.slack.errors import GONE, SlackFailed, call
from monitor.store.tables import ThreadRow

#: Messages of a channel or thread that are searched.
SEARCHED = 200
#: Slack's clock may be behind ours: a message may seem so much older than its event.
CLOCK_SKEW = timedelta(seconds=60)


@dataclass(slots=True)
class EarlierPosts:
    """The deliveries that were posted already, and the timestamp of the last message that is not a
    reply, if any.
    """

    delivery_ids: set[int] = field(default_factory=set)
    message_ts: str = ""


def metadata(deliveries: Sequence[PendingDelivery]) -> Json:
    """Return the metadata of a message, by which an attempt after a crash finds it."""
    ids = [delivery.delivery_id for delivery in deliveries]
    payload = {
        "delivery_id": ids[0],
        "event_id": deliveries[0].event.id,
        "target": deliveries[0].target.id,
        "deliveries": ids,
    }
    return {"event_type": "lastcall_event", "event_payload": payload}


async def find_earlier_posts(
    api: AsyncWebClient,
    channel: str,
    deliveries: Sequence[PendingDelivery],
    threads: Collection[ThreadRow],
    now: datetime,
) -> EarlierPosts:
    """Search a channel and the threads of the deliveries, as far as they may be read."""
    ids = {delivery.delivery_id for delivery in deliveries}
    since = min(delivery.event.detected_at for delivery in deliveries) - CLOCK_SKEW
    where: dict[str, Any] = {
        "channel": channel,
        "oldest": f"{since.timestamp():.6f}",
        "include_all_metadata": True,
        "limit": SEARCHED,
    }
    posts = [*await _messages(api.conversations_history, now, **where)]
    for thread in threads:
        posts += await _messages(api.conversations_replies, now, ts=thread.ts, **where)
    earlier = EarlierPosts()
    for post in posts:
        payload = (post.get("metadata") or {}).get("event_payload") or {}
        if payload.get("target") != deliveries[0].target.id:
            continue
        if posted := ids & set(payload.get("deliveries") or ()):
            earlier.delivery_ids |= posted
            if post.get("thread_ts", post["ts"]) == post["ts"]:
                earlier.message_ts = post["ts"]
    return earlier


async def _messages(method: Any, now: datetime, **where: Any) -> Sequence[Json]:
    """Return the messages of a channel or thread; none where we may not read them, which needs a
    scope of its own.
    """
    try:
        messages: Sequence[Json] = (await call(method, now, **where)).get("messages") or ()
    except SlackFailed as error:
        if error.stops or error.code in GONE:
            return ()
        raise
    return messages
