"""Cohere: the sentences of a deprecation that retire something by themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator

from monitor.core.facts import Retirement
from monitor.reading import page
from sources.cohere.words import RECOMMENDED, day, effective

HEADING = re.compile(r"\d{4}-\d\d-\d\d: (?P<title>.+)")
FINE_TUNING = re.compile(
    r"Retired Fine-Tuning Capabilities: Fine-tuning for the .+ models is being retired\..*"
)
FINE_TUNED = re.compile(
    r"On (?P<day>.+?), we will sunset all models fine-tuned with (?P<model>[\w.-]+)\..*"
)
USAGE = re.compile(r"After (?P<day>.+?), usage of .+ will be deprecated\.")


def sentences(section: page.Section) -> Iterator[Retirement]:
    """Yield what the paragraphs of a section retire.

    Raises Unreadable for a sentence about ids that is not known."""
    for text in section.texts:
        line = text.inline.line
        if text.starts:
            continue
        if FINE_TUNING.fullmatch(line):
            for model in text.inline.codes:
                yield Retirement(
                    model=model,
                    surface="fine-tuning",
                    term="Retired",
                    stage="deprecated",
                    retires=effective(section),
                    quote=line,
                )
        elif match := FINE_TUNED.fullmatch(line):
            yield Retirement(
                model=match["model"],
                surface="fine-tuning",
                stage="deprecated",
                retires=day(match["day"]),
                quote=line,
            )
        elif match := USAGE.fullmatch(line):
            heading = HEADING.fullmatch(section.heading.line)
            yield Retirement(
                model=heading["title"] if heading else "",
                surface="endpoint",
                stage="deprecated",
                retires=day(match["day"]),
                quote=line,
            )
        elif text.inline.codes and not RECOMMENDED.fullmatch(line):
            place = f"under {section.heading.line!r}"
            raise text.inline.error(f"a sentence about ids that is not known, {place}")
