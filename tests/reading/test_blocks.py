"""Pages as blocks: what markup means, and that HTML and Markdown of one table are one table."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import Unreadable
from monitor.reading.blocks import Heading, Table, Text
from monitor.reading.document import blocks, decode, is_html
from monitor.reading.focus import tables_and_headings
from monitor.reading.inline import Inline, clean, inline

# --- text
# --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("2026\u201108\u201126", "2026-08-26"),  # OpenAI
        ("a\u2010b\u2012c\u2013d\u2014e\u2015f\u2212g", "a-b-c-d-e-f-g"),
        ("\u200bModel \u200bstatus\ufeff", "Model status"),  # Mintlify headings
        ("GPT\u00a05", "GPT 5"),
        ("gpt\u00ad-5", "gpt-5"),
        ("10\u00b9", "10"),  # a footnote, not 101
        ("10\u2020", "10"),
        ("\uff11\uff12", "12"),  # full-width digits
        ("  a \t b \n\n  c ", "a b\nc"),
    ],
)
def test_clean(raw: str, text: str) -> None:
    assert clean(raw) == text


@given(st.text())
def test_what_is_clean_stays_clean(raw: str) -> None:
    once = clean(raw)
    assert clean(once) == once


def test_decode() -> None:
    assert decode(b"\xef\xbb\xbfa") == "a"
    assert decode("é".encode("utf-16")) == "é"
    for body in (b"\xff\xfea", b"caf\xe9"):
        with pytest.raises(Unreadable, match="not utf"):
            decode(body)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<!doctype html><html>", True),
        ("\n <html lang=en>", True),
        ("<table><tr><td>", True),
        ("<h1>a</h1>", True),
        ("# Title\n<table>", False),
        ("---\ntitle: x\n---\n<html>", False),
        ("<Warning>\nText\n</Warning>", False),  # Mintlify's components
        ("<Update label='2026-08-14'>", False),
        ("> ## Documentation Index", False),
        ("", False),
    ],
)
def test_is_html(text: str, expected: bool) -> None:
    assert is_html(text) is expected


@pytest.mark.parametrize(
    ("markdown", "text", "codes"),
    [
        (
            "`gpt-4-0613` \\| `gpt-4`",
            "gpt-4-0613 | gpt-4",
            ("gpt-4-0613", "gpt-4"),
        ),  # OpenAI: aliases
        ("`a | b`", "a | b", ("a | b",)),
        ("`a \\| b`", "a | b", ("a | b",)),
        ("``a ` b``", "a ` b", ("a ` b",)),
        (
            "`gpt-5` or `gpt-4.1*`",
            "gpt-5 or gpt-4.1",
            ("gpt-5", "gpt-4.1"),
        ),  # OpenAI: a star for a footnote
        ("`a&lt;b`", "a<b", ("a<b",)),
        ("\\`no code\\`", "`no code`", ()),
        ("\\<a\\> x\\^\\^ \\[b\\](c) \\*d\\*", "<a> x^^ [b](c) *d*", ()),
        ("$2 / MTok<sup>3</sup>", "$2 / MTok", ()),  # Anthropic
        ("2027-04-14^1^", "2027-04-14", ()),  # Azure
        ("2027-04-14^\\*^", "2027-04-14", ()),
        ("x^2 and y^2", "x^2 and y^2", ()),
        ("\\$3 / MTok", "$3 / MTok", ()),
        ("Command R\\+", "Command R+", ()),  # Bedrock
        ("**bold** and *soft* and __more__ and _less_", "bold and soft and more and less", ()),
        ("gpt_4_turbo and 2 * 3 * 4", "gpt_4_turbo and 2 * 3 * 4", ()),
        ("snake_case_id, __init__", "snake_case_id, init", ()),
        ("prompts <= 200k, > 200k", "prompts <= 200k, > 200k", ()),  # Vertex, Gemini
        ("1 < 2 > 1", "1 < 2 > 1", ()),
        ("a<br>b<br/>c<BR />d", "a\nb\nc\nd", ()),
        ("a &amp; b &lt;= c&nbsp;d", "a & b <= c d", ()),
        ("\\<24 hours of notice", "<24 hours of notice", ()),  # Together
        ("before <!-- hidden --> after", "before after", ()),
        ("<span class='x'>kept</span>", "kept", ()),
        ("![icon](a.svg) name", "name", ()),
        ("", "", ()),
    ],
)
def test_inline(markdown: str, text: str, codes: tuple[str, ...]) -> None:
    said = inline(markdown)
    assert (said.text, said.codes) == (text, codes)
    assert bool(said) is bool(text)


@pytest.mark.parametrize(
    ("markdown", "text", "links"),
    [
        ("[Sonnet](/m.md)", "Sonnet", (("Sonnet", "/m.md"),)),
        ("[\\[a\\] b](/x\\_y)", "[a] b", (("[a] b", "/x_y"),)),  # Alibaba
        ("[a [b] c](/x)", "a [b] c", (("a [b] c", "/x"),)),
        ("[a](/x_(y).md)", "a", (("a", "/x_(y).md"),)),
        ('[a](/x "a title")', "a", (("a", "/x"),)),
        ("[`gpt-5`](/gpt-5.md)", "gpt-5", (("gpt-5", "/gpt-5.md"),)),
        # Anthropic: a link in brackets behind a name
        ("Opus 4.1 ([deprecated](/d))", "Opus 4.1 (deprecated)", (("deprecated", "/d"),)),
        ("[a](/x), [b](/y)", "a, b", (("a", "/x"), ("b", "/y"))),
        ("[not a link] (at all)", "[not a link] (at all)", ()),
        ("`[a](/x)`", "[a](/x)", ()),
        ("[**a** `b`](/x)", "a b", (("a b", "/x"),)),  # Perplexity
    ],
)
def test_links(markdown: str, text: str, links: tuple[tuple[str, str], ...]) -> None:
    said = inline(markdown)
    assert (said.text, said.links) == (text, links)


def test_an_error_names_the_place() -> None:
    assert str(Inline("a\nb", where="table 1").error("no date")) == "table 1: no date: 'a b'"
    assert str(inline("x").error("no date")) == "document: no date: 'x'"


# --- blocks of Markdown
# ------------------------------------------------------------------------------------


def only_table(text: str) -> Table:
    [table] = [block for block in blocks(text) if isinstance(block, Table)]
    return table


def grid(text: str) -> list[list[str]]:
    table = only_table(text)
    return [list(table.header), *([cell.text for cell in row.cells] for row in table.rows)]


def test_markdown_blocks() -> None:
    page = (
        "# One #\ntext `a`\ngoes on\n\n## Two\n* item\n  goes on\n    * inner\n1. first\n2) "
        "second\n\n"
        "| a | b |\n|---|---|\n| 1 | 2 |\nlast\n####### seven\n#hash\n"
    )
    found = [
        (block.level, block.inline.line)
        if isinstance(block, Heading)
        else (block.depth, block.inline.line)
        if isinstance(block, Text)
        else block.header
        for block in blocks(page)
    ]
    assert found == [
        (1, "One"),
        (0, "text a goes on"),
        (2, "Two"),
        (1, "item goes on"),
        (3, "inner"),
        (1, "first"),
        (1, "second"),
        ("a", "b"),
        (0, "last ####### seven #hash"),
    ]


def test_code_fences_hold_no_blocks() -> None:
    fence = "# shown\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"
    assert blocks(f"```md\n{fence}```\n~~~\n{fence}~~~\nafter") == [Text(inline("after"))]
    assert blocks(f"```\n{fence}") == []


@pytest.mark.parametrize(
    "text",
    [
        "| a | b |\n| --- | --- |\n| 1 | 2 |",
        "a | b\n--- | ---\n1 | 2",
        "|a|b|\n|:--|--:|\n|1|2|",  # Anthropic since September 2026
        "  | a | b |\n  | :-: | - |\n  | 1 | 2 |",
        "| a | b |  \n|---|---|\t\n| 1 | 2",
        "| **a** | [b](/x) |\n|---|---|\n| `1` | 2<sup>1</sup> |",
    ],
)
def test_a_markdown_table(text: str) -> None:
    assert grid(text) == [["a", "b"], ["1", "2"]]


def test_pipes_that_do_not_separate() -> None:
    assert grid("| a | b |\n|---|---|\n| `x | y` | z \\| w |\n| `u \\| v` | ``p | ` q`` |") == [
        ["a", "b"],
        ["x | y", "z | w"],
        ["u | v", "p | ` q"],
    ]


def test_empty_cells_and_rows_of_another_length_are_kept() -> None:
    """What they mean is not decided here: tables() refuses them."""
    assert grid("| a | b | c |\n|---|---|---|\n| | 2 | |\n| 1 |\n| 1 | 2 | 3 | 4 |") == [
        ["a", "b", "c"],
        ["", "2", ""],
        ["1"],
        ["1", "2", "3", "4"],
    ]


def test_a_row_broken_over_lines() -> None:
    assert grid("| a | b | c |\n|---|---|---|\n| 1 |\n2 | 3 |\n| 4 | 5 | 6 |") == [
        ["a", "b", "c"],
        ["1", "2", "3"],
        ["4", "5", "6"],
    ]


def test_dividers() -> None:
    """Gemini's page in Markdown: a cell over all columns is followed by pipes without any width."""
    table = only_table(
        "| a | b | c |\n|---|---|---|\n| Preview models |||\n| 1 | | |\n| 1 | 2 | 3 |"
    )
    assert [row.divider for row in table.rows] == [True, False, False]


