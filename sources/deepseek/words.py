"""DeepSeek: names of models and first sentences, as prices and change log print them."""

from __future__ import annotations

import re

from monitor.reading import page

MODEL = re.compile(r"deepseek-[a-z0-9]+(?:[.-][a-z0-9]+)*")


def title_of(text: str) -> str:
    """Return the first sentence, as the title of a text without a heading."""
    return page.first_sentence(text, ".:;!?")
