"""Hacker News: a search by https://hnrss.org. ``link`` is the article, not the discussion."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from monitor.core.facts import Notice
from monitor.reading.source import source
from sources.news.feeds import feed


@source(
    "https://hnrss.org/newest?q=model+deprecation&count=50",
    every=timedelta(hours=1),
    kind="news",
    facts=(Notice,),
    markers=(b"<rss", b"hnrss.org"),
)
def hacker_news(body: bytes) -> Iterator[Notice]:
    """The newest items that the search finds."""
    yield from feed(body)
