"""Vertex AI, open models:
https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/deprecations/open-models

One table of ids. On its deprecation date the retirement of a model is announced; it still works.
"""

from __future__ import annotations

from collections.abc import Iterator

from monitor.core.facts import Fact, Retirement
from monitor.reading.page import (
    codes,
    layout,
    tables,
    tables_and_headings,
    when,
)
from monitor.reading.source import source
from sources.vertex import DOCS
from sources.vertex.versions import replacements_of, stage_of

_OPEN = layout(
    model="model id",
    deprecated="deprecation date",
    retires="retirement date",
    replacement="self-deploy alternative",
)


@source(
    f"{DOCS}/models/deprecations/open-models?hl=en",
    facts=(Retirement,),
    markers=(b"Deprecation date", b"-maas"),
    focus=tables_and_headings,
)
def open_models(body: bytes) -> Iterator[Fact]:
    """Open models served by Google. On its deprecation date a model's end is announced, and it
    still works.
    """
    for row in tables(body, _OPEN):
        deprecated, retires = when(row["deprecated"]), when(row["retires"])
        for model in codes(row["model"]):
            yield Retirement(
                model=model,
                stage="deprecated" if deprecated else stage_of(retires),
                deprecated=deprecated,
                retires=retires,
                replacements=replacements_of(row["replacement"]),
                quote=row.quote,
            )
