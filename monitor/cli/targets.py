"""What Slack channels and webhooks have in common: rows of ``subscription``."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.cli import output
from monitor.cli.options import clock, days, opened, severity
from monitor.errors import NotFound
from monitor.facts import Json

if TYPE_CHECKING:
    from datetime import datetime

    from sqlmodel import Session

    from monitor.publish.outbox import Owed
    from monitor.settings import Settings
    from monitor.store.db import Store
    from monitor.store.tables import SubscriptionRow
    from monitor.vault import Vault

Filters = Annotated[
    list[str] | None, typer.Argument(metavar="FILTER", help="provider/model-glob[@region]; everything if none.")
]
Kinds = Annotated[
    str | None, typer.Option("--kinds", metavar="KIND,...", help="Only these: retirement,price or price.increased.")
]
Severity = Annotated[str, typer.Option("--severity", metavar="LEVEL", help="At least info, notice, action, critical.")]
MinChange = Annotated[
    str | None, typer.Option("--min-change", metavar="PERCENT", help="Only prices that move at least this much: 5%.")
]
Days = Annotated[
    str | None, typer.Option("--within", metavar="DAYS", help="Only retirements with a firm date this near: 90d.")
]
Operator = Annotated[bool, typer.Option("--operator", help="Events about sources and endpoints, and only those.")]

FIELDS = (
    "id", "type", "address", "state", "reason", "filters", "kinds", "severity", "min_change", "within", "operator",
    "created_at", "last_delivered_at", "failing_since",
)  # fmt: skip


def asked(
    filters: list[str] | None, kinds: str | None, least: str, min_change: str | None, within: str | None, operator: bool
) -> dict[str, Any]:
    """The columns of a subscription behind the options; a wrong word is a usage error."""
    from decimal import Decimal, InvalidOperation

    from monitor.events import KINDS
    from monitor.publish.match import Filter, check_kind

    words = [word.strip().lower() for word in (kinds or "").split(",") if word.strip()]
    try:
        for one in filters or []:
            Filter.parse(one)
        for word in words:
            check_kind(word, KINDS)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    try:
        change = Decimal(min_change.removesuffix("%").strip()) if min_change else None
    except InvalidOperation:
        change = Decimal(-1)
    if change is not None and not (change.is_finite() and change >= 0):
        raise typer.BadParameter(f"--min-change {min_change!r} is no percentage; write for example 5%")
    return {
        "filters": list(filters or []), "kinds": words, "severity": severity(least), "min_change": change,
        "within": days(within), "operator": operator,
    }  # fmt: skip


def new_id() -> str:
    return f"sub_{secrets.token_hex(6)}"


def rows(session: Session, kind: str) -> list[SubscriptionRow]:
    from sqlmodel import col, select

    from monitor.store.tables import SubscriptionRow

    query = select(SubscriptionRow).where(SubscriptionRow.type == kind).order_by(col(SubscriptionRow.created_at))
    return list(session.exec(query))


@contextmanager
def unlocked(db: str | None) -> Iterator[tuple[Store, Vault]]:
    """The store of a command that seals or opens secrets, and the vault to do it with."""
    from monitor.settings import load_settings
    from monitor.store import sealed

    with opened(db) as store:
        yield store, sealed.unlock(store, load_settings(db))


def there(session: Session, kind: str, named: str, vault: Vault | None = None) -> SubscriptionRow | None:
    """A target by its id or address, with a vault also by an address that is a secret; None where there is none."""
    from monitor.store import sealed

    for row in rows(session, kind):
        if named in (row.id, row.address):
            return row
        if vault and row.sealed_address and named == sealed.opened(vault, row).address:
            return row
    return None


def find(session: Session, kind: str, named: str, vault: Vault | None = None) -> SubscriptionRow:
    """As ``there``. Raises NotFound."""
    if row := there(session, kind, named, vault):
        return row
    raise NotFound(
        f"no {kind} target {named!r}; `lastcall {'slack' if kind == 'slack' else 'webhooks'} list` names them"
    )


def told(row: SubscriptionRow) -> Json:
    """A target in its public form, without secrets."""
    return {
        "id": row.id,
        "type": row.type,
        "address": row.address,
        "state": row.state,
        "reason": row.reason,
        "filters": row.filters,
        "kinds": row.kinds,
        "severity": row.severity,
        "min_change": format(row.min_change, "f") if row.min_change is not None else None,
        "within": row.within,
        "operator": row.operator,
        "created_at": output.stamp(row.created_at),
        "last_delivered_at": output.stamp(row.last_delivered_at),
        "failing_since": output.stamp(row.failing_since),
    }


def show_all(how: output.Form, found: list[SubscriptionRow]) -> None:
    now, targets = clock(), [told(row) for row in found]
    if output.machine(how, targets, FIELDS):
        return
    output.table(
        ("ID", "TO", "STATE", "WANTS", "LAST DELIVERED"),
        [
            (one["id"], one["address"], one["state"], wants(one), output.ago(row.last_delivered_at, now))
            for row, one in zip(found, targets, strict=True)
        ],
    )
    if not found:
        output.say("none yet")


def wants(one: Json) -> str:
    """What a target asked for, in words."""
    if one["operator"]:
        return "events about sources and endpoints"
    parts = [" ".join(one["filters"]) or "everything"]
    parts += [f"kinds {','.join(one['kinds'])}"] if one["kinds"] else []
    parts += [f"from {one['severity']}"] if one["severity"] != "info" else []
    parts += [f"prices by {one['min_change']} %"] if one["min_change"] else []
    parts += [f"within {one['within']} days"] if one["within"] is not None else []
    return ", ".join(parts)


def remove(store: Store, kind: str, named: str, vault: Vault | None = None) -> str:
    """Forget a target with all it is owed; returns its address as it may be shown."""
    from monitor.publish import outbox

    with store.write() as session:
        row = find(session, kind, named, vault)
        outbox.forget(session, row.id)
    return row.address


def test(store: Store, settings: Settings, row: SubscriptionRow) -> None:
    """Send one message now that is no event, past the outbox. Raises DeliveryFailed."""
    asyncio.run(_send(store, settings, trial(row, clock())))


def trial(row: SubscriptionRow, now: datetime) -> Owed:
    """A message that is no event, to see whether it arrives."""
    from monitor.publish.outbox import Owed
    from monitor.store.tables import EventRow

    event = EventRow(
        sequence=0, id=f"evt_test{secrets.token_hex(8)}", says="", kind="notice.published", severity="info",
        provider="lastcall", model="", folded="", canonical="", summary="Lastcall: a test message, no event",
        detected_at=now, source_id="lastcall.test", url="",
    )  # fmt: skip
    return Owed(0, 1, event, row)


async def _send(store: Store, settings: Settings, owed: Owed) -> None:
    from monitor.publish import Publisher
    from monitor.store import sealed

    async with Publisher.configured(store, settings, now=clock) as publisher:
        status, _ = await publisher.send([owed], sealed.opened(publisher.vault, owed.target))
    print(f"delivered (HTTP {status})")


def check_url(settings: Settings, url: str) -> None:
    """Whether a URL is one that may be delivered to. A bad one is a usage error."""
    from monitor.errors import DeliveryFailed
    from monitor.publish.guard import Guard

    try:
        Guard(settings.allow_networks, allow_http=settings.allow_http).url(url)
    except DeliveryFailed as error:
        raise typer.BadParameter(str(error)) from None
