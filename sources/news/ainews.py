"""AINews: https://news.smol.ai. Most issues have one title; the title and the minute tell them
apart."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from monitor.core.facts import Notice
from monitor.reading.source import source
from sources.news.feeds import feed


@source(
    "https://news.smol.ai/rss.xml",
    every=timedelta(hours=2),
    kind="news",
    facts=(Notice,),
    markers=(b"<rss", b"news.smol.ai"),
    max_bytes=40_000_000,
)
def ainews(body: bytes) -> Iterator[Notice]:
    """The daily issues of AINews."""
    yield from feed(body)
