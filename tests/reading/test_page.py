"""The helpers of adapters: every table is claimed by its column names, and nothing is skipped in
silence.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.facts import Retirement, When
from monitor.errors import Unreadable
from monitor.reading.inline import inline
from monitor.reading.page import (
    Element,
    Entry,
    Layout,
    Row,
    codes,
    elements,
    entries,
    layout,
    newest,
    parsed_json,
    sections,
    sentences,
    tables,
    when,
)


def table(*rows: str) -> str:
    """A Markdown table of rows such as ``a | b``."""
    width = rows[0].count("|") + 1
    return (
        "\n".join([f"| {rows[0]} |", "|" + "---|" * width, *(f"| {row} |" for row in rows[1:])])
        + "\n\n"
    )


def said(page: str, *layouts: Layout, skip: tuple[Layout, ...] = ()) -> list[dict[str, str]]:
    return [
        {role: cell.line for role, cell in row.items()} for row in tables(page, *layouts, skip=skip)
    ]


MODELS = layout(model="model / system|model*", retires="shutdown date")
PRICED = layout(model="model / system|model*", retires="shutdown date", price="price")
NOTES = layout(date="date", update="update")


# --- claiming
# ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    [
        "Model | Shutdown date",
        "Shutdown date | MODEL",
        "**Model** | Shutdown  date",
        "`Model snapshot` | Shutdown date<sup>1</sup>",
        "Model / system | \u200bShutdown date",
        "Model family / snapshot | [Shutdown date](/x)",
    ],
)
def test_columns_are_found_by_name(header: str) -> None:
    page = table(header, "a | a")
    assert said(page, MODELS) == [{"model": "a", "retires": "a"}]


@pytest.mark.parametrize(
    "header", ["The model | Shutdown date", "Model | Shutdown dates", "Model | Date", "Model |"]
)
def test_a_table_that_nobody_claims_is_unreadable(header: str) -> None:
    page = f"# Page\n## Old\n{table('Date | Update', '1 | 2')}## New\n{table(header, 'a | 2026-01-01')}"
    with pytest.raises(
        Unreadable, match="table 2 under 'New': no known layout has these columns: .*" + header[:4]
    ):
        said(page, MODELS, skip=(NOTES,))


def test_a_skipped_table_gives_no_rows() -> None:
    assert said(table("Date | Update", "1 | 2"), MODELS, skip=(NOTES,)) == []
    assert said("no table at all", MODELS) == []


def test_the_largest_layout_wins() -> None:
    page = table("Model | Shutdown date | Price", "a | b | c")
    for known in ((MODELS, PRICED), (PRICED, MODELS)):
        [row] = tables(page, *known)
        assert row.layout is PRICED


def test_a_layout_with_a_place_wins_over_a_larger_one() -> None:
    here = layout(name="model", under="^fast mode")
    page = f"# Fast Mode pricing\n### Now\n{table('Model | Shutdown date', 'a | b')}# Else\n"
    page += table("Model | Shutdown date", "c | d")
    assert [row.layout for row in tables(page, MODELS, here)] == [here, MODELS]


def test_a_place_is_any_heading_above() -> None:
    here = layout(a="a", under="pricing")
    assert said(f"# Pricing\n## Deep\n### Deeper\n{table('A | B', '1 | 2')}", here) == [{"a": "1"}]
    with pytest.raises(Unreadable, match="no known layout"):
        said(f"# Pricing\n# Other\n{table('A | B', '1 | 2')}", here)


def test_a_column_that_nobody_knows_beside_a_complete_layout_is_let_be() -> None:
    assert said(table("Model | Shutdown date | Mood", "a | b | good"), MODELS) == [
        {"model": "a", "retires": "b"}
    ]


def test_a_renamed_column_beside_a_layout_that_another_contains_is_not() -> None:
    page = table("Model | Shutdown date | Cost", "a | b | c")
    with pytest.raises(Unreadable, match=r"table 1: unknown column 'Cost'.*was one renamed"):
        said(page, MODELS, PRICED)


def test_nor_beside_a_skipped_layout_that_another_contains() -> None:
    """Otherwise a renamed column turns a table that is read into one that is not."""
    page = table("Model | Shutdown date | Cost", "a | b | c")
    with pytest.raises(Unreadable, match="unknown column 'Cost'"):
        said(page, PRICED, skip=(MODELS,))


def test_a_skipped_place_is_skipped_whatever_it_holds() -> None:
    page = f"# Worked examples\n{table('Concept | Details', 'a | b')}"
    assert said(page, MODELS, PRICED, skip=(layout(under="examples"),)) == []


def test_an_ignored_column_is_required_and_not_read() -> None:
    known = layout(model="model", ignore=("release date",))
    assert said(table("Model | Release date", "a | nonsense"), known) == [{"model": "a"}]
    with pytest.raises(Unreadable):
        said(table("Model | Shutdown date", "a | b"), known)


# --- rows
# --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", ["a", "a | b | c"])
def test_a_row_that_does_not_fit_its_header_is_unreadable(row: str) -> None:
    page = f"# Models\n{table('Model | Shutdown date', 'x | y', row)}"
    with pytest.raises(
        Unreadable,
        match=f"table 1 under 'Models', row 2: {row.count('|') + 1} cells under 2 columns",
    ):
        said(page, MODELS)


def test_html_with_a_header_missing_is_unreadable() -> None:
    """Bedrock, November 2025: eight cells under seven headers, which a zip would shift."""
    page = (
        "<table><thead><tr><th>Model<th>Shutdown date</tr></thead><tr><td>a<td>b<td>c</tr></table>"
    )
    with pytest.raises(Unreadable, match="3 cells under 2 columns"):
        said(page, MODELS)


def test_spill_takes_the_surplus_of_unescaped_pipes() -> None:
    """OpenAI, converted by a third party: aliases separated by pipes that separate cells too."""
    known = layout(retires="shutdown date", model="model", replacement="replacement", spill="model")
    header = "Shutdown date | Model | Replacement"
    page = table(header, "1 | `a` | `b`, `c` | `d`", "2 | `e` | `f`", "3 | x | y | z | w")
    rows = list(tables(page, known))
    assert [(row["model"].text, codes(row["model"]), row["replacement"].line) for row in rows] == [
        ("a | b, c", ["a", "b", "c"], "d"),
        ("e", ["e"], "f"),
        ("x | y | z", ["x", "y", "z"], "w"),
    ]
    with pytest.raises(Unreadable, match="2 cells under 3 columns"):
        said(table(header, "1 | 2"), known)


def test_fill_repeats_the_cell_above() -> None:
    known = layout(model="model", price="price", fill=("model",))
    page = table("Model | Price", "a | 1", " | 2", " | ", "b | 3") + table("Model | Price", " | 4")
    assert [(row["model"].line, row["price"].line) for row in tables(page, known)] == [
        ("a", "1"),
        ("a", "2"),
        ("a", ""),
        ("b", "3"),
        ("", "4"),
    ]


def test_a_row_knows_where_it_stood() -> None:
    page = (
        f"# Page\n## A\nfirst\n\nPrices per image.\n\n{table('Model | Price', 'a | 1')}"
        f"{table('Model | Price', 'All models ||', 'b | 2')}## B\n{table('Model | Price', 'c | 3')}"
    ).replace("All models || |", "All models ||")
    known = layout(name="model", amount="price")
    one, two, three = tables(page, known)
    assert (one.path, one.heading, one.before, one.nth, one.table) == (
        ("Page", "A"),
        "A",
        "Prices per image.",
        1,
        1,
    )
    assert (two.path, two.before, two.group, two.nth, two.table) == (
        ("Page", "A"),
        "",
        "All models",
        2,
        2,
    )
    assert (three.path, three.heading, three.group, three.nth, three.table) == (
        ("Page", "B"),
        "B",
        "",
        1,
        3,
    )
    assert dict(one.headers) == {"name": "Model", "amount": "Price"}
    assert one.quote == "a | 1"
    assert (len(one), list(one)) == (2, ["name", "amount"])


def test_a_cell_knows_where_it_stood() -> None:
    page = f"# Page\n{table('Model | Shutdown date', 'a | 2026-01-01', 'b | soon')}"
    with pytest.raises(
        Unreadable, match=r"table 1 under 'Page', row 2, column 'Shutdown date': no date .*'soon'"
    ):
        [when(row["retires"]) for row in tables(page, MODELS)]


def test_a_row_above_all_headings_has_none() -> None:
    [row] = tables(table("Model | Shutdown date", "a | b"), MODELS)
    assert (row.path, row.heading) == ((), "")


@given(st.permutations(["Model", "Shutdown date", "Price", "Mood"]))
def test_the_order_of_columns_does_not_matter(names: list[str]) -> None:
    cells = {"Model": "a", "Shutdown date": "b", "Price": "c", "Mood": "d"}
    page = table(" | ".join(names), " | ".join(cells[name] for name in names))
    assert said(page, MODELS, PRICED) == [{"model": "a", "retires": "b", "price": "c"}]


def test_bytes_and_text_and_blocks_are_one_page() -> None:
    from monitor.reading.document import blocks

    page = table("Model | Shutdown date", "a | b")
    rows: list[list[Row]] = [
        list(tables(body, MODELS)) for body in (page, page.encode(), blocks(page))
    ]
    assert rows[0] == rows[1] == rows[2]


# --- sections
# ----------------------------------------------------------------------------------------------


def test_sections() -> None:
    page = "before\n# A\none\n\ntwo\n### B `b`\n* item\n  * inner\n## C\n| t | u |\n|---|---|\n| 1 | 2 |\nlast\n# D"
    assert [
        (
            part.path,
            part.heading.line,
            part.level,
            [(text.depth, text.inline.line) for text in part.texts],
        )
        for part in sections(page)
    ] == [
        ((), "A", 1, [(0, "one"), (0, "two")]),
        (("A",), "B b", 3, [(1, "item"), (2, "inner")]),
        (("A",), "C", 2, [(0, "last")]),
        ((), "D", 1, []),
    ]
    assert list(sections("no heading")) == []


# --- elements and sentences
# --------------------------------------------------------------------------------


def test_elements() -> None:
    page = (
        'x\n<Update label="May 2026" description="  A &amp; B" tags={["Models", "Pricing"]}>\n  # '
        "New\n\n  * one\n"
        '    * two\n</Update>\n<Card title="A > B" href="/c" />\n<Card title="C"\n  icon="d">\n  '
        "text\n</Card>\n"
        "<UpdateList></UpdateList>"
    )
    assert elements(page, "Update") == [
        Element(
            {"label": "May 2026", "description": "A & B", "tags": '["Models", "Pricing"]'},
            "# New\n\n* one\n  * two",
        )
    ]
    assert elements(page, "Card") == [
        Element({"title": "A > B", "href": "/c"}, ""),
        Element({"title": "C", "icon": "d"}, "text"),
    ]
    assert elements(page, "Note") == []


@pytest.mark.parametrize(
    "page",
    ["<Update>", "<Update>a<Update>b</Update></Update>", '<Update label="a', "<Update>a</Up"],
)
def test_elements_that_do_not_end_are_unreadable(page: str) -> None:
    with pytest.raises(Unreadable, match="a <Update> without an end"):
        elements(page, "Update")


@pytest.mark.parametrize("comment", ["<!-- {} -->", "{{/*\n{}\n*/}}", "<!--\n```\n{}\n-->"])
def test_an_element_in_a_comment_is_none(comment: str) -> None:
    draft = '<Update label="2027">\n# gpt-draft\n</Update>'
    page = f'<Update label="2026">\n# a\n</Update>\n\n{comment.format(draft)}\n'
    assert elements(page, "Update") == [Element({"label": "2026"}, "# a")]
    fenced = f"```\n{comment.format(draft)}\n```\n"
    assert len(elements(fenced, "Update")) == 1  # a comment in a fence is none either


def test_sentences() -> None:
    said = inline(
        "As of May 1, `a-1.5` and `a-1` are gone. `a-1` followed!\nSee [B 2.0](/b), or `c`? [D](/d)"
    )
    assert [(part.text, part.codes, part.links) for part in sentences(said)] == [
        ("As of May 1, a-1.5 and a-1 are gone.", ("a-1.5", "a-1"), ()),
        ("a-1 followed!", ("a-1",), ()),
        ("See B 2.0, or c?", ("c",), (("B 2.0", "/b"),)),
        ("D", (), (("D", "/d"),)),
    ]
    assert sentences(inline("")) == []


def test_the_newest_entry_is_the_fact_and_older_ones_its_note() -> None:
    later = Retirement(
        model="a", stage="deprecated", retires=When("2026-05"), note="n", quote="a in May"
    )
    earlier = Retirement(model="a", stage="deprecated", retires=When("2026-03"), quote="a in March")
    other = Retirement(model="b", stage="deprecated")
    [fact, last] = newest([later, earlier, other, later])
    assert (fact.retires, fact.note, last) == (When("2026-05"), "n; earlier: a in March", other)


# --- ids
# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "ids"),
    [
        ("`gpt-4-0314`", ["gpt-4-0314"]),
        # OpenAI: aliases behind an escaped pipe and commas
        (
            "`gpt-4-0613` \\| `gpt-4`, `gpt-4-0613-completions`",
            ["gpt-4-0613", "gpt-4", "gpt-4-0613-completions"],
        ),
        ("`gpt-5` or `gpt-4.1*`", ["gpt-5", "gpt-4.1"]),
        ("`a | b`", ["a", "b"]),
        (
            "claude-3-haiku-20240307",
            ["claude-3-haiku-20240307"],
        ),  # Anthropic since July 2026: no code spans
        ("gpt-5 or gpt-4.1", ["gpt-5", "gpt-4.1"]),
        ("a, b and c", ["a", "b", "c"]),
        ("`a`<br>`b`", ["a", "b"]),
        ("a<br>b", ["a", "b"]),
        ("`a`, `a`", ["a"]),
        ("anthropic.claude-3-haiku-20240307-v1:0", ["anthropic.claude-3-haiku-20240307-v1:0"]),
        ("accounts/fireworks/models/llama-v3p1", ["accounts/fireworks/models/llama-v3p1"]),
        ("Text with `one-id` in it", ["one-id"]),
    ],
)
def test_codes(cell: str, ids: list[str]) -> None:
    assert codes(inline(cell)) == ids


@pytest.mark.parametrize(
    "cell", ["", "---", "*", "Videos API", "`two words`", "`-x`", "gpt-5 soon", "`a`, `b c`"]
)
def test_what_is_no_id_is_unreadable(cell: str) -> None:
    with pytest.raises(Unreadable, match="table 7: no model id"):
        codes(inline(cell, where="table 7"))


# --- feeds
# -------------------------------------------------------------------------------------------------

RSS = """<rss version="2.0"><channel><title>Acme</title><lastBuildDate>Mon, 26 Jan 2026 01:00:00 GMT</lastBuildDate>
<item><title>One &amp; two</title><link>https://acme.example/1</link><pubDate>Mon, 26 Jan 2026 01:30:00 +0100</pubDate>
<description><![CDATA[<p>We <b>retire</b> <code>a-1</code>.</p>]]></description></item>
<item><title><![CDATA[No date]]></title><link>https://acme.example/2</link></item></channel></rss>"""
ATOM = """<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><title>Acme</title><entry>
<title>
        One
    title </title><link href="https://acme.example/1"/><updated>2026-01-26T00:30:00Z</updated>
<content type="html">&lt;p&gt;text&lt;/p&gt;</content></entry></feed>"""


