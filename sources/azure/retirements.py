"""Azure, retirements:
https://learn.microsoft.com/azure/foundry/openai/concepts/model-retirement-schedule

Since 2026 each maker has a table, with a lifecycle word. Before, there were tables of Azure OpenAI
alone (by kind of model since June 2025), with prose in the date cells. The Markdown rendition is
asked for; the page's sources on GitHub and its HTML read alike.

"Deprecated" is closed to new customers and still answers, "Retired" fails. (The management API of
Azure calls the same two "Deprecating" and "Deprecated"; neither belongs on this page as the other.)
A model can go back from Deprecated to Legacy. A printed date may lie behind the day of the page: it
is kept, and proves nothing.

- A cell with one date for Standard deployments and a later one for all other types gives two facts:
  surface ``standard`` beside ``api``, the surface of every plain row, so that ``api`` goes on when
  the exception is over.
- Fine-tuned models retire twice: surface ``fine-tuning-training``, then ``fine-tuning``
  (deployments of them). "At base model retirement" is no date, and stays in ``note``.

A lifecycle word, a column or a sentence in a date cell that is not known is Unreadable, and so are
tables of models with different columns on one page.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from monitor.core.facts import Retirement, Stage, When
from monitor.reading.page import (
    Inline,
    Layout,
    Row,
    Unreadable,
    inline,
    layout,
    tables,
    tables_and_headings,
    when,
)
from monitor.reading.source import source
from sources.azure import DOCS
from sources.azure.rows import names, page_text, replacements_of, settled, version_of

_ROW = {
    "model": "model",
    "version": "version",
    "retires": "retirement date",
    "replacement": "replacement*|suggested*",
}
_PLAIN = layout(**_ROW, short="replacement")  # until August 2025
_STAGED = layout(term="lifecycle*", **_ROW)  # since
_DATED = layout(
    term="lifecycle*", deprecated="deprecation date*", **_ROW
)  # for a while from December 2025
#: What the tables without a lifecycle stood under: one heading, then one for each kind of model.
#: Never a maker's name.
_BEFORE_STAGES = re.compile(r"current models|text|audio|image|video|embedding", re.IGNORECASE)
#: The models that take no new deployments, in 2025: version and name in one cell.
_CLOSED = layout(
    model="model",
    deprecated="deprecation date*",
    retires="retirement date",
    replacement="replacement*|suggested*",
)
_FINE_TUNED = layout(
    model="model",
    version="version",
    training="training retirement date",
    deployment="deployment retirement date",
)
#: Which version a deployment without a pinned one gets: no end of anything.
_UPGRADES = layout(
    model="model",
    old="current default version",
    new="new default version",
    date="default upgrade date",
)

_STAGES: dict[str, Stage] = {
    "preview": "active",
    "ga": "active",
    "generally available": "active",
    "legacy": "legacy",
    "deprecated": "deprecated",
    "retired": "retired",
}


@source(
    f"{DOCS}/foundry/openai/concepts/model-retirement-schedule?accept=text/markdown",
    facts=(Retirement,),
    markers=(b"text-embedding-",),
    focus=tables_and_headings,
)
def retirements(body: bytes) -> Iterable[Retirement]:
    """Every model by version. Retired rows move to another page after some weeks."""
    return settled(_retirements(page_text(body)))


def _retirements(page: str) -> Iterator[Retirement]:
    columns: Layout | None = None
    for row in tables(page, _PLAIN, _STAGED, _DATED, _CLOSED, _FINE_TUNED, skip=[_UPGRADES]):
        columns = _columns(row, columns)
        for name in names(row["model"]):
            version = name.version or version_of(row)
            if row.layout is _FINE_TUNED:
                yield _fine_tuned(row, name.model, version, "training", "fine-tuning-training")
                yield _fine_tuned(row, name.model, version, "deployment", "fine-tuning")
                continue
            end = _end(row["retires"])
            deprecated = when(row["deprecated"]) if "deprecated" in row else end.deprecated
            term, stage = _stage(row, end.retires, deprecated)
            fact = Retirement(
                model=name.model,
                version=version,
                term=term,
                stage=stage,
                deprecated=deprecated,
                retires=end.retires,
                replacements=replacements_of(row["replacement"], name.model),
                note="; ".join(filter(None, (name.label, end.note))),
                quote=row.quote,
            )
            yield fact
            if end.standard:
                yield replace(fact, surface="standard", retires=end.standard)


def _columns(row: Row, above: Layout | None) -> Layout | None:
    """The layout that all tables of models have on a page: what a table lacks makes another known
    layout of it.
    """
    if row.layout not in (_PLAIN, _STAGED, _DATED):
        return above
    place = f"table {row.table} under {row.heading!r}"
    if above not in (None, row.layout):
        raise Unreadable(
            f"{place}: other columns than in the tables above: {list(row.headers.values())}"
        )
    if row.layout is _PLAIN and not any(_BEFORE_STAGES.match(heading) for heading in row.path):
        raise Unreadable(f"{place}: no column for the lifecycle: {list(row.headers.values())}")
    return row.layout


def _fine_tuned(row: Row, model: str, version: str, role: str, surface: str) -> Retirement:
    relative = _RELATIVE.fullmatch(row[role].line)
    retires = None if relative else when(row[role])
    _, stage = _stage(row, retires, None)
    note = row[role].line if relative else ""
    return Retirement(
        model=model,
        version=version,
        surface=surface,
        stage=stage,
        retires=retires,
        note=note,
        quote=row.quote,
    )


def _stage(row: Row, retires: When | None, deprecated: When | None) -> tuple[str, Stage]:
    """The lifecycle word of a row, or of the heading above closed models; without one, what the
    dates say.
    """
    if row.layout in (_PLAIN, _FINE_TUNED):
        firm = retires is not None and retires.bound != "not_before"
        return "", "deprecated" if firm or deprecated else "active"
    term = row.heading.removesuffix(" models") if row.layout is _CLOSED else row["term"].line
    if term.casefold() not in _STAGES:
        raise Unreadable(f"unknown lifecycle word {term!r}: {row.quote!r}")
    return term, _STAGES[term.casefold()]


@dataclass(frozen=True)
class _End:
    """What a date cell says: the end, that of Standard deployments where it differs, and the
    sentences beside it.
    """

    retires: When | None
    standard: When | None = None
    deprecated: When | None = None
    note: str = ""


_DATE = r"(?:\d{4}-\d\d-\d\d|[A-Z][a-z]+\.? \d{1,2}, \d{4})"
#: How old versions are upgraded in place, before they retire or instead: small print.
_UPGRADE = re.compile(
    rf"No auto-?upgrades|.*\bupgraded to\b.+, starting (?:on|no sooner than) {_DATE}(?:, or "
    r"later)?\.?",
    re.IGNORECASE,
)
_LABELLED = re.compile(
    r"(?:(?P<deprecated>deprecat(?:ed|ion))|retirement)(?: date)?: (?P<date>.+)", re.IGNORECASE
)
_NOT_SCHEDULED = re.compile(r"No retirement scheduled\. ", re.IGNORECASE)
_BY_TYPE = re.compile(
    rf"Standard deployment types? retires? on (?P<standard>{_DATE})(?: ?, [^.]*)? ?\."
    rf" (?:For )?(?:all )?other deployment types\b[^.\d]* (?P<others>{_DATE}) ?\.?",
    re.IGNORECASE,
)
_RELATIVE = re.compile(
    r"at (?:base model|training) retirement|one year after training retirement", re.IGNORECASE
)


def _end(cell: Inline) -> _End:
    """A date cell; since 2026 one date or none, before with labels and sentences, each on its own
    line.
    """
    if split := _BY_TYPE.fullmatch(cell.line):
        others, standard = (
            when(inline(split[part], cell.where)) for part in ("others", "standard")
        )
        return _End(others, standard, note=cell.line)
    deprecated, ends, notes = None, [], []
    for line in cell.text.split("\n"):
        labelled = _LABELLED.fullmatch(line)
        if _UPGRADE.fullmatch(line):
            notes.append(line)
        elif labelled and labelled["deprecated"]:
            deprecated = when(inline(labelled["date"], cell.where))
        else:
            said = labelled["date"] if labelled else _NOT_SCHEDULED.sub("", line)
            ends.append(when(inline(said, cell.where)))
    if len(ends) > 1:
        raise cell.error("more than one end")
    return _End(ends[0] if ends else None, None, deprecated, "; ".join(notes))
