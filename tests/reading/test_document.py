"""A document as text and as blocks: HTML and Markdown of one table are one table."""

from __future__ import annotations

import html
import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import Unreadable
from monitor.reading.document import blocks, decode, is_html
from monitor.reading.html import html_blocks  # noqa: F401  slow to import, and the tests are timed
from monitor.reading.inline import clean
from monitor.reading.markdown import markdown_blocks  # noqa: F401
from tests.support.tables import grid, only_table


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


@given(st.lists(_CELLS.map(lambda text: re.sub("[`*&]", "", text)), min_size=1, max_size=4))
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
def test_any_text_is_a_page_or_refused(text: str) -> None:
    with suppress(Unreadable):
        blocks(text)
    blocks(f"<html>{text}")
