"""The commands that ask: events, show, upcoming, prices, explain, check, parse."""

# ruff: noqa: F811  fixtures are imported, and named again where they are used

from __future__ import annotations

import csv
import gzip
import io
from datetime import UTC, datetime, timedelta

import pytest
import typer
from typer.testing import CliRunner

from monitor.cli import app, options, output, upcoming
from monitor.core.facts import When
from monitor.core.wording import ago, date_words
from tests.support.cli import NOW, Run, database, look, run, template, world  # noqa: F401  fixtures
from tests.support.fixtures import FIXTURES, golden

EVENT = {
    "id",
    "sequence",
    "kind",
    "severity",
    "provider",
    "model",
    "version",
    "region",
    "surface",
    "canonical",
    "summary",
    "before",
    "after",
    "effective",
    "detected_at",
    "source",
    "url",
    "document",
    "quote",
    "baseline",
    "corrects",
}


# --- events
# -------------------------------------------------------------------------------------------------


def test_events_are_newest_first_without_the_baseline(run: Run) -> None:
    found = run("events", "--json").json
    assert {(event["kind"], event["model"]) for event in found} == {
        ("price.decreased", "gpt-mid"),
        ("retirement.postponed", "gpt-mid"),
        ("retirement.completed", "gpt-old"),
    }
    assert [event["sequence"] for event in found] == sorted(
        (event["sequence"] for event in found), reverse=True
    )
    assert set(found[0]) == EVENT
    assert not any(event["baseline"] for event in found)
    assert any(event["baseline"] for event in run("events", "--baseline", "--jsonl").lines)


@pytest.mark.parametrize(
    ("words", "kinds"),
    [
        (["--kind", "price.*"], {"price.decreased"}),
        (["--kind", "PRICE"], {"price.decreased"}),
        (["--model", "GPT-M*", "--source", "openai.pricing"], {"price.decreased"}),
        (["--severity", "critical"], {"retirement.completed"}),
        (["--since", "2026-04-02"], set()),
        (["--until", "2026-03-31"], set()),
        (
            ["--since", "2026-04-01", "--until", "2026-04-01", "--kind", "retirement.postponed"],
            {"retirement.postponed"},
        ),
        (["--provider", "anthropic"], set()),
    ],
)
def test_events_are_filtered(run: Run, words: list[str], kinds: set[str]) -> None:
    assert {event["kind"] for event in run("events", "--json", *words).json} == kinds


def test_hidden_baseline_events_are_told(run: Run) -> None:
    ran = run("events", "--model", "gpt-new")
    assert ran.out == ""
    assert "1 baseline event hidden; --baseline shows them" in ran.err
    assert "no events" in run("events", "--model", "nothing").err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--kind", "nonsense"], "retirement.announced"),
        (["--severity", "loud"], "info, notice, action, critical"),
        (["--since", "soon"], "2026-11-01, 30d, 12h, yesterday"),
        (["--limit", "0"], "--limit"),
        (["--json", "--csv"], "one of --json and --csv"),
    ],
)
def test_wrong_words_are_usage_errors_that_name_the_right_ones(
    run: Run, words: list[str], said: str
) -> None:
    assert said in " ".join(run("events", *words, code=2).err.split())


def test_events_of_a_source_that_is_none(run: Run) -> None:
    assert run("events", "--source", "acme.none", code=5).err.startswith(
        "lastcall: no source 'acme.none'"
    )


def test_csv_and_table(run: Run) -> None:
    rows = list(csv.DictReader(io.StringIO(run("events", "--csv", "--kind", "price").out)))
    assert rows[0]["model"] == "gpt-mid"
    assert rows[0]["baseline"] == "false"
    head, first, *_ = run("events").out.splitlines()
    assert head.split() == ["SEEN", "#", "SEVERITY", "KIND", "WHAT"]
    assert "price.decreased" in first


PATTERNS = [
    "gpt-m*",
    "[g]pt-m*",
    "gpt-[!o]*",
    "GPT-Mid",
    "openai",
    "open*",
    "openai/*",
    "*/gpt-o?d",
    "azure/gpt-mid",
    "gpt",
]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_means_the_same_to_events_and_to_subscriptions(run: Run, pattern: str) -> None:
    """Bug B9: users copy patterns between commands."""
    events = run("events", "--model", pattern, "--json").json
    assert events == run("subscriptions", "test", pattern, "--since", "3650d", "--json").json
    assert bool(events) is (pattern not in ("azure/gpt-mid", "gpt"))


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_means_the_same_to_upcoming_and_to_events(run: Run, pattern: str) -> None:
    events = run("events", "--baseline", "--model", pattern, "--kind", "retirement", "--json").json
    dated = [row for row in run("upcoming", "--model", pattern, "--json").json if not row["floor"]]
    assert {row["model"] for row in dated} == {event["model"] for event in events} - {"gpt-old"}


