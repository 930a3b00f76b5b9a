"""Hosts and smaller makers as captured: every row of the truth, what must stay silent, and what is
refused.

Qwen, Moonshot, Z.ai, MiniMax, Xiaomi, Together, Fireworks, Cerebras and Perplexity; one capture of
each was to be had."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from monitor.core.diff import diff, snapshot
from monitor.core.facts import Fact, Listing, Notice, Price, Retirement
from monitor.core.interpret import interpret
from monitor.errors import Unreadable
from monitor.reading.source import REGISTRY
from tests.support.corpus import CORPUS, capture, needs_corpus, table, truth
from tests.support.fixtures import FIXTURES

FOLDERS = {
    "alibaba-qwen/model-retirement-page": "qwen.retirements",
    "moonshot-kimi/models-md": "moonshot.models",
    "z-ai/pricing-md": "zai.pricing",
    "minimax/releases-md": "minimax.releases",
    "xiaomi-mimo/deprecations-md": "xiaomi.deprecations",
    "together/deprecations-md": "together.deprecations",
    "fireworks/changelog-md": "fireworks.changelog",
    "cerebras/deprecations-md": "cerebras.deprecations",
    "perplexity/changelog-md": "perplexity.changelog",
}
CASES = {
    "qwen.retirements": "qwen/retirements.md",
    "moonshot.models": "moonshot/models.md",
    "zai.pricing": "zai/pricing.md",
    "minimax.releases": "minimax/releases.md",
    "xiaomi.deprecations": "xiaomi/deprecations.md",
    "together.deprecations": "together/deprecations.md",
    "fireworks.changelog": "fireworks/changelog.md",
    "cerebras.deprecations": "cerebras/deprecations.md",
    "perplexity.changelog": "perplexity/changelog.md",
}
#: Where the surface is not ``api``.
SURFACES = {"Together": "serverless", "Fireworks": "serverless"}
#: One model in two rows of the page: the upper one is the fact, and this one stands in its note.
EARLIER = {"138"}


def read(name: str) -> list[Fact]:
    return REGISTRY[FOLDERS[name.rpartition("/")[0]]].read(capture(name))


def fixture(source: str) -> str:
    return (FIXTURES / CASES[source]).read_text(encoding="utf-8")


def values(source: str, page: str) -> dict[str, tuple[object, ...]]:
    return {fact.key: fact.value for fact in REGISTRY[source].read(page.encode())}


def ends(facts: list[Fact]) -> dict[tuple[str, str], Retirement]:
    return {(fact.model, fact.surface): fact for fact in facts if isinstance(fact, Retirement)}


def altered(source: str, old: str, new: str) -> str:
    page = fixture(source)
    assert old in page
    return page.replace(old, new)


# --- truth
# -------------------------------------------------------------------------------------------------


def printed(cell: str) -> str | None:
    """The date of a cell, in UTC where its zone is printed: another way than the adapters'."""
    if day := re.search(r"\d{4}-\d\d-\d\d", cell):
        return day[0]
    if beijing := re.search(r"Beijing Time 2026\.6\.(\d+) 00:00", cell):
        return (
            f"2026-06-{int(beijing[1]) - 1:02}T16:00Z" if beijing[1] != "1" else "2026-05-31T16:00Z"
        )
    if day := re.search(r"[A-Z][a-z]+ \d+, \d{4}", cell):
        at = datetime.strptime(day[0], "%B %d, %Y").replace(tzinfo=UTC)
        return f"{at:%Y-%m}-{at.day - 1:02}T16:00Z" if "UTC+08:00" in cell else f"{at:%Y-%m-%d}"
    assert cell.startswith("no date printed")
    return None


#: Rows of the truth by provider.
RETIREMENTS = {
    "Alibaba": 8,
    "Cerebras": 5,
    "Together": 9,
    "Xiaomi": 4,
    "Moonshot": 3,
    "Fireworks": 2,
    "Perplexity": 2,
}


