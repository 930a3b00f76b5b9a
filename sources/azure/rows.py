"""Azure: names and replacements in cells, and several rows about one offering.

- Rows contradict each other (gpt-realtime-mini 2025-10-06 in 2026). The earlier retirement is the
  fact, whatever the order; the other row stays in ``note`` behind the word "conflict". Identical
  rows are one.
- A replacement is its id alone, except where a model goes on in another version of itself: ``sora-2
  (2025-12-08)``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from monitor.core.facts import Retirement
from monitor.reading.page import (
    Inline,
    Row,
    Unreadable,
    decode,
    is_html,
)

NOTHING = ("", "-", "n/a")


def settled(facts: Iterable[Retirement]) -> Iterable[Retirement]:
    """Rows about one offering as one fact: the earliest end, and in its note every row that says
    otherwise.
    """
    rows: dict[str, list[Retirement]] = {}
    for fact in facts:
        rows.setdefault(fact.key, []).append(fact)
    for same in rows.values():
        fact, *others = sorted(same, key=_safest)
        notes = [
            fact.note,
            *(f"conflict: {other.quote}" for other in others if other.value != fact.value),
        ]
        yield replace(fact, note="; ".join(dict.fromkeys(filter(None, notes))))


def _safest(fact: Retirement) -> tuple[object, ...]:
    """Sorts the earliest end first, a firm one before a floor; then anything that is the same in
    every order.
    """
    end = fact.retires
    return (
        end is None,
        end.starts if end else None,
        end is not None and end.bound == "not_before",
        fact.quote,
    )


# --- cells
# -------------------------------------------------------------------------------------------------


def page_text(body: bytes) -> str:
    text = decode(body)
    if not is_html(text) and "<table" in text:
        raise Unreadable("an HTML table within Markdown: its rows would go unread")
    return text


@dataclass(frozen=True)
class _Name:
    model: str
    version: str = ""
    label: str = ""


_WORDS = r"\w[\w.+/-]*(?: \w[\w.+/-]*)*"
_NAME = re.compile(
    rf"(?P<model>{_WORDS})(?: - (?P<version>[\w.-]+))?(?: \((?P<label>[A-Za-z ]+)\))?"
)


def names(cell: Inline) -> list[_Name]:
    """The models of a cell, one a line: "gpt-35-turbo - 0301", "claude-mythos-preview (gated
    research preview)".
    """
    found = [_NAME.fullmatch(line) for line in cell.text.split("\n")]
    if not all(found):
        raise cell.error("no model's name")
    return [
        _Name(match["model"], match["version"] or "", match["label"] or "")
        for match in found
        if match
    ]


def version_of(row: Row) -> str:
    cell = row.get("version")
    if cell is None or cell.line.casefold() in NOTHING:
        return ""
    if not re.fullmatch(r"[\w.-]+", cell.line):
        raise cell.error("no version")
    return cell.line


_REPLACEMENT = re.compile(
    rf"(?P<name>{_WORDS}?)(?: version: (?P<version>[\w.-]+)| \((?:version )?(?P<other>[\w.-]+)\))?"
)


def replacements_of(cell: Inline, model: str) -> tuple[str, ...]:
    """Ids or names, without versions but that of the model itself: it would be its own
    replacement.
    """
    if cell.line.casefold() in NOTHING:
        return ()
    found = []
    for part in re.split(r"\s*(?:,|\n|\bor\b|\band\b)\s*", cell.text):
        match = _REPLACEMENT.fullmatch(part)
        if not match:
            raise cell.error("no replacement")
        version = match["version"] or match["other"]
        found.append(
            f"{match['name']} ({version})" if version and match["name"] == model else match["name"]
        )
    return tuple(dict.fromkeys(found))
