"""A document's bytes as text, and its text as blocks.

The libraries that read HTML and Markdown are imported when they are needed: a poll in which nothing
changed needs none.
"""

from __future__ import annotations

import re

from monitor.errors import Unreadable
from monitor.reading.blocks import Block

_ENCODINGS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"", "utf-8-sig"))
#: An element that begins a web page. Mintlify's Markdown begins with elements of its own.
_HTML = re.compile(
    r"\s*<(?!(?:style|Warning|Note|Tip|Info)\b)"
    r"(?:!doctype|html|head|body|div|main|article|table|section|p|h\d)\b",
    re.IGNORECASE,
)


def decode(body: bytes) -> str:
    """Return the text of a document: UTF-8, or UTF-16 with a byte order mark.

    Raises Unreadable for anything else.
    """
    encoding = next(name for mark, name in _ENCODINGS if body.startswith(mark))
    try:
        return body.decode(encoding)
    except UnicodeDecodeError as error:
        raise Unreadable(f"not {encoding} text: {error.reason} at byte {error.start}") from error


def is_html(text: str) -> bool:
    """Return True for HTML, False for Markdown that happens to hold some tags."""
    return _HTML.match(text) is not None


def blocks(body: bytes | str) -> list[Block]:
    """Return the headings, paragraphs, list items and tables of a page, in its order.

    Raises Unreadable for bytes that are no text, and for Markdown that is cut within a code fence
    or a comment.
    """
    text = decode(body) if isinstance(body, bytes) else body
    if is_html(text):
        from monitor.reading.html import html_blocks

        return html_blocks(text)
    from monitor.reading.markdown import markdown_blocks

    return markdown_blocks(text)
