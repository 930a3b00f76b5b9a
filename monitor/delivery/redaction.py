"""Take secrets out of the text that is recorded of an attempt. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import unquote

#: A secret that is shorter would be taken out of ordinary text.
SHORTEST = 8


def redact(text: str, secrets: Sequence[str]) -> str:
    """Return a text to record, without secrets and without characters that a database refuses.

    A receiver may send back what it was sent."""
    for secret in secrets if text else ():
        if len(secret) >= SHORTEST:
            text = text.replace(secret, "[secret]")
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char in "\n\t" else "\N{REPLACEMENT CHARACTER}"
        for char in text
    )


def login_parts(url: str) -> tuple[str, ...]:
    """Return user name and password of a URL, together and each, to redact them."""
    login = url.partition("://")[2].rpartition("@")[0]
    return (login, *map(unquote, login.split(":", 1))) if login else ()
