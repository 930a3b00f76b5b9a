"""Check the models that a team uses, for CI: is one retired, or does it retire soon?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlmodel import Session

from monitor.answers.endings import Ending, ending
from monitor.answers.missing import missing
from monitor.answers.versions import Freshness
from monitor.core.ends import firm, over
from monitor.core.facts import Listing, Price, Retirement
from monitor.core.interpret import subject
from monitor.core.wording import counted, date_words
from monitor.store import fact_versions, model_lookup

Status = Literal["retired", "retiring", "floor", "ok", "unknown"]
#: A model has the first of these that any of its offerings has.
STATUSES: tuple[Status, ...] = ("retired", "retiring", "floor", "ok", "unknown")
#: Surfaces whose end breaks no call of a model: the app of the same name, a product around it, a
#: parameter.
OTHER_SURFACES = frozenset({"chatgpt", "product", "parameter"})


@dataclass(frozen=True, slots=True)
class Check:
    """The status of one model, a sentence that says why, and the retirements behind it."""

    model: str
    status: Status
    summary: str
    findings: tuple[Ending, ...] = ()


def check(
    session: Session, models: Iterable[str], until: datetime, now: datetime
) -> tuple[Check, ...]:
    """Return the status of each model, once, with retirements until a time."""
    fresh = fact_versions.freshness(session)
    return tuple(_check(session, name, until, now, fresh) for name in dict.fromkeys(models))


def _check(session: Session, name: str, until: datetime, now: datetime, fresh: Freshness) -> Check:
    stored = model_lookup.named(session, (Retirement, Listing, Price), name, official=True)
    if not stored:
        return Check(name, "unknown", str(missing(session, name)))
    endings: dict[Status, list[Ending]] = {status: [] for status in STATUSES}
    for row in stored:
        fact = row.fact
        if isinstance(fact, Retirement) and fact.surface not in OTHER_SURFACES:
            endings[_status(fact, until, now)].append(ending(row, fact, now, fresh))
    status: Status = next((status for status in STATUSES if endings[status]), "ok")
    findings: tuple[Ending, ...] = ()
    if status != "ok":
        findings = (*endings["retired"], *endings["retiring"], *endings["floor"])
    words = "; ".join(_summary(finding, now) for finding in findings)
    return Check(name, status, words or "no end within the time is known", findings)


def _status(fact: Retirement, until: datetime, now: datetime) -> Status:
    if over(fact, now):
        return "retired"
    if fact.retires is None or fact.retires.starts > until:
        return "ok"
    return "retiring" if firm(fact.retires) else "floor"


def _summary(finding: Ending, now: datetime) -> str:
    fact = finding.fact
    verb = "retired" if over(fact, now) else "may retire" if finding.is_floor else "retires"
    count = f" (in {counted(finding.days_ahead, 'day')})" if finding.days_ahead else ""
    instead = f", use {' or '.join(fact.replacements)}" if fact.replacements else ""
    words = f"{subject(fact)} {verb} {date_words(fact.retires)}{count}{instead}"
    return words.replace("  ", " ").strip()
