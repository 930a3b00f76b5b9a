"""Cohere: https://docs.cohere.com/docs/deprecations, the ``.md`` twin; its MDX source on GitHub
reads alike.

Dated sections of prose and lists, newest first, that stay for ever; one of 2024 has a table, with a
price. Code spans alone say nothing: alternatives are listed like the models that leave, and
endpoints, parameters, products and fine-tuning leave in one section with models. So the paragraph
above a list says what the list is, and every list whose paragraph is not known is unreadable; so is
a paragraph with code spans that is none of the known sentences.

- The date in a heading is that of the end in some sections and of the announcement in others.
  Neither is read off it: the sentence "Effective ..." has the end, "On ..., we announced" the
  announcement.
- Alternatives are grouped by task. A model whose id begins like a task (embed-..., "Embedding
  tasks") has those of its task; all others have those of the tasks that no model is named after.
- An alias in brackets ends with its model.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from monitor.core.facts import Fact, Price, Retirement, When
from monitor.reading.page import (
    Inline,
    Row,
    Section,
    Text,
    Unreadable,
    blocks,
    codes,
    inline,
    layout,
    money,
    sections,
    tables,
    when,
)
from monitor.reading.source import source

_HISTORY = "Deprecation History"
_TABLE = layout(
    retires="shutdown date",
    model="deprecated model",
    price="deprecated model price",
    replacement="recommended replacement",
    under=_HISTORY,
)

_HEADING = re.compile(r"\d{4}-\d\d-\d\d: (?P<title>.+)")
#: The place of a day, whatever stands in it: what is no day is unreadable.
_EFFECTIVE = re.compile(r"Effective (?P<day>[^,]+, [^ ,]+),")
_ANNOUNCED = re.compile(r"On (?P<day>.+?), we announced\b")

#: What the list under a paragraph is.
_MODELS = re.compile(
    r"(?:(?P<term>Deprecated|Retired) Models|.*\bthe following models (?:will be|are being) "
    r"(?:retired|deprecated)):"
)
_FEATURES = re.compile(r"(?P<term>Deprecated|Retired) Features and API Endpoints:")
_ALTERNATIVES = re.compile(r".*\b(?:migrate to|alternatives|replacements)\b.*:")

#: Sentences that end something by themselves.
_FINE_TUNING = re.compile(
    r"Retired Fine-Tuning Capabilities: Fine-tuning for the .+ models is being retired\..*"
)
_FINE_TUNED = re.compile(
    r"On (?P<day>.+?), we will sunset all models fine-tuned with (?P<model>[\w.-]+)\..*"
)
_USAGE = re.compile(r"After (?P<day>.+?), usage of .+ will be deprecated\.")
#: "For command model replacements, we recommend you use `a`, `b`, or `c` instead."
_RECOMMENDED = re.compile(r"For (?P<family>\w+) model replacements, we recommend you use .+")

_MODEL = re.compile(
    r"(?P<model>[\w.-]+)(?: ?\((?:and the alias(?:es)? (?P<aliases>.+)|(?P<note>[^)]+))\))?\.?"
)
_ENDPOINT = re.compile(r"(?P<path>/[\w/-]+)(?: \([^)]*\)| parameters: (?P<parameters>.+))?")
_PRODUCT = re.compile(r"(?P<name>[^()]+?)(?: \((?P<note>[^)]*)\))?")


@source(
    "https://docs.cohere.com/docs/deprecations.md",
    facts=(Retirement, Price),
    markers=(_HISTORY.encode(), b"rerank-english-v2.0"),
    keeps_retired=True,
)
def deprecations(body: bytes) -> Iterator[Fact]:
    """Models, endpoints, parameters, products and fine-tuning that ended since December 2024, or
    will.
    """
    page = blocks(body)
    rows = list(tables(page, _TABLE))
    for section in sections(page):
        if _HISTORY not in section.path:
            continue
        if not _HEADING.fullmatch(section.heading.line):
            raise section.heading.error("no date in the heading of a deprecation")
        facts = [*_listed(section), *_sentences(section), *_rows(rows, section)]
        if not facts:
            raise section.heading.error("a deprecation of nothing")
        yield from facts


# --- lists
# -------------------------------------------------------------------------------------------------


def _listed(section: Section) -> Iterator[Retirement]:
    leaving: list[Retirement] = []
    tasks: dict[str, list[str]] = {}
    for lead, items in _lists(section):
        if match := _MODELS.fullmatch(lead.line):
            for item in items:
                leaving += _models(item.inline, match["term"] or "", _effective(section))
        elif match := _FEATURES.fullmatch(lead.line):
            for item in items:
                leaving += _features(item.inline, match["term"], _effective(section))
        elif _ALTERNATIVES.fullmatch(lead.line):
            tasks |= _alternatives(items)
        elif any(item.inline.codes for item in items):
            raise lead.error(f"a list of ids that is not known, under {section.heading.line!r}")
    families = {
        match["family"]: text.inline.codes
        for text in section.texts
        if (match := _RECOMMENDED.fullmatch(text.inline.line))
    }
    stems = {fact.model.split("-")[0] for fact in leaving}
    others = [
        name for task, ids in tasks.items() if not task.startswith(tuple(stems)) for name in ids
    ]
    for fact in leaving:
        stem = fact.model.split("-")[0]
        own = [name for task, ids in tasks.items() if task.startswith(stem) for name in ids]
        instead = families.get(stem) or own or others
        yield replace(fact, replacements=tuple(instead)) if fact.surface == "api" else fact


def _lists(section: Section) -> Iterator[tuple[Inline, Sequence[Text]]]:
    """Each paragraph with the list items that follow it, which may be none."""
    lead: Inline | None = None
    items: list[Text] = []
    for text in section.texts:
        if text.starts:
            items.append(text)
            continue
        if lead and items:
            yield lead, items
        lead, items = text.inline, []
    if lead and items:
        yield lead, items


def _models(item: Inline, term: str, retires: When) -> Iterator[Retirement]:
    match = _MODEL.fullmatch(item.line)
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


def _features(item: Inline, term: str, retires: When) -> Iterator[Retirement]:
    fact = Retirement(model="", term=term, stage="deprecated", retires=retires, quote=item.line)
    if not item.codes:
        match = _PRODUCT.fullmatch(item.line)
        if not match:
            raise item.error("no product in a list of features")
        yield replace(fact, model=match["name"], surface="product", note=match["note"] or "")
        return
    match = _ENDPOINT.fullmatch(item.line)
    if not match:
        raise item.error("no endpoint in a list of features")
    if match["parameters"]:
        path, *parameters = item.codes
        yield from (
            replace(fact, model=name, surface="parameter", note=f"of {path}") for name in parameters
        )
    else:
        yield replace(fact, model=match["path"], surface="endpoint")


def _alternatives(items: Sequence[Text]) -> dict[str, list[str]]:
    """Tasks with the ids nested under them."""
    tasks: dict[str, list[str]] = {}
    for item in items:
        if not item.inline.codes and item.inline.line.endswith("alternatives:"):
            tasks[item.inline.line.casefold()] = []
        elif tasks and item.inline.codes:
            tasks[list(tasks)[-1]] += codes(item.inline)
        else:
            raise item.inline.error("no alternative of a task")
    return tasks


def _effective(section: Section) -> When:
    for text in section.texts:
        if match := _EFFECTIVE.match(text.inline.line):
            return _day(match["day"])
    raise section.heading.error("no sentence says when this takes effect")


# --- sentences and the table
# -------------------------------------------------------------------------------


def _sentences(section: Section) -> Iterator[Retirement]:
    for text in section.texts:
        line = text.inline.line
        if text.starts:
            continue
        if _FINE_TUNING.fullmatch(line):
            for model in text.inline.codes:
                yield Retirement(
                    model=model,
                    surface="fine-tuning",
                    term="Retired",
                    stage="deprecated",
                    retires=_effective(section),
                    quote=line,
                )
        elif match := _FINE_TUNED.fullmatch(line):
            yield Retirement(
                model=match["model"],
                surface="fine-tuning",
                stage="deprecated",
                retires=_day(match["day"]),
                quote=line,
            )
        elif match := _USAGE.fullmatch(line):
            titled = _HEADING.fullmatch(section.heading.line)
            yield Retirement(
                model=titled["title"] if titled else "",
                surface="endpoint",
                stage="deprecated",
                retires=_day(match["day"]),
                quote=line,
            )
        elif text.inline.codes and not _RECOMMENDED.fullmatch(line):
            raise text.inline.error(
                f"a sentence about ids that is not known, under {section.heading.line!r}"
            )


def _rows(rows: Iterable[Row], section: Section) -> Iterator[Fact]:
    matches = (_ANNOUNCED.match(text.inline.line) for text in section.texts)
    announced = next((_day(match["day"]) for match in matches if match), None)
    for row in rows:
        if row.heading != section.heading.line:
            continue
        if announced is None:
            raise section.heading.error("no sentence says when this was announced")
        for model in codes(row["model"]):
            yield Retirement(
                model=model,
                stage="deprecated",
                announced=announced,
                retires=when(row["retires"]),
                replacements=tuple(codes(row["replacement"])),
                quote=row.quote,
            )
            if price := money(row["price"]):
                yield Price(
                    model=model,
                    meter="search",
                    amount=price.amount,
                    currency=price.currency,
                    per=price.per,
                    quote=row.quote,
                )


def _day(said: str) -> When:
    day = when(inline(said))
    if day is None:
        raise Unreadable(f"not a day: {said!r}")
    return day
