"""Perplexity: the stories of its changelog.

A line in bold alone begins a story. One without such a line is called by its first sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from monitor.core.facts import When
from monitor.reading import page

TITLE = re.compile(r"^\*\*(?P<title>(?:(?!\*\*).)+[^:*])\*\*[ \t]*$", re.MULTILINE)
FENCE = re.compile(r"^\s*```.*?^\s*```", re.MULTILINE | re.DOTALL)
MODEL = re.compile(r"sonar|(?=.*[/-])[a-z][a-z0-9.:-]*(?:/[a-z0-9.:-]+)?")


@dataclass(frozen=True)
class Story:
    """One story. ``published`` is the month of its block."""

    title: str
    published: When
    texts: Sequence[page.Text]

    @property
    def sentences(self) -> list[page.Inline]:
        return [part for text in self.texts for part in page.sentences(text.inline)]


def stories(document: str) -> Iterator[Story]:
    """Yield the stories of all blocks. Raises Unreadable for an empty block."""
    for block in page.elements(document, "Update"):
        published = page.when(block["label"])
        head, *parts = re.split(TITLE, FENCE.sub("", block.text))
        if published is None or not (head.strip() or parts):
            raise page.Unreadable(f"nothing in an entry of {block['label']!r}")
        if head.strip():
            first = next(text for text in page.blocks(head) if not isinstance(text, page.Table))
            parts[:0] = page.sentences(first.inline)[0].text, head
        for title, text in zip(parts[::2], parts[1::2], strict=True):
            texts = [part for part in page.blocks(text) if isinstance(part, page.Text)]
            yield Story(page.inline(title).line, published, texts)
