"""Damage to a document on its way: a web page without its end, a text that was encoded twice."""

from __future__ import annotations

import re

_WEB_PAGE = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype html|html)\b", re.IGNORECASE)
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]+")
#: Bytes at the end of a page in which its last tag must stand: caches and servers add comments
#: behind it.
_TAIL = 2000


def damage(body: bytes) -> str | None:
    """Return what happened to a document on its way, or None.

    HTML lets the last tags be left out; no page that is polled does. JSON and XML show by
    themselves that they were cut. Markdown shows it only within a fence or a comment
    (monitor.reading.markdown).
    """
    if _WEB_PAGE.match(body) and not any(
        tag in body[-_TAIL:].lower() for tag in (b"</html>", b"</body>")
    ):
        return "the page is cut: it has no </html>"
    return "the text was encoded twice" if _is_garbled(body) else None


def _is_garbled(body: bytes) -> bool:
    """Return True for UTF-8 that was read as cp1252 or Latin-1 and encoded once more, as a whole.

    Every run of other characters than ASCII is then UTF-8 of something, and no real letter alone
    is. A run with a character that could not be encoded (U+FFFD) shows nothing.
    """
    runs = _BEYOND_ASCII.findall(body.decode("utf-8", "replace"))
    whole = [run for run in runs if "\ufffd" not in run]
    return bool(whole) and all(map(_is_utf8, whole))


def _is_utf8(text: str) -> bool:
    """Return True for characters that bytes of UTF-8 are in cp1252, or in Latin-1 in its gaps."""
    try:
        b"".join(
            character.encode("latin-1" if character < "\xa0" else "cp1252") for character in text
        ).decode()
    except UnicodeError:
        return False
    return True