def test_tables_are_numbered_through_the_page() -> None:
    one = "| a | b |\n|---|---|\n| 1 | 2 |\n\n"
    assert [block.number for block in blocks(one * 3) if isinstance(block, Table)] == [1, 2, 3]


# --- blocks of HTML
# ----------------------------------------------------------------------------------------


def test_html_blocks() -> None:
    page = """<!doctype html><html><head><title>no</title></head><body><nav><h1>no</h1></nav><script>no</script>
    <main><h1>One</h1><div><p>text <code>a</code>
    goes on</p></div><h2 id="x">T<span>wo</span></h2>
    <ul><li>item <b>bold</b><ul><li>inner</li></ul></li><li><p>second</p></li></ul>
    <table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table></main><footer><p>no</p></footer></body></html>"""
    found: list[Any] = [
        (block.level, block.inline.line)
        if isinstance(block, Heading)
        else (block.depth, block.inline.line)
        if isinstance(block, Text)
        else block.header
        for block in blocks(page)
    ]
    assert found == [
        (1, "One"),
        (0, "text a goes on"),
        (2, "Two"),
        (1, "item bold"),
        (2, "inner"),
        (1, "second"),
        ("a", "b"),
    ]


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("<code>gpt-5</code> or <code>gpt-4.1*</code>", "gpt-5 or gpt-4.1"),
        (
            "$0.25 (Global)<br><br>$0.275 (Non-global)",
            "$0.25 (Global)\n$0.275 (Non-global)",
        ),  # Vertex pricing
        ("No earlier than 2027-04-14<sup>1</sup>", "No earlier than 2027-04-14"),
        ("&lt;= 200K", "<= 200K"),
        (
            "<= 200K <strong>cached</strong> input",
            "<= 200K cached input",
        ),  # Vertex: a raw <, which is text
        ("<p>a</p><p>b</p>", "a\nb"),
        ("<ul><li>a</li><li>b</li></ul>", "a\nb"),
        ("<!-- no -->yes", "yes"),
        ("a\n   b", "a b"),
        ("yes<button>copy</button><svg><text>no</text></svg>", "yes"),
    ],
)
def test_html_cells(cell: str, text: str) -> None:
    assert grid(f"<table><tr><th>a</th></tr><tr><td>{cell}</td></tr></table>") == [["a"], [text]]


