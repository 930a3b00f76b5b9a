"""What a subscription gets: filters, kinds, severity, size of a change, nearness of a date."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.names import canonical
from monitor.core.patterns import Pattern
from monitor.subscriptions.filters import Audience, EventFilter, check_kind
from tests.support.fixtures import GOLDENS
from tests.support.receivers import event, target

NOW = datetime(2026, 4, 3, tzinfo=UTC)


def wants(found, **columns) -> bool:
    """Return whether a subscription wants an event; among others it answers the same."""
    other, event_filter = (
        EventFilter.of(target("t", NOW, **values)) for values in ({"filters": ["acme/*"]}, columns)
    )
    answer = event_filter.matches(found)
    assert (1 in Audience([other, event_filter]).of(found)) == answer
    return answer


@pytest.mark.parametrize(
    ("word", "matched"),
    [
        ("openai/gpt-4*", "maker"),
        ("OpenAI/GPT-4O", "maker"),
        ("openai/*", "maker"),
        ("openai", "maker"),
        ("gpt-4o*", "maker platform"),
        ("*/gpt-4o*", "maker platform"),
        ("*/*", "maker platform vertex"),
        ("azure", "platform"),
        ("azure/*@eastus", "platform"),
        ("azure/*@east*", "platform"),
        ("azure/*@westus", ""),
        ("azure/gpt-4o*", ""),
        ("*/my-deploy*@EASTUS", "platform"),
        ("vertex/claude-3-opus@20240229", "vertex"),
        ("vertex/claude-3-opus@*", "vertex"),
        ("vertex/claude-3-opus@20240229@us-east5", "vertex"),
        ("vertex/claude-3-opus@20240229@europe-west1", ""),
        ("*/claude-3-opus-20240229", "vertex"),
        ("anthropic/*", ""),
        ("openai/gpt-3*", ""),
    ],
)
def test_filters(word, matched):
    events = {
        "maker": event(1, NOW, model="gpt-4o"),
        "platform": event(
            2,
            NOW,
            provider="azure",
            model="my-deployed-4o",
            region="eastus",
            canonical="openai/gpt-4o",
        ),
        "vertex": event(
            3,
            NOW,
            provider="vertex",
            model="claude-3-opus@20240229",
            region="us-east5",
            canonical="anthropic/claude-3-opus-20240229",
        ),
    }
    assert (
        " ".join(name for name, found in events.items() if wants(found, filters=[word])) == matched
    )


BEDROCK = "anthropic.claude-3-haiku-20240307-v1:0"
HAIKU = {
    "own": event(
        1,
        NOW,
        provider="anthropic",
        model="claude-3-haiku-20240307",
        canonical="anthropic/claude-haiku-3",
    ),
    "price": event(
        2, NOW, provider="anthropic", model="Claude Haiku 3", canonical="anthropic/claude-haiku-3"
    ),
    "bedrock": event(
        3,
        NOW,
        provider="bedrock",
        model=BEDROCK,
        region="eu-west-1, us-east-1",
        canonical="anthropic/claude-haiku-3",
    ),
    "sonnet": event(
        4,
        NOW,
        provider="anthropic",
        model="claude-3-5-sonnet-20241022",
        canonical="anthropic/claude-sonnet-3-5",
    ),
    "notice": event(
        5,
        NOW,
        kind="notice.published",
        provider="anthropic",
        model="",
        canonical="",
        after={"fact": "notice", "models": ["claude-3-haiku-20240307"]},
        effective=None,
    ),
}


@pytest.mark.parametrize(
    ("word", "matched"),
    [
        ("anthropic/claude-3-haiku-20240307", "own price notice"),
        ("anthropic/claude-3-haiku", "own price notice"),
        ("anthropic/Claude-Haiku-3", "own price notice"),
        ("anthropic/claude-haiku*", "own price notice"),
        ("anthropic/claude-3-haiku*", "own notice"),
        ("*/claude-3-haiku*", "own bedrock notice"),
        ("*/claude-3-haiku", "own price bedrock notice"),
        ("claude-haiku-3", "own price bedrock notice"),
        ("*/claude-haiku-3", "own price bedrock notice"),
        ("*/claude-3-5-sonnet-20241022", "sonnet"),
        (
            "*/claude-3-5-sonnet-20240620",
            "",
        ),  # the other Sonnet 3.5, by the same name on the page of prices
        ("*/claude-sonnet-3-5", "sonnet"),
        ("bedrock/claude-3-haiku", "bedrock"),
        ("bedrock/claude-3-haiku*", ""),  # a glob is for the provider's own ids
        (f"bedrock/{BEDROCK}", "bedrock"),
        ("bedrock/*@us-east-1", "bedrock"),
        ("bedrock/*@eu-*", "bedrock"),
        ("bedrock/*@us-west-2", ""),
        (f"bedrock/{BEDROCK}@eu-west-1", "bedrock"),
        ("anthropic/*", "own price sonnet notice"),
        ("anthropic", "own price sonnet notice"),
        ("anthropic/claude-3-opus", ""),
    ],
)
def test_a_model_goes_by_all_its_names(word, matched):
    assert (
        " ".join(name for name, found in HAIKU.items() if wants(found, filters=[word])) == matched
    )


OFFERINGS = sorted(
    {
        (fact["provider"], fact["model"], fact["region"])
        for path in GOLDENS.rglob("*.jsonl")
        for fact in map(json.loads, path.read_text("utf-8").splitlines())
        if fact["model"]
    }
)[::4]


def test_a_filter_that_names_an_offering_matches_it_however_it_is_written():
    """Providers, models and regions of the fixtures, in their own words; a space in a name is a
    hyphen in a filter.
    """
    assert len(OFFERINGS) > 100
    for provider, model, region in OFFERINGS:
        found = event(
            1,
            NOW,
            provider=provider,
            model=model,
            region=region,
            canonical=canonical(provider, model),
        )
        name = "-".join(model.split())
        words = [
            f"{provider}/{name}",
            f"*/{name}",
            f"{provider.upper()}/{name.upper()}",
            f"{provider}/{name[:3]}*",
        ]
        words += [f"{provider}/{name}@{part}" for part in region.split(", ") if part]
        for word in words:
            assert wants(found, filters=[word]), word
        assert not wants(found, filters=[f"{provider}-x/{name}"])
        assert not wants(found, filters=[f"{provider}/{name}-of-another-name"])


NAMES = st.text(
    st.characters(codec="utf-8", exclude_categories=["C", "Z"], exclude_characters="/@"), min_size=1
)


@given(
    st.from_regex(r"[a-z][a-z0-9_]*", fullmatch=True),
    NAMES,
    st.from_regex(r"[a-z0-9-]*", fullmatch=True),
)
def test_a_filter_that_names_an_event_always_matches_it(provider, model, region):
    found = event(
        1, NOW, provider=provider, model=model, region=region, canonical=canonical(provider, model)
    )
    where = f"@{region}" if region else ""
    assert wants(found, filters=[f"{provider}/{model}{where}"])
    assert wants(found, filters=[f"*/{model}{where}"])
    assert wants(found, filters=[provider])


def test_surfaces():
    tuned = event(1, NOW, surface="fine-tuning")
    assert wants(tuned)
    assert wants(tuned, surfaces=["fine-tuning", "api"])
    assert not wants(tuned, surfaces=["api"])
    assert wants(event(2, NOW), surfaces=["api"])


def test_filters_add_up_and_none_is_all():
    assert wants(event(1, NOW), filters=[])
    assert wants(event(1, NOW), filters=["anthropic/*", "openai/gpt*"])


@pytest.mark.parametrize(
    "word", ["", " ", "openai/", "/gpt-4", "openai/gpt 4", "openai/@eu", "openai/x@", "a\nb"]
)
def test_a_wrong_filter_is_said_in_one_line(word):
    with pytest.raises(ValueError, match="filter") as caught:
        Pattern.parse(word)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("words", "yes"),
    [
        (["retirement"], True),
        (["retirement.postponed"], True),
        (["retirement.*"], True),
        (["*.postponed"], True),
        (["price", "retirement"], True),
        (["price"], False),
        (["retire"], False),
        (["retirement.postponed.x"], False),
    ],
)
def test_kinds(words, yes):
    assert wants(event(1, NOW), kinds=words) is yes


def test_check_kind():
    known = ["price.increased", "retirement.announced"]
    assert check_kind("price", known) == "price"
    assert check_kind("*.announced", known) == "*.announced"
    with pytest.raises(
        ValueError, match="no kind of event is called 'prices'; there are price, retirement"
    ):
        check_kind("prices", known)


def test_severity():
    assert wants(event(1, NOW, severity="action"), severity="action")
    assert not wants(event(1, NOW, severity="notice"), severity="action")
    assert wants(event(1, NOW, severity="critical"), severity="action")


@pytest.mark.parametrize(
    ("before", "after", "least", "yes"),
    [
        ("2.00", "2.10", "5", True),
        ("2.00", "2.09", "5", False),
        ("2.00", "1.90", "5", True),
        ("0", "1", "500", True),
    ],
)
def test_min_change(before, after, least, yes):
    kind = "price.increased" if Decimal(after) > Decimal(before) else "price.decreased"
    change = event(
        1, NOW, kind=kind, before={"amount": before}, after={"amount": after}, effective=None
    )
    assert wants(change, min_change=Decimal(least)) is yes


@pytest.mark.parametrize(
    ("kind", "before", "after", "yes"),
    [
        ("price.added", None, "1", True),
        ("price.removed", "1", None, True),
        ("price.scheduled", None, "1", True),
        ("price.unscheduled", "1", None, True),
        ("price.changed", "1", "1", False),  # it only ends on another day
        ("price.changed", "0", "0", False),
        ("retirement.postponed", None, None, True),
    ],
)
def test_min_change_lets_through_what_has_no_percentage(kind, before, after, yes):
    sides = {
        name: amount and {"amount": amount}
        for name, amount in (("before", before), ("after", after))
    }
    change = event(1, NOW, kind=kind, **sides)
    assert wants(change, min_change=Decimal(5)) is yes
    assert wants(change, min_change=Decimal(0))
    assert wants(change)


@pytest.mark.parametrize(
    ("effective", "before", "yes"),
    [
        (("2026-06-30", "on"), None, True),
        (("2026-08-01", "on"), None, False),
        (("2026-07", "on"), None, True),
        (("2026-08", "on"), None, False),
        (("2026-09-29", "not_before"), None, True),
        (None, None, True),
        (("2027-01-01", "on"), ("2026-05-01", "on"), True),
        (("2027-01-01", "on"), ("2026-09-29", "not_before"), False),
        (("2026-06-30", "by"), None, True),
        (("2026-08-01", "by"), None, False),
    ],
)
def test_within(effective, before, yes):
    def when(pair):
        return pair and {"text": pair[0], "bound": pair[1], "words": ""}

    change = event(
        1, NOW, effective=when(effective), before={"retires": when(before)} if before else None
    )
    for kind in ("announced", "advanced", "postponed", "reminder"):
        change.kind = f"retirement.{kind}"
        assert wants(change, within=90) is yes


def test_operators_get_operator_events_and_nobody_else_does():
    failing = event(1, NOW, kind="source.failing", model="", canonical="", provider="openai")
    assert wants(failing, operator=True, filters=["anthropic/*"])
    assert not wants(failing)
    assert not wants(event(1, NOW), operator=True)


def test_a_baseline_is_for_nobody():
    assert not wants(event(1, NOW, baseline=True))
