"""Azure (Microsoft Foundry): when its models retire, and the older page about partner models.

Retirements (https://learn.microsoft.com/azure/foundry/openai/concepts/model-retirement-schedule):
one table for each maker since 2026, with a lifecycle word; before, tables of Azure OpenAI alone (by
kind of model since June 2025), with prose in the date cells. The Markdown rendition is asked for;
the page's sources on GitHub and its HTML read alike.

The page's words: "Deprecated" is closed to new customers and still answers, "Retired" fails. (The
management API of Azure says "Deprecating" and "Deprecated" for the same two; neither belongs on
this page as the other.) A model can go back from Deprecated to Legacy. A printed date may lie
behind the day of the page: it is kept, and proves nothing.

Odd, and read so:
- Rows that contradict each other (gpt-realtime-mini 2025-10-06 in 2026): the earlier end is the
  fact, whatever the order; the other row stays in ``note`` behind the word "conflict". Identical
  rows are one.
- A cell with an end for Standard deployments and a later one for all other types gives two facts:
  surface ``standard`` beside ``api``, the surface of every plain row, so that ``api`` goes on when
  the exception is over.
- Fine-tuned models retire twice: surface ``fine-tuning-training``, then ``fine-tuning``
  (deployments of them). An end told by that of the base model ("At base model retirement") is no
  date, and stays in ``note``.
- A replacement is its id alone, except where a model goes on in another version of itself: ``sora-2
  (2025-12-08)``.

What would break it, as Unreadable: a lifecycle word, a column or a sentence in a date cell that was
never seen, and tables of models with different columns on one page."""

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
    decode,
    inline,
    is_html,
    layout,
    tables,
    tables_and_headings,
    when,
)
from monitor.reading.source import source

DOCS = "https://learn.microsoft.com/azure"

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
_NOTHING = ("", "-", "n/a")


@source(
    f"{DOCS}/foundry/openai/concepts/model-retirement-schedule?accept=text/markdown",
    facts=(Retirement,),
    markers=(b"text-embedding-",),
    focus=tables_and_headings,
)
def retirements(body: bytes) -> Iterable[Retirement]:
    """Every model by version. Retired rows move to another page after some weeks."""
    return _settled(_retirements(_page(body)))


def _retirements(page: str) -> Iterator[Retirement]:
    columns: Layout | None = None
    for row in tables(page, _PLAIN, _STAGED, _DATED, _CLOSED, _FINE_TUNED, skip=[_UPGRADES]):
        columns = _columns(row, columns)
        for name in _names(row["model"]):
            version = name.version or _version(row)
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
                replacements=_replacements(row["replacement"], name.model),
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


# --- partner models
# ----------------------------------------------------------------------------------------

_PARTNERS = layout(
    model="model",
    legacy="legacy date*",
    deprecated="deprecation date*",
    retires="retirement date*",
    replacement="suggested replacement*",
)


@source(
    f"{DOCS}/ai-foundry/concepts/model-lifecycle-retirement",
    facts=(Retirement,),
    markers=(b"Legacy date", b"Retirement date", b"Mistral"),
    focus=tables_and_headings,
)
def partners(body: bytes) -> Iterable[Retirement]:
    """Models of partners, by the name the page prints; all rows have an end, a row stays for months
    after it.
    """
    return _settled(_partners(_page(body)))


def _partners(page: str) -> Iterator[Retirement]:
    for row in tables(page, _PARTNERS):
        retires, deprecated, legacy = (
            when(row[role]) for role in ("retires", "deprecated", "legacy")
        )
        for name in _names(row["model"]):
            yield Retirement(
                model=name.model,
                version=name.version,
                stage="deprecated" if retires or deprecated else "legacy" if legacy else "active",
                deprecated=deprecated,
                retires=retires,
                replacements=_replacements(row["replacement"], name.model),
                note="; ".join(
                    filter(None, (name.label, f"legacy from {legacy}" if legacy else ""))
                ),
                quote=row.quote,
            )


# --- one fact for each offering
# ----------------------------------------------------------------------------


def _settled(facts: Iterable[Retirement]) -> Iterable[Retirement]:
    """Rows about one offering as one fact: the earliest end, and in its note every row that says
    otherwise.
    """
    rows: dict[str, list[Retirement]] = {}
    for fact in facts:
        rows.setdefault(fact.key, []).append(fact)
    for same in rows.values():
        fact, *others = sorted(same, key=_safest)
        notes = [
            fact.note,
            *(f"conflict: {other.quote}" for other in others if other.value != fact.value),
        ]
        yield replace(fact, note="; ".join(dict.fromkeys(filter(None, notes))))


def _safest(fact: Retirement) -> tuple[object, ...]:
    """Sorts the earliest end first, a firm one before a floor; then anything that is the same in
    every order.
    """
    end = fact.retires
    return (
        end is None,
        end.starts if end else None,
        end is not None and end.bound == "not_before",
        fact.quote,
    )


# --- cells
# -------------------------------------------------------------------------------------------------


def _page(body: bytes) -> str:
    text = decode(body)
    if not is_html(text) and "<table" in text:
        raise Unreadable("an HTML table within Markdown: its rows would go unread")
    return text


@dataclass(frozen=True)
class _Name:
    model: str
    version: str = ""
    label: str = ""


_WORDS = r"\w[\w.+/-]*(?: \w[\w.+/-]*)*"
_NAME = re.compile(
    rf"(?P<model>{_WORDS})(?: - (?P<version>[\w.-]+))?(?: \((?P<label>[A-Za-z ]+)\))?"
)


def _names(cell: Inline) -> list[_Name]:
    """The models of a cell, one a line: "gpt-35-turbo - 0301", "claude-mythos-preview (gated
    research preview)".
    """
    found = [_NAME.fullmatch(line) for line in cell.text.split("\n")]
    if not all(found):
        raise cell.error("no model's name")
    return [
        _Name(match["model"], match["version"] or "", match["label"] or "")
        for match in found
        if match
    ]


def _version(row: Row) -> str:
    cell = row.get("version")
    if cell is None or cell.line.casefold() in _NOTHING:
        return ""
    if not re.fullmatch(r"[\w.-]+", cell.line):
        raise cell.error("no version")
    return cell.line


_REPLACEMENT = re.compile(
    rf"(?P<name>{_WORDS}?)(?: version: (?P<version>[\w.-]+)| \((?:version )?(?P<other>[\w.-]+)\))?"
)


def _replacements(cell: Inline, model: str) -> tuple[str, ...]:
    """Ids or names, without versions but that of the model itself: it would be its own
    replacement.
    """
    if cell.line.casefold() in _NOTHING:
        return ()
    found = []
    for part in re.split(r"\s*(?:,|\n|\bor\b|\band\b)\s*", cell.text):
        match = _REPLACEMENT.fullmatch(part)
        if not match:
            raise cell.error("no replacement")
        version = match["version"] or match["other"]
        found.append(
            f"{match['name']} ({version})" if version and match["name"] == model else match["name"]
        )
    return tuple(dict.fromkeys(found))


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
