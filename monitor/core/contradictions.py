"""Statements that contradict each other: two official sources of one provider, two rows of one
page, a hint. Pure.

Sources are never merged, so a contradiction is a finding of its own. What is compared:

- Official sources of one provider (its page and its API) about the same offering: ends that cannot
  both be true, one that says retired where another says active, different amounts for the same
  price. Platforms have dates of their own: Azure's against OpenAI's is no contradiction.
- Rows of one page. There the adapter takes the safe row and keeps the other in its note, behind
  ``conflict: ``.
- A hint against the official sources of the place it speaks of. It contradicts only where none of
  them agrees.

What is not said contradicts nothing: a source without a date is silent, not of another opinion.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from fnmatch import fnmatchcase
from itertools import combinations
from typing import Literal

from monitor.core.ends import firm, in_force, over
from monitor.core.facts import Fact, Price, Retirement, When
from monitor.core.interpret import Draft, metered, subject
from monitor.core.names import MAKERS, canonical
from monitor.core.origin import Origin
from monitor.core.patterns import Pattern, Subject
from monitor.core.severity import Severity

What = Literal["end", "price"]

#: By how much of the official amount a hint may be off: catalogues round what they compute.
ROUNDING = Decimal("0.01")
#: Before the quote of a contradicting row in the note of the row that an adapter took.
MARK = "conflict: "


@dataclass(frozen=True, slots=True)
class Statement:
    """Hold a statement of a source. ``fact`` is None for a row of which only the quote is known."""

    source: Origin
    fact: Fact | None
    quote: str

    @property
    def says(self) -> str:
        """The statement in words of ours: ``deprecated, end 2026-10-23``, ``input 2.00 USD per 1M
        tokens``.
        """
        match self.fact:
            case Price() as price:
                return f"{metered(price)} {price.amount:f} {price.currency} per {price.per}"
            case Retirement(stage="retired", retires=None):
                return "retired"
            case Retirement(retires=None) as state:
                return f"{state.term or state.stage}, without an end"
            case Retirement() as state:
                return f"{state.stage}, end {state.retires}"
        return repr(self.quote)

    @classmethod
    def of(cls, source: Origin, fact: Fact) -> Statement:
        return cls(source, fact, fact.quote)


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two sides of one matter. ``fact`` is that of the first side, which is always official.

    All prices of an offering that two sources disagree about are one conflict; ``more`` counts
    those beyond the first."""

    what: What
    fact: Fact
    first: Statement
    second: Statement
    more: int = 0

    @property
    def subject(self) -> str:
        """The same from opening to closing, whatever the sides come to say: the matter, the
        offering, the sources.
        """
        fact = self.fact
        offering = (fact.provider, fact.model.casefold(), fact.version, fact.region, fact.surface)
        return json.dumps(
            [self.what, *offering, self.first.source.id, self.second.source.id], ensure_ascii=False
        )

    @property
    def severity(self) -> Severity:
        return "notice" if self.second.source.kind == "official" else "info"

    @property
    def summary(self) -> str:
        if self.first.source.id == self.second.source.id:
            quotes = f"{self.first.quote!r}, and {self.second.quote!r}"
            words = f"{self.first.source.id} contradicts itself: {quotes}"
        else:
            words = (
                f"{self.first.source.id} says {self.first.says}, "
                f"{self.second.source.id} says {self.second.says}"
            )
        more = f" (and {self.more} more)" if self.more else ""
        return " ".join(f"{subject(self.fact)}: {words}{more}".split())


def find(statements: Iterable[Statement], now: datetime) -> list[Conflict]:
    """The contradictions among standing statements, one for each subject, in the order of their
    subjects.
    """
    official = [statement for statement in statements if statement.source.kind == "official"]
    hints = [statement for statement in statements if statement.source.kind == "hint"]
    by_subject: dict[str, list[Conflict]] = defaultdict(list)
    for conflict in (
        *_on_one_page(official),
        *_between(official, now),
        *_hinted(official, hints, now),
    ):
        by_subject[conflict.subject].append(conflict)
    firsts = ((same, min(same, key=_order)) for _, same in sorted(by_subject.items()))
    return [replace(first, more=len(same) - 1) for same, first in firsts]


def opened(conflict: Conflict) -> Draft:
    return Draft(
        "conflict.opened",
        conflict.severity,
        conflict.fact,
        conflict.summary,
        conflict.first.fact,
        conflict.second.fact,
    )


