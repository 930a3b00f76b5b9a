"""Build one message about many changes: the gravest first, equal changes in one line. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from monitor.core.severity import SEVERITIES
from monitor.delivery import event_text
from monitor.delivery.slack import blocks
from monitor.delivery.slack.blocks import Message
from monitor.delivery.slack.mrkdwn import LINE, SIGNS, TEXT, code, event_line, fit, link
from monitor.store.tables import EventRow

#: Characters of all lines together, with some room below Slack's own limit.
TOTAL = 10_000
#: Models that one line names, and their characters.
MOST_NAMES, NAMES = 25, 1500


def change_list(events: Sequence[EventRow], now: datetime) -> Message:
    """Return one message about many changes."""
    groups: dict[tuple[str, ...], list[EventRow]] = {}
    for event in _gravest_first(events):
        key = (event.severity, event.kind, event.url, event_text.change_of(event))
        groups.setdefault(key, []).append(event)
    lines: list[str] = []
    left, page = TOTAL, ""
    for number, ((_, _, url, _), group) in enumerate(groups.items()):
        texts = [_group_text(group, now)]
        if url != page and (heading := link(url, group[0].source_id)):
            texts.insert(0, f"*{heading}*")
        page = url
        if sum(map(len, texts)) > left:
            rest = sum(map(len, list(groups.values())[number:]))
            lines.append(
                f"… and {rest} more; `/lastcall show MODEL` or `lastcall events` tells them all"
            )
            break
        lines += texts
        left -= sum(map(len, texts)) + len(texts)
    first = next(iter(groups.values()))[0]
    title = f"{SIGNS[first.severity]} {_title(events)}"
    text = f"{title}. First: {event_text.summary(first, now)}"
    return fit(text, TEXT), [blocks.header(title), *map(blocks.section, blocks.packed(lines))]


def _gravest_first(events: Sequence[EventRow]) -> list[EventRow]:
    return sorted(events, key=lambda event: -SEVERITIES.index(event.severity))


def _title(events: Sequence[EventRow]) -> str:
    """Return how many changes there are of each kind, or of the gravest two."""
    counts = Counter(event.kind for event in _gravest_first(events))
    parts = [f"{count} {_kind_text(kind, count)}" for kind, count in counts.items()]
    if len(parts) <= 3:
        return ", ".join(parts)
    return f"{len(events)} changes: {', '.join(parts[:2])} and more"


def _kind_text(kind: str, count: int) -> str:
    texts = event_text.COUNTED.get(kind)
    return texts[count > 1] if texts else kind.replace(".", " ")


def _group_text(group: Sequence[EventRow], now: datetime) -> str:
    """Return a line about one event, or about all models that changed in the same way."""
    first = group[0]
    sign = SIGNS[first.severity]
    if len(group) == 1:
        return f"{sign} {event_line(first, now)}"
    names = [
        " ".join(filter(None, (f"{event.provider}/{event.model}", event_text.place(event))))
        for event in group
    ]
    shown = names[:MOST_NAMES]
    while len(listed := ", ".join(map(code, shown))) > NAMES:
        shown.pop()
    more = f" and {len(names) - len(shown)} more" if len(shown) < len(names) else ""
    change = fit(event_text.recounted(first, event_text.change_of(first), now), LINE)
    return f"{sign} *{len(group)} models*: {change}\n{listed}{more}"
