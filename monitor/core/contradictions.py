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
    """Who says it, what, and in which words. ``fact`` is None for a row that is known by its quote
    alone.
    """

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
    one: Statement
    other: Statement
    more: int = 0

    @property
    def subject(self) -> str:
        """The same from opening to closing, whatever the sides come to say: the matter, the
        offering, the sources.
        """
        fact = self.fact
        offering = (fact.provider, fact.model.casefold(), fact.version, fact.region, fact.surface)
        return json.dumps(
            [self.what, *offering, self.one.source.id, self.other.source.id], ensure_ascii=False
        )

    @property
    def severity(self) -> Severity:
        return "notice" if self.other.source.kind == "official" else "info"

    @property
    def summary(self) -> str:
        if self.one.source.id == self.other.source.id:
            quotes = f"{self.one.quote!r}, and {self.other.quote!r}"
            words = f"{self.one.source.id} contradicts itself: {quotes}"
        else:
            words = (
                f"{self.one.source.id} says {self.one.says}, "
                f"{self.other.source.id} says {self.other.says}"
            )
        more = f" (and {self.more} more)" if self.more else ""
        return " ".join(f"{subject(self.fact)}: {words}{more}".split())


def find(statements: Iterable[Statement], now: datetime) -> list[Conflict]:
    """The contradictions among standing statements, one for each subject, in the order of their
    subjects.
    """
    official = [said for said in statements if said.source.kind == "official"]
    hints = [said for said in statements if said.source.kind == "hint"]
    found: dict[str, list[Conflict]] = defaultdict(list)
    for conflict in (
        *_on_one_page(official),
        *_between(official, now),
        *_hinted(official, hints, now),
    ):
        found[conflict.subject].append(conflict)
    firsts = ((same, min(same, key=_order)) for _, same in sorted(found.items()))
    return [replace(first, more=len(same) - 1) for same, first in firsts]


def opened(conflict: Conflict) -> Draft:
    return Draft(
        "conflict.opened",
        conflict.severity,
        conflict.fact,
        conflict.summary,
        conflict.one.fact,
        conflict.other.fact,
    )


def closed(subject_key: str, severity: Severity, before: Fact, after: Fact | None) -> Draft:
    """The end of a conflict of which the two sides last were these."""
    what, *_, one, other = json.loads(subject_key)
    who = f"{one} no longer contradicts {'itself' if one == other else other}"
    words = f"{subject(before)}: {who} about its {what}"
    return Draft("conflict.closed", severity, before, words, before, after)


def _order(conflict: Conflict) -> tuple[str, ...]:
    other = conflict.other.fact.key if conflict.other.fact else ""
    return (conflict.fact.key, other, conflict.one.quote, conflict.other.quote)


# --- who is compared
# ---------------------------------------------------------------------------------------


def _on_one_page(official: Iterable[Statement]) -> Iterator[Conflict]:
    for said in official:
        fact = said.fact
        if isinstance(fact, Retirement | Price):
            for quote in contradicted_by(fact):
                yield Conflict(_what(fact), fact, said, Statement(said.source, None, quote))


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
    for said in official:
        if said.fact:
            matters[
                said.fact.provider, replace(said.fact, model=said.fact.model.casefold()).key
            ].append(said)
    for group in matters.values():
        for one, other in combinations(sorted(group, key=lambda said: said.source.id), 2):
            if (
                one.source.id != other.source.id
                and one.fact
                and other.fact
                and _contradict(one.fact, other.fact, now)
            ):
                yield Conflict(_what(one.fact), one.fact, one, other)


def _hinted(
    official: Iterable[Statement], hints: Iterable[Statement], now: datetime
) -> Iterator[Conflict]:
    matters: dict[tuple[str, ...], list[tuple[Statement, Fact]]] = defaultdict(list)
    for said in official:
        if said.fact and _applies(said.fact, now):
            place = MAKERS.get(said.fact.provider, said.fact.provider)
            matters[_matter(place, said.fact)].append((said, said.fact))
    for hint in hints:
        fact = hint.fact
        if not fact or not _applies(fact, now):
            continue
        known = matters.get(_matter(_place(fact), fact), [])
        name = fact.model.casefold().rpartition("/")[2]
        # An id of Anthropic with its day and the one without are one model here; the exact one is
        # meant where it is.
        known = [
            pair for pair in known if pair[1].model.casefold().rpartition("/")[2] == name
        ] or known
        if known and all(_contradict(theirs, fact, now, ROUNDING) for _, theirs in known):
            said, theirs = min(known, key=lambda pair: (pair[1].key, pair[0].source.id))
            yield Conflict(_what(theirs), theirs, said, hint)


def vouches(other: Fact, fact: Fact) -> bool:
    """Whether what another source says bears out the value of an official fact: the same offering,
    the same words.

    A hint rounds what it computes; an end must be the very same.
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
    """What a hint and an official statement must have in common to be about the same."""
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
    """Whether a statement is about today: a price may be of the past or the future."""
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
    """Whose offering a catalogue speaks of: ``azure/gpt-4o`` is Azure's, a bare ``gpt-4o`` is its
    maker's own.
    """
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


def _contradict(one: Fact, other: Fact, now: datetime, tolerance: Decimal = Decimal(0)) -> bool:
    match one, other:
        case Price(), Price():
            return abs(one.amount - other.amount) > tolerance * one.amount
        case Retirement(), Retirement():
            ends = one.retires and other.retires and _disjoint(one.retires, other.retires)
            return bool(ends) or any(
                over(a, now) and _there(b, now) for a, b in ((one, other), (other, one))
            )
    return False


def _there(fact: Retirement, now: datetime) -> bool:
    """Whether a source says that the model works: active, or an end that is still to come."""
    if over(fact, now):
        return False
    return fact.stage in ("active", "legacy") or (
        fact.retires is not None and fact.retires.ends > now
    )


def _disjoint(one: When, other: When) -> bool:
    """Whether no moment fits both: a month holds its days, a floor everything after it, a limit
    everything before.
    """
    return _before(one, other) or _before(other, one)


def _before(early: When, late: When) -> bool:
    """Whether the last moment that ``early`` allows is before the first that ``late`` does."""
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
        sources = (conflict.one.source.id, conflict.other.source.id)
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


def quiet(conflict: Conflict, known: Collection[Deviation]) -> bool:
    return any(deviation.covers(conflict) for deviation in known)


def loud(conflicts: Sequence[Conflict], known: Collection[Deviation]) -> list[Conflict]:
    """Those that no known deviation covers."""
    return [conflict for conflict in conflicts if not quiet(conflict, known)]
