"""Mistral, models: https://docs.mistral.ai/getting-started/models/

Since October 2025 the page has one table of deprecated and retired models, with dates as
month/day/year and replacements as display names. Its live models are cards without ids and are not
read; the API lists them. The TypeScript from which the site is rendered is read into the same ids
(typescript.py), and so is the Markdown until October 2025 (history.py).

``model`` is the API's dated id, or the display name where none is printed (weights that were never
served). An id may stand twice, with two names (``voxtral-mini-2507``), two versions
(``open-mistral-7b``) or by mistake; it is one fact. Of two different retirements the later
announced counts, then the sooner one, which is the safe one.

A renamed column is Unreadable. A typing error such as ``2525/06/06`` is passed on as printed, and
the core holds the document (monitor.core.guards.check).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from monitor.core.facts import Fact, Listing, Price, Retirement
from monitor.reading import page
from monitor.reading.source import source
from sources.mistral.rows import merged, retirements, with_ids
from sources.mistral.typescript import is_typescript, typescript

MODELS = page.layout(
    name="model",
    model="api",
    deprecated="deprecation",
    retires="retirement",
    replacement="alternative",
    ignore=("version",),
)


@source(
    "https://docs.mistral.ai/getting-started/models/",
    facts=(Retirement, Listing, Price),
    markers=(b"mistral-",),
    keeps_retired=True,
)
def models(body: bytes) -> Iterable[Fact]:
    """Return retirements, aliases and prices, as far as the document has them."""
    text = page.decode(body)
    return merged(typescript(text) if is_typescript(text) else _rendered(text))


def _rendered(text: str) -> Iterator[Retirement]:
    for row in with_ids(page.tables(text, MODELS)):
        yield from retirements(row)
