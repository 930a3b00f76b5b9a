"""The blocks of a web page, as browsers show them."""

from __future__ import annotations

from typing import Any

import pytest

from monitor.reading.blocks import Heading, Table, Text
from monitor.reading.document import blocks
from tests.support.tables import grid, only_table


def test_html_blocks() -> None:
    page = """<!doctype html><html><head><title>no</title></head><body><nav><h1>no</h1></nav><script>no</script>
    <main><h1>One</h1><div><p>text <code>a</code>
    goes on</p></div><h2 id="x">T<span>wo</span></h2>
    <ul><li>item <b>bold</b><ul><li>inner</li></ul></li><li><p>second</p></li></ul>
    <table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table></main><footer><p>no</p></footer></body></html>"""
    result: list[Any] = [
        (block.level, block.inline.line)
        if isinstance(block, Heading)
        else (block.depth, block.inline.line)
        if isinstance(block, Text)
        else block.header
        for block in blocks(page)
    ]
    assert result == [
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
