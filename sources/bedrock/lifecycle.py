"""Amazon Bedrock, model lifecycle:
https://docs.aws.amazon.com/bedrock/latest/userguide/model-lifecycle.html

The dates are those of Bedrock, not of the makers, and hold for the Regions of their row: a model
may be Legacy in one group of Regions and Active in another. ``region`` is that group, sorted; empty
where the page names none.

- Since September 2026 there are two pages, by launch date: ``model-lifecycle.md`` is policy without
  dates, and the dates stand in ``model-lifecycle-legacy.md``. Either may be empty of models, not
  both: a page without dates must not read as "nothing is deprecated".
- The Markdown has a table or, if a model of it has several groups of Regions, nested bullets with
  the same fields.
- The HTML of November 2025 has three tables. That of active models lacks the header of its column
  "EOL date", and the others have no ids: an id is taken from the first table where it has that very
  name, or else the name stands.
- Rows leave after their date (all of them in May 2026, some in October), so a row that leaves was
  not withdrawn.

A renamed column or field, a table without a known state and a new form of Regions are Unreadable.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

from monitor.core.facts import Fact, Retirement, Stage
from monitor.reading.page import (
    Block,
    Heading,
    Inline,
    RawRow,
    Row,
    Table,
    Text,
    Unreadable,
    blocks,
    layout,
    tables,
    when,
)
from monitor.reading.source import documents, source
from sources.bedrock import GUIDE

SCHEDULE = layout(
    name="model name",
    model="model id",
    region="regions",
    legacy="legacy date",
    retires="eol date",
    extended="public extended access start date",
    ignore=("model provider",),
)
ACTIVE = layout(  # November 2025
    name="model name",
    model="model id",
    region="regions supported",
    retires="eol date",
    ignore=("provider", "launch date", "input modalities", "output modalities"),
)
ENDED = layout(  # November 2025
    name="model version",
    legacy="legacy date",
    retires="eol date",
    replacement="recommended model version replacement",
    replacement_id="recommended model id",
)
LEGACY = layout(**ENDED.columns, extended="public extended access date")  # November 2025

#: The three states that the page defines. "Legacy" works until its EOL date, but not for new
#: customers.
STAGES: dict[str, Stage] = {"Active": "active", "Legacy": "legacy", "EOL": "retired"}
#: How a heading, or the first sentence above a table, says in which state its models are.
_STATES = {
    "Active": re.compile(r"active versions|active models\b.*"),
    "Legacy": re.compile(
        r"legacy versions|models with a scheduled eol date|.*\bin the legacy state\b.*"
    ),
    "EOL": re.compile(
        r"end-of-life \(eol\) versions|models that have reached eol|.*\bhave passed (?:the|their) "
        r"eol date\b.*"
    ),
}
#: Bold paragraphs that stand for headings (October 2026).
_BOLD_HEADING = re.compile(r"Models (?:with a scheduled|that have reached|pending)\b[^.]*")


@source(
    f"{GUIDE}/model-lifecycle.md",
    also=("model-lifecycle-legacy.md",),
    every=timedelta(hours=6),
    facts=(Retirement,),
    markers=(b"Model lifecycle", b"EOL"),
)
def lifecycle(body: bytes) -> Iterator[Fact]:
    """Model lifecycle: the state of each model in each group of Regions, as the guide's pages have
    it together.
    """
    for document in documents(body):
        page = [_named(block) for block in blocks(document)]
        titles = [
            block.inline.line for block in page if isinstance(block, Heading) and block.level == 1
        ]
        if not any(title.startswith("Model lifecycle") for title in titles):
            raise Unreadable(f"a page titled {', '.join(titles)!r} instead of 'Model lifecycle'")
        rows = list(tables(list(_tabled(page)), ACTIVE, LEGACY, ENDED, SCHEDULE))
        ids = {_plain(row["name"]): row["model"].line for row in rows if row.layout is ACTIVE}
        facts = [_retirement(row, ids) for row in rows]
        # "all Regions" of a model that still stands in the table of active ones are the Regions of
        # that row.
        served = {fact.model: fact.region for fact in facts if fact.term == "Active"}
        ending = {fact.model for fact in facts if fact.term != "Active" and not fact.region}
        for fact in facts:
            if fact.model not in ending:
                yield fact
            elif fact.term != "Active":
                yield replace(fact, region=fact.region or served.get(fact.model, ""))


def _plain(name: Inline) -> str:
    """A model's name; "Claude Opus 4.0" of one table is "Claude Opus 4" of another."""
    return name.line.removesuffix(".0")


def _named(block: Block) -> Block:
    """A block as it is meant: a bold paragraph as the heading it stands for, and the missing column
    named.
    """
    if isinstance(block, Text) and not block.depth and _BOLD_HEADING.fullmatch(block.inline.line):
        return Heading(3, block.inline)
    if (
        isinstance(block, Table)
        and "Launch date" in block.header
        and "EOL date" not in block.header
    ):
        at = block.header.index("Launch date") + 1
        if all(len(row.cells) == len(block.header) + 1 for row in block.rows):
            return replace(block, header=(*block.header[:at], "EOL date", *block.header[at:]))
    return block


_FIELDS = (
    "Model name",
    "Model ID",
    "Regions",
    "Legacy date",
    "EOL date",
    "Public extended access start date",
)


