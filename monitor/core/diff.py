"""Compare two snapshots of one source: the facts that were added, changed or removed. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from monitor.core.facts import Fact, Notice, Price, Retirement

#: The facts of one source, by key.
Snapshot = Mapping[str, Fact]


@dataclass(frozen=True)
class Change:
    """A fact added (``before`` is None), changed, or removed (``after`` is None)."""

    before: Fact | None
    after: Fact | None

    @property
    def fact(self) -> Fact:
        """The fact after the change, or the last one if it was removed."""
        fact = self.after or self.before
        if fact is None:
            raise ValueError("a change has a before or an after")
        return fact

    @property
    def key(self) -> str:
        return self.fact.key


def snapshot(facts: Iterable[Fact]) -> dict[str, Fact]:
    """Return the facts by key."""
    return {fact.key: fact for fact in facts}


def diff(before: Snapshot, after: Snapshot) -> list[Change]:
    """Return the changes from one snapshot to the other, in the order of their keys.

    A notice that leaves is no change, because feeds slide."""
    changes = [
        Change(before.get(key), fact)
        for key, fact in after.items()
        if key not in before or before[key].value != fact.value
    ]
    changes += [
        Change(fact, None)
        for key, fact in before.items()
        if key not in after and not isinstance(fact, Notice)
    ]
    return sorted(changes, key=lambda change: change.key)


def patch(before: Snapshot, changes: Iterable[Change]) -> dict[str, Fact]:
    """Return the snapshot after the changes.

    ``patch(a, diff(a, b))`` has the values of ``b``, and the notices that slid out."""
    after = dict(before)
    for change in changes:
        if change.after:
            after[change.key] = change.after
        else:
            del after[change.key]
    return after


def fingerprint(facts: Snapshot) -> str:
    """Return a hash of the values of the facts, whatever the frame and the wording of their
    page.
    """
    values = [[key, *(str(value) for value in facts[key].value)] for key in sorted(facts)]
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()


def group(fact: Fact) -> str:
    """Return the key of the facts that change together.

    A price belongs together whatever its dates, and a retirement in all groups of regions."""
    if isinstance(fact, Price):
        fact = replace(fact, starts=None, ends=None)
    elif isinstance(fact, Retirement):
        fact = replace(fact, region="")
    return fact.key


def factor(before: Decimal, after: Decimal) -> Decimal:
    """Return the factor, at least 1, by which an amount goes up or down.

    From zero or to zero it is infinite."""
    if not before or not after:
        return Decimal(1) if before == after else Decimal("Infinity")
    return max(before / after, after / before)
