"""Mistral: cells and rows that several of its layouts share, and what a page says twice."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from monitor.core.facts import Fact, Listing, Retirement, When
from monitor.reading import page

SIZES = {"k": 1000, "M": 1_000_000}


def day(text: str) -> When | None:
    """Return the date of a field, or None where it is empty."""
    return page.when(page.Inline(text, where="date")) if text else None


def tokens(cell: page.Inline) -> int | None:
    """Return the number of "128k" or "1M" tokens; None where nothing or "--" is printed."""
    if cell.line in ("", "--"):
        return None
    match = re.fullmatch(r"(\d+)([kM])", cell.line)
    if not match:
        raise cell.error("not a number of tokens")
    return int(match[1]) * SIZES[match[2]]


def ids(cell: page.Inline) -> list[str]:
    """Return the ids of a cell. An endpoint beside them ("via `audio/transcriptions`") is no
    model.
    """
    if cell.line in ("", "NA"):
        return []
    names = [name for name in cell.codes or (cell.line,) if "/" not in name]
    if not names or not all(re.fullmatch(r"[\w.-]+", name) for name in names):
        raise cell.error("no model id")
    return names


def with_ids(rows: Iterable[page.Row]) -> list[page.Row]:
    """Return the rows. Raises Unreadable if none of them has an id."""
    result = list(rows)
    if not any(ids(row["model"]) for row in result):
        raise page.Unreadable("no model of any table has an id")
    return result


def name(row: page.Row) -> str:
    """Return the display name of a row without the arrow of its link."""
    return row["name"].line.rstrip(" ↗")


def retirements(row: page.Row) -> Iterator[Retirement]:
    """Yield the retirement of each id of a row, or of the display name where it has none."""
    models = ids(row["model"])
    replacement = row["replacement"]
    for model in models or [name(row)]:
        yield Retirement(
            model=model,
            stage="deprecated",
            announced=page.when(row["announced"]) if "announced" in row else None,
            deprecated=page.when(row["deprecated"], order="mdy"),
            retires=page.when(row["retires"], order="mdy"),
            replacements=replacement.codes or tuple(filter(None, [replacement.line])),
            note="" if models else "no id of the API",
            quote=row.quote,
        )


def merged(facts: Iterable[Fact]) -> list[Fact]:
    """Return one fact for each key, in the page's order. Raises Unreadable for two prices of one
    key.
    """
    return page.merged(facts, _one)


def _one(same: Sequence[Fact]) -> Fact:
    ends = [fact for fact in same if isinstance(fact, Retirement)]
    listings = [fact for fact in same if isinstance(fact, Listing)]
    if ends:
        return _one_retirement(ends)
    if listings:
        return _one_listing(listings)
    if any(fact.value != same[0].value for fact in same):
        raise page.Unreadable(f"stated twice, differently: {[fact.quote for fact in same]}")
    return same[0]


def _one_retirement(same: Sequence[Retirement]) -> Retirement:
    """Return the statement that was announced last. Of two of one day, the sooner date is safe."""
    by_date = sorted(same, key=lambda fact: fact.retires.text if fact.retires else "9999")
    first, *others = sorted(
        by_date, key=lambda fact: fact.deprecated.text if fact.deprecated else "", reverse=True
    )
    notes = [
        f"also stated: {f'retires {other.retires}' if other.retires else 'no end'}"
        for other in others
        if other.value != first.value
    ]
    quotes = dict.fromkeys(fact.quote for fact in (first, *others))
    return replace(page.noted(first, *notes), quote=" / ".join(quotes))


def _one_listing(same: Sequence[Listing]) -> Listing:
    """Return what the page says of one id in several places. An alias in two model files is that of
    the later model.
    """
    first = max(
        same, key=lambda fact: (fact.alias_of != "", fact.created.text if fact.created else "")
    )
    for other in same:
        first = replace(
            first,
            name=first.name or other.name,
            context_window=first.context_window or other.context_window,
            modalities=first.modalities or other.modalities,
            note=first.note or other.note,
        )
    return first
