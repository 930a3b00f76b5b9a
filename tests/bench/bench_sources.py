"""Sources of the bench, declared as a private module would (LASTCALL_EXTRA_SOURCES): five hundred
of one kind.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta

from monitor.core.facts import Fact, Retirement
from monitor.reading.page import codes, layout, tables, tables_and_headings, when
from monitor.reading.source import REGISTRY, Source

_LAYOUT = layout(retires="shutdown date", model="model", replacement="replacement")


def parse(body: bytes) -> Iterator[Fact]:
    for row in tables(body, _LAYOUT):
        for model in codes(row["model"]):
            yield Retirement(
                model=model,
                stage="deprecated",
                retires=when(row["retires"]),
                replacements=tuple(codes(row["replacement"])),
                quote=row.quote,
            )


def declare(base: str, kind: str = "same", count: int = 500) -> dict[str, Source]:
    """Sources at ``base``/kind/N."""
    made = [
        Source(
            id=f"bench.s{number}",
            url=f"{base}/{kind}/{number}",
            parse=parse,
            every=timedelta(hours=6),
            facts=(Retirement,),
            focus=tables_and_headings,
        )
        for number in range(count)
    ]
    return {source.id: source for source in made}


if base := os.environ.get("BENCH_SITE"):
    REGISTRY.update(declare(base))
