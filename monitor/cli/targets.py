"""What Slack channels and webhooks have in common: rows of ``subscription``."""

from __future__ import annotations

import asyncio
import functools
import inspect
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.cli import output
from monitor.cli.options import clock, opened
from monitor.errors import NotFound
from monitor.facts import Json

if TYPE_CHECKING:
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
Surfaces = Annotated[
    str | None, typer.Option("--surfaces", metavar="NAME,...", help="Only these: api,fine-tuning. All if none.")
]
Severity = Annotated[str, typer.Option("--severity", metavar="LEVEL", help="At least info, notice, action, critical.")]
MinChange = Annotated[
    str | None, typer.Option("--min-change", metavar="PERCENT", help="Only prices that move at least this much: 5%.")
]
Days = Annotated[
    str | None, typer.Option("--within", metavar="DAYS", help="Only retirements with a firm date this near: 90d.")
]
Operator = Annotated[bool, typer.Option("--operator", help="Events about sources and endpoints, and only those.")]
Reminders = Annotated[
    str | None,
    typer.Option("--reminders", metavar="DAYS,...", help="Days before an end: 90,60,30,14,7,1,0 if not told; or off."),
]
Digest = Annotated[
    str | None, typer.Option("--digest", metavar="WHEN", help="hourly, daily or 'daily 17:00'; at once if not told.")
]
Quiet = Annotated[
    str | None, typer.Option("--quiet", metavar="HOURS", help="Only what is critical from 22:00-07:00, for example.")
]
Timezone = Annotated[
    str | None, typer.Option("--timezone", metavar="ZONE", help="Of digest and quiet hours: Europe/Berlin; UTC.")
]
From = Annotated[
    str | None,
    typer.Option("--from", metavar="FILE", help="Also the models of a list, or of a LiteLLM config; - is stdin."),
]

#: What ``asked`` makes of the options.
Wanted = dict[str, Any]

FIELDS = (
    "id", "type", "address", "state", "reason", "filters", "kinds", "surfaces", "severity", "min_change", "within",
    "operator", "reminders", "digest", "quiet", "timezone", "muted_until", "created_at", "last_delivered_at",
    "failing_since",
)  # fmt: skip


def asked(
    filters: Filters = None,
    kinds: Kinds = None,
    least: Severity = "info",
    min_change: MinChange = None,
    within: Days = None,
    operator: Operator = False,
    *,
    surfaces: Surfaces = None,
    reminders: Reminders = None,
    digest: Digest = None,
    quiet: Quiet = None,
    timezone: Timezone = None,
    from_file: From = None,
) -> Wanted:
    """The columns of a subscription behind the options; a wrong word is a usage error."""
    from monitor.publish.asking import columns

    listed: list[str] = []
    if from_file:
        from monitor.cli import inventory

        listed = inventory.filters(inventory.read(from_file), from_file)
        output.say(f"{output.counted(len(listed), 'model')} read from {from_file}: {' '.join(listed)}")
    try:
        return columns(
            [*(filters or []), *listed], kinds=kinds or "", severity=least, min_change=min_change or "",
            within=within or "", operator=operator, surfaces=surfaces or "", reminders=reminders or "",
            digest=digest or "", quiet=quiet or "", timezone=timezone or "",
        )  # fmt: skip
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def asking(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command all options of what a target wants, after its first argument; it gets them as ``wanted``.

    Each command that makes a target takes the same ones, so they are written once, as the parameters of ``asked``.
    """
    named = inspect.signature(asked, eval_str=True).parameters
    own = inspect.signature(command, eval_str=True).parameters

    @functools.wraps(command)
    def asks(**given: Any) -> None:
        wanted = asked(**{name: given.pop(name) for name in named})
        command(**given, wanted=wanted)

    first, *rest = (one for name, one in own.items() if name != "wanted")
    joined = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in (first, *named.values(), *rest)]
    asks.__signature__ = inspect.Signature(joined)  # type: ignore[attr-defined]
    asks.__annotations__ = {one.name: one.annotation for one in joined}
    return asks


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
    group = "webhooks" if kind == "webhook" else kind
    raise NotFound(f"no {kind} target {named!r}; `lastcall {group} list` names them")


def told(row: SubscriptionRow) -> Json:
    """A target in its public form, without secrets."""
    from monitor.reminders import USUAL

    return {
        "id": row.id,
        "type": row.type,
        "address": row.address,
        "state": row.state,
        "reason": row.reason,
        "filters": row.filters,
        "kinds": row.kinds,
        "surfaces": row.surfaces,
        "severity": row.severity,
        "min_change": format(row.min_change, "f") if row.min_change is not None else None,
        "within": row.within,
        "operator": row.operator,
        "reminders": list(USUAL) if row.reminders is None else row.reminders,
        "digest": row.digest,
        "quiet": f"{row.quiet_from}-{row.quiet_to}" if row.quiet_from else "",
        "timezone": row.timezone,
        "muted_until": output.stamp(row.muted_until),
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
    from monitor.reminders import USUAL

    parts = ["events about sources and endpoints" if one["operator"] else " ".join(one["filters"]) or "everything"]
    parts += [f"surfaces {','.join(one['surfaces'])}"] if one["surfaces"] else []
    parts += [f"kinds {','.join(one['kinds'])}"] if one["kinds"] else []
    parts += [f"from {one['severity']}"] if one["severity"] != "info" else []
    parts += [f"prices by {one['min_change']} %"] if one["min_change"] else []
    parts += [f"within {one['within']} days"] if one["within"] is not None else []
    if one["reminders"] != list(USUAL):
        parts.append(
            f"reminders {','.join(map(str, one['reminders']))} days before" if one["reminders"] else "no reminders"
        )
    parts += [f"in a digest {one['digest']}"] if one["digest"] else []
    parts += [f"quiet {one['quiet']}"] if one["quiet"] else []
    parts += [f"times in {one['timezone']}"] if one["timezone"] != "UTC" and (one["digest"] or one["quiet"]) else []
    parts += [f"muted until {one['muted_until'][:16]}Z"] if one["muted_until"] else []
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
    from monitor.publish.outbox import Owed
    from monitor.store.tables import EventRow

    now = clock()
    event = EventRow(
        sequence=0, id=f"evt_test{secrets.token_hex(8)}", says="", kind="notice.published", severity="info",
        provider="lastcall", model="", folded="", canonical="", summary="Lastcall: a test message, no event",
        detected_at=now, source_id="lastcall.test", url="",
    )  # fmt: skip
    asyncio.run(_send(store, settings, Owed(0, 1, event, row)))


async def _send(store: Store, settings: Settings, owed: Owed) -> None:
    from monitor.publish import Publisher
    from monitor.store import sealed

    async with Publisher.configured(store, settings, now=clock) as publisher:
        status, _ = await publisher.send([owed], sealed.opened(publisher.vault, owed.target))
    protocol = "SMTP" if owed.target.type == "email" else "HTTP"
    print(f"delivered ({protocol} {status})" if status else "delivered")


def check_url(settings: Settings, url: str) -> None:
    """Whether a URL is one that may be delivered to. A bad one is a usage error."""
    from monitor.errors import DeliveryFailed
    from monitor.publish.guard import Guard

    try:
        Guard(settings.allow_networks, allow_http=settings.allow_http).url(url)
    except DeliveryFailed as error:
        raise typer.BadParameter(str(error)) from None
