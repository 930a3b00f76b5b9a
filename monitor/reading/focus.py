"""The part of a web page that an adapter reads, cut out before parsing.

It runs in the service for each poll and on bytes that nobody has read yet. So it takes time in
proportion to the page, and needs no library.
"""

from __future__ import annotations

import re

from monitor.reading.document import is_html

#: Elements whose content is no part of the page, and comments.
_COMMENT = b"!--"
_HIDDEN = (_COMMENT, b"script", b"style", b"template")
_SHOWN = (b"table", b"h1", b"h2", b"h3", b"h4", b"h5", b"h6")
_OPENING = re.compile(rb"<(!--|(?:table|h[1-6]|script|style|template)\b)", re.IGNORECASE)
_CLOSING = {
    name: re.compile(rb"-->" if name == _COMMENT else rb"</" + name + rb"\s*+>", re.IGNORECASE)
    for name in (*_SHOWN, *_HIDDEN)
}


def tables_and_headings(body: bytes) -> bytes:
    """Return the tables and headings of a web page alone; Markdown is returned whole.

    As a Source.focus, it leaves out the build ids and nonces around them, which would make every
    document another one. A table in a comment or a script is none: no reader of the page sees it.
    """
    if not is_html(body[:200].decode("utf-8", "replace")):
        return body
    parts: list[bytes] = []
    #: Elements that end nowhere below. Searching for each end again took minutes.
    endless: set[bytes] = set()
    at = 0
    while opening := _OPENING.search(body, at):
        name, at = opening[1].lower(), opening.end()
        closing = None if name in endless else _CLOSING[name].search(body, at)
        if not closing:
            endless.add(name)
            continue
        if name in _SHOWN:
            parts.append(body[opening.start() : closing.end()])
        at = closing.end()
    return b"<body>" + b"\n".join(parts) + b"</body>"