def closed(subject_key: str, severity: Severity, before: Fact, after: Fact | None) -> Draft:
    """The end of a conflict of which the two sides last were these."""
    what, *_, one, other = json.loads(subject_key)
    who = f"{one} no longer contradicts {'itself' if one == other else other}"
    words = f"{subject(before)}: {who} about its {what}"
    return Draft("conflict.closed", severity, before, words, before, after)


def _order(conflict: Conflict) -> tuple[str, ...]:
    other = conflict.second.fact.key if conflict.second.fact else ""
    return (conflict.fact.key, other, conflict.first.quote, conflict.second.quote)


# --- who is compared
# ---------------------------------------------------------------------------------------


def _on_one_page(official: Iterable[Statement]) -> Iterator[Conflict]:
    for statement in official:
        fact = statement.fact
        if isinstance(fact, Retirement | Price):
            for quote in contradicted_by(fact):
                yield Conflict(
                    _what(fact), fact, statement, Statement(statement.source, None, quote)
                )


def contradicted_by(fact: Fact) -> list[str]:
    """The rows of its own page that contradict a fact, as its adapter noted them."""
    return [part.strip("; ") for part in fact.note.split(MARK)[1:]]


def renoted(current: Mapping[str, Fact], facts: Mapping[str, Fact]) -> list[Fact]:
    """Return the unchanged facts that other rows of their page contradict differently now."""
    return [
        fact
        for key, fact in facts.items()
        if key in current
        and current[key].value == fact.value
        and contradicted_by(current[key]) != contradicted_by(fact)
    ]


def _between(official: Iterable[Statement], now: datetime) -> Iterator[Conflict]:
    matters: dict[tuple[str, str], list[Statement]] = defaultdict(list)
    for statement in official:
        if statement.fact:
            matters[
                statement.fact.provider,
                replace(statement.fact, model=statement.fact.model.casefold()).key,
            ].append(statement)
    for group in matters.values():
        for first, second in combinations(
            sorted(group, key=lambda statement: statement.source.id), 2
        ):
            if (
                first.source.id != second.source.id
                and first.fact
                and second.fact
                and _contradict(first.fact, second.fact, now)
            ):
                yield Conflict(_what(first.fact), first.fact, first, second)


def _hinted(
    official: Iterable[Statement], hints: Iterable[Statement], now: datetime
) -> Iterator[Conflict]:
    matters: dict[tuple[str, ...], list[tuple[Statement, Fact]]] = defaultdict(list)
    for statement in official:
        if statement.fact and _applies(statement.fact, now):
            place = MAKERS.get(statement.fact.provider, statement.fact.provider)
            matters[_matter(place, statement.fact)].append((statement, statement.fact))
    for hint in hints:
        fact = hint.fact
        if not fact or not _applies(fact, now):
            continue
        official_facts = matters.get(_matter(_place(fact), fact), [])
        name = fact.model.casefold().rpartition("/")[2]
        # An id of Anthropic with its day and the one without are one model here; the exact one is
        # meant where it is.
        official_facts = [
            pair for pair in official_facts if pair[1].model.casefold().rpartition("/")[2] == name
        ] or official_facts
        if official_facts and all(
            _contradict(theirs, fact, now, ROUNDING) for _, theirs in official_facts
        ):
            statement, theirs = min(
                official_facts, key=lambda pair: (pair[1].key, pair[0].source.id)
            )
            yield Conflict(_what(theirs), theirs, statement, hint)


def vouches(other: Fact, fact: Fact) -> bool:
    """Return True if a fact of another source confirms the value of an official fact of the same
    offering.

    A hint rounds prices; a retirement date must be equal.
    """
    place = MAKERS.get(fact.provider, fact.provider)
    theirs = MAKERS.get(other.provider, other.provider)
    if _matter(place, fact) not in (_matter(theirs, other), _matter(_place(other), other)):
        return False
    match other, fact:
        case Price(), Price():
            return abs(other.amount - fact.amount) <= ROUNDING * fact.amount
        case Retirement(), Retirement():
            return other.retires == fact.retires
    return False


def _matter(place: str, fact: Fact) -> tuple[str, ...]:
    """Return the key that a hint and an official statement share if they are about the same
    thing.
    """
    about = [
        place,
        fact.fact,
        canonical(fact.provider, fact.model),
        fact.version,
        fact.region,
        fact.surface,
    ]
    if isinstance(fact, Price):
        about += [fact.meter, fact.tier, fact.context, fact.currency, fact.per]
    return tuple(about)


def _applies(fact: Fact, now: datetime) -> bool:
    """Return True if a statement is about today: a price may be past or future."""
    match fact:
        case Retirement():
            return True
        case Price():
            return in_force(fact, now)
    return False


