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
from monitor.core.facts import Json
from monitor.errors import NotFound

if TYPE_CHECKING:
    from datetime import datetime

    from sqlmodel import Session

    from monitor.settings.model import Settings
    from monitor.store.db import Store
    from monitor.store.tables import EventRow, SubscriptionRow
    from monitor.vault import Vault

Filters = Annotated[
    list[str] | None,
    typer.Argument(metavar="FILTER", help="provider/model-glob[@region]; everything if none."),
]
Kinds = Annotated[
    str | None,
    typer.Option(
        "--kinds", metavar="KIND,...", help="Only these: retirement,price or price.increased."
    ),
]
Surfaces = Annotated[
    str | None,
    typer.Option(
        "--surfaces", metavar="NAME,...", help="Only these: api,fine-tuning. All if none."
    ),
]
Severity = Annotated[
    str,
    typer.Option("--severity", metavar="LEVEL", help="At least info, notice, action, critical."),
]
MinChange = Annotated[
    str | None,
    typer.Option(
        "--min-change", metavar="PERCENT", help="Only prices that move at least this much: 5%."
    ),
]
Days = Annotated[
    str | None,
    typer.Option(
        "--within", metavar="DAYS", help="Only retirements with a firm date this near: 90d."
    ),
]
Operator = Annotated[
    bool, typer.Option("--operator", help="Events about sources and endpoints, and only those.")
]
Reminders = Annotated[
    str | None,
    typer.Option(
        "--reminders",
        metavar="DAYS,...",
        help="Days before an end: 90,60,30,14,7,1,0 if not told; or off.",
    ),
]
Digest = Annotated[
    str | None,
    typer.Option(
        "--digest", metavar="WHEN", help="hourly, daily or 'daily 17:00'; at once if not told."
    ),
]
Quiet = Annotated[
    str | None,
    typer.Option(
        "--quiet", metavar="HOURS", help="Only what is critical from 22:00-07:00, for example."
    ),
]
Timezone = Annotated[
    str | None,
    typer.Option(
        "--timezone", metavar="ZONE", help="Of digest and quiet hours: Europe/Berlin; UTC."
    ),
]
From = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="FILE",
        help="Also the models of a list, or of a LiteLLM config; - is stdin.",
    ),
]

Threads = Annotated[
    str | None,
    typer.Option(
        "--threads", metavar="HOW", help="Of later changes in Slack: off, updates or all."
    ),
]

#: Filters that a line for people shows.
SHOWN = 8

#: What ``asked`` makes of the options.
Wanted = dict[str, Any]

