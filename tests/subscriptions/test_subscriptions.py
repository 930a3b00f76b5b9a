"""What people ask for: the words of filters, lists of models, and the commands that show, try and
change it.
"""

# ruff: noqa: F811  fixtures are imported, and named again where they are used

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from sqlmodel import select

from monitor.answers import model_lists
from monitor.cli.options import platforms
from monitor.errors import NotFound, Unreadable
from monitor.store.db import Store
from monitor.store.tables import DeliveryRow, SubscriptionRow
from monitor.subscriptions.options import mute_until, parse_options
from tests.support.cli import NOW, Run, database, run, template, world  # noqa: F401  fixtures
from tests.support.receivers import event

# --- words
# -------------------------------------------------------------------------------------------------


def test_without_options_a_subscription_wants_everything_at_once():
    assert parse_options().columns() == {
        "filters": [],
        "kinds": [],
        "surfaces": [],
        "severity": "info",
        "min_change": None,
        "within": None,
        "reminders": None,
        "digest": "",
        "quiet_from": "",
        "quiet_to": "",
        "timezone": "UTC",
        "operator": False,
        "threads": "updates",
    }


@pytest.mark.parametrize(
    ("texts", "columns"),
    [
        ({"kinds": " Retirement, price,retirement"}, {"kinds": ["retirement", "price"]}),
        ({"surfaces": "API, fine-tuning"}, {"surfaces": ["api", "fine-tuning"]}),
        ({"severity": "Action"}, {"severity": "action"}),
        ({"min_change": "2.5 %"}, {"min_change": Decimal("2.5")}),
        ({"min_change": "0"}, {"min_change": Decimal(0)}),
        ({"within": "2w"}, {"within": 14}),
        ({"reminders": "1, 30d,2w"}, {"reminders": [30, 14, 1]}),
        ({"reminders": "off"}, {"reminders": []}),
        ({"reminders": "usual"}, {"reminders": None}),
        ({"digest": "Hourly"}, {"digest": "hourly"}),
        ({"digest": "daily 7:05"}, {"digest": "daily 07:05"}),
        ({"digest": "off"}, {"digest": ""}),
        ({"quiet": "22:00 - 7:00"}, {"quiet_from": "22:00", "quiet_to": "07:00"}),
        ({"quiet": "off"}, {"quiet_from": "", "quiet_to": ""}),
        ({"timezone": "Europe/Berlin"}, {"timezone": "Europe/Berlin"}),
    ],
)
def test_each_option_is_read_in_the_ways_that_people_write_it(texts, columns):
    assert parse_options((), texts).columns().items() >= columns.items()


def test_the_columns_of_some_options_are_those_and_no_others():
    options = parse_options(["openai/*"], {"quiet": "22:00-07:00", "kinds": "price"})
    assert options.columns({"quiet", "kinds"}) == {
        "kinds": ["price"],
        "quiet_from": "22:00",
        "quiet_to": "07:00",
    }


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        ({"kinds": "prices"}, "no kind of event is called 'prices'"),
        ({"surfaces": "fine tuning"}, "no surface"),
        ({"severity": "high"}, "no severity"),
        ({"min_change": "a lot"}, "no percentage"),
        ({"min_change": "-1"}, "no percentage"),
        ({"min_change": "1e999999"}, "no percentage"),
        ({"min_change": "nan"}, "no percentage"),
        ({"within": "soon"}, "no number of days"),
        ({"reminders": "90,soon"}, "no days to remind on"),
        ({"digest": "weekly"}, "no digest"),
        ({"digest": "hourly 5:00"}, "no digest"),
        ({"digest": "daily 25:00"}, "no digest"),
        ({"quiet": "22-7"}, "no quiet hours"),
        ({"quiet": "07:00-07:00"}, "no quiet hours"),
        ({"timezone": "Berlin"}, "no time zone"),
        ({"timezone": "Europe"}, "no time zone"),
        ({"timezone": "../etc/passwd"}, "no time zone"),
        ({"threads": "none"}, "no way to thread"),
        ({"filters": "openai/* openai/"}, "names no model"),
    ],
)
def test_a_wrong_word_is_one_line(texts, reason):
    texts = dict(texts)
    filters = texts.pop("filters", "").split()
    with pytest.raises(ValueError, match=reason) as failure:
        parse_options(filters, texts)
    assert "\n" not in str(failure.value)


