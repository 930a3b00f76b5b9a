"""Messages in Block Kit: whatever a page says makes a valid message, and what it says is what a
person needs.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.facts import Price, Retirement, When
from monitor.delivery.event_subject import subject
from monitor.delivery.event_text import COUNTED
from monitor.delivery.message_context import (
    Acknowledgement,
    MessageContext,
    PriceComparison,
    context_of,
)
from monitor.delivery.slack import blocks, mrkdwn
from monitor.delivery.slack.card import card, reply
from monitor.delivery.slack.change_list import change_list
from monitor.delivery.slack.send import build_message
from monitor.store.model_lookup import Successor
from tests.support.cli import look
from tests.support.receivers import event
from tests.support.slack_server import faults, shown, texts

NOW = datetime(2026, 4, 3, 12, tzinfo=UTC)
FACT = Retirement(
    provider="openai",
    model="gpt-old",
    stage="deprecated",
    retires=When("2026-05-07"),
    replacements=("gpt-new",),
    quote="gpt-old | 2026-05-07",
)


def retirement_event(
    fact: Retirement = FACT,
    was: Retirement | None = None,
    kind: str = "retirement.announced",
    **values,
):
    row = {
        "kind": kind,
        "model": fact.model,
        "region": fact.region,
        "summary": f"openai/{fact.model}: retires",
        "before": was.to_json() if was else None,
        "after": fact.to_json(),
        "effective": fact.retires.to_json() if fact.retires else None,
        "quote": fact.quote,
    }
    return event(values.pop("number", 1), NOW, **(row | values))


def successor(model: str, **values):
    usual = {"stage": "", "retires": None, "lives": True, "gone": False}
    return Successor(model, **(usual | values))


def words(message) -> str:
    return shown({"blocks": message[1]})


# L7: any text is a valid message, escaped, without a mention

nasty = st.one_of(
    st.text(max_size=200),
    st.sampled_from(
        [
            "<!channel>",
            "<@U012AB3CD>",
            "&",
            "<https://evil.example|click>",
            "*_~`",
            "@here",
            "\x00",
            "😀",
        ]
    ),
).map(lambda text: text * 20)


@settings(max_examples=40, deadline=None)
@given(
    text=nasty,
    count=st.sampled_from([1, 2, 60]),
    kind=st.sampled_from(sorted(COUNTED)),
    several=st.booleans(),
)
def test_l7_any_text_is_a_valid_message(text, count, kind, several):
    fact = Retirement(
        provider="openai",
        model=(text.strip() or "m")[:4000],
        stage="deprecated",
        term=text,
        region=text,
        note=text,
        retires=When("2026-05-07"),
        replacements=(text or "x",) * 60,
        quote=text * 40,
    )
    events = [
        retirement_event(
            replace(fact, model=f"{number}{fact.model}") if several else fact,
            kind=kind,
            number=number,
            summary=f"{fact.model}: {text * number}",
            url=f"https://e.example/?q={text}"[:2000],
            source_id=text or "s",
        )
        for number in range(count)
    ]
    context = MessageContext(
        successors=[successor(text or "x", stage=text, lives=False, gone=True)] * 60,
        prices=[PriceComparison(text or "input", Decimal(1), Decimal(2), text, text)] * 20,
        acknowledgement=Acknowledgement(text, NOW),
    )
    messages = [
        build_message(events, NOW, {subject(changed): context for changed in events}, buttons=True)
    ]
    messages += [
        reply(events, NOW),
        blocks.lines_message([mrkdwn.fit(text, 4000), mrkdwn.code(text)]),
    ]
    for text_part, shape in messages:
        assert faults({"text": text_part, "blocks": shape}) == []
        for part in [
            text_part,
            *(part for kind, part in texts(shape) if kind in ("text", "field")),
        ]:
            bare = part
            while (start := bare.find("<http")) >= 0:  # the links are ours
                bare = bare[:start] + bare[bare.index(">", start) + 1 :]
            assert "<" not in bare
            assert ">" not in bare
            assert not [
                escape
                for escape in bare.split("&")[1:]
                if not escape.startswith(("amp;", "lt;", "gt;"))
            ]
        assert all(part["verbatim"] for block in shape for part in _markdown(block))


def _markdown(block):
    parts = [block.get("text"), *block.get("fields", []), *block.get("elements", [])]
    return [part for part in parts if part and part["type"] == "mrkdwn"]


# What a person reads


def test_a_card_tells_what_when_how_long_instead_costs_and_where():
    was = replace(FACT, retires=When("2026-02-27"))
    context = MessageContext(
        successors=[
            successor(
                "gpt-new",
                stage="deprecated",
                retires=When("2026-12-01"),
                lives=False,
                successors=(successor("gpt-5"),),
            ),
        ],
        prices=[PriceComparison("input", Decimal("5.00"), Decimal("4.00"), "USD", "1M tokens")],
    )
    text, shape = card(
        [retirement_event(was=was, kind="retirement.postponed")], NOW, context, buttons=True
    )
    shown_text = words((text, shape))
    for expected in (
        "⚠️ gpt-old: retirement postponed to 7 May 2026",
        "`openai/gpt-old`",
        "7 May 2026 · *in 34 days*",
        "was 27 Feb 2026",
        "`gpt-new` (itself retires on 1 Dec 2026) → `gpt-5`",
        "What that costs, USD per 1M tokens*\ninput 5.00 → 4.00 (-20 %)",
        "Action needed",
        "<https://provider.example/docs/deprecations?a=1&amp;b=2|evidence: openai.deprecations>",
        "“gpt-old | 2026-05-07”",
        "seen 3 Apr 2026, 12:00 UTC",
    ):
        assert expected in shown_text
    assert "…" not in shown_text, "nothing is cut, and nothing is empty"
    assert text == (
        "⚠️ Action needed: gpt-old: retirement postponed to 7 May 2026 (in 34 days)."
        " Use gpt-new (itself retires on 1 Dec 2026) → gpt-5 instead."
    )
    (actions,) = [block for block in shape if block["type"] == "actions"]
    assert [part["action_id"] for part in actions["elements"]] == [
        "acknowledge",
        "snooze",
        "history",
    ]
    assert {part["value"] for part in actions["elements"]} == {f"evt_{1:032x}"}


def test_who_acknowledged_is_shown_and_is_not_asked_again():
    context = MessageContext(acknowledgement=Acknowledgement("ann", NOW))
    shown_text = words(card([retirement_event()], NOW, context, buttons=True))
    assert "✅ Acknowledged by *ann* on 3 Apr 2026" in shown_text
    assert "Acknowledge\n" not in shown_text


@pytest.mark.parametrize("kind", ["retirement.completed", "retirement.withdrawn"])
def test_what_is_over_has_only_a_history(kind):
    _, shape = card([retirement_event(kind=kind)], NOW, buttons=True)
    (actions,) = [block for block in shape if block["type"] == "actions"]
    assert [part["action_id"] for part in actions["elements"]] == ["history"]


@pytest.mark.parametrize(
    ("effective", "shown"),
    [
        (When("2026-05-07"), "7 May 2026 · *in 34 days*"),
        (When("2026-04-03"), "3 Apr 2026 · *today*"),
        (When("2026-04-04T19:00Z"), "4 Apr 2026, 19:00 UTC · *tomorrow*"),
        (When("2026-03-01"), "1 Mar 2026"),
        (When("2026-09-29", "not_before"), "not before 29 Sep 2026"),
        (When("2026-08-16", "by"), "by 16 Aug 2026"),
        (When("2026-08"), "Aug 2026"),
        (When("2026-Q3"), "Q3 2026"),
        (When("2027"), "2027"),
    ],
)
def test_days_left_are_for_firm_days(effective, shown):
    fact = replace(FACT, retires=effective)
    shown_text = words(card([retirement_event(fact)], NOW))
    assert f"*Retires*\n{shown.removeprefix('in ')}" in shown_text.replace("\nin ", "\n")
    assert ("days" in shown_text) is ("days" in shown)


def test_the_days_that_are_left_are_those_of_today():
    """An event that was held is told with the days as they are when it is sent."""
    first = retirement_event(
        summary="openai/gpt-old: retires 2026-05-07 (in 60 days); replacement gpt-new"
    )
    second = retirement_event(
        replace(FACT, model="gpt-other"),
        number=2,
        summary="openai/gpt-other: retires 2026-05-07 (in 60 days)",
    )
    shown_text = words(change_list([first, second], NOW))
    assert shown_text.count("`: retires 2026-05-07 (in 34 days)") == 2
    assert "60" not in shown_text


def test_a_list_says_the_same_once_and_the_gravest_first():
    rows = [
        retirement_event(
            replace(FACT, model=f"gpt-{number}"),
            number=number,
            kind="replacement.changed",
            severity="info",
            summary=f"openai/gpt-{number}: replacement gpt-5, was gpt-new",
        )
        for number in range(3)
    ]
    last = retirement_event(
        number=9,
        severity="critical",
        summary="openai/gpt-old: retired on 2026-04-03",
        kind="retirement.completed",
    )
    text, shape = change_list([*rows, last], NOW)
    shown_text = words((text, shape))
    assert text.startswith(
        "🚨 1 model retired, 3 replacements changed. First: openai/gpt-old: retired"
    )
    assert shown_text.count("replacement gpt-5, was gpt-new") == 1
    assert "`openai/gpt-0`, `openai/gpt-1`, `openai/gpt-2`" in shown_text
    assert shown_text.index("gpt-old") < shown_text.index("gpt-5")


def test_the_background_is_what_the_store_knows(sqlite):
    """Replacements are followed to one that lives, and both prices stand beside each other."""
    going = Retirement(
        model="gpt-new",
        stage="deprecated",
        retires=When("2026-12-01"),
        replacements=("gpt-5",),
        quote="q",
    )
    look(sqlite, "openai.deprecations", [FACT, going], "2026-03-01")
    look(
        sqlite,
        "openai.pricing",
        [
            Price(model=model, meter=meter, amount=Decimal(amount), per="1M tokens", quote="p")
            for model, meter, amount in (
                ("gpt-old", "input", "5"),
                ("gpt-old", "output", "15"),
                ("gpt-5", "input", "4"),
            )
        ],
        "2026-03-01",
    )
    with sqlite.read() as session:
        context = context_of(session, retirement_event(), "s", NOW)
    assert (
        mrkdwn.successor_chain(context.successors)
        == "`gpt-new` (itself retires on 1 Dec 2026) → `gpt-5`"
    )
    assert context.prices == (PriceComparison("input", Decimal(5), Decimal(4), "USD", "1M tokens"),)
