"""Hypothesis strategies for what the core is made of: dates and the four facts."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from hypothesis import strategies as st

from monitor.facts import PER, Fact, Listing, Notice, Price, Retirement, When

_DAYS = st.dates(date(2000, 1, 1), date(2099, 12, 31))

#: Texts of all precisions of When.
when_texts = st.one_of(
    _DAYS.map(lambda day: f"{day:%Y}"),
    _DAYS.map(lambda day: f"{day:%Y}-Q{(day.month + 2) // 3}"),
    _DAYS.map(lambda day: f"{day:%Y-%m}"),
    _DAYS.map(lambda day: f"{day:%Y-%m-%d}"),
    st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31)).map(lambda at: f"{at:%Y-%m-%dT%H:%MZ}"),  # noqa: DTZ001
)

#: Anything a page may print, down to quotes, line breaks and other alphabets; no lone surrogates, which UTF-8 has not.
words = st.text(st.characters(codec="utf-8"), max_size=20)
ids = st.from_regex(r"[a-z][a-z0-9./:@-]{0,20}", fullmatch=True)


def whens() -> st.SearchStrategy[When]:
    return st.builds(When, when_texts, st.sampled_from(["on", "not_before", "by"]), words)


_OFFERING = {
    "model": ids, "version": words, "region": words, "surface": st.sampled_from(["api", "product", "fine-tuning"]),
    "note": words, "quote": words, "provider": st.sampled_from(["", "acme"]),
}  # fmt: skip
_MAYBE = st.none() | whens()
_SIZES = st.none() | st.integers(0, 10**8)
_NAMES = st.lists(ids, max_size=3).map(tuple)


def listings() -> st.SearchStrategy[Listing]:
    return st.builds(
        Listing, **_OFFERING, name=words, context_window=_SIZES, max_output=_SIZES, modalities=_NAMES, created=_MAYBE,
        alias_of=ids | st.just(""),
    )  # fmt: skip


def retirements() -> st.SearchStrategy[Retirement]:
    return st.builds(
        Retirement, **_OFFERING, term=words, stage=st.sampled_from(["active", "legacy", "deprecated", "retired"]),
        announced=_MAYBE, deprecated=_MAYBE, retires=_MAYBE, replacements=_NAMES,
    )  # fmt: skip


def prices() -> st.SearchStrategy[Price]:
    return st.builds(
        Price, **_OFFERING, meter=st.sampled_from(["input", "output", "cached_input"]),
        amount=st.decimals(Decimal(0), Decimal(10**6), allow_nan=False, allow_infinity=False),
        currency=st.sampled_from(["USD", "EUR", "CNY"]), per=st.sampled_from(sorted(PER)),
        tier=st.sampled_from(["standard", "batch"]), context=st.sampled_from(["", ">200k"]), window=words,
        starts=_MAYBE, ends=_MAYBE,
    )  # fmt: skip


def notices() -> st.SearchStrategy[Notice]:
    return st.builds(Notice, **_OFFERING, title=words, link=words, published=_MAYBE, summary=words, models=_NAMES)


def facts() -> st.SearchStrategy[Fact]:
    return st.one_of(listings(), retirements(), prices(), notices())
