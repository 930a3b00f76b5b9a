"""A damaged page is refused by name or says exactly what it said: never fewer facts in silence.

Over every fixture: each header renamed, each column gone, each cell that is a date or a price made
nonsense, each required key of a JSON object gone or renamed, each date and price made nonsense
wherever it stands. The readers below prove that the test itself can tell."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from monitor.core.facts import Fact, Listing, Notice, Price, Retirement
from monitor.errors import Unreadable
from monitor.reading.blocks import Table
from monitor.reading.document import blocks
from monitor.reading.page import codes, inline, layout, money, sections, tables, when
from monitor.reading.source import Parse, Source
from tests.support.fixtures import fixtures
from tests.support.mutations import (
    Cell,
    json_faults,
    objects,
    page,
    page_faults,
    required_keys,
    text_faults,
)

CASES = [
    pytest.param(source, path, id=f"{path.parent.name}/{path.name}")
    for source, path in fixtures()
    if path.suffix in (".md", ".html", ".json")
]


#: Sources whose tables have a column for each model, by the first headers of such tables.
ACROSS = {"anthropic.overview": ["Feature"], "deepseek.pricing": ["MODEL", ""]}


@pytest.mark.parametrize(("source", "path"), CASES)
def test_no_damage_goes_unnoticed(source: Source, path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".json":
        siblings = [
            other
            for _, other in fixtures()
            if other.match(f"{path.parent.name}/{source.id.split('.')[1]}.*")
        ]
        faults = json_faults(
            source,
            json.loads(text),
            required_keys([json.loads(other.read_text("utf-8")) for other in siblings]),
        )
    else:
        faults = page_faults(source, text, ACROSS.get(source.id, ()))
    assert not faults, f"{len(faults)} of the mutants:\n" + "\n".join(faults[:20])


@pytest.mark.parametrize(
    ("source", "path"),
    [
        pytest.param(source, path, id=f"{path.parent.name}/{path.name}")
        for source, path in fixtures()
    ],
)
def test_no_garbled_date_or_price_goes_unnoticed(source: Source, path: Path) -> None:
    faults = text_faults(source, path.read_text(encoding="utf-8"))
    assert not faults, f"{len(faults)} of the mutants:\n" + "\n".join(faults[:20])


# --- the test can tell
# -------------------------------------------------------------------------------------

MARKDOWN = """# Acme
## 2026-01-02: Two models

| Shutdown date | Model | Replacement | Version |
| --- | --- | :-: | --- |
| at earliest 2026\u201108\u201126<sup>1</sup> | `a-1` \\| `a` | `b-1` | 2026-01-01 |
| Past models ||||
| October 23, 2026 | `c \\| d`
--- | 1 |

```
| Model | not a table |
| --- | --- |
```

| Model | Price | Remark |
| --- | --- | --- |
| `a-1` | $1.00 / MTok | |

