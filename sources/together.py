"""Together AI: models removed from serverless inference, and names that answer as a newer model.

https://docs.together.ai/docs/deprecations.md: a table of removals, "most recent first", without
announcement or replacement. A removal is from the serverless endpoints; whether the model goes on
as a dedicated endpoint stays in ``note``. One id can stand in two rows, since a model can come
back: the upper row is the fact.

The redirects of the page are in the short names it prints (``Kimi-K2``), not in the ids of the
other table.

What would break it, as Unreadable: a table of other columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from monitor.core.facts import Fact, Listing, Retirement
from monitor.reading.page import Row, codes, layout, newest, tables, when
from monitor.reading.source import source

_REMOVED = layout(
    retires="removal date", model="model", dedicated="supported by on-demand dedicated*"
)
#: The captured page ends within its section "Inference". What stands beside it is of another
#: surface.
_BESIDE = layout(
    retires="removal date|deprecation date", model="model", under="^(?:fine-?tun|dedicated)"
)
_REDIRECTS = layout(model="original model", target="redirects to", why="notes")
_POLICY = layout(model="model type", notice="deprecation notice", notes="notes")


@source(
    "https://docs.together.ai/docs/deprecations.md",
    facts=(Retirement, Listing),
    markers=(b"Removal date", b"meta-llama/"),
    keeps_retired=True,
)
def deprecations(body: bytes) -> Iterable[Fact]:
    """Removed models by id, and redirected names as aliases."""
    return newest(_rows(body))


def _rows(body: bytes) -> Iterator[Fact]:
    for row in tables(body, _REMOVED, _BESIDE, _REDIRECTS, skip=[_POLICY]):
        for model in codes(row["model"]):
            if row.layout is _REDIRECTS:
                [target] = codes(row["target"])
                yield Listing(
                    model=model,
                    surface="serverless",
                    alias_of=target,
                    note=row["why"].line,
                    quote=row.quote,
                )
            else:
                dedicated = row.get("dedicated")
                yield Retirement(
                    model=model,
                    surface=_surface(row),
                    stage="deprecated",
                    retires=when(row["retires"]),
                    note=f"on-demand dedicated endpoints: {dedicated.line}" if dedicated else "",
                    quote=row.quote,
                )


def _surface(row: Row) -> str:
    if row.layout is _REMOVED:
        return "serverless"
    return "fine-tuning" if row.heading.casefold().startswith("fine") else "dedicated"
