"""Alibaba Cloud Model Studio (Qwen, and models of others that it serves): when its models stop.

https://www.alibabacloud.com/help/en/model-studio/model-depreciation (so spelled): one table for
each announcement, under headings that say "Scheduled for deprecation on", "Retires on" or
"Deprecated on" without a difference: after the time in the row "API calls to the retired model will
fail". The same heading can stand twice, for mainline and for snapshot models.

A zone is printed in some tables only, "(UTC+08:00)". A time without one keeps the precision of its
day.

What would break it, as Unreadable: other columns, a date of another form, a model that is no id.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta

from monitor.core.facts import Retirement
from monitor.reading.page import codes, layout, newest, tables, tables_and_headings, when
from monitor.reading.source import source

_MODELS = layout(
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
    focus=tables_and_headings,
    keeps_retired=True,
)
def retirements(body: bytes) -> Iterable[Retirement]:
    """Models by id, newest announcement first; rows of 2025 are still there."""
    return newest(_rows(body))


def _rows(body: bytes) -> Iterator[Retirement]:
    for row in tables(body, _MODELS):
        for model in codes(row["model"]):
            yield Retirement(
                model=model,
                term=row.heading.partition(" on ")[0],
                stage="deprecated",
                retires=when(row["retires"]),
                replacements=tuple(codes(row["replacement"]))
                if row["replacement"].text.strip("-")
                else (),
                note=row["category"].line,
                quote=row.quote,
            )
