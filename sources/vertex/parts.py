"""Vertex AI: the parts of a page below its H2, and the texts in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from monitor.reading.page import Block, Heading, Inline, Table, inline


def sections_of(page: Sequence[Block]) -> Iterator[tuple[Inline, list[Block]]]:
    """Each H2 with all that follows it. What stands before the first is an introduction."""
    starts = [
        number
        for number, block in enumerate(page)
        if isinstance(block, Heading) and block.level == 2
    ]
    for start, end in pairwise([*starts, len(page)]):
        if isinstance(heading := page[start], Heading) and heading.inline.line != "What's next":
            yield heading.inline, list(page[start + 1 : end])


def texts_of(block: Block) -> list[Inline]:
    """What a block says, in order: the card of a model is a list of labels and values, or a table
    of them.
    """
    if isinstance(block, Table):
        return [inline(title) for title in block.header] + [
            cell for row in block.rows for cell in row.cells
        ]
    return [block.inline]
