"""The retirement of one offering, as every answer shows it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from monitor.answers.versions import Freshness, Version, version
from monitor.core.ends import days_left, firm
from monitor.core.facts import Retirement
from monitor.store.fact_versions import FactVersion
from monitor.store.model_lookup import Successor


@dataclass(frozen=True, slots=True)
class Ending:
    """The retirement of one offering.

    ``days_left`` is negative after its day, and None for a date that is no firm day. Answers about
    one model follow the ``successors``; others leave them empty."""

    version: Version[Retirement]
    days_left: int | None
    successors: tuple[Successor, ...] = ()

    @property
    def fact(self) -> Retirement:
        return self.version.fact

    @property
    def is_floor(self) -> bool:
        """Return whether the date is only a promise of not before."""
        return self.fact.retires is not None and not firm(self.fact.retires)

    @property
    def days_ahead(self) -> int | None:
        """Return the days left until a day that is not over, else None."""
        return self.days_left if self.days_left is not None and self.days_left >= 0 else None


def ending(stored: FactVersion, fact: Retirement, now: datetime, fresh: Freshness) -> Ending:
    """Return the retirement that a stored version states."""
    return Ending(version(stored, fact, fresh), days_left(fact.retires, now))
