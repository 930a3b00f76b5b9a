"""Amazon Bedrock: ids, Regions and remarks as both layouts of the lifecycle page print them."""

from __future__ import annotations

import re

from monitor.core.facts import When
from monitor.reading import page

MODEL_ID = re.compile(r"[a-z0-9]+\.[\w.:-]+")
REGION = re.compile(r"[a-z]{2}(?:-[a-z]+)+-\d")
#: Marks of how a Region is reached, which do not tell which Region it is.
MARKS = re.compile(r"\(gated\)|\*|^only in\b|\bregions\b", re.IGNORECASE)


def lifecycle_blocks(document: bytes) -> list[page.Block]:
    """Return the blocks of a page. Raises Unreadable if it has another title."""
    blocks = page.blocks(document)
    titles = [
        block.inline.line
        for block in blocks
        if isinstance(block, page.Heading) and block.level == 1
    ]
    if not any(title.startswith("Model lifecycle") for title in titles):
        raise page.Unreadable(f"a page titled {', '.join(titles)!r} instead of 'Model lifecycle'")
    return list(blocks)


def regions(cell: page.Inline) -> str:
    """Return the Regions that a cell lists, sorted and without marks; nothing for all Regions."""
    text = MARKS.sub(" ", cell.line).strip()
    if text.casefold() == "all":
        return ""
    names = {name for name in re.split(r"[\s,]+", text) if name not in ("", "and")}
    for name in names:
        if not REGION.fullmatch(name):
            raise cell.error(f"no Region {name!r}")
    return ", ".join(sorted(names))


def extended_access(start: When | None) -> str:
    """Return the remark on public extended access from this day, or nothing."""
    return f"public extended access from {start}, prices may be higher" if start else ""
