"""Read any RSS or Atom feed as news: those of this package, and those that operators add.

News says that a model ends when somebody said so: rumours stand as fact in it, and "retire" in
every other sense. It is a Notice and nothing else. The blogs of the vendors have not announced one
retirement in two years; their documents do. An item without a date has none here. A document that
is no well-formed feed is Unreadable.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from monitor.core.facts import Notice
from monitor.reading import page

#: As much of a summary as is kept: AINews writes 50 pages an issue.
LENGTH = 1000
#: hnrss.org counts points and comments in each item.
COUNTS = re.compile(r"\s*Points: \d+ # Comments: \d+$")
#: Ids of the watched makers' models: a family and a number, with hyphens between the parts.
FAMILIES = (
    "(?:chat)?gpt|claude|gemini|gemma|imagen|veo|grok|llama|mi(?:ni)?stral|codestral|devstral"
    "|magistral|pixtral|command|deepseek|qwen|kimi|glm|minimax|mimo|nova|sora|dall-e|whisper|sonar"
    "|phi"
)
MODEL = re.compile(
    rf"(?<![\w/.-])(?:o[134]|(?:{FAMILIES})(?=[\w.-]*\d)(?:-?[\w.]+)?)(?:-[\w.]+)*\b",
    re.IGNORECASE,
)


def feed(body: bytes) -> Iterator[Notice]:
    """Yield a notice for each item, with the ids of models that its title and summary name."""
    for entry in page.entries(body):
        summary = COUNTS.sub("", entry.summary)
        ids = (match[0].rstrip(".") for match in MODEL.finditer(f"{entry.title}\n{summary}"))
        yield Notice(
            title=entry.title,
            link=entry.link,
            published=entry.published,
            summary=summary[:LENGTH],
            models=tuple(dict.fromkeys(ids)),
            quote=f"{entry.title}. {summary[:LENGTH]}",
        )
