"""What the store knows around a retirement that a message tells: what replaces it, what that costs,
who has heard.
"""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session, select

from monitor.core.facts import Price, Retirement
from monitor.delivery.slack.blocks import Background, Cost, Heard, retirement, subject
from monitor.store import model_lookup
from monitor.store.tables import AcknowledgementRow, EventRow

#: What a request is paid for, in the order in which it is told.
METERS = ("input", "output")


def background(
    session: Session, event: EventRow, subscription_id: str, now: datetime
) -> Background:
    """For an event about a retirement; nothing for any other."""
    fact = retirement(event)
    if fact is None or not subject(event):
        return Background()
    successors = model_lookup.successors(session, fact, now)
    live = model_lookup.live(successors)
    costs = _costs(session, fact, live[0]) if live else ()
    return Background(successors, costs, heard(session, event, subscription_id, now))


def heard(session: Session, event: EventRow, subscription_id: str, now: datetime) -> Heard | None:
    """Who acknowledged the retirement in a channel, as long as that counts: until its date changes,
    or a time.
    """
    row = session.scalars(
        select(AcknowledgementRow).where(
            AcknowledgementRow.subscription_id == subscription_id,
            AcknowledgementRow.subject == subject(event),
        )
    ).first()
    if row is None or row.retires != ends(event) or (row.until and row.until <= now):
        return None
    return Heard(row.by, row.at, row.until)


def ends(event: EventRow) -> str:
    """The date of a retirement as its acknowledgement keeps it; empty where none is told."""
    fact = retirement(event)
    return fact.retires.text if fact and fact.retires else ""


def _costs(session: Session, fact: Retirement, successor: str) -> tuple[Cost, ...]:
    """What both models cost by the meters of a request, where the provider's pages tell it of
    both.
    """
    old, new = _prices(session, fact, fact.model), _prices(session, fact, successor)
    return tuple(
        Cost(meter, old[meter].amount, new[meter].amount, new[meter].currency, new[meter].per)
        for meter in METERS
        if meter in old and meter in new
        if (old[meter].currency, old[meter].per) == (new[meter].currency, new[meter].per)
    )


def _prices(session: Session, fact: Retirement, model: str) -> dict[str, Price]:
    """The plain price of each meter; that of a model that is off the price page is the last one."""
    found: dict[str, Price] = {}
    wanted = f"{fact.provider}/{model}"
    for one in sorted(
        model_lookup.named(session, [Price], wanted, history=True, official=True),
        key=lambda one: (one.ended is None, one.first_seen),
    ):
        price = one.fact
        if not isinstance(price, Price) or price.provider != fact.provider:
            continue
        if (price.tier, price.window, price.starts) != (
            "standard",
            "",
            None,
        ) or price.context.startswith(">"):
            continue
        if price.surface in (fact.surface, "api") and price.region in (fact.region, ""):
            found[price.meter] = price
    return found
