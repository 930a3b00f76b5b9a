"""Alibaba Cloud Model Studio (Qwen, and models of others that it serves): when its models stop.

https://www.alibabacloud.com/help/en/model-studio/model-depreciation (so spelled): one table for
each announcement, under headings that say "Scheduled for deprecation on", "Retires on" or
"Deprecated on" without a difference: after the time in the row "API calls to the retired model will
fail". The same heading can stand twice, for mainline and for snapshot models.

A zone is printed in some tables only, "(UTC+08:00)". A time without one keeps the precision of its
day. Other columns, a date of another form and a model that is no id are Unreadable.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta

from monitor.core.facts import Retirement
from monitor.reading import page
from monitor.reading.source import source

MODELS = page.layout(
    category="category",
    model="model name",
    retires="deprecation time",
    replacement="replacement model*",
)


@source(
    "https://www.alibabacloud.com/help/en/model-studio/model-depreciation",
    every=timedelta(hours=12),
    facts=(Retirement,),
    markers=(b"Deprecation time", b"qwen"),
    focus=page.tables_and_headings,
    keeps_retired=True,
)
def retirements(body: bytes) -> Iterable[Retirement]:
    """Models by id, newest announcement first; rows of 2025 are still there."""
    return page.newest(_retirements(body))


def _retirements(body: bytes) -> Iterator[Retirement]:
    for row in page.tables(body, MODELS):
        for model in page.codes(row["model"]):
            yield Retirement(
                model=model,
                term=row.heading.partition(" on ")[0],
                stage="deprecated",
                retires=page.when(row["retires"]),
                replacements=page.replacements(row["replacement"], products=False),
                note=row["category"].line,
                quote=row.quote,
            )
