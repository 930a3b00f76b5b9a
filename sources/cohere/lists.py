"""Cohere: the lists of a deprecation. The paragraph above a list says what the list is.

- Alternatives are grouped by task. A model whose id begins like a task (embed-..., "Embedding
  tasks") has those of its task; all others have those of the tasks that no model is named after.
- An alias in brackets retires with its model.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from monitor.core.facts import Retirement, When
from monitor.reading import page
from sources.cohere.words import RECOMMENDED, effective

MODELS = re.compile(
    r"(?:(?P<term>Deprecated|Retired) Models"
    r"|.*\bthe following models (?:will be|are being) (?:retired|deprecated)):"
)
FEATURES = re.compile(r"(?P<term>Deprecated|Retired) Features and API Endpoints:")
ALTERNATIVES = re.compile(r".*\b(?:migrate to|alternatives|replacements)\b.*:")

MODEL = re.compile(
    r"(?P<model>[\w.-]+)(?: ?\((?:and the alias(?:es)? (?P<aliases>.+)|(?P<note>[^)]+))\))?\.?"
)
ENDPOINT = re.compile(r"(?P<path>/[\w/-]+)(?: \([^)]*\)| parameters: (?P<parameters>.+))?")
PRODUCT = re.compile(r"(?P<name>[^()]+?)(?: \((?P<note>[^)]*)\))?")


def listed(section: page.Section) -> Iterator[Retirement]:
    """Yield what the lists of a section retire, with its replacements.

    Raises Unreadable for a list of ids under a paragraph that is not known."""
    leaving: list[Retirement] = []
    tasks: dict[str, list[str]] = {}
    for lead, items in _lists(section):
        if match := MODELS.fullmatch(lead.line):
            for item in items:
                leaving += _models(item.inline, match["term"] or "", effective(section))
        elif match := FEATURES.fullmatch(lead.line):
            for item in items:
                leaving += _features(item.inline, match["term"], effective(section))
        elif ALTERNATIVES.fullmatch(lead.line):
            tasks |= _alternatives(items)
        elif any(item.inline.codes for item in items):
            raise lead.error(f"a list of ids that is not known, under {section.heading.line!r}")
    families = {
        match["family"]: list(text.inline.codes)
        for text in section.texts
        if (match := RECOMMENDED.fullmatch(text.inline.line))
    }
    stems = tuple(_stem(fact) for fact in leaving)
    others = [name for task, ids in tasks.items() if not task.startswith(stems) for name in ids]
    for fact in leaving:
        stem = _stem(fact)
        own = [name for task, ids in tasks.items() if task.startswith(stem) for name in ids]
        instead = families.get(stem) or own or others
        yield replace(fact, replacements=tuple(instead)) if fact.surface == "api" else fact


def _stem(fact: Retirement) -> str:
    return fact.model.split("-")[0]


def _lists(section: page.Section) -> Iterator[tuple[page.Inline, Sequence[page.Text]]]:
    """Yield each list with the paragraph above it."""
    lead: page.Inline | None = None
    items: list[page.Text] = []
    for text in section.texts:
        if text.starts:
            items.append(text)
            continue
        if lead and items:
            yield lead, items
        lead, items = text.inline, []
    if lead and items:
        yield lead, items


def _models(item: page.Inline, term: str, retires: When) -> Iterator[Retirement]:
    match = MODEL.fullmatch(item.line)
    if not match or not item.codes:
        raise item.error("no model in a list of models")
    model, *aliases = item.codes
    if model != match["model"] or bool(aliases) != bool(match["aliases"]):
        raise item.error("no model with aliases")
    fact = Retirement(
        model=model,
        term=term,
        stage="deprecated",
        retires=retires,
        note=match["note"] or "",
        quote=item.line,
    )
    yield fact
    yield from (replace(fact, model=alias, note=f"alias of {model}") for alias in aliases)


def _features(item: page.Inline, term: str, retires: When) -> Iterator[Retirement]:
    fact = Retirement(model="", term=term, stage="deprecated", retires=retires, quote=item.line)
    if not item.codes:
        if not (product := PRODUCT.fullmatch(item.line)):
            raise item.error("no product in a list of features")
        note = product["note"] or ""
        yield replace(fact, model=product["name"], surface="product", note=note)
        return
    endpoint = ENDPOINT.fullmatch(item.line)
    if not endpoint:
        raise item.error("no endpoint in a list of features")
    if not endpoint["parameters"]:
        yield replace(fact, model=endpoint["path"], surface="endpoint")
        return
    path, *parameters = item.codes
    for name in parameters:
        yield replace(fact, model=name, surface="parameter", note=f"of {path}")


def _alternatives(items: Sequence[page.Text]) -> dict[str, list[str]]:
    """Return tasks with the ids nested under them."""
    tasks: dict[str, list[str]] = {}
    for item in items:
        if not item.inline.codes and item.inline.line.endswith("alternatives:"):
            tasks[item.inline.line.casefold()] = []
        elif tasks and item.inline.codes:
            tasks[list(tasks)[-1]] += page.codes(item.inline)
        else:
            raise item.inline.error("no alternative of a task")
    return tasks
