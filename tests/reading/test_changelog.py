"""Notices keep their titles, model lists are read whole, and several statements become one fact."""

from __future__ import annotations

import json
import re

import pytest

from monitor.core.facts import Notice, Retirement, When
from monitor.errors import Unreadable
from monitor.reading import page


def notice(title: str, day: str = "2026-01-01") -> Notice:
    return Notice(title=title, published=When(day))


def test_a_title_that_comes_again_on_its_day_is_numbered() -> None:
    notices = [notice("Fixes"), notice("Fixes"), notice("Fixes", "2026-01-02"), notice("Fixes")]
    titles = [each.title for each in page.numbered(notices)]
    assert titles == ["Fixes", "Fixes (2)", "Fixes", "Fixes (3)"]
    assert [each.title for each in page.numbered(notices[:2])] == titles[:2]


def test_a_first_sentence_ends_at_a_mark_before_a_blank() -> None:
    assert page.first_sentence("We launched gpt-4.1. It is new.") == "We launched gpt-4.1."
    assert page.first_sentence("Models: a, b. Now.", ends=".:") == "Models:"
    assert page.first_sentence("No end") == "No end"


def test_ids_among_code_spans() -> None:
    texts = [page.inline("`gpt-4` at `/v1/edits`"), page.inline("`gpt-5` and `gpt-4`")]
    assert page.model_ids(texts, re.compile(r"gpt-\d")) == ("gpt-4", "gpt-5")


def test_a_model_list_is_read_whole_or_refused() -> None:
    first, last = {"data": [{"id": "a"}], "more": True}, {"data": [{"id": "b"}], "more": False}
    items = page.listed(json.dumps([first, last]).encode(), more="more")
    assert [item["id"] for item in items] == ["a", "b"]
    with pytest.raises(Unreadable, match="page 1 of a paged list, and more follow"):
        list(page.listed(json.dumps(first).encode(), more="more"))


def test_the_query_of_the_next_page() -> None:
    after = page.next_page("after_id", "last_id", more="has_more")
    assert after(b'{"has_more": true, "last_id": "b"}') == {"after_id": "b"}
    assert after(b'{"has_more": false, "last_id": "b"}') is None
    token = page.next_page("pageToken", "nextPageToken")
    assert token(b'{"nextPageToken": "x"}') == {"pageToken": "x"}
    assert token(b"{}") is None


def end(retires: str, announced: str = "", floor: bool = False) -> Retirement:
    return Retirement(
        model="m",
        stage="deprecated",
        announced=When(announced) if announced else None,
        retires=When(retires, "not_before" if floor else "on"),
        quote=f"row {retires}",
    )


def test_the_latest_announcement_wins_and_keeps_what_the_others_named() -> None:
    [fact] = page.merged(
        [end("2026-01-01", "2025-01-01"), end("2026-03-01", "2025-06-01")], page.latest_announcement
    )
    assert fact.retires == When("2026-03-01")
    assert fact.note == "Also announced for 2026-01-01 on 2025-01-01."
    upper, lower = end("2026-01-01", "2025-01-01"), end("2026-03-01", "2025-01-01")
    assert page.latest_announcement([upper, lower]).retires == upper.retires


def test_the_earliest_end_wins_in_every_order() -> None:
    early, floor, late = end("2026-01-01"), end("2026-01-01", floor=True), end("2026-02-01")
    for same in ([early, floor, late], [late, floor, early]):
        fact = page.earliest_end(same)
        assert (fact.retires, fact.note) == (
            early.retires,
            "conflict: row 2026-01-01; conflict: row 2026-02-01",
        )


def test_the_newest_entry_wins_and_keeps_its_place() -> None:
    other = Retirement(model="n", stage="active")
    facts = page.newest([end("2026-01-01"), other, end("2026-02-01"), end("2026-01-01")])
    assert [fact.model for fact in facts] == ["m", "n"]
    assert facts[0].note == "earlier: row 2026-02-01"
