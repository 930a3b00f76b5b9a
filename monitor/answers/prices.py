"""Prices of a model: now, on a day, or through time."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session

from monitor.answers.missing import missing
from monitor.answers.versions import Version, versions
from monitor.core.facts import Listing, Price, Retirement
from monitor.store import fact_versions, model_lookup


def prices(
    session: Session, model: str, *, at: datetime | None = None, history: bool = False
) -> tuple[Version[Price], ...]:
    """Return the prices of a model, as of ``at`` or with those that ended.

    Raises NotFound if nothing at all is known of the model."""
    fresh = {} if at else fact_versions.freshness(session)
    stored = model_lookup.named(session, [Price], model, at=at, history=history)
    if not stored and not model_lookup.named(
        session, (Retirement, Listing, Price), model, history=True
    ):
        raise missing(session, model)
    return versions(stored, Price, fresh)