@pytest.mark.parametrize("command", ["events", "upcoming"])
@pytest.mark.parametrize(
    ("pattern", "why"),
    [("openai/", "names no model"), ("GPT Mid", "write GPT-Mid for one model"), (" ", "empty")],
)
def test_a_wrong_pattern_is_a_usage_error(run: Run, command: str, pattern: str, why: str) -> None:
    assert why in " ".join(run(command, "--model", pattern, code=2).err.split())


# --- show
# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["gpt-mid", "GPT-MID", "openai/gpt-mid", "GPT Mid"])
def test_show_by_any_name(run: Run, name: str) -> None:
    found = run("show", name, "--json").json
    assert set(found) == {
        "model",
        "canonical",
        "at",
        "retirements",
        "listings",
        "prices",
        "redirects",
        "conflicts",
        "notices",
        "events",
    }
    (retirement,) = found["retirements"]
    assert found["canonical"] == ["openai/gpt-mid"]
    assert (retirement["retires"]["text"], retirement["days_left"]) == ("2026-12-20", 27)
    assert [price["amount"] for price in found["prices"]] == ["1.50"]
    assert [notice["title"] for notice in found["notices"]] == ["gpt-mid goes"]
    assert {event["kind"] for event in found["events"]} >= {
        "retirement.postponed",
        "price.decreased",
    }


def test_a_replacement_is_followed_to_a_live_one(run: Run) -> None:
    (old,) = run("show", "gpt-old", "--json").json["retirements"]
    (mid,) = old["successors"]
    assert (mid["model"], mid["lives"], mid["retires"]["text"]) == ("gpt-mid", False, "2026-12-20")
    assert [(one["model"], one["lives"]) for one in mid["successors"]] == [("gpt-new", True)], (
        "no loops"
    )
    assert "gpt-mid (itself retires 2026-12-20) -> gpt-new" in run("show", "gpt-old").out


def test_show_as_it_was_known(run: Run) -> None:
    then = run("show", "gpt-mid", "--at", "2026-02-01", "--json").json
    assert then["retirements"][0]["retires"]["text"] == "2026-11-01"
    assert then["retirements"][0]["days_left"] == 273
    assert then["prices"][0]["amount"] == "2.00"
    assert all(event["detected_at"] < "2026-02-02" for event in then["events"])
    assert (
        run("show", "gpt-mid", "--at", "2026-04-01", "--json").json["prices"][0]["amount"] == "1.50"
    )


def test_unknown_models_name_near_ones(run: Run) -> None:
    for command in ("show", "prices"):
        assert "near: gpt-mid" in run(command, "gpt-mdi", code=5).err


# --- upcoming
# -----------------------------------------------------------------------------------------------


def test_upcoming(run: Run) -> None:
    rows = run("upcoming", "--json").json
    assert [
        (row["model"], row["retires"]["text"], row["days_left"], row["floor"]) for row in rows
    ] == [
        ("gpt-mid", "2026-12-20", 27, False),
        ("gpt-vague", "2027-08", None, False),
        ("gpt-floor", "2026-12-01", None, True),
    ]
    assert set(rows[0]) == set(upcoming.FIELDS)
    assert rows[0]["seen"] == "2026-04-01T00:00:00Z"
    said = run("upcoming").out
    firm, _, floors = said.partition("No date, only a promise of not before:")
    assert "August 2027" in firm
    assert "gpt-floor" in floors
    assert "seen 236 d ago" in floors
    assert " 8 " not in floors, "a floor is never counted down"


@pytest.mark.parametrize(
    ("words", "models"),
    [
        (["--within", "30d"], {"gpt-mid", "gpt-floor"}),
        (["--within", "2026-12-20", "--model", "*/gpt-m*"], {"gpt-mid"}),
        (["--within", "2026-12-19", "--model", "gpt-m*"], set()),
        (["--provider", "gemini"], set()),
    ],
)
def test_upcoming_is_filtered(run: Run, words: list[str], models: set[str]) -> None:
    assert {row["model"] for row in run("upcoming", "--json", *words).json} == models


