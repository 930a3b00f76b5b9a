"""Cerebras: models that leave its public endpoints.

https://inference-docs.cerebras.ai/support/deprecation.md: ``<Update label="2026-08-17">`` blocks
with a sentence such as "Deprecated `zai-glm-4.7`", which may be followed by "We recommend migrating
to ...". The label is the day it happens unless the sentences name another. A parameter that is
deprecated is told with the model it was for as its ``version``, and is never an end of that model.

What would break it, as Unreadable: a block that says nothing of an end, two dates in one block,
"Deprecating" without a date, or a replacement in the sentence that names the model."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from monitor.core.facts import Retirement
from monitor.reading.page import (
    Element,
    Inline,
    Text,
    Unreadable,
    blocks,
    decode,
    elements,
    newest,
    sentences,
    when,
)
from monitor.reading.source import source

_GONE = re.compile(r"\b(?:deprecat\w+|no longer|removed?|retir\w+|discontinued)\b", re.IGNORECASE)
_INSTEAD = re.compile(
    r"\b(?:migrat\w+|transition\w*|switch\w*) to (?:either )?(?P<names>.+?)\.?$", re.IGNORECASE
)
_DAY = re.compile(r"[A-Z][a-z]+ \d{1,2}, \d{4}")
#: Where a sentence has a date; "Deprecating" needs one.
_PLACE = re.compile(r"\b(?i:after|as of|before|by|effective|on|starting|until) (?:\d|[A-Z]\w+ \d)")
_PARAMETER = re.compile(r"(?P<parameters>.+) parameters?\b(?P<models>.*)")
_MODEL = re.compile(r"[a-z][a-z0-9.:/-]*")


@source(
    "https://inference-docs.cerebras.ai/support/deprecation.md",
    facts=(Retirement,),
    markers=(b"<Update", b"Deprecat"),
    keeps_retired=True,
)
def deprecations(body: bytes) -> Iterable[Retirement]:
    """Every end since January 2025, newest first."""
    return newest(fact for entry in elements(decode(body), "Update") for fact in _entry(entry))


def _entry(entry: Element) -> Iterator[Retirement]:
    said = [
        part
        for block in blocks(entry.text)
        if isinstance(block, Text)
        for part in sentences(block.inline)
    ]
    gone = [part for part in said if _GONE.search(part.text)]
    subject = next((part for part in gone if part.codes), None)
    label = when(entry["label"])
    if subject is None or _INSTEAD.search(subject.text):
        raise Unreadable(f"{label}: no sentence that names what ends: {entry.text!r}")
    days = {day for part in gone for day in _DAY.findall(part.text)}
    if len(days) > 1:
        raise subject.error(f"{label}: more than one date")
    announced_only = subject.text.startswith("Deprecating")
    if not days and (announced_only or any(_PLACE.search(part.text) for part in gone)):
        raise subject.error(f"{label}: no readable date of the end")
    told = Retirement(
        model="",
        term=subject.text.split()[0] if subject.text.startswith("Deprecat") else "",
        stage="deprecated",
        announced=label,
        retires=when(days.pop()) if days else label,
        replacements=_replacements(said, subject),
        quote=subject.text,
    )
    for model, version, surface in _subjects(subject):
        yield replace(told, model=model, version=version, surface=surface)


def _subjects(said: Inline) -> Iterator[tuple[str, str, str]]:
    """Models, or parameters with the models they were for; each with its surface."""
    if match := _PARAMETER.match(said.text):
        models = [code for code in said.codes if code in match["models"]]
        for parameter in said.codes:
            if parameter in match["parameters"]:
                yield from ((parameter, model, "parameter") for model in models or [""])
        return
    for code in said.codes:
        if not _MODEL.fullmatch(code):
            raise said.error(f"no model id: {code!r}")
        yield code, "", "api"


def _replacements(said: Iterable[Inline], subject: Inline) -> tuple[str, ...]:
    """What the page recommends: the names of its links, or code spans, or the words themselves."""
    found: list[str] = []
    for part in said:
        if re.match(r"(?:We recommend|Please|Migrate|Switch)\b", part.text) and (
            match := _INSTEAD.search(part.text)
        ):
            named = [name for name, _ in part.links if name in match["names"]] or list(part.codes)
            found += [
                name for name in named or match["names"].split(" or ") if name not in subject.codes
            ]
    return tuple(dict.fromkeys(found))
