"""Mistral: dates and token counts as it prints them."""

from __future__ import annotations

import re

from monitor.core.facts import When
from monitor.reading.page import Inline, when


def day(text: str) -> When | None:
    return when(Inline(text, where="date")) if text else None


def tokens(said: Inline) -> int | None:
    """ "128k" or "1M" tokens; None where nothing or "--" is printed."""
    if said.line in ("", "--"):
        return None
    match = re.fullmatch(r"(\d+)([kM])", said.line)
    if not match:
        raise said.error("not a number of tokens")
    return int(match[1]) * (1000 if match[2] == "k" else 1_000_000)
