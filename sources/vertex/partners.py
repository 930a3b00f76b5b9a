"""Vertex AI, models of partners:
https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/deprecations/partner-models

There is no table. Under each model's heading stands one sentence with its dates, and further down
the id below the label "Model ID". The heading's name changes ("on Google Cloud" was added in July
2026), the id does not. Another sentence on the dates is Unreadable.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from monitor.core.facts import Fact, Retirement
from monitor.reading.page import (
    blocks,
    codes,
    when,
)
from monitor.reading.source import source
from sources.vertex import DOCS
from sources.vertex.parts import sections_of, texts_of

_END = re.compile(
    r".*? is (deprecated) as of (.+?) and will be shut down on (\w+ \d+, \d{4}) ?\..*"
)


@source(
    f"{DOCS}/models/deprecations/partner-models?hl=en",
    facts=(Retirement,),
    markers=(b"deprecated as of",),
    keeps_retired=True,
)
def partners(body: bytes) -> Iterator[Fact]:
    """Partners' models: the one sentence with the dates, and the id below the label "Model ID",
    under each H2.
    """
    for heading, section in sections_of(blocks(body)):
        said = [text for block in section for text in texts_of(block)]
        ends = [match for text in said if (match := _END.fullmatch(text.line))]
        labels = [number for number, text in enumerate(said) if text.line == "Model ID"]
        if len(ends) != 1 or len(labels) != 1 or labels[0] + 1 == len(said):
            raise heading.error(
                f"{len(ends)} sentences on its end and {len(labels)} ids stand under the heading"
            )
        [model] = codes(replace(said[labels[0] + 1], where=f"id under {heading.line!r}"))
        term, deprecated, retires = ends[0].groups()
        yield Retirement(
            model=model,
            term=term,
            stage="deprecated",
            deprecated=when(deprecated),
            retires=when(retires),
            note=heading.line,
            quote=ends[0][0],
        )