| Date | Milestone |
| --- | --- |
| 2026-02-03 | read-only |
"""

HTML = """<!doctype html><html><body><h1>Acme</h1><nav><table><tr><td>no table</td></tr></table></nav>
<table><thead><tr><td><b>Shutdown date</b></td><td>Model</td><td>Replacement</td><td>Version</td></tr></thead>
<tr><td rowspan="2">June 17, 2026</td><td><code>a-1</code></td><td>b-1</td><td>1</td></tr>
<tr><td><code>a-2</code></td><td colspan="2">2026-01-01</td></tr>
<tr><td colspan="4">Past models</td></tr>
<tr><td>Not sooner than <b>May 1, 2027</b></td><td><code>c</code></td><td></td><td>2</td></tr></table>
<table><tr><th>Model</th><th>Price</th><th>Remark</th></tr>
<tr><td>a-1</td><td>$1.00 / MTok<sup>2</sup></td><td></td></tr></table>
<table><tr><th>Date</th><th>Milestone</th></tr><tr><td>2026-02-03</td><td>read-only</td></tr></table></body></html>"""

RETIRING = layout(
    retires="shutdown date", model="model", replacement="replacement", version="version"
)
PRICED = layout(model="model", price="price")
MILESTONES = layout(date="date", update="milestone")


def exact(body: bytes) -> Iterator[Fact]:
    for row in tables(body, RETIRING, PRICED, skip=[MILESTONES]):
        if row.layout is PRICED:
            if priced := money(row["price"]):
                yield Price(
                    model=row["model"].line, meter="input", amount=priced.amount, per=priced.per
                )
            continue
        for model in codes(row["model"]):
            yield Retirement(
                model=model,
                version=row["version"].line,
                stage="deprecated",
                retires=when(row["retires"]),
                replacements=(row["replacement"].line,),
            )


def skips_what_does_not_match(body: bytes) -> Iterator[Fact]:
    for table in blocks(body):
        if isinstance(table, Table) and "Shutdown date" in table.header and "Model" in table.header:
            retires, model = table.header.index("Shutdown date"), table.header.index("Model")
            for row in table.rows:
                if not row.divider:
                    yield Retirement(
                        model=row.cells[model].line,
                        stage="deprecated",
                        retires=when(row.cells[retires]),
                    )
    yield Listing(model="x")


def takes_any_date(body: bytes) -> Iterator[Fact]:
    for fact in tables(body, RETIRING, skip=[PRICED, MILESTONES]):
        try:
            retires = when(fact["retires"])
        except Unreadable:
            retires = None
        yield Retirement(model=fact["model"].line, stage="deprecated", retires=retires)


def takes_columns_by_number(body: bytes) -> Iterator[Fact]:
    first = next(block for block in blocks(body) if isinstance(block, Table))
    yield from (
        Listing(model=row.cells[1].line, alias_of=row.cells[2].line)
        for row in first.rows
        if not row.divider
    )


def reads_rows_it_knows(body: bytes) -> Iterator[Fact]:
    table = next(block for block in blocks(body) if isinstance(block, Table))
    said = {row.cells[0].line: row.cells for row in table.rows}
    for column in range(1, len(table.header)):
        limit = said["Limit"][column] if "Limit" in said else None
        yield Listing(model=said["Id"][column].line, max_output=int(limit.text) if limit else None)


def notices(body: bytes) -> Iterator[Fact]:
    for section in sections(body):
        if section.level > 1:
            day, _, title = section.heading.line.partition(": ")
            yield Notice(title=title, published=when(inline(day)), link="https://acme.example/")


def passes_over_headings_without_a_date(body: bytes) -> Iterator[Fact]:
    yield Listing(model="x")
    for section in sections(body):
        if day := re.match(r"\d{4}-\d\d-\d\d", section.heading.line):
            yield Notice(title="x", published=when(inline(day[0])), link="https://acme.example/")


def searches_for_prices(body: bytes) -> Iterator[Fact]:
    yield Listing(model="x")
    for amount in re.findall(r"\$(\d+\.\d+)(?!\w)", body.decode()):
        yield Price(model="x", meter="input", amount=Decimal(amount), per="1M tokens")


def source_of(parse: Parse) -> Source:
    return Source(
        id="acme.page", url="https://acme.example/", parse=parse, every=timedelta(hours=6)
    )


@pytest.mark.parametrize("text", [MARKDOWN, HTML], ids=["markdown", "html"])
def test_an_exact_reader_has_no_faults(text: str) -> None:
    assert len(source_of(exact).read(text.encode())) == (5 if text is MARKDOWN else 4)
    assert page_faults(source_of(exact), text) == []


@pytest.mark.parametrize("text", [MARKDOWN, HTML], ids=["markdown", "html"])
@pytest.mark.parametrize(
    ("parse", "column", "what"),
    [
        (skips_what_does_not_match, "Shutdown date", "renamed"),
        (skips_what_does_not_match, "Model", "gone"),
        (takes_columns_by_number, "Replacement", "gone"),
        (takes_any_date, "2026", "made 'Smarch 45th, 20x6'"),
    ],
)
def test_a_careless_reader_is_found(text: str, parse: Parse, column: str, what: str) -> None:
    faults = page_faults(source_of(parse), text)
    assert any(column in fault and what in fault and "silently" in fault for fault in faults), (
        faults
    )


def test_a_table_with_models_across_is_read_by_its_rows() -> None:
    text = "| Feature | One | Two |\n|---|---|---|\n| Id | a | b |\n| Limit | 1 | 2 |\n| Mood | good | bad |\n"
    faults = page_faults(source_of(reads_rows_it_knows), text, ["Feature"])
    assert [fault.split(":")[0] for fault in faults] == [
        "table 1, column 1 ('Id') renamed",  # a KeyError, which names no table
        "table 1, column 1 ('Limit') gone",
        "table 1, column 1 ('Limit') renamed",
    ]


@pytest.mark.parametrize("text", [MARKDOWN, HTML], ids=["markdown", "html"])
def test_every_cell_is_found(text: str) -> None:
    whole = page(text)
    heads: dict[int, list[Cell]] = {}
    for cell in whole.cells:
        if cell.head:
            heads.setdefault(cell.table, []).append(cell)
    read = [block for block in blocks(text) if isinstance(block, Table)]
    assert [[cell.text for cell in heads[table.number]] for table in read] == [
        list(table.header) for table in read
    ]
    assert len(heads) == len(read)


def test_dates_and_prices_outside_tables_are_found() -> None:
    assert text_faults(source_of(exact), MARKDOWN) == []
    assert text_faults(source_of(notices), MARKDOWN) == []
    assert (
        text_faults(
            source_of(notices), MARKDOWN.replace("Two models", "Two models until May 4, 2026")
        )
        == []
    )
    [fault] = text_faults(source_of(passes_over_headings_without_a_date), MARKDOWN)
    assert fault.startswith("line 2: '2026-01-02' made 'Smarch 45th, 20x6': silently 1 facts less")
    [fault] = text_faults(source_of(searches_for_prices), MARKDOWN)
    assert fault.startswith("line 18: '$1.00' made '$1.x2': silently 1 facts less")
    assert text_faults(source_of(exact), "# Acme\n") == [
        "cannot be read: acme.page: the document holds no facts"
    ]


def models(body: bytes) -> Iterator[Fact]:
    for item in json.loads(body)["data"]:
        yield Listing(model=item["id"], context_window=item["window"], max_output=item.get("limit"))
        for meter, amount in item["prices"].items():
            if meter == "input":
                yield Price(model=item["id"], meter=meter, amount=Decimal(amount), per="1M tokens")


def test_json_readers_are_told_apart() -> None:
    document: dict[str, Any] = {
        "data": [
            {"id": "a", "window": 1, "limit": 2, "prices": {"input": "1", "output": "2"}},
            {"id": "b", "window": 1, "prices": {"input": "1", "output": "2"}},
        ]
    }
    required = required_keys([document])
    assert required == {
        "$": {"data"},
        "$.data[]": {"id", "window", "prices"},
        "$.data[].prices": {"input", "output"},
    }
    faults = json_faults(source_of(models), document, required)
    assert {fault.split(":")[0] for fault in faults} == {
        "$.data[].prices.input gone",
        "$.data[].prices.input renamed",
    }
    assert [path for path, _ in objects({"acme": {"id": 1}, "other": {"id": 2}})] == ["${}", "${}"]
