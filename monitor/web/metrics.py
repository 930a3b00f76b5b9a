"""Count what the service does, and read what the database holds, for /metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import func, select

from monitor import __version__
from monitor.errors import StoreError
from monitor.polling.outcomes import OUTCOMES
from monitor.store import schema, source_state
from monitor.store.db import Store
from monitor.store.tables import DeliveryRow

DELIVERIES: Any = DeliveryRow.__table__  # type: ignore[attr-defined]
#: Upper bounds of the histograms, in seconds: a poll has 30, an attempt 15.
BOUNDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30, 60)


class Metrics:
    """The counts of this process and the state of the database, in one registry."""

    def __init__(
        self, store: Store, now: Callable[[], datetime], killed: Callable[[], int] = lambda: 0
    ):
        """Count ``killed``: the parser processes that ended in the middle of a page."""
        self.registry = CollectorRegistry()
        polls = Counter("lastcall_polls", "Polls by outcome.", ["outcome"], registry=self.registry)
        self._polls = {outcome: polls.labels(outcome) for outcome in ("baseline", *OUTCOMES)}
        self._poll_seconds = self._histogram(
            "lastcall_poll_duration_seconds", "Polls, from request to answer."
        )
        self._attempts = Counter(
            "lastcall_delivery_attempts",
            "Attempts at deliveries.",
            ["type", "outcome"],
            registry=self.registry,
        )
        self._attempt_seconds = self._histogram(
            "lastcall_delivery_duration_seconds", "Attempts at deliveries."
        )
        build = Gauge(
            "lastcall_build_info",
            "The version that runs.",
            ["version", "schema"],
            registry=self.registry,
        )
        build.labels(__version__, schema.HEAD).set(1)
        kills = Gauge(
            "lastcall_parse_kills",
            "Processes that ended while they read a page.",
            registry=self.registry,
        )
        kills.set_function(killed)
        self.registry.register(_DatabaseMetrics(store, now))

    def _histogram(self, name: str, text: str) -> Histogram:
        return Histogram(name, text, buckets=BOUNDS, registry=self.registry)

    def count_poll(self, outcome: str, ms: int) -> None:
        """Count a poll. A poll that failed has no time: it ends with its deadline."""
        self._polls[outcome].inc()
        if ms:
            self._poll_seconds.observe(ms / 1000)

    def count_attempt(self, kind: str, outcome: str, ms: int) -> None:
        """Count an attempt at a message to a target of this type: delivered, failed or refused."""
        self._attempts.labels(kind, outcome).inc()
        self._attempt_seconds.observe(ms / 1000)


class _DatabaseMetrics(Collector):
    """Reads the database at each scrape. Labels are sources and states: their number is limited."""

    def __init__(self, store: Store, now: Callable[[], datetime]):
        self.store = store
        self.now = now

    def describe(self) -> Iterator[Metric]:
        return iter(())  # otherwise the registry would read the database now

    def collect(self) -> Iterator[Metric]:
        is_up = GaugeMetricFamily("lastcall_database_up", "Whether the database answers.")
        try:
            metrics = list(self._read())
        except StoreError:
            is_up.add_metric([], 0)
            yield is_up
            return
        is_up.add_metric([], 1)
        yield is_up
        yield from metrics

    def _read(self) -> Iterator[Metric]:
        now, state = self.now(), DELIVERIES.c.state
        by_state = select(state, func.count().label("rows")).group_by(state)
        pending = select(func.min(DELIVERIES.c.created_at)).where(state == "pending")
        with self.store.read() as session:
            sources = [row for row in source_state.rows(session) if row.enabled]
            deliveries = {row.state: row.rows for row in session.connection().execute(by_state)}
            oldest = session.connection().execute(pending).scalar()
        age = GaugeMetricFamily(
            "lastcall_source_age_seconds", "Time since a source was last read.", labels=["source"]
        )
        failures = GaugeMetricFamily(
            "lastcall_source_failures", "Polls that failed in a row.", labels=["source"]
        )
        stale = GaugeMetricFamily("lastcall_sources_stale", "Sources that were reported as stale.")
        held = GaugeMetricFamily(
            "lastcall_documents_held", "Documents that wait for approval or for agreeing polls."
        )
        for row in sources:
            if row.good_at:
                age.add_metric([row.id], (now - row.good_at).total_seconds())
            failures.add_metric([row.id], row.failures)
        stale.add_metric([], sum(row.stale for row in sources))
        held.add_metric([], sum(bool(row.held) for row in sources))
        depth = GaugeMetricFamily("lastcall_deliveries", "Deliveries by state.", labels=["state"])
        for state, count in sorted(deliveries.items()):
            depth.add_metric([state], count)
        waited = GaugeMetricFamily(
            "lastcall_delivery_oldest_pending_seconds", "Age of the oldest pending delivery."
        )
        waited.add_metric([], max((now - oldest).total_seconds(), 0) if oldest else 0)
        yield from (age, failures, stale, held, depth, waited)