def test_rss() -> None:
    assert entries(RSS.encode()) == [
        Entry("One & two", "https://acme.example/1", When("2026-01-26T00:30Z"), "We retire a-1."),
        Entry("No date", "https://acme.example/2", None, ""),
    ]


def test_a_feed_with_garbage_for_a_date_is_refused() -> None:
    with pytest.raises(Unreadable, match="item 'One title': no date: 'Smarch 45th'"):
        entries(ATOM.replace("2026-01-26T00:30:00Z", "Smarch 45th").encode())


def test_atom() -> None:
    [entry] = entries(ATOM.encode())
    assert entry == Entry("One title", "https://acme.example/1", When("2026-01-26T00:30Z"), "text")


def test_a_feed_without_a_declaration_and_in_another_encoding() -> None:
    body = ('<?xml version="1.0" encoding="iso-8859-1"?>' + RSS.replace("One", "Café")).encode(
        "iso-8859-1"
    )
    assert entries(body)[0].title == "Café & two"


def test_an_empty_feed_has_no_entries() -> None:
    assert entries(b'<rss version="2.0"><channel><title>Acme</title></channel></rss>') == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"<html><body><p>Just a moment...</p></body></html>",
        b"{}",
        RSS[:300].encode(),
        RSS[:-8].encode(),
        b"not a feed",
        b"\x00\x01",
    ],
)
def test_what_is_no_feed_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable, match="feed"):
        entries(body)


