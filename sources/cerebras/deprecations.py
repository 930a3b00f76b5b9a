"""Cerebras, models that leave its public endpoints:
https://inference-docs.cerebras.ai/support/deprecation

``<Update label="2026-08-17">`` blocks with a sentence such as "Deprecated `zai-glm-4.7`", which may
be followed by "We recommend migrating to ...". The label is the day it happens unless the sentences
name another. A parameter that is deprecated has the model it was for as its ``version``, and is
never a retirement of that model.

Unreadable are a block without a sentence that names what is retired, two dates in one block,
"Deprecating" without a date, and a replacement in the sentence that names the model.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from monitor.core.facts import Retirement
from monitor.reading import page
from monitor.reading.source import source

RETIRED = re.compile(r"\b(?:deprecat\w+|no longer|removed?|retir\w+|discontinued)\b", re.IGNORECASE)
ADVICE = re.compile(r"(?:We recommend|Please|Migrate|Switch)\b")
INSTEAD = re.compile(
    r"\b(?:migrat\w+|transition\w*|switch\w*) to (?:either )?(?P<names>.+?)\.?$", re.IGNORECASE
)
DAY = re.compile(r"[A-Z][a-z]+ \d{1,2}, \d{4}")
#: Where a sentence has a date; "Deprecating" needs one.
PLACE = re.compile(r"\b(?i:after|as of|before|by|effective|on|starting|until) (?:\d|[A-Z]\w+ \d)")
PARAMETER = re.compile(r"(?P<parameters>.+) parameters?\b(?P<models>.*)")
MODEL = re.compile(r"[a-z][a-z0-9.:/-]*")


@source(
    "https://inference-docs.cerebras.ai/support/deprecation.md",
    facts=(Retirement,),
    markers=(b"<Update", b"Deprecat"),
    keeps_retired=True,
)
def deprecations(body: bytes) -> Iterable[Retirement]:
    """Return every retirement since January 2025, newest first."""
    blocks = page.elements(page.decode(body), "Update")
    return page.newest(fact for block in blocks for fact in _retirements(block))


def _retirements(block: page.Element) -> Iterator[Retirement]:
    texts = (part.inline for part in page.blocks(block.text) if isinstance(part, page.Text))
    sentences = [sentence for text in texts for sentence in page.sentences(text)]
    announcements = [sentence for sentence in sentences if RETIRED.search(sentence.text)]
    subject = next((sentence for sentence in announcements if sentence.codes), None)
    label = page.when(block["label"])
    if subject is None or INSTEAD.search(subject.text):
        raise page.Unreadable(f"{label}: no sentence that names what is retired: {block.text!r}")
    days = {day for sentence in announcements for day in DAY.findall(sentence.text)}
    if len(days) > 1:
        raise subject.error(f"{label}: more than one date")
    needs_date = subject.text.startswith("Deprecating")
    if not days and (needs_date or any(PLACE.search(part.text) for part in announcements)):
        raise subject.error(f"{label}: no readable date of the retirement")
    fact = Retirement(
        model="",
        term=subject.text.split()[0] if subject.text.startswith("Deprecat") else "",
        stage="deprecated",
        announced=label,
        retires=page.when(days.pop()) if days else label,
        replacements=_replacements(sentences, subject),
        quote=subject.text,
    )
    for model, version, surface in _subjects(subject):
        yield replace(fact, model=model, version=version, surface=surface)


def _subjects(sentence: page.Inline) -> Iterator[tuple[str, str, str]]:
    """Yield models, or parameters with the models they were for; each with its surface."""
    if match := PARAMETER.match(sentence.text):
        models = [code for code in sentence.codes if code in match["models"]]
        for parameter in sentence.codes:
            if parameter in match["parameters"]:
                yield from ((parameter, model, "parameter") for model in models or [""])
        return
    for code in sentence.codes:
        if not MODEL.fullmatch(code):
            raise sentence.error(f"no model id: {code!r}")
        yield code, "", "api"


def _replacements(sentences: Iterable[page.Inline], subject: page.Inline) -> tuple[str, ...]:
    """Return what the page recommends: the names of its links, or code spans, or the words."""
    result: list[str] = []
    for sentence in sentences:
        match = INSTEAD.search(sentence.text)
        if match and ADVICE.match(sentence.text):
            links = [name for name, _ in sentence.links if name in match["names"]]
            names = links or list(sentence.codes) or match["names"].split(" or ")
            result += [name for name in names if name not in subject.codes]
    return tuple(dict.fromkeys(result))
