"""News about models: a search of Hacker News (https://hnrss.org) and AINews (https://news.smol.ai).

Any RSS or Atom feed reads alike; ``feed`` is what one that an operator adds is read with. News says
that a model ends when somebody said so: rumours stand as fact in it, and "retire" in every other
sense. It is a Notice and nothing else.

What is odd:
- The blogs of the vendors have not told one retirement in two years; their documents do.
- hnrss.org counts points and comments in each item, which are left out. ``link`` is the article,
  not the discussion.
- AINews gives most of its issues the same title; a notice is known by its title and its minute.
- A GitHub feed has line breaks in its titles. An item without a date has none here.

What would break it, as Unreadable: a document that is no well-formed feed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

from monitor.core.facts import Notice
from monitor.reading.page import entries
from monitor.reading.source import source

#: As much of a summary as is kept: AINews writes 50 pages an issue.
_LENGTH = 1000
_COUNTS = re.compile(r"\s*Points: \d+ # Comments: \d+$")
#: What looks like the id of a model of the watched makers: a family and a number, with hyphens
#: between its parts.
_MODEL = re.compile(
    r"(?<![\w/.-])(?:o[134]|(?:(?:chat)?gpt|claude|gemini|gemma|imagen|veo|grok|llama|mi(?:ni)?stral|codestral|devstral"
    r"|magistral|pixtral|command|deepseek|qwen|kimi|glm|minimax|mimo|nova|sora|dall-e|whisper|sonar|phi)"
    r"(?=[\w.-]*\d)(?:-?[\w.]+)?)(?:-[\w.]+)*\b",
    re.IGNORECASE,
)


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


def feed(body: bytes) -> Iterator[Notice]:
    """The items of any RSS or Atom feed, with the ids of models that their title and summary
    name.
    """
    for entry in entries(body):
        summary = _COUNTS.sub("", entry.summary)
        named = (match[0].rstrip(".") for match in _MODEL.finditer(f"{entry.title}\n{summary}"))
        yield Notice(
            title=entry.title,
            link=entry.link,
            published=entry.published,
            summary=summary[:_LENGTH],
            models=tuple(dict.fromkeys(named)),
            quote=f"{entry.title}. {summary[:_LENGTH]}",
        )