def test_upcoming_wants_a_time(run: Run) -> None:
    run("upcoming", "--within", "yesterday", code=2)


# --- prices, explain
# ----------------------------------------------------------------------------------------


def test_prices(run: Run) -> None:
    assert [row["amount"] for row in run("prices", "gpt-mid", "--json").json] == ["1.50"]
    assert [
        row["amount"] for row in run("prices", "gpt-mid", "--at", "2026-03-31", "--json").json
    ] == ["2.00"]
    history = run("prices", "gpt-mid", "--history", "--json").json
    assert [(row["amount"], row["first_seen"], row["ended"]) for row in history] == [
        ("2.00", "2026-01-10T00:00:00Z", "2026-04-01T00:00:00Z"),
        ("1.50", "2026-04-01T00:00:00Z", None),
    ]
    assert "1.50 USD" in run("prices", "gpt-mid").out
    assert "no price of gpt-new is known" in run("prices", "gpt-new").err
    run("prices", "gpt-mid", "--at", "today", "--history", code=2)


def test_explain(run: Run) -> None:
    event = run("events", "--kind", "retirement.postponed", "--json").json[0]
    for name in (event["id"], str(event["sequence"])):
        told = run("explain", name, "--json").json
        assert {key: told[key] for key in event} == event
        assert (told["poll"]["outcome"], told["poll"]["status"], told["poll"]["ms"]) == (
            "unchanged",
            200,
            12,
        )
        assert told["kept"]["size"] == len("openai.deprecations on 2026-04-01")
    said = run("explain", event["id"]).out
    assert "gpt-mid | soon" in said
    assert event["document"] in said
    assert "2026-11-01" in said
    assert run("explain", event["id"], "--document").out == "openai.deprecations on 2026-04-01"


@pytest.mark.parametrize("name", ["evt_none", "9999", "9" * 30, "²"])
def test_explain_what_is_not_there(run: Run, name: str) -> None:
    assert run("explain", name, code=5).err.startswith("lastcall: no event")


# --- check
# --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "code", "statuses"),
    [
        (["gpt-new"], 0, ["ok"]),
        (["gpt-mid"], 1, ["retiring"]),
        (["gpt-mid", "--within", "26d"], 0, ["ok"]),
        (["gpt-old"], 1, ["retired"]),
        (["gpt-floor"], 0, ["floor"]),
        (["gpt-vague"], 0, ["ok"]),
        (["gpt-new", "nope"], 5, ["ok", "unknown"]),
        (["nope", "gpt-old"], 1, ["unknown", "retired"]),
    ],
)
def test_check(run: Run, words: list[str], code: int, statuses: list[str]) -> None:
    told = run("check", *words, "--json", code=code).json
    assert [row["status"] for row in told] == statuses
    assert set(told[0]) == {"model", "status", "summary", "findings"}


def test_check_a_file(run: Run, tmp_path) -> None:
    (tmp_path / "models.txt").write_text("# ours\ngpt-new  # the good one\n\ngpt-old\n")
    assert [row["model"] for row in run("check", "-f", "models.txt", "--json", code=1).json] == [
        "gpt-new",
        "gpt-old",
    ]
    assert "retired 2026-03-26" in run("check", "-f", "-", stdin="gpt-old\n", code=1).out
    assert "cannot read" in run("check", "-f", "none.txt", code=5).err
    run("check", code=2)


# --- parse
# --------------------------------------------------------------------------------------------------


def test_parse_gives_the_golden(run: Run, tmp_path) -> None:
    page = FIXTURES / "anthropic" / "deprecations.md"
    expected = golden(page).read_text("utf-8")
    assert run("parse", "anthropic.deprecations", str(page)).out == expected
    packed = tmp_path / "page.md.gz"
    packed.write_bytes(gzip.compress(page.read_bytes()))
    assert run("parse", "anthropic.deprecations", str(packed)).out == expected
    assert run("parse", "anthropic.deprecations", "-", stdin=page.read_bytes()).out == expected


def test_parse_refuses_in_one_line(run: Run, tmp_path) -> None:
    page = (FIXTURES / "anthropic" / "deprecations.md").read_text("utf-8")
    (tmp_path / "page.md").write_text(page.replace("Current state", "Mood"))
    said = run("parse", "anthropic.deprecations", "page.md", code=3).err
    assert said.count("\n") == 1
    assert said.startswith("lastcall: anthropic.deprecations: ")
    assert "Mood" in said
    (tmp_path / "cut.gz").write_bytes(gzip.compress(page.encode())[:200])
    for file, code in (("cut.gz", 3), (".", 3), ("none.md", 5)):
        assert run("parse", "anthropic.deprecations", file, code=code).err.count("\n") == 1
    assert (
        "did you mean anthropic.deprecations"
        in run("parse", "anthropic.deprecation", "page.md", code=5).err
    )


