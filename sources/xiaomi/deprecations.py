"""Xiaomi (MiMo): models that are replaced, then taken offline.

https://mimo.mi.com/docs/en-US/updates/deprecate: two times a row, in Beijing time. From the earlier
one on (``deprecated``) the old name is answered, and billed, as the replacement; from the later one
on (``retires``) it fails. Tables in a section after its "Note:" are about parameters of the
replacement and are not read. Other columns and a time of another form are Unreadable.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta

from monitor.core.facts import Retirement
from monitor.reading import page
from monitor.reading.source import source

MODELS = page.layout(
    model="deprecated model",
    retires="offline time|deprecation time",
    deprecated="system replacement time",
    replacement="system replacement model",
    impact="replacement impact",
)


@source(
    "https://mimo.mi.com/docs/en-US/updates/deprecate",
    every=timedelta(hours=12),
    facts=(Retirement,),
    markers=(b"System replacement time", b"mimo-v"),
)
def deprecations(body: bytes) -> Iterator[Retirement]:
    """Models by id, with the redirect's target as the replacement."""
    for row in page.tables(list(_without_notes(page.blocks(body))), MODELS):
        for model in page.codes(row["model"]):
            yield Retirement(
                model=model,
                stage="deprecated",
                deprecated=page.when(row["deprecated"]),
                retires=page.when(row["retires"]),
                replacements=tuple(page.codes(row["replacement"])),
                note=row["impact"].line,
                quote=row.quote,
            )


def _without_notes(document: Iterable[page.Block]) -> Iterator[page.Block]:
    level, noted = 0, 0  # of the last heading, and of the one whose section has come to its note
    for block in document:
        if isinstance(block, page.Heading):
            level = block.level
            noted = noted if level > noted else 0
        elif isinstance(block, page.Text) and block.inline.line.startswith("Note:"):
            noted = noted or level
        if not (noted and isinstance(block, page.Table)):
            yield block