@needs_corpus
@pytest.mark.parametrize(
    "row",
    [
        pytest.param(row, id=f"{row['#']}-{row['model']}")
        for row in truth("platforms_retirements.csv", RETIREMENTS)
    ],
)
def test_every_retirement(row: dict[str, str]) -> None:
    model = row["model"].removesuffix(" (serverless)")
    fact = ends(read(row["capture file"]))[model, SURFACES.get(row["provider"], "api")]
    if row["#"] in EARLIER:
        assert f"earlier: {row['retirement as printed']} | {model}" in fact.note
        return
    assert (fact.retires and fact.retires.text) == printed(row["retirement as printed"])
    assert fact.retires is None or fact.retires.bound == "on"
    earlier = row["announced / earlier stage (as printed)"]
    if earlier.startswith("auto-replaced"):
        assert fact.deprecated
        assert fact.deprecated.text == printed(earlier)
    elif label := earlier.removesuffix(" (Update label)").strip("-"):
        assert fact.announced
        assert fact.announced.words == label
    replacement = row["replacement as printed"]
    if dedicated := re.fullmatch(r"dedicated: (Yes|No)", replacement):
        assert fact.note.startswith(f"on-demand dedicated endpoints: {dedicated[1]}")
        assert fact.replacements == ()
    elif replacement in ("-", "(newer alternatives)"):
        assert fact.replacements == ()
    else:
        assert fact.replacements == (re.sub(r"`(.+?)`.*|\.$", r"\1", replacement),)


@needs_corpus
@pytest.mark.parametrize(
    "row",
    [
        pytest.param(row, id=f"{row['#']}-{row['model']}")
        for row in truth("platforms_prices.csv", {"Z.ai": 8, "Perplexity": 3})
    ],
)
def test_every_price(row: dict[str, str]) -> None:
    prices = {
        fact.meter: fact
        for fact in read(row["capture file"])
        if isinstance(fact, Price) and fact.model == row["model"]
    }
    per = row["unit"].removeprefix("USD / ")
    shapes = {
        "input / cached / output": ("input", "cached_input", "output"),
        "input (or cached) / output": ("input", "output"),
        "tool": ("call",),
        "image": ("image",),
        "video": ("video",),
        "audio": ("tokens",),
    }
    meters = shapes[row["dimension"]]
    amounts = [part.strip("\\$") for part in row["value as printed"].split(" / ", len(meters) - 1)]
    expected = {
        meter: Decimal(re.match(r"[\d.]+", amount)[0])  # type: ignore[index]
        for meter, amount in zip(meters, amounts, strict=True)
        if amount not in ("Free", "")
    }
    if row["dimension"].startswith("input (or cached)"):
        expected["cached_input"] = expected["input"]
    assert {meter: price.amount for meter, price in prices.items()} == expected
    units = {"use": "request", "MTok (and per minute)": "1M tokens"}
    assert {(price.per, price.currency) for price in prices.values()} <= {
        (units.get(per, per), "USD")
    }


@needs_corpus
def test_no_change_of_the_truth_is_theirs() -> None:
    for name in ("platforms_retirement_changes.csv", "platforms_price_changes.csv"):
        assert truth(name, dict.fromkeys([*RETIREMENTS, "Z.ai", "MiniMax"], 0)) == []
        assert not {row["after_file"].rpartition("/")[0] for row in table(name)} & FOLDERS.keys()


# --- whole pages
# -------------------------------------------------------------------------------------------


@needs_corpus
@pytest.mark.parametrize(
    ("folder", "kinds"),
    [
        ("alibaba-qwen/model-retirement-page", {Retirement: 64}),
        ("moonshot-kimi/models-md", {Listing: 11, Retirement: 14}),
        ("z-ai/pricing-md", {Price: 66}),
        ("minimax/releases-md", {Notice: 22}),
        ("xiaomi-mimo/deprecations-md", {Retirement: 4}),
        ("together/deprecations-md", {Listing: 5, Retirement: 74}),
        ("fireworks/changelog-md", {Notice: 34, Retirement: 16}),
        ("cerebras/deprecations-md", {Retirement: 14}),
        ("perplexity/changelog-md", {Notice: 67, Retirement: 21, Price: 13}),
    ],
)
def test_every_capture_is_read(folder: str, kinds: dict[type[Fact], int]) -> None:
    for path in (CORPUS / folder).iterdir():
        facts = read(f"{folder}/{path.name}")
        assert Counter(map(type, facts)) == kinds
        assert {type(fact) for fact in facts} == set(REGISTRY[FOLDERS[folder]].facts)


