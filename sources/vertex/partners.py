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

from monitor.core.facts import Retirement
from monitor.reading import page
from monitor.reading.source import source
from sources.vertex.words import DOCS, h2_sections, texts_of

DATES = re.compile(
    r".*? is (deprecated) as of (.+?) and will be shut down on (\w+ \d+, \d{4}) ?\..*"
)


@source(
    f"{DOCS}/models/deprecations/partner-models?hl=en",
    facts=(Retirement,),
    markers=(b"deprecated as of",),
    keeps_retired=True,
)
def partners(body: bytes) -> Iterator[Retirement]:
    """Yield the model of each H2."""
    for heading, section in h2_sections(page.blocks(body)):
        texts = [text for block in section for text in texts_of(block)]
        sentences = [match for text in texts if (match := DATES.fullmatch(text.line))]
        labels = [number for number, text in enumerate(texts) if text.line == "Model ID"]
        if len(sentences) != 1 or len(labels) != 1 or labels[0] + 1 == len(texts):
            raise heading.error(
                f"{len(sentences)} sentences on dates and {len(labels)} ids are under the heading"
            )
        [model] = page.codes(replace(texts[labels[0] + 1], where=f"id under {heading.line!r}"))
        term, deprecated, retires = sentences[0].groups()
        yield Retirement(
            model=model,
            term=term,
            stage="deprecated",
            deprecated=page.when(deprecated),
            retires=page.when(retires),
            note=heading.line,
            quote=sentences[0][0],
        )