def test_a_mute_has_an_end_within_a_year():
    assert mute_until("7d", NOW) == NOW + timedelta(days=7)
    assert mute_until("90m", NOW) == NOW + timedelta(minutes=90)
    assert mute_until("off", NOW) is None
    for text in ("", "0d", "7", "forever", "9999w"):
        with pytest.raises(ValueError, match="no pause"):
            mute_until(text, NOW)


# --- lists of models
# ---------------------------------------------------------------------------------------

CONFIG = """
general_settings: {master_key: os.environ/MASTER}
model_list:
  - model_name: chat
    litellm_params: &azure
      model: azure/our-chat-deployment
      api_key: os.environ/AZURE_KEY
    model_info: {base_model: azure/gpt-4o}
  - model_name: chat
    litellm_params:
      <<: *azure
    model_info: {base_model: azure/gpt-4o}
  - {model_name: small, litellm_params: {model: gpt-4o-mini}}
  - {model_name: own, litellm_params: {model: azure/gpt-4.1}}
  - model_name: claude
    litellm_params:
      model: bedrock/converse/us-east-1/anthropic.claude-3-haiku-20240307-v1:0
  - {model_name: claude, litellm_params: {model: vertex_ai/claude-3-haiku@20240307}}
  - {model_name: claude, litellm_params: {model: claude-sonnet-4-5}}
  - {model_name: gemini, litellm_params: {model: gemini-2.5-pro}}
  - {model_name: studio, litellm_params: {model: gemini/gemini-2.5-flash}}
  - {model_name: any, litellm_params: {model: openrouter/deepseek/deepseek-chat}}
  - {model_name: llama, litellm_params: {model: together_ai/meta-llama/Llama-3.3-70B-Instruct-Turbo}}
  - {model_name: all, litellm_params: {model: "groq/*"}}
"""


def listed(tmp_path: Path, text: str) -> str:
    path = tmp_path / "models"
    path.write_text(text, "utf-8")
    return str(path)


def test_a_litellm_config_names_the_models_that_a_team_uses(tmp_path):
    file = listed(tmp_path, CONFIG)
    used = model_lists.read(file)
    assert model_lists.filters(used, file, platforms()) == [
        "azure/gpt-4o",
        "openai/gpt-4o-mini",
        "azure/gpt-4.1",
        "bedrock/anthropic.claude-3-haiku-20240307-v1:0",
        "vertex/claude-3-haiku@20240307",
        "anthropic/claude-sonnet-4-5",
        "gemini/gemini-2.5-pro",
        "gemini/gemini-2.5-flash",
        "openrouter/deepseek/deepseek-chat",
        "together/meta-llama/Llama-3.3-70B-Instruct-Turbo",
        "groq/*",
    ]
    assert (used[0].line, used[0].text) == (6, "azure/our-chat-deployment")


def test_a_list_names_them_too(tmp_path):
    text = "\ufeff# ours\ngpt-4o   # anywhere\n\nAzure/gpt-4o\ngoogle/gemini-2.5-pro\nClaude Haiku 3\ngpt-4o\n"
    file = listed(tmp_path, text)
    used = model_lists.read(file)
    assert [model.name for model in used] == [
        "gpt-4o",
        "Azure/gpt-4o",
        "google/gemini-2.5-pro",
        "Claude Haiku 3",
    ]
    assert model_lists.filters(used, file, platforms()) == [
        "*/gpt-4o",
        "azure/gpt-4o",
        "*/gemini-2.5-pro",
        "*/Claude-Haiku-3",
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "gpt-4o\nollama/llama3\nopenai/\n",
            "line 2: 'ollama/llama3': no page of ollama is read; line 3: .*no model",
        ),
        ("# nothing\n", "names no model"),
        (
            "model_list:\n- litellm_params: {model: azure/our-chat}\n",
            "line 2: .* deployment; .*base_model",
        ),
        (
            "model_list:\n- litellm_params: {model: our-chat}\n",
            "line 2: .*nobody is known to make it",
        ),
        ("model_list:\n\n- model_name: x\n", "line 3: the entry has no litellm_params.model"),
        ("model_list:\n- litellm_params: gpt-4o\n", "line 2: the entry has no"),
        ("model_list:\n- [gpt-4o]\n", "line 2: the entry has no"),
        ("model_list: 5\n", "no list"),
        ("model_list:\n- {a: [}\n", "line 2: "),
        ("model_list: " + "[" * 20_000, "no YAML that can be read"),
    ],
)
def test_what_cannot_be_followed_is_named_by_its_line_and_nothing_is(tmp_path, text, reason):
    file = listed(tmp_path, text)
    with pytest.raises(Unreadable, match=reason) as caught:
        model_lists.filters(model_lists.read(file), file, platforms())
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(NotFound, match="cannot read"):
        model_lists.read(str(tmp_path / "none"))


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("models.txt", b"\xff\xfe\x00", "no text in UTF-8"),
        ("config.yaml", b"x: [1", "config.yaml: line 1: "),
        ("config.yml", b"models: [gpt-4o]", "has no model_list"),
    ],
)
def test_a_file_that_is_no_list(tmp_path, name, content, reason):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(Unreadable, match=reason):
        model_lists.read(str(tmp_path / name))