# --- times and words
# ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-01", datetime(2026, 11, 1, tzinfo=UTC)),
        ("2026-11-01T12:30Z", datetime(2026, 11, 1, 12, 30, tzinfo=UTC)),
        ("2026-11-01T12:30+02:00", datetime(2026, 11, 1, 10, 30, tzinfo=UTC)),
        ("30d", NOW - timedelta(days=30)),
        ("12h", NOW - timedelta(hours=12)),
        ("yesterday", datetime(2026, 11, 22, tzinfo=UTC)),
        ("Today", datetime(2026, 11, 23, tzinfo=UTC)),
    ],
)
def test_moments(text: str, expected: datetime) -> None:
    assert options.moment(text, NOW) == expected


@pytest.mark.parametrize(
    "text", ["", "tomorrow", "2026-13-01", "30", "-3d", "1e3d", "2026-11-01T25:00"]
)
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        options.moment(text, NOW)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2026", "2026"),
        ("2026-Q3", "Q3 2026"),
        ("2026-08", "August 2026"),
        ("2026-08-16", "2026-08-16"),
    ],
)
def test_dates_stay_as_vague_as_they_are(text: str, words: str) -> None:
    assert date_words(When(text, "not_before")) == f"not before {words}"


def test_ages_and_control_characters() -> None:
    ages = [
        ago(NOW - timedelta(seconds=seconds), NOW) for seconds in (5, 600, 7200, 86400 * 3, -7200)
    ]
    assert ages == ["5 s ago", "10 min ago", "2 h ago", "3 d ago", "in 2 h"]
    assert output.clean("a\x1b[31m\nb\u202ec") == "a\ufffd[31m b\ufffdc"


# --- the ends of the calendar (bug B5)
# --------------------------------------------------------------------------------------

FIRST_DAY, LAST_DAY = "0001-01-01", "9999-12-31"
#: Times that exist only in their own zone: in UTC they lie outside the calendar.
OUTSIDE = ("0001-01-01T00:00+10:00", "9999-12-31T23:59-10:00")


@pytest.mark.parametrize("text", [FIRST_DAY, LAST_DAY, "99999w"])
@pytest.mark.parametrize(
    ("words", "codes"),
    [
        (["upcoming", "--within"], {0}),
        (["check", "gpt-mid", "--within"], {0, 1}),
        (["events", "--since"], {0}),
        (["events", "--until"], {0}),
        (["events", "--baseline", "--until"], {0}),
        (["show", "gpt-mid", "--at"], {0, 5}),
        (["prices", "gpt-mid", "--at"], {0}),
        (["subscriptions", "test", "gpt-mid", "--since"], {0}),
        (["db", "prune", "--keep"], {0}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_time_at_the_ends_of_the_calendar_is_answered(
    database: str, words: list[str], codes: set[int], text: str
) -> None:
    ran = CliRunner().invoke(app, ["--db", database, *words, text], prog_name="lastcall")
    assert ran.exit_code in codes, ran.output


@pytest.mark.parametrize("text", OUTSIDE)
@pytest.mark.parametrize(
    "words",
    [
        ["upcoming", "--within"],
        ["check", "gpt-mid", "--within"],
        ["events", "--since"],
        ["events", "--until"],
        ["show", "gpt-mid", "--at"],
        ["prices", "gpt-mid", "--at"],
    ],
    ids=" ".join,
)
def test_a_time_outside_the_calendar_is_a_usage_error(
    run: Run, words: list[str], text: str
) -> None:
    assert f"{text!r} is no time" in " ".join(run(*words, text, code=2).err.split())


def test_the_last_day_is_a_day_like_others(run: Run) -> None:
    assert run("upcoming", "--within", LAST_DAY, "--json").json == run("upcoming", "--json").json
    assert run("events", "--until", LAST_DAY, "--json").json == run("events", "--json").json
    assert run("events", "--since", LAST_DAY, "--json").json == []
    last = run("prices", "gpt-mid", "--at", LAST_DAY, "--json").json
    assert [price["amount"] for price in last] == ["1.50"]
