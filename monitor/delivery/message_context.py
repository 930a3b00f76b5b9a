"""Look up what a message tells around a retirement: replacements, their prices, and who
acknowledged it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlmodel import Session, select

from monitor.core.facts import Price, Retirement
from monitor.delivery.event_subject import retirement_of, subject
from monitor.store import model_lookup
from monitor.store.model_lookup import Successor
from monitor.store.tables import AcknowledgementRow, EventRow

#: The meters of a request, in the order in which they are shown.
METERS = ("input", "output")


@dataclass(frozen=True, slots=True)
class PriceComparison:
    """The price of a meter at the model that goes, and at the one that replaces it."""

    meter: str
    old: Decimal
    new: Decimal
    currency: str
    per: str


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """A person muted the reminders of a channel: until the date changes, or until a time."""

    by: str
    at: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class MessageContext:
    """Facts around an event: the replacements of its model (store.model_lookup.successors), the
    prices of both, and the acknowledgement.
    """

    successors: Sequence[Successor] = ()
    prices: Sequence[PriceComparison] = ()
    acknowledgement: Acknowledgement | None = None


NO_CONTEXT = MessageContext()


def context_of(
    session: Session, event: EventRow, subscription_id: str, now: datetime
) -> MessageContext:
    """Return the context of an event about a retirement; an empty one for any other event."""
    fact = retirement_of(event)
    if fact is None or not subject(event):
        return NO_CONTEXT
    successors = model_lookup.successors(session, fact, now)
    live = model_lookup.live(successors)
    prices = _compare_prices(session, fact, live[0]) if live else ()
    return MessageContext(
        successors, prices, find_acknowledgement(session, event, subscription_id, now)
    )


def find_acknowledgement(
    session: Session, event: EventRow, subscription_id: str, now: datetime
) -> Acknowledgement | None:
    """Return who acknowledged a retirement in a channel, while that counts: until its date changes,
    or until a time.
    """
    row = session.scalars(
        select(AcknowledgementRow).where(
            AcknowledgementRow.subscription_id == subscription_id,
            AcknowledgementRow.subject == subject(event),
        )
    ).first()
    if row is None or row.retires != retirement_date(event) or (row.until and row.until <= now):
        return None
    return Acknowledgement(row.by, row.at, row.until)


def retirement_date(event: EventRow) -> str:
    """Return the date of a retirement as its acknowledgement stores it; empty without a date."""
    fact = retirement_of(event)
    return fact.retires.text if fact and fact.retires else ""


def _compare_prices(
    session: Session, fact: Retirement, successor: str
) -> tuple[PriceComparison, ...]:
    """Return what both models cost for each meter, where the provider's pages price both alike."""
    old, new = _prices(session, fact, fact.model), _prices(session, fact, successor)
    return tuple(
        PriceComparison(
            meter, old[meter].amount, new[meter].amount, new[meter].currency, new[meter].per
        )
        for meter in METERS
        if meter in old and meter in new
        if (old[meter].currency, old[meter].per) == (new[meter].currency, new[meter].per)
    )


def _prices(session: Session, fact: Retirement, model: str) -> dict[str, Price]:
    """Return the plain price of each meter; the last one where the model left the price page."""
    prices: dict[str, Price] = {}
    versions = model_lookup.named(
        session, [Price], f"{fact.provider}/{model}", history=True, official=True
    )
    for version in sorted(versions, key=lambda row: (row.ended is None, row.first_seen)):
        price = version.fact
        if not isinstance(price, Price) or price.provider != fact.provider:
            continue
        is_plain = (price.tier, price.window, price.starts) == ("standard", "", None)
        if not is_plain or price.context.startswith(">"):
            continue
        if price.surface in (fact.surface, "api") and price.region in (fact.region, ""):
            prices[price.meter] = price
    return prices