def test_a_body_is_never_a_path_or_an_address(tmp_path: Path) -> None:
    """feedparser opens what looks like one."""
    path = tmp_path / "feed.xml"
    path.write_text(RSS, encoding="utf-8")
    for body in (str(path).encode(), path.as_uri().encode(), b"http://127.0.0.1:9/feed"):
        with pytest.raises(Unreadable, match="feed"):
            entries(body)


# --- JSON
# --------------------------------------------------------------------------------------------------


def test_numbers_of_json_stay_text() -> None:
    assert parsed_json(b'{"a": 2.8e-07, "b": 0.10, "c": 3, "d": 1e400}') == {
        "a": "2.8e-07",
        "b": "0.10",
        "c": 3,
        "d": "1e400",
    }


def test_a_name_may_be_given_twice_with_one_value() -> None:
    """As LiteLLM's list did on 2025-02-06."""
    assert parsed_json(b'{"a": [1, 2], "b": 3, "a": [1, 2]}') == {"a": [1, 2], "b": 3}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'[{"a": 1, "a": 2}]', "'a' is given twice: 1 and 2"),
        (b'{"a": NaN}', "NaN is no number"),
        (b'{"a": -Infinity}', "-Infinity is no number"),
        (b"[" * 100_000, "recursion"),
    ],
)
def test_what_json_leaves_open_is_refused(body: bytes, message: str) -> None:
    with pytest.raises(Unreadable, match=message):
        parsed_json(body)


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"a": 1', b"\xff{}"])
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(Unreadable, match="not "):
        parsed_json(body)