@needs_corpus
def test_series_of_moonshot_are_expanded_and_no_further() -> None:
    facts = ends(read("moonshot-kimi/models-md/2026-08-20.md"))
    dates = {model: str(fact.retires) for (model, _), fact in facts.items()}
    assert [model for model, date in dates.items() if date == "2026-05-25"] == [
        "kimi-k2-0711-preview",
        "kimi-k2-0905-preview",
        "kimi-k2-thinking",
        "kimi-k2-thinking-turbo",
        "kimi-k2-turbo-preview",
    ]
    assert dates["kimi-k2.5"] == dates["moonshot-v1-128k-vision-preview"] == "2026-08-31"
    assert not {"kimi-k2.6", "kimi-k2.7-code", "kimi-k3"} & dates.keys()


@needs_corpus
def test_a_parameter_is_never_its_model() -> None:
    facts = ends(read("cerebras/deprecations-md/2026-08-20.md"))
    assert str(facts["zai-glm-4.7", "api"].retires) == "2026-08-17"
    parameter = facts["disable_reasoning", "parameter"]
    assert (parameter.version, str(parameter.retires)) == ("zai-glm-4.7", "2026-07-21")
    removed = ends(read("perplexity/changelog-md/2026-08-20.md"))
    assert {surface for _, surface in removed} == {"api"}
    assert not {"strip_thinking", "reasoning_effort", "citations"} & {model for model, _ in removed}


@needs_corpus
def test_dates_of_perplexity_without_a_year_and_with_slashes() -> None:
    facts = ends(read("perplexity/changelog-md/2026-08-20.md"))
    for model, date in {
        "google/gemini-2.5-pro": "2026-04-01",
        "google/gemini-3-pro-preview": "2026-04-01",
        "pplx-7b-chat": "2024-05-14",
        "mistral-7b-instruct": "2024-08-12",
        "R1-1776": "2025-08-01",
    }.items():
        assert str(facts[model, "api"].retires) == date
    gone = facts["google/gemini-3.1-flash-lite-preview", "api"]
    assert (gone.stage, gone.retires, gone.replacements) == (
        "retired",
        None,
        ("google/gemini-3.1-flash-lite",),
    )


@needs_corpus
def test_products_of_fireworks() -> None:
    facts = ends(read("fireworks/changelog-md/2026-08-20.md"))
    assert {
        model: fact.stage for (model, surface), fact in facts.items() if surface == "product"
    } == {
        "Audio inference": "deprecated",
        "image generation": "deprecated",
        "Build SDK": "deprecated",
        "Document Inlining": "retired",
    }
    assert facts["DeepSeek V3.1", "serverless"].replacements == ("Kimi K2.6", "GLM 5.1")


