"""Carry out the commands of ``/lastcall``, and reply in mrkdwn.

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
from monitor.slack_app.parse_command import Command
from monitor.store import model_lookup
from monitor.store.tables import SubscriptionRow
from monitor.subscriptions import targets
from monitor.subscriptions.options import mute_until, parse_options

#: How long ``mute`` lasts without a time.
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
    """The channel in which a person gave a command or clicked a button.

    ``workspace`` is empty where the token is that of the setting."""

    workspace: str
    channel: str
    name: str = ""
    user: str = ""

    @property
    def address(self) -> str:
        """The address of the channel as a target."""
        return f"{self.workspace}/{self.channel}" if self.workspace else self.channel


@dataclass(frozen=True, slots=True)
class Reply:
    """Lines of mrkdwn, escaped. If it is ``public``, the whole channel sees it."""

    lines: tuple[str, ...]
    public: bool = False

    @property
    def message(self) -> Json:
        """The reply as Slack takes it."""
        text, shown = blocks.lines_message(self.lines)
        return {
            "text": text,
            "blocks": shown,
            "response_type": "in_channel" if self.public else "ephemeral",
        }


def reply(*lines: str, public: bool = False) -> Reply:
    """Return a reply of these lines."""
    return Reply(lines, public)


def find_subscription(session: Session, place: Place) -> SubscriptionRow | None:
    """Return the subscription of a channel, which has the channel's id from now on."""
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


def run(session: Session, place: Place, command: Command, now: datetime) -> Reply:
    """Carry out any command but ``test``. Raise ValueError or NotFound with one line for people."""
    return COMMANDS[command.verb](session, place, command, now)


def subscribe(session: Session, place: Place, command: Command, now: datetime) -> Reply:
    """Replace the options of the channel, and enable it if it was paused."""
    if not (command.arguments or command.options):
        return show_help(session, place, command, now)
    is_everything = command.arguments in (("all",), ("everything",))
    options = parse_options([] if is_everything else command.arguments, command.options)
    row = find_subscription(session, place)
    done = "Updated" if row else "Subscribed"
    _refuse_operator(row)
    if row is None:
        row = SubscriptionRow(
            id=targets.new_id(),
            type="slack",
            address=place.address,
            created_at=now,
            name=_channel_name(place),
        )
    elif row.state != "enabled":
        target_health.resume(session, row.id, now)
        session.refresh(row)
    outbox.change_options(session, row, options.columns(), now)
    lines = [f"✅ *{done}*: this channel hears of {_options(row)}."]
    unmatched = [
        word for word in row.filters if not model_lookup.is_named(session, Pattern.parse(word))
    ]
    if unmatched:
        words = ", ".join(map(mrkdwn.code, unmatched))
        lines.append(
            f"🔎 Nothing that is known today matches {words}. `/lastcall show MODEL` finds names."
        )
    if place.name == "privategroup":
        lines.append(
            "🔒 This channel is private: `/invite` the app, or nothing can be posted here."
        )
    return reply(*lines, public=True)


def unsubscribe(session: Session, place: Place, command: Command, now: datetime) -> Reply:
    """Remove filters of the channel, or the whole subscription."""
    row = _subscribed(session, place)
    _refuse_operator(row)
    removed = {word.casefold() for word in command.arguments} - {"all"}
    if unknown := sorted(removed - {word.casefold() for word in row.filters}):
        words = ", ".join(map(mrkdwn.code, unknown))
        raise ValueError(f"This channel has no filter {words}. It hears of {_options(row)}.")
    rest = [word for word in row.filters if word.casefold() not in removed]
    if removed and rest:
        row.filters = rest
        session.add(row)
        return reply(f"✅ *Updated*: this channel hears of {_options(row)}.", public=True)
    admin.remove_target(session, row.id)
    return reply("✅ *Unsubscribed*: this channel hears nothing any more.", public=True)


