"""The whole main job offline: a loopback site that changes over a recorded year, polled by the real
pipeline.

Nothing is simulated but the clock and the far ends: documents come over HTTP, events go to a
webhook receiver that verifies their signatures and to a Slack, both on 127.0.0.1."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from ipaddress import ip_network

from monitor.core.facts import Json
from monitor.delivery.publisher import Publisher
from monitor.delivery.settings import DeliverySettings
from monitor.delivery.webhook import signature
from monitor.demo.site import Loopback, Receiver, Site, Slack
from monitor.demo.year import steps
from monitor.polling.fetch import Fetcher
from monitor.polling.poll import Poller, PollSettings
from monitor.reading.source import Source
from monitor.store import source_state
from monitor.store.db import Store
from monitor.store.tables import SubscriptionRow

#: Each day's pages are looked at twice, as far apart as a live source is polled; longer while a
#: change waits for more.
EVERY, LOOKS, MOST_LOOKS = timedelta(hours=6), 2, 8


async def run(
    store: Store,
    declared: Mapping[str, Source],
    *,
    day: Callable[[datetime, str], None],
    event: Callable[[Json], None],
    refused: Callable[[str, str], None],
) -> Json:
    """Run the year into ``store`` and return the counts at its end.

    ``day`` hears of each step, ``event`` of each event that a subscriber gets, ``refused`` of
    documents that were not taken over."""
    site, receiver, slack = Site(), Receiver(signature.new_secret()), Slack()
    year = list(steps())
    watched = {source_id: declared[source_id] for source_id in year[0].pages}
    now = year[0].at
    counts: dict[str, int] = {"days": 0, "polls": 0, "events": 0, "refused": 0}
    async with Loopback(site, receiver, slack) as loopback:
        with store.write() as session:
            source_state.register(session, watched, now)
            session.add_all(_subscriptions(loopback.base, receiver.secret, now))
        settings = DeliverySettings(allow_networks=(ip_network("127.0.0.0/8"),), allow_http=True)
        publisher = Publisher(store, settings, now=lambda: now)
        async with Fetcher() as fetcher, publisher:
            urls = {source_id: f"{loopback.base}/pages/{source_id}" for source_id in watched}
            poller = Poller(store, fetcher, watched, PollSettings(clock=lambda: now, urls=urls))
            for step in year:
                site.pages |= step.pages
                day(step.at, step.title)
                counts["days"] += 1
                for number in range(1, MOST_LOOKS + 1):
                    with store.read() as session:
                        rows = source_state.rows(session, list(watched))
                    if number > LOOKS and not any(row.pending or row.held for row in rows):
                        break
                    now = step.at + number * EVERY
                    for polled in await poller.sweep(rows):
                        counts["polls"] += 1
                        if polled.error:
                            counts["refused"] += 1
                            refused(polled.source_id, polled.error)
                        for told in polled.events:
                            if not told["baseline"] and told["model"]:
                                counts["events"] += 1
                                event(told)
                    while await publisher.drain_once():
                        pass
    return counts | {
        "requests": site.asked,
        "not_modified": site.unchanged,
        "webhooks_verified": receiver.verified,
        "webhooks_refused": receiver.refused,
        "slack_messages": len(slack.posts),
    }


def _subscriptions(base: str, secret: str, now: datetime) -> list[SubscriptionRow]:
    """A webhook for everything, and a Slack channel for what must be acted on."""
    return [
        SubscriptionRow(
            id="sub_demo_hook",
            type="webhook",
            address=f"{base}/hook",
            secret=secret,
            created_at=now,
        ),
        SubscriptionRow(
            id="sub_demo_slack",
            type="slack",
            address=f"{base}/services/T0/B0/demo",
            severity="notice",
            created_at=now,
        ),
    ]
