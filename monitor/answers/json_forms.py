"""The public JSON of answers. Members are only ever added."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.core.interpret import subject
from monitor.core.settle import POLLS
from monitor.core.wording import stamp
from monitor.store import model_lookup

if TYPE_CHECKING:  # asking one question does not pay for the imports of the others
    from collections.abc import Sequence

    from monitor.answers.check import Check
    from monitor.answers.endings import Ending
    from monitor.answers.explain import Explanation
    from monitor.answers.model import Contradiction, Model, Redirect
    from monitor.answers.news import News
    from monitor.answers.sources import SourceDetails, SourceHealth
    from monitor.answers.versions import AnyFact, Version
    from monitor.core.claims import Mark
    from monitor.core.diff import Change
    from monitor.core.facts import Json
    from monitor.core.settle import Pending
    from monitor.store.model_lookup import Successor


def version_json(version: Version[AnyFact]) -> Json:
    """Return a fact in its public form, with when and where it was read."""
    return version.fact.to_json() | {
        "canonical": version.canonical,
        "source": version.source,
        "first_seen": stamp(version.first_seen),
        "ended": stamp(version.ended),
        "seen": stamp(version.seen),
        "document": f"sha256:{version.document}" if version.document else "",
    }


def ending_json(ending: Ending) -> Json:
    """Return a retirement as ``upcoming`` and the findings of ``check`` have it."""
    fact = ending.fact
    return {
        "provider": fact.provider,
        "model": fact.model,
        "version": fact.version,
        "region": fact.region,
        "surface": fact.surface,
        "canonical": ending.version.canonical,
        "stage": fact.stage,
        "retires": fact.retires.to_json() if fact.retires else None,
        "days_left": ending.days_ahead,
        "floor": ending.is_floor,
        "replacements": list(fact.replacements),
        "source": ending.version.source,
        "seen": stamp(ending.version.seen),
        "quote": fact.quote,
    }


def model_json(model: Model) -> Json:
    """Return everything known of a model, as ``show`` has it."""
    return {
        "model": model.name,
        "canonical": model.canonicals,
        "at": stamp(model.at),
        "retirements": [retirement_json(ending) for ending in model.retirements],
        "listings": [version_json(version) for version in model.listings],
        "prices": [version_json(version) for version in model.prices],
        "redirects": [_redirect(redirect) for redirect in model.redirects],
        "conflicts": [_contradiction(contradiction) for contradiction in model.contradictions],
        "notices": [news_json(news) for news in model.news],
        "events": list(model.events),
    }


def retirement_json(ending: Ending) -> Json:
    """Return a retirement of one model, with its replacements followed to those that live."""
    return version_json(ending.version) | {
        "days_left": ending.days_left,
        "successors": [_successor(successor) for successor in ending.successors],
        "live_replacements": model_lookup.live(ending.successors),
    }


def news_json(news: News) -> Json:
    """Return a notice with the verdicts on its claims; the first of them also by itself."""
    claims = verdicts_json(news.verdicts)
    first = claims[0] if claims else {"claim": "", "verdict": "", "why": ""}
    members = {name: first[name] for name in ("claim", "verdict", "why")}
    return version_json(news.version) | members | {"claims": claims}


def verdicts_json(verdicts: Sequence[Mark]) -> list[Json]:
    """Return what an article claims, and what official sources say to it."""
    return [
        {
            "claim": str(mark.claim),
            "verdict": mark.verdict,
            "why": mark.why,
            "quote": mark.claim.quote,
        }
        for mark in verdicts
    ]


def check_json(check: Check) -> Json:
    return {
        "model": check.model,
        "status": check.status,
        "summary": check.summary,
        "findings": [ending_json(finding) for finding in check.findings],
    }


def explanation_json(explanation: Explanation) -> Json:
    """Return an event in its public form, with its poll, its document and its verdicts."""
    poll, document = explanation.poll, explanation.document
    poll_json: Json | None = None
    if poll:
        members = ("outcome", "status", "ms", "size", "rows", "events")
        poll_json = {"at": stamp(poll.at)} | {name: getattr(poll, name) for name in members}
    document_json: Json | None = None
    if document:
        document_json = {
            "url": document.url,
            "content_type": document.content_type,
            "size": document.size,
            "fetched_at": stamp(document.fetched_at),
        }
    claims = verdicts_json(explanation.verdicts)
    return explanation.event.to_json() | {
        "poll": poll_json,
        "kept": document_json,
        "claims": claims,
    }


def source_json(state: SourceHealth) -> Json:
    """Return the state of a source, as ``sources list`` has it."""
    source, row = state.source, state.row
    return {
        "id": source.id,
        "kind": source.kind,
        "url": source.url,
        "enabled": row.enabled if row else True,
        "outcome": row.outcome if row else "",
        "error": row.error if row else "",
        "good_at": stamp(row.good_at) if row else None,
        "stale": state.stale,
        "checked_at": stamp(row.checked_at) if row else None,
        "due_at": stamp(row.due_at) if row else None,
        "failures": row.failures if row else 0,
        "rows": row.rows if row else 0,
        "pending": len(row.pending) if row else 0,
        "held": bool(row and row.held),
        "key": state.key,
        "key_missing": state.key_missing,
    }


def source_details_json(details: SourceDetails) -> Json:
    """Return a source in full, as ``sources show`` has it."""
    document = details.document
    return source_json(details.state) | {
        "facts": dict(details.facts),
        "waiting": [waiting_json(pending) for pending in details.waiting],
        "held_release": document.release if document else "",
        "held_changes": (
            [change_json(change) for change in document.changes] if document else None
        ),
    }


def waiting_json(pending: Pending) -> Json:
    """Return a change that waits, with the polls that it had and needs.

    ``looks`` are polls; ``apart`` counts those that came a whole interval after the one before."""
    spaced = (
        f"{pending.full_intervals} of {pending.needed} looks, each a whole interval after the other"
    )
    return change_json(pending.change) | {
        "looks": f"{pending.polls} of {POLLS} looks" if pending.soon else spaced,
        "had": pending.polls,
        "had_apart": pending.full_intervals,
        "needs": POLLS,
        "needs_apart": pending.needed,
    }


def change_json(change: Change) -> Json:
    """Return one change, also as text: ``~ retirement azure/gpt-4.1: retires 2027-10-14 ->
    2026-10-14``.
    """
    sign = "+" if change.before is None else "-" if change.after is None else "~"
    words = f"{sign} {change.fact.fact} {subject(change.fact)}"
    if change.before and change.after:
        values = zip(change.fact.telling, change.before.value, change.after.value, strict=True)
        words += ": " + ", ".join(
            f"{name} {_value(old)} -> {_value(new)}" for name, old, new in values if old != new
        )
    return {
        "words": words,
        "before": change.before.to_json() if change.before else None,
        "after": change.after.to_json() if change.after else None,
    }


def _value(value: object) -> str:
    return " or ".join(map(str, value)) or "none" if isinstance(value, tuple) else str(value)


def _successor(successor: Successor) -> Json:
    return {
        "model": successor.model,
        "stage": successor.stage,
        "retires": successor.retires.to_json() if successor.retires else None,
        "lives": successor.lives,
        "gone": successor.gone,
        "successors": [_successor(further) for further in successor.successors],
    }


def _redirect(redirect: Redirect) -> Json:
    listing = redirect.version.fact
    return {
        "model": f"{listing.provider}/{listing.model}",
        "to": listing.alias_of,
        "source": redirect.version.source,
        "note": listing.note,
        "quote": listing.quote,
        "prices": [version_json(version) for version in redirect.prices],
    }


def _contradiction(contradiction: Contradiction) -> Json:
    conflict = contradiction.conflict
    fact = conflict.fact
    return {
        "what": conflict.what,
        "provider": fact.provider,
        "model": fact.model,
        "version": fact.version,
        "region": fact.region,
        "surface": fact.surface,
        "severity": conflict.severity,
        "known": contradiction.expected,
        "summary": conflict.summary,
        "statements": [
            {
                "source": statement.source.id,
                "kind": statement.source.kind,
                "says": statement.says,
                "quote": statement.quote,
                "url": statement.source.url,
                "first_seen": stamp(first_seen),
                "fact": statement.fact.to_json() if statement.fact else None,
            }
            for statement, first_seen in zip(
                (conflict.first, conflict.second), contradiction.first_seen, strict=True
            )
        ],
    }
