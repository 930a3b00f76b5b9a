"""A document of an earlier layout is read by that layout's reader, chosen by mark and date."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest

from monitor.core.facts import Fact, Listing
from monitor.errors import Unreadable
from monitor.reading.source import Source

OLD, NEW = b"# Models\n\nEnd of life: a\n", b"# Models\n\nShutdown: a\n"


def current(body: bytes) -> Iterator[Fact]:
    if b"Shutdown:" not in body:
        raise Unreadable("not the page of today")
    yield Listing(model="new")


@pytest.fixture
def source() -> Source:
    source = Source("acme.models", "https://acme.example/models.md", current)

    @source.earlier(mark="^End of life:", until="2026-05-31")
    def end_of_life(body: bytes) -> Iterator[Fact]:
        yield Listing(model="old")

    return source


@pytest.mark.parametrize("served", [None, date(2025, 1, 1), date(2026, 5, 31), date(2026, 8, 29)])
def test_the_mark_of_an_earlier_layout_chooses_its_reader(
    source: Source, served: date | None
) -> None:
    assert [fact.model for fact in source.read(OLD, served)] == ["old"]
    assert [fact.model for fact in source.read(NEW, served)] == ["new"]


def test_an_earlier_layout_is_over_ninety_days_after_its_last_day(source: Source) -> None:
    with pytest.raises(Unreadable, match=r"acme\.models: not the page of today"):
        source.read(OLD, date(2026, 8, 30))


def test_an_earlier_reader_is_no_part_of_what_a_source_is(source: Source) -> None:
    assert source == Source("acme.models", "https://acme.example/models.md", current)
