"""Slack messages in Block Kit: what happened, when, what to use instead, what that costs, and where
it is written.

Pure: events and what the store knows around them in, fallback text and blocks out. Text is escaped
as Slack asks (only ``& < >``) and marked ``verbatim``, so that nothing a page says becomes a
mention or a link. Slack's limits (delivery reference 2.2): 50 blocks, 3,000 characters in a text,
2,000 in a field, 150 in a header, about 13,000 in all."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from urllib.parse import quote

from monitor.core.ends import days_left, firm, near, passed
from monitor.core.facts import Json, Retirement, When, from_json
from monitor.core.severity import SEVERITIES
from monitor.store.tables import EventRow

#: With some room below Slack's own limits.
HEADER, TEXT, FIELD, TOTAL = 150, 2900, 1900, 10_000
#: Changes of one retirement that its message tells one by one, if many came at once.
SHOWN = 3
#: Sections of an answer, which has fewer limits than a message.
MOST = 4
#: Of a list: what a link and a line may take, and how many models are named in a line, in how many
#: characters.
LINK, LINE, NAMED, NAMES = 300, 500, 25, 1500

SIGNS = {"info": "ℹ️", "notice": "🔔", "action": "⚠️", "critical": "🚨"}
WORDS = {
    "info": "For information",
    "notice": "Worth knowing",
    "action": "Action needed",
    "critical": "Critical",
}
#: One and many of each kind, for the title of a list.
COUNTED = {
    "model.listed": ("new model", "new models"),
    "model.unlisted": ("model left its list", "models left their lists"),
    "model.relisted": ("model is back", "models are back"),
    "model.changed": ("model changed", "models changed"),
    "model.retargeted": ("name points elsewhere", "names point elsewhere"),
    "retirement.announced": ("retirement announced", "retirements announced"),
    "retirement.postponed": ("retirement postponed", "retirements postponed"),
    "retirement.advanced": ("retirement moved earlier", "retirements moved earlier"),
    "retirement.changed": ("retirement changed", "retirements changed"),
    "retirement.withdrawn": ("retirement withdrawn", "retirements withdrawn"),
    "retirement.completed": ("model retired", "models retired"),
    "retirement.reminder": ("reminder", "reminders"),
    "replacement.changed": ("replacement changed", "replacements changed"),
    "price.added": ("new price", "new prices"),
    "price.increased": ("price increased", "prices increased"),
    "price.decreased": ("price decreased", "prices decreased"),
    "price.changed": ("price changed", "prices changed"),
    "price.removed": ("price removed", "prices removed"),
    "price.scheduled": ("price scheduled", "prices scheduled"),
    "price.unscheduled": ("scheduled price dropped", "scheduled prices dropped"),
    "notice.published": ("article", "articles"),
    "conflict.opened": ("contradiction", "contradictions"),
    "conflict.closed": ("contradiction settled", "contradictions settled"),
}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
#: What events.py counts on the day of the event; a message counts on the day it is sent.
_COUNTED_THEN = re.compile(r" \((?:in \d+ days?|today)\)|, (?:in \d+ days?|today)(?=[ ;]|$)")

Message = tuple[str, list[Json]]


@dataclass(frozen=True, slots=True)
class Cost:
    """What a meter costs at the model that goes and at the one that replaces it."""

    meter: str
    old: Decimal
    new: Decimal
    currency: str
    per: str


@dataclass(frozen=True, slots=True)
class Heard:
    """Somebody said that the channel has heard enough: until the date changes, or ``until`` a
    time.
    """

    by: str
    at: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Background:
    """What the store knows around a retirement: its replacements (store.models.successors), prices,
    who has heard.
    """

    successors: Sequence[Json] = ()
    costs: Sequence[Cost] = ()
    heard: Heard | None = None


NOTHING = Background()


def subject(event: EventRow) -> str:
    """The retirement that an event is about, by the key of its fact under its provider; empty for
    other events.
    """
    fact = retirement(event)
    if fact is None or not (_ends(event) or event.kind == "model.unlisted"):
        return ""
    return f"{event.provider} {fact.key}"


def _ends(event: EventRow) -> bool:
    return event.kind.partition(".")[0] in ("retirement", "replacement")


def retirement(event: EventRow) -> Retirement | None:
    """The retirement as the event leaves it, or as it was where it is gone."""
    told = event.after or event.before
    fact = from_json(told) if told and told.get("fact") == "retirement" else None
    return fact if isinstance(fact, Retirement) else None


def urgent(event: EventRow, now: datetime) -> bool:
    """Whether a change belongs into the channel too, not only into its thread: earlier, near, over,
    or a reminder.
    """
    when = When.from_json(event.effective)
    return (
        near(when, now)
        or event.severity == "critical"
        or event.kind in ("retirement.advanced", "retirement.reminder")
    )


# --- one retirement
# -----------------------------------------------------------------------------------------


def card(
    events: Sequence[EventRow],
    now: datetime,
    background: Background = NOTHING,
    buttons: bool = False,
) -> Message:
    """The message about one thing, as the last of its events leaves it."""
    event = events[-1]
    title, ahead = headline(event), days_ahead(event, now)
    severity = _severity(events, now)
    sign = SIGNS[severity]
    fields = _fields(events, now, background)
    blocks = [_header(f"{sign} {title}")]
    blocks.append(_fields_block(fields) if fields else _section(_line(event, now)))
    if len(events) > 1:
        blocks.append(_section("\n".join(f"• {_line(one, now)}" for one in events[-SHOWN:])))
    blocks.append(_evidence(event, severity))
    if background.heard:
        blocks.append(_context(_heard(background.heard)))
    if buttons and subject(event):
        blocks.append(_actions(event, background.heard))
    said = [f"{sign} {WORDS[severity]}: {title}{f' ({ahead})' if ahead else ''}."]
    said += [
        f"Use {plain} instead." for plain in [chain(background.successors, marked=False)] if plain
    ]
    if not subject(event):
        said = [f"{sign} {summary(event, now)}"]
    return fit(" ".join(said), TEXT), blocks


def reply(events: Sequence[EventRow], now: datetime) -> Message:
    """What changed, to stand under the message about it; broadcast, it stands in the channel by
    itself.
    """
    severity = _severity(events, now)
    text = " ".join(f"{SIGNS[severity]} {summary(event, now)}" for event in events)
    return fit(text, TEXT), [
        _section("\n".join(f"{SIGNS[severity]} {_line(event, now)}" for event in events[-SHOWN:])),
        _evidence(events[-1], severity),
    ]


def headline(event: EventRow) -> str:
    """What happened, in a few words that begin with the model."""
    when = When.from_json(event.effective)
    date, name = (day(when) if when else ""), event.model or event.source_id
    match event.kind:
        case "retirement.announced" | "retirement.reminder":
            return f"{name} retires {date}" if date else f"{name} will be retired, no date told"
        case "retirement.postponed":
            return f"{name}: retirement postponed to {date.removeprefix('on ')}"
        case "retirement.advanced":
            return f"{name}: retirement moved earlier, to {date.removeprefix('on ')}"
        case "retirement.changed":
            return f"{name}: retirement changed" + (f", now {date}" if date else "")
        case "retirement.withdrawn":
            return f"{name}: retirement withdrawn"
        case "retirement.completed":
            return f"{name} is retired"
        case "replacement.changed":
            return f"{name}{f' retires {date}' if date else ''}: another replacement is named"
        case "notice.published":
            return event.summary.partition(": ")[2] or event.summary
        case kind:
            return f"{name}: {COUNTED.get(kind, (kind.replace('.', ' '), ''))[0]}"


def _severity(events: Sequence[EventRow], now: datetime) -> str:
    """The gravest of the events; a message about a retirement ahead stays as grave as that is,
    whatever is added.
    """
    grave = [event.severity for event in events]
    when, kind = When.from_json(events[-1].effective), events[-1].kind
    if (
        subject(events[-1])
        and kind != "retirement.withdrawn"
        and firm(when)
        and not passed(when, now)
    ):
        grave.append("critical" if near(when, now) else "action")
    return max(grave, key=SEVERITIES.index)


def _fields(
    events: Sequence[EventRow], now: datetime, background: Background
) -> list[tuple[str, str]]:
    """Names and values, in mrkdwn. None for what has no more to tell than its summary."""
    event = events[-1]
    fact = retirement(event)
    if fact is None:
        return []
    was = When.from_json((events[0].before or {}).get("retires"))
    when = When.from_json(event.effective) or fact.retires
    where = _place(event)
    fields = [
        (
            "Model",
            code(f"{event.provider}/{event.model}") + (f"\n{fit(where, 500)}" if where else ""),
        )
    ]
    if when:
        ahead = days_ahead(event, now)
        moved = f"\n_was {day(was).removeprefix('on ')}_" if was and was != when else ""
        shown = day(when).removeprefix("on ")
        label = "Retired" if event.kind == "retirement.completed" else "Retires"
        fields.insert(0, (label, f"{shown}{f' · *{ahead}*' if ahead else ''}{moved}"))
    elif fact.term or fact.stage:
        fields.insert(0, ("Stage", fit(fact.term or fact.stage, 200)))
    if event.kind == "retirement.withdrawn":
        return fields
    instead = chain(background.successors) or " or ".join(map(code, fact.replacements))
    fields.insert(1, ("Use instead", instead or "no replacement named"))
    units = {f"{cost.currency} per {cost.per}" for cost in background.costs}
    for unit in sorted(units):
        costs = [
            compared(cost) for cost in background.costs if f"{cost.currency} per {cost.per}" == unit
        ]
        fields.append((f"What that costs, {fit(unit, 60)}", "\n".join(costs)))
    return [
        (name, value) if len(value) <= FIELD else (name, fit(unescaped(value), FIELD))
        for name, value in fields[:10]
    ]


def _place(event: EventRow) -> str:
    parts = [event.version, f"in {event.region}" if event.region else ""]
    parts.append(event.surface if event.surface != "api" else "")
    return ", ".join(part for part in parts if part)


def chain(successors: Sequence[Json], marked: bool = True) -> str:
    """Replacements, each with its own end if it goes too, followed to those that live."""
    said = []
    for one in successors[:5]:
        end, name = When.from_json(one["retires"]), code(one["model"]) if marked else one["model"]
        flag = ""
        if not one["lives"]:
            word = (
                "retired" if one["gone"] and end else "retires" if end else one["stage"] or "gone"
            )
            word = fit(word, 60) if marked else word
            flag = f" (itself {word}{f' {day(end)}' if end else ''})"
        then = chain(one["successors"], marked)
        said.append(f"{name}{flag}{f' → {then}' if then else ''}")
    return " or ".join(said)


def compared(cost: Cost) -> str:
    """``input 5 → 4 (-20 %)``"""
    change = (
        f" ({(cost.new / cost.old - 1) * 100:+.0f} %)" if cost.old and cost.old != cost.new else ""
    )
    return f"{fit(cost.meter.replace('_', ' '), 60)} {cost.old:f} → {cost.new:f}{change}"


def _evidence(event: EventRow, severity: str) -> Json:
    """How much it matters, where it is written, in which words, and when it was seen there."""
    seen = f"seen {date(event.detected_at)}, {event.detected_at:%H:%M} UTC"
    parts = [f"*{WORDS[severity]}*", link(event.url, f"evidence: {event.source_id}"), seen]
    said = " · ".join(part for part in parts if part)
    return _context(said + (f"\n“{fit(event.quote, 600)}”" if event.quote else ""))


def _heard(heard: Heard) -> str:
    by = fit(heard.by or "somebody", 80)
    if heard.until:
        return f"💤 Snoozed by *{by}*: no reminders until {date(heard.until)}"
    return f"✅ Acknowledged by *{by}* on {date(heard.at)}: no reminders unless the date changes"


def _actions(event: EventRow, heard: Heard | None) -> Json:
    """Buttons, whose value is the event. What is over or withdrawn has only a history."""
    shown = [("history", "History", "")]
    if _ends(event) and event.kind not in ("retirement.completed", "retirement.withdrawn"):
        shown = [("snooze", "Snooze 7 days", ""), *shown]
        if not (heard and not heard.until):
            shown = [("acknowledge", "Acknowledge", "primary"), *shown]
    return {
        "type": "actions",
        "elements": [
            {"type": "button", "action_id": action, "value": event.id, "text": _plain_text(label)}
            | ({"style": style} if style else {})
            for action, label, style in shown
        ],
    }


# --- many changes
# -------------------------------------------------------------------------------------------


def bundle(events: Sequence[EventRow], now: datetime) -> Message:
    """One message about many changes, the gravest first; what changed in the same way is one
    line.
    """
    title = _title(events)
    groups: dict[tuple[str, ...], list[EventRow]] = {}
    for event in sorted(events, key=lambda one: -SEVERITIES.index(one.severity)):
        groups.setdefault((event.severity, event.kind, event.url, _change(event)), []).append(event)
    lines: list[str] = []
    left, page = TOTAL, ""
    for number, ((_, _, url, _), group) in enumerate(groups.items()):
        said = [_grouped(group, now)]
        if url != page and (heading := link(url, group[0].source_id)):
            said.insert(0, f"*{heading}*")
        page = url
        if sum(map(len, said)) > left:
            rest = sum(map(len, list(groups.values())[number:]))
            lines.append(
                f"… and {rest} more; `/lastcall show MODEL` or `lastcall events` tells them all"
            )
            break
        lines += said
        left -= sum(map(len, said)) + len(said)
    first = next(iter(groups.values()))[0]
    sign = SIGNS[first.severity]
    text = f"{sign} {title}. First: {summary(first, now)}"
    return fit(text, TEXT), [_header(f"{sign} {title}"), *map(_section, _packed(lines))]


def _title(events: Sequence[EventRow]) -> str:
    gravest = sorted(events, key=lambda one: -SEVERITIES.index(one.severity))
    counts = Counter(event.kind for event in gravest)
    said = [
        f"{count} {COUNTED[kind][count > 1] if kind in COUNTED else kind.replace('.', ' ')}"
        for kind, count in counts.items()
    ]
    return (
        ", ".join(said)
        if len(said) <= 3
        else f"{len(events)} changes: {', '.join(said[:2])} and more"
    )


def _change(event: EventRow) -> str:
    """What an event says without whom it says it of."""
    return event.summary.partition(": ")[2]


def _grouped(group: Sequence[EventRow], now: datetime) -> str:
    first = group[0]
    if len(group) == 1:
        return f"{SIGNS[first.severity]} {_line(first, now)}"
    names = [
        " ".join(filter(None, (f"{event.provider}/{event.model}", _place(event))))
        for event in group
    ]
    kept = names[:NAMED]
    while len(shown := ", ".join(map(code, kept))) > NAMES:
        kept.pop()
    more = f" and {len(names) - len(kept)} more" if len(kept) < len(names) else ""
    change = fit(_recounted(first, _change(first), now), LINE)
    said = f"{SIGNS[first.severity]} *{len(group)} models*: {change}"
    return f"{said}\n{shown}{more}"


def summary(event: EventRow, now: datetime) -> str:
    """The summary, with the days that are left today."""
    return _recounted(event, event.summary, now).replace(" -> ", " → ")


def _line(event: EventRow, now: datetime) -> str:
    """The summary in mrkdwn, whom it is about set apart."""
    about, mark, rest = summary(event, now).partition(": ")
    return (
        f"{code(about)}: {fit(rest, LINE)}"
        if mark and event.model
        else fit(summary(event, now), LINE + 200)
    )


def _recounted(event: EventRow, words: str, now: datetime) -> str:
    when = When.from_json(event.effective)
    if when is None:
        return words
    ahead, date = days_ahead(event, now), str(when)
    words = _COUNTED_THEN.sub("", words)
    at = words.rfind(date)
    return (
        f"{words[: at + len(date)]} ({ahead}){words[at + len(date) :]}"
        if ahead and at >= 0
        else words
    )


def said(lines: Sequence[str]) -> Message:
    """Lines of mrkdwn as they are, in as few sections as hold them."""
    kept = [line if len(line) <= TEXT else fit(unescaped(line), TEXT) for line in lines]
    shown = _packed(kept)[:MOST]
    return shown[0], [_section(text) for text in shown]


def _packed(lines: Sequence[str]) -> list[str]:
    """Lines put together into as few texts as hold them."""
    texts = [lines[0]]
    for line in lines[1:]:
        if len(texts[-1]) + 1 + len(line) <= TEXT:
            texts[-1] += f"\n{line}"
        else:
            texts.append(line)
    return texts


# --- dates
# --------------------------------------------------------------------------------------------------


def day(when: When) -> str:
    """A date as vague as it is: ``on 7 May 2026``, ``in August 2026``, ``in Q3 2026``, ``not before
    29 Sep 2026``.
    """
    year, _, rest = when.text.partition("-")
    if not rest or rest.startswith("Q"):
        said, preposition = f"{rest} {year}".strip(), "in "
    elif len(rest) == 2:
        said, preposition = f"{_MONTHS[int(rest) - 1]} {year}", "in "
    else:
        said, preposition = date(when.starts), "on "
        said += f", {when.starts:%H:%M} UTC" if len(when.text) > 10 else ""
    return {"on": preposition, "by": "by ", "not_before": "not before "}[when.bound] + said


def date(at: datetime) -> str:
    return f"{at.day} {_MONTHS[at.month - 1]} {at.year}"


def days_ahead(event: EventRow, now: datetime) -> str:
    """Days to a date that is one day and firm; a floor, a month or a deadline is not counted
    down.
    """
    when = When.from_json(event.effective)
    left = days_left(when, now.astimezone(UTC)) if when and when.bound == "on" else None
    if left is None or left < 0 or event.kind in ("retirement.completed", "retirement.withdrawn"):
        return ""
    return {0: "today", 1: "tomorrow"}.get(left, f"in {left} days")


# --- texts and blocks
# ---------------------------------------------------------------------------------------


def fit(text: str, limit: int) -> str:
    """On one line, escaped as Slack asks (only & < >), and never cut inside an escape; Slack
    refuses empty texts.
    """
    shown = " ".join(text.split()) or "…"
    escaped = [{"&": "&amp;", "<": "&lt;", ">": "&gt;"}.get(char, char) for char in shown]
    if sum(map(len, escaped)) <= limit:
        return "".join(escaped)
    kept, size = [], 1
    for part in escaped:
        size += len(part)
        if size > limit:
            break
        kept.append(part)
    return "".join(kept) + "…"


def escaped(text: str) -> str:
    """One line of any text, as long as a section may be."""
    return fit(text, TEXT)


def unescaped(text: str) -> str:
    """Escaped text as it was before, to be cut."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def code(text: str) -> str:
    return f"`{fit(text.replace('`', 'ˋ'), 200)}`"


def link(url: str, label: str) -> str:
    """A link, or nothing where the URL is not one to click on or too long to show."""
    safe = quote(url, safe="%:/?#[]@!$'()*+,;=~")  # all but & < > | and what needs it anyway
    safe = safe.replace("%26", "&amp;")
    return (
        f"<{safe}|{fit(label, 100)}>"
        if url.startswith(("https://", "http://")) and len(safe) <= LINK
        else ""
    )


def _header(text: str) -> Json:
    return {"type": "header", "text": _plain_text(text)}


def _plain_text(text: str) -> Json:
    joined = " ".join(text.split())
    shown = joined if len(joined) <= HEADER else joined[: HEADER - 1] + "…"
    return {"type": "plain_text", "text": shown, "emoji": True}


def _section(text: str) -> Json:
    return {"type": "section", "text": _markdown(text)}


def _fields_block(fields: Sequence[tuple[str, str]]) -> Json:
    return {
        "type": "section",
        "fields": [_markdown(f"*{name}*\n{value}") for name, value in fields],
    }


def _context(text: str) -> Json:
    return {"type": "context", "elements": [_markdown(text)]}


def _markdown(text: str) -> Json:
    return {"type": "mrkdwn", "text": text, "verbatim": True}
