"""Vertex AI, open models:
https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/deprecations/open-models

One table of ids. On its deprecation date the retirement of a model is announced; it still works.
"""

from __future__ import annotations

from collections.abc import Iterator

from monitor.core.facts import Retirement
from monitor.reading import page
from monitor.reading.source import source
from sources.vertex.words import DOCS, stage_by_date

MODELS = page.layout(
    model="model id",
    deprecated="deprecation date",
    retires="retirement date",
    replacement="self-deploy alternative",
)


@source(
    f"{DOCS}/models/deprecations/open-models?hl=en",
    facts=(Retirement,),
    markers=(b"Deprecation date", b"-maas"),
    focus=page.tables_and_headings,
)
def open_models(body: bytes) -> Iterator[Retirement]:
    """Yield every open model that Google serves."""
    for row in page.tables(body, MODELS):
        deprecated, retires = page.when(row["deprecated"]), page.when(row["retires"])
        for model in page.codes(row["model"]):
            yield Retirement(
                model=model,
                stage="deprecated" if deprecated else stage_by_date(retires),
                deprecated=deprecated,
                retires=retires,
                replacements=page.replacements(row["replacement"]),
                quote=row.quote,
            )
