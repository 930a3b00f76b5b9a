"""The part of a web page that is read: its tables and headings."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from monitor.reading.blocks import Text
from monitor.reading.document import blocks
from monitor.reading.focus import tables_and_headings


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
    elements = re.finditer(rb"<(table|h[1-6])\b.*?</\1\s*>", soup, re.DOTALL | re.IGNORECASE)
    page = b"<html>" + soup
    assert (
        tables_and_headings(page)
        == b"<body>" + b"\n".join(match[0] for match in elements) + b"</body>"
    )
