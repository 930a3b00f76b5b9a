"""MiniMax: the models that it released.

https://platform.minimax.io/docs/release-notes/models.md: dated headings, some with a month only,
and below each a ``<Card title="..." href="...">`` whose title is the model's name. Two headings can
have one date. No retirements. A heading of this level that is no date, or one without a card, is
Unreadable.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urljoin

from monitor.core.facts import Notice
from monitor.reading import page
from monitor.reading.source import source

PAGE = "https://platform.minimax.io/docs/release-notes/models"


@source(f"{PAGE}.md", every=timedelta(hours=12), facts=(Notice,), markers=(b"<Card", b"MiniMax"))
def releases(body: bytes) -> Iterator[Notice]:
    """A notice for each card."""
    _, *dated = re.split(r"^#{4} +", page.decode(body), flags=re.MULTILINE)
    for part in dated:
        heading, _, text = part.partition("\n")
        cards = page.elements(text, "Card")
        if not cards:
            raise page.Unreadable(f"no card under {heading!r}")
        for card in cards:
            title, summary = card["title"], page.inline(card.text).line
            yield Notice(
                title=title,
                link=urljoin(PAGE, card.attributes.get("href", "")),
                published=page.when(heading),
                summary=summary,
                quote=f"{title}: {summary}",
            )
