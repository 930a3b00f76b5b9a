"""The tables of the delivery queue and the statements that its parts share.

Statements here go past the session's objects: an object that the session holds is not updated.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Insert,
    Text,
    Update,
    bindparam,
    func,
    insert,
    literal_column,
    or_,
    select,
    update,
)
from sqlmodel import Session, col

from monitor.store.db import SKEW
from monitor.store.tables import DeliveryRow, EventRow, SubscriptionRow

#: Several times the deadline of an attempt: nobody else takes what is still being sent.
LEASE = timedelta(seconds=60)

delivery_id, state, next_at = col(DeliveryRow.id), col(DeliveryRow.state), col(DeliveryRow.next_at)
target_id, lease_until = col(DeliveryRow.subscription_id), col(DeliveryRow.lease_until)
#: Written out where it matters, since a partial index is not used for a parameter.
PENDING: ColumnElement[str] = literal_column("'pending'")
is_pending = state == PENDING
DELIVERIES: Any = DeliveryRow.__table__  # type: ignore[attr-defined]
TARGETS: Any = SubscriptionRow.__table__  # type: ignore[attr-defined]
NO_LEASE: dict[str, Any] = {"lease_owner": "", "lease_until": None}


@dataclass(frozen=True, slots=True)
class PendingDelivery:
    """One claimed delivery with all that sending needs.

    ``number`` counts its attempts, this one included. ``message_id`` is the id of the digest in
    which it travels, empty where it goes alone. ``target`` has only the columns that sending needs
    (claim.SENDING); it is left out of the representation, which would show its secrets."""

    delivery_id: int
    number: int
    event: EventRow
    target: SubscriptionRow = field(repr=False)
    message_id: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """The record of one attempt: when it began, how long it took, and what came back."""

    at: datetime
    ms: int = 0
    status: int = 0
    error: str = ""
    answer: str = ""


def is_free(now: datetime) -> ColumnElement[bool]:
    """Return the condition that a delivery has no lease that counts.

    A lease has expired, or lies so far in the future that a wrong clock set it."""
    return or_(lease_until.is_(None), lease_until <= now, lease_until > now + LEASE + SKEW)


def is_sqlite(session: Session) -> bool:
    """Return whether a session speaks to SQLite, and not to PostgreSQL."""
    return session.get_bind().dialect.name == "sqlite"


def among(column: Any, name: str, sqlite: bool) -> ColumnElement[bool]:
    """Return the condition that a column has one of the values in the parameter ``name``.

    All values are one parameter (``as_parameter``), so that a statement is made once for any
    number of them."""
    if not sqlite:
        return column == func.any(bindparam(name, type_=ARRAY(column.type)))  # type: ignore[no-any-return]
    values = func.json_each(bindparam(name, type_=Text())).table_valued("value")
    return column.in_(select(values.c.value))  # type: ignore[no-any-return]


def as_parameter(values: Iterable[Any], sqlite: bool) -> str | list[Any]:
    """Return values in the form that ``among`` takes."""
    return json.dumps(list(values)) if sqlite else list(values)


def insert_rows(session: Session, table: Any, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows that all have the same columns, at least one row, no column of JSON."""
    if is_sqlite(session):
        session.connection().execute(insert(table), rows)
    else:
        columns = {name: [row[name] for row in rows] for name in rows[0]}
        session.connection().execute(_insert_columns(table, tuple(columns)), columns)


@cache
def _insert_columns(table: Any, names: tuple[str, ...]) -> Insert:
    """Return an insert of whole columns.

    PostgreSQL takes several times as long for as many statements as there are rows."""
    columns = [func.unnest(bindparam(name, type_=ARRAY(table.c[name].type))) for name in names]
    return insert(table).from_select(list(names), select(*columns))


def update_of(deliveries: Sequence[PendingDelivery]) -> Update:
    """Return an update of claimed deliveries."""
    ids = [delivery.delivery_id for delivery in deliveries]
    return update(DeliveryRow).where(delivery_id.in_(ids))


def setting(statement: Update, **values: Any) -> Update:
    """Return an update that leaves the session's objects as they are."""
    return statement.values(**values).execution_options(synchronize_session=False)


def change(session: Session, condition: ColumnElement[bool], **values: Any) -> int:
    """Set values on all deliveries that meet a condition. Return how many those are."""
    changed = session.execute(
        setting(update(DeliveryRow).where(condition), **values).returning(delivery_id)
    )
    return len(changed.all())
