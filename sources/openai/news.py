"""OpenAI, the company's news: https://openai.com/news/rss.xml

Only `lastBuildDate` differs between most polls."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from monitor.core.facts import Notice
from monitor.reading import page
from monitor.reading.source import source


@source(
    "https://openai.com/news/rss.xml",
    every=timedelta(hours=1),
    facts=(Notice,),
    markers=(b"<rss", b"OpenAI News"),
)
def news(body: bytes) -> Iterator[Notice]:
    """The items of the feed."""
    yield from page.feed_notices(body)
