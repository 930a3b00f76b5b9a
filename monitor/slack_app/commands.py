"""What ``/lastcall`` does. Each command works on the rows that deliveries use, and answers in
mrkdwn.

A channel is known by its workspace and id. A subscription that was made on the command line under
the channel's name is that channel's too, and keeps the id from then on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from sqlalchemy import select, union
from sqlmodel import Session

from monitor.cli import output, targets
from monitor.cli.options import horizon
from monitor.core.ends import days_left, firm, over
from monitor.core.facts import Json, Listing, Price, Retirement
from monitor.core.interpret import metered
from monitor.core.names import canonical
from monitor.delivery import admin, event_text, outbox, target_health
from monitor.delivery.message_context import METERS
from monitor.delivery.slack import blocks, mrkdwn, pausing
from monitor.errors import NotFound
from monitor.slack_app.words import Words
from monitor.store import event_log, fact_versions, model_lookup
from monitor.store.tables import VERSIONS, SubscriptionRow
from monitor.subscriptions import options as asking
from monitor.subscriptions.filters import Filter

#: Lines of a list in an answer.
LINES = 15
MUTED = "7d"
TEST = "✅ Lastcall can post here. This is a test message, no event."

HELP = """*Lastcall tells this channel before an AI model is retired, moved or repriced.*
`/lastcall subscribe openai/gpt-4* anthropic/*` – these models; `subscribe all` – everything
      `kinds:retirement,price` `severity:action` `within:90d` `min-change:5%` `surfaces:api`
      `digest:daily 17:00` `quiet:22:00-07:00` `timezone:Europe/Berlin` `reminders:30,7,1` `threads:off|updates|all`