# --- what must be silent, and what must not
# ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "old", "new"),
    [
        ("qwen.retirements", "**Scheduled for deprecation on", "**Deprecated on"),
        ("qwen.retirements", "### **Retires on May 30, 2026**", "### Deprecated on May 30, 2026"),
        ("moonshot.models", "> ## Documentation Index\n", ""),
        (
            "moonshot.models",
            "officially discontinued on **May 25, 2026**, all",
            "discontinued on May 25, 2026, all",
        ),
        ("moonshot.models", "sunset on August 31)", "sunset on August 31, 2026)"),
        ("zai.pricing", "\\$", "$"),
        ("zai.pricing", "Limited-time Free", "Free"),
        ("zai.pricing", " (equivalent to approximately \\$0.0024/minute)", ""),
        ("minimax.releases", 'cta="More"', 'cta="Learn"'),
        ("minimax.releases", "Oct. 29, 2025", "October 29, 2025"),
        ("xiaomi.deprecations", "| None ", "| No effect "),
        ("xiaomi.deprecations", "| Parameter     |", "| Setting |"),
        ("together.deprecations", "> ## Documentation Index\n", ""),
        ("together.deprecations", "| Trained on ", "| Better "),
        ("fireworks.changelog", "☀️ Sunsetting", "🌇 Sunsetting"),
        ("fireworks.changelog", "## **Instead**", "## **Recommended migrations**"),
        (
            "cerebras.deprecations",
            "We recommend migrating to either [",
            "We recommend migrating to [",
        ),
        ("perplexity.changelog", '"Deprecation", ', ""),
        ("perplexity.changelog", "on April 1,", "on April 1, 2026,"),
        ("perplexity.changelog", "effective 8/12/2024", "effective August 12, 2024"),
        ("perplexity.changelog", "\\$", "$"),
    ],
)
def test_wording_is_no_change(source: str, old: str, new: str) -> None:
    assert values(source, altered(source, old, new)) == values(source, fixture(source))


@pytest.mark.parametrize(
    ("source", "old", "new", "kinds"),
    [
        (
            "qwen.retirements",
            "qwen3-max           | October 10, 2026",
            "qwen3-max | November 10, 2026",
            ["retirement.postponed"],
        ),
        (
            "qwen.retirements",
            "| qwen3-235b-a22b             | October 10",
            "| qwen3-235b-a22b | October 1",
            ["retirement.advanced"],
        ),
        (
            "qwen.retirements",
            "| qwen3-max-2026-01-23        | October 10, 2026, 00:00:00 | qwen3.7-max ",
            "| qwen3-max-2026-01-23 | October 10, 2026, 00:00:00 | qwen3.8-max ",
            ["replacement.changed"],
        ),
        (
            "qwen.retirements",
            "| rerank       | gte-rerank     | May 30, 2026, 00:00:00 | qwen3-rerank          |\n",
            "",
            ["model.unlisted"],
        ),
        ("together.deprecations", "`Kimi-K2-0905`  ", "`Kimi-K2.5`  ", ["model.retargeted"]),
        ("together.deprecations", "| 2026-08-21   |", "| 2026-09-04   |", ["retirement.postponed"]),
        ("zai.pricing", "\\$4.4", "\\$4.8", ["price.increased"]),
        (
            "fireworks.changelog",
            '<Update label="2026-07-16">\n  # Learning rates',
            '<Update label="2026-07-16">\n  # Serverless deprecation: GLM 5\n\n  **GLM 5** is '
            "deprecated from serverless.\n"
            '</Update>\n\n<Update label="2026-07-16">\n  # Learning rates',
            ["notice.published", "retirement.announced"],
        ),
        (
            "perplexity.changelog",
            "  **Preset updated**\n\n  The `fast`",
            "  **Preset updated**\n\n  Again.\n\n  **Preset updated**\n\n  The `fast`",
            ["notice.published"],
        ),
    ],
)
def test_a_change_is_what_it_is(source: str, old: str, new: str, kinds: list[str]) -> None:
    feed = REGISTRY[source]
    pages = (fixture(source), altered(source, old, new))
    before, after = (snapshot(feed.read(page.encode())) for page in pages)
    drafts = interpret(feed, diff(before, after), datetime(2026, 8, 1, tzinfo=UTC))
    assert [draft.kind for draft in drafts] == kinds


def test_a_newer_price_of_a_changelog_replaces_the_older() -> None:
    older = "**More**\n\n  Now `google/gemini-3.7-flash` at $9 per million input tokens.\n\n  **Prices cut**"
    page = altered("perplexity.changelog", "**Prices cut**", older)
    assert (
        values("perplexity.changelog", page).items()
        >= values("perplexity.changelog", fixture("perplexity.changelog")).items()
    )
    facts = REGISTRY["perplexity.changelog"].read(page.encode())
    price = next(fact for fact in facts if isinstance(fact, Price))
    assert (price.model, price.meter) == ("google/gemini-3.7-flash", "input")
    assert price.amount == Decimal("0.375")
    assert "at $9 per million" in price.note


