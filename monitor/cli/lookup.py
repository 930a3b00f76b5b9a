"""Finding a model by whatever name a person has for it, and what the store says of its end."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from monitor.cli.output import BOUNDS, stamp
from monitor.core.ends import days_left, firm
from monitor.core.facts import Fact, Json, Listing, Notice, Price, Retirement
from monitor.errors import NotFound

if TYPE_CHECKING:
    from sqlmodel import Session

    from monitor.core.claims import Mark
    from monitor.store.fact_versions import Known


def notices(
    session: Session, text: str, now: datetime, at: datetime | None
) -> tuple[list[Known], dict[tuple[str, str], list[Mark]]]:
    """Notices that name a model, newest first, and by source and key the marks of what articles
    claim of it.
    """
    from sqlalchemy import Text, func, or_, type_coerce

    from monitor.store import fact_versions
    from monitor.store import news_verdicts as marked
    from monitor.store.model_lookup import names
    from monitor.store.tables import NoticeRow

    named = func.lower(type_coerce(NoticeRow.__table__.c.models, Text))  # type: ignore[attr-defined]
    wanted = {name.rpartition("/")[2] for name in names(text)}
    matches = or_(*(named.contains(f'"{name}"', autoescape=True) for name in sorted(wanted)))
    found = fact_versions.known(session, [Notice], matches, at=at)
    official = _official(session)
    articles = [] if official is None else marked.articles(session, official, at)
    claimed = marked.marks(
        session,
        official or (),
        [one.fact for one in articles if isinstance(one.fact, Notice)],
        now,
        at,
    )
    about = {
        (one.source_id, one.fact.key): [
            mark for mark in claimed[one.fact.key] if mark.claim.model in names(text)
        ]
        for one in articles
        if one.fact.key in claimed
    }
    marks = {key: said for key, said in about.items() if said}
    shown = {(one.source_id, one.fact.key): one for one in found}
    shown |= {key: one for one in articles if (key := (one.source_id, one.fact.key)) in marks}
    return sorted(shown.values(), key=lambda one: _published(one.fact), reverse=True), marks


def marks_json(marks: Sequence[Mark]) -> Json:
    """What an article claims of a model, and what official sources say to it; the worst of it first
    and by itself.
    """
    from monitor.core.claims import VERDICTS

    worst = sorted(marks, key=lambda mark: VERDICTS.index(mark.verdict))
    said = [
        {
            "claim": str(mark.claim),
            "verdict": mark.verdict,
            "why": mark.why,
            "quote": mark.claim.quote,
        }
        for mark in worst
    ]
    first = said[0] if said else {"claim": "", "verdict": "", "why": ""}
    return {name: first[name] for name in ("claim", "verdict", "why")} | {"claims": said}


def marks_of(session: Session, fact: Json | None, now: datetime) -> list[Json]:
    """What the article of an event claims, as the official sources judge it now; nothing for other
    events.
    """
    from monitor.core.facts import from_json
    from monitor.store import news_verdicts as marked

    notice = from_json(fact) if fact and fact["fact"] == "notice" else None
    if not isinstance(notice, Notice) or notice.provider not in marked.press(session):
        return []
    official = _official(session) or frozenset()
    found: list[Json] = marks_json(
        marked.marks(session, official, [notice], now).get(notice.key, ())
    )["claims"]
    return found


def _official(session: Session) -> frozenset[str] | None:
    """The sources whose word counts; None where no news is held, since to ask imports every
    adapter.
    """
    from monitor.store import news_verdicts as marked

    if not marked.press(session):
        return None
    from monitor.reading.source import officials
    from sources import load

    return officials(load())


def _published(fact: Fact) -> str:
    return fact.published.text if isinstance(fact, Notice) and fact.published else ""


def missing(session: Session, text: str) -> NotFound:
    """The failure for a model that nobody knows, with the nearest names."""
    import difflib

    from sqlalchemy import select, union

    from monitor.store.tables import VERSIONS

    tables = [VERSIONS[kind].__table__ for kind in (Listing, Retirement, Price)]  # type: ignore[attr-defined]
    ids = (
        session.connection()
        .execute(union(*(select(table.c.model, table.c.folded) for table in tables)))
        .all()
    )
    folded = {line.folded: line.model for line in ids if line.folded}
    wanted = text.strip().casefold().rpartition("/")[2]
    near = difflib.get_close_matches(wanted, folded, 5, 0.6)
    near += [name for name in sorted(folded) if wanted and wanted in name and name not in near][
        : 5 - len(near)
    ]
    hint = (
        f"; near: {', '.join(folded[name] for name in near)}"
        if near
        else "; `lastcall sources` lists what is read"
    )
    return NotFound(f"no model {text!r} is known{hint}")


# --- what is told of one
# ------------------------------------------------------------------------------------


def version_json(one: Known, good_at: datetime | None) -> Json:
    """A fact in its public form, with where and when it was seen. ``seen`` is its source's last
    good look.
    """
    from monitor.core.names import canonical

    return one.fact.to_json() | {
        "canonical": canonical(one.fact.provider, one.fact.model),
        "source": one.source_id,
        "first_seen": stamp(one.first_seen),
        "ended": stamp(one.ended),
        "seen": stamp(good_at if one.ended is None else one.ended),
        "document": f"sha256:{one.document}" if one.document else "",
    }


#: The columns of ``upcoming`` and of the findings of ``check``.
ENDING = (
    "provider",
    "model",
    "version",
    "region",
    "surface",
    "canonical",
    "stage",
    "retires",
    "days_left",
    "floor",
    "replacements",
    "source",
    "seen",
    "quote",
)


def ending_json(one: Known, fact: Retirement, now: datetime, good_at: datetime | None) -> Json:
    """One end that is ahead (or over), as ``upcoming`` and ``check`` tell it."""
    from monitor.core.names import canonical

    left = days_left(fact.retires, now)
    return {
        "provider": fact.provider,
        "model": fact.model,
        "version": fact.version,
        "region": fact.region,
        "surface": fact.surface,
        "canonical": canonical(fact.provider, fact.model),
        "stage": fact.stage,
        "retires": fact.retires.to_json() if fact.retires else None,
        "days_left": left if left is not None and left >= 0 else None,
        "floor": fact.retires is not None and not firm(fact.retires),
        "replacements": list(fact.replacements),
        "source": one.source_id,
        "seen": stamp(good_at),
        "quote": fact.quote,
    }


def offering(row: Json) -> str:
    """An offering in words, from its JSON: ``azure/gpt-4o 2024-05-13 in eastus (fine-tuning)``."""
    name = f"{row['provider']}/{row['model']}"
    version = f" {row['version']}" if row["version"] else ""
    region = f" in {row['region']}" if row["region"] else ""
    return name + version + region + (f" ({row['surface']})" if row["surface"] != "api" else "")


_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def date_words(when: Json | None) -> str:
    """A date as vague as it is: ``2026-10-23``, ``August 2026``, ``Q3 2026``, ``2027``, ``not
    before 2026-11-24``.
    """
    if when is None:
        return ""
    text: str = when["text"]
    year, _, rest = text.partition("-")
    if rest.startswith("Q"):
        text = f"{rest} {year}"
    elif len(text) == len("2026-08"):
        text = f"{_MONTHS[int(rest) - 1]} {year}"
    return BOUNDS[when["bound"]] + text