FIELDS = (
    "id",
    "type",
    "address",
    "state",
    "reason",
    "filters",
    "kinds",
    "surfaces",
    "severity",
    "min_change",
    "within",
    "operator",
    "reminders",
    "digest",
    "quiet",
    "timezone",
    "muted_until",
    "created_at",
    "last_delivered_at",
    "failing_since",
)


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
    from monitor.subscriptions.options import columns

    listed: list[str] = []
    if from_file:
        from monitor.answers import model_lists

        listed = model_lists.filters(model_lists.read(from_file), from_file)
        output.say(
            f"{output.counted(len(listed), 'model')} read from {from_file}: {' '.join(listed)}"
        )
    try:
        return columns(
            [*(filters or []), *listed],
            kinds=kinds or "",
            severity=least,
            min_change=min_change or "",
            within=within or "",
            operator=operator,
            surfaces=surfaces or "",
            reminders=reminders or "",
            digest=digest or "",
            quiet=quiet or "",
            timezone=timezone or "",
        )
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def asking(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command all options of what a target wants in place of its ``wanted``, which is what
    they say.

    Each command that makes a target takes the same ones, so they are written once, as the
    parameters of ``asked``."""
    named = inspect.signature(asked, eval_str=True).parameters
    own = inspect.signature(command, eval_str=True).parameters

    @functools.wraps(command)
    def asks(**given: Any) -> None:
        wanted = asked(**{name: given.pop(name) for name in named})
        command(**given, wanted=wanted)

    options = [[one] if name != "wanted" else list(named.values()) for name, one in own.items()]
    joined = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for some in options for one in some]
    asks.__signature__ = inspect.Signature(joined)  # type: ignore[attr-defined]
    asks.__annotations__ = {one.name: one.annotation for one in joined}
    return asks


#: The columns behind each parameter of ``asked``, where they have another name.
_COLUMNS = {"least": ("severity",), "quiet": ("quiet_from", "quiet_to"), "from_file": ("filters",)}


def named(context: typer.Context) -> list[str]:
    """The columns of the options that were given on the command line."""
    given = (name for name in inspect.signature(asked).parameters if _is_given(context, name))
    return [column for name in given for column in _COLUMNS.get(name, (name,))]


def _is_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def threading(text: str) -> str:
    """How later changes are threaded; a wrong word is a usage error."""
    from monitor.subscriptions import options as asking

    try:
        return asking.threading(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def matcher(row: SubscriptionRow) -> Callable[[EventRow], bool]:
    """Whether an event would be delivered, going by what a subscription asks for."""
    from monitor.subscriptions.filters import Wanted

    wanted, reminded = Wanted.of(row), row.reminders != []
    return lambda event: wanted.matches(event) and (reminded or event.kind != "retirement.reminder")


def complete(context: typer.Context, incomplete: str) -> list[str]:
    """The ids and addresses that begin so, for the shell; nothing where there is no database
    yet.
    """
    from sqlalchemy import select

    from monitor.errors import LastcallError
    from monitor.settings import database
    from monitor.store import secrets as sealed
    from monitor.store.db import Store
    from monitor.store.tables import SubscriptionRow

    try:
        store = Store(database(context.find_root().params.get("db")))
        if store.path and not store.path.exists():
            return []
        with store.read() as session:
            rows = [
                (row.id, sealed.public(row)) for row in session.scalars(select(SubscriptionRow))
            ]
    except LastcallError:
        return []
    return [word for row in rows for word in row if word.startswith(incomplete)]


def new_id() -> str:
    return f"sub_{secrets.token_hex(6)}"


def rows(session: Session, kind: str | None = None) -> list[SubscriptionRow]:
    """The targets of a type, or all, oldest first."""
    from sqlmodel import col, select

    from monitor.store.tables import SubscriptionRow

    query = select(SubscriptionRow).order_by(
        col(SubscriptionRow.created_at), col(SubscriptionRow.id)
    )
    return list(session.exec(query.where(SubscriptionRow.type == kind) if kind else query))


@contextmanager
def unlocked(db: str | None) -> Iterator[tuple[Store, Vault]]:
    """The store of a command that seals or opens secrets, and the vault to do it with."""
    from monitor.settings import load_settings
    from monitor.store import secrets as sealed

    with opened(db) as store:
        yield store, sealed.unlock(store, load_settings(db))


def there(
    session: Session, kind: str | None, named: str, vault: Vault | None = None
) -> SubscriptionRow | None:
    """A target by its id or address, with a vault also by an address that is a secret; None where
    there is none.
    """
    from monitor.store import secrets as sealed

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


def any_of(session: Session, named: str) -> SubscriptionRow:
    """A target of any type, by its id or address. Raises NotFound."""
    if row := there(session, None, named):
        return row
    raise NotFound(f"no target {named!r}; `lastcall subscriptions` lists them")


def health(row: SubscriptionRow, now: datetime) -> str:
    """How it stands with a target, in words."""
    if row.state != "enabled":
        return f"{row.state}: {row.reason}" if row.reason else row.state
    if row.failing_since:
        return f"failing since {output.ago(row.failing_since, now)}"
    if row.muted_until and row.muted_until > now:
        return f"muted until {row.muted_until:%Y-%m-%d %H:%M} UTC"
    return "ok"


def tell(kind: str, address: str, wanted: Wanted, how: output.Form, db: str | None) -> None:
    """Tell a target from now on. One that is there already gets what is asked for now, and is
    enabled again.
    """
    from monitor.delivery import outbox, target_health
    from monitor.store import secrets as sealed
    from monitor.store.tables import SubscriptionRow

    now, due = clock(), 0
    with unlocked(db) as (store, vault), store.write() as session:
        row = there(session, kind, address, vault)
        if row is None:
            row = SubscriptionRow(id=new_id(), type=kind, address=address, created_at=now)
            if sealed.is_secret(kind, address):
                sealed.seal_address(vault, row, address)
        elif row.state != "enabled":
            due = target_health.resume(session, row.id, now)
            session.refresh(row)
        outbox.change_options(session, row, wanted, now)
    one = told(row)
    if how == "json":
        output.document(one)
    else:
        print(f"{one['id']}: {one['address']} hears of {wants(one)}")
    if due:
        output.say(f"{due} held deliveries are due again")


def told(row: SubscriptionRow) -> Json:
    """A target in its public form, without secrets."""
    from monitor.core.reminders import USUAL
    from monitor.store import secrets as sealed

    return {
        "id": row.id,
        "type": row.type,
        "address": sealed.public(row),
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
        ("ID", "TO", "HEALTH", "WANTS", "LAST DELIVERED"),
        [
            (
                one["id"],
                one["address"],
                health(row, now),
                wants(one),
                output.ago(row.last_delivered_at, now),
            )
            for row, one in zip(found, targets, strict=True)
        ],
    )
    if not found:
        output.say("none yet")


def wants(one: Json) -> str:
    """What a target asked for, in words."""
    from monitor.core.reminders import USUAL

    filters, more = one["filters"][:SHOWN], len(one["filters"]) - SHOWN
    named = " ".join(filters) + (f" and {more} more" if more > 0 else "")
    parts = ["events about sources and endpoints" if one["operator"] else named or "everything"]
    parts += [f"surfaces {','.join(one['surfaces'])}"] if one["surfaces"] else []
    parts += [f"kinds {','.join(one['kinds'])}"] if one["kinds"] else []
    parts += [f"from {one['severity']}"] if one["severity"] != "info" else []
    parts += [f"prices by {one['min_change']} %"] if one["min_change"] else []
    parts += [f"within {one['within']} days"] if one["within"] is not None else []
    if one["reminders"] != list(USUAL):
        parts.append(
            f"reminders {','.join(map(str, one['reminders']))} days before"
            if one["reminders"]
            else "no reminders"
        )
    parts += [f"in a digest {one['digest']}"] if one["digest"] else []
    parts += [f"quiet {one['quiet']}"] if one["quiet"] else []
    parts += (
        [f"times in {one['timezone']}"]
        if one["timezone"] != "UTC" and (one["digest"] or one["quiet"])
        else []
    )
    return ", ".join(parts)


def remove(store: Store, kind: str, named: str, vault: Vault | None = None) -> str:
    """Forget a target with all it is owed; returns its address as it may be shown."""
    from monitor.delivery import admin
    from monitor.store import secrets as sealed

    with store.write() as session:
        row = find(session, kind, named, vault)
        admin.remove_target(session, row.id)
    return sealed.public(row)


def test(store: Store, settings: Settings, row: SubscriptionRow) -> None:
    """Send one message now that is no event, past the outbox. Raises DeliveryFailed."""
    status, protocol = (
        asyncio.run(try_out(store, settings, row)),
        "SMTP" if row.type == "email" else "HTTP",
    )
    print(f"delivered ({protocol} {status})" if status else "delivered")


async def try_out(store: Store, settings: Settings, row: SubscriptionRow) -> int:
    """Send that message; the status of the answer. To a webhook its type says that it is no
    event.
    """
    from monitor.delivery.publisher import Publisher
    from monitor.delivery.queue import PendingDelivery
    from monitor.delivery.webhook.envelope import VERIFICATION
    from monitor.store import secrets as sealed
    from monitor.store.tables import EventRow

    kind = VERIFICATION if row.type == "webhook" else "notice.published"
    event = EventRow(
        sequence=0,
        id=f"evt_test{secrets.token_hex(8)}",
        says="",
        kind=kind,
        severity="info",
        provider="lastcall",
        model="",
        folded="",
        canonical="",
        summary="Lastcall: a test message, no event",
        detected_at=clock(),
        source_id="lastcall.test",
        url="",
    )
    async with Publisher.configured(store, settings, now=clock) as publisher:
        status, _ = await publisher.send(
            [PendingDelivery(0, 1, event, row)], sealed.opened(publisher.vault, row)
        )
    return status


def check_url(settings: Settings, url: str) -> None:
    """Whether a URL is one that may be delivered to. A bad one is a usage error."""
    from monitor.delivery.settings import DeliverySettings
    from monitor.errors import DeliveryFailed

    try:
        DeliverySettings.of(settings).guard().url(url)
    except DeliveryFailed as error:
        raise typer.BadParameter(str(error)) from None
