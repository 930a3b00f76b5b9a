"""OpenAI against the corpus: every row of the truth, every page as served, and pairs that must
(not) differ.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from monitor.core.facts import Fact, Price, Retirement, When
from monitor.errors import Unreadable
from monitor.reading.source import REGISTRY
from tests.support.corpus import CORPUS, capture, needs_corpus, truth
from tests.support.fixtures import FIXTURES

PAGES = {
    "openai/deprecations": ("openai.deprecations", ".html", ".md"),
    "openai/pricing": ("openai.pricing", ".md"),
    "openai/model-detail": ("openai.pricing", ".md"),
    "openai/models-api": ("openai.models", ".json"),
    "openai/changelog": ("openai.changelog", ".md"),
    "openai/changelog-rss": ("openai.changelog", ".xml"),
    "openai/news-rss": ("openai.news", ".xml"),
}


def read(name: str, body: bytes | None = None) -> list[Fact]:
    """The facts of a capture, by its path below the corpus; of ``body``, where that is given."""
    source = PAGES[name.rpartition("/")[0]][0]
    return REGISTRY[source].read(capture(name) if body is None else body)


def values(facts: list[Fact]) -> dict[str, tuple[object, ...]]:
    return {fact.key: fact.value for fact in facts}


def pages() -> Iterator[str]:
    for folder, (_, *endings) in PAGES.items():
        for path in sorted((CORPUS / folder).glob("*")):
            if path.suffix in endings and not path.name.endswith((".headers.json", ".diff.md")):
                yield f"{folder}/{path.name}"


# --- truth
# -------------------------------------------------------------------------------------------------

DEPRECATIONS = [
    pytest.param(row, id=f"{row['capture']}-{row['model_cell']}")
    for row in truth("first_party_deprecations.csv", {"OpenAI": 73})
]
PRICES = [
    pytest.param(row, id=f"{row['capture']}-{row['model']}")
    for row in truth("first_party_prices.csv", {"OpenAI": 64})
]


def day(printed: str) -> str:
    text = printed.replace("\u2011", "-")
    return (
        text
        if re.match(r"\d{4}-", text)
        else str(datetime.strptime(f"{text} Z", "%b %d, %Y %z").date())
    )


def ids(cell: str) -> list[str]:
    if "(including" in cell:
        return re.findall(r"gpt-[\w.-]+", cell)
    return re.split(r" \| |, ", cell)


@needs_corpus
@pytest.mark.parametrize("row", DEPRECATIONS)
def test_truth_deprecations(row: dict[str, str]) -> None:
    found = {
        fact.model: fact
        for fact in read(row["file"])
        if isinstance(fact, Retirement)
        and (fact.surface != "fine-tuning" or fact.model.startswith("ft-"))
    }
    printed = row["replacement_as_printed"].replace("*", "")
    for model in ids(row["model_cell"]):
        fact = found[model]
        assert fact.announced == When(row["announced"])
        assert fact.retires == When(day(row["shutdown_as_printed"]), "on")
        assert fact.replacements == (() if printed == "---" else tuple(printed.split(" or ")))


def amount(cell: str) -> Decimal | None:
    return Decimal(cell.removeprefix("$")) if re.match(r"\$?\d", cell) else None


@needs_corpus
@pytest.mark.parametrize("row", PRICES)
def test_truth_prices(row: dict[str, str]) -> None:
    model, _, condition = row["model"].partition(" ")
    long = dict(
        zip(
            ("input", "cached_input", "output"),
            re.findall(r"(\S+) (?:in|cached|out)\b", row["long_context_or_other_tier"]),
            strict=False,
        )
    )
    short = "<272k" if condition or any(map(amount, long.values())) else ""
    wanted = {
        ("standard", "input", short): row["input"],
        ("standard", "cached_input", short): row["cached_input"],
        ("standard", "cache_write", short): row["cache_write"],
        ("standard", "output", short): row["output"],
        ("batch", "input", short): row["batch_input"],
        ("batch", "output", short): row["batch_output"],
        **{("standard", meter, ">=272k"): cell for meter, cell in long.items()},
    }
    found = {
        (fact.tier, fact.meter, fact.context): fact
        for fact in read(row["file"])
        if isinstance(fact, Price) and fact.model == model and fact.surface == "api"
    }
    for key, cell in wanted.items():
        if cell == "" and "batch" in key:  # the row does not speak of the batch price
            continue
        price = found.get(key)
        assert (price.amount if price else None) == amount(cell), key
        assert price is None or (price.per, price.currency) == ("1M tokens", "USD")


@needs_corpus
def test_truth_of_the_container_price() -> None:
    def containers(name: str) -> set[tuple[str, str, str, str]]:
        return {
            (fact.context, fact.per, str(fact.amount), fact.model)
            for fact in read(name)
            if isinstance(fact, Price) and fact.meter == "container"
        }

    tool = "Hosted Shell and Code Interpreter"
    assert containers("openai/pricing/2025-10-15.jina.md") == {
        ("", "container", "0.03", "Code Interpreter")
    }
    assert containers("openai/pricing/2026-04-03.md") == {
        ("1 GB", "session", "0.03", tool),
        ("4 GB", "session", "0.12", tool),
        ("16 GB", "session", "0.48", tool),
        ("64 GB", "session", "1.92", tool),
    }


# --- whole pages
# -------------------------------------------------------------------------------------------


@needs_corpus
@pytest.mark.parametrize("name", list(pages()))
def test_every_page_is_read(name: str) -> None:
    assert read(name)


@needs_corpus
@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("openai/deprecations/2025-11-13.html", 75),
        ("openai/deprecations/2026-02-26.md", 82),
        ("openai/deprecations/2026-07-06.md", 145),
        ("openai/pricing/2026-07-15.md", 339),
        ("openai/changelog/2026-06-26.html2md.md", 141),
        ("openai/changelog-rss/2026-01-25.xml", 42),
        ("openai/models-api/2026-01-16.json", 119),
    ],
)
def test_no_fact_is_lost(name: str, count: int) -> None:
    assert len(read(name)) == count


@needs_corpus
def test_facts_somebody_would_miss() -> None:
    found = {
        (fact.model, fact.surface): fact
        for fact in read("openai/deprecations/2026-07-06.md")
        if isinstance(fact, Retirement)
    }
    assert found["babbage-002", "api"].retires != found["babbage-002", "fine-tuning"].retires
    assert str(found["gpt-4-0314", "api"].retires) == "2026-03-26"
    assert str(found["code-davinci-002", "api"].retires) == "2024-01-04"
    assert found["code-davinci-002", "api"].note == "Also announced for 2023-03-23 on 2023-03-20."
    assert found["davinci", "fine-tuning"].replacements == (
        "davinci-002",
        "gpt-3.5-turbo",
        "gpt-4o",
    )
    assert found["gpt-4-1106-vision-preview", "api"].replacements == ("gpt-4o",)  # not its price
    assert found["Assistants API", "product"].replacements == (
        "Responses API and Conversations API",
    )
    assert ("gpt-4.1", "api") not in found


@needs_corpus
def test_the_accounts_own_models_are_not_listed() -> None:
    models = [fact.model for fact in read("openai/models-api/2023-11-14.json")]
    assert len(models) == 71
    assert not [model for model in models if "REDACTED" in model]


# --- pairs
# -------------------------------------------------------------------------------------------------


@needs_corpus
@pytest.mark.parametrize(
    ("before", "after"),
    [
        # A conversion of the page and the page: only markup differs.
        ("openai/deprecations/2026-06-26.html2md.md", "openai/deprecations/2026-07-06.md"),
        ("openai/news-rss/2026-01-25.xml", "openai/news-rss/2026-01-25.2.xml"),
        ("openai/news-rss/2026-01-26.xml", "openai/news-rss/2026-01-26.2.xml"),
    ],
)
def test_silent_pairs(before: str, after: str) -> None:
    assert values(read(before)) == values(read(after))


@needs_corpus
@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"2026-07-23", b"July 23, 2026"),  # 07-06 -> 08-20: dates rewritten
        ("2026\u201108\u201126".encode(), b"2026-08-26"),
        (b"## Past deprecations", b"## Upcoming deprecations"),  # sections move
        (b"# Deprecations\n", b"# Deprecations\n\n> An index is in [llms.txt](/llms.txt).\n"),
    ],
)
def test_rewriting_is_silent(old: bytes, new: bytes) -> None:
    name = "openai/deprecations/2026-07-06.md"
    body = capture(name)
    assert old in body
    assert values(read(name, body.replace(old, new))) == values(read(name))


@needs_corpus
def test_seven_dates_moved_in_spring() -> None:
    before, after = (
        {
            fact.key: fact
            for fact in read(f"openai/deprecations/{name}.md")
            if isinstance(fact, Retirement)
        }
        for name in ("2026-02-26", "2026-04-03")
    )
    moved = {before[key].model for key in before if before[key].retires != after[key].retires}
    assert moved == {
        "OpenAI-Beta: realtime=v1",
        "gpt-4o-realtime-preview",
        "gpt-4o-realtime-preview-2025-06-03",
        "gpt-4o-realtime-preview-2024-12-17",
        "gpt-4o-mini-realtime-preview",
        "gpt-4o-audio-preview",
        "gpt-4o-mini-audio-preview",
    }
    assert len(after.keys() - before.keys()) == 6


@needs_corpus
def test_a_price_list_of_another_shape_has_the_same_prices() -> None:
    before, after = (
        values(read(f"openai/pricing/{name}.md")) for name in ("2026-05-29", "2026-07-15")
    )
    assert before.items() <= after.items()
    new = {fact.model for fact in read("openai/pricing/2026-07-15.md") if fact.key not in before}
    assert new == {"gpt-5.6-sol", "gpt-5.6-terra", "gpt-5.6-luna"}
    tables = values(read("openai/pricing/2026-06-26.html2md.md"))
    assert len(tables.keys() & before.keys()) == 64  # 57 of the flagship models, 7 of tools
    assert all(tables[key] == before[key] for key in tables.keys() & before.keys())


# --- what is refused
# ---------------------------------------------------------------------------------------


@needs_corpus
def test_a_challenge_page_is_no_price_list() -> None:
    with pytest.raises(Unreadable, match="lacks"):
        REGISTRY["openai.pricing"].read(capture("openai/pricing-blocked/2026-05-08.html"))


@needs_corpus
def test_the_redesign_is_read_as_far_as_the_excerpt_goes() -> None:
    body = capture("openai/deprecations/2026-11-15.approx.redesign.excerpt.txt")
    with pytest.raises(Unreadable, match="4 cells under 5 columns"):  # its last row is cut off
        REGISTRY["openai.deprecations"].read(body)
    found = REGISTRY["openai.deprecations"].read(body[: body.rindex(b"| Dec 11, 2026")])
    assert [fact.model for fact in found] == [
        "gpt-image-1-mini",
        "gpt-image-1.5",
        "gpt-image-1.5-2025-12-16",
        "chatgpt-image-latest",
        "gpt-5",
        "gpt-5-2025-08-07",
        "gpt-5-mini",
        "gpt-5-mini-2025-08-07",
    ]


@pytest.mark.parametrize(
    ("fixture", "old", "new"),
    [
        ("deprecations.md", "| Model snapshot ", "| Thing "),
        ("deprecations.md", "Dec 11, 2026", "Dec 32, 2026"),
        ("deprecations.md", "Videos API ", "Videos API (all)"),
        ("deprecations.redesign.md", "Status", "Phase"),
        ("deprecations.redesign.md", "| Shutdown |", "| Sleeping |"),
        ("pricing.mdx.md", '"gpt-5.2", 1.75, 0.175, 14', '"gpt-5.2", 1.75, 14'),
        ("pricing.mdx.md", "0.175, 14", "0.175, fourteen"),
        ("pricing.mdx.md", "Tool call", "Tool dance"),
        ("pricing.panes.md", "Cached Input", "Warm Input"),
        # A set of columns that is known in another section: fine-tuning without its training,
        # models without a cache.
        ("pricing.panes.md", "### Legacy models", "### Text tokens"),
        ("pricing.panes.md", "### Image tokens", "### Fine-tuning"),
        ("pricing.panes.md", "| Model | Input | Output |", "| Model | Input | Input |"),
        (
            "pricing.panes.md",
            "| Model | Quality | 256 x 256 |",
            "| Model | Quality | 1024 x 1024 |",
        ),
        ("pricing.panes.md", "Free tier (per account, per month)", "Free tier"),
        (
            "pricing.contexts.md",
            "| Cached input | Output | Input | Cached",
            "| Cached input | Input | Cached",
        ),
        ("pricing.contexts.md", "|  | Short context | Long context |", "|  | Short context | |"),
        ("pricing.tables.md", " | Long context cache writes", " | Long context stored"),
        ("pricing.panes.md", "Prices per 1M tokens.", "Prices per token."),
        ("pricing.panes.md", "$10.00 / 1k calls", "$10.00 / 1k nods"),
        ("pricing.panes.md", "Prices per image.", ""),
        ("pricing.contexts.md", "720p | 720x1280 | 1280x720 | $0.15", "720p | $0.15"),
        ("pricing.contexts.md", "| 1024p | 1024x1792", "| sora-3 | 1024p"),
        ("pricing.contexts.md", "| Text |", "| Smell |"),
        ("pricing.panes.md", "| Whisper | Transcription |", "| Whisper |"),
        ("pricing.model.md", "| Cached input | $0.5 |", "| Warm input | $0.5 |"),
        ("changelog.md", "Jun 24\n\nUpdate", "Jun 24"),
        ("changelog.md", "Jun 4\n", "Fourth of June\n"),
        ("changelog.md", "### December, 2025", "### Winter"),
        ("deprecations.md", "### 2026-04-22: Legacy", "### 2026-04-32: Legacy"),
    ],
)
def test_what_is_unknown_is_refused(fixture: str, old: str, new: str) -> None:
    path: Path = FIXTURES / "openai" / fixture
    text = path.read_text(encoding="utf-8")
    assert old in text
    with pytest.raises(Unreadable):
        REGISTRY[f"openai.{fixture.split('.')[0]}"].read(text.replace(old, new).encode())
