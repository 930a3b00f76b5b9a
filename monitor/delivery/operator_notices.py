"""Report the trouble of a target to operators: as an event in the log, delivered like any other."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session

from monitor.core.interpret import Draft
from monitor.core.severity import Severity
from monitor.delivery.outbox import endpoint_source, enqueue
from monitor.store.event_log import Provenance, append
from monitor.store.tables import SubscriptionRow


def notify_operators(
    session: Session,
    target: SubscriptionRow,
    kind: str,
    severity: Severity,
    text: str,
    now: datetime,
) -> None:
    """Write an event about a target into the log, and enqueue it for the operator targets."""
    address = _shown_address(target.address)
    draft = Draft(kind, severity, None, f"{target.type} {target.id} ({address}): {text}")
    source_id = endpoint_source(target.id)
    events = append(session, [draft], Provenance(source_id, now))
    enqueue(session, events, now)


def _shown_address(address: str) -> str:
    """Return the part of an address that may be shown: a channel, or a URL's host."""
    _, scheme, rest = address.partition("://")
    return rest.partition("/")[0].rpartition("@")[2] if scheme else address