def test_a_full_date_counts_for_more_than_one_without_a_year() -> None:
    page = (
        fixture("moonshot.models")
        + "\n> `kimi-k2.5` was officially discontinued on **September 15, 2026**.\n"
    )
    fact = ends(REGISTRY["moonshot.models"].read(page.encode()))["kimi-k2.5", "api"]
    assert (str(fact.retires), fact.stage, fact.note) == ("2026-09-15", "retired", "")


def test_a_series_without_members_is_told_by_its_name() -> None:
    page = re.sub(r"\| `moonshot-v1.*\n", "", fixture("moonshot.models"))
    assert (
        str(ends(REGISTRY["moonshot.models"].read(page.encode()))["moonshot-v1", "api"].retires)
        == "2026-08-31"
    )


def test_what_is_told_beside_inference_is_of_another_surface() -> None:
    table = "| Removal date | Model |\n| :-- | :-- |\n| 2026-09-30 | `zai-org/GLM-5.1` |\n"
    page = f"{fixture('together.deprecations')}\n### Fine-tuning\n\n{table}\n### Dedicated endpoints\n\n{table}"
    facts = ends(REGISTRY["together.deprecations"].read(page.encode()))
    assert str(facts["zai-org/GLM-5.1", "serverless"].retires) == "2026-07-10"
    assert str(facts["zai-org/GLM-5.1", "fine-tuning"].retires) == "2026-09-30"
    assert str(facts["zai-org/GLM-5.1", "dedicated"].retires) == "2026-09-30"


def test_entries_without_a_heading_are_called_by_their_first_sentence() -> None:
    for source, old in (
        ("fireworks.changelog", "  # Learning rates\n"),
        ("perplexity.changelog", "  **Prices cut**\n"),
    ):
        facts = REGISTRY[source].read(
            altered(source, old, "  One thing. Another thing.\n").encode()
        )
        assert [
            fact.summary[:25]
            for fact in facts
            if isinstance(fact, Notice) and fact.title == "One thing."
        ]


def test_a_serverless_end_under_another_title() -> None:
    page = altered(
        "fireworks.changelog",
        "# Serverless deprecation: DeepSeek V4 Flash\n",
        "# DeepSeek V4 is deprecated\n",
    )
    assert ends(REGISTRY["fireworks.changelog"].read(page.encode()))[
        "DeepSeek V4 Flash", "serverless"
    ]


def test_tables_of_parameters_are_not_read_and_those_of_models_after_them_are() -> None:
    page = fixture("xiaomi.deprecations")
    _, table = page.split("### Deprecated model on 2026.6.30")
    table = table.partition("**Note")[0].replace("mimo-v2-", "mimo-v3-")
    page = (
        page.replace("| Parameter ", "#### Defaults\n\n| Parameter ")
        + f"\n### Deprecated model on 2027\n{table}"
    )
    assert len(REGISTRY["xiaomi.deprecations"].read(page.encode())) == 6


def test_series_of_one_word_for_both() -> None:
    page = altered(
        "moonshot.models",
        "The `kimi-k2` series models were",
        "The `kimi-k2` and `moonshot-v1` series were",
    )
    facts = ends(REGISTRY["moonshot.models"].read(page.encode()))
    assert (
        facts["moonshot-v1-8k", "api"].stage == facts["kimi-k2-thinking", "api"].stage == "retired"
    )
    assert facts["kimi-k2.5", "api"].stage == "deprecated"