def test_a_header_may_hold_a_raw_less_than() -> None:
    assert grid("<table><tr><th>Price <= 200K <b>cached</b></th></tr><tr><td>1</td></tr></table>")[
        0
    ] == ["Price <= 200K cached"]


HEAD = "<tr><td>a</td><td>b</td><td>c</td></tr>"


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("<tr><td>1</td><td>2</td><td>3</td></tr>", [["1", "2", "3"]]),
        ("<tr><th>1</th><td>2</td><td>3</td></tr>", [["1", "2", "3"]]),
        (
            "<tr><td rowspan=2>1</td><td>2</td><td>3</td></tr><tr><td>4</td><td>5</td></tr>",
            [["1", "2", "3"], ["1", "4", "5"]],
        ),
        (
            "<tr><td>1</td><td rowspan=2>2</td><td>3</td></tr><tr><td>4</td><td>5</td></tr>"
            "<tr><td>6</td><td>7</td><td>8</td></tr>",
            [["1", "2", "3"], ["4", "2", "5"], ["6", "7", "8"]],
        ),
        ("<tr><td colspan=2>1</td><td>2</td></tr>", [["1", "1", "2"]]),
        (
            "<tr><td rowspan=2 colspan=2>1</td><td>2</td></tr><tr><td>3</td></tr>",
            [["1", "1", "2"], ["1", "1", "3"]],
        ),
        # Vertex pricing: the model alone in its own <tr>, spanning the rows that follow
        (
            "<tr><td rowspan=3>1</td></tr><tr><td>2</td><td>3</td></tr><tr><td>4</td><td>5</td>"
            "</tr>",
            [["1", "2", "3"], ["1", "4", "5"]],
        ),
        (
            "<tr></tr><tr><td>1</td><td>2</td><td>3</td></tr><tr><td></td><td></td><td></td></tr>",
            [["1", "2", "3"]],
        ),
        ("<tr><td rowspan=0 colspan=x>1</td><td>2</td><td>3</td></tr>", [["1", "2", "3"]]),
    ],
)
def test_spans(rows: str, expected: list[list[str]]) -> None:
    assert grid(f"<table>{HEAD}{rows}</table>")[1:] == expected
    assert grid(f"<table><thead>{HEAD}</thead>{rows}</table>") == [["a", "b", "c"], *expected]
    assert (
        grid(f"<table><thead>{HEAD.replace('td', 'th')}</thead><tbody>{rows}</tbody></table>")[1:]
        == expected
    )


