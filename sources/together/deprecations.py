"""Together AI: models removed from serverless inference, and names that answer as a newer model.

https://docs.together.ai/docs/deprecations.md: a table of removals, "most recent first", without
announcement or replacement. A removal is from the serverless endpoints; whether the model goes on
as a dedicated endpoint stays in ``note``. One id can stand in two rows, since a model can come
back: the upper row is the fact.

The redirects of the page are in the short names it prints (``Kimi-K2``), not in the ids of the
other table. A table of other columns is Unreadable.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from monitor.core.facts import Fact, Listing, Retirement
from monitor.reading import page
from monitor.reading.source import source

REMOVED = page.layout(
    retires="removal date", model="model", dedicated="supported by on-demand dedicated*"
)
#: The captured page ends within its section "Inference". Tables beside it are of another surface.
BESIDE = page.layout(
    retires="removal date|deprecation date", model="model", under="^(?:fine-?tun|dedicated)"
)
REDIRECTS = page.layout(model="original model", target="redirects to", why="notes")
POLICY = page.layout(model="model type", notice="deprecation notice", notes="notes")


@source(
    "https://docs.together.ai/docs/deprecations.md",
    facts=(Retirement, Listing),
    markers=(b"Removal date", b"meta-llama/"),
    keeps_retired=True,
)
def deprecations(body: bytes) -> Iterable[Fact]:
    """Removed models by id, and redirected names as aliases."""
    return page.newest(_facts(body))


def _facts(body: bytes) -> Iterator[Fact]:
    for row in page.tables(body, REMOVED, BESIDE, REDIRECTS, skip=[POLICY]):
        for model in page.codes(row["model"]):
            yield _alias(model, row) if row.layout is REDIRECTS else _removal(model, row)


def _alias(model: str, row: page.Row) -> Listing:
    [target] = page.codes(row["target"])
    why = row["why"].line
    return Listing(model=model, surface="serverless", alias_of=target, note=why, quote=row.quote)


def _removal(model: str, row: page.Row) -> Retirement:
    dedicated = row.get("dedicated")
    surface = "fine-tuning" if row.heading.casefold().startswith("fine") else "dedicated"
    return Retirement(
        model=model,
        surface="serverless" if row.layout is REMOVED else surface,
        stage="deprecated",
        retires=page.when(row["retires"]),
        note=f"on-demand dedicated endpoints: {dedicated.line}" if dedicated else "",
        quote=row.quote,
    )
