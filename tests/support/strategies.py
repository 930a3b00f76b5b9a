"""Hypothesis strategies for what the core is made of: dates and the four facts."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from hypothesis import strategies as st

from monitor.core.diff import snapshot
from monitor.core.facts import PER, Fact, Listing, Notice, Price, Retirement, When

_DAYS = st.dates(date(2000, 1, 1), date(2099, 12, 31))

#: Texts of all precisions of When.
when_texts = st.one_of(
    _DAYS.map(lambda day: f"{day:%Y}"),
    _DAYS.map(lambda day: f"{day:%Y}-Q{(day.month + 2) // 3}"),
    _DAYS.map(lambda day: f"{day:%Y-%m}"),
    _DAYS.map(lambda day: f"{day:%Y-%m-%d}"),
    st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31)).map(  # noqa: DTZ001
        lambda at: f"{at:%Y-%m-%dT%H:%MZ}"
    ),
)

#: Anything a page may print, down to quotes, line breaks and other alphabets; no lone surrogates,
#: which UTF-8 has not.
words = st.text(st.characters(codec="utf-8"), max_size=20)
ids = st.from_regex(r"[a-z][a-z0-9./:@-]{0,20}", fullmatch=True)


def whens() -> st.SearchStrategy[When]:
    return st.builds(When, when_texts, st.sampled_from(["on", "not_before", "by"]), words)


_OFFERING = {
    "model": ids,
    "version": words,
    "region": words,
    "surface": st.sampled_from(["api", "product", "fine-tuning"]),
    "note": words,
    "quote": words,
    "provider": st.sampled_from(["", "acme"]),
}
_MAYBE = st.none() | whens()
_SIZES = st.none() | st.integers(0, 10**8)
_NAMES = st.lists(ids, max_size=3).map(tuple)


def listings() -> st.SearchStrategy[Listing]:
    return st.builds(
        Listing,
        **_OFFERING,
        name=words,
        context_window=_SIZES,
        max_output=_SIZES,
        modalities=_NAMES,
        created=_MAYBE,
        alias_of=ids | st.just(""),
    )


def retirements() -> st.SearchStrategy[Retirement]:
    return st.builds(
        Retirement,
        **_OFFERING,
        term=words,
        stage=st.sampled_from(["active", "legacy", "deprecated", "retired"]),
        announced=_MAYBE,
        deprecated=_MAYBE,
        retires=_MAYBE,
        replacements=_NAMES,
    )


def prices() -> st.SearchStrategy[Price]:
    return st.builds(
        Price,
        **_OFFERING,
        meter=st.sampled_from(["input", "output", "cached_input"]),
        amount=st.decimals(Decimal(0), Decimal(10**6), allow_nan=False, allow_infinity=False),
        currency=st.sampled_from(["USD", "EUR", "CNY"]),
        per=st.sampled_from(sorted(PER)),
        tier=st.sampled_from(["standard", "batch"]),
        context=st.sampled_from(["", ">200k"]),
        window=words,
        starts=_MAYBE,
        ends=_MAYBE,
    )


def notices() -> st.SearchStrategy[Notice]:
    return st.builds(
        Notice, **_OFFERING, title=words, link=words, published=_MAYBE, summary=words, models=_NAMES
    )


def facts() -> st.SearchStrategy[Fact]:
    return st.one_of(listings(), retirements(), prices(), notices())


# Few keys and few values, so that two pages drawn apart share some facts, differ in some and lack
# some.
_MODELS = st.sampled_from(["gpt-4o", "o1-mini", "claude-3-haiku"])
_ENDS = st.none() | st.builds(
    When,
    st.sampled_from(["2026-08", "2026-10-14", "2027-10-14"]),
    st.sampled_from(["on", "not_before"]),
)
_FEW = st.one_of(
    st.builds(
        Retirement,
        model=_MODELS,
        stage=st.sampled_from(["active", "deprecated", "retired"]),
        retires=_ENDS,
        replacements=st.sampled_from([(), ("gpt-5",)]),
        quote=st.sampled_from(["one wording", "another"]),
    ),
    st.builds(
        Price,
        model=_MODELS,
        meter=st.sampled_from(["input", "output"]),
        per=st.just("1M tokens"),
        amount=st.sampled_from([Decimal(text) for text in ("0", "1", "1.6", "1.60", "5", "40")]),
        starts=st.sampled_from([None, When("2026-12-01")]),
        ends=st.sampled_from([None, When("2026-11-30")]),
    ),
    st.builds(Listing, model=_MODELS, context_window=st.sampled_from([None, 128_000, 200_000])),
    st.builds(Notice, title=st.sampled_from(["New", "Old"])),
)


def pages(facts: st.SearchStrategy[Fact] = _FEW) -> st.SearchStrategy[dict[str, Fact]]:
    """What pages say, by key."""
    return st.lists(facts, max_size=12).map(snapshot)
