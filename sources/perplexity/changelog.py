"""Perplexity, changelog: https://docs.perplexity.ai/docs/resources/changelog

``<Update label="August 2026" tags={["Models", "Pricing"]}>`` blocks, newest first. The label is a
month, and several blocks can have the same. Each block has stories (stories.py); each story is a
notice. The tag "Deprecation" is missing from some removals, so all stories are read for
retirements (retirements.py) and prices (prices.py). The newest story about a model or a
meter counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from monitor.core.facts import Fact, Notice, Price, Retirement
from monitor.reading import page
from monitor.reading.source import source
from sources.perplexity.prices import prices
from sources.perplexity.retirements import retirements
from sources.perplexity.stories import MODEL, Story, stories

PAGE = "https://docs.perplexity.ai/docs/resources/changelog"


@source(f"{PAGE}.md", facts=(Retirement, Price, Notice), markers=(b"<Update", b"sonar"))
def changelog(body: bytes) -> Iterator[Fact]:
    """Yield a notice for each story, and the retirements and prices that the stories tell."""
    all_stories = list(stories(page.decode(body)))
    # Numbered from the oldest, so that a title which comes again within its month takes the next
    # number and the first keeps its key.
    yield from reversed(list(page.numbered(map(_notice, reversed(all_stories)))))
    yield from page.newest(chain.from_iterable(map(retirements, all_stories)))
    yield from page.newest(chain.from_iterable(map(prices, all_stories)))


def _notice(story: Story) -> Notice:
    summary = " ".join(text.inline.line for text in story.texts)
    codes = (code for text in story.texts for code in text.inline.codes)
    ids = dict.fromkeys(code for code in codes if "/" in code and MODEL.fullmatch(code))
    return Notice(
        title=story.title,
        link=PAGE,
        published=story.published,
        summary=summary,
        models=tuple(ids),
        quote=summary.partition(". ")[0] or story.title,
    )