def test_a_header_of_two_rows_is_one() -> None:
    head = "<tr><th rowspan=2>Model</th><th colspan=2>Short</th></tr><tr><th>Input</th><th>Output</th></tr>"
    assert grid(f"<table><thead>{head}</thead><tr><td>1</td><td>2</td><td>3</td></tr></table>") == [
        ["Model", "Short Input", "Short Output"],
        ["1", "2", "3"],
    ]


def test_dividers_and_classes_of_rows() -> None:
    """Gemini's page: a cell over all columns divides, and what is shut down is gray."""
    table = only_table(
        f"<table><thead>{HEAD}</thead><tr><td colspan=3>Preview models</td></tr>"
        "<tr class='row-gray x'><td>1</td><td>2</td><td>3</td></tr></table>"
    )
    assert [(row.divider, row.classes) for row in table.rows] == [
        (True, ()),
        (False, ("row-gray", "x")),
    ]


def test_html_tables_as_browsers_see_them() -> None:
    """HTML standard, 13.2.6.4.9 and .13: Vertex's price page has all of these."""
    page = """<body><table><thead><tr><th>a</th><th>b</th></tr></thead>
        <tr><td rowspan="3">1</td></tr><tr><td>x</td></tr><tr><tr><td>2</td><td>y</td></tr></table>
        <table><thead><tr><th>c</th><th>d</th></tr></thead><tbody><td rowspan="2">3</td></tr><tr><td>z</td></tr></tbody>
        <table><tr><th>e</th></tr><tr><td>4</td></tr></table><h2>After</h2><table><tr><th>f</th></tr></table>"""
    first, second, third, after, fourth = blocks(page)
    assert isinstance(first, Table)
    assert [[cell.text for cell in row.cells] for row in first.rows] == [["1", "x"], ["2", "y"]]
    assert isinstance(second, Table)
    assert [[cell.text for cell in row.cells] for row in second.rows] == [["3", "z"]]
    assert isinstance(third, Table)
    assert [row.cells[0].text for row in third.rows] == ["4"]
    assert isinstance(after, Heading)
    assert isinstance(fourth, Table)


