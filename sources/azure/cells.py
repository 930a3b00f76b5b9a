"""Azure: the cells of names, versions and replacements that its pages share."""

from __future__ import annotations

import re
from typing import NamedTuple

from monitor.reading import page

NOTHING = ("", "-", "n/a")
WORDS = r"\w[\w.+/-]*(?: \w[\w.+/-]*)*"
NAME = re.compile(rf"(?P<model>{WORDS})(?: - (?P<version>[\w.-]+))?(?: \((?P<label>[A-Za-z ]+)\))?")
REPLACEMENT = re.compile(
    rf"(?P<name>{WORDS}?)(?: version: (?P<version>[\w.-]+)| \((?:version )?(?P<other>[\w.-]+)\))?"
)


class Name(NamedTuple):
    """A model as a cell names it, with the version and the label that stand beside it."""

    model: str
    version: str
    label: str


def document(body: bytes) -> str:
    """Return the text of a page. Raises Unreadable for an HTML table within Markdown, whose rows
    would go unread.
    """
    text = page.decode(body)
    if not page.is_html(text) and "<table" in text:
        raise page.Unreadable("an HTML table within Markdown: its rows would go unread")
    return text


def names(cell: page.Inline) -> list[Name]:
    """Return the models of a cell, one a line: "gpt-35-turbo - 0301", "claude-mythos-preview (gated
    research preview)".
    """
    matches = [NAME.fullmatch(line) for line in cell.text.split("\n")]
    if not all(matches):
        raise cell.error("no model's name")
    return [Name(*match.groups("")) for match in matches if match]


def version(row: page.Row) -> str:
    """Return the version that a row prints in a column of its own, or nothing."""
    cell = row.get("version")
    if cell is None or cell.line.casefold() in NOTHING:
        return ""
    if not re.fullmatch(r"[\w.-]+", cell.line):
        raise cell.error("no version")
    return cell.line


def replacements(cell: page.Inline, model: str) -> tuple[str, ...]:
    """Return ids or names without versions.

    A model that goes on in another version of itself keeps it, ``sora-2 (2025-12-08)``: it would be
    its own replacement."""
    if cell.line.casefold() in NOTHING:
        return ()
    result = []
    for part in re.split(r"\s*(?:,|\n|\bor\b|\band\b)\s*", cell.text):
        match = REPLACEMENT.fullmatch(part)
        if not match:
            raise cell.error("no replacement")
        name, number = match["name"], match["version"] or match["other"]
        result.append(f"{name} ({number})" if number and name == model else name)
    return tuple(dict.fromkeys(result))