`/lastcall unsubscribe [FILTER …]` – without a filter: the whole channel
`/lastcall list` – what this channel gets, and whether it arrives
`/lastcall upcoming [30d] [FILTER]` – retirements ahead, soonest first
`/lastcall show MODEL` – dates, replacement and prices of one model
`/lastcall mute 7d` – only what is critical until then; `mute off` ends it
`/lastcall test` – posts a test message here"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a command was given and by whom. ``workspace`` is empty where the token is that of the
    setting.
    """

    workspace: str
    channel: str
    name: str = ""
    user: str = ""

    @property
    def address(self) -> str:
        return f"{self.workspace}/{self.channel}" if self.workspace else self.channel


@dataclass(frozen=True, slots=True)
class Answer:
    """Lines of mrkdwn, escaped. ``public``: the whole channel sees it."""

    lines: tuple[str, ...]
    public: bool = False

    @property
    def message(self) -> Json:
        text, shown = blocks.lines_message(self.lines)
        return {
            "text": text,
            "blocks": shown,
            "response_type": "in_channel" if self.public else "ephemeral",
        }


def answered(*lines: str, public: bool = False) -> Answer:
    return Answer(lines, public)


def subscription(session: Session, place: Place) -> SubscriptionRow | None:
    """The subscription of a channel, under its id from now on."""
    rows = session.scalars(
        select(SubscriptionRow).where(
            pausing.is_channel(place.workspace, place.channel, place.name)
        )
    ).all()
    row = min(rows, key=lambda row: row.address != place.address, default=None)
    if row and row.address != place.address:
        row.address, row.name = place.address, row.name or row.address
        session.add(row)
    return row


def run(session: Session, place: Place, words: Words, now: datetime) -> Answer:
    """Carry out a command, all but ``test``. Raises ValueError or NotFound with one line for
    people.
    """
    return COMMANDS[words.verb](session, place, words, now)


def subscribe(session: Session, place: Place, words: Words, now: datetime) -> Answer:
    """Replaces what was asked before, and wakes a channel that was paused."""
    if not (words.plain or words.options):
        return usage(session, place, words, now)
    filters = [] if words.plain in (("all",), ("everything",)) else words.plain
    options: dict[str, Any] = dict(words.options)
    threads = asking.threading(options.pop("threads", "updates"))
    wanted = asking.columns(filters, **options) | {"threads": threads}
    row = subscription(session, place)
    was = "updated" if row else "subscribed"
    _refuse_operator(row)
    if row is None:
        row = SubscriptionRow(
            id=targets.new_id(),
            type="slack",
            address=place.address,
            created_at=now,
            name=_name(place),
        )
    elif row.state != "enabled":
        target_health.resume(session, row.id, now)
        session.refresh(row)
    outbox.change_options(session, row, wanted, now)
    lines = [f"✅ *{was.capitalize()}*: this channel hears of {_wants(row)}."]
    if strange := [word for word in row.filters if not _known(session, word)]:
        named = ", ".join(mrkdwn.code(word) for word in strange)
        lines.append(
            f"🔎 Nothing that is known today matches {named}. `/lastcall show MODEL` finds names."
        )
    if place.name == "privategroup":
        lines.append(
            "🔒 This channel is private: `/invite` the app, or nothing can be posted here."
        )
    return answered(*lines, public=True)


def unsubscribe(session: Session, place: Place, words: Words, now: datetime) -> Answer:
    row = _subscribed(session, place)
    _refuse_operator(row)
    gone = {word.casefold() for word in words.plain} - {"all"}
    if strange := sorted(gone - {word.casefold() for word in row.filters}):
        named = ", ".join(map(mrkdwn.code, strange))
        raise ValueError(f"This channel has no filter {named}. It hears of {_wants(row)}.")
    kept = [word for word in row.filters if word.casefold() not in gone]
    if gone and kept:
        row.filters = kept
        session.add(row)
        return answered(f"✅ *Updated*: this channel hears of {_wants(row)}.", public=True)
    admin.remove_target(session, row.id)
    return answered("✅ *Unsubscribed*: this channel hears nothing any more.", public=True)


def listed(session: Session, place: Place, words: Words, now: datetime) -> Answer:
    row = subscription(session, place)
    if row is None:
        return answered(
            "This channel is not subscribed. `/lastcall subscribe openai/gpt-4*` does it."
        )
    return answered(*_state(session, row, now))


def usage(session: Session, place: Place, words: Words, now: datetime) -> Answer:
    return answered(*HELP.splitlines(), "", *listed(session, place, words, now).lines)


def upcoming(session: Session, place: Place, words: Words, now: datetime) -> Answer:
    """Of what the channel asked for, unless a filter or ``all`` says otherwise."""
    plain, limit = [], None
    for word in words.plain:
        if word[:1].isdigit() and word[-1:] in "dhw":
            limit = horizon(word, now)
        elif word != "all":
            plain.append(word)
    row = subscription(session, place)
    own = not words.plain or (limit is not None and not plain and "all" not in words.plain)
    filters = [Filter.parse(word) for word in (row.filters if own and row else plain)]
    ahead = sorted(
        (
            (fact.retires.starts, one, fact)
            for one in fact_versions.known(session, [Retirement], official=True)
            if isinstance(fact := one.fact, Retirement)
            and fact.retires
            and firm(fact.retires)
            and not over(fact, now)
            if limit is None or fact.retires.starts <= limit
            if not filters
            or any(_covers(word, fact.provider, fact.model, fact.region) for word in filters)
        ),
        key=lambda found: (found[0], found[2].provider, found[2].model),
    )
    of = "of what this channel follows " if own and row and row.filters else ""
    if not ahead:
        return answered(f"No retirement {of}is ahead{' in that time' if limit else ''}.")
    lines = [f"*{output.counted(len(ahead), 'retirement')} {of}ahead*"]
    lines += [_ahead(fact, now) for _, _, fact in ahead[:LINES]]
    if len(ahead) > LINES:
        lines.append(
            f"… and {len(ahead) - LINES} more; name a filter or a time, as in `/lastcall upcoming "
            "60d openai`"
        )
    return answered(*lines)


def show(session: Session, place: Place, words: Words, now: datetime) -> Answer:
    if len(words.plain) != 1:
        raise ValueError("Name one model: `/lastcall show gpt-4o`.")
    from monitor.cli.lookup import missing

    (model,) = words.plain
    found = model_lookup.named(session, (Retirement, Listing, Price), model, official=True)
    if not found:
        raise missing(session, model)
    ends = [one.fact for one in found if isinstance(one.fact, Retirement)]
    lines = [f"*{mrkdwn.fit(model, 200)}*"]
    for fact in ends[:LINES]:
        lines.append(_ahead(fact, now))
        if chain := mrkdwn.successor_chain(
            model_lookup.successors(session, fact, now, None, {fact.model.casefold()})
        ):
            lines.append(f"      use instead: {chain}")
    if not ends:
        lines.append("No page says that it retires.")
    lines += _prices([one.fact for one in found if isinstance(one.fact, Price)])
    if events := event_log.about(
        session, [*model_lookup.names(model), *{one.fact.model.casefold() for one in found}], 5
    ):
        lines += [
            "*Lately*",
            *(
                f"• {event['detected_at'][:10]}: {mrkdwn.fit(event['summary'], 300)}"
                for event in events
            ),
        ]
    return answered(*lines)


def mute(session: Session, place: Place, words: Words, now: datetime) -> Answer:
    """Until a time; what is critical still comes, and the rest is told when the time is over."""
    row = _subscribed(session, place)
    _refuse_operator(row)
    row.muted_until = asking.muted(" ".join(words.plain) or MUTED, now)
    session.add(row)
    session.flush()
    outbox.reschedule(session, row, now)
    if row.muted_until is None:
        return answered("🔔 Not muted any more.", public=True)
    return answered(
        f"🔕 Muted until {_at(row.muted_until)}: only what is critical is posted, the rest then.",
        public=True,
    )


def unmute(session: Session, place: Place, words: Words, now: datetime) -> Answer:
    return mute(session, place, Words("mute", ("off",)), now)


COMMANDS: dict[str, Callable[[Session, Place, Words, datetime], Answer]] = {
    "subscribe": subscribe,
    "unsubscribe": unsubscribe,
    "list": listed,
    "upcoming": upcoming,
    "show": show,
    "mute": mute,
    "unmute": unmute,
    "help": usage,
}


# --- in words
# -----------------------------------------------------------------------------------------------


def _subscribed(session: Session, place: Place) -> SubscriptionRow:
    row = subscription(session, place)
    if row is None:
        raise NotFound("This channel is not subscribed.")
    return row


def _refuse_operator(row: SubscriptionRow | None) -> None:
    """What an operator gave a channel on the command line is not for everybody in Slack to
    change.
    """
    if row and row.operator:
        raise ValueError(
            "This channel hears of sources and endpoints; that is changed on the command line only."
        )


def _name(place: Place) -> str:
    return "" if place.name in ("", "privategroup", "directmessage") else f"#{place.name}"


def _wants(row: SubscriptionRow) -> str:
    return mrkdwn.fit(targets.wants(targets.told(row)), 1500)


def _state(session: Session, row: SubscriptionRow, now: datetime) -> list[str]:
    """What a channel asked for, when something last arrived, and what keeps the rest."""
    lines = [f"This channel hears of {_wants(row)}."]
    counts = admin.count_by_state(session, row.id)
    arrived = (
        f"last message {output.ago(row.last_delivered_at, now)}"
        if row.last_delivered_at
        else "nothing sent yet"
    )
    waiting = counts.get("pending", 0) + counts.get("held", 0)
    lines.append(f"{arrived}, {output.counted(waiting, 'message')} waiting")
    health = targets.health(row, now)
    if row.state != "enabled":
        lines.append(f"⛔ {mrkdwn.fit(health, 300)}. `/lastcall subscribe …` tries again at once.")
    elif health != "ok":
        lines.append(f"{'🔕' if health.startswith('muted') else '⚠️'} {mrkdwn.fit(health, 300)}")
    return lines


def _at(at: datetime) -> str:
    return f"{event_text.date(at)}, {at:%H:%M} UTC"


def _ahead(fact: Retirement, now: datetime) -> str:
    where = ", ".join(
        part
        for part in (fact.version, fact.region, fact.surface if fact.surface != "api" else "")
        if part
    )
    name = mrkdwn.code(f"{fact.provider}/{fact.model}") + (
        f" ({mrkdwn.fit(where, 200)})" if where else ""
    )
    if fact.retires is None:
        return f"• {name}: {mrkdwn.fit(fact.term or fact.stage, 100)}, no date told"
    left = days_left(fact.retires, now)
    word = "retired" if over(fact, now) else "retires" if firm(fact.retires) else "stays,"
    count = f" (in {output.counted(left, 'day')})" if left and left > 0 else ""
    return f"• {name} {word} {event_text.day(fact.retires)}{count}"


def _prices(prices: Sequence[Price]) -> list[str]:
    plain = [
        one for one in prices if one.meter in METERS and one.tier == "standard" and not one.window
    ]
    said = [
        f"{one.provider}/{one.model}: {metered(one)} {one.amount:f} {one.currency} per {one.per}"
        for one in plain[:8]
    ]
    told = [f"• {mrkdwn.fit(line, 300)}" for line in said]
    return ["*Prices*", *told] if told else []


def _known(session: Session, word: str) -> bool:
    """Whether a filter matches any model that a page names today."""
    tables: list[Any] = [VERSIONS[kind].__table__ for kind in (Listing, Retirement, Price)]  # type: ignore[attr-defined]
    query = union(*(select(table.c.provider, table.c.model, table.c.region) for table in tables))
    wanted = Filter.parse(word)
    return any(_covers(wanted, *row) for row in session.connection().execute(query))


def _covers(wanted: Filter, provider: str, model: str, region: str) -> bool:
    """Whether a filter matches an offering; it looks at events, so this is the least of one."""
    event: Any = SimpleNamespace(
        provider=provider,
        model=model,
        region=region,
        canonical=canonical(provider, model),
        kind="",
        after=None,
    )
    return wanted.matches(event)