def list_options(session: Session, place: Place, command: Command, now: datetime) -> Reply:
    """Show the options of the channel, and whether messages arrive."""
    row = find_subscription(session, place)
    if row is None:
        return reply("This channel is not subscribed. `/lastcall subscribe openai/gpt-4*` does it.")
    return reply(*_state(session, row, now))


def show_help(session: Session, place: Place, command: Command, now: datetime) -> Reply:
    """Show the commands, and the state of the channel."""
    state = list_options(session, place, command, now)
    return reply(*HELP.splitlines(), "", *state.lines)


def upcoming(session: Session, place: Place, command: Command, now: datetime) -> Reply:
    """Show retirements ahead: of the models that the channel follows, unless a filter or ``all`` is
    given.
    """
    row = find_subscription(session, place)
    own_filters = row.filters if row else []
    return reply(*queries.upcoming(session, command.arguments, own_filters, now))


def show(session: Session, place: Place, command: Command, now: datetime) -> Reply:
    """Show what is known of one model."""
    if len(command.arguments) != 1:
        raise ValueError("Name one model: `/lastcall show gpt-4o`.")
    return reply(*queries.show(session, command.arguments[0], now))


def mute(session: Session, place: Place, command: Command, now: datetime) -> Reply:
    """Send only critical events until a time. The rest follows then."""
    row = _subscribed(session, place)
    _refuse_operator(row)
    row.muted_until = mute_until(" ".join(command.arguments) or MUTED, now)
    session.add(row)
    session.flush()
    outbox.reschedule(session, row, now)
    if row.muted_until is None:
        return reply("🔔 Not muted any more.", public=True)
    until = f"{event_text.date(row.muted_until)}, {row.muted_until:%H:%M} UTC"
    return reply(
        f"🔕 Muted until {until}: only what is critical is posted, the rest then.", public=True
    )


def unmute(session: Session, place: Place, command: Command, now: datetime) -> Reply:
    """End a mute."""
    return mute(session, place, Command("mute", ("off",)), now)


COMMANDS: dict[str, Callable[[Session, Place, Command, datetime], Reply]] = {
    "subscribe": subscribe,
    "unsubscribe": unsubscribe,
    "list": list_options,
    "upcoming": upcoming,
    "show": show,
    "mute": mute,
    "unmute": unmute,
    "help": show_help,
}


def _subscribed(session: Session, place: Place) -> SubscriptionRow:
    row = find_subscription(session, place)
    if row is None:
        raise NotFound("This channel is not subscribed.")
    return row


def _refuse_operator(row: SubscriptionRow | None) -> None:
    """Refuse to change an operator target: only the command line may, not everybody in Slack."""
    if row and row.operator:
        raise ValueError(
            "This channel hears of sources and endpoints; that is changed on the command line only."
        )


def _channel_name(place: Place) -> str:
    return "" if place.name in ("", "privategroup", "directmessage") else f"#{place.name}"


def _options(row: SubscriptionRow) -> str:
    return mrkdwn.fit(targets.options_text(targets.target_json(row)), 1500)


def _state(session: Session, row: SubscriptionRow, now: datetime) -> list[str]:
    """Return the options of a channel, when a message last arrived, and what keeps the others."""
    counts = admin.count_by_state(session, row.id)
    waiting = counts.get("pending", 0) + counts.get("held", 0)
    last = (
        f"last message {ago(row.last_delivered_at, now)}"
        if row.last_delivered_at
        else "nothing sent yet"
    )
    lines = [
        f"This channel hears of {_options(row)}.",
        f"{last}, {counted(waiting, 'message')} waiting",
    ]
    health = targets.health(row, now)
    if row.state != "enabled":
        lines.append(f"⛔ {mrkdwn.fit(health, 300)}. `/lastcall subscribe …` tries again at once.")
    elif health != "ok":
        lines.append(f"{'🔕' if health.startswith('muted') else '⚠️'} {mrkdwn.fit(health, 300)}")
    return lines
