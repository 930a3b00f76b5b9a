"""Build the blocks of Slack's Block Kit, within its limits. Pure.

Slack's limits (delivery reference 2.2): 50 blocks, 3,000 characters in a text, 2,000 in a field,
150 in a header, about 13,000 in all."""

from __future__ import annotations

from collections.abc import Sequence

from monitor.core.facts import Json
from monitor.delivery.slack.mrkdwn import TEXT, fit, unescape

HEADER = 150
#: Sections of an answer to a command, which has fewer limits than a message.
MOST_SECTIONS = 4

#: The text for notifications, and the blocks.
Message = tuple[str, list[Json]]


def lines_message(lines: Sequence[str]) -> Message:
    """Return lines of mrkdwn as they are, in as few sections as hold them."""
    short = [line if len(line) <= TEXT else fit(unescape(line), TEXT) for line in lines]
    texts = packed(short)[:MOST_SECTIONS]
    return texts[0], [section(text) for text in texts]


def packed(lines: Sequence[str]) -> list[str]:
    """Join lines into as few texts as hold them."""
    texts = [lines[0]]
    for line in lines[1:]:
        if len(texts[-1]) + 1 + len(line) <= TEXT:
            texts[-1] += f"\n{line}"
        else:
            texts.append(line)
    return texts


def header(text: str) -> Json:
    """Return a title, in plain text."""
    return {"type": "header", "text": plain_text(text)}


def section(text: str) -> Json:
    """Return a paragraph of mrkdwn."""
    return {"type": "section", "text": markdown(text)}


def fields(pairs: Sequence[tuple[str, str]]) -> Json:
    """Return names and values in two columns; values in mrkdwn."""
    return {"type": "section", "fields": [markdown(f"*{name}*\n{value}") for name, value in pairs]}


def context(text: str) -> Json:
    """Return small print."""
    return {"type": "context", "elements": [markdown(text)]}


def buttons(value: str, actions: Sequence[tuple[str, str, str]]) -> Json:
    """Return a row of buttons: the action, the label and the style of each. All have one value."""
    return {
        "type": "actions",
        "elements": [
            {"type": "button", "action_id": action, "value": value, "text": plain_text(label)}
            | ({"style": style} if style else {})
            for action, label, style in actions
        ],
    }


def plain_text(text: str) -> Json:
    """Return text on one line without markup, as long as a header may be."""
    line = " ".join(text.split())
    text = line if len(line) <= HEADER else line[: HEADER - 1] + "…"
    return {"type": "plain_text", "text": text, "emoji": True}


def markdown(text: str) -> Json:
    """Return mrkdwn in which Slack looks for no names or links of its own."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}
