"""Amazon Bedrock, document history of the user guide:
https://docs.aws.amazon.com/bedrock/latest/userguide/doc-history.html

Its feed lists what was added to the guide or changed: launches and retirements among the rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from monitor.core.facts import Notice
from monitor.reading import page
from monitor.reading.source import source

MODEL_ID = re.compile(r"\b[a-z0-9]+\.[a-z][a-z0-9.-]*-v\d+(?::\d+)?\b")


@source(
    "https://docs.aws.amazon.com/bedrock/latest/userguide/bedrock-ug.rss",
    facts=(Notice,),
    markers=(b"<rss", b"Bedrock"),
)
def history(body: bytes) -> Iterator[Notice]:
    """Yield every entry of the feed."""
    return page.feed_notices(body, MODEL_ID)
