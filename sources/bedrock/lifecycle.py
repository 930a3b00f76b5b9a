"""Amazon Bedrock, model lifecycle:
https://docs.aws.amazon.com/bedrock/latest/userguide/model-lifecycle.html

The dates are those of Bedrock, not of the makers, and hold for the Regions of their row: a model
may be Legacy in one group of Regions and Active in another. ``region`` is that group, sorted; empty
where the page names none.

- Since September 2026 there are two pages, by launch date: ``model-lifecycle.md`` is policy without
  dates, and the dates stand in ``model-lifecycle-legacy.md``. Either may be empty of models, not
  both: a page without dates must not read as "nothing is deprecated".
- A model with one group of Regions stands in a table. If a model of a table has several, the whole
  table is nested bullets with the same fields.
- Rows leave after their date (all of them in May 2026, some in October), so a row that leaves was
  not withdrawn.
- The HTML of November 2025 is read in lifecycle_2025.py.

A renamed column or field, a table without a known state and a new form of Regions are Unreadable.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from monitor.core.facts import Retirement, Stage
from monitor.reading import page
from monitor.reading.source import documents, source
from sources.bedrock.words import MODEL_ID, extended_access, lifecycle_blocks, regions

SCHEDULE = page.layout(
    name="model name",
    model="model id",
    region="regions",
    legacy="legacy date",
    retires="eol date",
    extended="public extended access start date",
    ignore=("model provider",),
)
#: "Legacy" works until its EOL date, but not for new customers.
STAGES: dict[str, Stage] = {"Legacy": "legacy", "EOL": "retired"}
#: How a heading, or the first sentence above a table, says in which state its models are.
STATES = {
    "Legacy": re.compile(r"models with a scheduled eol date|.*\bin the legacy state\b.*"),
    "EOL": re.compile(r"models that have reached eol|.*\bhave passed (?:the|their) eol date\b.*"),
}
#: Bold paragraphs that stand for headings (October 2026).
BOLD_HEADING = re.compile(r"Models (?:with a scheduled|that have reached|pending)\b[^.]*")


@source(
    "https://docs.aws.amazon.com/bedrock/latest/userguide/model-lifecycle.md",
    also=("model-lifecycle-legacy.md",),
    facts=(Retirement,),
    markers=(b"Model lifecycle", b"EOL"),
)
def lifecycle(body: bytes) -> Iterator[Retirement]:
    """Yield the state of each model in each group of Regions, of both pages of the guide."""
    for document in documents(body):
        blocks = map(_headed, lifecycle_blocks(document))
        for row in page.tables(list(_tabled(blocks)), SCHEDULE):
            yield _retirement(row)


def _headed(block: page.Block) -> page.Block:
    """Return a bold paragraph as the heading it stands for, any other block as it is."""
    text = isinstance(block, page.Text) and not block.depth and block.inline
    return page.Heading(3, text) if text and BOLD_HEADING.fullmatch(text.line) else block


#: What a list item says of a model, and of each group of its Regions.
OF_MODEL = ("Model name", "Model ID")
OF_GROUP = ("Regions", "Legacy date", "EOL date", "Public extended access start date")


def _tabled(blocks: Iterator[page.Block]) -> Iterator[page.Block]:
    """Yield the page with its nested lists as tables, one row for each group of Regions.

    A list item names the maker; its items are fields, those of one group joined by " / " if there
    are several."""
    number = 0
    items: list[list[page.Text]] = []
    for block in (*blocks, page.Heading(6, page.Inline(""))):
        if isinstance(block, page.Text) and block.depth > 1:
            if not items:
                raise block.inline.error("a nested list item outside of a list")
            items[-1].append(block)
        elif isinstance(block, page.Text) and block.depth == 1:
            items.append([block])
        else:
            number += 1
            rows = [page.RawRow(row) for item in items if len(item) > 1 for row in _groups(item)]
            if rows:
                yield page.Table(("Model provider", *OF_MODEL, *OF_GROUP), tuple(rows), number)
            items.clear()
            yield block


def _groups(item: Sequence[page.Text]) -> Iterator[tuple[page.Inline, ...]]:
    """Yield the rows of one list item: the fields of the model with those of each group."""
    maker = item[0].inline
    of = f"of a model of {maker.line!r}"
    model: dict[str, page.Inline] = {}
    groups: list[dict[str, page.Inline]] = []
    for text in item[1:]:
        for part in text.inline.line.split(" / "):
            label, _, value = part.partition(": ")
            if label not in OF_MODEL and label not in OF_GROUP:
                raise text.inline.error(f"unknown field {label!r} {of}")
            if label == "Regions":
                groups.append({})
            elif label in OF_GROUP and not groups:
                raise text.inline.error(f"{label!r} before the Regions {of}")
            fields = model if label in OF_MODEL else groups[-1]
            if label in fields:
                raise text.inline.error(f"{label!r} twice {of}")
            fields[label] = page.Inline(value.strip())
    for group in groups or [{}]:
        row = model | group
        if missing := [label for label in (*OF_MODEL, *OF_GROUP) if label not in row]:
            raise item[-1].inline.error(f"without {', '.join(missing)}, {of}")
        yield (maker, *(row[label] for label in (*OF_MODEL, *OF_GROUP)))


def _retirement(row: page.Row) -> Retirement:
    term, model = _state(row), row["model"].line
    if not MODEL_ID.fullmatch(model):
        raise row["name"].error(f"no model id {model!r}")
    retires = page.when(row["retires"], order="mdy")
    if not retires:
        raise row["retires"].error("no EOL date for a model that has left the Active state")
    return Retirement(
        model=model,
        region=regions(row["region"]),
        term=term,
        stage=STAGES[term],
        deprecated=page.when(row["legacy"], order="mdy"),
        retires=retires,
        note=extended_access(page.when(row["extended"], order="mdy")),
        quote=row.quote,
    )


def _state(row: page.Row) -> str:
    """Return the page's word for the state of a row, from the heading or else the first sentence
    above its table.
    """
    sentence = re.split(r"(?<=\.)\s", row.before)[0].rstrip(".")
    for text in (row.heading, sentence):
        terms = [term for term, words in STATES.items() if words.fullmatch(text.casefold())]
        if len(terms) == 1:
            return terms[0]
    place = f"a table under {row.heading!r} after {row.before!r}"
    raise row["name"].error(f"no known state for {place}")
