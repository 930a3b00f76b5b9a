"""Cells name ids, products and replacements, or are refused."""

from __future__ import annotations

import pytest

from monitor.core.facts import When
from monitor.errors import Unreadable
from monitor.reading import page


@pytest.mark.parametrize(
    ("cell", "named"),
    [
        ("`gpt-4` | `gpt-4-0613`", ["gpt-4", "gpt-4-0613"]),
        ("gpt-4, gpt-5 or o3", ["gpt-4", "gpt-5", "o3"]),
        ("`OpenAI-Beta: realtime=v1`", ["OpenAI-Beta: realtime=v1"]),
        ("Videos API", ["Videos API"]),
    ],
)
def test_names(cell: str, named: list[str]) -> None:
    assert page.names(page.inline(cell)) == named


@pytest.mark.parametrize("cell", ["", "Videos API (beta)", "the API, and others"])
def test_what_is_neither_ids_nor_one_product_is_refused(cell: str) -> None:
    with pytest.raises(Unreadable, match=r"nothing is named|neither ids nor the name"):
        page.names(page.inline(cell))


@pytest.mark.parametrize(
    ("cell", "named"),
    [
        ("-", ()),
        ("N/A", ()),
        ("", ()),
        ("`gpt-5.6-sol` (`reasoning.mode: pro`)", ("gpt-5.6-sol",)),
        ("gpt-5 (or later), o3", ("gpt-5", "o3")),
        ("Responses API", ("Responses API",)),
    ],
)
def test_replacements(cell: str, named: tuple[str, ...]) -> None:
    assert page.replacements(page.inline(cell)) == named


def test_a_product_is_no_replacement_where_only_ids_are() -> None:
    assert page.replacements(page.inline("gpt-5, o3"), products=False) == ("gpt-5", "o3")
    with pytest.raises(Unreadable, match="no model id: 'Responses API'"):
        page.replacements(page.inline("Responses API"), products=False)


def test_words_are_compared_without_case_and_others_are_refused() -> None:
    stages = {"Shut down": "retired"}
    assert page.word(page.inline("SHUT DOWN"), stages) == "retired"
    with pytest.raises(Unreadable, match="unknown lifecycle: 'sunset'"):
        page.word(page.inline("sunset"), stages, "lifecycle")


def row(*headings: str) -> page.Row:
    lines = [f"{'#' * level} {text}" for level, text in enumerate(headings, 1)]
    table = "| Model |\n|---|\n| a |"
    [only] = page.tables("\n\n".join([*lines, table]), page.layout(model="model"))
    return only


def test_the_nearest_dated_heading_counts() -> None:
    assert page.heading_date(row("2023-07-06: GPT", "Base models")) == When("2023-07-06")
    assert page.heading_date(row("2023-07-06: GPT", "2024-01-02: Base")) == When("2024-01-02")
    assert page.heading_date(row("Past")) is None
    with pytest.raises(Unreadable, match="heading 'Soon: GPT': no date form known"):
        page.heading_date(row("2023-07-06: All", "Soon: GPT"))


@pytest.mark.parametrize(
    ("labels", "offer"),
    [
        ("", page.Offer(("A",))),
        ("(deprecated)", page.Offer(("A",), note="deprecated")),
        ("(through August 31, 2026)", page.Offer(("A",), ends=When("2026-08-31"))),
        (
            "starting May 1, 2026 (for prompts over 100,000 tokens)",
            page.Offer(("A",), ">100k", starts=When("2026-05-01")),
        ),
    ],
)
def test_the_labels_of_an_offer(labels: str, offer: page.Offer) -> None:
    assert page.offer(page.inline(f"A {labels}"), ["A"], labels) == offer


@pytest.mark.parametrize("labels", ["(with 2 seats)", "deprecated", "(until 2027)"])
def test_a_label_that_may_be_a_condition_is_refused(labels: str) -> None:
    with pytest.raises(Unreadable, match="unknown condition"):
        page.offer(page.inline(f"A {labels}"), ["A"], labels)


@pytest.mark.parametrize(
    ("text", "context"),
    [
        ("≤ 200K input tokens", "<=200k"),
        ("for prompts over 100,000 tokens", ">100k"),
        ("up to 1,500 tokens", "<=1500"),
        ("<272K context length", "<272k"),
    ],
)
def test_sizes_of_prompts(text: str, context: str) -> None:
    assert page.context(page.inline(text)) == context


def test_another_size_is_refused() -> None:
    with pytest.raises(Unreadable, match="no size of a prompt"):
        page.context(page.inline("200K"))
