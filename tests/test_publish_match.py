"""What a subscription gets: filters, kinds, severity, size of a change, nearness of a date."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from monitor.publish.match import Filter, Wanted, check_kind
from tests.receivers import event, target

NOW = datetime(2026, 4, 3, tzinfo=UTC)


def wants(found, **asked) -> bool:
    return Wanted.of(target("t", NOW, **asked)).matches(found)


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
        "platform": event(2, NOW, provider="azure", model="my-deployed-4o", region="eastus", canonical="openai/gpt-4o"),
        "vertex": event(
            3, NOW, provider="vertex", model="claude-3-opus@20240229", region="us-east5",
            canonical="anthropic/claude-3-opus-20240229",
        ),
    }  # fmt: skip
    assert " ".join(name for name, found in events.items() if wants(found, filters=[word])) == matched


def test_filters_add_up_and_none_is_all():
    assert wants(event(1, NOW), filters=[])
    assert wants(event(1, NOW), filters=["anthropic/*", "openai/gpt*"])


@pytest.mark.parametrize("word", ["", " ", "openai/", "/gpt-4", "openai/gpt 4", "openai/@eu", "openai/x@", "a\nb"])
def test_a_wrong_filter_is_said_in_one_line(word):
    with pytest.raises(ValueError, match="filter") as caught:
        Filter.parse(word)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("words", "yes"),
    [
        (["retirement"], True), (["retirement.postponed"], True), (["retirement.*"], True), (["*.postponed"], True),
        (["price", "retirement"], True), (["price"], False), (["retire"], False), (["retirement.postponed.x"], False),
    ],
)  # fmt: skip
def test_kinds(words, yes):
    assert wants(event(1, NOW), kinds=words) is yes


def test_check_kind():
    known = ["price.increased", "retirement.announced"]
    assert check_kind("price", known) == "price"
    assert check_kind("*.announced", known) == "*.announced"
    with pytest.raises(ValueError, match="no kind of event is called 'prices'; there are price, retirement"):
        check_kind("prices", known)


def test_severity():
    assert wants(event(1, NOW, severity="action"), severity="action")
    assert not wants(event(1, NOW, severity="notice"), severity="action")
    assert wants(event(1, NOW, severity="critical"), severity="action")


@pytest.mark.parametrize(
    ("before", "after", "least", "yes"),
    [("2.00", "2.10", "5", True), ("2.00", "2.09", "5", False), ("2.00", "1.90", "5", True), ("0", "1", "500", True)],
)
def test_min_change(before, after, least, yes):
    kind = "price.increased" if Decimal(after) > Decimal(before) else "price.decreased"
    change = event(1, NOW, kind=kind, before={"amount": before}, after={"amount": after}, effective=None)
    assert wants(change, min_change=Decimal(least)) is yes
    assert wants(event(2, NOW, kind="price.added", after={"amount": "1"}), min_change=Decimal(least))


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
    ],
)
def test_within(effective, before, yes):
    def when(pair):
        return pair and {"text": pair[0], "bound": pair[1], "words": ""}

    change = event(1, NOW, effective=when(effective), before={"retires": when(before)} if before else None)
    assert wants(change, within=90) is yes


def test_operators_get_operator_events_and_nobody_else_does():
    failing = event(1, NOW, kind="source.failing", model="", canonical="", provider="openai")
    assert wants(failing, operator=True, filters=["anthropic/*"])
    assert not wants(failing)
    assert not wants(event(1, NOW), operator=True)


def test_a_baseline_is_for_nobody():
    assert not wants(event(1, NOW, baseline=True))
