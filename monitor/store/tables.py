"""The tables. What a provider said is kept as versions, what it meant as an append-only log, what
is owed as a queue.

    source ──< poll                              who is polled, when next, and how each poll went
    feed                                         the sources that operators added document
    bytes by SHA-256, compressed listing retirement price notice              versions of facts:
    first_seen, ended (null while it stands) conflict
    contradictions that are open event ──< delivery >── subscription          the log, the outbox,
    and who asked
              delivery ──< attempt               every try, with its answer
              subscription ──< thread            the message about each retirement in each channel
              subscription ──< acknowledgement   what a channel has heard enough of
    installation                                 Slack workspaces that installed the app duty
    when each thing that is done now and then was last done

All times are aware and in UTC. Amounts are text and Decimals, never floats.
"""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from sqlalchemy import (
    JSON,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlmodel import Field, SQLModel

from monitor.core.facts import Fact, Json, Listing, Notice, Price, Retirement, When

#: Ordered and compared by code point on both databases, so that a prefix of an id is a range of an
#: index.
PlainText = String().with_variant(String(collation="C"), "postgresql")


class WhenText(TypeDecorator[When]):
    """A When as JSON text, with the words that were printed."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: When | None, dialect: object) -> str | None:
        return (
            json.dumps([value.text, value.bound, value.words], ensure_ascii=False)
            if value
            else None
        )

    def process_result_value(self, value: str | None, dialect: object) -> When | None:
        return When(*json.loads(value)) if value else None


class DecimalText(TypeDecorator[Decimal]):
    """A Decimal exactly as it was printed."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: object) -> str | None:
        return None if value is None else format(value, "f")

    def process_result_value(self, value: str | None, dialect: object) -> Decimal | None:
        return None if value is None else Decimal(value)


class NamesText(TypeDecorator[tuple[str, ...]]):
    """A tuple of names as a JSON list."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: tuple[str, ...] | None, dialect: object) -> str:
        return json.dumps(list(value or ()), ensure_ascii=False)

    def process_result_value(self, value: str | None, dialect: object) -> tuple[str, ...]:
        return tuple(json.loads(value or "[]"))


class JsonText(TypeDecorator[Any]):
    """JSON as text: PostgreSQL cannot compare a json column, so not its default either."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: object) -> str:
        return json.dumps(value, ensure_ascii=False)

    def process_result_value(self, value: str | None, dialect: object) -> Any:
        return json.loads(value or "null")


def _when() -> Any:
    return Field(default=None, sa_type=WhenText)


def _names() -> Any:
    return Field(default=(), sa_type=NamesText)


def _added(literal: str, **kind: Any) -> Any:
    """A column that a later migration adds: what the rows that are there already get, as SQL."""
    return Field(**kind, sa_column_kwargs={"server_default": text(literal)})


_PARTIAL: dict[Index, str] = {}


def _partial(
    name: str, *columns: str, where: str, postgresql: str = "", unique: bool = False
) -> Index:
    """An index over some rows, on both databases."""
    index = Index(name, *columns, unique=unique, sqlite_where=text(where))
    _PARTIAL[index] = postgresql or where
    return index


def prepare_postgresql() -> None:
    """Give the partial indexes to PostgreSQL too. Naming a dialect imports it, which SQLite need
    not pay for.
    """
    while _PARTIAL:
        index, where = _PARTIAL.popitem()
        index.dialect_kwargs["postgresql_where"] = text(where)


class _Row(SQLModel):
    """Share the settings of all tables. Pydantic schemas are built on first use: most commands need
    none.
    """

    model_config = {"defer_build": True}


class SourceRow(_Row, table=True):
    """The state of one source: all that a poll must know before it starts, and the operator
    afterwards.

    ``etag``, ``last_modified`` and ``seen`` (the hash of what its adapter looked at) belong to the
    last accepted document. ``good_at`` is when that was last there, never far ahead of the server's
    clock (poll.calendar). ``pending`` holds what waits for another look (settle.Pending), ``held``
    a document that a guard holds. ``milestone_at`` is the next instant at which a retirement of
    this source completes. ``recent`` remembers what values flapped away from (settle.PastValue).
    ``looked_at`` is the last look at an accepted document that came a whole interval after the one
    before, ``held_at`` the same of the held one. ``stale`` says that the operator was told so.
    ``lease_until`` keeps a source to one of several services on PostgreSQL."""

    __tablename__ = "source"
    __table_args__ = (_partial("source_due", "due_at", where="enabled = 1", postgresql="enabled"),)

    id: str = Field(primary_key=True)
    kind: str = "official"
    enabled: bool = True
    due_at: datetime
    checked_at: datetime | None = None
    good_at: datetime | None = None
    baseline_at: datetime | None = None
    milestone_at: datetime | None = None
    outcome: str = ""
    error: str = Field(default="", sa_type=Text)
    failures: int = 0
    etag: str = ""
    last_modified: str = ""
    document: str = ""
    seen: str = ""
    rows: int = 0
    pending: list[Json] = Field(default_factory=list, sa_type=JSON)
    held: str = ""
    held_seen: str = ""
    held_looks: int = 0
    held_at: datetime | None = None
    recent: list[Json] = _added("'[]'", default_factory=list, sa_type=JsonText)
    stale: bool = _added("false", default=False)
    looked_at: datetime | None = None
    lease_until: datetime | None = None


class FeedRow(_Row, table=True):
    """A feed that an operator added. Its state is a SourceRow of the same id, which stays when it
    is removed.
    """

    __tablename__ = "feed"

    id: str = Field(primary_key=True)
    url: str = Field(sa_column=Column(Text, nullable=False, unique=True))
    added_at: datetime


class PollRow(_Row, table=True):
    """One poll: its outcome, and what it cost. ``ms`` is the time from request to record."""

    __tablename__ = "poll"
    __table_args__ = (Index("poll_source_at", "source_id", "at"),)

    id: int | None = Field(default=None, primary_key=True)
    source_id: str = Field(foreign_key="source.id")
    at: datetime
    outcome: str
    status: int = 0
    ms: int = 0
    size: int = 0
    document: str = ""
    rows: int = 0
    events: int = 0
    error: str = Field(default="", sa_type=Text)


class DocumentRow(_Row, table=True):
    """The bytes one fetch returned, by their SHA-256 in hex; zlib-compressed."""

    __tablename__ = "document"

    sha256: str = Field(primary_key=True)
    url: str
    content_type: str = ""
    size: int
    fetched_at: datetime
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class _Version(_Row):
    """Share the columns of every version of a fact. ``ended`` is null while it is current; ``key``
    is Fact.key."""

    id: int | None = Field(default=None, primary_key=True)
    source_id: str = Field(foreign_key="source.id")
    key: str = Field(sa_type=Text)
    first_seen: datetime
    ended: datetime | None = None
    document: str = ""
    provider: str
    model: str
    folded: str = Field(sa_type=PlainText)
    canonical: str = Field(sa_type=PlainText)
    version: str = ""
    region: str = ""
    surface: str = "api"
    note: str = Field(default="", sa_type=Text)
    quote: str = Field(default="", sa_type=Text)


def _version_indexes(name: str) -> tuple[Index, ...]:
    return (
        _partial(f"{name}_stands", "source_id", "key", where="ended IS NULL", unique=True),
        Index(f"{name}_folded", "folded"),
        Index(f"{name}_canonical", "canonical"),
    )


class ListingRow(_Version, table=True):
    __tablename__ = "listing"
    __table_args__ = _version_indexes("listing")

    name: str = ""
    context_window: int | None = None
    max_output: int | None = None
    modalities: tuple[str, ...] = _names()
    created: When | None = _when()
    alias_of: str = ""


class RetirementRow(_Version, table=True):
    __tablename__ = "retirement"
    __table_args__ = _version_indexes("retirement")

    term: str = ""
    stage: str
    announced: When | None = _when()
    deprecated: When | None = _when()
    retires: When | None = _when()
    replacements: tuple[str, ...] = _names()


class PriceRow(_Version, table=True):
    __tablename__ = "price"
    __table_args__ = _version_indexes("price")

    meter: str
    amount: Decimal = Field(sa_type=DecimalText)
    currency: str
    per: str
    tier: str = "standard"
    context: str = ""
    window: str = ""
    starts: When | None = _when()
    ends: When | None = _when()


class NoticeRow(_Version, table=True):
    __tablename__ = "notice"
    __table_args__ = _version_indexes("notice")

    title: str = Field(sa_type=Text)
    link: str = Field(default="", sa_type=Text)
    published: When | None = _when()
    summary: str = Field(default="", sa_type=Text)
    models: tuple[str, ...] = _names()


VERSIONS: dict[type[Fact], type[_Version]] = {
    Listing: ListingRow,
    Retirement: RetirementRow,
    Price: PriceRow,
    Notice: NoticeRow,
}


class EventRow(_Row, table=True):
    """Hold one event of the log.

    ``says`` is a hash of the statement, ``id`` of the statement and its occurrence
    (interpret.identify). ``poll_id`` is the poll that found it: null for reminders, for events
    about targets, for events from before migration 0003, and once the poll is pruned. The log is
    read newest first by (detected_at, sequence); every filter of ``lastcall events`` has an index
    that ends in them."""

    __tablename__ = "event"
    __table_args__ = (
        Index("event_time", "detected_at", "sequence"),
        Index("event_provider", "provider", "detected_at", "sequence"),
        Index("event_kind", "kind", "detected_at", "sequence"),
        Index("event_severity", "severity", "detected_at", "sequence"),
        Index("event_source", "source_id", "detected_at", "sequence"),
        Index("event_folded", "folded", "detected_at", "sequence"),
        Index("event_canonical", "canonical"),
        Index("event_says", "says"),
        {"sqlite_autoincrement": True},
    )

    sequence: int | None = Field(default=None, primary_key=True)
    id: str = Field(unique=True)
    says: str
    kind: str
    severity: str
    provider: str
    model: str
    folded: str = Field(sa_type=PlainText)
    version: str = ""
    region: str = ""
    surface: str = "api"
    canonical: str = Field(sa_type=PlainText)
    summary: str = Field(sa_type=Text)
    before: Json | None = Field(default=None, sa_type=JSON)
    after: Json | None = Field(default=None, sa_type=JSON)
    effective: Json | None = Field(default=None, sa_type=JSON)
    detected_at: datetime
    source_id: str
    url: str
    document: str = ""
    quote: str = Field(default="", sa_type=Text)
    baseline: bool = False
    corrects: str | None = None
    poll_id: int | None = None

    def to_json(self) -> Json:
        return event_json(self)


def event_json(row: Any) -> Json:
    """The public form (INTERFACE, "An event") of an EventRow, or of a plain row of its table."""
    return {
        "id": row.id,
        "sequence": row.sequence,
        "kind": row.kind,
        "severity": row.severity,
        "provider": row.provider,
        "model": row.model,
        "version": row.version,
        "region": row.region,
        "surface": row.surface,
        "canonical": row.canonical,
        "summary": row.summary,
        "before": row.before,
        "after": row.after,
        "effective": row.effective,
        "detected_at": row.detected_at.isoformat().replace("+00:00", "Z"),
        "source": row.source_id,
        "url": row.url,
        "document": f"sha256:{row.document}" if row.document else "",
        "quote": row.quote,
        "baseline": row.baseline,
        "corrects": row.corrects,
    }


class ConflictRow(_Row, table=True):
    """A contradiction that is open (conflicts.Conflict.subject), with what its two sides say; gone
    when it is closed.

    ``before`` is the official fact, ``after`` the other; null where that is a row known by its
    quote alone."""

    __tablename__ = "conflict"
    __table_args__ = (Index("conflict_canonical", "canonical"),)

    subject: str = Field(primary_key=True, sa_type=Text)
    canonical: str = Field(sa_type=PlainText)
    severity: str
    opened_at: datetime
    before: Json = Field(sa_type=JSON)
    after: Json | None = Field(default=None, sa_type=JSON)


SubscriptionState = Literal["enabled", "paused", "disabled"]
WebhookFormat = Literal["", "cloudevents-binary", "cloudevents-structured"]


class SubscriptionRow(_Row, table=True):
    """A target and what it asked for.

    ``type`` is ``webhook`` (address: URL), ``slack`` (address: channel, ``team/channel`` where the
    app is installed in several workspaces, or an incoming-webhook URL), ``email`` or ``apprise``
    (URL). ``filters`` are ``provider/model-glob[@region]``, ``kinds`` prefixes of kinds,
    ``surfaces`` words of facts; empty, they mean everything. ``operator`` targets get the events
    about sources and endpoints, and only those. ``min_change`` is in percent, ``within`` in days.
    ``reminders`` are days before a retirement; null means the usual ones. ``asked_at`` is when all
    this was last asked for; null means when it was made.

    ``digest`` is empty, ``hourly`` or ``daily``; from ``quiet_from`` to ``quiet_to`` (HH:MM in
    ``timezone``), and until ``muted_until``, only what is critical is sent. ``threads`` (off,
    updates, all) is for Slack; ``format`` (empty, ``cloudevents-binary``,
    ``cloudevents-structured``) and ``verify`` (empty, ``handshake``) for webhooks. ``old_secrets``
    are those that still sign beside ``secret``: ``{"secret", "until"}``.

    Where the address is a secret as a whole (an incoming webhook, an Apprise URL), ``address``
    shows what may be shown with a digest that tells it from others, and ``sealed_address`` is it,
    encrypted as ``secret`` is (monitor.vault).

    ``quiet_until`` is a floor: the receiver asked for it (Retry-After), or the circuit is open;
    ``probe_at`` is when a paused target is tried again by itself. ``failures`` counts the failed
    tries in a row. ``ordered``: one delivery in flight, in the order of the log. A paused or
    disabled target keeps its subscription: what it is owed is held, not dropped. An address may be
    a secret as well, so neither is in the repr."""

    __tablename__ = "subscription"
    __table_args__ = (UniqueConstraint("type", "address"),)

    id: str = Field(primary_key=True)
    type: str
    address: str = Field(repr=False)
    sealed_address: str = _added("''", default="", repr=False)
    name: str = ""
    filters: list[str] = Field(default_factory=list, sa_type=JSON)
    kinds: list[str] = Field(default_factory=list, sa_type=JSON)
    surfaces: list[str] = _added("'[]'", default_factory=list, sa_type=JsonText)
    severity: str = "info"
    min_change: Decimal | None = Field(default=None, sa_type=DecimalText)
    within: int | None = None
    reminders: list[int] | None = Field(default=None, sa_type=JSON)
    operator: bool = False
    digest: str = _added("''", default="")
    quiet_from: str = _added("''", default="")
    quiet_to: str = _added("''", default="")
    timezone: str = _added("'UTC'", default="UTC")
    muted_until: datetime | None = None
    asked_at: datetime | None = None
    threads: str = _added("'updates'", default="updates")
    format: str = _added("''", default="")
    verify: str = _added("''", default="")
    ordered: bool = _added("false", default=False)
    secret: str = Field(default="", repr=False)
    old_secrets: list[Json] = _added("'[]'", default_factory=list, sa_type=JsonText, repr=False)
    state: str = "enabled"
    reason: str = Field(default="", sa_type=Text)
    created_at: datetime
    quiet_until: datetime | None = None
    probe_at: datetime | None = None
    last_delivered_at: datetime | None = None
    failing_since: datetime | None = None
    failures: int = _added("0", default=0)


DeliveryState = Literal["pending", "held", "delivered", "dead", "cancelled"]


class DeliveryRow(_Row, table=True):
    """One event owed to one target: the outbox. Written in the event's transaction, claimed with a
    lease.

    ``message`` is the id of the digest in which it travels, the same on every attempt; empty where
    it goes alone."""

    __tablename__ = "delivery"
    __table_args__ = (
        UniqueConstraint("event_id", "subscription_id"),
        _partial(
            "delivery_due",
            "subscription_id",
            "next_at",
            "id",
            where="state = 'pending'",
        ),
        Index("delivery_subscription", "subscription_id", "state", "id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    event_id: str = Field(foreign_key="event.id")
    subscription_id: str = Field(sa_column=Column(ForeignKey("subscription.id"), nullable=False))
    state: str = "pending"
    attempts: int = 0
    created_at: datetime
    next_at: datetime
    lease_until: datetime | None = None
    lease_owner: str = ""
    delivered_at: datetime | None = None
    message: str = _added("''", default="")
    error: str = Field(default="", sa_type=Text)


class AttemptRow(_Row, table=True):
    """One try at a delivery. ``status`` is the HTTP status or 0; ``answer`` the first bytes of what
    came back.
    """

    __tablename__ = "attempt"
    __table_args__ = (Index("attempt_delivery", "delivery_id"),)

    id: int | None = Field(default=None, primary_key=True)
    delivery_id: int = Field(foreign_key="delivery.id")
    number: int
    at: datetime
    ms: int = 0
    status: int = 0
    error: str = Field(default="", sa_type=Text)
    answer: str = Field(default="", sa_type=Text)


class ThreadRow(_Row, table=True):
    """The message in a channel about one retirement: what later changes of it update and are
    threaded under.

    ``subject`` is the retirement's key under its provider; ``channel`` and ``ts`` name the message
    as Slack does."""

    __tablename__ = "thread"
    __table_args__ = (UniqueConstraint("subscription_id", "subject"),)

    id: int | None = Field(default=None, primary_key=True)
    subscription_id: str = Field(sa_column=Column(ForeignKey("subscription.id"), nullable=False))
    subject: str = Field(sa_type=Text)
    event_id: str
    channel: str
    ts: str
    posted_at: datetime


class AcknowledgementRow(_Row, table=True):
    """A channel has heard enough of a retirement: no reminders while it ends at ``retires``, or
    until ``until``.
    """

    __tablename__ = "acknowledgement"
    __table_args__ = (UniqueConstraint("subscription_id", "subject"),)

    id: int | None = Field(default=None, primary_key=True)
    subscription_id: str = Field(sa_column=Column(ForeignKey("subscription.id"), nullable=False))
    subject: str = Field(sa_type=Text)
    retires: str
    by: str = ""
    at: datetime
    until: datetime | None = None


class InstallationRow(_Row, table=True):
    """A Slack workspace that installed the app. ``sealed`` is the encrypted installation with its
    tokens.
    """

    __tablename__ = "installation"
    __table_args__ = (UniqueConstraint("enterprise", "team", "user"),)

    id: int | None = Field(default=None, primary_key=True)
    enterprise: str = ""
    team: str
    user: str = ""
    name: str = ""
    sealed: str = Field(sa_type=Text, repr=False)
    installed_at: datetime
    state: str = "enabled"
    reason: str = Field(default="", sa_type=Text)


class DutyRow(_Row, table=True):
    """When a thing that is done now and then (reminders, pruning) was last done."""

    __tablename__ = "duty"

    name: str = Field(primary_key=True)
    done_at: datetime
