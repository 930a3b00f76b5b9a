"""The tables of the outbox as its parts speak of them, and what a claimed delivery is.

Statements here go past the session's objects: what it holds is not brought up to date.
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

#: Several times the deadline of a try: nobody else takes what is still being sent.
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
    """One claimed delivery with all that sending needs. ``number`` counts its tries, this one
    included.

    ``message`` is the id of the digest in which it travels, empty where it goes alone. Of a claimed
    ``target`` there is what sending needs, and not what says which events it wants
    (leases.SENDING); a plain row would show its secrets."""

    delivery_id: int
    number: int
    event: EventRow
    target: SubscriptionRow = field(repr=False)
    message: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """How one try went, for the record."""

    at: datetime
    ms: int = 0
    status: int = 0
    error: str = ""
    answer: str = ""


def free(now: datetime) -> ColumnElement[bool]:
    """Nobody's by now. A lease further ahead than any that is given was given by a clock that has
    been set back.
    """
    return or_(lease_until.is_(None), lease_until <= now, lease_until > now + LEASE + SKEW)


def is_sqlite(session: Session) -> bool:
    """Which of the two databases a session speaks to."""
    return session.get_bind().dialect.name == "sqlite"


def among(column: Any, name: str, sqlite: bool) -> ColumnElement[bool]:
    """Whether a column has one of the values in the parameter ``name``, which is ``listed``.

    One parameter for all of them: a statement that is made once serves any number.
    """
    if not sqlite:
        return column == func.any(bindparam(name, type_=ARRAY(column.type)))  # type: ignore[no-any-return]
    found = func.json_each(bindparam(name, type_=Text())).table_valued("value")
    return column.in_(select(found.c.value))  # type: ignore[no-any-return]


def listed(values: Iterable[Any], sqlite: bool) -> str | list[Any]:
    """Values as ``among`` takes them."""
    return json.dumps(list(values)) if sqlite else list(values)


def add(session: Session, table: Any, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows that all have the same columns, at least one; none of JSON."""
    if is_sqlite(session):
        session.connection().execute(insert(table), rows)
    else:
        columns = {name: [row[name] for row in rows] for name in rows[0]}
        session.connection().execute(_adding(table, tuple(columns)), columns)


@cache
def _adding(table: Any, names: tuple[str, ...]) -> Insert:
    """An insert of whole columns: PostgreSQL takes several times as long for as many statements as
    there are rows.
    """
    columns = [func.unnest(bindparam(name, type_=ARRAY(table.c[name].type))) for name in names]
    return insert(table).from_select(list(names), select(*columns))


def these(owed: Sequence[PendingDelivery]) -> Update:
    """An update of claimed deliveries."""
    return update(DeliveryRow).where(delivery_id.in_([one.delivery_id for one in owed]))


def setting(statement: Update, **values: Any) -> Update:
    """An update that leaves the session's objects as they are."""
    return statement.values(**values).execution_options(synchronize_session=False)


def change(session: Session, condition: ColumnElement[bool], **values: Any) -> int:
    """Set values on all deliveries of a kind. Returns how many those are."""
    changed = session.execute(
        setting(update(DeliveryRow).where(condition), **values).returning(delivery_id)
    )
    return len(changed.all())