def test_check_reads_the_config_too(run: Run, tmp_path: Path):
    ran = run(
        "check",
        "-f",
        listed(tmp_path, "model_list:\n- litellm_params: {model: openai/gpt-old}\n"),
        code=1,
    )
    assert "openai/gpt-old" in ran.out
    ran = run(
        "check",
        "-f",
        listed(tmp_path, "model_list:\n- litellm_params: {model: ollama/llama3}\n"),
        code=5,
    )
    assert "unknown" in ran.out


# --- commands
# ----------------------------------------------------------------------------------------------


def asks(world: Store, target: str) -> SubscriptionRow:
    with world.read() as session:
        return session.exec(select(SubscriptionRow).where(SubscriptionRow.address == target)).one()


def test_asking_again_replaces_and_adds_nothing(run: Run, world: Store, tmp_path: Path):
    file = listed(tmp_path, "openai/gpt-mid\n")
    ran = run(
        "slack",
        "subscribe",
        "#ml",
        "--from",
        file,
        "--kinds",
        "price",
        "--reminders",
        "off",
        "--threads",
        "all",
    )
    assert "1 model read" in ran.err
    first = asks(world, "#ml")
    assert (first.filters, first.kinds, first.reminders, first.threads) == (
        ["openai/gpt-mid"],
        ["price"],
        [],
        "all",
    )
    run("slack", "subscribe", "#ml", "anthropic/*")
    again = asks(world, "#ml")
    assert (again.id, again.filters, again.kinds, again.reminders) == (
        first.id,
        ["anthropic/*"],
        [],
        None,
    )
    assert (again.threads, again.asked_at) == ("updates", NOW)
    run(
        "slack",
        "subscribe",
        "#ml",
        "--from",
        listed(tmp_path, "openai/gpt-mid\nollama/x\n"),
        code=3,
    )
    assert asks(world, "#ml").filters == ["anthropic/*"]


def test_list_and_show(run: Run, world: Store):
    assert run("subscriptions").out == ""
    hook = run(
        "webhooks",
        "add",
        "https://hooks.example.com/ai",
        "openai/*",
        "--digest",
        "daily 17:00",
        "--json",
    ).json
    run("slack", "subscribe", "#ml", *(f"openai/m{number}" for number in range(12)))
    with world.write() as session:
        found = event(1, NOW)
        session.add(found)
        session.flush()
        session.add(
            DeliveryRow(event_id=found.id, subscription_id=hook["id"], created_at=NOW, next_at=NOW)
        )
    listed = {form["address"]: form for form in run("subscriptions", "list", "--json").json}
    assert {name: form["owed"] for name, form in listed.items()} == {
        "https://hooks.example.com/ai": 1,
        "#ml": 0,
    }
    assert listed["#ml"]["reminders"] == [90, 60, 30, 14, 7, 1, 0]
    text = run("subscriptions").out
    assert "in a digest daily 17:00" in text
    assert "openai/m7 and 4 more" in text
    shown = run("subscriptions", "show", hook["id"], "--json").json
    assert (shown["deliveries"], shown["next_due"]) == ({"pending": 1}, "2026-11-23T12:00:00Z")
    assert "90, 60, 30, 14, 7, 1, 0 days before an end" in run("subscriptions", "show", "#ml").out
    assert "no target 'sub_none'" in run("subscriptions", "show", "sub_none", code=5).err


