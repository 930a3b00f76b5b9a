"""What ``/lastcall`` does. Each command works on the rows that deliveries use, and answers in
mrkdwn.

A channel is known by its workspace and id. A subscription that was made on the command line under
the channel's name is that channel's too, and keeps the id from then on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session

from monitor.core.facts import Json
from monitor.core.patterns import Pattern
from monitor.core.wording import ago, counted
from monitor.delivery import admin, event_text, outbox, target_health
from monitor.delivery.slack import blocks, mrkdwn, pausing
from monitor.errors import NotFound
from monitor.slack_app import queries
from monitor.slack_app.words import Words
from monitor.store import model_lookup
from monitor.store.tables import SubscriptionRow
from monitor.subscriptions import targets
from monitor.subscriptions.options import mute_until, parse_options

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
    options = parse_options(filters, words.options)
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
    outbox.change_options(session, row, options.columns(), now)
    lines = [f"✅ *{was.capitalize()}*: this channel hears of {_wants(row)}."]
    if strange := [
        word for word in row.filters if not model_lookup.is_named(session, Pattern.parse(word))
    ]:
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
    """Answer with the models that the channel follows, unless a filter or ``all`` is given."""
    row = subscription(session, place)
    return answered(*queries.upcoming(session, words.plain, row.filters if row else [], now))


def show(session: Session, place: Place, words: Words, now: datetime) -> Answer:
    if len(words.plain) != 1:
        raise ValueError("Name one model: `/lastcall show gpt-4o`.")
    return answered(*queries.show(session, words.plain[0], now))


def mute(session: Session, place: Place, words: Words, now: datetime) -> Answer:
    """Until a time; what is critical still comes, and the rest is told when the time is over."""
    row = _subscribed(session, place)
    _refuse_operator(row)
    row.muted_until = mute_until(" ".join(words.plain) or MUTED, now)
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
    return mrkdwn.fit(targets.options_text(targets.target_json(row)), 1500)


def _state(session: Session, row: SubscriptionRow, now: datetime) -> list[str]:
    """What a channel asked for, when something last arrived, and what keeps the rest."""
    lines = [f"This channel hears of {_wants(row)}."]
    counts = admin.count_by_state(session, row.id)
    arrived = (
        f"last message {ago(row.last_delivered_at, now)}"
        if row.last_delivered_at
        else "nothing sent yet"
    )
    waiting = counts.get("pending", 0) + counts.get("held", 0)
    lines.append(f"{arrived}, {counted(waiting, 'message')} waiting")
    health = targets.health(row, now)
    if row.state != "enabled":
        lines.append(f"⛔ {mrkdwn.fit(health, 300)}. `/lastcall subscribe …` tries again at once.")
    elif health != "ok":
        lines.append(f"{'🔕' if health.startswith('muted') else '⚠️'} {mrkdwn.fit(health, 300)}")
    return lines


def _at(at: datetime) -> str:
    return f"{event_text.date(at)}, {at:%H:%M} UTC"
