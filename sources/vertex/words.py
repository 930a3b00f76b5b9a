"""Vertex AI: what its pages share, H2 sections and stages told by dates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from monitor.core.facts import Stage, When
from monitor.reading import page

DOCS = "https://docs.cloud.google.com/gemini-enterprise-agent-platform"


def stage_by_date(retires: When | None) -> Stage:
    """Return deprecated for a model with a firm date, active for one with a floor or none."""
    return "deprecated" if retires and retires.bound == "on" else "active"


def h2_sections(blocks: Sequence[page.Block]) -> Iterator[tuple[page.Inline, list[page.Block]]]:
    """Yield each H2 with all that follows it. What stands before the first is an introduction."""
    starts = [
        number
        for number, block in enumerate(blocks)
        if isinstance(block, page.Heading) and block.level == 2
    ]
    for start, end in pairwise([*starts, len(blocks)]):
        heading = blocks[start]
        if isinstance(heading, page.Heading) and heading.inline.line != "What's next":
            yield heading.inline, list(blocks[start + 1 : end])


def texts_of(block: page.Block) -> list[page.Inline]:
    """Return the texts of a block, in order, those of a table cell by cell.

    The card of a model is a list of labels and values, or a table of them."""
    if isinstance(block, page.Table):
        cells = [cell for row in block.rows for cell in row.cells]
        return [*map(page.inline, block.header), *cells]
    return [block.inline]