def test_set_changes_what_is_named_and_leaves_the_rest(run: Run, world: Store):
    run(
        "slack",
        "subscribe",
        "#ml",
        "openai/*",
        "--kinds",
        "price",
        "--severity",
        "action",
        "--within",
        "90d",
    )
    run(
        "subscriptions",
        "set",
        "#ml",
        "--digest",
        "hourly",
        "--quiet",
        "22:00-07:00",
        "--timezone",
        "Europe/Berlin",
    )
    row = asks(world, "#ml")
    assert (row.filters, row.kinds, row.severity, row.within) == (
        ["openai/*"],
        ["price"],
        "action",
        90,
    )
    assert (row.digest, row.quiet_from, row.quiet_to, row.timezone) == (
        "hourly",
        "22:00",
        "07:00",
        "Europe/Berlin",
    )
    run(
        "subscriptions",
        "set",
        row.id,
        "anthropic/*",
        "--kinds",
        "",
        "--severity",
        "info",
        "--digest",
        "off",
    )
    row = asks(world, "#ml")
    assert (row.filters, row.kinds, row.severity, row.within) == (["anthropic/*"], [], "info", 90)
    assert (row.digest, row.quiet_from) == ("", "22:00")
    assert (
        run("subscriptions", "set", "#ml", "--everything", "--threads", "off", "--json").json[
            "filters"
        ]
        == []
    )
    assert asks(world, "#ml").threads == "off"
    for words in (
        ["#ml"],
        ["#ml", "--digest", "weekly"],
        ["#ml", "--threads", "some"],
        ["#ml", "openai/"],
    ):
        run("subscriptions", "set", *words, code=2)
    run("subscriptions", "set", "#none", "--digest", "daily", code=5)


def test_a_pause_moves_what_is_owed_and_back(run: Run, world: Store):
    run("slack", "subscribe", "#ml")
    row = asks(world, "#ml")
    with world.write() as session:
        found = event(1, NOW)
        session.add(found)
        session.flush()
        session.add(
            DeliveryRow(event_id=found.id, subscription_id=row.id, created_at=NOW, next_at=NOW)
        )

    def due() -> object:
        with world.read() as session:
            return session.exec(select(DeliveryRow.next_at)).one()

    assert "muted until 2026-11-30 12:00 UTC" in run("subscriptions", "mute", "#ml", "7d").out
    assert due() == NOW + timedelta(days=7)
    assert "muted until" in run("subscriptions").out
    assert run("subscriptions", "mute", "#ml", "off", "--json").json["muted_until"] is None
    assert due() == NOW
    run("subscriptions", "mute", "#ml", "soon", code=2)


def test_a_filter_can_be_tried_against_the_log(run: Run, world: Store):
    dear = {"before": {"amount": "2.00"}, "after": {"amount": "2.50"}, "effective": None}
    with world.write() as session:
        session.add(event(901, NOW - timedelta(days=40)))
        session.add(event(902, NOW - timedelta(days=20), kind="price.increased", **dear))
        session.add(event(903, NOW - timedelta(days=10)))
        session.add(event(904, NOW - timedelta(days=5), baseline=True))
    tried = run("subscriptions", "test", "openai/*", "--since", "30d", "--json")
    assert [form["kind"] for form in tried.json] == ["retirement.postponed", "price.increased"]
    assert "2 of 2 events since 2026-10-24 12:00 UTC" in tried.err
    assert "3 of 3 events" in run("subscriptions", "test", "--since", "41d").err
    tried = run(
        "subscriptions",
        "test",
        "*/gpt-4o-realtime-preview",
        "--kinds",
        "retirement",
        "--since",
        "30d",
    )
    assert "retirement.postponed" in tried.out
    assert "price" not in tried.out
    assert "1 of 2 events" in tried.err
    assert "0 of 2 events" in run("subscriptions", "test", "anthropic/*", "--since", "30d").err
    assert (
        "0 of 2"
        in run(
            "subscriptions", "test", "--min-change", "30%", "--kinds", "price", "--since", "30d"
        ).err
    )
    limited = run("subscriptions", "test", "--since", "30d", "--limit", "1", "--jsonl")
    assert [form["kind"] for form in limited.lines] == ["retirement.postponed"]
    assert "2 of 2 events since 2026-10-24 12:00 UTC; the newest 1 are shown" in limited.err
    run("slack", "subscribe", "#ml", "--kinds", "price")
    assert "1 of 2 events" in run("subscriptions", "test", "#ml", "--since", "30d").err
    run("subscriptions", "test", "#ml", "--kinds", "price", code=2)
    run("subscriptions", "test", "sub_none", code=5)
    with world.read() as session:
        assert session.exec(select(DeliveryRow)).all() == []


def test_the_shell_completes_targets(run: Run, world: Store, database: str, monkeypatch):
    run("slack", "subscribe", "#ml")
    monkeypatch.setenv("LASTCALL_DATABASE_URL", database)
    monkeypatch.setenv("_LASTCALL_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "lastcall subscriptions show sub_")
    monkeypatch.setenv("COMP_CWORD", "3")
    from typer.testing import CliRunner

    from monitor.cli import app

    ran = CliRunner().invoke(app, [], prog_name="lastcall")
    assert asks(world, "#ml").id in ran.stdout
