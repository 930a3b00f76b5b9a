"""Amazon Bedrock, document history of the user guide:
https://docs.aws.amazon.com/bedrock/latest/userguide/doc-history.html

Its feed lists what was added to the guide or changed: launches and retirements among the rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

from monitor.core.facts import Fact, Notice
from monitor.reading.page import (
    entries,
)
from monitor.reading.source import source
from sources.bedrock import GUIDE

_MODEL_ID = re.compile(r"\b[a-z0-9]+\.[a-z][a-z0-9.-]*-v\d+(?::\d+)?\b")


@source(
    f"{GUIDE}/bedrock-ug.rss",
    every=timedelta(hours=6),
    facts=(Notice,),
    markers=(b"<rss", b"Bedrock"),
)
def history(body: bytes) -> Iterator[Fact]:
    """Document history of the user guide: what was added to it or changed, launches and retirements
    among the rest.
    """
    for entry in entries(body, dated=True):
        yield Notice(
            title=entry.title,
            link=entry.link,
            published=entry.published,
            summary=entry.summary,
            models=tuple(dict.fromkeys(_MODEL_ID.findall(entry.summary))),
            quote=f"{entry.title}: {entry.summary}",
        )