def _tabled(page: Sequence[Block]) -> Iterator[Block]:
    """The page with its nested lists as tables, one row for each group of Regions.

    A list item names the maker; its items are fields, those of one group joined by " / " if there
    are several."""
    number = 0
    items: list[list[Text]] = []
    for block in (*page, Heading(6, Inline(""))):
        if isinstance(block, Text) and block.depth > 1:
            if not items:
                raise block.inline.error("a nested list item outside of a list")
            items[-1].append(block)
        elif isinstance(block, Text) and block.depth == 1:
            items.append([block])
        else:
            number += 1
            rows = tuple(
                RawRow(cells) for entry in items if len(entry) > 1 for cells in _groups(entry)
            )
            if rows:
                yield Table(("Model provider", *_FIELDS), rows, number)
            items.clear()
            yield block


def _groups(entry: Sequence[Text]) -> Iterator[tuple[Inline, ...]]:
    """The rows of one list item: what is said of the model, with what is said of each group of its
    Regions.
    """
    maker = entry[0].inline
    model: dict[str, Inline] = {}
    groups: list[dict[str, Inline]] = []
    for text in entry[1:]:
        for part in text.inline.line.split(" / "):
            label, _, value = part.partition(": ")
            if label not in _FIELDS:
                raise text.inline.error(f"unknown field {label!r} of a model of {maker.line!r}")
            if label == "Regions":
                groups.append({})
            elif label not in _FIELDS[:2] and not groups:
                raise text.inline.error(
                    f"{label!r} before the Regions of a model of {maker.line!r}"
                )
            said = model if label in _FIELDS[:2] else groups[-1]
            if label in said:
                raise text.inline.error(f"{label!r} twice for a model of {maker.line!r}")
            said[label] = Inline(value.strip())
    for group in groups or [{}]:
        row = model | group
        if missing := [label for label in _FIELDS if label not in row]:
            raise entry[-1].inline.error(f"a model of {maker.line!r} without {', '.join(missing)}")
        yield (maker, *(row[label] for label in _FIELDS))


def _retirement(row: Row, ids: dict[str, str]) -> Retirement:
    term = _state(row)
    legacy, _ = _dated(row["legacy"]) if "legacy" in row else (None, "")
    retires, region = _dated(row["retires"])
    if "region" in row:
        if region:
            raise row["retires"].error("Regions beside a column for them")
        region = _regions(row["region"])
    elif not region:
        region = _dated(row["legacy"])[1]
    model = row["model"].line if "model" in row else ids.get(_plain(row["name"]), row["name"].line)
    if not model or ("model" in row and not re.fullmatch(r"[a-z0-9]+\.[\w.:-]+", model)):
        raise row["name"].error(f"no model id {model!r}")
    if term != "Active" and not retires:
        raise row["retires"].error("no EOL date for a model that has left the Active state")
    extended, _ = _dated(row["extended"]) if "extended" in row else (None, "")
    return Retirement(
        model=model,
        region=region,
        term=term,
        stage=STAGES[term],
        deprecated=when(legacy) if legacy else None,
        retires=when(retires, order="mdy") if retires else None,
        replacements=_replacements(row),
        note=f"public extended access from {when(extended)}, prices may be higher"
        if extended
        else "",
        quote=row.quote,
    )


def _state(row: Row) -> str:
    """The page's word for the state of a row, from the heading or else the first sentence above its
    table.
    """
    for said in (row.heading, re.split(r"(?<=\.)\s", row.before)[0].rstrip(".")):
        found = [term for term, pattern in _STATES.items() if pattern.fullmatch(said.casefold())]
        if len(found) == 1:
            return found[0]
    raise row["name"].error(
        f"no known state for a table under {row.heading!r} after {row.before!r}"
    )


_REGION = re.compile(r"[a-z]{2}(?:-[a-z]+)+-\d")
_BRACKETS = re.compile(r"(.+?) ?\((.+)\)")


def _dated(cell: Inline) -> tuple[Inline | None, str]:
    """The date of a cell, if any, and the Regions in brackets after it (November 2025)."""
    match = _BRACKETS.fullmatch(cell.line)
    said = replace(cell, text=match[1]) if match else cell
    region = _regions(replace(cell, text=match[2])) if match else ""
    return (said if when(said, order="mdy") else None), region


def _regions(cell: Inline) -> str:
    """The Regions that a cell lists, sorted. Marks on them (``*``, "Gated") tell how they are
    reached, not which.
    """
    text = re.sub(
        r"\(gated\)|\*|^only in\b|\bregions\b", " ", cell.line, flags=re.IGNORECASE
    ).strip()
    if text.casefold() == "all":
        return ""
    names = [name for name in re.split(r"[\s,]+", text) if name not in ("", "and")]
    if wrong := [name for name in names if not _REGION.fullmatch(name)]:
        raise cell.error(f"no Region {wrong[0]!r}")
    return ", ".join(sorted(set(names)))


def _replacements(row: Row) -> tuple[str, ...]:
    """The recommended ids; a Region that one is to be used in ("in US East (N. Virginia)") is left
    to the quote.
    """
    if "replacement_id" not in row:
        return ()
    cell = row["replacement_id"]
    ids = [
        re.sub(r" in US [\w .()]+$", "", part)
        for part in re.split(r",\s*(?:and )?|\s+(?:and|or)\s+", cell.line)
    ]
    if wrong := [name for name in ids if not re.fullmatch(r"[a-z0-9]+\.[\w.:-]+", name)]:
        raise cell.error(f"no model id {wrong[0]!r}")
    return tuple(ids)