def test_focus_keeps_what_tables_and_headings_say() -> None:
    page = (
        b"<!doctype html><html><body nonce=1><h2 class=x>One</h2><p>no</p><TABLE><tr><td>a</td>"
        b"<td>b</td></tr>"
        b"<tr><td>1</td><td>2</td></tr></TABLE><script>no</script></body></html>"
    )
    focus = tables_and_headings(page)
    assert b"nonce" not in focus
    assert b"<p>" not in focus
    assert [block for block in blocks(page) if not isinstance(block, Text)] == blocks(focus)
    assert tables_and_headings(b"# Markdown") == b"# Markdown"


def test_focus_takes_time_in_proportion_to_the_page() -> None:
    """What it is given was read by nobody, and it runs outside the sandbox: this page took
    minutes.
    """
    page = b"<html><h2>A</h2>" + b"<table><h1></h1  " * 200_000 + b"<h2>B</H2\n>"
    assert tables_and_headings(page) == b"<body><h2>A</h2>\n<h2>B</H2\n></body>"


SOUP = [
    b"<table>",
    b"<TABLE a=1>",
    b"</table>",
    b"</Table  >",
    b"<tablex>",
    b"<h1>",
    b"<h2 x>",
    b"</h1>",
    b"</H2\n>",
]


@given(st.lists(st.sampled_from(SOUP)).map(b"".join))
def test_focus_is_every_element_from_its_beginning_to_its_first_end(soup: bytes) -> None:
    found = re.finditer(rb"<(table|h[1-6])\b.*?</\1\s*>", soup, re.DOTALL | re.IGNORECASE)
    page = b"<html>" + soup
    assert (
        tables_and_headings(page)
        == b"<body>" + b"\n".join(match[0] for match in found) + b"</body>"
    )


# --- HTML and Markdown of one table
# ------------------------------------------------------------------------

#: Everything that means something in either markup, and what pages really hold.
_ODD = st.sampled_from(list("abcXYZ019 .,:;/-+=$%&'\"()[]{}<>|*_~#!?@^\\`€≤\u2011\u200b\u00a0é中"))
_CELLS = st.lists(_ODD, max_size=12).map("".join)


def _as_markdown(text: str) -> str:
    """Any text as itself: every mark that could mean something escaped."""
    return "".join(
        f"\\{char}" if char.isascii() and not char.isalnum() and char != " " else char
        for char in text
    )


@given(
    st.integers(2, 4).flatmap(
        lambda width: st.lists(st.lists(_CELLS, min_size=width, max_size=width), min_size=1)
    )
)
def test_html_and_markdown_of_a_table_are_one_table(cells: list[list[str]]) -> None:
    rows = [
        [f"h{number}" for number in range(len(cells[0]))],
        *(["x" + row[0], *row[1:]] for row in cells),
    ]
    marked = ["| " + " | ".join(map(_as_markdown, row)) + " |" for row in rows]
    marked.insert(1, "|" + "---|" * len(rows[0]))
    tagged = [
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    ]
    expected = [[clean(cell) for cell in row] for row in rows]
    assert grid("\n".join(marked)) == expected
    assert grid(f"<table>{''.join(tagged)}</table>") == expected


@given(st.lists(_CELLS.map(lambda said: re.sub("[`*&]", "", said)), min_size=1, max_size=4))
def test_html_and_markdown_of_code_spans_are_one(ids: list[str]) -> None:
    names = [f"x{name}x".replace("\\", "") for name in ids]
    marked = " or ".join(f"`{name}`" for name in names)
    tagged = " or ".join(f"<code>{html.escape(name)}</code>" for name in names)
    [from_html] = (
        only_table(f"<table><tr><td>h</td></tr><tr><td>{tagged}</td></tr></table>").rows[0].cells
    )
    from_markdown, _ = only_table(f"| h | i |\n|---|---|\n| {marked} | 1 |").rows[0].cells
    assert from_markdown.codes == from_html.codes == tuple(map(clean, names))


@given(st.text(max_size=200))
def test_any_text_is_a_page(text: str) -> None:
    blocks(text)
    blocks(f"<html>{text}")
