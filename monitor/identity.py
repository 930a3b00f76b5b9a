"""One model under many names: the canonical id ``maker/model`` groups for people and filters; it never merges facts.

A rule for each maker, each with its cases in tests/test_identity.py. A name that no rule knows keeps its own form.
"""

from __future__ import annotations

import re

#: Who made the models that a provider serves under its own ids.
MAKERS = {"openai": "openai", "anthropic": "anthropic", "gemini": "google"}

_CLAUDE_DATE = re.compile(r"[-@]?(?:20\d{6}|latest)$")


def canonical(provider: str, model: str) -> str:
    """``maker/model`` in lower case; empty where there is no model.

    Display names fold to ids: ``Gemini 2.5 Flash`` is ``google/gemini-2.5-flash``. Anthropic wrote the family
    last until Claude 3.7 and first since Claude 4, and renamed the old ones on its pages, so both orders are one:
    ``claude-3-haiku-20240307``, ``Claude Haiku 3`` and ``Claude 3 Haiku`` are ``anthropic/claude-haiku-3``.
    """
    if not model:
        return ""
    maker = MAKERS.get(provider, provider)
    name = re.sub(r"\s+", "-", model.strip().casefold())
    if maker == "anthropic" and name.startswith("claude"):
        name = _claude(name)
    if maker == "google":
        name = name.removeprefix("models/")
    return f"{maker}/{name}"


def _claude(name: str) -> str:
    parts = re.split(r"[-.]", _CLAUDE_DATE.sub("", name))
    words = [part for part in parts if not part.isdigit()]
    numbers = [part for part in parts if part.isdigit()]
    return "-".join(words + numbers)
