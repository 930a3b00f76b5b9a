"""The secrets that lie in the database: where they are, whether they can be opened, and how they
are sealed anew.

They are read and written through here, so that a dump of any table shows none of them
(monitor.vault)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from sqlalchemy import Row, select, update
from sqlmodel import Session

from monitor.core.facts import Json
from monitor.settings.model import Settings
from monitor.store.db import Store
from monitor.store.tables import InstallationRow, SubscriptionRow
from monitor.vault import Vault, missing, parse, sealed_with

#: Rows that are sealed anew in one transaction: the service beside it waits no longer than that.
BATCH = 200

_SUBSCRIPTION: Any = SubscriptionRow.__table__  # type: ignore[attr-defined]
_INSTALLATION: Any = InstallationRow.__table__  # type: ignore[attr-defined]

#: A secret as it lies there and its place, to what shall lie there.
Change = Callable[[str, str], str]


def subscription_place(target_id: str, column: str) -> str:
    """Return the place that a secret is bound to: ``secret``, ``address`` or ``old`` of a
    target.
    """
    return f"subscription:{target_id}:{column}"


def installation_place(team: str) -> str:
    return f"installation:{team}"


@dataclass(frozen=True)
class Credentials:
    """Hold in the clear what is needed to reach a target. Never stored, logged or shown.

    ``in_words``: each part of the address may be a secret, as an Apprise URL has a user, a password
    or a token."""

    address: str = field(repr=False)
    secret: str = field(repr=False)
    old_secrets: tuple[Json, ...] = field(repr=False)
    in_words: bool = False

    @cached_property
    def redactions(self) -> tuple[str, ...]:
        """Return the texts to redact: the secrets, and all behind the host of a URL; nothing of a
        channel."""
        rest = self.address.partition("://")[2]
        path = rest.partition("/")[2]
        words = re.split(r"[/:@?&=]", rest) if self.in_words else []
        parts = (self.address, rest, path, *words) if path or words else ()
        return (
            self.secret,
            *(one["secret"] for one in self.old_secrets),
            *sorted(parts, key=len, reverse=True),
        )


def unseal(vault: Vault, target: SubscriptionRow) -> Credentials:
    """Raises SettingError or StoreError as Vault.open does."""

    def clear(text: str, column: str) -> str:
        # What is not sealed was put there by an earlier version, or by hand, since the keys were
        # looked after.
        return (
            vault.open(text, subscription_place(target.id, column)) if sealed_with(text) else text
        )

    return Credentials(
        address=clear(target.sealed_address, "address") or target.address,
        secret=clear(target.secret, "secret"),
        old_secrets=tuple(
            one | {"secret": clear(one["secret"], "old")} for one in target.old_secrets
        ),
        in_words=target.type == "apprise",
    )


def seal_secret(vault: Vault, target: SubscriptionRow, secret: str) -> str:
    """For ``secret`` of a target."""
    return vault.seal(secret, subscription_place(target.id, "secret"))


def seal_old_secrets(vault: Vault, target: SubscriptionRow, old: Sequence[Json]) -> list[Json]:
    """For ``old_secrets`` of a target."""
    place = subscription_place(target.id, "old")
    return [one | {"secret": vault.seal(one["secret"], place)} for one in old]


def seal_address(vault: Vault, target: SubscriptionRow, url: str) -> None:
    """Give a target a URL that is a secret as a whole."""
    target.address = shown(url, vault.digest(url))
    target.sealed_address = vault.seal(url, subscription_place(target.id, "address"))


def shown(url: str, digest: str) -> str:
    """Return the part of a URL that may be shown: its scheme, and its host if that is one. Apprise
    has tokens in that place.
    """
    scheme, _, rest = url.partition("://")
    host = rest.partition("/")[0].partition("?")[0].rpartition("@")[2]
    return (
        f"{scheme}://{host}/...{digest}"
        if scheme in ("https", "http")
        else f"{scheme}://...{digest}"
    )


def public_address(target: SubscriptionRow) -> str:
    """The address as it may be shown, also where an earlier version left a secret one as it is."""
    secret = (
        target.type in ("slack", "apprise")
        and "://" in target.address
        and not target.sealed_address
    )
    return shown(target.address, "") if secret else target.address


def unlock(store: Store, settings: Settings) -> Vault:
    """The vault of a store, once it is sure that it opens what is sealed there.

    Seals what lies there as it is, as versions before 0.2 left it. Raises SettingError naming a key
    that is missing."""
    vault = find_vault(store, settings)
    used = status(store)
    for name in used:
        if name and not vault.has(name):
            raise missing(name)
    if used[""]:
        _renew(store, vault, lambda text: not sealed_with(text))
    return vault


def find_vault(store: Store, settings: Settings) -> Vault:
    """The vault as the settings give it: an SQLite database has a key file beside it
    (``lastcall.db.key``).
    """
    file = Path(f"{store.path}.key") if store.path else None
    return Vault(parse(settings.secret_keys.get_secret_value()), file)


def status(store: Store) -> Counter[str]:
    """How many secrets are sealed with each key, by its id; those that are not sealed under the
    empty one.
    """
    found: Counter[str] = Counter()

    def count(text: str, _place: str) -> str:
        found[sealed_with(text)] += 1
        return text

    with store.read() as session:
        for kind in KINDS:
            for row in session.connection().execute(select(kind.table)):
                kind.change(row, count)
    return found


def rotate(store: Store, vault: Vault) -> int:
    """Seal everything with the first key that is not yet; returns how many secrets that was.

    In batches, each a transaction of its own: what is killed halfway goes on from there when it is
    asked again, and every secret opens with one of the keys at any moment."""
    return _renew(store, vault, lambda text: sealed_with(text) != vault.first)


def _renew(store: Store, vault: Vault, due: Callable[[str], bool]) -> int:
    renewed = 0

    def change(text: str, place: str) -> str:
        nonlocal renewed
        if not due(text):
            return text
        renewed += 1
        return vault.seal(vault.open(text, place) if sealed_with(text) else text, place)

    for kind in KINDS:
        last: Any = None
        while batch := _batch(store, kind, last, change, vault):
            last = batch
    return renewed


def _batch(store: Store, kind: Kind, last: Any, change: Change, vault: Vault) -> Any:
    """Seal the rows after the key ``last``; returns the last key of the batch, None where there is
    nothing more.
    """
    key = kind.table.c.id
    query = select(kind.table).order_by(key).limit(BATCH).with_for_update()
    with store.write() as session:
        rows = (
            session.connection().execute(query if last is None else query.where(key > last)).all()
        )
        for row in rows:
            values = kind.change(row, change)
            if new := {
                name: value for name, value in values.items() if value != getattr(row, name)
            }:
                _store(session, kind, row, new, vault)
    return rows[-1].id if rows else None


def _store(session: Session, kind: Kind, row: Row[Any], new: dict[str, Any], vault: Vault) -> None:
    if sealed := new.get("sealed_address"):  # the digest belongs to the key
        new |= {
            "address": shown(
                url := vault.open(sealed, subscription_place(row.id, "address")), vault.digest(url)
            )
        }
    session.connection().execute(update(kind.table).where(kind.table.c.id == row.id).values(**new))


def _of_subscription(row: Row[Any], change: Change) -> dict[str, Any]:
    """The columns with secrets, each one changed. An address that lies open and is one moves to
    where it is sealed.
    """
    address = row.sealed_address or (
        row.address if is_secret_address(row.type, row.address) else ""
    )
    return {
        "secret": row.secret and change(row.secret, subscription_place(row.id, "secret")),
        "sealed_address": address and change(address, subscription_place(row.id, "address")),
        "old_secrets": [
            one | {"secret": change(one["secret"], subscription_place(row.id, "old"))}
            for one in row.old_secrets
        ],
    }


def _of_installation(row: Row[Any], change: Change) -> dict[str, Any]:
    return {"sealed": change(row.sealed, installation_place(row.team))}


def is_secret_address(kind: str, address: str) -> bool:
    """Return True if a whole address is secret: an incoming webhook, or any of Apprise."""
    return kind == "apprise" or (kind == "slack" and "://" in address)


@dataclass(frozen=True, slots=True)
class Kind:
    """A table with secrets, and how to go through those of one row."""

    table: Any
    change: Callable[[Row[Any], Change], dict[str, Any]]


KINDS = (Kind(_SUBSCRIPTION, _of_subscription), Kind(_INSTALLATION, _of_installation))