# --- refused
# -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "old", "new", "message"),
    [
        ("qwen.retirements", "| **Deprecation time**   |", "| **Time**   |", "no known layout"),
        (
            "qwen.retirements",
            "| May 30, 2026, 00:00:00 |",
            "| soon |",
            "no date form known: 'soon'",
        ),
        (
            "moonshot.models",
            "was officially discontinued on **January",
            "was discontinued in **January",
            "an unknown way",
        ),
        (
            "moonshot.models",
            "| Model Name       | Description ",
            "| Model Name | About ",
            "no known layout",
        ),
        (
            "zai.pricing",
            "Prices per image.",
            "Prices per picture.",
            "unknown unit 'Prices per picture.'",
        ),
        ("zai.pricing", "Prices per video.", "Prices.", "a price without a unit"),
        ("zai.pricing", "/ use", "/ query", "unknown unit of a price"),
        (
            "minimax.releases",
            "#### Apr. 2026",
            "#### Spring 2026",
            "no date form known: 'Spring 2026'",
        ),
        ("minimax.releases", "</Card>\n\n#### Apr", "\n\n#### Apr", "a <Card> without an end"),
        (
            "minimax.releases",
            "#### Apr. 2026\n",
            "#### May 2026\n\nText.\n\n#### Apr. 2026\n",
            "no card under 'May 2026'",
        ),
        ("xiaomi.deprecations", "| Offline Time ", "| Off ", "no known layout"),
        (
            "xiaomi.deprecations",
            "Beijing Time 2026.6.27 00:00",
            "Paris Time 2026.6.27 00:00",
            "no date form known",
        ),
        ("together.deprecations", "| Removal date |", "| Gone |", "lacks 'Removal date'"),
        ("together.deprecations", "| Original model  ", "| Old  ", "no known layout"),
        (
            "fireworks.changelog",
            "is deprecated from serverless",
            "leaves",
            "no models in 'Serverless deprecation",
        ),
        (
            "fireworks.changelog",
            "go on **May 14, 2026**",
            "go on **May 15, 2026**",
            "more than one date",
        ),
        (
            "fireworks.changelog",
            "  # Learning rates\n\n  Now with `cosine`.\n",
            "",
            "nothing in the entry of 2026-07-16",
        ),
        (
            "cerebras.deprecations",
            "**Deprecated `zai-glm-4.7`**",
            "**About `zai-glm-4.7`**",
            "no sentence that names what",
        ),
        (
            "cerebras.deprecations",
            "**Deprecated `zai-glm-4.7`**",
            "Deprecated `zai-glm-4.7`, switch to `b`",
            "no sentence",
        ),
        (
            "cerebras.deprecations",
            "**Deprecated `zai-glm-4.7`**",
            "**Deprecated `top_p`**",
            "no model id: 'top_p'",
        ),
        (
            "cerebras.deprecations",
            "**July 21, 2026**",
            "July 21, 2026 or July 28, 2026",
            "more than one date",
        ),
        (
            "cerebras.deprecations",
            "**July 21, 2026**",
            "the summer",
            "2026-03-24: no readable date of the retirement",
        ),
        (
            "cerebras.deprecations",
            "Starting September 3, 2026,",
            "Starting September 3rd,",
            "no readable date of the retirement",
        ),
        (
            "perplexity.changelog",
            "March 20, 2026",
            "March 20, 26",
            "no readable date of a retirement",
        ),
        (
            "perplexity.changelog",
            "effective 8/12/2024",
            "effective 12.8.2024",
            "no readable date of a retirement",
        ),
        (
            "perplexity.changelog",
            "\\$0.0375 per",
            "US 0.0375 per",
            "a price in a form that is not known",
        ),
        (
            "perplexity.changelog",
            "per million output tokens",
            "per million thinking tokens",
            "unknown meter 'thinking'",
        ),
        ("perplexity.changelog", "GPT-5.6 Terra now costs", "it is now", "a price of no model"),
        (
            "perplexity.changelog",
            "  **Prices cut**\n",
            '</Update>\n<Update label="July 2026">\n',
            "nothing in an entry",
        ),
        ("perplexity.changelog", "***", "<Update>", "a <Update> without an end"),
    ],
)
def test_what_is_not_known_is_refused(source: str, old: str, new: str, message: str) -> None:
    with pytest.raises(Unreadable, match=re.escape(message)):
        REGISTRY[source].read(altered(source, old, new).encode())
