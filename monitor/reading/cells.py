"""Read what cells say: ids, names, replacements, words of a closed list, dates in headings, and the
labels of a name."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from monitor.core.facts import When
from monitor.reading.dates import when
from monitor.reading.inline import Inline
from monitor.reading.tables import Row

Meaning = TypeVar("Meaning")

#: Ways to say that a cell names nothing, case-folded.
NOTHING = frozenset({"", "-", "--", "---", "n/a", "na", "none"})

_ID = re.compile(r"[A-Za-z0-9][\w.:/@+-]*")
_BETWEEN = re.compile(r"\s*(?:,|\||\bor\b|\band\b|\n)\s*")


def _parts(cell: Inline) -> list[str]:
    """Return the code spans of a cell, or its separated words where it has none."""
    spans = cell.codes or tuple(_BETWEEN.split(cell.text))
    parts = (part.strip() for span in spans for part in re.split(r"[|,]", span))
    return list(dict.fromkeys(part for part in parts if part.strip("* ")))


def codes(cell: Inline) -> list[str]:
    """Return the ids that a cell names: its code spans, or its comma- and or-separated words.

    A pipe separates an id from its aliases, in a code span (``a | b``) and between spans. Raises
    Unreadable for a cell that has neither.
    """
    ids = list(dict.fromkeys(part.rstrip("*") for part in _parts(cell)))
    if not ids or not all(_ID.fullmatch(name) for name in ids):
        raise cell.error("no model id")
    return ids


def names(cell: Inline) -> list[str]:
    """Return what a cell names: code spans, else ids, else the whole text as one product.

    Raises Unreadable for a text that is neither, such as ids with remarks in brackets.
    """
    parts = [part.strip(" *") for part in _parts(cell)]
    if not cell.codes and not all(_ID.fullmatch(part) for part in parts):
        parts = [cell.line.strip(" *")]
        if re.search(r"[(),|`]", parts[0]):
            raise cell.error("neither ids nor the name of a product")
    if not parts:
        raise cell.error("nothing is named")
    return list(dict.fromkeys(parts))


def replacements(
    cell: Inline, *, products: bool = True, nothing: Collection[str] = ()
) -> tuple[str, ...]:
    """Return what a cell recommends instead; nothing for an empty cell, a dash and their like.

    ``nothing`` are further texts, case-folded, that name nothing. What stands in brackets is a
    setting or a remark, not a model: ``gpt-5.6-sol`` (``reasoning.mode: pro``). ``products`` allows
    the name of a product in words, as ``names`` does; without it, only ids are read and everything
    else raises Unreadable."""
    if cell.line.casefold() in {*NOTHING, *nothing}:
        return ()
    outside = re.sub(r"\s*\([^()]*\)", "", cell.text).strip()
    spans = tuple(code for code in cell.codes if code in outside)
    named = Inline(outside, spans, where=cell.where)
    return tuple(names(named) if products else codes(named))


def word(cell: Inline, words: Mapping[str, Meaning], what: str = "state") -> Meaning:
    """Return the meaning of a cell from a closed list of words, which are compared without case.

    Raises Unreadable, "unknown state", for any other word."""
    meanings = {key.casefold(): meaning for key, meaning in words.items()}
    if cell.line.casefold() not in meanings:
        raise cell.error(f"unknown {what}")
    return meanings[cell.line.casefold()]


def heading_date(row: Row) -> When | None:
    """Return the date of the nearest heading with one: "2026-06-05: Claude Opus 4.1 model".

    A heading without a colon has no date, and the one above it counts. Raises Unreadable for a
    heading whose part before the colon is no date."""
    for heading in reversed(row.path):
        day, colon, _ = heading.partition(":")
        if colon:
            return when(Inline(day, where=f"table {row.table}, heading {heading!r}"))
    return None


@dataclass(frozen=True)
class Offer:
    """Hold the name cell of a price: its models, and the prompts or days for which it is valid."""

    models: tuple[str, ...]
    context: str = ""
    starts: When | None = None
    ends: When | None = None
    note: str = ""


_LABEL_DATE = re.compile(r"(through|starting) (.+)")
_SIZE = re.compile(
    r"(?:for prompts )?(≤|<=|<|>=|>|up to|over) ?([\d,]+)(k?)(?: context length"
    r"|(?: input)? tokens(?: (?:input|output))?)",
    re.IGNORECASE,
)
_SIGNS = {"≤": "<=", "up to": "<=", "over": ">"}
#: A label in words is a remark. One with figures may be a condition of the price, unless it is
#: about the life cycle.
_REMARK = re.compile(
    r"(?!(?:for|with|when|in|on|until|from)\b)\D*|(?:deprecated|retired|retires|retiring|legacy)\b.*"
)


def offer(cell: Inline, models: Sequence[str], labels: str) -> Offer:
    """Return an Offer of these models under the ``labels`` that follow them in a cell.

    A label is a day ("through August 31, 2026", "starting ..."), a size of the prompt ("for prompts
    over 100,000 tokens") or, in brackets, a remark ("(deprecated)"). Raises Unreadable for any
    other, since it may be a condition of the price."""
    result, remarks = Offer(tuple(models)), []
    for label in filter(None, re.split(r" ?[()] ?", labels)):
        if dated := _LABEL_DATE.fullmatch(label):
            day = when(Inline(dated[2], where=cell.where))
            through = dated[1] == "through"
            result = replace(result, ends=day) if through else replace(result, starts=day)
        elif _SIZE.fullmatch(label):
            result = replace(result, context=context(Inline(label, where=cell.where)))
        elif _REMARK.fullmatch(label) and f"({label})" in cell.line:
            remarks.append(label)
        else:
            raise cell.error(f"unknown condition {label!r} of a price")
    return replace(result, note="; ".join(remarks))


def context(cell: Inline) -> str:
    """Return a size of a prompt as the context of a price.

    "≤ 200K input tokens" is ``<=200k``, "for prompts over 100,000 tokens" is ``>100k``."""
    match = _SIZE.fullmatch(cell.line)
    if not match:
        raise cell.error("no size of a prompt")
    sign = _SIGNS.get(match[1].casefold(), match[1])
    count = int(match[2].replace(",", "")) * (1000 if match[3] else 1)
    return f"{sign}{count // 1000}k" if count % 1000 == 0 else f"{sign}{count}"