#: What the catalogues call the platforms.
_PLATFORMS = {
    "amazon-bedrock": "bedrock",
    "bedrock_converse": "bedrock",
    "google-vertex": "vertex",
    "vertex_ai": "vertex",
    "google-vertex-anthropic": "vertex",
    "azure_ai": "azure",
    "fireworks_ai": "fireworks",
    "fireworks-ai": "fireworks",
    "together_ai": "together",
    "togetherai": "together",
}
#: Bedrock's ids, which LiteLLM lists without the platform: ``us.anthropic.claude-...``.
_BEDROCK = re.compile(r"(?:[a-z-]+\.)?([a-z0-9]+)\..+")


def _place(hint: Fact) -> str:
    """Return the platform that a catalogue speaks of: ``azure/gpt-4o`` is Azure's, a bare
    ``gpt-4o`` is its maker's own."""
    head, slash, _ = hint.model.casefold().partition("/")
    if slash:
        head = _PLATFORMS.get(head, head)
        return MAKERS.get(head, head)
    if (vendor := _BEDROCK.fullmatch(head)) and vendor[1] in MAKERS:
        return "bedrock"
    return canonical(hint.provider, hint.model).partition("/")[0]


# --- what contradicts
# --------------------------------------------------------------------------------------


def _what(fact: Fact) -> What:
    return "price" if isinstance(fact, Price) else "end"


def _contradict(first: Fact, second: Fact, now: datetime, tolerance: Decimal = Decimal(0)) -> bool:
    match first, second:
        case Price(), Price():
            return abs(first.amount - second.amount) > tolerance * first.amount
        case Retirement(), Retirement():
            ends = first.retires and second.retires and _disjoint(first.retires, second.retires)
            return bool(ends) or any(
                over(a, now) and _there(b, now) for a, b in ((first, second), (second, first))
            )
    return False


def _there(fact: Retirement, now: datetime) -> bool:
    """Return True if a source says that the model works: active, or with an end still to come."""
    if over(fact, now):
        return False
    return fact.stage in ("active", "legacy") or (
        fact.retires is not None and fact.retires.ends > now
    )


def _disjoint(first: When, second: When) -> bool:
    """Return True if no moment fits both dates: a month holds its days, a floor all later moments,
    a limit all earlier ones."""
    return _before(first, second) or _before(second, first)


def _before(early: When, late: When) -> bool:
    """Return True if the last moment that ``early`` allows is before the first of ``late``."""
    if not firm(early) or late.bound == "by" or early.starts == late.starts:
        return False
    return early.ends <= late.starts


# --- known deviations
# --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Deviation:
    """A contradiction that is known and told to nobody: a pattern of models, and all of these
    words.

    A word is ``end``, ``price``, ``*`` for both, or a glob on the id of one of the two sources
    (``litellm.*``)."""

    pattern: Pattern
    words: tuple[str, ...]

    def covers(self, conflict: Conflict) -> bool:
        sources = (conflict.first.source.id, conflict.second.source.id)
        return self.pattern.matches(Subject.of(conflict.fact)) and all(
            word in ("*", conflict.what) or any(fnmatchcase(source, word) for source in sources)
            for word in self.words
        )


def deviations(text: str) -> tuple[Deviation, ...]:
    """A list of deviations, one a line, # for comments. Raises ValueError with the number of a
    wrong line.
    """
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        glob, *words = line.partition("#")[0].casefold().split() or [""]
        if not glob:
            continue
        if "/" not in glob.strip("/") or not words:
            raise ValueError(
                f"line {number}: write provider/model-glob and what, for example openai/gpt-4* end"
            )
        if wrong := [
            word for word in words if word not in ("end", "price", "*") and "." not in word
        ]:
            raise ValueError(f"line {number}: {wrong[0]!r} is neither end, price, * nor a source")
        try:
            found.append(Deviation(Pattern.parse(glob), tuple(words)))
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from None
    return tuple(found)


BUILT_IN = deviations(
    """
    # The bare keys are Vertex's models, which have other ends than the Gemini API's.
    gemini/* end litellm.prices
    """
)


def quiet(conflict: Conflict, deviations: Collection[Deviation]) -> bool:
    return any(deviation.covers(conflict) for deviation in deviations)


def loud(conflicts: Sequence[Conflict], deviations: Collection[Deviation]) -> list[Conflict]:
    """Return the conflicts that no deviation covers."""
    return [conflict for conflict in conflicts if not quiet(conflict, deviations)]
