"""Options, rows and messages that the commands of all types of targets share."""

from __future__ import annotations

import asyncio
import functools
import inspect
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.cli import output
from monitor.cli.options import clock, opened, platforms
from monitor.errors import NotFound
from monitor.subscriptions.options import SubscriptionOptions, parse_options
from monitor.subscriptions.targets import health, new_id, options_text, target_json

if TYPE_CHECKING:
    from sqlmodel import Session

    from monitor.settings.model import Settings
    from monitor.store.db import Store
    from monitor.store.tables import EventRow, SubscriptionRow
    from monitor.vault import Vault

Filters = Annotated[
    list[str] | None,
    typer.Argument(metavar="FILTER", help="provider/model-glob[@region] [default: all models]."),
]
Kinds = Annotated[
    str | None,
    typer.Option(
        "--kinds", metavar="KIND,...", help="Only these kinds: retirement,price,price.increased."
    ),
]
Surfaces = Annotated[
    str | None,
    typer.Option("--surfaces", metavar="NAME,...", help="Only these surfaces: api,fine-tuning."),
]
Severity = Annotated[
    str,
    typer.Option(
        "--severity", metavar="LEVEL", help="Least severity: info, notice, action, critical."
    ),
]
MinChange = Annotated[
    str | None,
    typer.Option(
        "--min-change", metavar="PERCENT", help="Only prices that change by at least this: 5%."
    ),
]
Days = Annotated[
    str | None,
    typer.Option(
        "--within", metavar="DAYS", help="Only retirements with a firm date this near: 90d."
    ),
]
Operator = Annotated[
    bool,
    typer.Option("--operator", help="Events about sources and endpoints, and only those."),
]
Reminders = Annotated[
    str | None,
    typer.Option(
        "--reminders",
        metavar="DAYS,...",
        help="Days before a retirement [default: 90,60,30,14,7,1,0]; or off.",
    ),
]
Digest = Annotated[
    str | None,
    typer.Option(
        "--digest", metavar="WHEN", help="hourly, daily or 'daily 17:00' [default: at once]."
    ),
]
Quiet = Annotated[
    str | None,
    typer.Option(
        "--quiet", metavar="HOURS", help="Send only critical events in these hours: 22:00-07:00."
    ),
]
Timezone = Annotated[
    str | None,
    typer.Option(
        "--timezone",
        metavar="ZONE",
        help="Time zone of --digest and --quiet: Europe/Berlin [default: UTC].",
    ),
]
From = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="FILE",
        help="Also the models in a list or a LiteLLM config; - is stdin.",
    ),
]
Threads = Annotated[
    str | None,
    typer.Option(
        "--threads", metavar="HOW", help="Slack threads for later changes: off, updates or all."
    ),
]

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


@dataclass(frozen=True)
class OptionTexts:
    """The options of a target as they stand on the command line: the parameters of every command
    that takes them.
    """

    filters: Filters = None
    kinds: Kinds = None
    severity: Severity = "info"
    min_change: MinChange = None
    within: Days = None
    operator: Operator = False
    surfaces: Surfaces = None
    reminders: Reminders = None
    digest: Digest = None
    quiet: Quiet = None
    timezone: Timezone = None
    from_file: From = None

    def parse(self) -> SubscriptionOptions:
        """Return the options; a wrong word is a usage error."""
        listed: list[str] = []
        if self.from_file:
            from monitor.answers import model_lists

            used = model_lists.read(self.from_file)
            listed = model_lists.filters(used, self.from_file, platforms())
            models = output.counted(len(listed), "model")
            output.say(f"{models} read from {self.from_file}: {' '.join(listed)}")
        texts = {
            "kinds": self.kinds,
            "severity": self.severity,
            "min_change": self.min_change,
            "within": self.within,
            "surfaces": self.surfaces,
            "reminders": self.reminders,
            "digest": self.digest,
            "quiet": self.quiet,
            "timezone": self.timezone,
        }
        given = {name: text for name, text in texts.items() if text is not None}
        try:
            return parse_options([*(self.filters or []), *listed], given, self.operator)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None


def with_target_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of a target in the place of its parameter ``options``.

    Each command that makes a target takes the same ones, so they are written once (OptionTexts)."""
    shared = inspect.signature(OptionTexts, eval_str=True).parameters
    own = inspect.signature(command, eval_str=True).parameters

    @functools.wraps(command)
    def wrapper(**arguments: Any) -> None:
        texts = OptionTexts(**{name: arguments.pop(name) for name in shared})
        command(**arguments, options=texts.parse())

    parameters = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for name, own_parameter in own.items()
        for parameter in (shared.values() if name == "options" else [own_parameter])
    ]
    wrapper.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    wrapper.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return wrapper


def given_options(context: typer.Context) -> set[str]:
    """Return the names of the options of a target that stand on the command line."""
    names = {name for name in OptionTexts.__dataclass_fields__ if _is_given(context, name)}
    return names - {"from_file"} | ({"filters"} if "from_file" in names else set())


def _is_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def threads_option(text: str) -> str:
    """Return how later changes are threaded; a wrong word is a usage error."""
    from monitor.subscriptions.options import parse_threads

    try:
        return parse_threads(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def matcher(row: SubscriptionRow) -> Callable[[EventRow], bool]:
    """Return the test whether an event would be delivered to a target."""
    from monitor.subscriptions.filters import EventFilter

    event_filter, has_reminders = EventFilter.of(row), row.reminders != []
    return lambda event: (
        event_filter.matches(event) and (has_reminders or event.kind != "retirement.reminder")
    )


def complete(context: typer.Context, incomplete: str) -> list[str]:
    """Return the ids and addresses that begin so, for the shell; nothing without a database."""
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
                (row.id, sealed.public_address(row))
                for row in session.scalars(select(SubscriptionRow))
            ]
    except LastcallError:
        return []
    return [word for row in rows for word in row if word.startswith(incomplete)]


def rows(session: Session, kind: str | None = None) -> list[SubscriptionRow]:
    """Return the targets of a type, or all, oldest first."""
    from sqlmodel import col, select

    from monitor.store.tables import SubscriptionRow

    query = select(SubscriptionRow).order_by(
        col(SubscriptionRow.created_at), col(SubscriptionRow.id)
    )
    return list(session.exec(query.where(SubscriptionRow.type == kind) if kind else query))


@contextmanager
def unlocked(db: str | None) -> Iterator[tuple[Store, Vault]]:
    """Open the store of a command that seals or opens secrets, with the vault to do it."""
    from monitor.settings import load_settings
    from monitor.store import secrets as sealed

    with opened(db) as store:
        yield store, sealed.unlock(store, load_settings(db))


def find_or_none(
    session: Session, kind: str | None, name: str, vault: Vault | None = None
) -> SubscriptionRow | None:
    """Return a target by its id or address; None where there is none.

    An address that is a secret is found with a vault. Mail addresses are compared without case, if
    none is written exactly so."""
    from monitor.store import secrets as sealed

    targets = rows(session, kind)
    for row in targets:
        if name in (row.id, row.address):
            return row
        if vault and row.sealed_address and name == sealed.unseal(vault, row).address:
            return row
    mailboxes = (row for row in targets if row.type == "email")
    return next((row for row in mailboxes if row.address.casefold() == name.casefold()), None)


def find(session: Session, kind: str, name: str, vault: Vault | None = None) -> SubscriptionRow:
    """Return a target of a type by its id or address. Raise NotFound."""
    if row := find_or_none(session, kind, name, vault):
        return row
    group = "webhooks" if kind == "webhook" else kind
    raise NotFound(f"no {kind} target {name!r}; `lastcall {group} list` names them")


def find_any(session: Session, name: str) -> SubscriptionRow:
    """Return a target of any type by its id or address. Raise NotFound."""
    if row := find_or_none(session, None, name):
        return row
    raise NotFound(f"no target {name!r}; `lastcall subscriptions` lists them")


def add_or_replace(
    kind: str, address: str, options: SubscriptionOptions, how: output.Form, db: str | None
) -> None:
    """Add a target. One that is there already gets these options, and is enabled again."""
    from monitor.delivery import outbox, target_health
    from monitor.store import secrets as sealed
    from monitor.store.tables import SubscriptionRow

    now, due = clock(), 0
    with unlocked(db) as (store, vault), store.write() as session:
        row = find_or_none(session, kind, address, vault)
        if row is None:
            row = SubscriptionRow(id=new_id(), type=kind, address=address, created_at=now)
            if sealed.is_secret_address(kind, address):
                sealed.seal_address(vault, row, address)
        elif row.state != "enabled":
            due = target_health.resume(session, row.id, now)
            session.refresh(row)
        outbox.change_options(session, row, options.columns(), now)
    target = target_json(row)
    if how == "json":
        output.document(target)
    else:
        print(f"{target['id']}: {target['address']} hears of {options_text(target)}")
    if due:
        output.say(f"{output.are(due, 'held delivery')} due again")


def print_targets(how: output.Form, targets: list[SubscriptionRow]) -> None:
    """Print targets as a table, or in the form of a machine."""
    now, forms = clock(), [target_json(row) for row in targets]
    if output.machine(how, forms, FIELDS):
        return
    output.table(
        ("ID", "TO", "HEALTH", "WANTS", "LAST DELIVERED"),
        [
            (
                form["id"],
                form["address"],
                health(row, now),
                options_text(form),
                output.ago(row.last_delivered_at, now),
            )
            for row, form in zip(targets, forms, strict=True)
        ],
    )
    if not targets:
        output.say("none yet")


def counts_text(counts: Mapping[str, int]) -> str:
    """Return ``2 delivered, 1 pending``."""
    return ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))


def remove(store: Store, kind: str, name: str, vault: Vault | None = None) -> str:
    """Delete a target with its deliveries. Return its address as it may be shown."""
    from monitor.delivery import admin
    from monitor.store import secrets as sealed

    with store.write() as session:
        row = find(session, kind, name, vault)
        admin.remove_target(session, row.id)
    return sealed.public_address(row)


def send_test(store: Store, settings: Settings, row: SubscriptionRow) -> None:
    """Send a test message and print what came back. Raise DeliveryFailed."""
    status = asyncio.run(send_test_message(store, settings, row))
    protocol = "SMTP" if row.type == "email" else "HTTP"
    print(f"delivered ({protocol} {status})" if status else "delivered")


async def send_test_message(store: Store, settings: Settings, row: SubscriptionRow) -> int:
    """Send one message now that is no event, past the outbox. Return the status of the answer.

    A webhook sees by its type that it is no event. Raise DeliveryFailed."""
    from monitor.delivery.publisher import Publisher
    from monitor.delivery.queue import PendingDelivery
    from monitor.delivery.webhook.envelope import VERIFICATION
    from monitor.store import secrets as sealed
    from monitor.store.tables import EventRow

    event = EventRow(
        sequence=0,
        id=f"evt_test{secrets.token_hex(8)}",
        says="",
        kind=VERIFICATION if row.type == "webhook" else "notice.published",
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
        opened = sealed.unseal(publisher.vault, row)
        status, _ = await publisher.send([PendingDelivery(0, 1, event, row)], opened)
    return status


def check_url(settings: Settings, url: str) -> None:
    """Check that a URL may be delivered to; any other is a usage error."""
    from monitor.delivery.settings import DeliverySettings
    from monitor.errors import DeliveryFailed

    try:
        DeliverySettings.of(settings).guard().url(url)
    except DeliveryFailed as error:
        raise typer.BadParameter(str(error)) from None
